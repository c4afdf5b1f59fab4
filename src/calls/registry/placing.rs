//! Which call goes to which trunk when: a slot, the carrier's rate, and its health decide.

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
/// The carrier is too busy.
const SERVICE_UNAVAILABLE: u16 = 503;

/// What lets calls onto one trunk.
pub(super) struct Gate {
    lane: CallLane,
    pacer: Pacer,
    /// The carrier asked for a pause until then.
    closed_until: Option<Instant>,
}

impl Gate {
    pub(super) fn new(lane: &CallLane, now: Instant) -> Self {
        Self { lane: lane.clone(), pacer: Pacer::new(lane.calls_per_second, now), closed_until: None }
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
