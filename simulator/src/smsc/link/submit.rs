//! What a link does with a request: decide, answer, and add the receipts that will follow.

use std::{cmp::Reverse, time::Instant};

use codecs::{
    Now,
    session::{Frame, Refusal},
    text::Charset,
};

use super::{DueAnswer, Link};
use crate::{
    behaviour::{Decision, Fate, Verdict},
    fault::Fault,
    smsc::{
        account::Account,
        deliveries::For,
        message::{Content, Delivery, MessageId, Receipt, Short, Submit},
        persona::{Persona, Reply, Request},
    },
    stats::count,
};

impl<P: Persona> Link<'_, P> {
    pub(super) fn handle_request(&mut self, now: Now, reply: Reply, frame: &Frame<P::Dialect>) {
        let smsc = self.smsc;
        match smsc.persona.read(self.session.dialect(), frame) {
            Request::Submit(submit) => {
                let said = smsc.injections(|injections| injections.at_submit(self.id.0));
                let is_answered = !said.iter().any(|index| smsc.carrier.injections[*index].instead);
                let answer_due = self.handle_submit(now, reply, &submit, is_answered);
                self.inject_with(now, answer_due, &said, frame);
            }
            Request::Malformed(error) => {
                count(&smsc.counters.submits);
                count(&smsc.counters.refused);
                self.session.refuse(now, reply.to, Refusal::Malformed(error));
            }
            Request::Other => smsc.persona.answer_other(&mut self.session, now, reply.to, frame),
        }
    }

    /// Says when its answer is due.
    fn handle_submit(&mut self, now: Now, reply: Reply, submit: &Submit<'_>, is_answered: bool) -> Instant {
        let smsc = self.smsc;
        let Some(account) = self.account.clone() else {
            return now.mono;
        };
        count(&smsc.counters.submits);
        let part = submit.segment.map(|segment| segment.part);
        let Decision { mut verdict, delay } =
            account.decide(|rules| rules.decide_submit(now.mono, submit.recipient.number.as_slice(), part));
        if smsc.carrier.throttle_window.is_some_and(|most| self.answers.len() >= most) {
            verdict = Verdict::Refuse(smsc.throttled);
        }
        if let Some(status) = smsc.persona.objection(submit)
            && !matches!(verdict, Verdict::Refuse(_))
        {
            verdict = Verdict::Refuse(status);
        }
        if !is_answered {
            verdict = Verdict::Silence;
        }
        let due = now.mono + delay + self.faults.lag();
        let outcome = match verdict {
            Verdict::Refuse(status) => Err(status),
            Verdict::Accept | Verdict::Silence => {
                let recipients = u16::try_from(submit.others.len() + 1).unwrap_or(u16::MAX);
                Ok(smsc.persona.next_id(now, recipients))
            }
        };
        count(match verdict {
            Verdict::Accept => &smsc.counters.accepted,
            Verdict::Refuse(_) => &smsc.counters.refused,
            Verdict::Silence => &smsc.counters.silent,
        });
        let status = (verdict != Verdict::Silence).then(|| outcome.err().unwrap_or(0));
        self.note_submit(&account, submit, outcome.ok(), status);
        let overtakes = account.decide(|rules| rules.receipts().before_response);
        if let Ok(id) = outcome
            && overtakes
        {
            self.add_receipts(now, now.mono, &account, submit, id);
        }
        if verdict == Verdict::Silence {
            self.session.leave_unanswered(now, reply.to);
        } else if due <= now.mono {
            smsc.persona.answer(&mut self.session, now, reply, outcome);
        } else {
            let outcome = outcome.map(|MessageId(id)| id);
            self.answers.push(Reverse(DueAnswer { due, reply, outcome }));
        }
        if let Ok(id) = outcome
            && !overtakes
        {
            self.add_receipts(now, due, &account, submit, id);
        }
        match self.faults.note_submit(now.mono) {
            Some(Fault::Cut) => self.is_cut = true,
            Some(Fault::Unbind) => {
                self.answers.clear();
                self.session.unbind_at_once(now);
            }
            None => {}
        }
        due
    }

    /// Adds the receipts of one submit, one per recipient who gets one. They count from `from`, when the answer goes.
    fn add_receipts(
        &mut self,
        now: Now,
        from: Instant,
        account: &Account,
        submit: &Submit<'_>,
        first: MessageId,
    ) {
        let smsc = self.smsc;
        let recipients = std::iter::once(&submit.recipient).chain(&submit.others);
        for (index, recipient) in (0..).zip(recipients) {
            let drawn = account.decide(|rules| {
                let fate = rules.decide_receipt(submit.wanted)?;
                let state = &rules.receipts().states[fate.state];
                let err = state.err.unwrap_or(u16::from(state.stat != "DELIVRD"));
                Some((fate, Short::of(state.stat.as_bytes()), err))
            });
            let Some((Fate { delay, copies, .. }, stat, err)) = drawn else {
                continue;
            };
            let overtakes = smsc.carrier.receipts.before_response;
            let due = if overtakes { now.mono } else { from + delay };
            let done = now.wall + due.saturating_duration_since(now.mono);
            let receipt = Receipt {
                id: smsc.persona.id_of_recipient(first, index),
                carried_by: smsc.persona.next_id(now, 1),
                sender: submit.sender,
                recipient: *recipient,
                service: submit.service,
                stat,
                err,
                submitted: now.wall,
                done,
                beginning: beginning(submit),
            };
            for _ in 1..copies {
                self.add_receipt(now, due, account, receipt.clone());
            }
            self.add_receipt(now, due, account, receipt);
        }
    }

    fn add_receipt(&mut self, now: Now, due: Instant, account: &Account, receipt: Receipt) {
        let receipts = &self.smsc.carrier.receipts;
        let delivery = Box::new(Delivery { content: Content::Receipt(receipt), attempts: 0 });
        if receipts.before_response && self.receives && self.session.headroom() > 0 {
            self.deliver(now, account, delivery);
            return;
        }
        let whom = if receipts.on_any_link { For::Any } else { For::Home(self.id) };
        account.add(&self.smsc.counters, whom, Some(self.id), now.mono, due, delivery);
    }
}

/// SMPP 3.4 appendix B: the first 20 characters of the message, as far as they can stand in a receipt's text.
fn beginning(submit: &Submit<'_>) -> Short<20> {
    match submit.charset {
        Some(Charset::Gsm7 | Charset::Ascii | Charset::Latin1) => Short::of(submit.body),
        _ => Short::of(&[]),
    }
}
