//! Which events of a subscription are held by whom, and what is confirmed: one value, without IO.
//!
//! Knows the stretch of the log between the confirmed part and what was read last. An event in it waits, is held by a
//! consumer until its deadline, rests after a refusal, or is confirmed. Reading, filtering, saving and sending are left
//! to `feed` and `owner`.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    domain::{Event, Payload},
    store::{Cursor, EventPage},
};

/// Positions between the confirmed part and the last one read; more are not taken in.
pub const MAX_POSITIONS: usize = 32_768;
/// How long an event rests after a consumer refused it, so that a consumer that refuses all does not spin.
const REST: Duration = Duration::from_secs(1);
/// Octets of events handed out at once, roughly, so that a batch stays below the clients' usual limit of 4 MiB.
const BATCH_OCTETS: usize = 1024 * 1024;

/// A consumer, as long as it is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsumerKey(pub u64);

impl ConsumerKey {
    /// All who pull: they hold events until the deadline and have no credit of their own.
    pub const PULL: Self = Self(0);
}

/// An event on its way to a consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The event.
    pub event: Arc<Event>,
    /// The how manieth delivery this is, from 1.
    pub attempt: u32,
}

/// What a confirmation found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acked {
    /// It is confirmed now.
    Now,
    /// It was confirmed before.
    Before,
    /// It was not delivered since the daemon started, or the subscription was moved away from it.
    NotDelivered,
}

/// The leases of one subscription.
#[derive(Debug)]
pub struct Leases {
    /// Everything up to here is done with.
    acked: u64,
    /// The positions after `acked`, without gaps.
    positions: VecDeque<Position>,
    /// Confirmed according to the stored cursor, but not read again yet.
    ahead: BTreeSet<u64>,
    waiting: BTreeSet<u64>,
    deadlines: BTreeSet<(Instant, u64)>,
    consumers: BTreeMap<ConsumerKey, Consumer>,
    /// 0: an event is never given up.
    max_attempts: u32,
    dead_letters: u64,
    revision: u64,
}

#[derive(Debug)]
enum Position {
    /// Not for this subscription, or no more in the log.
    Passed,
    /// Confirmed or given up.
    Done,
    Held(Box<Held>),
}

#[derive(Debug)]
struct Held {
    event: Arc<Event>,
    attempts: u32,
    holder: Holder,
}

#[derive(Debug, Clone, Copy)]
enum Holder {
    Nobody,
    Resting { until: Instant },
    Consumer { key: ConsumerKey, until: Instant },
}

#[derive(Debug)]
struct Consumer {
    credit: usize,
    in_flight: usize,
    ack_deadline: Duration,
}

impl Leases {
    /// Goes on from a stored cursor; `ack_deadline` holds for those who pull.
    #[must_use]
    pub fn new(cursor: Cursor, ack_deadline: Duration, max_attempts: u32) -> Self {
        let pull = Consumer { credit: usize::MAX, in_flight: 0, ack_deadline };
        Self {
            acked: cursor.acked,
            positions: VecDeque::new(),
            ahead: cursor.ahead.into_iter().filter(|sequence| *sequence > cursor.acked).collect(),
            waiting: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            consumers: BTreeMap::from([(ConsumerKey::PULL, pull)]),
            max_attempts,
            dead_letters: 0,
            revision: 0,
        }
    }

    /// Where the feed goes on reading.
    #[must_use]
    pub fn read_after(&self) -> u64 {
        self.acked + self.positions.len() as u64
    }

    /// Positions that may still be read.
    #[must_use]
    pub fn room(&self) -> usize {
        MAX_POSITIONS.saturating_sub(self.positions.len())
    }

    /// Events that wait for a consumer.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Takes in the stretch of the log after [`Self::read_after`]; what is not `wanted` counts as confirmed.
    pub fn handle_page(&mut self, page: EventPage, wanted: impl Fn(&Event) -> bool) {
        for event in page.events {
            let sequence = event.id.sequence;
            if sequence <= self.read_after() {
                continue;
            }
            self.pass_to(sequence - 1);
            if self.read_after() + 1 != sequence || self.room() == 0 {
                return;
            }
            let position = if self.ahead.remove(&sequence) {
                Position::Done
            } else if wanted(&event) {
                self.waiting.insert(sequence);
                Position::Held(Box::new(Held { event: Arc::new(event), attempts: 0, holder: Holder::Nobody }))
            } else {
                Position::Passed
            };
            self.positions.push_back(position);
            self.advance();
        }
        self.pass_to(page.upto);
    }

    /// Lets a consumer hold `credit` events at a time, each for `ack_deadline`.
    pub fn attach(&mut self, key: ConsumerKey, credit: usize, ack_deadline: Duration) {
        self.consumers.insert(key, Consumer { credit, in_flight: 0, ack_deadline });
    }

    /// Lets a consumer hold `credit` more, `max` at most.
    pub fn grant(&mut self, key: ConsumerKey, credit: usize, max: usize) {
        if let Some(consumer) = self.consumers.get_mut(&key) {
            consumer.credit = consumer.credit.saturating_add(credit).min(max);
        }
    }

    /// Forgets a consumer; what it held waits for the others at once.
    pub fn detach(&mut self, key: ConsumerKey) {
        if self.consumers.remove(&key).is_none() {
            return;
        }
        let held: Vec<u64> = self
            .deadlines
            .iter()
            .map(|(_, sequence)| *sequence)
            .filter(|sequence| matches!(self.holder(*sequence), Some(Holder::Consumer { key: by, .. }) if by == key))
            .collect();
        for sequence in held {
            self.release(sequence);
            self.retry(sequence, None);
        }
    }

    /// How many events a consumer may still be given.
    #[must_use]
    pub fn free_credit(&self, key: ConsumerKey) -> usize {
        self.consumers.get(&key).map_or(0, |consumer| consumer.credit.saturating_sub(consumer.in_flight))
    }

    /// Hands out up to `max` waiting events, oldest first, within the consumer's credit.
    pub fn take(&mut self, key: ConsumerKey, max: usize, now: Instant) -> Vec<Delivered> {
        let mut taken = Vec::new();
        let mut octets = 0;
        let Some(consumer) = self.consumers.get_mut(&key) else { return taken };
        let most = max.min(consumer.credit.saturating_sub(consumer.in_flight));
        let until = now + consumer.ack_deadline;
        while taken.len() < most && octets < BATCH_OCTETS {
            let Some(sequence) = self.waiting.pop_first() else { break };
            let index = (sequence - self.acked - 1) as usize;
            let Some(Position::Held(held)) = self.positions.get_mut(index) else { continue };
            held.attempts = held.attempts.saturating_add(1);
            held.holder = Holder::Consumer { key, until };
            octets += rough_octets(&held.event);
            taken.push(Delivered { event: held.event.clone(), attempt: held.attempts });
            self.deadlines.insert((until, sequence));
            consumer.in_flight += 1;
        }
        taken
    }

    /// Confirms an event, whoever holds it.
    pub fn ack(&mut self, sequence: u64) -> Acked {
        if sequence <= self.acked || self.ahead.contains(&sequence) {
            return Acked::Before;
        }
        match self.position_mut(sequence) {
            Some(Position::Done) => Acked::Before,
            Some(Position::Held(held)) if held.attempts > 0 => {
                self.release(sequence);
                self.finish(sequence);
                Acked::Now
            }
            _ => Acked::NotDelivered,
        }
    }

    /// Gives an event back that could not be handled. No if it is not held (by this consumer, if one is named).
    pub fn nack(&mut self, sequence: u64, by: Option<ConsumerKey>, now: Instant) -> bool {
        if !self.is_held(sequence, by) {
            return false;
        }
        self.release(sequence);
        self.retry(sequence, Some(now + REST));
        true
    }

    /// Starts the deadline of a held event anew. No if it is not held (by this consumer, if one is named).
    pub fn extend(&mut self, sequence: u64, by: Option<ConsumerKey>, now: Instant) -> bool {
        if !self.is_held(sequence, by) {
            return false;
        }
        let Some(Holder::Consumer { key, until }) = self.holder(sequence) else { return false };
        let Some(consumer) = self.consumers.get(&key) else { return false };
        let later = now + consumer.ack_deadline;
        self.deadlines.remove(&(until, sequence));
        self.deadlines.insert((later, sequence));
        if let Some(Position::Held(held)) = self.position_mut(sequence) {
            held.holder = Holder::Consumer { key, until: later };
        }
        true
    }

    /// When [`Self::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(until, _)| *until)
    }

    /// Takes events back whose deadline has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((until, sequence)) = self.deadlines.first().copied() {
            if until > now {
                return;
            }
            let rested = matches!(self.holder(sequence), Some(Holder::Resting { .. }));
            self.deadlines.pop_first();
            self.release(sequence);
            if rested {
                self.wait(sequence);
            } else {
                self.retry(sequence, None);
            }
        }
    }

    /// Goes to another place in the log; what is held or confirmed is forgotten.
    pub fn seek(&mut self, acked: u64) {
        self.acked = acked;
        self.positions.clear();
        self.ahead.clear();
        self.waiting.clear();
        self.deadlines.clear();
        for consumer in self.consumers.values_mut() {
            consumer.in_flight = 0;
        }
        self.revision += 1;
    }

    /// What is confirmed, to be saved.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        let done =
            |(position, sequence): (&Position, u64)| matches!(position, Position::Done).then_some(sequence);
        let mut ahead: Vec<u64> = self.positions.iter().zip(self.acked + 1..).filter_map(done).collect();
        ahead.extend(&self.ahead);
        Cursor { acked: self.acked, ahead }
    }

    /// Rises whenever the cursor changes.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Events given up since the start.
    #[must_use]
    pub fn dead_letters(&self) -> u64 {
        self.dead_letters
    }

    fn pass_to(&mut self, sequence: u64) {
        if self.positions.is_empty() {
            // Nothing is held, so a stretch of any length can be passed at once.
            if sequence > self.acked {
                self.acked = sequence;
                self.ahead = self.ahead.split_off(&(sequence + 1));
                self.revision += 1;
            }
            return;
        }
        while self.read_after() < sequence && self.room() > 0 {
            self.ahead.remove(&(self.read_after() + 1));
            self.positions.push_back(Position::Passed);
        }
    }

    fn position_mut(&mut self, sequence: u64) -> Option<&mut Position> {
        let index = usize::try_from(sequence.checked_sub(self.acked + 1)?).ok()?;
        self.positions.get_mut(index)
    }

    fn holder(&self, sequence: u64) -> Option<Holder> {
        let index = usize::try_from(sequence.checked_sub(self.acked + 1)?).ok()?;
        match self.positions.get(index)? {
            Position::Held(held) => Some(held.holder),
            _ => None,
        }
    }

    fn is_held(&self, sequence: u64, by: Option<ConsumerKey>) -> bool {
        matches!(self.holder(sequence), Some(Holder::Consumer { key, .. }) if by.is_none_or(|by| by == key))
    }

    /// Takes an event from whoever holds it; it is nowhere until the caller puts it somewhere.
    fn release(&mut self, sequence: u64) {
        self.waiting.remove(&sequence);
        match self.holder(sequence) {
            Some(Holder::Consumer { key, until }) => {
                self.deadlines.remove(&(until, sequence));
                if let Some(consumer) = self.consumers.get_mut(&key) {
                    consumer.in_flight = consumer.in_flight.saturating_sub(1);
                }
            }
            Some(Holder::Resting { until }) => {
                self.deadlines.remove(&(until, sequence));
            }
            Some(Holder::Nobody) | None => {}
        }
        if let Some(Position::Held(held)) = self.position_mut(sequence) {
            held.holder = Holder::Nobody;
        }
    }

    /// Lets a released event be delivered again, after a rest or at once, or gives it up.
    fn retry(&mut self, sequence: u64, rest_until: Option<Instant>) {
        let max_attempts = self.max_attempts;
        let Some(Position::Held(held)) = self.position_mut(sequence) else { return };
        if max_attempts > 0 && held.attempts >= max_attempts {
            self.dead_letters += 1;
            self.finish(sequence);
        } else if let Some(until) = rest_until {
            held.holder = Holder::Resting { until };
            self.deadlines.insert((until, sequence));
        } else {
            self.wait(sequence);
        }
    }

    fn wait(&mut self, sequence: u64) {
        self.waiting.insert(sequence);
    }

    fn finish(&mut self, sequence: u64) {
        if let Some(position) = self.position_mut(sequence) {
            *position = Position::Done;
        }
        self.revision += 1;
        self.advance();
    }

    fn advance(&mut self) {
        while let Some(Position::Passed | Position::Done) = self.positions.front() {
            self.positions.pop_front();
            self.acked += 1;
            self.revision += 1;
        }
    }
}

/// What an event weighs in a batch.
fn rough_octets(event: &Event) -> usize {
    let labels: usize = event.labels.iter().map(|(key, value)| key.len() + value.len()).sum();
    let payload = match &event.payload {
        Payload::Inbound(inbound) => inbound.text.len() + inbound.raw.len(),
        Payload::Orphan(orphan) => orphan.report.raw.len(),
        Payload::Call(moved) => moved.octets(),
        Payload::CallRecord(record) => record.attempts.len() * 256,
        Payload::InboundCall(call) => call.sdp.as_ref().map_or(0, |sdp| sdp.octets().len()),
        Payload::Message(_) | Payload::Trunk(_) => 0,
    };
    512 + labels + payload
}

#[cfg(test)]
mod tests;
