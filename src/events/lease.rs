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
        Payload::Message(_) | Payload::Trunk(_) => 0,
    };
    512 + labels + payload
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;
    use crate::domain::{EventId, TrunkMoved};

    const DEADLINE: Duration = Duration::from_secs(10);
    const A: ConsumerKey = ConsumerKey(1);
    const B: ConsumerKey = ConsumerKey(2);

    fn event(sequence: u64) -> Event {
        let moved = TrunkMoved { trunk_id: "t".into(), bound_links: 1, wanted_links: 1, status: None };
        let time = "2026-03-01T12:00:00Z".parse().unwrap();
        Event { id: EventId { sequence }, ..Event::of(Payload::Trunk(moved), time) }
    }

    fn page(from: u64, upto: u64) -> EventPage {
        EventPage { events: (from..=upto).map(event).collect(), upto }
    }

    fn sequences(delivered: &[Delivered]) -> Vec<u64> {
        delivered.iter().map(|delivered| delivered.event.id.sequence).collect()
    }

    fn leases(upto: u64) -> Leases {
        let mut leases = Leases::new(Cursor::default(), DEADLINE, 0);
        leases.handle_page(page(1, upto), |_| true);
        leases.attach(A, 3, DEADLINE);
        leases
    }

    #[test]
    fn never_gives_a_consumer_more_than_its_credit() {
        let now = Instant::now();
        let mut leases = leases(10);
        assert_eq!(sequences(&leases.take(A, 100, now)), [1, 2, 3]);
        assert!(leases.take(A, 100, now).is_empty());
        assert_eq!(leases.ack(2), Acked::Now);
        assert_eq!(sequences(&leases.take(A, 100, now)), [4]);
        leases.grant(A, 2, 100);
        assert_eq!(sequences(&leases.take(A, 100, now)), [5, 6]);
        leases.grant(A, 100, 6);
        assert_eq!(sequences(&leases.take(A, 100, now)), [7], "grants end at the maximum");
    }

    #[test]
    fn the_cursor_is_contiguous_and_keeps_what_is_ahead() {
        let now = Instant::now();
        let mut leases = leases(5);
        leases.take(A, 3, now);
        leases.ack(3);
        assert_eq!(leases.cursor(), Cursor { acked: 0, ahead: vec![3] });
        leases.ack(1);
        assert_eq!(leases.cursor(), Cursor { acked: 1, ahead: vec![3] });
        leases.ack(2);
        assert_eq!(leases.cursor(), Cursor { acked: 3, ahead: vec![] });
    }

    #[test]
    fn an_event_comes_again_after_its_deadline_and_an_extension_puts_that_off() {
        let start = Instant::now();
        let mut leases = leases(2);
        leases.take(A, 2, start);
        let later = start + DEADLINE / 2;
        assert!(leases.extend(2, Some(A), later));
        assert_eq!(leases.poll_timeout(), Some(start + DEADLINE));
        leases.handle_timeout(start + DEADLINE);
        let again = leases.take(A, 5, start + DEADLINE);
        assert_eq!((sequences(&again), again[0].attempt), (vec![1], 2));
        leases.handle_timeout(later + DEADLINE);
        assert_eq!(sequences(&leases.take(A, 5, later + DEADLINE)), [2]);
    }

    #[test]
    fn a_late_confirmation_counts_even_when_another_holds_the_event() {
        let start = Instant::now();
        let mut leases = leases(1);
        leases.attach(B, 1, DEADLINE);
        leases.take(A, 1, start);
        leases.handle_timeout(start + DEADLINE);
        assert_eq!(leases.take(B, 1, start + DEADLINE).len(), 1);
        assert!(!leases.nack(1, Some(A), start + DEADLINE), "A holds it no more");
        assert_eq!(leases.ack(1), Acked::Now);
        assert_eq!((leases.ack(1), leases.free_credit(B)), (Acked::Before, 1));
    }

    #[test]
    fn a_refused_event_rests_before_it_comes_again() {
        let now = Instant::now();
        let mut leases = leases(1);
        leases.take(A, 1, now);
        assert!(leases.nack(1, Some(A), now));
        assert!(leases.take(A, 1, now).is_empty());
        assert_eq!(leases.ack(2), Acked::NotDelivered);
        leases.handle_timeout(now + REST);
        assert_eq!(leases.take(A, 1, now + REST)[0].attempt, 2);
    }

    #[test]
    fn a_resting_event_can_still_be_confirmed() {
        let now = Instant::now();
        let mut leases = leases(1);
        leases.take(A, 1, now);
        leases.nack(1, None, now);
        assert_eq!(leases.ack(1), Acked::Now);
        assert_eq!((leases.poll_timeout(), leases.cursor().acked), (None, 1));
    }

    #[test]
    fn an_event_is_given_up_after_its_last_attempt() {
        let now = Instant::now();
        let mut leases = Leases::new(Cursor::default(), DEADLINE, 2);
        leases.handle_page(page(1, 1), |_| true);
        leases.attach(A, 1, DEADLINE);
        for _ in 0..2 {
            assert_eq!(leases.take(A, 1, now).len(), 1);
            leases.nack(1, Some(A), now);
            leases.handle_timeout(now + REST);
        }
        assert_eq!((leases.take(A, 1, now).len(), leases.dead_letters(), leases.cursor().acked), (0, 1, 1));
    }

    #[test]
    fn what_a_leaving_consumer_held_goes_to_the_others_at_once() {
        let now = Instant::now();
        let mut leases = leases(3);
        leases.attach(B, 3, DEADLINE);
        leases.take(A, 2, now);
        leases.detach(A);
        assert_eq!(sequences(&leases.take(B, 3, now)), [1, 2, 3]);
        assert_eq!(leases.free_credit(A), 0);
    }

    #[test]
    fn what_nobody_asked_for_counts_as_confirmed() {
        let mut leases = Leases::new(Cursor::default(), DEADLINE, 0);
        leases.handle_page(page(1, 4), |event| event.id.sequence == 3);
        assert_eq!((leases.waiting(), leases.cursor()), (1, Cursor { acked: 2, ahead: vec![] }));
        assert_eq!(leases.ack(4), Acked::NotDelivered);
    }

    #[test]
    fn goes_over_a_stretch_that_the_log_has_dropped() {
        let now = Instant::now();
        let mut leases = Leases::new(Cursor { acked: 5, ahead: vec![7, 2_000_001] }, DEADLINE, 0);
        leases.handle_page(page(2_000_000, 2_000_002), |_| true);
        leases.attach(A, 10, DEADLINE);
        assert_eq!(sequences(&leases.take(A, 10, now)), [2_000_000, 2_000_002]);
        leases.handle_page(page(4_000_000, 4_000_000), |_| true);
        assert_eq!(
            (leases.room(), leases.waiting()),
            (0, 0),
            "bounded while an event before the gap is held"
        );
        leases.ack(2_000_000);
        leases.ack(2_000_002);
        leases.handle_page(page(4_000_000, 4_000_000), |_| true);
        assert_eq!(sequences(&leases.take(A, 10, now)), [4_000_000]);
    }

    #[test]
    fn a_move_forgets_what_was_held() {
        let now = Instant::now();
        let mut leases = leases(3);
        leases.take(A, 3, now);
        leases.seek(1);
        assert_eq!((leases.ack(2), leases.free_credit(A), leases.read_after()), (Acked::NotDelivered, 3, 1));
        leases.handle_page(page(2, 3), |_| true);
        assert_eq!(leases.take(A, 9, now)[0].attempt, 1);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Read(u64),
        Take(bool, usize),
        Ack(usize),
        Nack(usize),
        Extend(usize),
        Pass(u64),
        Leave(bool),
        Restart,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (1..6_u64).prop_map(Step::Read),
            (any::<bool>(), 1..6_usize).prop_map(|(first, max)| Step::Take(first, max)),
            (0..64_usize).prop_map(Step::Ack),
            (0..64_usize).prop_map(Step::Nack),
            (0..64_usize).prop_map(Step::Extend),
            (1..12_u64).prop_map(Step::Pass),
            any::<bool>().prop_map(Step::Leave),
            Just(Step::Restart),
        ]
    }

    proptest! {
        #[test]
        fn every_event_is_delivered_until_it_is_confirmed_and_never_after(
            steps in proptest::collection::vec(step(), 1..200)
        ) {
            let wanted = |event: &Event| !event.id.sequence.is_multiple_of(4);
            let start = Instant::now();
            let mut now = start;
            let fresh = |cursor: Cursor| {
                let mut leases = Leases::new(cursor, DEADLINE, 0);
                leases.attach(A, 4, DEADLINE);
                leases.attach(B, 2, DEADLINE);
                leases
            };
            let mut leases = fresh(Cursor::default());
            let mut confirmed: HashSet<u64> = HashSet::new();
            let mut last_read = 0;
            // Delivered in this life and not confirmed: who may hold it, for counting against the credit.
            let mut seen: Vec<u64> = Vec::new();
            let mut holders: HashMap<u64, ConsumerKey> = HashMap::new();
            for step in steps {
                match step {
                    Step::Read(count) => {
                        let after = leases.read_after();
                        leases.handle_page(page(after + 1, after + count), wanted);
                        last_read = last_read.max(after + count);
                    }
                    Step::Take(first, max) => {
                        let key = if first { A } else { B };
                        for delivered in leases.take(key, max, now) {
                            let sequence = delivered.event.id.sequence;
                            prop_assert!(!confirmed.contains(&sequence), "{sequence} came after its confirmation");
                            prop_assert!(sequence % 4 != 0, "{sequence} was not asked for");
                            seen.push(sequence);
                            holders.insert(sequence, key);
                        }
                        let held = leases.deadlines.iter().filter(|(_, sequence)| {
                            matches!(leases.holder(*sequence), Some(Holder::Consumer { key: by, .. }) if by == key)
                        }).count();
                        let credit = if first { 4 } else { 2 };
                        prop_assert!(held <= credit);
                        prop_assert_eq!(held, leases.consumers[&key].in_flight);
                    }
                    Step::Ack(pick) if !seen.is_empty() => {
                        let sequence = seen[pick % seen.len()];
                        let expected = if confirmed.insert(sequence) { Acked::Now } else { Acked::Before };
                        prop_assert_eq!(leases.ack(sequence), expected);
                    }
                    Step::Nack(pick) if !seen.is_empty() => {
                        let sequence = seen[pick % seen.len()];
                        leases.nack(sequence, Some(holders[&sequence]), now);
                    }
                    Step::Extend(pick) if !seen.is_empty() => {
                        leases.extend(seen[pick % seen.len()], None, now);
                    }
                    Step::Ack(_) | Step::Nack(_) | Step::Extend(_) => {}
                    Step::Pass(seconds) => {
                        now += Duration::from_secs(seconds);
                        leases.handle_timeout(now);
                        prop_assert!(leases.poll_timeout().is_none_or(|deadline| deadline > now));
                    }
                    Step::Leave(first) => {
                        let (key, credit) = if first { (A, 4) } else { (B, 2) };
                        leases.detach(key);
                        leases.attach(key, credit, DEADLINE);
                    }
                    Step::Restart => {
                        leases = fresh(leases.cursor());
                        seen.clear();
                        holders.clear();
                    }
                }
                let cursor = leases.cursor();
                prop_assert!((1..=cursor.acked).all(|sequence| sequence % 4 == 0 || confirmed.contains(&sequence)));
                prop_assert!(cursor.ahead.iter().all(|sequence| *sequence > cursor.acked && confirmed.contains(sequence)));
                prop_assert!(cursor.ahead.is_sorted());
            }
            // Whatever happened: a patient consumer gets all the rest, and the cursor ends at the end.
            let mut leases = fresh(leases.cursor());
            while leases.read_after() < last_read {
                leases.handle_page(page(leases.read_after() + 1, last_read), wanted);
            }
            loop {
                let batch = leases.take(A, 100, now);
                if batch.is_empty() {
                    break;
                }
                for delivered in batch {
                    prop_assert!(confirmed.insert(delivered.event.id.sequence));
                    leases.ack(delivered.event.id.sequence);
                }
            }
            prop_assert_eq!(leases.cursor(), Cursor { acked: last_read, ahead: vec![] });
            prop_assert!((1..=last_read).all(|sequence| sequence % 4 == 0 || confirmed.contains(&sequence)));
        }
    }
}
