//! What the responses to an INVITE of ours do: progress, early dialogs, the answer.

use bytes::Bytes;

use super::{
    LegEvent, Progress, Reliable, Snapshot,
    body::sdp_of,
    core::Core,
    leg::{Call, Ending, Leg},
    request::Outcome,
    session::{Carrier, Session, SessionId, TheirOffer},
    snapshot::Open,
};
use crate::{
    Now,
    sip::{
        Flow, Message, Method, Name, Target,
        cause::{End, Own},
        dialog::{Dialog, prack::Received, session_timer::SessionTimer},
        transaction::TransactionId,
    },
};

/// Provisional statuses of one call that are told.
const MOST_TOLD: usize = 16;

impl Leg {
    /// A response to a request of ours.
    pub fn handle_response(
        &mut self,
        core: &mut Core,
        now: Now,
        id: TransactionId,
        flow: &Flow,
        response: &Message,
    ) {
        let Some(status) = response.status() else { return };
        let Ok(cseq) = response.cseq() else { return };
        if cseq.method == Method::Cancel {
            return;
        }
        let is_invite = cseq.method == Method::Invite;
        if is_invite && (200..300).contains(&status) {
            let tag = response.to().ok().and_then(|to| to.tag()).unwrap_or_default();
            let session = self.sessions.iter().find(|one| one.dialog.remote_tag() == tag).map(|one| one.id);
            if session.is_some_and(|session| self.repeat_ack(core, now, session, cseq.number)) {
                return;
            }
        }
        if let Some(request) = self.requests.iter().find(|request| request.transaction == id) {
            let session = request.draft.session;
            match status {
                100..=199 if is_invite => self.handle_reinvite_progress(core, now, session, response),
                100..=199 => {}
                _ => self.handle_outcome(core, now, id, Outcome::Response(response, status)),
            }
        } else if is_invite {
            self.handle_invite_response(core, now, id, flow, response);
        }
    }

    /// Nothing will come for a request of ours.
    pub fn handle_nothing(&mut self, core: &mut Core, now: Now, id: TransactionId, is_unreachable: bool) {
        if self.requests.iter().any(|request| request.transaction == id) {
            self.handle_outcome(core, now, id, Outcome::Nothing);
        } else {
            self.handle_no_response(core, now, id, is_unreachable);
        }
    }

    /// A provisional response to a re-INVITE: confirmed if it wants to be, and else nothing new.
    fn handle_reinvite_progress(&mut self, core: &mut Core, now: Now, id: SessionId, response: &Message) {
        let is_reliable = response.has_option(Name::Require, "100rel");
        let (Some(rseq), Ok(cseq)) = (response.rseq().filter(|_| is_reliable), response.cseq()) else {
            return;
        };
        let Some(session) = self.session(id).filter(|session| !session.is_over) else { return };
        if session.received.receive(rseq) == Received::New {
            self.send_prack(core, now, id, (rseq, cseq.number), None);
        }
    }

    /// A response to an INVITE that began this leg.
    fn handle_invite_response(
        &mut self,
        core: &mut Core,
        now: Now,
        id: TransactionId,
        flow: &Flow,
        response: &Message,
    ) {
        let Some(status) = response.status() else { return };
        let is_current = matches!(&self.call, Call::Outgoing(call) if call.transaction == Some(id));
        match status {
            100..=199 if is_current => self.handle_provisional(core, now, flow, response, status),
            // A target that was given up speaks after all.
            100..=199 => self.cancel(core, now, id, None),
            200..=299 => self.handle_success(core, now, flow, response, is_current),
            300.. if is_current => self.handle_failure(core, now, response, status),
            _ => {}
        }
    }

    /// A transaction that another one made is ours as well.
    pub fn adopt(&mut self, core: &mut Core, id: TransactionId) {
        core.owners.insert(id, super::core::Owner::Leg(self.id));
        self.open.push(id);
    }

    fn handle_provisional(
        &mut self,
        core: &mut Core,
        now: Now,
        flow: &Flow,
        response: &Message,
        status: u16,
    ) {
        let Call::Outgoing(call) = &mut self.call else { return };
        if !call.was_heard {
            call.was_heard = true;
            call.patience = None;
            if call.giving_up.is_some() {
                self.send_cancel(core, now);
            } else if call.has_next_target() && !call.has_progressed {
                call.patience = call.order.policy.failover.progress.map(|time| now.mono + time);
            }
        }
        let session = if status > 100 { self.session_of_response(core, flow, response) } else { None };
        let sdp = sdp_of(response);
        let is_reliable = response.has_option(Name::Require, "100rel") && response.rseq().is_some();
        if let (Some(id), true) = (session, is_reliable)
            && !self.acknowledge_provisional(core, now, id, response, sdp.as_ref())
        {
            return;
        }
        if status == 199 {
            self.sessions.retain(|one| Some(one.id) != session);
        }
        self.tell_progress(core, now, response, status, sdp, session);
    }

    /// Tells what is new in a provisional response.
    fn tell_progress(
        &mut self,
        core: &mut Core,
        now: Now,
        response: &Message,
        status: u16,
        sdp: Option<Bytes>,
        session: Option<SessionId>,
    ) {
        let sdp = sdp.filter(|_| matches!(&self.call, Call::Outgoing(call) if call.order.body.is_some()));
        if let (Some(sdp), Some(session)) = (&sdp, session.and_then(|id| self.session(id))) {
            session.remote_sdp = Some(sdp.clone());
        }
        let Call::Outgoing(call) = &mut self.call else { return };
        if status > 100 {
            call.has_progressed = true;
            call.patience = None;
        }
        if call.giving_up.is_some() || self.has_ended {
            return;
        }
        let is_ringing = status == 180 || sdp.is_some();
        if is_ringing && call.ring_until.is_none() {
            call.ring_until = self.policy.ring_time.map(|time| now.mono + time);
        }
        if is_ringing || status == 183 {
            self.seen.progress.get_or_insert(now.mono);
        }
        if status == 180 {
            self.seen.ringing.get_or_insert(now.mono);
        }
        let progress = Progress {
            status,
            reason_phrase: Bytes::copy_from_slice(response.reason_phrase()),
            reasons: response.values(Name::Reason).take(4).map(Bytes::copy_from_slice).collect(),
        };
        let is_new_sdp = sdp.is_some() && sdp != call.told_sdp;
        let is_new_status = !call.told.contains(&status) && call.told.len() < MOST_TOLD;
        if is_new_status {
            call.told.push(status);
        }
        if is_new_status && status == 180 {
            core.tell(now, self.id, LegEvent::Ringing(progress.clone()));
        } else if is_new_status && sdp.is_none() {
            core.tell(now, self.id, LegEvent::Progress(progress.clone()));
        }
        if let (Some(sdp), true) = (sdp, is_new_sdp) {
            call.told_sdp = Some(sdp.clone());
            let early_media = response.field(Name::PEarlyMedia).map(Bytes::copy_from_slice);
            core.tell(now, self.id, LegEvent::EarlyMedia { progress, sdp, early_media });
        }
    }

    /// The early dialog of a response, made if it is a new fork. `None`: it makes none.
    fn session_of_response(&mut self, core: &mut Core, flow: &Flow, response: &Message) -> Option<SessionId> {
        let tag = response.to().ok()?.tag()?;
        if let Some(session) = self.sessions.iter_mut().find(|one| one.dialog.remote_tag() == tag) {
            session.allows_update |= response.allows(Method::Update);
            return Some(session.id);
        }
        // An answer is taken up all the same: it has to be acknowledged and ended.
        let is_answer = response.status().is_some_and(|status| status >= 200);
        if self.sessions.len() >= core.config.limits.forks && !is_answer {
            return None;
        }
        let (invite, timer, local_sdp) = match &self.call {
            Call::Outgoing(call) => (call.invite.as_ref()?, call.timer.clone(), call.order.body.clone()),
            Call::Restored(invite) => (invite.as_deref()?, self.fresh_timer(), None),
            Call::Incoming(_) => return None,
        };
        let mut dialog = Dialog::of_response(invite, response).ok()?;
        // It may be one that was given up before and speaks again.
        dialog.begin_above(self.last_sequence);
        let id = self.next_session();
        let pin = Target { server_name: self.server_name(), ..Target::from(*flow) };
        let mut session = Session::new(id, dialog, pin, timer, core.tokens.number());
        session.allows_update = response.allows(Method::Update);
        session.local_sdp = local_sdp;
        self.sessions.push(session);
        Some(id)
    }

    fn fresh_timer(&self) -> SessionTimer {
        SessionTimer::new(self.policy.timer_settings())
    }

    fn server_name(&self) -> Option<std::sync::Arc<str>> {
        match &self.call {
            Call::Outgoing(call) => call.target.server_name.clone(),
            Call::Incoming(_) | Call::Restored(_) => None,
        }
    }

    /// A reliable provisional response. `false`: it is not to be acted on.
    fn acknowledge_provisional(
        &mut self,
        core: &mut Core,
        now: Now,
        id: SessionId,
        response: &Message,
        sdp: Option<&Bytes>,
    ) -> bool {
        let Some(rseq) = response.rseq() else { return false };
        let Ok(sequence) = response.cseq().map(|cseq| cseq.number) else { return false };
        let has_offer = matches!(&self.call, Call::Outgoing(call) if call.order.body.is_some());
        if self.policy.reliable == Reliable::Off {
            return true;
        }
        let Some(session) = self.session(id) else { return false };
        if session.received.receive(rseq) != Received::New {
            return false;
        }
        match sdp {
            // Our INVITE brought no offer, so this is the peer's.
            Some(sdp) if !has_offer && !session.is_negotiated => {
                let until = now.mono + super::offer::ANSWER_TIME;
                let carrier = Carrier::Provisional { rseq, sequence };
                session.their_offer = Some(TheirOffer { carrier, until });
                session.remote_sdp = Some(sdp.clone());
                self.tell(core, now, LegEvent::SessionOffer { sdp: sdp.clone() });
            }
            _ => {
                session.is_negotiated |= sdp.is_some();
                self.send_prack(core, now, id, (rseq, sequence), None);
            }
        }
        true
    }

    /// A 2xx to an INVITE that began this leg.
    fn handle_success(
        &mut self,
        core: &mut Core,
        now: Now,
        flow: &Flow,
        response: &Message,
        is_current: bool,
    ) {
        let Ok(sequence) = response.cseq().map(|cseq| cseq.number) else { return };
        let tag = response.to().ok().and_then(|to| to.tag()).unwrap_or_default();
        let known = self.sessions.iter().find(|one| one.dialog.remote_tag() == tag).map(|one| one.id);
        if let Some(id) = known
            && self.repeat_ack(core, now, id, sequence)
        {
            return;
        }
        if known.is_some() && known == self.answered {
            return; // Its ACK waits for our answer.
        }
        if let Call::Outgoing(call) = &self.call {
            core.authenticated(self.peer, &call.auth, response);
        }
        let Some(id) = known.or_else(|| self.session_of_response(core, flow, response)) else {
            core.counters.stray += 1;
            return;
        };
        let is_first = is_current && self.answered.is_none() && !self.has_ended;
        let (invite, is_given_up, asked, had_offer) = match &mut self.call {
            Call::Outgoing(call) => {
                if is_first {
                    (call.patience, call.ring_until, call.answer_until) = (None, None, None);
                }
                let asked = call.timer.ask().0.is_some();
                (call.invite.clone(), call.giving_up.clone(), asked, call.order.body.is_some())
            }
            Call::Restored(invite) => (invite.as_deref().cloned(), None, false, true),
            Call::Incoming(_) => return,
        };
        let Some(invite) = invite else { return };
        let Some(session) = self.session(id) else { return };
        session.dialog.confirm(response);
        session.pin = Target { server_name: session.pin.server_name.take(), ..Target::from(*flow) };
        if !is_first {
            // Another fork was answered before, the call has ended, or its target was given up: nobody will talk here.
            self.send_ack(core, now, id, sequence, &invite, None);
            let own = match &self.call {
                Call::Restored(_) => Own::Lost,
                _ if self.answered.is_some() => Own::Elsewhere,
                _ => Own::NoResponse,
            };
            return self.send_bye(core, now, id, own, &[]);
        }
        self.answered = Some(id);
        self.seen.answer = Some(now.mono);
        core.counters.answered += 1;
        self.sessions.retain(|one| one.id == id || one.is_over);
        let Some(session) = self.session(id) else { return };
        session.timer.granted(now.mono, session_expires(response), asked);
        let sdp = sdp_of(response);
        if had_offer {
            if let Some(sdp) = &sdp {
                session.remote_sdp = Some(sdp.clone());
            }
            session.is_negotiated = true;
            let agreed = session.remote_sdp.clone();
            self.send_ack(core, now, id, sequence, &invite, None);
            self.tell_answered(core, now, id, agreed.clone());
            match (is_given_up, agreed) {
                (Some(hangup), _) => self.end_given_up(core, now, id, &hangup),
                (None, None) => self.hang_up_talk(core, now, Own::Media, &[]),
                (None, Some(_)) => {}
            }
            return;
        }
        let is_negotiated = session.is_negotiated;
        match (sdp, is_given_up) {
            (_, Some(hangup)) => {
                self.send_ack(core, now, id, sequence, &invite, None);
                self.tell_answered(core, now, id, None);
                self.end_given_up(core, now, id, &hangup);
            }
            (_, None) if is_negotiated => {
                let agreed = session.remote_sdp.clone();
                self.send_ack(core, now, id, sequence, &invite, None);
                self.tell_answered(core, now, id, agreed);
            }
            (Some(sdp), None) => {
                let until = now.mono + super::offer::ANSWER_TIME;
                session.remote_sdp = Some(sdp.clone());
                session.their_offer =
                    Some(TheirOffer { carrier: Carrier::Success { sequence, invite }, until });
                self.tell_answered(core, now, id, None);
                self.tell(core, now, LegEvent::SessionOffer { sdp });
            }
            (None, None) => {
                self.send_ack(core, now, id, sequence, &invite, None);
                self.tell_answered(core, now, id, None);
                self.hang_up_talk(core, now, Own::Media, &[]);
            }
        }
    }

    /// Tells that the leg was answered, with what it takes to end it.
    pub fn tell_answered(&mut self, core: &mut Core, now: Now, id: SessionId, sdp: Option<Bytes>) {
        if let Some(snapshot) = self.dialog_snapshot(id) {
            self.tell(core, now, LegEvent::Answered { sdp, snapshot });
        }
    }

    /// What it takes to end a dialog with BYE.
    pub fn dialog_snapshot(&self, id: SessionId) -> Option<Snapshot> {
        let session = self.sessions.iter().find(|session| session.id == id)?;
        let dialog = &session.dialog;
        Some(Snapshot {
            peer: self.peer,
            call_id: dialog.call_id().clone(),
            local: dialog.local().clone(),
            remote: dialog.remote().clone(),
            sequence: dialog.local_sequence(),
            target: session.pin.clone(),
            routes: dialog.routes().values().to_vec(),
            open: Open::Dialog {
                remote_target: dialog.remote_target().clone(),
                pinned: self.policy.dialog_routing == super::DialogRouting::Pinned,
            },
        })
    }

    /// A 2xx crossed our giving up: the call was answered, and ends at once.
    fn end_given_up(&mut self, core: &mut Core, now: Now, id: SessionId, hangup: &super::Hangup) {
        self.send_bye(core, now, id, hangup.own, &hangup.fields);
        self.end(core, now, Ending::of(End::CancelSent).own(hangup.own));
    }
}

/// Session-Expires of a response; one that cannot be read counts as absent.
pub(super) fn session_expires(message: &Message) -> Option<crate::sip::message::SessionExpires> {
    message.session_expires().ok().flatten()
}
