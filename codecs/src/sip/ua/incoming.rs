//! A call that a peer places: what we answer, and when it is over before that.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;

use super::{
    Event, Hangup, Incoming as Told, LegEvent, LegId, Peer, Refusal, Reliable, Response,
    accept::Success,
    body::sdp_of,
    core::{Core, check_fields, put_fields},
    leg::{Call, Ending, Leg},
    session::{Session, SessionId},
    their_offer::Received,
};
use crate::{
    Now,
    sip::{
        Flow, Message, Name, Target, Writer,
        cause::{End, Own},
        dialog::{Dialog, session_timer::SessionTimer},
        transaction::TransactionId,
        uri::Uri,
    },
};

/// A call that a peer places.
#[derive(Debug)]
pub(super) struct Incoming {
    pub transaction: TransactionId,
    pub flow: Flow,
    pub request: Message,
    /// The callees that seem to answer, each with our tag and its session once it has one.
    pub forks: Vec<Fork>,
    /// A final response was sent.
    pub is_final: bool,
    /// The ACK to our 2xx came.
    pub is_confirmed: bool,
    /// A 2xx that waits for a PRACK.
    pub pending: Option<Response>,
    /// A BYE that waits for the ACK.
    pub hangup: Option<Hangup>,
    pub ring_until: Option<Instant>,
    pub answer_until: Option<Instant>,
}

/// One callee.
#[derive(Debug)]
pub(super) struct Fork {
    pub number: u8,
    pub tag: Bytes,
    pub session: Option<SessionId>,
}

impl Incoming {
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.is_final {
            return None;
        }
        [self.ring_until, self.answer_until].into_iter().flatten().min()
    }

    /// Whether the caller can confirm provisional responses.
    pub fn supports_reliable(&self) -> bool {
        self.request.has_option(Name::Supported, "100rel") || self.demands_reliable()
    }

    pub fn demands_reliable(&self) -> bool {
        self.request.has_option(Name::Require, "100rel")
    }

    fn received(&self) -> (TransactionId, Flow, Message) {
        (self.transaction, self.flow, self.request.clone())
    }
}

impl Leg {
    /// A new leg for an INVITE that was found good, and its event.
    pub fn of_invite(
        core: &mut Core,
        now: Now,
        id: LegId,
        peer: &Peer,
        (transaction, flow, request): (TransactionId, Flow, Message),
    ) -> Option<Self> {
        let policy = Arc::clone(&peer.policy);
        let user = match Uri::parse(request.request_uri()) {
            Ok(Uri::Sip(uri)) => Bytes::copy_from_slice(uri.user.unwrap_or_default()),
            _ => Bytes::new(),
        };
        let user = if peer.contact_user.is_empty() { user } else { peer.contact_user.clone() };
        let is_secure = request.request_uri().get(..5).is_some_and(|uri| uri.eq_ignore_ascii_case(b"sips:"));
        let contact = core.contact(&Target::from(flow), &user, is_secure)?;
        let copy = |name| Bytes::copy_from_slice(request.field(name).unwrap_or_default());
        let told = Told {
            leg: id,
            peer: peer.id,
            at: now,
            flow,
            call_id: copy(Name::CallId),
            request_uri: Bytes::copy_from_slice(request.request_uri()),
            from: copy(Name::From),
            to: copy(Name::To),
            sdp: sdp_of(&request),
            request: request.clone(),
        };
        let call = Incoming {
            transaction,
            flow,
            request,
            forks: Vec::new(),
            is_final: false,
            is_confirmed: false,
            pending: None,
            hangup: None,
            ring_until: None,
            answer_until: policy.answer_time.map(|time| now.mono + time),
        };
        let mut leg = Self::new(id, peer.id, policy, Call::Incoming(Box::new(call)));
        leg.contact = contact;
        leg.fork(core, 0);
        core.events.push_back(Event::Incoming(told));
        Some(leg)
    }

    /// The fork with this number, made if it is new. `None`: too many.
    fn fork(&mut self, core: &mut Core, number: u8) -> Option<&mut Fork> {
        let Call::Incoming(call) = &mut self.call else { return None };
        if !call.forks.iter().any(|fork| fork.number == number) {
            if call.forks.len() >= core.config.limits.forks {
                return None;
            }
            let tag = core.tag(self.id);
            self.tags.push(tag.clone());
            call.forks.push(Fork { number, tag, session: None });
        }
        call.forks.iter_mut().find(|fork| fork.number == number)
    }

    /// The session of a fork, made if it is new.
    pub fn fork_session(&mut self, core: &mut Core, number: u8) -> Result<SessionId, Refusal> {
        let fork = self.fork(core, number).ok_or(Refusal::Full)?;
        if let Some(id) = fork.session {
            return Ok(id);
        }
        let tag = fork.tag.clone();
        let id = self.next_session();
        let timer = SessionTimer::new(self.policy.timer_settings());
        let Call::Incoming(call) = &mut self.call else { return Err(Refusal::WrongState) };
        let dialog = Dialog::of_request(&call.request, tag, 0).map_err(|_| Refusal::WrongState)?;
        let mut session = Session::new(id, dialog, Target::from(call.flow), timer, core.tokens.number());
        session.allows_update = call.request.allows(crate::sip::Method::Update);
        session.remote_sdp = sdp_of(&call.request);
        if let Some(fork) = call.forks.iter_mut().find(|fork| fork.number == number) {
            fork.session = Some(id);
        }
        self.sessions.push(session);
        Ok(id)
    }

    /// The caller's response to the call.
    pub fn respond(&mut self, core: &mut Core, now: Now, response: Response) -> Result<(), Refusal> {
        check_fields(&response.fields)?;
        let Call::Incoming(call) = &mut self.call else { return Err(Refusal::WrongState) };
        let is_success = (200..300).contains(&response.status);
        // Another callee may answer a call that was answered, rung or not: its caller ends the second one.
        let fork = call.forks.iter().find(|fork| fork.number == response.fork);
        let session = fork.and_then(|fork| self.sessions.iter().find(|one| Some(one.id) == fork.session));
        let is_further = is_success && session.is_none_or(|session| !session.dialog.is_confirmed());
        if self.has_ended
            || call.pending.is_some()
            || (call.is_final && !(is_further && self.answered.is_some()))
        {
            return Err(Refusal::WrongState);
        }
        match response.status {
            101..=199 => self.send_provisional(core, now, response),
            200..=299 => self.answer(core, now, response),
            300..=699 => {
                self.reject(core, now, &response, None);
                Ok(())
            }
            _ => Err(Refusal::BadStatus),
        }
    }

    /// Answers the call, as soon as no reliable response with SDP waits for its PRACK.
    pub fn answer(&mut self, core: &mut Core, now: Now, response: Response) -> Result<(), Refusal> {
        let id = self.fork_session(core, response.fork)?;
        let Call::Incoming(call) = &mut self.call else { return Err(Refusal::WrongState) };
        let (transaction, flow, request) = call.received();
        let Some(session) = self.sessions.iter_mut().find(|session| session.id == id) else {
            return Err(Refusal::WrongState);
        };
        if session.sent.holds_answer() {
            call.pending = Some(response);
            return Ok(());
        }
        session.sent.finish();
        session.waiting.clear();
        call.is_final = true;
        let offer = sdp_of(&request);
        let awaits_answer = offer.is_none() && !session.is_negotiated && response.body.is_some();
        let agreed = if offer.is_some() || session.is_negotiated { session.remote_sdp.clone() } else { None };
        session.is_negotiated |= offer.is_some();
        let success = Success {
            status: Some(response.status),
            reason_phrase: response.reason_phrase,
            fields: response.fields,
            body: response.body,
            awaits_answer,
        };
        let received = Received { transaction, flow: &flow, request: &request };
        self.send_success(core, now, id, received, success);
        if self.answered.is_none() {
            self.answered = Some(id);
            self.seen.answer = Some(now.mono);
            core.counters.answered += 1;
            self.tell_answered(core, now, id, agreed);
        }
        Ok(())
    }

    /// Refuses the call.
    pub fn reject(&mut self, core: &mut Core, now: Now, response: &Response, own: Option<Own>) {
        self.send_final(core, now, response);
        let mut ending = Ending::of(End::FinalSent).status(response.status);
        ending.own = own;
        self.end(core, now, ending);
    }

    /// Sends a final failure to the INVITE, unless it has its final response.
    fn send_final(&mut self, core: &mut Core, now: Now, response: &Response) {
        self.fork(core, response.fork);
        let Call::Incoming(call) = &mut self.call else { return };
        if std::mem::replace(&mut call.is_final, true) {
            return;
        }
        call.pending = None;
        let fork = call.forks.iter().find(|fork| fork.number == response.fork).or(call.forks.first());
        let tag = fork.map(|fork| String::from_utf8_lossy(&fork.tag).into_owned());
        let phrase = response.reason_phrase.as_ref().map(|phrase| String::from_utf8_lossy(phrase));
        let mut writer = Writer::response_to(
            &call.request,
            &call.flow,
            response.status,
            phrase.as_deref(),
            tag.as_deref(),
        );
        put_fields(&mut writer, &response.fields);
        core.put_server(&mut writer);
        let message = match &response.body {
            Some(body) => writer.body(&body.content_type, &body.octets),
            None => writer.finish(),
        };
        core.respond(now, call.transaction, &message);
        for session in &mut self.sessions {
            session.sent.finish();
            session.waiting.clear();
        }
    }

    /// The caller gave its call up.
    pub fn handle_cancel(&mut self, core: &mut Core, now: Now, cancel: &Message) {
        let Call::Incoming(call) = &self.call else { return };
        if call.is_final {
            return;
        }
        self.send_final(core, now, &Response::new(487));
        self.end(core, now, Ending::of(End::CancelReceived).message(cancel));
    }

    /// A BYE.
    pub fn handle_bye(&mut self, core: &mut Core, now: Now, id: SessionId, received: Received<'_>) {
        let writer = self.response(id, received, 200);
        core.respond(now, received.transaction, &writer.finish());
        self.refuse_open_request(core, now, id);
        let Some(session) = self.session(id) else { return };
        let was_over = std::mem::replace(&mut session.is_over, true);
        session.unacknowledged = None;
        (session.their_offer, session.our_offer) = (None, None);
        if was_over {
            return;
        }
        let is_early = matches!(&self.call, Call::Incoming(call) if !call.is_final);
        if is_early {
            // The caller ends its early dialog: that is the call, unless another callee still rings.
            self.send_final(core, now, &Response::new(487));
        }
        if is_early || self.answered == Some(id) {
            self.end(core, now, Ending::of(End::ByeReceived).message(received.request));
        }
    }

    /// Nobody answered the call in time.
    pub fn give_up_incoming(&mut self, core: &mut Core, now: Now) {
        self.reject(core, now, &Response::new(480), Some(Own::RingTimeOver));
    }

    /// What an INVITE is refused with that cannot be taken under the peer's policy.
    pub fn inspect_invite(request: &Message, peer: &Peer) -> Option<Response> {
        if peer.policy.reliable == Reliable::Off && request.has_option(Name::Require, "100rel") {
            return Some(Response::new(420).with_field("Unsupported", "100rel"));
        }
        if peer.policy.reliable == Reliable::Required
            && !request.has_option(Name::Supported, "100rel")
            && !request.has_option(Name::Require, "100rel")
        {
            return Some(Response::new(421).with_field("Require", "100rel"));
        }
        let timer = SessionTimer::new(peer.policy.timer_settings());
        if let Err(min_se) = timer.inspect(&super::their_offer::asked_of(request)) {
            return Some(Response::new(422).with_field("Min-SE", min_se.to_string()));
        }
        if Dialog::of_request(request, Bytes::new(), 0).is_err() {
            let mut response = Response::new(400);
            response.reason_phrase = Some(Bytes::from_static(b"Missing or unusable Contact"));
            return Some(response);
        }
        None
    }

    /// A 183 or 180 of ours, as what was seen of the call.
    pub fn note_progress(&mut self, now: Now, status: u16, has_sdp: bool) {
        let is_ringing = status == 180 || has_sdp;
        if is_ringing || status == 183 {
            self.seen.progress.get_or_insert(now.mono);
        }
        if status == 180 {
            self.seen.ringing.get_or_insert(now.mono);
        }
        let ring_time = self.policy.ring_time;
        if let Call::Incoming(call) = &mut self.call
            && is_ringing
            && call.ring_until.is_none()
        {
            call.ring_until = ring_time.map(|time| now.mono + time);
        }
    }

    /// What the caller offered was answered in a provisional response that is confirmed.
    pub fn tell_changed(&mut self, core: &mut Core, now: Now, sdp: Bytes) {
        self.tell(core, now, LegEvent::SessionChanged { sdp });
    }
}
