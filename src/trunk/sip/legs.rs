//! Which leg is which placement of which call, and which of its messages passed before.

use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hasher},
    time::{Duration, Instant},
};

use codecs::sip::{
    Target,
    ua::{LegId, PeerId},
};

use crate::{domain::CallDirection, trunk::calls::Placement};

/// How long messages of a leg may come after its end: as long as a transaction lasts by the usual timers.
const LATE: Duration = Duration::from_secs(33);
/// Legs that are known after their end; beyond that the oldest are forgotten.
const MOST_ENDED: usize = 4096;
/// Messages of a leg that are known again.
const KNOWN_AGAIN: usize = 32;

/// A leg.
#[derive(Debug)]
pub(super) struct Leg {
    pub placement: Placement,
    /// Its trunk. One with legs is never let go.
    pub trunk: PeerId,
    pub direction: CallDirection,
    /// Transport and address of whom it speaks with.
    pub remote: String,
    /// The gateway that has not said anything yet.
    pub target: Option<Target>,
    /// Fingerprints of its newest messages.
    passed: VecDeque<u64>,
}

impl Leg {
    pub fn new(placement: Placement, trunk: PeerId, direction: CallDirection, remote: String) -> Self {
        Self { placement, trunk, direction, remote, target: None, passed: VecDeque::new() }
    }

    /// Whether the same octets went the same way before.
    pub fn passes_again(&mut self, sent: bool, octets: &[u8]) -> bool {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(sent.into());
        hasher.write(octets);
        let fingerprint = hasher.finish();
        let again = self.passed.contains(&fingerprint);
        if !again {
            if self.passed.len() == KNOWN_AGAIN {
                self.passed.pop_front();
            }
            self.passed.push_back(fingerprint);
        }
        again
    }
}

/// All legs that live, and those that ended lately.
#[derive(Debug, Default)]
pub(super) struct Legs {
    of_id: HashMap<LegId, Leg>,
    /// Of those that live.
    of_placement: HashMap<Placement, LegId>,
    /// Those that ended, the oldest first, each with when it is forgotten.
    ended: VecDeque<(Instant, LegId)>,
}

impl Legs {
    pub fn add(&mut self, id: LegId, leg: Leg) {
        self.of_placement.insert(leg.placement, id);
        self.of_id.insert(id, leg);
    }

    pub fn get_mut(&mut self, id: LegId) -> Option<&mut Leg> {
        self.of_id.get_mut(&id)
    }

    /// The leg of a placement, while it lives.
    pub fn find(&self, placement: Placement) -> Option<LegId> {
        self.of_placement.get(&placement).copied()
    }

    /// A leg has ended; it is known for a while because messages of it may still come.
    pub fn end(&mut self, id: LegId, now: Instant) {
        let Some(leg) = self.of_id.get(&id) else { return };
        self.of_placement.remove(&leg.placement);
        self.ended.push_back((now + LATE, id));
        while let Some((until, oldest)) = self.ended.front().copied()
            && (until <= now || self.ended.len() > MOST_ENDED)
        {
            self.ended.pop_front();
            self.of_id.remove(&oldest);
        }
    }

    /// No leg lives.
    pub fn is_empty(&self) -> bool {
        self.of_placement.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn leg(number: u16) -> Leg {
        let placement = Placement { call: clock::fresh_call_id(), number };
        Leg::new(placement, PeerId(0), CallDirection::Outbound, String::new())
    }

    #[test]
    fn a_message_is_a_repetition_if_it_went_the_same_way() {
        let mut leg = leg(1);
        let passes = [(true, b"INVITE"), (true, b"INVITE"), (false, b"INVITE"), (true, b"CANCEL")];
        let again = passes.map(|(sent, octets)| leg.passes_again(sent, octets));
        assert_eq!(again, [false, true, false, false]);
        for number in 0..100_u8 {
            leg.passes_again(true, &[number]);
        }
        assert_eq!(leg.passed.len(), KNOWN_AGAIN);
        assert!(leg.passes_again(true, &[99]) && !leg.passes_again(true, b"INVITE"));
    }

    #[test]
    fn a_leg_is_known_for_a_while_after_its_end() {
        let (mut legs, now) = (Legs::default(), clock::now().mono);
        for number in 1..=3 {
            legs.add(LegId(number), leg(1));
        }
        let placement = legs.of_id[&LegId(1)].placement;
        legs.end(LegId(1), now);
        assert!(legs.find(placement).is_none() && legs.get_mut(LegId(1)).is_some());
        legs.end(LegId(2), now + Duration::from_secs(1));
        assert!(!legs.is_empty() && legs.get_mut(LegId(1)).is_some());
        legs.end(LegId(3), now + LATE);
        assert!(legs.is_empty() && legs.get_mut(LegId(1)).is_none() && legs.get_mut(LegId(2)).is_some());
    }
}
