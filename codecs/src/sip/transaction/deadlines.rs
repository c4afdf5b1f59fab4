//! The next deadline of every transaction, earliest first.
//!
//! # Why not a map of the standard library
//! A transaction's deadline changes with nearly every message. A heap that knows where each slot's entry is changes it
//! in place: no allocation, no entries left behind, at most a logarithm of moves.

use std::time::Instant;

/// The place of a slot that has no deadline.
const NONE: u32 = u32::MAX;
/// Children of one entry: a flat heap touches fewer cache lines than a binary one.
const CHILDREN: usize = 4;

/// At most one deadline per slot.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    heap: Vec<(Instant, u32)>,
    /// By slot: where its entry is.
    places: Vec<u32>,
}

impl Deadlines {
    /// Sets, changes or, with `None`, removes the deadline of `slot`.
    pub fn set(&mut self, slot: u32, at: Option<Instant>) {
        let index = slot as usize;
        if index >= self.places.len() {
            self.places.resize(index + 1, NONE);
        }
        match (self.places[index], at) {
            (NONE, None) => {}
            (NONE, Some(at)) => {
                self.heap.push((at, slot));
                self.rise(self.heap.len() - 1);
            }
            (place, Some(at)) => {
                let place = place as usize;
                self.heap[place].0 = at;
                let place = self.rise(place);
                self.sink(place);
            }
            (place, None) => {
                self.places[index] = NONE;
                let last = self.heap.pop();
                if let Some(last) = last.filter(|(_, other)| *other != slot) {
                    let place = place as usize;
                    self.heap[place] = last;
                    let place = self.rise(place);
                    self.sink(place);
                }
            }
        }
    }

    /// The earliest deadline and its slot.
    pub fn earliest(&self) -> Option<(Instant, u32)> {
        self.heap.first().copied()
    }

    /// Moves an entry up to where it belongs, and gives its place.
    fn rise(&mut self, mut place: usize) -> usize {
        while place > 0 {
            let parent = (place - 1) / CHILDREN;
            if self.heap[parent] <= self.heap[place] {
                break;
            }
            self.heap.swap(parent, place);
            self.note(place);
            place = parent;
        }
        self.note(place);
        place
    }

    /// Moves an entry down to where it belongs.
    fn sink(&mut self, mut place: usize) {
        loop {
            let first = place * CHILDREN + 1;
            let children = first..(first + CHILDREN).min(self.heap.len());
            let Some(least) = children.min_by_key(|child| self.heap[*child]) else { break };
            if self.heap[place] <= self.heap[least] {
                break;
            }
            self.heap.swap(place, least);
            self.note(place);
            place = least;
        }
        self.note(place);
    }

    /// Writes down where the entry at `place` is.
    fn note(&mut self, place: usize) {
        let (_, slot) = self.heap[place];
        self.places[slot as usize] = place as u32;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{super::machine::virtual_time::*, *};

    proptest! {
        #[test]
        fn gives_what_an_ordered_map_gives(
            steps in prop::collection::vec((0..40_u32, prop::option::of(0..1000_u64)), 0..300)
        ) {
            let start = beginning();
            let (mut deadlines, mut map) = (Deadlines::default(), BTreeMap::new());
            for (slot, at) in steps {
                let at = at.map(|at| start + millis(at));
                deadlines.set(slot, at);
                match at {
                    Some(at) => _ = map.insert(slot, at),
                    None => _ = map.remove(&slot),
                }
                prop_assert_eq!(deadlines.heap.len(), map.len());
                let earliest = map.iter().map(|(slot, at)| (*at, *slot)).min();
                prop_assert_eq!(deadlines.earliest(), earliest);
            }
            while let Some((at, slot)) = deadlines.earliest() {
                prop_assert_eq!(map.remove(&slot), Some(at));
                prop_assert!(map.values().all(|other| *other >= at));
                deadlines.set(slot, None);
            }
            prop_assert!(map.is_empty());
        }
    }
}
