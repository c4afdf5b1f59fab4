//! Acceptance, outcomes and ends.

use std::sync::Arc;

use super::bench::*;
use crate::{
    domain::{
        CarrierStatus, EventKind, FailureClass, MessageId, MessageState, Payload, Report, ReportedState,
        SegmentState, SubmitOutcome, UnknownCause,
    },
    store::{Accepted, Attempt, Ending, MessageKey, NextStep, ReportFate, Settlement, StoreError, Withdrawn},
};

#[tokio::test]
async fn a_message_is_accepted_sent_and_delivered_with_one_event() {
    with_a_restart_anywhere(async |bench| {
        let id = bench.accept(new("r1")).await;
        bench.step();
        assert_eq!(bench.state(id).await, MessageState::Accepted);
        assert_eq!(bench.queued().await.len(), 1);
        let settled = bench.submit(id, "c1").await;
        bench.step();
        assert_eq!((settled.state, settled.ended), (MessageState::Submitted, false));
        assert!(bench.queued().await.is_empty());
        let fate = bench.report(report("c1", ReportedState::Delivered)).await;
        bench.step();
        assert_eq!(fate, ReportFate::Applied { state: MessageState::Delivered, ended: true });
        assert_eq!(bench.report(report("c1", ReportedState::Delivered)).await, ReportFate::Repeated);
        bench.step();
        assert_eq!(bench.report(report("c1", ReportedState::Undelivered)).await, ReportFate::Contradicts);
        bench.step();
        let log = bench.log().await;
        assert_eq!(log.len(), 1);
        let event = &log[0];
        assert_eq!((event.tenant_id.as_str(), event.client_reference.as_str()), ("acme", "ref"));
        assert_eq!(event.labels, [("team".to_owned(), "a".to_owned())]);
        assert_eq!(
            (event.trace_parent.as_str(), event.payload.kind()),
            ("00-trace", EventKind::MessageState)
        );
        let Payload::Message(moved) = &event.payload else { panic!("another kind") };
        assert_eq!((moved.message_id, moved.request_id.as_str()), (id, "r1"));
        assert_eq!((moved.previous, moved.state), (MessageState::Submitted, MessageState::Delivered));
        assert_eq!((moved.segments, moved.delivered, moved.possible_duplicate), (1, 1, false));
        let (number, segment) = moved.segment.clone().unwrap();
        assert_eq!((number, segment.carrier_id, segment.attempts), (1, Some("c1".into()), 1));
        let stored = bench.message(id).await;
        assert_eq!(stored.delivery.ended.unwrap().state, MessageState::Delivered);
        assert_eq!(bench.store().usage().open, 0);
    })
    .await;
}

#[tokio::test]
async fn a_request_seen_again_gets_its_first_answer() {
    with_a_restart_anywhere(async |bench| {
        let first = new("r1");
        let (id, time) = (first.message.id, first.message.accept_time);
        bench.accept(first).await;
        bench.step();
        let again = Accepted::Replayed { message_id: id, accept_time: time, plan: plan(1) };
        assert_eq!(bench.store().accept(vec![new("r1")]).await.unwrap()[0], again);
        bench.step();
        let mut other = new("r1");
        other.digest = [2; 16];
        assert_eq!(bench.store().accept(vec![other]).await.unwrap(), [Accepted::Mismatch]);
        let mut stranger = new("r1");
        Arc::make_mut(&mut stranger.message).tenant_id = "other".into();
        assert_eq!(bench.store().accept(vec![stranger]).await.unwrap(), [Accepted::New]);
        bench.step();
        bench.submit(id, "c1").await;
        bench.report(report("c1", ReportedState::Delivered)).await;
        assert_eq!(bench.store().accept(vec![new("r1")]).await.unwrap()[0], again);
        let by_request = bench.store().message(MessageKey::Request(new("r1").message.request_key())).await;
        assert_eq!(by_request.unwrap().unwrap().message.id, id);
    })
    .await;
}

#[tokio::test]
async fn a_request_twice_in_one_call_is_one_message() {
    let bench = Bench::new();
    let (one, two) = (new("r1"), new("r1"));
    let mut three = new("r1");
    three.digest = [9; 16];
    let id = one.message.id;
    let answers = bench.store().accept(vec![one, two, three, new("r2")]).await.unwrap();
    assert_eq!(answers[0], Accepted::New);
    assert!(matches!(answers[1], Accepted::Replayed { message_id, .. } if message_id == id));
    assert_eq!(answers[2..], [Accepted::Mismatch, Accepted::New]);
    assert_eq!(bench.queued().await.len(), 2);
}

#[tokio::test]
async fn a_message_arrives_when_its_last_segment_does() {
    with_a_restart_anywhere(async |bench| {
        let id = bench.accept(segments("r1", 2)).await;
        for (number, carrier_id) in [(1, "c1"), (2, "c2")] {
            let attempt = Attempt { plan: plan(2), ..attempt(id, number) };
            bench.begin(&attempt).await;
            bench.settle(taken(attempt, carrier_id)).await;
            bench.step();
        }
        assert_eq!(bench.state(id).await, MessageState::Submitted);
        let fate = bench.report(report("c2", ReportedState::Delivered)).await;
        bench.step();
        assert_eq!(fate, ReportFate::Applied { state: MessageState::Submitted, ended: false });
        bench.report(report("c1", ReportedState::Delivered)).await;
        bench.step();
        assert_eq!(bench.moves().await, [(id, MessageState::Delivered)]);
    })
    .await;
}

#[tokio::test]
async fn a_refusal_ends_the_message_and_what_comes_later_is_noted() {
    with_a_restart_anywhere(async |bench| {
        let id = bench.accept(segments("r1", 3)).await;
        let try_of = |number| Attempt { plan: plan(3), ..attempt(id, number) };
        let (first, second) = (try_of(1), try_of(2));
        bench.store().begin_attempts(trunk(), vec![first.clone(), second.clone()]).await.unwrap();
        let end = NextStep::End(SegmentState::Rejected);
        let settled = bench.settle(settlement(second, refusal(), end)).await;
        assert_eq!((settled.state, settled.ended), (MessageState::Rejected, true));
        // The answer to the first segment comes after the end.
        let settled = bench.settle(taken(first, "c1")).await;
        bench.step();
        assert_eq!((settled.state, settled.ended), (MessageState::Rejected, true));
        let over = bench.store().begin_attempts(trunk(), vec![try_of(3)]).await.unwrap();
        assert_eq!(over.len(), 1, "a segment of an ended message must not be sent");
        bench.step();
        assert_ne!(bench.report(report("c1", ReportedState::Delivered)).await, ReportFate::Parked);
        bench.step();
        assert_eq!(bench.moves().await, [(id, MessageState::Rejected)]);
        let status = bench.message(id).await.delivery.status.unwrap();
        assert_eq!(status.raw_text, "refused");
    })
    .await;
}

#[tokio::test]
async fn without_a_report_the_carriers_acceptance_is_the_end() {
    with_a_restart_anywhere(async |bench| {
        let mut unreported = new("r1");
        Arc::make_mut(&mut unreported.message).report_requested = false;
        let id = bench.accept(unreported).await;
        bench.step();
        assert!(bench.submit(id, "c1").await.ended);
        bench.step();
        assert_eq!(bench.moves().await, [(id, MessageState::Submitted)]);
    })
    .await;
}

#[tokio::test]
async fn a_message_is_withdrawn_only_while_nothing_has_left() {
    with_a_restart_anywhere(async |bench| {
        let id = bench.accept(new("r1")).await;
        bench.step();
        assert_eq!(bench.store().withdraw(id).await.unwrap(), Withdrawn::Canceled);
        bench.step();
        let again = bench.store().withdraw(id).await.unwrap();
        assert_eq!(again, Withdrawn::NotCancelable(MessageState::Canceled));
        assert_eq!(bench.store().begin_attempts(trunk(), vec![attempt(id, 1)]).await.unwrap().len(), 1);
        bench.step();
        let sent = bench.accept(new("r2")).await;
        let mark = attempt(sent, 1);
        bench.begin(&mark).await;
        let on_wire = bench.store().withdraw(sent).await.unwrap();
        assert_eq!(on_wire, Withdrawn::NotCancelable(MessageState::Submitting));
        bench.settle(taken(mark, "c2")).await;
        bench.step();
        let taken = bench.store().withdraw(sent).await.unwrap();
        assert_eq!(taken, Withdrawn::NotCancelable(MessageState::Submitted));
        let unknown = crate::domain::MessageId::fresh();
        assert_eq!(bench.store().withdraw(unknown).await.unwrap(), Withdrawn::NotFound);
        assert_eq!(bench.moves().await, [(id, MessageState::Canceled)]);
    })
    .await;
}

/// Three parts: the first is on the wire, the second is refused, the third has not left.
async fn refused_in_the_middle(bench: &mut Bench) -> (MessageId, Attempt) {
    let id = bench.accept(segments("r1", 3)).await;
    let three = |segment| Attempt { plan: plan(3), ..attempt(id, segment) };
    let (first, second) = (three(1), three(2));
    bench.begin(&first).await;
    bench.begin(&second).await;
    let end = NextStep::End(SegmentState::Rejected);
    let settled = bench.settle(settlement(second, refusal(), end)).await;
    assert_eq!((settled.state, settled.ended_now), (MessageState::Rejected, true));
    (id, first)
}

#[tokio::test]
async fn a_part_that_is_on_the_wire_when_its_message_ends_is_not_said_to_be_unsent() {
    let mut bench = Bench::new();
    let (id, first) = refused_in_the_middle(&mut bench).await;
    assert_eq!(bench.segment(id, 1).await, SegmentState::Queued);
    assert_eq!(bench.segment(id, 3).await, SegmentState::Canceled);
    bench.settle(taken(first, "c1")).await;
    assert_eq!(bench.segment(id, 1).await, SegmentState::Submitted);
    bench.report(report("c1", ReportedState::Delivered)).await;
    assert_eq!(bench.segment(id, 1).await, SegmentState::Delivered);
    assert_eq!(bench.moves().await, [(id, MessageState::Rejected)]);
}

#[tokio::test]
async fn a_part_on_the_wire_of_a_message_that_has_ended_is_unknown_after_a_crash() {
    let mut bench = Bench::new();
    let (id, first) = refused_in_the_middle(&mut bench).await;
    bench.restart();
    assert_eq!((bench.recovered.ambiguous, bench.recovered.resubmitted), (1, 0));
    assert_eq!(bench.segment(id, 1).await, SegmentState::Ambiguous);
    let report = Report { submit_time: Some(first.submit_time), ..report("c1", ReportedState::Delivered) };
    assert_eq!(bench.report(report).await, ReportFate::ResolvedUnknown);
    assert_eq!(bench.segment(id, 1).await, SegmentState::Delivered);
    assert_eq!(bench.moves().await, [(id, MessageState::Rejected)]);
}

#[tokio::test]
async fn a_part_of_a_message_that_has_ended_is_not_sent_again() {
    for (outcome, state) in [
        (SubmitOutcome::NeverSent, SegmentState::Canceled),
        (SubmitOutcome::Unknown { cause: UnknownCause::LinkLost }, SegmentState::Ambiguous),
    ] {
        let mut bench = Bench::new();
        let (id, first) = refused_in_the_middle(&mut bench).await;
        let duplicate = matches!(outcome, SubmitOutcome::Unknown { .. });
        let settled = bench.settle(settlement(first, outcome, NextStep::Again { duplicate })).await;
        assert!(settled.ended && !settled.ended_now);
        assert_eq!(bench.segment(id, 1).await, state);
        assert!(!bench.message(id).await.delivery.possible_duplicate);
    }
}

#[tokio::test]
async fn what_the_carrier_may_have_does_not_expire() {
    let bench = Bench::new();
    let id = bench.accept(segments("r1", 2)).await;
    let two = |segment| Attempt { plan: plan(2), ..attempt(id, segment) };
    bench.begin(&two(1)).await;
    let ending = Ending {
        message_id: id,
        state: SegmentState::Expired,
        status: CarrierStatus::ours(FailureClass::Expired, true, "its validity ended"),
    };
    let settled = bench.store().end(vec![ending]).await.unwrap()[0];
    assert_eq!((settled.state, settled.ended_now), (MessageState::Expired, true));
    assert_eq!(bench.segment(id, 1).await, SegmentState::Queued);
    assert_eq!(bench.segment(id, 2).await, SegmentState::Expired);
}

#[tokio::test]
async fn an_expiry_is_told_once() {
    with_a_restart_anywhere(async |bench| {
        let id = bench.accept(new("r1")).await;
        bench.step();
        let ending = Ending {
            message_id: id,
            state: SegmentState::Expired,
            status: CarrierStatus::ours(FailureClass::Expired, true, "its validity ended"),
        };
        for _ in 0..2 {
            let settled = bench.store().end(vec![ending.clone()]).await.unwrap()[0];
            bench.step();
            assert_eq!((settled.state, settled.ended), (MessageState::Expired, true));
        }
        assert_eq!(bench.moves().await, [(id, MessageState::Expired)]);
    })
    .await;
}

#[tokio::test]
async fn a_segment_that_never_left_is_tried_again_without_counting() {
    with_a_restart_anywhere(async |bench| {
        let id = bench.accept(new("r1")).await;
        let never = attempt(id, 1);
        bench.begin(&never).await;
        bench.settle(settlement(never, SubmitOutcome::NeverSent, NextStep::Again { duplicate: false })).await;
        bench.step();
        let stored = bench.message(id).await;
        assert_eq!(stored.delivery.segments[0].attempts, 0);
        let refused = attempt(id, 1);
        bench.begin(&refused).await;
        bench.settle(settlement(refused, refusal(), NextStep::Again { duplicate: false })).await;
        bench.step();
        let stored = bench.message(id).await;
        assert_eq!((stored.delivery.segments[0].attempts, stored.delivery.possible_duplicate), (1, false));
        assert_eq!(stored.delivery.state(), MessageState::Accepted);
        assert_eq!(bench.queued().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_plan_of_the_trunk_that_takes_it_replaces_the_first_one() {
    with_a_restart_anywhere(async |bench| {
        let id = bench.accept(new("r1")).await;
        bench.step();
        let tries: Vec<Attempt> =
            (1..=2).map(|number| Attempt { plan: plan(2), ..attempt(id, number) }).collect();
        bench.store().begin_attempts(trunk(), tries.clone()).await.unwrap();
        let settlements = tries.into_iter().zip(["c1", "c2"]).map(|(one, id)| taken(one, id)).collect();
        let settled = bench.store().settle(trunk(), settlements).await.unwrap();
        bench.step();
        assert_eq!((settled[0].state, settled[1].state), (MessageState::Submitting, MessageState::Submitted));
        assert_eq!(bench.message(id).await.delivery.segments.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_late_answer_makes_an_unknown_segment_known() {
    with_a_restart_anywhere(async |bench| {
        let (taken_late, refused_late) = (bench.accept(new("r1")).await, bench.accept(new("r2")).await);
        let unknown = SubmitOutcome::Unknown { cause: UnknownCause::TimedOut };
        for id in [taken_late, refused_late] {
            let attempt = attempt(id, 1);
            bench.begin(&attempt).await;
            let settled = bench.settle(settlement(attempt, unknown.clone(), NextStep::Await)).await;
            assert_eq!(settled.state, MessageState::Submitting);
        }
        bench.step();
        assert_eq!(bench.store().usage().doubts, 2);
        let late = Settlement { late: true, ..taken(attempt(taken_late, 1), "c1") };
        assert_eq!(bench.settle(late).await.state, MessageState::Submitted);
        bench.step();
        let end = NextStep::End(SegmentState::Rejected);
        let late = Settlement { late: true, ..settlement(attempt(refused_late, 1), refusal(), end) };
        assert!(bench.settle(late).await.ended);
        bench.step();
        bench.report(report("c1", ReportedState::Delivered)).await;
        let moves = [(refused_late, MessageState::Rejected), (taken_late, MessageState::Delivered)];
        assert_eq!(bench.moves().await, moves);
        assert_eq!(bench.message(taken_late).await.delivery.segments[0].attempts, 1);
    })
    .await;
}

#[tokio::test]
async fn every_move_is_told_if_that_is_wanted() {
    let bench = Bench::with(|messages| messages.intermediate_events = true);
    let id = bench.accept(new("r1")).await;
    bench.submit(id, "c1").await;
    bench.report(report("c1", ReportedState::Intermediate)).await;
    bench.report(report("c1", ReportedState::Delivered)).await;
    let moves = [(id, MessageState::Submitted), (id, MessageState::Delivered)];
    assert_eq!(bench.moves().await, moves);
}

#[tokio::test]
async fn a_full_disk_refuses_what_is_new_and_takes_the_rest() {
    let mut bench = Bench::new();
    let id = bench.accept(new("r1")).await;
    bench.submit(id, "c1").await;
    bench.config.reserve_octets = u64::MAX;
    bench.restart();
    let refused = bench.store().accept(vec![new("r2")]).await.unwrap_err();
    assert!(matches!(refused, StoreError::DiskFull { reserve: u64::MAX, .. }), "{refused}");
    assert!(matches!(bench.store().accept(vec![new("r1")]).await.unwrap()[0], Accepted::Replayed { .. }));
    bench.report(report("c1", ReportedState::Delivered)).await;
    assert_eq!(bench.moves().await, [(id, MessageState::Delivered)]);
    bench.config.reserve_octets = 0;
    bench.restart();
    bench.accept(new("r2")).await;
}
