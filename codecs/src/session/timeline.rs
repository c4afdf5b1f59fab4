//! Entries by sequence that also know which of them ends first.
//!
//! # Why
//! All entries of one timeline live equally long, so the order of insertion is the order of their ends and a queue
//! does what a heap would. An entry removed early leaves its place in the queue behind; such places are dropped
//! when they reach the front or outnumber the entries.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasherDefault, Hash, Hasher},
    time::Instant,
};

/// Entries by sequence, oldest first.
#[derive(Debug)]
pub(super) struct Timeline<S, T> {
    entries: HashMap<S, Entry<T>, BuildHasherDefault<SequenceHasher>>,
    /// The front is an entry that is still there, or the queue is empty.
    order: VecDeque<(u64, S)>,
    inserted: u64,
}

#[derive(Debug)]
struct Entry<T> {
    serial: u64,
    until: Instant,
    value: T,
}

/// Places of removed entries tolerated beyond the number of entries.
const SLACK: usize = 64;

impl<S, T> Default for Timeline<S, T> {
    fn default() -> Self {
        Self { entries: HashMap::default(), order: VecDeque::new(), inserted: 0 }
    }
}

impl<S: Copy + Eq + Hash, T> Timeline<S, T> {
    /// Adds an entry that ends no earlier than those before it, in place of one of the same sequence.
    pub fn insert(&mut self, sequence: S, until: Instant, value: T) {
        let serial = self.inserted;
        self.inserted += 1;
        let replaced = self.entries.insert(sequence, Entry { serial, until, value });
        self.order.push_back((serial, sequence));
        if let Some(replaced) = replaced {
            self.settle(replaced.serial);
        }
    }

    /// Takes the entry of `sequence`.
    pub fn remove(&mut self, sequence: &S) -> Option<T> {
        let entry = self.entries.remove(sequence)?;
        self.settle(entry.serial);
        Some(entry.value)
    }

    /// Takes the oldest entry.
    pub fn pop_oldest(&mut self) -> Option<(S, T)> {
        let (_, sequence) = *self.order.front()?;
        let value = self.remove(&sequence)?;
        Some((sequence, value))
    }

    /// Takes the oldest entry, if it has ended by `now`.
    pub fn pop_due(&mut self, now: Instant) -> Option<(S, T)> {
        self.oldest_until().is_some_and(|until| until <= now).then(|| self.pop_oldest())?
    }

    /// When the oldest entry ends.
    pub fn oldest_until(&self) -> Option<Instant> {
        let (_, sequence) = self.order.front()?;
        self.entries.get(sequence).map(|entry| entry.until)
    }

    pub fn get(&self, sequence: &S) -> Option<&T> {
        self.entries.get(sequence).map(|entry| &entry.value)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Drops the places that the queue is better without, the entry with the serial `gone` having gone.
    fn settle(&mut self, gone: u64) {
        let Self { entries, order, .. } = self;
        let is_there =
            |(serial, sequence): &(u64, S)| entries.get(sequence).is_some_and(|e| e.serial == *serial);
        if order.front().is_some_and(|(serial, _)| *serial == gone) {
            order.pop_front();
            while order.front().is_some_and(|place| !is_there(place)) {
                order.pop_front();
            }
        }
        if order.len() > 2 * entries.len() + SLACK {
            order.retain(is_there);
        }
    }
}

/// A multiplicative hash. The keys are numbers we choose ourselves, so nobody can aim collisions at it.
#[derive(Debug, Default)]
pub(super) struct SequenceHasher(u64);

impl SequenceHasher {
    /// 2^64 divided by the golden ratio: odd, with bits in every octet.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

    fn mix(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(Self::FACTOR);
    }
}

impl Hasher for SequenceHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.mix(u64::from(*octet));
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.mix(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.mix(value);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
    fn keeps_few_places_of_removed_entries_behind_one_that_stays() {
        let start = Instant::now();
        let mut timeline = Timeline::default();
        timeline.insert(0_u32, start, ());
        for sequence in 1..100_000_u32 {
            timeline.insert(sequence, start + Duration::from_millis(u64::from(sequence)), ());
            timeline.remove(&sequence);
        }
        assert_eq!(timeline.len(), 1);
        assert!(timeline.order.len() <= SLACK + 2, "{} places", timeline.order.len());
        assert_eq!(timeline.pop_due(start), Some((0, ())));
        assert_eq!(timeline.oldest_until(), None);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
    fn a_sequence_inserted_again_takes_its_new_place() {
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        let mut timeline = Timeline::default();
        timeline.insert(1_u32, later(1), "first");
        timeline.insert(2, later(2), "second");
        timeline.insert(1, later(3), "again");
        assert_eq!(timeline.oldest_until(), Some(later(2)));
        assert_eq!(timeline.pop_oldest(), Some((2, "second")));
        assert_eq!(timeline.pop_due(later(2)), None);
        assert_eq!(timeline.pop_due(later(3)), Some((1, "again")));
    }
}
