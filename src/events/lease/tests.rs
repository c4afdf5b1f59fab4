//! Leases in virtual time, by example and against a small reference.

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
    assert_eq!((leases.room(), leases.waiting()), (0, 0), "bounded while an event before the gap is held");
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
