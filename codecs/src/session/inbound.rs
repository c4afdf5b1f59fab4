//! The peer's requests that wait for our answers.

use std::{collections::HashMap, hash::BuildHasherDefault};

use super::{
    event::ReplyTo,
    outbox::{Span, Untaken},
    timeline::SequenceHasher,
};

/// Requests of the peer that it has no answer to yet.
///
/// An answer that the driver has not taken counts too: the peer can't have seen it. A peer that keeps to its window
/// is never limited by that, and one that sends without reading can't make our answers pile up.
#[derive(Debug)]
pub(super) struct Inbound<H> {
    limit: usize,
    waiting: HashMap<ReplyTo, H, BuildHasherDefault<SequenceHasher>>,
    answers: Untaken,
    issued: u64,
}

impl<H: Copy> Inbound<H> {
    pub fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), waiting: HashMap::default(), answers: Untaken::default(), issued: 0 }
    }

    /// Says whether another request may come in, `taken` octets having left the outbox.
    pub fn has_room(&self, taken: u64) -> bool {
        self.waiting.len() + self.answers.count(taken) < self.limit
    }

    /// Says whether it is our owner that keeps requests waiting, rather than the peer that reads no answers.
    pub fn waits_for_owner(&self) -> bool {
        self.waiting.len() >= self.limit
    }

    /// Says whether no request waits for its answer.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Adds a request; handles are never used twice.
    pub fn insert(&mut self, header: H) -> ReplyTo {
        let reply = ReplyTo(self.issued);
        self.issued += 1;
        self.waiting.insert(reply, header);
        reply
    }

    pub fn get(&self, reply: ReplyTo) -> Option<H> {
        self.waiting.get(&reply).copied()
    }

    /// Takes a request that was answered with `answer`, or dropped without one.
    pub fn remove(&mut self, reply: ReplyTo, answer: Option<Span>, taken: u64) {
        if self.waiting.remove(&reply).is_some()
            && let Some(answer) = answer
        {
            self.answers.push(answer, taken);
        }
    }

    pub fn clear(&mut self) {
        self.waiting.clear();
    }
}
