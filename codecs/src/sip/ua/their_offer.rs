//! Offers of the peer: re-INVITE and UPDATE, what they meet, and our answers.

use bytes::Bytes;

use super::{
    Body, LegEvent, Refusal,
    accept::Success,
    body::sdp_of,
    core::{ALLOW, Core},
    leg::{Call, Ending, Leg},
    offer::ANSWER_TIME,
    request::{Purpose, Request},
    responses::session_expires,
    session::{Carrier, Session, SessionId, TheirOffer},
};
use crate::{
    Now,
    sip::{
        Flow, Message, Method, Name, Writer,
        cause::{End, Own},
        dialog::session_timer::{Asked, Granted},
        sdp::{self, Facts, OurInvite, OurUpdate, PeerInvite},
        transaction::TransactionId,
    },
};

/// A request of the peer inside a dialog.
#[derive(Debug, Clone, Copy)]
pub(super) struct Received<'a> {
    pub transaction: TransactionId,
    pub flow: &'a Flow,
    pub request: &'a Message,
}

impl Leg {
    /// A re-INVITE.
    pub fn handle_reinvite(&mut self, core: &mut Core, now: Now, id: SessionId, received: Received<'_>) {
        if let Some(status) = self.collides(id, Method::Invite, true) {
            return self.refuse_collision(core, now, id, received, status);
        }
        // RFC 6337: whoever sends a re-INVITE has had our 2xx.
        self.acknowledged(core, now, id);
        let Some(session) = self.session(id) else { return };
        if session.is_over {
            // A BYE that waited for this went out.
            return self.refuse(core, now, id, received, 481);
        }
        if let Err(min_se) = session.timer.inspect(&asked_of(received.request)) {
            let mut writer = self.response(id, received, 422);
            writer.number(Name::MinSe, min_se);
            return core.respond(now, received.transaction, &writer.finish());
        }
        let (local, remote) = (session.local_sdp.clone(), session.remote_sdp.clone());
        match sdp_of(received.request) {
            Some(sdp) if !is_same_session(&sdp, remote.as_ref()) => {
                self.ask_for_answer(core, now, id, received, sdp);
            }
            // Nothing changes: it keeps the session alive.
            Some(_) => {
                core.counters.refreshed += 1;
                self.send_success(core, now, id, received, Success::of(local));
            }
            // We are to make the offer: what holds already.
            None => {
                let success = Success { awaits_answer: local.is_some(), ..Success::of(local) };
                self.send_success(core, now, id, received, success);
            }
        }
    }

    /// An UPDATE.
    pub fn handle_update(&mut self, core: &mut Core, now: Now, id: SessionId, received: Received<'_>) {
        let sdp = sdp_of(received.request);
        if let Some(status) = self.collides(id, Method::Update, sdp.is_some()) {
            return self.refuse_collision(core, now, id, received, status);
        }
        let Some(session) = self.session(id) else { return };
        if let Err(min_se) = session.timer.inspect(&asked_of(received.request)) {
            let mut writer = self.response(id, received, 422);
            writer.number(Name::MinSe, min_se);
            return core.respond(now, received.transaction, &writer.finish());
        }
        match sdp {
            Some(sdp) if !is_same_session(&sdp, session.remote_sdp.as_ref()) => {
                self.ask_for_answer(core, now, id, received, sdp);
            }
            Some(_) => {
                core.counters.refreshed += 1;
                let local = session.local_sdp.clone();
                self.accept_update(core, now, id, received, local);
            }
            None => {
                core.counters.refreshed += 1;
                self.accept_update(core, now, id, received, None);
            }
        }
    }

    /// What is open in a dialog.
    pub fn facts(&mut self, id: SessionId) -> Facts {
        let ours = |request: &&Request| {
            request.draft.session == id && matches!(request.draft.purpose, Purpose::Offer | Purpose::Refresh)
        };
        let our_change =
            self.requests.iter().find(ours).map(|one| (one.draft.method, one.draft.body.is_some()));
        let is_unanswered = self.answered.is_none();
        let is_caller = matches!(self.call, Call::Outgoing(_));
        let Some(session) = self.session(id) else { return Facts { ended: true, ..Facts::default() } };
        let mut facts = Facts { ended: session.is_over, ..Facts::default() };
        if is_unanswered {
            match is_caller {
                true => (facts.our_invite, facts.our_exchange) = (OurInvite::Open, !session.is_negotiated),
                false => {
                    (facts.peer_invite, facts.peer_exchange) = (PeerInvite::Open, !session.is_negotiated)
                }
            }
        }
        match our_change {
            Some((Method::Invite, _)) => (facts.our_invite, facts.our_exchange) = (OurInvite::Open, true),
            Some((_, true)) => (facts.our_update, facts.our_exchange) = (OurUpdate::WithOffer, true),
            Some((_, false)) => facts.our_update = OurUpdate::Open,
            None => {}
        }
        if let Some(waiting) = &session.unacknowledged {
            (facts.peer_invite, facts.peer_exchange) = match waiting.awaits_answer {
                true => (PeerInvite::AnswerAwaited, true),
                false => (PeerInvite::AckAwaited, false),
            };
        }
        match session.their_offer.as_ref().map(|offer| &offer.carrier) {
            Some(Carrier::Success { .. }) => {
                (facts.our_invite, facts.our_exchange) = (OurInvite::AnswerDue, true);
            }
            Some(Carrier::Provisional { .. }) => facts.our_exchange = true,
            Some(Carrier::Request { request, .. }) if request.method() == Some(Method::Invite) => {
                (facts.peer_invite, facts.peer_exchange) = (PeerInvite::Open, true);
            }
            Some(Carrier::Request { .. }) => (facts.peer_update, facts.peer_exchange) = (true, true),
            None => {}
        }
        facts.peer_exchange |= session.sent.holds_answer();
        facts
    }

    /// What a request that meets one of ours, or an earlier one of the peer, is refused with.
    fn collides(&mut self, id: SessionId, method: Method, has_offer: bool) -> Option<u16> {
        let request = match (method, has_offer) {
            (Method::Invite, _) => sdp::Request::Invite,
            (_, true) => sdp::Request::UpdateWithOffer,
            (_, false) => sdp::Request::Update,
        };
        sdp::collision(&self.facts(id), request).status()
    }

    fn refuse_collision(
        &mut self,
        core: &mut Core,
        now: Now,
        id: SessionId,
        received: Received<'_>,
        status: u16,
    ) {
        core.counters.glares += 1;
        let mut writer = self.response(id, received, status);
        if status == 500 {
            writer.number(Name::RetryAfter, core.tokens.between(0, 10));
        }
        core.respond(now, received.transaction, &writer.finish());
    }

    /// Hands an offer to the caller.
    pub fn ask_for_answer(
        &mut self,
        core: &mut Core,
        now: Now,
        id: SessionId,
        received: Received<'_>,
        sdp: Bytes,
    ) {
        let Some(session) = self.session(id) else { return };
        let Received { transaction, flow, request } = received;
        let carrier = Carrier::Request { transaction, flow: *flow, request: Box::new(request.clone()) };
        session.their_offer = Some(TheirOffer { carrier, until: now.mono + ANSWER_TIME });
        self.tell(core, now, LegEvent::SessionOffer { sdp });
    }

    /// The session whose offer waits for the caller.
    fn asked(&mut self) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| !session.is_over && session.their_offer.is_some())
    }

    /// The caller's answer to the open offer of the peer.
    pub fn accept_offer(&mut self, core: &mut Core, now: Now, sdp: Body) -> Result<(), Refusal> {
        let session = self.asked().ok_or(Refusal::WrongState)?;
        let id = session.id;
        let offer = session.their_offer.take().ok_or(Refusal::WrongState)?;
        session.local_sdp = Some(sdp.clone());
        session.is_negotiated = true;
        match offer.carrier {
            Carrier::Success { sequence, invite } => {
                self.send_ack(core, now, id, sequence, &invite, Some(&sdp));
            }
            Carrier::Provisional { rseq, sequence } => {
                self.send_prack(core, now, id, (rseq, sequence), Some(sdp));
            }
            Carrier::Request { transaction, flow, request } => {
                let received = Received { transaction, flow: &flow, request: &request };
                session.remote_sdp = sdp_of(&request);
                match request.method() {
                    Some(Method::Invite) => {
                        self.send_success(core, now, id, received, Success::of(Some(sdp)));
                    }
                    Some(Method::Update) => self.accept_update(core, now, id, received, Some(sdp)),
                    _ => {
                        let writer = self.response(id, received, 200);
                        core.respond(now, transaction, &writer.body(&sdp.content_type, &sdp.octets));
                    }
                }
            }
        }
        self.send_waiting_offer(core, now, id);
        Ok(())
    }

    /// The caller refuses the open offer of the peer. One that came in a 2xx or a reliable provisional response cannot be
    /// refused: the call ends.
    pub fn refuse_offer(&mut self, core: &mut Core, now: Now, status: u16) -> Result<(), Refusal> {
        if !(300..700).contains(&status) {
            return Err(Refusal::BadStatus);
        }
        let session = self.asked().ok_or(Refusal::WrongState)?;
        let id = session.id;
        let offer = session.their_offer.take().ok_or(Refusal::WrongState)?;
        match offer.carrier {
            Carrier::Success { sequence, invite } => {
                self.send_ack(core, now, id, sequence, &invite, None);
                self.send_bye(core, now, id, Own::Media, &[]);
                self.end(core, now, Ending::of(End::ByeSent).own(Own::Media));
            }
            Carrier::Provisional { rseq, sequence } => {
                self.send_prack(core, now, id, (rseq, sequence), None);
                _ = self.hang_up(core, now, super::Hangup::new(Own::Media));
            }
            Carrier::Request { transaction, flow, request } => {
                let received = Received { transaction, flow: &flow, request: &request };
                let mut writer = self.response(id, received, status);
                if status == 500 {
                    writer.number(Name::RetryAfter, core.tokens.between(0, 10));
                }
                core.respond(now, transaction, &writer.finish());
            }
        }
        self.send_waiting_offer(core, now, id);
        Ok(())
    }

    /// A request of the peer that is still open gets its last answer: the dialog ends, or the peer gave it up.
    pub fn refuse_open_request(&mut self, core: &mut Core, now: Now, id: SessionId) {
        let Some(session) = self.session(id) else { return };
        let is_request = |offer: &mut TheirOffer| matches!(offer.carrier, Carrier::Request { .. });
        let Some(offer) = session.their_offer.take_if(is_request) else { return };
        if let Carrier::Request { transaction, flow, request } = offer.carrier {
            let received = Received { transaction, flow: &flow, request: &request };
            let writer = self.response(id, received, 487);
            core.respond(now, transaction, &writer.finish());
        }
    }

    /// The peer cancelled a re-INVITE. `false`: it is none of this leg's that is open.
    pub fn cancel_reinvite(&mut self, core: &mut Core, now: Now, invite: TransactionId) -> bool {
        let is_it = |session: &&mut Session| {
            matches!(&session.their_offer, Some(TheirOffer { carrier: Carrier::Request { transaction, .. }, .. })
                if *transaction == invite)
        };
        let Some(id) = self.sessions.iter_mut().find(is_it).map(|session| session.id) else { return false };
        self.refuse_open_request(core, now, id);
        self.tell(core, now, LegEvent::OfferWithdrawn);
        self.send_waiting_offer(core, now, id);
        true
    }

    /// Begins a response in a dialog.
    pub fn response(&mut self, id: SessionId, received: Received<'_>, status: u16) -> Writer {
        let tag = self.session(id).map(|session| session.dialog.local_tag().clone()).unwrap_or_default();
        let tag = String::from_utf8_lossy(&tag);
        Writer::response_to(received.request, received.flow, status, None, Some(&tag))
    }

    fn accept_update(
        &mut self,
        core: &mut Core,
        now: Now,
        id: SessionId,
        received: Received<'_>,
        sdp: Option<Body>,
    ) {
        let contact = self.contact.clone();
        let mut writer = self.response(id, received, 200);
        writer.field(Name::Contact, &contact).field(Name::Allow, ALLOW);
        let Some(session) = self.session(id) else { return };
        // A session that was not answered has nothing yet to be kept alive.
        if session.dialog.is_confirmed() {
            put_granted(&mut writer, session.timer.grant(now.mono, &asked_of(received.request)));
        }
        let has_moved = session.dialog.refresh(received.request);
        let response = match sdp {
            Some(sdp) => writer.body(&sdp.content_type, &sdp.octets),
            None => writer.finish(),
        };
        core.respond(now, received.transaction, &response);
        if has_moved
            && self.answered == Some(id)
            && let Some(snapshot) = self.dialog_snapshot(id)
        {
            self.tell(core, now, LegEvent::Snapshot(snapshot));
        }
    }
}

/// What a request says of session timers.
pub(super) fn asked_of(request: &Message) -> Asked {
    Asked {
        supported: request.has_option(Name::Supported, "timer") || request.has_option(Name::Require, "timer"),
        expires: session_expires(request),
        min_se: request.min_se(),
    }
}

/// Writes what a 2xx says of session timers.
pub(super) fn put_granted(writer: &mut Writer, granted: Option<Granted>) {
    let Some(Granted { seconds, refresher, require }) = granted else { return };
    if require {
        writer.field(Name::Require, "timer");
    }
    writer.field(Name::SessionExpires, format!("{seconds};refresher={}", refresher.parameter()));
}

/// Says whether an offer changes nothing: it keeps the session alive. A peer that puts itself on hold without raising the
/// version of its o= line has still changed something.
fn is_same_session(sdp: &Bytes, last: Option<&Bytes>) -> bool {
    last == Some(sdp)
}
