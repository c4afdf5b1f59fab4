//! Hanging up: CANCEL, BYE, a refusal, or waiting until one of them may be sent.

use bytes::Bytes;

use super::{
    Field, Hangup, Refusal, Response,
    core::Core,
    leg::{Call, Ending, Leg},
    session::SessionId,
};
use crate::{
    Now,
    sip::{
        Name,
        cause::{self, End, Own},
    },
};

/// What we refuse a call with that we end before its answer.
const UNAVAILABLE: u16 = 480;

impl Leg {
    /// Ends the leg with whatever its state wants.
    pub fn hang_up(&mut self, core: &mut Core, now: Now, hangup: Hangup) -> Result<(), Refusal> {
        if self.has_ended {
            return Err(Refusal::WrongState);
        }
        if self.answered.is_some() {
            self.hang_up_talk(core, now, hangup.own, &hangup.fields);
            return Ok(());
        }
        match &mut self.call {
            Call::Outgoing(call) => {
                let is_first = call.giving_up.is_none();
                call.giving_up.get_or_insert(hangup);
                // RFC 3261 §9.1: not before a provisional response.
                if is_first && call.was_heard {
                    self.send_cancel(core, now);
                }
                Ok(())
            }
            Call::Incoming(_) => {
                let status = if hangup.own == Own::Drained { 503 } else { UNAVAILABLE };
                let mut response = Response::new(status);
                response.fields = with_reason(&hangup);
                self.reject(core, now, &response, Some(hangup.own));
                Ok(())
            }
            Call::Restored(_) => Err(Refusal::WrongState),
        }
    }

    /// Cancels the INVITE that is open.
    pub fn send_cancel(&mut self, core: &mut Core, now: Now) {
        let Call::Outgoing(call) = &self.call else { return };
        let (Some(id), Some(hangup)) = (call.transaction, &call.giving_up) else { return };
        let reason: Vec<_> = with_reason(hangup)
            .into_iter()
            .filter(|field| Name::of(&field.name) == Name::Reason)
            .map(|field| String::from_utf8_lossy(&field.value).into_owned())
            .collect();
        let reason = reason.join(", ");
        let reason = (!reason.is_empty()).then(|| Bytes::from(reason));
        self.cancel(core, now, id, reason);
    }

    /// Ends the answered session: with BYE, as soon as one may be sent.
    pub fn hang_up_talk(&mut self, core: &mut Core, now: Now, own: Own, fields: &[Field]) {
        let Some(id) = self.answered else { return };
        if self.awaits_ack(now, id) {
            if let Call::Incoming(call) = &mut self.call {
                call.hangup.get_or_insert(Hangup { own, fields: fields.to_vec() });
            }
            return;
        }
        self.send_bye(core, now, id, own, fields);
        self.end(core, now, Ending::of(End::ByeSent).own(own));
    }

    /// RFC 3261 §15: no BYE of a callee before the ACK, or the end of its time.
    pub fn awaits_ack(&mut self, now: Now, id: SessionId) -> bool {
        let is_callee = matches!(self.call, Call::Incoming(_));
        let unacknowledged = self.session(id).and_then(|session| session.unacknowledged.as_ref());
        is_callee && unacknowledged.is_some_and(|one| now.mono < one.until)
    }
}

/// The fields of a hang-up, with the usual Reason unless the caller wrote one.
pub(super) fn with_reason(hangup: &Hangup) -> Vec<Field> {
    let mut fields = hangup.fields.clone();
    if !fields.iter().any(|field| Name::of(&field.name) == Name::Reason) {
        let reasons = cause::reasons(hangup.own);
        let values = reasons.iter().filter_map(cause::Reason::to_value);
        fields.extend(values.map(|value| Field::new(Bytes::from_static(b"Reason"), value)));
    }
    fields
}
