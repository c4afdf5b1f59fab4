//! Provisional responses of ours, reliable or not, and the PRACKs that confirm them.

use super::{
    Refusal, Reliability, Reliable, Response,
    body::sdp_of,
    core::{ALLOW, Core, put_fields},
    leg::{Call, Leg},
    session::SessionId,
    their_offer::Received,
};
use crate::{
    Now,
    sip::{Method, Name, Writer, cause::Own, dialog::prack::Tick},
};

/// Reliable responses that may wait for the one before them.
const MOST_WAITING: usize = 8;

impl Leg {
    /// Sends a provisional response, or lets it wait for the PRACK of the one before.
    pub fn send_provisional(&mut self, core: &mut Core, now: Now, response: Response) -> Result<(), Refusal> {
        let id = self.fork_session(core, response.fork)?;
        let is_reliable = self.is_reliable(&response);
        let session = self.session(id).ok_or(Refusal::WrongState)?;
        if is_reliable && session.sent.next().is_none() {
            if session.waiting.len() >= MOST_WAITING {
                return Err(Refusal::Full);
            }
            session.waiting.push(response);
            return Ok(());
        }
        self.write_provisional(core, now, id, response, is_reliable);
        Ok(())
    }

    fn is_reliable(&self, response: &Response) -> bool {
        let Call::Incoming(call) = &self.call else { return false };
        if call.demands_reliable() {
            return true;
        }
        call.supports_reliable()
            && match (response.reliability, self.policy.reliable) {
                (Reliability::Unreliable, _) => false,
                (Reliability::Reliable, _) | (Reliability::AsPolicy, Reliable::Required) => true,
                (Reliability::AsPolicy, Reliable::Supported) => response.body.is_some(),
                (Reliability::AsPolicy, Reliable::Off) => false,
            }
    }

    fn write_provisional(
        &mut self,
        core: &mut Core,
        now: Now,
        id: SessionId,
        response: Response,
        is_reliable: bool,
    ) {
        self.note_progress(now, response.status, response.body.is_some());
        let contact = self.contact.clone();
        let Call::Incoming(call) = &self.call else { return };
        let Some(session) = self.sessions.iter_mut().find(|session| session.id == id) else { return };
        let tag = String::from_utf8_lossy(session.dialog.local_tag());
        let phrase = response.reason_phrase.as_ref().map(|phrase| String::from_utf8_lossy(phrase));
        let mut writer =
            Writer::response_to(&call.request, &call.flow, response.status, phrase.as_deref(), Some(&tag));
        writer.field(Name::Contact, &contact);
        if let Some(rseq) = session.sent.next().filter(|_| is_reliable) {
            writer.field(Name::Require, "100rel").number(Name::RSeq, rseq);
        }
        writer.field(Name::Allow, ALLOW);
        put_fields(&mut writer, &response.fields);
        core.put_server(&mut writer);
        let has_sdp = response.body.is_some();
        let message = match &response.body {
            Some(body) => writer.body(&body.content_type, &body.octets),
            None => writer.finish(),
        };
        if has_sdp {
            session.local_sdp = response.body;
        }
        core.respond(now, call.transaction, &message);
        if is_reliable {
            session.sent.sent(now.mono, message, has_sdp, core.config.transactions.timers.t1);
        }
    }

    /// A PRACK.
    pub fn handle_prack(&mut self, core: &mut Core, now: Now, id: SessionId, received: Received<'_>) {
        let Call::Incoming(call) = &self.call else { return self.refuse(core, now, id, received, 481) };
        let is_about_invite = |rack: &crate::sip::message::RAck<'_>| {
            rack.cseq.method == Method::Invite
                && call.request.cseq().is_ok_and(|cseq| cseq.number == rack.cseq.number)
        };
        let rseq = received.request.rack().ok().filter(is_about_invite).map(|rack| rack.rseq);
        let had_offer = sdp_of(&call.request).is_some();
        let sdp = sdp_of(received.request);
        let has_ended = self.has_ended;
        let Some(session) = self.session(id) else { return };
        let Some(acknowledged) = rseq.and_then(|rseq| session.sent.acknowledge(rseq)) else {
            return self.refuse(core, now, id, received, 481);
        };
        let was_negotiated = session.is_negotiated;
        let awaited = acknowledged.had_sdp && !had_offer && !was_negotiated;
        session.is_negotiated |= acknowledged.had_sdp && (had_offer || sdp.is_some());
        match sdp {
            Some(sdp) if awaited => {
                session.remote_sdp = Some(sdp.clone());
                self.refuse(core, now, id, received, 200);
                self.tell_changed(core, now, sdp);
            }
            // A further offer, which the caller answers in the 200.
            Some(sdp) if session.is_negotiated && !has_ended => {
                self.ask_for_answer(core, now, id, received, sdp)
            }
            _ => self.refuse(core, now, id, received, 200),
        }
        self.send_waiting_responses(core, now, id);
    }

    /// What waited for a PRACK goes out.
    fn send_waiting_responses(&mut self, core: &mut Core, now: Now, id: SessionId) {
        let Some(session) = self.session(id) else { return };
        if !session.waiting.is_empty() {
            let next = session.waiting.remove(0);
            _ = self.send_provisional(core, now, next);
        }
        let Call::Incoming(call) = &mut self.call else { return };
        if let Some(pending) = call.pending.take() {
            _ = self.answer(core, now, pending);
        }
    }

    /// Sends a reliable response again whose PRACK has not come, or gives the call up.
    pub fn repeat_provisional(&mut self, core: &mut Core, now: Now, id: SessionId) {
        let Call::Incoming(call) = &self.call else { return };
        let transaction = call.transaction;
        let Some(session) = self.session(id) else { return };
        match session.sent.handle_timeout(now.mono) {
            Tick::Nothing => {}
            Tick::Again(message) => {
                core.counters.repeated_responses += 1;
                core.respond(now, transaction, &message);
            }
            Tick::GiveUp => self.reject(core, now, &Response::new(504), Some(Own::NoResponse)),
        }
    }

    /// Answers a request in a dialog with a status and nothing else.
    pub fn refuse(&mut self, core: &mut Core, now: Now, id: SessionId, received: Received<'_>, status: u16) {
        let writer = self.response(id, received, status);
        core.respond(now, received.transaction, &writer.finish());
    }
}
