//! What becomes of datagrams on their way: lost, doubled, late, out of order.
//!
//! A value that is asked for every datagram and draws from a generator of its own; carrying it out is left to the driver.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    time::{Duration, Instant},
};

use rand::{SeedableRng, rngs::SmallRng};

use crate::{
    behaviour::{hits, mix},
    config::{Ratio, sip::Datagrams},
};

/// How long a datagram is held back that others shall overtake, unless the scenario says.
const HELD_BACK: Duration = Duration::from_millis(50);

/// Datagrams that may be on their way; what comes beyond is lost.
const ON_THEIR_WAY: usize = 100_000;

/// Datagrams on their way in one direction.
#[derive(Debug)]
pub struct Network<T> {
    settings: Datagrams,
    rng: SmallRng,
    queue: BinaryHeap<Reverse<Queued<T>>>,
    count: u64,
    lost: u64,
}

/// Ordered by time, then by age.
#[derive(Debug)]
struct Queued<T> {
    due: Instant,
    number: u64,
    what: T,
}

impl<T: Clone> Network<T> {
    /// An empty one. `way` keeps the two directions of a carrier from repeating each other.
    #[must_use]
    pub fn new(settings: Datagrams, seed: u64, way: &str) -> Self {
        let rng = SmallRng::seed_from_u64(mix(seed, ["datagrams", way]));
        Self { settings, rng, queue: BinaryHeap::new(), count: 0, lost: 0 }
    }

    /// Says whether everything arrives at once and in order.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.settings == Datagrams::default()
    }

    /// Sends one.
    pub fn send(&mut self, now: Instant, what: T) {
        let Datagrams { loss, duplicate, delay, reorder, reorder_by } = self.settings;
        if hits(loss, &mut self.rng) {
            self.lost += 1;
            return;
        }
        let held_back =
            if hits(reorder, &mut self.rng) { reorder_by.unwrap_or(HELD_BACK) } else { Duration::ZERO };
        let due = now + delay.draw(&mut self.rng) + held_back;
        if duplicate != Ratio::NEVER && hits(duplicate, &mut self.rng) {
            let second = now + delay.draw(&mut self.rng);
            self.queue(second, what.clone());
        }
        self.queue(due, what);
    }

    fn queue(&mut self, due: Instant, what: T) {
        if self.queue.len() >= ON_THEIR_WAY {
            self.lost += 1;
            return;
        }
        self.count += 1;
        self.queue.push(Reverse(Queued { due, number: self.count, what }));
    }

    /// The next one that has arrived by now.
    pub fn receive(&mut self, now: Instant) -> Option<T> {
        if self.poll_timeout()? > now {
            return None;
        }
        self.queue.pop().map(|Reverse(queued)| queued.what)
    }

    /// When the next one arrives.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse(queued)| queued.due)
    }

    /// How many were lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }
}

impl<T> PartialEq for Queued<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Queued<T> {}

impl<T> PartialOrd for Queued<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Queued<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.number).cmp(&(other.due, other.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Delay;

    const MS: Duration = Duration::from_millis(1);

    fn settings(share: f64) -> Datagrams {
        Datagrams { loss: Ratio::try_from(share).expect("a share"), ..Datagrams::default() }
    }

    fn all(network: &mut Network<u32>, at: Instant) -> Vec<u32> {
        std::iter::from_fn(|| network.receive(at)).collect()
    }

    #[test]
    fn a_sound_network_changes_nothing() {
        let now = Instant::now();
        let mut network = Network::new(Datagrams::default(), 1, "in");
        (0..10).for_each(|number| network.send(now, number));
        assert!(network.is_sound());
        assert_eq!(all(&mut network, now), (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn loses_its_share_and_says_so() {
        let now = Instant::now();
        let mut network = Network::new(settings(0.1), 7, "in");
        (0..10_000).for_each(|number| network.send(now, number));
        assert_eq!(all(&mut network, now).len() as u64 + network.lost(), 10_000);
        assert!((800..1_200).contains(&network.lost()), "{}", network.lost());
    }

    #[test]
    fn the_same_seed_loses_the_same() {
        let now = Instant::now();
        let run = |seed, way| {
            let mut network = Network::new(settings(0.5), seed, way);
            (0..100).for_each(|number| network.send(now, number));
            all(&mut network, now)
        };
        assert_eq!(run(1, "in"), run(1, "in"));
        assert_ne!(run(1, "in"), run(1, "out"));
        assert_ne!(run(1, "in"), run(2, "in"));
    }

    #[test]
    fn doubles_delays_and_reorders() {
        let now = Instant::now();
        let twice = Datagrams { duplicate: Ratio::ALWAYS, ..Datagrams::default() };
        let mut network = Network::new(twice, 1, "in");
        network.send(now, 5);
        assert_eq!(all(&mut network, now), [5, 5]);

        let late = Datagrams { delay: Delay::Fixed(20 * MS), ..Datagrams::default() };
        let mut network = Network::new(late, 1, "in");
        network.send(now, 5);
        assert_eq!((network.receive(now + 19 * MS), network.poll_timeout()), (None, Some(now + 20 * MS)));
        assert_eq!(network.receive(now + 20 * MS), Some(5));

        let half = Ratio::try_from(0.5).expect("a share");
        let mixed = Datagrams { reorder: half, reorder_by: Some(10 * MS), ..Datagrams::default() };
        let mut network = Network::new(mixed, 3, "in");
        (0..20).for_each(|number| network.send(now, number));
        let arrived = all(&mut network, now + 10 * MS);
        assert!(arrived.len() == 20 && !arrived.is_sorted(), "{arrived:?}");
    }
}
