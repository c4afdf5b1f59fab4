//! What a crash makes of tries that may have been on the wire.

use super::bench::*;
use crate::{
    domain::{MessageState, SegmentState, SubmitOutcome},
    store::{Attempt, NextStep, Recovered},
};

#[tokio::test]
async fn a_try_on_the_wire_at_a_crash_is_unknown_by_its_messages_policy() {
    let mut bench = Bench::new();
    let (awaits, resends) = (bench.accept(new("r1")).await, bench.accept(resubmitted("r2")).await);
    let unsent = bench.accept(new("r3")).await;
    for id in [awaits, resends] {
        bench.begin(&attempt(id, 1)).await;
    }
    bench.restart();
    let recovered = Recovered { open: 3, ambiguous: 2, resubmitted: 1, parked: 0, calls: 0 };
    assert_eq!(bench.recovered, recovered);
    assert_eq!(bench.segment(awaits, 1).await, SegmentState::Ambiguous);
    let delivery = bench.message(resends).await.delivery;
    assert_eq!((delivery.segments[0].state, delivery.segments[0].attempts), (SegmentState::Queued, 1));
    assert!(delivery.possible_duplicate);
    let queued = bench.queued().await;
    let ids: Vec<_> = queued.iter().map(|stored| stored.message.id).collect();
    assert_eq!(ids, [resends, unsent]);
    // The marks are gone: a second start finds nothing.
    bench.restart();
    assert_eq!(bench.recovered, Recovered { open: 3, ..Recovered::default() });
    assert_eq!(bench.message(resends).await.delivery.segments[0].attempts, 1);
    assert_eq!(bench.log().await.len(), 0);
}

#[tokio::test]
async fn a_settled_try_is_not_unknown_although_its_row_still_names_it() {
    let mut bench = Bench::new();
    let mut ids = Vec::new();
    for request in ["taken", "refused", "never sent", "ended", "open"] {
        ids.push(bench.accept(new(request)).await);
    }
    let tries: Vec<Attempt> = ids.iter().map(|id| attempt(*id, 1)).collect();
    bench.store().begin_attempts(trunk(), tries.clone()).await.unwrap();
    let again = NextStep::Again { duplicate: false };
    let settlements = vec![
        taken(tries[0].clone(), "c0"),
        settlement(tries[1].clone(), refusal(), again),
        settlement(tries[2].clone(), SubmitOutcome::NeverSent, again),
        settlement(tries[3].clone(), refusal(), NextStep::End(SegmentState::Rejected)),
    ];
    bench.store().settle(trunk(), settlements).await.unwrap();
    bench.restart();
    assert_eq!((bench.recovered.ambiguous, bench.recovered.open), (1, 4));
    assert_eq!(bench.state(ids[0]).await, MessageState::Submitted);
    assert_eq!(bench.state(ids[1]).await, MessageState::Accepted);
    assert_eq!(bench.state(ids[2]).await, MessageState::Accepted);
    assert_eq!(bench.state(ids[4]).await, MessageState::Submitting);
}

#[tokio::test]
async fn a_second_try_on_the_wire_is_unknown_although_the_first_never_left() {
    let mut bench = Bench::new();
    let id = bench.accept(new("r1")).await;
    let first = attempt(id, 1);
    bench.begin(&first).await;
    bench
        .settle(settlement(first.clone(), SubmitOutcome::NeverSent, NextStep::Again { duplicate: false }))
        .await;
    let submit_time = first.submit_time + std::time::Duration::from_millis(1);
    bench.begin(&Attempt { submit_time, ..first }).await;
    bench.restart();
    assert_eq!(bench.segment(id, 1).await, SegmentState::Ambiguous);
}

#[tokio::test]
async fn a_crash_with_a_new_plan_on_the_wire_keeps_the_new_plan() {
    let mut bench = Bench::new();
    let id = bench.accept(new("r1")).await;
    let tries = (1..=3).map(|number| Attempt { plan: plan(3), ..attempt(id, number) }).collect();
    bench.store().begin_attempts(trunk(), tries).await.unwrap();
    bench.restart();
    assert_eq!(bench.recovered.ambiguous, 3);
    let delivery = bench.message(id).await.delivery;
    assert!(delivery.segments.iter().all(|segment| segment.state == SegmentState::Ambiguous));
    assert_eq!((delivery.plan.segments, delivery.segments.len()), (3, 3));
}

#[tokio::test]
async fn marks_stay_few_and_complete_when_answers_do_not_come() {
    let mut bench = Bench::new();
    let mut open = Vec::new();
    for number in 0..600 {
        let (stays, goes) =
            (bench.accept(new(&format!("s{number}"))).await, bench.accept(new(&format!("g{number}"))).await);
        let tries = vec![attempt(stays, 1), attempt(goes, 1)];
        bench.store().begin_attempts(trunk(), tries.clone()).await.unwrap();
        bench.settle(taken(tries[1].clone(), &format!("c{number}"))).await;
        open.push(stays);
    }
    bench.restart();
    assert_eq!(bench.recovered.ambiguous, 600);
    for id in open {
        assert_eq!(bench.segment(id, 1).await, SegmentState::Ambiguous);
    }
}

#[tokio::test]
async fn a_message_never_changes_after_it_was_accepted() {
    let mut bench = Bench::new();
    let accepted = segments("r1", 2);
    let asked = accepted.message.clone();
    let id = bench.accept(accepted).await;
    bench.begin(&Attempt { plan: plan(2), ..attempt(id, 1) }).await;
    bench.restart();
    assert_eq!(bench.message(id).await.message, asked);
}
