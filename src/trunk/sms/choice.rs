//! Which link takes the next submit: the one with the most room, a sick one weighed down. Pure.

use std::{cmp::Reverse, time::Duration};

/// A sick link's room counts this part of a healthy one's, at least.
const LEAST: u64 = 1;
/// A healthy link's room counts so much.
const FULL: u64 = 16;
/// How many times slower than the fastest of its siblings a link may be before it counts as slow.
const SLOW: u32 = 2;
/// What a difference in round trips must be before it means anything.
const NOTICEABLE: Duration = Duration::from_millis(20);
/// A silent link is kept to this part of its allowance: enough to notice that it answers again.
const SILENT_PART: usize = 4;

/// A link that may submit, at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Submits that it may have unanswered.
    pub allowed: usize,
    /// Submits that it has unanswered.
    pub in_flight: usize,
    /// Its smoothed round trip; `None` if it was not measured lately, so that it gets a chance to be.
    pub round_trip: Option<Duration>,
    /// It has submits unanswered and has answered none for long.
    pub is_silent: bool,
    /// The carrier asked it for less a short while ago.
    pub is_throttled: bool,
}

impl Candidate {
    /// Submits that it takes now.
    #[must_use]
    pub fn headroom(&self) -> usize {
        let allowed = if self.is_silent { self.allowed.div_ceil(SILENT_PART) } else { self.allowed };
        allowed.saturating_sub(self.in_flight)
    }

    /// How much its room counts beside a sibling's whose round trip is `fastest`.
    fn weight(&self, fastest: Option<Duration>) -> u64 {
        if self.is_silent {
            return LEAST;
        }
        let weight = match (self.round_trip, fastest) {
            (Some(own), Some(fastest)) if own > fastest * SLOW && own > fastest + NOTICEABLE => {
                // In proportion: what waits for it waits that much longer.
                let share = fastest.as_micros().saturating_mul(u128::from(FULL)) / own.as_micros().max(1);
                u64::try_from(share).unwrap_or(FULL)
            }
            _ => FULL,
        };
        let weight = if self.is_throttled { weight / 2 } else { weight };
        weight.clamp(LEAST, FULL)
    }
}

/// The index of the link that takes the next submit; `None` in the list may not submit. `None` if none has room.
#[must_use]
pub fn best(links: impl Iterator<Item = Option<Candidate>> + Clone) -> Option<usize> {
    let fastest = links.clone().flatten().filter_map(|link| link.round_trip).min();
    let score = |link: &Candidate| {
        u64::try_from(link.headroom()).unwrap_or(u64::MAX).saturating_mul(link.weight(fastest))
    };
    links
        .enumerate()
        .filter_map(|(index, link)| Some((index, link.filter(|link| link.headroom() > 0)?)))
        // Of equals the one that is not measured yet, then the quickest.
        .max_by_key(|(_, link)| (score(link), Reverse(link.round_trip)))
        .map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn healthy() -> Candidate {
        Candidate {
            allowed: 10,
            in_flight: 0,
            round_trip: Some(10 * MS),
            is_silent: false,
            is_throttled: false,
        }
    }

    /// Submits given to each link, none answered, until nothing is taken or `submits` are out.
    fn shares(mut links: Vec<Option<Candidate>>, submits: usize) -> Vec<usize> {
        for _ in 0..submits {
            let Some(index) = best(links.iter().copied()) else { break };
            links[index].as_mut().expect("a link that may submit").in_flight += 1;
        }
        links.iter().map(|link| link.map_or(0, |link| link.in_flight)).collect()
    }

    #[test]
    fn healthy_links_share_alike_and_a_dead_one_gets_none() {
        assert_eq!(shares(vec![Some(healthy()), None, Some(healthy())], 10), [5, 0, 5]);
        assert_eq!(shares(vec![None, None], 10), [0, 0]);
    }

    #[test]
    fn a_sick_link_gets_less() {
        let sick = [
            Candidate { round_trip: Some(80 * MS), ..healthy() },
            Candidate { is_throttled: true, ..healthy() },
            Candidate { is_silent: true, ..healthy() },
            Candidate { allowed: 5, ..healthy() },
        ];
        for sick in sick {
            let shares = shares(vec![Some(sick), Some(healthy())], 8);
            assert!(shares[0] < shares[1], "{sick:?}: {shares:?}");
            assert_eq!(shares.iter().sum::<usize>(), 8);
        }
    }

    #[test]
    fn jitter_makes_nobody_sick() {
        let near = Candidate { round_trip: Some(3 * MS), ..healthy() };
        let far = Candidate { round_trip: Some(20 * MS), ..healthy() };
        assert_eq!(shares(vec![Some(near), Some(far)], 10), [5, 5]);
    }

    #[test]
    fn of_idle_links_each_is_measured_and_then_the_quickest_taken() {
        let unmeasured = Candidate { round_trip: None, ..healthy() };
        let quick = Candidate { round_trip: Some(5 * MS), ..healthy() };
        for links in [[Some(unmeasured), Some(quick)], [Some(quick), Some(healthy())]] {
            assert_eq!(best(links.iter().copied()), Some(0));
            assert_eq!(best(links.iter().rev().copied()), Some(1));
        }
    }

    #[test]
    fn a_silent_link_is_only_sounded_out() {
        let silent = Candidate { is_silent: true, ..healthy() };
        assert_eq!(shares(vec![Some(silent)], 10), [3]);
        assert_eq!(Candidate { allowed: 1, ..silent }.headroom(), 1);
    }

    fn any_link() -> impl Strategy<Value = Option<Candidate>> {
        let round_trip = prop::option::of((0..5000_u64).prop_map(Duration::from_millis));
        let link = (1..50_usize, 0..60_usize, round_trip, any::<bool>(), any::<bool>()).prop_map(
            |(allowed, in_flight, round_trip, is_silent, is_throttled)| Candidate {
                allowed,
                in_flight,
                round_trip,
                is_silent,
                is_throttled,
            },
        );
        prop::option::of(link)
    }

    proptest! {
        #[test]
        fn some_link_is_chosen_exactly_when_one_has_room(links in prop::collection::vec(any_link(), 0..6)) {
            let room = |link: &Option<Candidate>| link.is_some_and(|link| link.headroom() > 0);
            match best(links.iter().copied()) {
                Some(index) => prop_assert!(room(&links[index])),
                None => prop_assert!(!links.iter().any(room)),
            }
        }
    }
}
