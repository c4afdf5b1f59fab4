//! What the trunk tells of a call, and what follows from it.

use super::*;

impl Leg {
    /// Takes in what happened.
    pub fn apply(&mut self, news: CallNews, effects: &mut Effects) {
        if self.ended {
            return;
        }
        let CallNews { placement, at, fact } = news;
        if self.on.as_ref().is_some_and(|on| on.number == placement.number) {
            self.apply_fact(at, fact, effects);
        } else {
            self.apply_late(placement.number, fact, effects);
        }
    }

    /// What is told of a trunk that was left changes only its attempt, and what is to be ended after a crash.
    fn apply_late(&mut self, number: u16, fact: CallFact, effects: &mut Effects) {
        match fact {
            CallFact::Sent { snapshot, .. }
            | CallFact::Answered { snapshot, .. }
            | CallFact::Snapshot(snapshot) => self.keep_dialog(number, &snapshot),
            CallFact::Ended { cause, evidence, .. } => {
                self.progress.dialogs.retain(|dialog| dialog.placement != number);
                self.end_attempt(number, cause, evidence);
            }
            _ => return,
        }
        effects.changed = true;
    }

    fn apply_fact(&mut self, at: Now, fact: CallFact, effects: &mut Effects) {
        match fact {
            CallFact::Sent { gateway, sip_call_id, snapshot } => {
                self.begin_attempt(gateway, sip_call_id, at);
                self.keep_dialog(self.placed, &snapshot);
                if self.marks.first_response.is_none() {
                    // The delay is that of the INVITE which was heard of.
                    self.marks.invite = Some(at.mono);
                }
                self.progress.times.invite.get_or_insert(at.wall);
                effects.changed = true;
                if self.progress.state == CallState::Queued {
                    self.move_to(CallState::Initiated, None, at, effects);
                }
            }
            CallFact::AttemptFailed { cause, evidence } => {
                self.end_attempt(self.placed, cause, evidence);
                effects.changed = true;
            }
            CallFact::Progress => self.note_response(at, effects),
            CallFact::Ringing => self.ring(at, effects),
            CallFact::EarlyMedia { sdp } => self.early_media(at, sdp, effects),
            CallFact::Answered { sdp, snapshot } => self.answered(at, sdp, &snapshot, effects),
            CallFact::Snapshot(snapshot) => {
                self.keep_dialog(self.placed, &snapshot);
                effects.changed = true;
            }
            CallFact::SessionOffer { sdp } => {
                self.offered = true;
                self.tell_sdp(SdpRole::Offer, sdp, at, effects);
            }
            CallFact::OfferWithdrawn => {
                // An answer that crossed it found no offer any more: nothing of it was told.
                self.offered = false;
                self.tell_sdp(SdpRole::Withdrawn, None, at, effects);
            }
            CallFact::SessionChanged { sdp } => {
                self.remote = Some(sdp.clone());
                self.tell_sdp(SdpRole::Changed, Some(sdp), at, effects);
            }
            CallFact::OfferFailed { status } => {
                let mut moved = self.moved(self.progress.state);
                moved.sdp = Some((SdpRole::Refused, None));
                moved.evidence.sip_status = (status > 0).then_some(status);
                self.tell(moved, at, effects);
            }
            CallFact::Dtmf { digits, .. } => {
                let moved = CallMoved { dtmf: digits, ..self.moved(self.progress.state) };
                self.tell(moved, at, effects);
            }
            CallFact::Ended { cause, evidence, .. } => self.trunk_ended(at, cause, evidence, effects),
            // An incoming call begins with the one; the other says nothing of its state.
            CallFact::Incoming(_) | CallFact::Message(_) => {}
        }
    }

    fn note_response(&mut self, at: Now, effects: &mut Effects) {
        if let Some(on) = &mut self.on {
            on.silent_until = None;
        }
        if self.marks.answer.is_none() && self.progress.times.first_response.is_none() {
            self.progress.times.first_response = Some(at.wall);
            self.marks.first_response = Some(at.mono);
            effects.changed = true;
        }
    }

    fn ring(&mut self, at: Now, effects: &mut Effects) {
        self.note_response(at, effects);
        if self.marks.answer.is_some() || self.progress.times.ring.is_some() {
            return;
        }
        self.progress.times.ring = Some(at.wall);
        self.marks.rang.get_or_insert(at.mono);
        self.move_to(CallState::Ringing, None, at, effects);
    }

    fn early_media(&mut self, at: Now, sdp: Option<Sdp>, effects: &mut Effects) {
        self.note_response(at, effects);
        if self.marks.answer.is_some() {
            return;
        }
        let first = self.progress.times.early_media.is_none();
        let changed = sdp.is_some() && sdp != self.remote;
        if sdp.is_some() {
            self.remote.clone_from(&sdp);
        }
        if first {
            self.progress.times.early_media = Some(at.wall);
            self.marks.rang.get_or_insert(at.mono);
            let sdp = sdp.map(|sdp| (SdpRole::Early, Some(sdp)));
            self.move_to(CallState::EarlyMedia, sdp, at, effects);
        } else if changed {
            self.tell_sdp(SdpRole::Early, sdp, at, effects);
        }
    }

    /// Told even if we were just giving it up: the carrier bills it.
    fn answered(&mut self, at: Now, sdp: Option<Sdp>, snapshot: &Bytes, effects: &mut Effects) {
        self.keep_dialog(self.placed, snapshot);
        effects.changed = true;
        if self.marks.answer.is_some() {
            return;
        }
        if let Some(on) = &mut self.on {
            on.silent_until = None;
        }
        self.marks.answer = Some(at.mono);
        self.progress.times.answer = Some(at.wall);
        self.until = Some(at.mono + self.call.max_duration);
        if sdp.is_some() {
            self.remote.clone_from(&sdp);
        }
        let sdp = sdp.map(|sdp| (SdpRole::Answer, Some(sdp)));
        self.move_to(CallState::InProgress, sdp, at, effects);
    }

    /// The trunk is done with it: another one is tried, or it ends.
    fn trunk_ended(&mut self, at: Now, cause: Cause, evidence: Evidence, effects: &mut Effects) {
        let Some(on) = self.on.take() else { return };
        self.progress.dialogs.retain(|dialog| dialog.placement != on.number);
        if self.progress.attempts.last().is_none_or(|attempt| attempt.placement != on.number) {
            // No INVITE left, and that is worth a line too.
            self.attempt(on.number, on.trunk.clone(), String::new(), String::new(), at);
        }
        self.end_attempt(on.number, cause, evidence.clone());
        let again = self.own.is_none()
            && self.marks.answer.is_none()
            && self.call.direction == CallDirection::Outbound
            && at.mono < self.answer_by
            && on.failover.wants_another(cause, evidence.sip_status, self.how_tried());
        if !again {
            // It ended there, not nowhere.
            self.on = Some(on);
            return self.end(at, cause, evidence, effects);
        }
        self.failed = Some((cause, evidence));
        effects.changed = true;
        effects.seeks = true;
    }

    pub(super) fn begin_attempt(&mut self, gateway: String, sip_call_id: String, at: Now) {
        let Some(on) = &self.on else { return };
        let (number, trunk) = (on.number, on.trunk.clone());
        // The same gateway gets the INVITE again, changed as it wanted: with credentials, for a longer session.
        let is_open = |attempt: &CallAttempt| attempt.placement == number && attempt.end.is_none();
        if self.progress.attempts.last().is_some_and(is_open) {
            return;
        }
        self.attempt(number, trunk, gateway, sip_call_id, at);
    }

    fn attempt(&mut self, placement: u16, trunk_id: TrunkId, gateway: String, sip_call_id: String, at: Now) {
        let start_time = at.wall;
        let attempt = CallAttempt { placement, trunk_id, gateway, sip_call_id, start_time, end: None };
        self.progress.attempts.push(attempt);
    }

    /// How the newest attempt of a placement ended; what was taken for silence may turn out to be something else.
    pub(super) fn end_attempt(&mut self, placement: u16, cause: Cause, evidence: Evidence) {
        let newest = self.progress.attempts.iter_mut().rev().find(|attempt| attempt.placement == placement);
        if let Some(attempt) = newest {
            attempt.end = Some((cause, evidence));
        }
    }

    /// Keeps what ends a dialog after a crash: the newest of each placement.
    pub(super) fn keep_dialog(&mut self, placement: u16, snapshot: &Bytes) {
        let trunk_id = match self.tried.get(usize::from(placement).saturating_sub(1)) {
            Some(trunk) if !snapshot.is_empty() => trunk.clone(),
            _ => return,
        };
        self.progress.dialogs.retain(|dialog| dialog.placement != placement);
        self.progress.dialogs.push(DialogSnapshot { placement, trunk_id, octets: snapshot.to_vec() });
    }
}
