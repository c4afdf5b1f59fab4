//! Deliveries on one link: sent as far as there is room, settled by their answers, given back when none came.

use std::time::Duration;

use codecs::{
    Now,
    session::{Frame, SubmitError, Ticket, Unanswered},
};

use super::Link;
use crate::{
    record::Seen,
    smsc::{
        account::Account,
        deliveries::For,
        message::{Content, Delivery, Mobile},
        persona::Persona,
    },
    stats::count,
};

/// Octets that may wait to be written before no more deliveries are added.
const HIGH_WATER: usize = 256 << 10;

/// How long a refused delivery waits before it is sent again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl<P: Persona> Link<'_, P> {
    /// Sends what is due, as far as window and socket have room.
    pub(super) fn deliver_due(&mut self, now: Now) {
        let Some(account) = self.account.clone() else {
            return;
        };
        while self.receives
            && self.session.headroom() > 0
            && self.session.poll_transmit().map_or(0, |octets| octets.len()) < HIGH_WATER
            && let Some(delivery) = account.next(self.id, now.mono)
        {
            self.deliver(now, &account, delivery);
        }
    }

    pub(super) fn deliver(&mut self, now: Now, account: &Account, mut delivery: Box<Delivery>) {
        let smsc = self.smsc;
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.scratch.clear();
        match smsc.persona.deliver(&mut self.session, now, ticket, &delivery, &mut self.scratch) {
            Ok(()) => {
                delivery.attempts += 1;
                count(match &delivery.content {
                    Content::Receipt(_) => &smsc.counters.receipts_sent,
                    Content::Mobile(_) => &smsc.counters.mo_sent,
                });
                if delivery.attempts > 1 {
                    count(&smsc.counters.redelivered);
                }
                self.note_delivery(account, &delivery);
                self.in_flight.insert(ticket, delivery);
            }
            Err(SubmitError::NotBound | SubmitError::WindowFull) => {
                account.put_back(&smsc.counters, delivery);
            }
            Err(SubmitError::WrongDirection | SubmitError::Encode(_)) => count(&smsc.counters.lost),
        }
    }

    pub(super) fn handle_answer(&mut self, now: Now, ticket: Ticket, response: &Frame<P::Dialect>) {
        let smsc = self.smsc;
        let (Some(delivery), Some(account)) = (self.in_flight.remove(&ticket), self.account.clone()) else {
            return;
        };
        // An answer that can't be read is no acknowledgement.
        let status = smsc.persona.status(self.session.dialect(), response).unwrap_or(u32::MAX);
        smsc.note(&account.name, self.id, |note| match &delivery.content {
            Content::Receipt(receipt) => {
                note(Seen::ReceiptAnswered { id: &smsc.persona.id_text(receipt.id), status });
            }
            Content::Mobile(Mobile { number, part, .. }) => {
                note(Seen::MoAnswered { number: *number, part: *part, status });
            }
        });
        if status == 0 {
            count(match &delivery.content {
                Content::Receipt(_) => &smsc.counters.receipts_acked,
                Content::Mobile(_) => &smsc.counters.mo_acked,
            });
        } else if self.may_retry(&delivery) {
            let due = now.mono + RETRY_AFTER;
            account.add(&smsc.counters, For::Any, Some(self.id), now.mono, due, delivery);
        }
    }

    pub(super) fn handle_unanswered(&mut self, ticket: Ticket, cause: Unanswered) {
        let (Some(mut delivery), Some(account)) = (self.in_flight.remove(&ticket), self.account.clone())
        else {
            return;
        };
        if cause == Unanswered::NeverSent {
            delivery.attempts -= 1;
        }
        if self.may_retry(&delivery) {
            account.put_back(&self.smsc.counters, delivery);
        }
    }

    /// Says whether a delivery has tries left; if not, it counts as lost.
    fn may_retry(&self, delivery: &Delivery) -> bool {
        let may = delivery.attempts <= self.smsc.carrier.receipts.retries;
        if !may {
            count(&self.smsc.counters.lost);
        }
        may
    }
}
