//! A 2xx of ours to an INVITE: sent again until its ACK comes.

use bytes::Bytes;

use super::{
    Body, Field, Hangup, LegEvent,
    body::sdp_of,
    core::{ALLOW, Core, put_fields},
    leg::{Call, Ending, Leg},
    session::{SessionId, Unacknowledged},
    their_offer::{Received, asked_of, put_granted},
};
use crate::{
    Now,
    sip::{
        Message, Name, Writer,
        cause::{End, Own},
    },
};

/// What a 2xx carries beside what it owes.
#[derive(Debug, Default)]
pub(super) struct Success {
    pub status: Option<u16>,
    pub reason_phrase: Option<Bytes>,
    pub fields: Vec<Field>,
    pub body: Option<Body>,
    /// The body is an offer: the ACK has to bring the answer.
    pub awaits_answer: bool,
}

impl Success {
    /// A plain 200 with this body.
    pub fn of(body: Option<Body>) -> Self {
        Self { body, ..Self::default() }
    }
}

impl Leg {
    /// Answers an INVITE, the first or a later one, with a 2xx.
    pub fn send_success(
        &mut self,
        core: &mut Core,
        now: Now,
        id: SessionId,
        received: Received<'_>,
        success: Success,
    ) {
        let Ok(sequence) = received.request.cseq().map(|cseq| cseq.number) else { return };
        let (contact, supported) = (self.contact.clone(), self.policy.supported());
        let Some(session) = self.session(id) else { return };
        let is_first = !session.dialog.is_confirmed();
        session.dialog.confirm_ours();
        let has_moved = !is_first && session.dialog.refresh(received.request);
        let granted = session.timer.grant(now.mono, &asked_of(received.request));
        let tag = String::from_utf8_lossy(session.dialog.local_tag());
        let phrase = success.reason_phrase.as_ref().map(|phrase| String::from_utf8_lossy(phrase));
        let status = success.status.unwrap_or(200);
        let mut writer =
            Writer::response_to(received.request, received.flow, status, phrase.as_deref(), Some(&tag));
        writer.field(Name::Contact, &contact);
        put_fields(&mut writer, &success.fields);
        writer.field(Name::Allow, ALLOW).field(Name::Supported, supported);
        put_granted(&mut writer, granted);
        core.put_server(&mut writer);
        if success.body.is_some() {
            session.local_sdp.clone_from(&success.body);
        }
        let response = match success.body {
            Some(body) => writer.body(body.content_type, body.octets),
            None => writer.finish(),
        };
        let timers = core.config.transactions.timers;
        session.unacknowledged = Some(Unacknowledged {
            transaction: received.transaction,
            sequence,
            response: response.clone(),
            interval: timers.t1,
            again: now.mono + timers.t1,
            until: now.mono + timers.l,
            awaits_answer: success.awaits_answer,
        });
        core.respond(now, received.transaction, &response);
        if has_moved && let Some(snapshot) = self.dialog_snapshot(id) {
            self.tell(core, now, LegEvent::Snapshot(snapshot));
        }
    }

    /// Sends a 2xx again whose ACK has not come, or gives it up.
    pub fn repeat_success(&mut self, core: &mut Core, now: Now, id: SessionId) {
        let longest = core.config.transactions.timers.t2;
        let answered = self.answered;
        let Some(session) = self.session(id) else { return };
        let Some(waiting) = &mut session.unacknowledged else { return };
        if now.mono >= waiting.until {
            session.unacknowledged = None;
            core.counters.unacknowledged += 1;
            if answered == Some(id) {
                let Hangup { own, fields } =
                    self.waiting_hangup().unwrap_or_else(|| Hangup::new(Own::NoResponse));
                self.hang_up_talk(core, now, own, &fields);
            } else {
                self.send_bye(core, now, id, Own::NoResponse, &[]);
            }
        } else if now.mono >= waiting.again {
            waiting.interval = (waiting.interval * 2).min(longest);
            waiting.again = (waiting.again + waiting.interval).max(now.mono);
            core.counters.repeated_responses += 1;
            core.respond(now, waiting.transaction, &waiting.response);
        }
    }

    /// An ACK to a 2xx of ours.
    pub fn handle_ack(&mut self, core: &mut Core, now: Now, id: SessionId, ack: &Message) {
        let Ok(sequence) = ack.cseq().map(|cseq| cseq.number) else { return };
        let Some(session) = self.session(id) else { return };
        let Some(waiting) = session.unacknowledged.as_ref().filter(|one| one.sequence == sequence) else {
            return;
        };
        let awaits_answer = waiting.awaits_answer;
        let answer = sdp_of(ack).filter(|_| awaits_answer);
        let is_lacking = awaits_answer && answer.is_none();
        if let Some(sdp) = answer {
            session.is_negotiated = true;
            if session.remote_sdp.as_ref() != Some(&sdp) {
                session.remote_sdp = Some(sdp.clone());
                self.tell(core, now, LegEvent::SessionChanged { sdp });
            }
        }
        self.acknowledged(core, now, id);
        if is_lacking {
            self.hang_up_talk(core, now, Own::Media, &[]);
        }
    }

    /// Our 2xx is known to have arrived.
    pub fn acknowledged(&mut self, core: &mut Core, now: Now, id: SessionId) {
        let is_talk = self.answered == Some(id);
        let Some(session) = self.session(id) else { return };
        if session.unacknowledged.take().is_none() {
            return;
        }
        let is_first = match &mut self.call {
            Call::Incoming(call) if is_talk => !std::mem::replace(&mut call.is_confirmed, true),
            _ => false,
        };
        if is_first {
            self.tell(core, now, LegEvent::Confirmed);
        }
        if is_talk && let Some(hangup) = self.waiting_hangup() {
            self.send_bye(core, now, id, hangup.own, &hangup.fields);
            return self.end(core, now, Ending::of(End::ByeSent).own(hangup.own));
        }
        self.send_waiting_offer(core, now, id);
    }

    /// What the BYE says that waits for an ACK.
    fn waiting_hangup(&mut self) -> Option<Hangup> {
        match &mut self.call {
            Call::Incoming(call) => call.hangup.take(),
            Call::Outgoing(_) | Call::Restored(_) => None,
        }
    }
}
