//! One call's state, pure: facts and words of the platform go in; events, orders and the record of its end come out.
//!
//! States only go forward. Ringing and early media are two facts that may both hold, in any order; each is told once, and
//! a description that changes is told again. Whatever crosses, there is one final event and one record, and nothing after.
//!
//! Leaves to others: which trunk has room (`control`), what is durable (`store`).

mod facts;
mod incoming;
mod words;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use codecs::Now;

use super::{
    ending::{self, Own, Reached},
    failover::{Failover, Tried},
};
use crate::{
    domain::{
        Call, CallAttempt, CallDirection, CallMoved, CallProgress, CallRecord, CallState, Cause,
        DialogSnapshot, Evidence, InboundCall, Ladder, Rung, Sdp, SdpRole, TrunkId,
    },
    trunk::calls::{CallFact, CallNews, CallOrder, HangupWhy, Place, Placement},
};

pub use incoming::IncomingRules;
pub use words::WrongState;

/// How long a trunk may take to end a call that it was told to end. The longest of its own timers are two of 32 s, one
/// behind the other; past that its driver has failed, and the call ends all the same.
const LAST_WORD: Duration = Duration::from_secs(75);

/// One call.
#[derive(Debug)]
pub struct Leg {
    call: Arc<Call>,
    progress: CallProgress,
    /// The offer, for every trunk that is tried.
    offer: Sdp,
    /// The peer's newest description.
    remote: Option<Sdp>,
    ladder: Ladder,
    /// Placements so far.
    placed: u16,
    /// The placement that counts; `None`: it waits for a trunk.
    on: Option<OnTrunk>,
    /// Trunks that it was placed on.
    tried: Vec<TrunkId>,
    own: Option<Own>,
    /// The last trunk's failure, while another trunk is looked for.
    failed: Option<(Cause, Evidence)>,
    /// The peer waits for an answer to its offer.
    offered: bool,
    /// The platform has answered it; the trunk has yet to say that the answer left.
    replied: bool,
    /// Until when it may wait and ring, or be unanswered.
    answer_by: Instant,
    /// When it has lasted as long as it may.
    until: Option<Instant>,
    /// When the trunk must have ended it.
    gone_by: Option<Instant>,
    marks: Marks,
    ended: bool,
}

/// The placement that counts.
#[derive(Debug)]
struct OnTrunk {
    number: u16,
    trunk: TrunkId,
    failover: Arc<Failover>,
    /// When silence makes another trunk worth a try.
    silent_until: Option<Instant>,
}

/// Moments for durations.
#[derive(Debug, Default)]
struct Marks {
    invite: Option<Instant>,
    first_response: Option<Instant>,
    rang: Option<Instant>,
    answer: Option<Instant>,
}

/// What came of one step.
#[derive(Debug, Default)]
pub struct Effects {
    /// For the trunk.
    pub orders: Vec<CallOrder>,
    /// What is told; each with the time of the fact that it comes from.
    pub told: Vec<(Told, jiff::Timestamp)>,
    /// What is durable of it has changed.
    pub changed: bool,
    /// It waits for a trunk from now on.
    pub seeks: bool,
    /// It ended: its record and its messages, once.
    pub ended: Option<Box<(CallRecord, Ladder)>>,
}

/// What is told of a call.
#[derive(Debug)]
pub enum Told {
    /// Somebody calls.
    Inbound(Box<InboundCall>),
    /// It moved, or something happened in it.
    Moved(Box<CallMoved>),
}

impl Leg {
    /// A call to be placed.
    #[must_use]
    pub fn outgoing(call: Arc<Call>, offer: Sdp, now: Now) -> Self {
        let waited = Duration::try_from(now.wall.duration_since(call.accept_time)).unwrap_or_default();
        let answer_by = now.mono + call.ring_timeout.saturating_sub(waited);
        Self::new(call, offer, answer_by)
    }

    fn new(call: Arc<Call>, offer: Sdp, answer_by: Instant) -> Self {
        Self {
            progress: CallProgress::new(call.direction),
            call,
            offer,
            remote: None,
            ladder: Ladder::default(),
            placed: 0,
            on: None,
            tried: Vec::new(),
            own: None,
            failed: None,
            offered: false,
            replied: false,
            answer_by,
            until: None,
            gone_by: None,
            marks: Marks::default(),
            ended: false,
        }
    }

    /// What was asked.
    #[must_use]
    pub fn call(&self) -> &Arc<Call> {
        &self.call
    }

    /// What became of it so far.
    #[must_use]
    pub fn progress(&self) -> &CallProgress {
        &self.progress
    }

    /// The peer's newest description.
    #[must_use]
    pub fn remote(&self) -> Option<&Sdp> {
        self.remote.as_ref()
    }

    /// Its messages so far.
    #[must_use]
    pub fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// The trunk that it is on now.
    #[must_use]
    pub fn on(&self) -> Option<&TrunkId> {
        self.on.as_ref().map(|on| &on.trunk)
    }

    /// A message of it left or came.
    pub fn note_message(&mut self, rung: Rung) {
        self.ladder.push(rung);
    }

    /// Trunks that it was placed on.
    #[must_use]
    pub fn tried(&self) -> &[TrunkId] {
        &self.tried
    }

    /// It waits for a trunk.
    #[must_use]
    pub fn seeks(&self) -> bool {
        self.on.is_none() && !self.ended
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.ended {
            return None;
        }
        let silent = self.on.as_ref().and_then(|on| on.silent_until);
        let waits = self.waits_for_answer().then_some(self.answer_by);
        let until = self.until.filter(|_| self.own.is_none());
        [silent.filter(|_| self.own.is_none()), waits, until, self.gone_by].into_iter().flatten().min()
    }

    /// Puts it on a trunk that has a slot for it.
    pub fn place(&mut self, trunk: TrunkId, failover: Arc<Failover>, now: Now, effects: &mut Effects) {
        self.placed += 1;
        let placement = self.placement(self.placed);
        self.tried.push(trunk.clone());
        let place = Place {
            placement,
            trunk: trunk.clone(),
            call: self.call.clone(),
            sdp: self.offer.clone(),
            ring_left: self.answer_by.saturating_duration_since(now.mono),
        };
        let silent_until = failover.post_dial_delay.map(|delay| now.mono + delay);
        self.on = Some(OnTrunk { number: placement.number, trunk, failover, silent_until });
        effects.orders.push(CallOrder::Place(Box::new(place)));
    }

    /// Whether the trunk has been silent for so long that another one is worth a try, if one has room. A trunk that may
    /// not be left any more is not asked about again.
    pub fn may_leave(&mut self, now: Instant) -> bool {
        let tried = self.how_tried();
        let Some(on) = self.on.as_mut().filter(|_| self.own.is_none()) else { return false };
        if on.silent_until.is_none_or(|until| until > now) {
            return false;
        }
        let may = on.failover.may_leave_silence(tried);
        if !may {
            on.silent_until = None;
        }
        may
    }

    /// Leaves a silent trunk, so that it can be placed on another one.
    pub fn leave(&mut self, effects: &mut Effects) {
        let Some(on) = self.on.take() else { return };
        let placement = self.placement(on.number);
        effects.orders.push(CallOrder::Hangup { placement, why: HangupWhy::PostDialDelay });
        self.end_attempt(on.number, Cause::Timeout, Evidence::default());
        self.failed = Some((Cause::Timeout, Evidence::default()));
        effects.changed = true;
        effects.seeks = true;
    }

    /// No other trunk has room for it yet: it stays, and asks again after `delay`.
    pub fn stay(&mut self, now: Instant, delay: Duration) {
        if let Some(on) = &mut self.on {
            on.silent_until = Some(now + delay);
        }
    }

    /// No other trunk can take it: it ends as it failed on the last one, or for want of any.
    pub fn give_up(&mut self, now: Now, without: Cause, effects: &mut Effects) {
        match self.failed.take() {
            Some((cause, evidence)) => self.end(now, cause, evidence, effects),
            None => {
                self.own.get_or_insert(Own::NoPlace(without));
                self.end(now, without, Evidence::default(), effects);
            }
        }
    }

    /// Lets time have its effect. A call that waits for a trunk and has no time left is given up by the caller, who knows
    /// what it waited for: this says so by `true`.
    #[must_use]
    pub fn handle_timeout(&mut self, now: Now, effects: &mut Effects) -> bool {
        if self.ended {
            return false;
        }
        if self.gone_by.is_some_and(|by| by <= now.mono) {
            let evidence = Evidence::default();
            tracing::error!(call_id = %self.call.id, "the trunk did not end a call in time: it is told as ended");
            self.end(now, Cause::Unknown, evidence, effects);
        } else if self.own.is_some() {
            // It ends already.
        } else if self.waits_for_answer() && self.answer_by <= now.mono {
            if self.on.is_none() {
                return true;
            }
            match self.call.direction {
                CallDirection::Outbound => self.order_end(HangupWhy::RingTimeout, now, effects),
                CallDirection::Inbound => self.refuse(Own::Unanswered, 480, now, effects),
            }
        } else if self.until.is_some_and(|until| until <= now.mono) {
            self.order_end(HangupWhy::MaxDuration, now, effects);
        }
        false
    }

    fn order_end(&mut self, why: HangupWhy, now: Now, effects: &mut Effects) {
        self.own = Some(Own::Hangup(why.clone()));
        self.gone_by = Some(now.mono + LAST_WORD);
        effects.orders.push(CallOrder::Hangup { placement: self.placement(self.placed), why });
    }

    fn end(&mut self, at: Now, said: Cause, evidence: Evidence, effects: &mut Effects) {
        self.ended = true;
        let reached = self.reached();
        let cause = ending::cause(self.own.as_ref(), reached, said);
        let state = ending::final_state(cause, reached);
        let moved = CallMoved { cause: Some(cause), evidence: evidence.clone(), ..self.moved(state) };
        self.tell(moved, at, effects);
        self.progress.state = state;
        let hangup_party = ending::hangup_party(self.own.as_ref(), &evidence);
        let since = |from: Option<Instant>, to: Instant| from.map(|from| to.saturating_duration_since(from));
        let Marks { invite, first_response, rang, answer } = self.marks;
        let record = CallRecord {
            trunk_id: self
                .on
                .as_ref()
                .map(|on| on.trunk.clone())
                .or_else(|| self.progress.trunk_id().cloned()),
            times: self.progress.times,
            post_dial_delay: first_response.and_then(|heard| since(invite, heard)),
            ring_duration: since(rang, answer.unwrap_or(at.mono)),
            talk_duration: since(answer, at.mono).unwrap_or_default(),
            state,
            cause,
            evidence,
            hangup_party,
            sip_call_id: self.progress.attempts.last().map(|one| one.sip_call_id.clone()).unwrap_or_default(),
            attempts: std::mem::take(&mut self.progress.attempts),
            sequence: self.progress.sequence,
            ..CallRecord::of(&self.call, at.wall)
        };
        effects.ended = Some(Box::new((record, std::mem::take(&mut self.ladder))));
    }

    fn waits_for_answer(&self) -> bool {
        self.own.is_none() && !self.replied && self.marks.answer.is_none()
    }

    fn reached(&self) -> Reached {
        let times = &self.progress.times;
        let progressed =
            times.first_response.is_some() || times.ring.is_some() || times.early_media.is_some();
        Reached { answered: self.marks.answer.is_some(), progressed }
    }

    fn how_tried(&self) -> Tried {
        let times = &self.progress.times;
        Tried { trunks: self.placed, told_ringing: times.ring.is_some() || times.early_media.is_some() }
    }

    fn placement(&self, number: u16) -> Placement {
        Placement { call: self.call.id, number }
    }

    fn move_to(
        &mut self,
        state: CallState,
        sdp: Option<(SdpRole, Option<Sdp>)>,
        at: Now,
        effects: &mut Effects,
    ) {
        let moved = CallMoved { sdp, ..self.moved(state) };
        self.tell(moved, at, effects);
        self.progress.state = state;
    }

    fn tell_sdp(&mut self, role: SdpRole, sdp: Option<Sdp>, at: Now, effects: &mut Effects) {
        let moved = CallMoved { sdp: Some((role, sdp)), ..self.moved(self.progress.state) };
        self.tell(moved, at, effects);
    }

    fn moved(&self, state: CallState) -> CallMoved {
        CallMoved {
            call_id: self.call.id,
            request_id: self.call.request_id.clone(),
            sequence: 0,
            previous: self.progress.state,
            state,
            trunk_id: self
                .on
                .as_ref()
                .map(|on| on.trunk.clone())
                .or_else(|| self.progress.trunk_id().cloned()),
            sdp: None,
            dtmf: String::new(),
            cause: None,
            evidence: Evidence::default(),
        }
    }

    fn tell(&mut self, mut moved: CallMoved, at: Now, effects: &mut Effects) {
        self.progress.sequence += 1;
        moved.sequence = self.progress.sequence;
        effects.told.push((Told::Moved(Box::new(moved)), at.wall));
        effects.changed = true;
    }
}

#[cfg(test)]
mod tests;
