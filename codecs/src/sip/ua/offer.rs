//! Offers of ours in mid-call, and the refresh of sessions: when they may go out, and what their outcomes do.

use std::time::Duration;

use super::{
    Body, LegEvent, Refusal,
    body::sdp_of,
    core::Core,
    leg::Leg,
    request::{Draft, Outcome, Purpose, Request},
    responses::session_expires,
    session::{OfferState, OurOffer, SessionId},
};
use crate::{
    Now,
    sip::{
        Message, Method,
        cause::Direction,
        dialog::session_timer::Due,
        sdp::{self, PeerInvite},
    },
};

/// How long a caller may take to answer an offer of the peer before we refuse it.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(10);
/// Times that a request is sent again because a 422 wanted so.
const MOST_CHANGES: u8 = 2;

impl Leg {
    /// Offers a change of the session, now or as soon as nothing else is open.
    pub fn offer(&mut self, core: &mut Core, now: Now, sdp: Body) -> Result<(), Refusal> {
        let answered = self.answered;
        let is_open = |session: &&mut super::session::Session| {
            !session.is_over && answered.is_none_or(|answered| answered == session.id)
        };
        let session = self.sessions.iter_mut().find(is_open).ok_or(Refusal::WrongState)?;
        // In an early dialog only UPDATE can carry one, after the first exchange.
        let is_possible = session.dialog.is_confirmed() || (session.allows_update && session.is_negotiated);
        if !is_possible || self.has_ended {
            return Err(Refusal::WrongState);
        }
        // Its answer may still come in an ACK.
        let awaits_answer = session.unacknowledged.as_ref().is_some_and(|one| one.awaits_answer);
        if session.our_offer.is_some() || awaits_answer {
            return Err(Refusal::OfferOpen);
        }
        session.our_offer = Some(OurOffer { sdp, glares: 0, state: OfferState::Waiting });
        let id = session.id;
        self.send_waiting_offer(core, now, id);
        Ok(())
    }

    /// Sends the offer that waits, if nothing else is open.
    pub fn send_waiting_offer(&mut self, core: &mut Core, now: Now, id: SessionId) {
        let facts = self.facts(id);
        let Some(session) = self.session(id) else { return };
        let is_confirmed = session.dialog.is_confirmed();
        let Some(offer) = &mut session.our_offer else { return };
        let (method, request) = match is_confirmed {
            true => (Method::Invite, sdp::Request::Invite),
            false => (Method::Update, sdp::Request::UpdateWithOffer),
        };
        // Until the ACK to our 2xx is here the peer need not take an INVITE.
        let is_acknowledged = facts.peer_invite != PeerInvite::AckAwaited;
        if offer.state != OfferState::Waiting || !is_acknowledged || !sdp::may_send(&facts, request) {
            return;
        }
        offer.state = OfferState::Open;
        let mut draft = Draft::new(id, method, Purpose::Offer);
        draft.body = Some(offer.sdp.clone());
        if method == Method::Invite {
            session.received = Default::default();
        }
        if self.send_request(core, now, draft).is_err() {
            self.fail_offer(core, now, id, 503);
        }
    }

    fn fail_offer(&mut self, core: &mut Core, now: Now, id: SessionId, status: u16) {
        let Some(session) = self.session(id) else { return };
        if session.our_offer.take().is_some() {
            self.tell(core, now, LegEvent::OfferFailed { status });
        }
    }

    /// A re-INVITE or UPDATE of ours ended.
    pub fn handle_change_outcome(
        &mut self,
        core: &mut Core,
        now: Now,
        request: Request,
        outcome: Outcome<'_>,
    ) {
        let id = request.draft.session;
        match outcome {
            Outcome::Response(response, 200..=299) => self.change_accepted(core, now, &request, response),
            _ if self.session(id).is_none_or(|session| session.is_over) => {}
            Outcome::Response(response, 422) if request.draft.changes < MOST_CHANGES => {
                let Some(session) = self.session(id) else { return };
                if session.timer.too_small(response.min_se()).is_none() {
                    return self.change_failed(core, now, &request, 422);
                }
                let draft = Draft { changes: request.draft.changes + 1, ..request.draft.clone() };
                if self.send_request(core, now, draft).is_err() {
                    self.change_failed(core, now, &request, 422);
                }
            }
            Outcome::Response(response, status) if status == 491 || is_later(response, status) => {
                core.counters.glares += 1;
                let wait = self.back_off(core, response, status);
                self.delay_change(core, now, &request, wait, status);
            }
            // RFC 5057: these destroy the dialog, or its session.
            Outcome::Response(_, 404 | 408 | 410 | 416 | 480..=485 | 502 | 604) | Outcome::Nothing => {
                self.lose_dialog(core, now, id, outcome);
            }
            Outcome::Response(_, 405 | 501) if request.draft.method == Method::Update => {
                let Some(session) = self.session(id) else { return };
                session.allows_update = false;
                match request.draft.purpose {
                    Purpose::Refresh => self.refresh(core, now, id),
                    _ => self.change_failed(core, now, &request, 405),
                }
            }
            Outcome::Response(_, status) => self.change_failed(core, now, &request, status),
        }
    }

    fn change_accepted(&mut self, core: &mut Core, now: Now, request: &Request, response: &Message) {
        let id = request.draft.session;
        let is_invite = request.draft.method == Method::Invite;
        let Some(session) = self.session(id) else { return };
        let has_moved = session.dialog.refresh(response);
        let expires = session_expires(response);
        // What was asked before the answer says nothing of timers, and nothing is to be kept alive then.
        if session.dialog.is_confirmed() && (expires.is_some() || !request.is_early) {
            session.timer.granted(now.mono, expires, request.draft.asks_timer);
        }
        if response.allows(Method::Update) {
            session.allows_update = true;
        }
        let is_over = session.is_over;
        if is_invite {
            self.send_ack(core, now, id, request.sequence, &request.message, None);
        }
        if is_over {
            return;
        }
        if has_moved && let Some(snapshot) = self.dialog_snapshot(id) {
            self.tell(core, now, LegEvent::Snapshot(snapshot));
        }
        let sdp = sdp_of(response);
        let Some(session) = self.session(id) else { return };
        match (request.draft.purpose, sdp) {
            (Purpose::Offer, Some(sdp)) => {
                session.our_offer = None;
                session.local_sdp.clone_from(&request.draft.body);
                session.remote_sdp = Some(sdp.clone());
                self.tell(core, now, LegEvent::SessionChanged { sdp });
            }
            // RFC 3264: an offer that was accepted without an answer was not understood.
            (Purpose::Offer, None) => self.fail_offer(core, now, id, 488),
            (_, Some(sdp)) if is_invite && session.remote_sdp.as_ref() != Some(&sdp) => {
                session.remote_sdp = Some(sdp.clone());
                self.tell(core, now, LegEvent::SessionChanged { sdp });
            }
            _ => {}
        }
        self.send_waiting_offer(core, now, id);
    }

    fn change_failed(&mut self, core: &mut Core, now: Now, request: &Request, status: u16) {
        let id = request.draft.session;
        if request.draft.purpose == Purpose::Refresh {
            if let Some(session) = self.session(id) {
                session.timer.refresh_failed(now.mono);
            }
            return self.send_waiting_offer(core, now, id);
        }
        self.fail_offer(core, now, id, status);
    }

    /// How long to wait after a request of ours met one of the peer.
    fn back_off(&self, core: &mut Core, response: &Message, status: u16) -> Duration {
        if status != 491 {
            return Duration::from_secs(u64::from(response.retry_after().unwrap_or(0)));
        }
        // RFC 3261 §14.1: who made the Call-ID waits longer.
        let (from, to) = match self.direction() {
            Direction::Outgoing => (210, 400),
            Direction::Incoming => (0, 200),
        };
        Duration::from_millis(core.tokens.between(from, to) * 10)
    }

    fn delay_change(&mut self, core: &mut Core, now: Now, request: &Request, wait: Duration, status: u16) {
        let (id, most) = (request.draft.session, self.policy.glare_attempts);
        let Some(session) = self.session(id) else { return };
        let at = now.mono + wait;
        if request.draft.purpose == Purpose::Refresh {
            session.timer.refresh_at(at);
            return self.send_waiting_offer(core, now, id);
        }
        let Some(offer) = &mut session.our_offer else { return };
        offer.glares += 1;
        if offer.glares > most {
            return self.fail_offer(core, now, id, status);
        }
        offer.state = OfferState::Delayed(at);
    }

    /// Looks after the session timer, and an offer that waited.
    pub fn handle_session_timeout(&mut self, core: &mut Core, now: Now, id: SessionId) {
        let Some(session) = self.session(id).filter(|session| !session.is_over) else { return };
        if let Some(offer) = &mut session.our_offer
            && matches!(offer.state, OfferState::Delayed(at) if at <= now.mono)
        {
            offer.state = OfferState::Waiting;
            self.send_waiting_offer(core, now, id);
        }
        let Some(session) = self.session(id) else { return };
        match session.timer.due(now.mono) {
            Due::Nothing => {}
            Due::Refresh => self.refresh(core, now, id),
            Due::Expired => self.expire(core, now, id),
        }
    }

    /// Keeps the session alive: by UPDATE without SDP, else by a re-INVITE with the same SDP as last.
    fn refresh(&mut self, core: &mut Core, now: Now, id: SessionId) {
        let facts = self.facts(id);
        let Some(session) = self.session(id) else { return };
        let (method, request) = match session.allows_update {
            true => (Method::Update, sdp::Request::Update),
            false => (Method::Invite, sdp::Request::Invite),
        };
        if !sdp::may_send(&facts, request) {
            // Whatever is open will count as a refresh if it succeeds.
            return session.timer.refresh_at(now.mono + Duration::from_secs(2));
        }
        let mut draft = Draft::new(id, method, Purpose::Refresh);
        if method == Method::Invite {
            draft.body.clone_from(&session.local_sdp);
            session.received = Default::default();
        }
        core.counters.refreshes += 1;
        if self.send_request(core, now, draft).is_err()
            && let Some(session) = self.session(id)
        {
            session.timer.refresh_failed(now.mono);
        }
    }

    /// Nobody refreshed the session.
    fn expire(&mut self, core: &mut Core, now: Now, id: SessionId) {
        use super::leg::Ending;
        use crate::sip::cause::{End, Own};
        self.send_bye(core, now, id, Own::SessionExpired, &[]);
        if self.answered == Some(id) {
            self.end(core, now, Ending::of(End::ByeSent).own(Own::SessionExpired));
        }
    }
}

/// A 500 that says when to try again.
fn is_later(response: &Message, status: u16) -> bool {
    status == 500 && response.retry_after().is_some_and(|seconds| seconds <= 10)
}
