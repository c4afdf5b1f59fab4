//! Requests of the peer inside a dialog.

use bytes::Bytes;

use super::{
    LegEvent,
    core::{ALLOW, Core},
    leg::{Call, Leg},
    session::SessionId,
    their_offer::Received,
};
use crate::{
    Now,
    sip::{
        Message, Method, Name,
        dialog::Sequence,
        validate::{Scope, Verdict, admit},
    },
};

impl Leg {
    /// The session that a request belongs to.
    pub fn session_of(&self, request: &Message) -> Option<SessionId> {
        let to = request.to().ok()?.tag()?;
        let from = request.from().ok()?.tag().unwrap_or_default();
        let call_id = request.call_id().ok()?;
        self.sessions.iter().find(|session| session.dialog.is_of(call_id, to, from)).map(|session| session.id)
    }

    /// A request inside a dialog of this leg.
    pub fn handle_request(&mut self, core: &mut Core, now: Now, id: SessionId, received: Received<'_>) {
        let request = received.request;
        let method = request.method().unwrap_or(Method::Unknown);
        // Another callee of a call that is over may still believe in a session.
        let is_gone = self.has_ended && !matches!(method, Method::Bye | Method::Prack);
        let Some(session) = self.session(id) else { return };
        if session.is_over || is_gone {
            let status = if method == Method::Bye { 200 } else { 481 };
            return self.refuse(core, now, id, received, status);
        }
        let sequence = request.cseq().map(|cseq| cseq.number).unwrap_or_default();
        if session.dialog.receive(sequence) != Sequence::Next {
            return self.refuse(core, now, id, received, 500);
        }
        if method == Method::Refer {
            let refer_to = Bytes::copy_from_slice(request.field(Name::ReferTo).unwrap_or_default());
            let status = if refer_to.is_empty() { 400 } else { 603 };
            self.refuse(core, now, id, received, status);
            if status == 603 {
                self.tell(core, now, LegEvent::TransferAsked { refer_to });
            }
            return;
        }
        if let Verdict::Answer(refusal) = admit(request, &core.config.abilities, Scope::Dialog) {
            let tag = String::from_utf8_lossy(session.dialog.local_tag()).into_owned();
            let response = refusal.response(request, received.flow, &tag);
            return core.respond(now, received.transaction, &response);
        }
        match method {
            Method::Bye => self.handle_bye(core, now, id, received),
            Method::Invite => self.handle_reinvite(core, now, id, received),
            Method::Update => self.handle_update(core, now, id, received),
            Method::Prack => self.handle_prack(core, now, id, received),
            Method::Info => self.handle_info(core, now, id, received),
            Method::Options => {
                let mut writer = self.response(id, received, 200);
                writer.field(Name::Allow, ALLOW).field(Name::Accept, "application/sdp");
                writer.field(Name::Supported, self.policy.supported());
                core.respond(now, received.transaction, &writer.finish());
            }
            _ => {
                let mut writer = self.response(id, received, 405);
                writer.field(Name::Allow, ALLOW);
                core.respond(now, received.transaction, &writer.finish());
            }
        }
    }

    fn handle_info(&mut self, core: &mut Core, now: Now, id: SessionId, received: Received<'_>) {
        self.refuse(core, now, id, received, 200);
        let body = received.request.body();
        if body.is_empty() {
            return;
        }
        let media = received.request.content_type().ok().flatten();
        let what = match media {
            Some(media) if media.is("application", "dtmf-relay") => read_relay(body),
            Some(media) if media.is("application", "dtmf") => read_digit(body).map(|digit| (digit, None)),
            _ => None,
        };
        let what = match what {
            Some((digit, duration_ms)) => LegEvent::Dtmf { digit, duration_ms },
            None => LegEvent::Info {
                content_type: Bytes::copy_from_slice(
                    received.request.field(Name::ContentType).unwrap_or_default(),
                ),
                body: Bytes::copy_from_slice(body),
            },
        };
        self.tell(core, now, what);
    }

    /// Serves all deadlines that have passed.
    pub fn handle_timeout(&mut self, core: &mut Core, now: Now) {
        self.send_unsent(core, now);
        self.give_requests_up(core, now);
        let is_due = |at: Option<std::time::Instant>| at.is_some_and(|at| at <= now.mono);
        if !self.has_ended && self.answered.is_none() {
            match &self.call {
                Call::Outgoing(call) if call.giving_up.is_none() => {
                    if is_due(call.ring_until) || is_due(call.answer_until) {
                        let hangup = super::Hangup::new(crate::sip::cause::Own::RingTimeOver);
                        _ = self.hang_up(core, now, hangup);
                    } else if is_due(call.patience) {
                        self.lose_patience(core, now);
                    }
                }
                Call::Incoming(call) if is_due(call.poll_timeout()) => self.give_up_incoming(core, now),
                _ => {}
            }
        }
        let ids: Vec<_> = self.sessions.iter().map(|session| session.id).collect();
        for id in ids {
            self.repeat_success(core, now, id);
            self.repeat_provisional(core, now, id);
            self.forget_offer(core, now, id);
            self.handle_session_timeout(core, now, id);
        }
    }

    /// An offer of the peer that the caller has not answered in time is refused.
    fn forget_offer(&mut self, core: &mut Core, now: Now, id: SessionId) {
        let Some(session) = self.session(id) else { return };
        if session.their_offer.as_ref().is_some_and(|offer| offer.until <= now.mono) {
            _ = self.refuse_offer(core, now, 500);
            if !self.has_ended {
                self.tell(core, now, LegEvent::OfferWithdrawn);
            }
        }
    }
}

/// The body of `application/dtmf-relay`: `Signal=5`, `Duration=160`.
fn read_relay(body: &[u8]) -> Option<(u8, Option<u32>)> {
    let (mut digit, mut duration) = (None, None);
    for line in body.split(|&octet| octet == b'\n' || octet == b'\r') {
        let Some(equals) = line.iter().position(|&octet| octet == b'=') else { continue };
        let (name, value) = (line[..equals].trim_ascii(), line[equals + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"Signal") {
            digit = read_digit(value);
        } else if name.eq_ignore_ascii_case(b"Duration") {
            duration = str::from_utf8(value).ok().and_then(|value| value.parse().ok());
        }
    }
    digit.map(|digit| (digit, duration))
}

/// A digit as it stands alone, or its number from 10 on.
fn read_digit(text: &[u8]) -> Option<u8> {
    match text.trim_ascii() {
        [digit @ (b'0'..=b'9' | b'*' | b'#' | b'A'..=b'D' | b'!')] => Some(*digit),
        [digit @ b'a'..=b'd'] => Some(digit.to_ascii_uppercase()),
        b"10" => Some(b'*'),
        b"11" => Some(b'#'),
        b"16" => Some(b'!'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_in_every_form_that_is_sent() {
        for (body, wanted) in [
            (&b"Signal=5\r\nDuration=160\r\n"[..], Some((b'5', Some(160)))),
            (b"Signal= *\nDuration = 100", Some((b'*', Some(100)))),
            (b"signal=11", Some((b'#', None))),
            (b"Signal=d\r\nDuration=x", Some((b'D', None))),
            (b"Signal=55", None),
            (b"Duration=160", None),
            (b"", None),
        ] {
            assert_eq!(read_relay(body), wanted, "{body:?}");
        }
        assert_eq!(read_digit(b" 7\r\n"), Some(b'7'));
        assert_eq!(read_digit(b"16"), Some(b'!'));
    }
}
