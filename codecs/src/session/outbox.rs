//! The octets that wait for the driver, and how many it has taken so far.
//!
//! # Why
//! Whether a request was ever handed to the transport decides what is known about it after the link is lost, so
//! every request remembers its place in the stream of all octets this session produced.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::dialect::Dialect;
use crate::error::EncodeError;

/// The place of one unit in everything that was produced, in octets from the start of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub start: u64,
    /// One past the last octet.
    pub end: u64,
}

/// Octets that wait for the driver.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    octets: BytesMut,
    produced: u64,
}

impl Outbox {
    /// Encodes one unit at the end.
    pub fn append<D: Dialect>(
        &mut self,
        dialect: &D,
        pdu: &D::Pdu<'_>,
        sequence: D::Sequence,
    ) -> Result<Span, EncodeError> {
        let before = self.octets.len();
        if let Err(refused) = dialect.encode(pdu, sequence, &mut self.octets) {
            self.octets.truncate(before);
            return Err(refused);
        }
        Ok(self.grown(self.octets.len() - before))
    }

    /// Adds a unit that is encoded already.
    pub fn append_again(&mut self, unit: &Bytes) {
        self.append_raw(unit);
    }

    /// Adds octets that need not be a unit.
    pub fn append_raw(&mut self, octets: &[u8]) {
        self.octets.extend_from_slice(octets);
        self.grown(octets.len());
    }

    fn grown(&mut self, octets: usize) -> Span {
        let start = self.produced;
        self.produced += octets as u64;
        Span { start, end: self.produced }
    }

    /// The octets of a unit that was just appended.
    pub fn unit(&self, span: Span) -> &[u8] {
        let from = self.octets.len().saturating_sub((self.produced - span.start) as usize);
        let to = self.octets.len().saturating_sub((self.produced - span.end) as usize);
        &self.octets[from..to]
    }

    /// Takes the unit that was just appended out again.
    pub fn retract(&mut self, span: Span) {
        let octets = self.produced - span.start;
        self.octets.truncate(self.octets.len().saturating_sub(octets as usize));
        self.produced = span.start;
    }

    /// How many octets the driver has taken since the session began.
    pub fn taken(&self) -> u64 {
        self.produced.saturating_sub(self.octets.len() as u64)
    }

    /// Forgets what was not taken.
    pub fn clear(&mut self) {
        self.produced = self.taken();
        self.octets.clear();
    }

    /// Takes units out that nobody has begun to take. `spans` ascend; older spans mean nothing afterwards.
    pub fn cut(&mut self, spans: &[Span]) {
        if spans.is_empty() {
            return;
        }
        let taken = self.taken();
        let mut kept = BytesMut::with_capacity(self.octets.len());
        let mut from = taken;
        for span in spans {
            kept.extend_from_slice(self.unit(Span { start: from, end: span.start }));
            from = span.end;
        }
        kept.extend_from_slice(self.unit(Span { start: from, end: self.produced }));
        self.octets = kept;
        self.produced = taken + self.octets.len() as u64;
    }

    /// What the driver takes from.
    pub fn pending(&mut self) -> Option<&mut BytesMut> {
        if self.octets.is_empty() { None } else { Some(&mut self.octets) }
    }
}

/// Which replies the driver has not taken yet: for the peer, those requests are still unanswered.
#[derive(Debug, Default)]
pub(super) struct Untaken(VecDeque<u64>);

impl Untaken {
    /// Adds a reply that was just appended; forgets those taken meanwhile.
    pub fn push(&mut self, reply: Span, taken: u64) {
        while self.0.front().is_some_and(|end| *end <= taken) {
            self.0.pop_front();
        }
        self.0.push_back(reply.end);
    }

    /// How many are not taken.
    pub fn count(&self, taken: u64) -> usize {
        self.0.len() - self.0.partition_point(|end| *end <= taken)
    }
}
