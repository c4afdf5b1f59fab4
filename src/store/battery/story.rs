//! What is told of a message beyond its state.

use std::sync::Arc;

use super::bench::*;
use crate::{
    domain::{
        CarrierStatus, FailureClass, Matched, MessageId, Number, Reaction, Report, ReportRecord, ReportUse,
        ReportedState, SubmitOutcome, Try, UnknownCause,
    },
    store::{
        Attempt, NextStep, Settlement, StoreError,
        rows::{Space, id_key},
    },
};

const AGAIN: NextStep = NextStep::Again { duplicate: false };

fn throttled() -> SubmitOutcome {
    let status = CarrierStatus::ours(FailureClass::Throttled, false, "slow down");
    SubmitOutcome::Refused { status, reaction: Reaction::SlowDown }
}

fn accepted(carrier_id: &str) -> SubmitOutcome {
    SubmitOutcome::Accepted { carrier_id: Some(carrier_id.into()) }
}

/// The rows that a story needed.
async fn histories(bench: &Bench) -> usize {
    bench.store().read(|spaces| Ok(spaces[Space::History].len().unwrap())).await.unwrap()
}

async fn tries(bench: &Bench, id: MessageId) -> Vec<(u16, Option<SubmitOutcome>)> {
    bench.story(id).await.tries(1).into_iter().map(|one| (one.number, one.outcome)).collect()
}

async fn reports(bench: &Bench, id: MessageId) -> Vec<(ReportUse, Matched)> {
    let told = |record: ReportRecord| (record.used, record.matched);
    bench.story(id).await.reports(1).into_iter().map(told).collect()
}

#[tokio::test]
async fn the_ordinary_message_tells_its_story_without_a_row_more() {
    with_a_restart_anywhere(async |bench| {
        let (taken, no) = (bench.accept(new("r1")).await, bench.accept(new("r2")).await);
        bench.submit(taken, "c1").await;
        bench.step();
        bench.report(report("c1", ReportedState::Delivered)).await;
        let refused = attempt(no, 1);
        bench.begin(&refused).await;
        let end = NextStep::End(crate::domain::SegmentState::Rejected);
        bench.settle(settlement(refused, refusal(), end)).await;
        bench.step();
        assert_eq!(tries(bench, taken).await, [(1, Some(accepted("c1")))]);
        assert_eq!(reports(bench, taken).await, [(ReportUse::Applied, Matched::Id)]);
        assert_eq!(tries(bench, no).await, [(1, Some(refusal()))]);
        assert_eq!(histories(bench).await, 0);
    })
    .await;
}

#[tokio::test]
async fn every_refusal_before_the_carrier_took_it_is_told() {
    with_a_restart_anywhere(async |bench| {
        let id = bench.accept(new("r1")).await;
        for number in 0..3 {
            let one = Attempt { attempts: number, ..attempt(id, 1) };
            bench.begin(&one).await;
            bench.settle(settlement(one, throttled(), AGAIN)).await;
            bench.step();
        }
        let last = Attempt { attempts: 3, ..attempt(id, 1) };
        bench.begin(&last).await;
        bench.settle(taken(last, "c1")).await;
        bench.step();
        let told = bench.story(id).await.tries(1);
        assert_eq!(told.len(), 2);
        assert_eq!((&told[0].outcome, told[0].again.unwrap().times), (&Some(throttled()), 2));
        assert_eq!((told[1].number, &told[1].outcome), (4, &Some(accepted("c1"))));
        assert_eq!(bench.store().usage().open, 1);
    })
    .await;
}

#[tokio::test]
async fn a_late_answer_and_a_report_that_contradicts_are_told() {
    with_a_restart_anywhere(async |bench| {
        let id = bench.accept(new("r1")).await;
        let first = attempt(id, 1);
        bench.begin(&first).await;
        let unknown = SubmitOutcome::Unknown { cause: UnknownCause::TimedOut };
        bench.settle(settlement(first.clone(), unknown.clone(), NextStep::Await)).await;
        bench.step();
        bench.settle(Settlement { late: true, ..taken(first, "c1") }).await;
        bench.step();
        for state in [
            ReportedState::Intermediate,
            ReportedState::Delivered,
            ReportedState::Delivered,
            ReportedState::Undelivered,
            ReportedState::Undelivered,
        ] {
            bench.report(report("c1", state)).await;
            bench.step();
        }
        let story = bench.story(id).await;
        let [Try { outcome, late: Some(late), .. }] = &story.tries(1)[..] else { panic!("another story") };
        assert_eq!((outcome, &late.outcome), (&Some(unknown), &accepted("c1")));
        let told: Vec<_> = story.reports(1).into_iter().map(|record| (record.used, record.repeats)).collect();
        let expected = [
            (ReportUse::Intermediate, 0),
            (ReportUse::Applied, 0),
            (ReportUse::Repeated, 0),
            (ReportUse::Contradicts, 1),
        ];
        assert_eq!(told, expected);
    })
    .await;
}

#[tokio::test]
async fn a_try_on_the_wire_is_told_as_such_and_as_unknown_after_a_crash() {
    let mut bench = Bench::new();
    let id = bench.accept(resubmitted("r1")).await;
    assert_eq!(tries(&bench, id).await, []);
    bench.begin(&attempt(id, 1)).await;
    assert_eq!(tries(&bench, id).await, [(1, None)]);
    bench.restart();
    let interrupted = SubmitOutcome::Unknown { cause: UnknownCause::Restarted };
    assert_eq!(tries(&bench, id).await, [(1, Some(interrupted.clone()))]);
    let second = Attempt { attempts: 1, ..attempt(id, 1) };
    bench.begin(&second).await;
    assert_eq!(tries(&bench, id).await, [(1, Some(interrupted.clone())), (2, None)]);
    bench.settle(settlement(second, SubmitOutcome::NeverSent, AGAIN)).await;
    let third = Attempt { attempts: 1, ..attempt(id, 1) };
    bench.begin(&third).await;
    bench.settle(taken(third, "c3")).await;
    bench.restart();
    let told = [(1, Some(interrupted)), (2, Some(SubmitOutcome::NeverSent)), (2, Some(accepted("c3")))];
    assert_eq!(tries(&bench, id).await, told);
}

#[tokio::test]
async fn how_a_report_found_its_segment_is_told() {
    with_a_restart_anywhere(async |bench| {
        let to = |request: &str, number: &str| {
            let mut new = new(request);
            Arc::make_mut(&mut new.message).to = Number::parse(number).unwrap();
            new
        };
        let first = bench.accept(to("r1", RECIPIENT)).await;
        bench.submit(first, "1").await;
        let second = bench.accept(to("r2", "13900139000")).await;
        bench.submit(second, "1").await;
        bench.report(report("1", ReportedState::Delivered)).await;
        bench.step();
        assert_eq!(reports(bench, first).await, [(ReportUse::Applied, Matched::Recipient)]);

        let third = bench.accept(new("r3")).await;
        bench.submit(third, "c3").await;
        let other = Report {
            carrier_ids: vec!["text".into(), "c3".into()],
            ..report("c3", ReportedState::Delivered)
        };
        bench.report(other).await;
        bench.step();
        assert_eq!(reports(bench, third).await, [(ReportUse::Applied, Matched::OtherId)]);

        let fourth = bench.accept(new("r4")).await;
        bench.submit(fourth, "c4").await;
        let elsewhere = Report {
            recipient: Number::from_carrier(b"13800138000#1"),
            ..report("c4", ReportedState::Unknown)
        };
        bench.report(elsewhere).await;
        bench.step();
        bench.report(report("c4", ReportedState::Delivered)).await;
        bench.step();
        let told = [(ReportUse::Applied, Matched::LoneId), (ReportUse::Applied, Matched::Id)];
        assert_eq!(reports(bench, fourth).await, told);

        let fifth = bench.accept(new("r5")).await;
        let lost = attempt(fifth, 1);
        bench.begin(&lost).await;
        let outcome = SubmitOutcome::Unknown { cause: UnknownCause::LinkLost };
        bench.settle(settlement(lost.clone(), outcome, NextStep::Await)).await;
        let by_chance =
            Report { submit_time: Some(lost.submit_time), ..report("c5", ReportedState::Delivered) };
        bench.report(by_chance).await;
        bench.step();
        assert_eq!(reports(bench, fifth).await, [(ReportUse::Applied, Matched::Circumstances)]);
        assert_eq!(tries(bench, fifth).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_history_that_can_t_be_read_holds_no_outcome_back_and_is_named() {
    let bench = Bench::new();
    let id = bench.accept(new("r1")).await;
    let rubbish = bench.store().call(move |verbs| verbs.txn.put(Space::History, id_key(id), &"rubbish"));
    rubbish.await.unwrap();
    let first = attempt(id, 1);
    bench.begin(&first).await;
    bench.settle(settlement(first, throttled(), AGAIN)).await;
    let second = Attempt { attempts: 1, ..attempt(id, 1) };
    bench.begin(&second).await;
    bench.settle(taken(second, "c1")).await;
    assert!(bench.message(id).await.delivery.segments[0].carrier_id.is_some());
    let error = bench.store().story(crate::store::MessageKey::Id(id)).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { keyspace: "history", .. }), "{error}");
}
