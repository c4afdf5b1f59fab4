//! Which call goes to which trunk when: a slot, the carrier's rate, and its health decide.

use tracing::info;

use super::*;
use crate::{
    calls::ways::CallLane,
    dispatch::Pacer,
    domain::{Cause, Evidence},
};

/// How often those that wait are looked at again, whatever they wait for: a trunk may have come up.
const LOOK: Duration = Duration::from_millis(250);
/// How long a call stays on a silent trunk while no other has room, before it asks again.
const STAY: Duration = Duration::from_secs(1);
/// How soon calls are looked for again that came to a trunk that shall rest.
const AGAIN: Duration = Duration::from_secs(1);
/// The carrier is too busy.
const SERVICE_UNAVAILABLE: u16 = 503;

/// What lets calls onto one trunk.
pub(super) struct Gate {
    lane: CallLane,
    pacer: Pacer,
    /// The carrier asked for a pause until then.
    closed_until: Option<Instant>,
    /// When the calls that it has are hung up, or are looked for again that came meanwhile.
    hang_up_at: Option<Instant>,
}

impl Gate {
    pub(super) fn new(lane: &CallLane, now: Instant) -> Self {
        let pacer = Pacer::new(lane.calls_per_second, now);
        Self { lane: lane.clone(), pacer, closed_until: None, hang_up_at: lane.hang_up_at }
    }

    /// Does as the trunk is told from now on.
    fn heed(&mut self, lane: &CallLane, now: Instant) {
        if lane.calls_per_second != self.lane.calls_per_second {
            self.pacer.set_limit(lane.calls_per_second, now);
        }
        if lane.hang_up_at != self.lane.hang_up_at {
            self.hang_up_at = lane.hang_up_at;
        }
        self.lane = lane.clone();
    }

    /// Takes a place for one call, if there is one now.
    fn take(&mut self, now: Instant) -> Option<CallSlot> {
        if self.closed_until.is_some_and(|until| now < until) {
            return None;
        }
        let slot = self.lane.slots.take()?;
        (self.pacer.take(1, now) == 1).then_some(slot)
    }

    /// When the rate, or a pause, will allow a call again, if it does not now.
    fn ready_at(&self, now: Instant) -> Option<Instant> {
        let closed = self.closed_until.filter(|until| now < *until);
        closed.into_iter().chain(self.pacer.ready_at(now)).max()
    }

    /// The carrier says that it is too busy.
    fn slow_down(&mut self, retry_after: Option<Duration>, now: Instant) {
        self.pacer.throttled(now);
        if let Some(pause) = retry_after {
            self.closed_until = self.closed_until.max(Some(now + pause));
        }
    }
}

impl Registry {
    /// Takes over what the trunks are told now, if that has changed.
    pub fn heed(&mut self, now: Instant) {
        if !self.lanes.has_changed().unwrap_or(false) {
            return;
        }
        let lanes = self.lanes.borrow_and_update().clone();
        self.gates.retain(|id, _| lanes.contains_key(id));
        for (id, lane) in &*lanes {
            match self.gates.get_mut(id) {
                Some(gate) => gate.heed(lane, now),
                None => _ = self.gates.insert(id.clone(), Gate::new(lane, now)),
            }
        }
        // What waits may have a place now.
        self.set_serve_at(now);
    }

    /// When the calls of some trunk are to be hung up.
    pub(super) fn hang_up_at(&self) -> Option<Instant> {
        self.gates.values().filter_map(|gate| gate.hang_up_at).min()
    }

    /// Hangs up what is left on trunks that shall rest by now.
    pub(super) fn hang_up_resting(&mut self, now: Now) {
        let mut resting = Vec::new();
        for (id, gate) in &mut self.gates {
            if gate.hang_up_at.is_some_and(|at| at <= now.mono) {
                // A call of the carrier's may still be on its way to us.
                let left = gate.lane.slots.taken() > 0;
                gate.hang_up_at = left.then_some(now.mono + AGAIN);
                resting.push(id.clone());
            }
        }
        if resting.is_empty() {
            return;
        }
        let is_there = |live: &Live| live.leg.on().is_some_and(|trunk| resting.contains(trunk));
        let calls: Vec<_> = self.live.iter().filter(|(_, live)| is_there(live)).map(|(id, _)| *id).collect();
        if !calls.is_empty() {
            info!(
                calls = calls.len(),
                ?resting,
                "trunks shall rest: the calls that they still have are hung up"
            );
        }
        for id in calls {
            self.with(id, now, |leg, effects| leg.hang_up(HangupWhy::Drain, now, effects));
        }
    }

    /// A placement has ended: its slot is free, and what the carrier says of its load is heeded.
    pub(super) fn note_end(&mut self, placement: Placement, fact: &CallFact, now: Instant) {
        let trunk = match self.live.get_mut(&placement.call) {
            Some(live) => {
                let place = live.slots.iter().position(|(number, _, _)| *number == placement.number);
                place.map(|place| live.slots.swap_remove(place).1)
            }
            None => None,
        };
        let trunk = trunk.or_else(|| self.lingering.remove(&placement).map(|(trunk, _, _)| trunk));
        let Some(gate) = trunk.and_then(|trunk| self.gates.get_mut(&trunk)) else { return };
        let CallFact::Ended { cause: Cause::Congestion, evidence: Evidence { sip_status, .. }, retry_after } =
            fact
        else {
            return;
        };
        if *sip_status == Some(SERVICE_UNAVAILABLE) {
            gate.slow_down(*retry_after, now);
        }
    }

    /// Lets a call wait for one of the trunks that it may take and was not on, and looks whether it can go at once.
    pub(super) fn line_up(&mut self, id: CallId, now: Now) {
        self.heed(now.mono);
        let Some(live) = self.live.get(&id) else { return };
        let trunks = self.open_to(&live.leg);
        if trunks.is_empty() {
            return self.fail(id, Cause::NoRoute, now);
        }
        self.waiting.push(trunks.clone(), live.leg.call().category, id);
        self.serve_group(&trunks, now);
        self.set_serve_at(now.mono);
    }

    /// The trunks that a call may take and was not on, the best first.
    fn open_to(&self, leg: &Leg) -> Vec<TrunkId> {
        let mut trunks = self.ways.of(leg.call()).unwrap_or_default();
        trunks.retain(|trunk| !leg.tried().contains(trunk));
        trunks
    }

    /// Lets those go that wait, as far as there is room.
    pub(super) fn serve(&mut self, now: Now) {
        self.heed(now.mono);
        for trunks in self.waiting.groups() {
            self.serve_group(&trunks, now);
        }
        self.set_serve_at(now.mono);
    }

    fn serve_group(&mut self, trunks: &[TrunkId], now: Now) {
        while let Some(id) = self.waiting.first(trunks) {
            if self.live.get(&id).is_some_and(|live| live.leg.seeks()) {
                let Some((trunk, slot)) = self.take(trunks, now.mono) else { return };
                self.waiting.pop(trunks);
                self.place(id, trunk, slot, now);
            } else {
                self.waiting.pop(trunks);
            }
        }
    }

    fn take(&mut self, trunks: &[TrunkId], now: Instant) -> Option<(TrunkId, CallSlot)> {
        trunks.iter().find_map(|trunk| {
            if !self.ways.health(trunk).can_carry() {
                return None;
            }
            let slot = self.gates.get_mut(trunk)?.take(now)?;
            Some((trunk.clone(), slot))
        })
    }

    fn place(&mut self, id: CallId, trunk: TrunkId, slot: CallSlot, now: Now) {
        let (Some(live), Some(gate)) = (self.live.get_mut(&id), self.gates.get(&trunk)) else { return };
        let mut effects = Effects::default();
        live.leg.place(trunk.clone(), gate.lane.failover.clone(), now, &mut effects);
        let number = u16::try_from(live.leg.tried().len()).unwrap_or(u16::MAX);
        live.slots.push((number, trunk, slot));
        self.absorb(id, effects, now);
    }

    /// Moves a call from a silent trunk to another one, if one has room.
    pub(super) fn move_on(&mut self, id: CallId, now: Now) {
        let Some(live) = self.live.get(&id) else { return };
        let trunks = self.open_to(&live.leg);
        match self.take(&trunks, now.mono) {
            Some((trunk, slot)) => {
                // It seeks for no longer than this: it is not lined up.
                let mut effects = Effects::default();
                if let Some(live) = self.live.get_mut(&id) {
                    live.leg.leave(&mut effects);
                }
                effects.seeks = false;
                self.absorb(id, effects, now);
                self.place(id, trunk, slot, now);
            }
            None => {
                if let Some(live) = self.live.get_mut(&id) {
                    live.leg.stay(now.mono, STAY);
                }
            }
        }
    }

    /// A call has waited for a trunk as long as it may.
    pub(super) fn give_up(&mut self, id: CallId, now: Now) {
        let Some(live) = self.live.get(&id) else { return };
        let up = self.open_to(&live.leg).iter().any(|trunk| self.ways.health(trunk).can_carry());
        self.fail(id, if up { Cause::Congestion } else { Cause::Transport }, now);
    }

    fn fail(&mut self, id: CallId, cause: Cause, now: Now) {
        self.with(id, now, |leg, effects| leg.give_up(now, cause, effects));
    }

    fn set_serve_at(&mut self, now: Instant) {
        if self.waiting.is_empty() {
            self.serve_at = None;
            return;
        }
        let trunks = self.waiting.groups().into_iter().flatten();
        let ready = trunks.filter_map(|trunk| self.gates.get(&trunk)?.ready_at(now)).min();
        // Never at once: what is ready now, and did not go, waits for something else.
        let ready = ready.filter(|at| *at > now);
        self.serve_at = ready.into_iter().chain([now + LOOK]).min();
    }
}
