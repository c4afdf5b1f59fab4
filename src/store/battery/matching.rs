//! Which segment a report means.

use std::{sync::Arc, time::Duration};

use super::bench::*;
use crate::{
    domain::{
        MessageId, MessageState, Number, Report, ReportedState, SegmentState, Sender, SubmitOutcome,
        UnknownCause,
    },
    store::{Attempt, IdQuestion, KnownId, NextStep, ReportFate, Settlement},
};

#[tokio::test]
async fn a_report_that_outruns_its_answer_is_applied_with_it() {
    with_a_restart_anywhere(async |bench| {
        let id = bench.accept(new("r1")).await;
        bench.step();
        assert_eq!(bench.report(report("c1", ReportedState::Delivered)).await, ReportFate::Parked);
        bench.step();
        assert_eq!(bench.report(report("c1", ReportedState::Delivered)).await, ReportFate::Parked);
        assert_eq!(bench.store().usage().parked, 1, "the same report is kept once");
        bench.step();
        let settled = bench.submit(id, "c1").await;
        bench.step();
        assert_eq!((settled.state, settled.ended), (MessageState::Delivered, true));
        assert_eq!(bench.store().usage().parked, 0);
        let later = now() + bench.messages.orphan_hold + Duration::from_secs(1);
        assert_eq!(bench.store().sweep(later, 10).await.unwrap().orphans, 0);
        assert_eq!(bench.moves().await, [(id, MessageState::Delivered)]);
    })
    .await;
}

#[tokio::test]
async fn a_report_that_nobody_claims_is_told_as_an_orphan_once() {
    with_a_restart_anywhere(async |bench| {
        assert_eq!(bench.report(report("c1", ReportedState::Delivered)).await, ReportFate::Parked);
        bench.step();
        assert_eq!(bench.store().sweep(now(), 10).await.unwrap().orphans, 0);
        let later = now() + bench.messages.orphan_hold + Duration::from_secs(1);
        assert_eq!(bench.store().sweep(later, 10).await.unwrap().orphans, 1);
        bench.step();
        assert_eq!(bench.store().sweep(later, 10).await.unwrap().orphans, 0);
        assert_eq!(bench.orphans().await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_report_that_can_t_be_read_or_names_nothing_is_told_at_once() {
    let bench = Bench::new();
    let unreadable = Report { state: None, ..report("c1", ReportedState::Delivered) };
    let nameless = Report { carrier_ids: Vec::new(), ..report("", ReportedState::Delivered) };
    for report in [unreadable, nameless] {
        assert_eq!(bench.report(report).await, ReportFate::Parked);
    }
    assert_eq!((bench.orphans().await, bench.store().usage().parked), (2, 0));
}

#[tokio::test]
async fn ids_are_looked_up_in_the_order_of_trust() {
    let bench = Bench::new();
    let (one, two) = (bench.accept(new("r1")).await, bench.accept(new("r2")).await);
    bench.submit(one, "c1").await;
    bench.submit(two, "c2").await;
    let mut both = report("none", ReportedState::Delivered);
    both.carrier_ids = vec!["none".into(), "c2".into(), "c1".into()];
    bench.report(both).await;
    assert_eq!(bench.moves().await, [(two, MessageState::Delivered)]);
}

#[tokio::test]
async fn an_id_used_again_means_the_newest_message_to_that_recipient() {
    with_a_restart_anywhere(async |bench| {
        let to = |request: &str, number: &str| {
            let mut new = new(request);
            Arc::make_mut(&mut new.message).to = Number::parse(number).unwrap();
            new
        };
        let old = bench.accept(to("r1", RECIPIENT)).await;
        bench.submit(old, "1").await;
        let other = bench.accept(to("r2", "13900139000")).await;
        bench.submit(other, "1").await;
        let newest = bench.accept(to("r3", RECIPIENT)).await;
        bench.submit(newest, "1").await;
        bench.step();
        bench.report(report("1", ReportedState::Delivered)).await;
        bench.step();
        let mut for_other = report("1", ReportedState::Undelivered);
        for_other.recipient = Number::from_carrier(b"008613900139000");
        bench.report(for_other).await;
        bench.step();
        let moves = [(newest, MessageState::Delivered), (other, MessageState::Undelivered)];
        assert_eq!(bench.moves().await, moves);
        assert_eq!(bench.state(old).await, MessageState::Submitted);
    })
    .await;
}

#[tokio::test]
async fn an_id_used_again_does_not_reach_a_message_that_has_its_report() {
    let bench = Bench::new();
    let old = bench.accept(new("r1")).await;
    bench.submit(old, "1").await;
    bench.report(report("1", ReportedState::Delivered)).await;
    let mut next = new("r2");
    Arc::make_mut(&mut next.message).to = Number::parse("13900139000").unwrap();
    let next = bench.accept(next).await;
    let mut early = report("1", ReportedState::Undelivered);
    early.recipient = Number::from_carrier(b"13900139000");
    assert_eq!(bench.report(early).await, ReportFate::Parked);
    assert!(bench.submit(next, "1").await.ended);
    assert_eq!(bench.moves().await, [(old, MessageState::Delivered), (next, MessageState::Undelivered)]);
}

#[tokio::test]
async fn the_same_id_on_another_trunk_is_another_segment() {
    let bench = Bench::new();
    let id = bench.accept(new("r1")).await;
    bench.submit(id, "c1").await;
    let fates =
        bench.store().apply_reports("south".into(), vec![report("c1", ReportedState::Delivered)]).await;
    assert_eq!(fates.unwrap(), [ReportFate::Parked]);
    assert_eq!(bench.state(id).await, MessageState::Submitted);
}

/// A message whose only segment is unknown, and when it was submitted.
async fn unknown(bench: &Bench, request: &str) -> (MessageId, Attempt) {
    let id = bench.accept(new(request)).await;
    let attempt = attempt(id, 1);
    bench.begin(&attempt).await;
    let outcome = SubmitOutcome::Unknown { cause: UnknownCause::LinkLost };
    bench.settle(settlement(attempt.clone(), outcome, NextStep::Await)).await;
    (id, attempt)
}

fn timed(carrier_id: &str, attempt: &Attempt, apart: i64) -> Report {
    let submit_time = attempt.submit_time + jiff::SignedDuration::from_secs(apart);
    Report { submit_time: Some(submit_time), ..report(carrier_id, ReportedState::Delivered) }
}

#[tokio::test]
async fn the_only_unknown_segment_that_fits_is_ended_by_a_report_without_a_match() {
    with_a_restart_anywhere(async |bench| {
        let (id, attempt) = unknown(bench, "r1").await;
        bench.step();
        for misfit in [
            report("no time", ReportedState::Delivered),
            timed("too early", &attempt, -91),
            timed("too late", &attempt, 91),
            Report { sender: "1069002".into(), ..timed("sender", &attempt, 0) },
            Report {
                receive_time: attempt.submit_time - Duration::from_millis(1),
                ..timed("before it was sent", &attempt, 0)
            },
            Report { recipient: Number::from_carrier(b"13900139000"), ..timed("recipient", &attempt, 0) },
        ] {
            assert_eq!(bench.report(misfit).await, ReportFate::Parked);
        }
        bench.step();
        assert_eq!(bench.state(id).await, MessageState::Submitting);
        assert_eq!(bench.report(timed("c9", &attempt, -59)).await, ReportFate::ResolvedUnknown);
        bench.step();
        assert_eq!(bench.report(timed("c9", &attempt, -59)).await, ReportFate::Repeated);
        assert_eq!(bench.moves().await, [(id, MessageState::Delivered)]);
        assert_eq!(bench.store().usage().doubts, 0);
    })
    .await;
}

#[tokio::test]
async fn two_unknown_segments_that_fit_leave_the_report_an_orphan() {
    with_a_restart_anywhere(async |bench| {
        let (one, attempt) = unknown(bench, "r1").await;
        let (two, _) = unknown(bench, "r2").await;
        bench.step();
        assert_eq!(bench.report(timed("c1", &attempt, 0)).await, ReportFate::Parked);
        bench.step();
        for id in [one, two] {
            assert_eq!(bench.segment(id, 1).await, SegmentState::Ambiguous);
        }
        let later = now() + bench.messages.report_window + Duration::from_secs(1);
        let swept = bench.store().sweep(later, 100).await.unwrap();
        assert_eq!((swept.unknown, swept.orphans), (2, 1));
    })
    .await;
}

#[tokio::test]
async fn a_report_that_outruns_its_answer_is_not_given_to_an_unknown_segment() {
    with_a_restart_anywhere(async |bench| {
        let (unknown, first) = unknown(bench, "r1").await;
        let id = bench.accept(new("r2")).await;
        let second = attempt(id, 1);
        bench.begin(&second).await;
        assert_eq!(bench.report(timed("c2", &second, 0)).await, ReportFate::Parked);
        assert!(bench.settle(taken(second, "c2")).await.ended);
        bench.step();
        assert_eq!(bench.state(unknown).await, MessageState::Submitting);
        assert_eq!(bench.report(timed("c1", &first, 0)).await, ReportFate::ResolvedUnknown);
        let moves = [(id, MessageState::Delivered), (unknown, MessageState::Delivered)];
        assert_eq!(bench.moves().await, moves);
    })
    .await;
}

#[tokio::test]
async fn a_report_that_came_before_its_submit_was_given_up_ends_it_when_its_hold_is_over() {
    let bench = Bench::new();
    let id = bench.accept(new("r1")).await;
    let attempt = attempt(id, 1);
    bench.begin(&attempt).await;
    assert_eq!(bench.report(timed("c1", &attempt, 0)).await, ReportFate::Parked);
    let outcome = SubmitOutcome::Unknown { cause: UnknownCause::LinkLost };
    bench.settle(settlement(attempt, outcome, NextStep::Await)).await;
    let later = now() + bench.messages.orphan_hold + Duration::from_secs(1);
    assert_eq!(bench.store().sweep(later, 10).await.unwrap().orphans, 0);
    assert_eq!(bench.moves().await, [(id, MessageState::Delivered)]);
}

/// A message that was sent twice: its first try is in doubt, its second was taken as `carrier_id`.
async fn sent_twice(bench: &Bench, request: &str, carrier_id: &str) -> (MessageId, Attempt) {
    let id = bench.accept(resubmitted(request)).await;
    let first = attempt(id, 1);
    bench.begin(&first).await;
    let outcome = SubmitOutcome::Unknown { cause: UnknownCause::TimedOut };
    bench.settle(settlement(first.clone(), outcome, NextStep::Again { duplicate: true })).await;
    let second = Attempt { attempts: 1, ..attempt(id, 1) };
    bench.begin(&second).await;
    bench.settle(taken(second, carrier_id)).await;
    (id, first)
}

#[tokio::test]
async fn a_report_on_the_first_try_of_what_was_sent_twice_is_not_given_to_an_unknown_segment() {
    with_a_restart_anywhere(async |bench| {
        let (unknown, _) = unknown(bench, "r1").await;
        let (twice, first) = sent_twice(bench, "r2", "c2").await;
        bench.step();
        assert_eq!(bench.report(timed("c1", &first, 0)).await, ReportFate::Parked);
        bench.report(report("c2", ReportedState::Delivered)).await;
        bench.step();
        // That the message has ended does not make its first try another's.
        assert_eq!(bench.report(timed("c3", &first, 0)).await, ReportFate::Parked);
        assert_eq!(bench.moves().await, [(twice, MessageState::Delivered)]);
        assert_eq!(bench.state(unknown).await, MessageState::Submitting);
    })
    .await;
}

#[tokio::test]
async fn a_report_on_the_first_try_alone_ends_what_waits_to_be_sent_again() {
    with_a_restart_anywhere(async |bench| {
        let id = bench.accept(resubmitted("r1")).await;
        let first = attempt(id, 1);
        bench.begin(&first).await;
        let outcome = SubmitOutcome::Unknown { cause: UnknownCause::TimedOut };
        bench.settle(settlement(first.clone(), outcome, NextStep::Again { duplicate: true })).await;
        bench.step();
        assert_eq!(bench.report(timed("c1", &first, 0)).await, ReportFate::ResolvedUnknown);
        bench.step();
        let second = Attempt { attempts: 1, ..attempt(id, 1) };
        assert_eq!(bench.store().begin_attempts(trunk(), vec![second.clone()]).await.unwrap(), [second]);
        assert_eq!(bench.moves().await, [(id, MessageState::Delivered)]);
    })
    .await;
}

#[tokio::test]
async fn a_late_answer_and_the_report_window_each_end_a_doubt() {
    with_a_restart_anywhere(async |bench| {
        let (_, first) = unknown(bench, "r1").await;
        let (_, _) = unknown(bench, "r2").await;
        bench.step();
        assert_eq!(bench.store().usage().doubts, 2);
        bench.settle(Settlement { late: true, ..taken(first, "c1") }).await;
        bench.step();
        assert_eq!(bench.store().usage().doubts, 1);
        let later = now() + bench.messages.report_window + Duration::from_secs(1);
        bench.store().sweep(later, 10).await.unwrap();
        bench.step();
        assert_eq!(bench.store().usage().doubts, 0);
    })
    .await;
}

#[tokio::test]
async fn a_report_on_the_first_try_counts_though_the_second_has_an_id() {
    with_a_restart_anywhere(async |bench| {
        let id = bench.accept(resubmitted("r1")).await;
        let first = attempt(id, 1);
        bench.begin(&first).await;
        let outcome = SubmitOutcome::Unknown { cause: UnknownCause::TimedOut };
        bench.settle(settlement(first.clone(), outcome, NextStep::Again { duplicate: true })).await;
        let second = Attempt { attempts: 1, ..attempt(id, 1) };
        bench.begin(&second).await;
        bench.settle(taken(second, "c2")).await;
        bench.step();
        assert_eq!(bench.report(timed("c1", &first, 0)).await, ReportFate::ResolvedUnknown);
        assert_eq!(bench.moves().await, [(id, MessageState::Delivered)]);
        bench.step();
        assert_eq!(bench.report(report("c1", ReportedState::Delivered)).await, ReportFate::Repeated);
        assert_eq!(bench.report(report("c2", ReportedState::Undelivered)).await, ReportFate::Contradicts);
    })
    .await;
}

#[tokio::test]
async fn a_segment_that_was_taken_without_an_id_is_ended_by_the_only_report_that_fits() {
    with_a_restart_anywhere(async |bench| {
        let id = bench.accept(new("r1")).await;
        let attempt = attempt(id, 1);
        bench.begin(&attempt).await;
        let outcome = SubmitOutcome::Accepted { carrier_id: None };
        bench.settle(settlement(attempt.clone(), outcome, NextStep::Submitted)).await;
        bench.step();
        assert_eq!(bench.report(timed("c1", &attempt, 0)).await, ReportFate::ResolvedUnknown);
        assert_eq!(bench.moves().await, [(id, MessageState::Delivered)]);
    })
    .await;
}

#[tokio::test]
async fn a_report_under_way_says_that_an_unknown_segment_was_taken() {
    let bench = Bench::new();
    let (id, attempt) = unknown(&bench, "r1").await;
    let under_way = Report { state: Some(ReportedState::Intermediate), ..timed("c1", &attempt, 0) };
    assert_eq!(bench.report(under_way).await, ReportFate::ResolvedUnknown);
    assert_eq!(bench.state(id).await, MessageState::Submitted);
    bench.report(report("c1", ReportedState::Delivered)).await;
    assert_eq!(bench.moves().await, [(id, MessageState::Delivered)]);
}

#[tokio::test]
async fn a_message_without_a_sender_went_out_under_the_accounts_own() {
    let bench = Bench::new();
    let mut plain = new("r1");
    Arc::make_mut(&mut plain.message).sender = Sender::parse("").unwrap();
    let id = bench.accept(plain).await;
    let attempt = attempt(id, 1);
    bench.begin(&attempt).await;
    let outcome = SubmitOutcome::Unknown { cause: UnknownCause::TimedOut };
    bench.settle(settlement(attempt.clone(), outcome, NextStep::Await)).await;
    assert_eq!(bench.report(timed("c1", &attempt, 0)).await, ReportFate::ResolvedUnknown);
}

#[tokio::test]
async fn both_ids_of_a_segment_that_was_sent_twice_lead_to_it() {
    with_a_restart_anywhere(async |bench| {
        let id = bench.accept(resubmitted("r1")).await;
        let first = attempt(id, 1);
        bench.begin(&first).await;
        let outcome = SubmitOutcome::Unknown { cause: UnknownCause::TimedOut };
        bench.settle(settlement(first.clone(), outcome, NextStep::Again { duplicate: true })).await;
        bench.step();
        assert!(bench.message(id).await.delivery.possible_duplicate);
        let second = Attempt { attempts: 1, ..attempt(id, 1) };
        bench.begin(&second).await;
        bench.settle(taken(second, "c2")).await;
        bench.step();
        bench.settle(Settlement { late: true, ..taken(first, "c1") }).await;
        bench.step();
        bench.report(report("c1", ReportedState::Delivered)).await;
        bench.step();
        assert_eq!(bench.report(report("c2", ReportedState::Delivered)).await, ReportFate::Repeated);
        assert_eq!(bench.moves().await, [(id, MessageState::Delivered)]);
        assert_eq!(bench.message(id).await.delivery.segments[0].attempts, 2);
    })
    .await;
}

#[tokio::test]
async fn a_late_acceptance_stops_the_next_try_if_that_has_not_left() {
    for has_left in [false, true] {
        let bench = Bench::new();
        let id = bench.accept(resubmitted("r1")).await;
        let first = attempt(id, 1);
        bench.begin(&first).await;
        let outcome = SubmitOutcome::Unknown { cause: UnknownCause::TimedOut };
        bench.settle(settlement(first.clone(), outcome, NextStep::Again { duplicate: true })).await;
        let second = Attempt { attempts: 1, ..attempt(id, 1) };
        if has_left {
            bench.begin(&second).await;
        }
        bench.settle(Settlement { late: true, ..taken(first, "c1") }).await;
        let state = if has_left { SegmentState::Queued } else { SegmentState::Submitted };
        assert_eq!(bench.segment(id, 1).await, state);
        if !has_left {
            let begun = bench.store().begin_attempts(trunk(), vec![second.clone()]).await.unwrap();
            assert_eq!(begun, [second], "given back as over");
        }
        bench.report(report("c1", ReportedState::Delivered)).await;
        assert_eq!(bench.moves().await, [(id, MessageState::Delivered)]);
    }
}

#[tokio::test]
async fn an_id_is_known_whole_or_by_its_beginning_and_for_its_recipient_alone() {
    with_a_restart_anywhere(async |bench| {
        let id = bench.accept(new("r1")).await;
        bench.submit(id, "4101-7f3a-01").await;
        bench.step();
        let question = |recipient: &str, ids: &[&str]| IdQuestion {
            recipient: Number::from_carrier(recipient.as_bytes()),
            ids: ids.iter().map(|id| (*id).into()).collect(),
            beginning: ids.first().map(|id| (*id).into()),
        };
        let questions = vec![
            question("13800138000", &["none", "4101-7f3a-01"]),
            question("", &["4101-7f3a-01"]),
            question("13800138000", &["4101-7f3a"]),
            question("13900139000", &["4101-7f3a-01"]),
            question("13800138000", &["none"]),
        ];
        let (whole, longer) = (|place| Some(KnownId::Whole(place)), Some(KnownId::Longer));
        let known = bench.store().known_ids(trunk(), questions.clone()).await.unwrap();
        assert_eq!(known, [whole(1), whole(0), longer, None, None]);
        assert_eq!(bench.store().known_ids("south".into(), questions).await.unwrap(), [None; 5]);
    })
    .await;
}
