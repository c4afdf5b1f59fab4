use super::*;
use crate::domain::{Delivery, FailureClass, SegmentPlan, UnknownCause};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_772_366_400 + seconds).unwrap()
}

fn refused(text: &str) -> SubmitOutcome {
    let status = CarrierStatus::ours(FailureClass::Throttled, false, text);
    SubmitOutcome::Refused { status, reaction: Reaction::SlowDown }
}

fn unknown() -> SubmitOutcome {
    SubmitOutcome::Unknown { cause: UnknownCause::TimedOut }
}

fn accepted(id: &str) -> SubmitOutcome {
    SubmitOutcome::Accepted { carrier_id: Some(id.into()) }
}

fn one(number: u16, outcome: SubmitOutcome) -> Try {
    Try {
        number,
        trunk_id: "north".into(),
        submit_time: at(i64::from(number) * 10),
        outcome: Some(outcome),
        response_time: Some(at(i64::from(number) * 10 + 1)),
        late: None,
        again: None,
    }
}

fn record(state: ReportedState, used: ReportUse, seconds: i64) -> ReportRecord {
    ReportRecord {
        carrier_id: Some("c1".into()),
        state: Some(state),
        status: None,
        done_time: None,
        receive_time: at(seconds),
        matched: Matched::Id,
        used,
        repeats: 0,
        last_receive_time: None,
    }
}

fn queued() -> Segment {
    let plan = SegmentPlan { encoding: None, segments: 1, units: 1 };
    Delivery::accepted(plan, true, 7).segments.remove(0)
}

fn taken(number: u16) -> Segment {
    Segment {
        state: SegmentState::Submitted,
        trunk_id: Some("north".into()),
        carrier_id: Some("c1".into()),
        attempts: number,
        submit_time: Some(at(i64::from(number) * 10)),
        response_time: Some(at(i64::from(number) * 10 + 1)),
        ..queued()
    }
}

#[test]
fn the_ordinary_story_is_told_by_the_fields_alone() {
    let history = History::default();
    assert_eq!((history.tries(1, &queued()), history.reports(1, &queued())), (vec![], vec![]));
    let mut segment = taken(1);
    assert!(is_told(&segment, &accepted("c1")) && !is_told(&segment, &accepted("c2")));
    assert_eq!(history.tries(1, &segment), [one(1, accepted("c1"))]);
    segment.state = SegmentState::Delivered;
    segment.report_time = Some(at(20));
    assert_eq!(history.reports(1, &segment), [record(ReportedState::Delivered, ReportUse::Applied, 20)]);
    let status = CarrierStatus::ours(FailureClass::Throttled, false, "no");
    let segment =
        Segment { state: SegmentState::Rejected, status: Some(status.clone()), carrier_id: None, ..taken(1) };
    assert!(is_told(&segment, &refused("no")) && !is_told(&segment, &refused("other")));
    let refused = SubmitOutcome::Refused { status, reaction: Reaction::Never };
    assert_eq!(history.tries(1, &segment), [one(1, refused)], "only the last refusal ends a message");
}

#[test]
fn earlier_tries_come_before_the_last_one() {
    let mut history = History::default();
    history.note_try(1, one(1, refused("slow down")));
    history.note_try(2, one(9, unknown()));
    let tries = history.tries(1, &taken(2));
    assert_eq!(tries, [one(1, refused("slow down")), one(2, accepted("c1"))]);
}

#[test]
fn the_same_answer_again_is_counted_and_another_is_not() {
    let mut history = History::default();
    for number in 1..=4 {
        history.note_try(1, one(number, refused("slow down")));
    }
    history.note_try(1, one(5, refused("no")));
    history.note_try(1, one(6, unknown()));
    history.note_try(1, one(7, unknown()));
    let tries = history.tries(1, &queued());
    assert_eq!(tries.len(), 4, "unknown ones are kept apart: each may have its late answer");
    let again = tries[0].again.unwrap();
    assert_eq!((tries[0].number, again.times, again.submit_time), (1, 3, at(40)));
    // The fields of a segment name its last try, which this entry tells.
    let last = Segment { state: SegmentState::Rejected, status: None, ..taken(4) };
    assert_eq!(history.tries(1, &last).len(), 4);
}

#[test]
fn a_late_answer_belongs_to_its_try() {
    let mut history = History::default();
    history.note_try(1, one(1, unknown()));
    history.note_try(1, one(2, unknown()));
    let late = LateAnswer { outcome: accepted("c1"), time: at(99) };
    history.note_late(1, one(1, unknown()), late.clone());
    // The segment's fields were set by the late answer; its try is not told twice.
    let tries = history.tries(1, &taken(1));
    assert_eq!(tries.len(), 2);
    assert_eq!((tries[0].late.as_ref(), &tries[1].late), (Some(&late), &None));
    let forgotten = Try { outcome: None, response_time: None, ..one(3, unknown()) };
    history.note_late(1, forgotten, late.clone());
    assert_eq!(history.tries(1, &queued())[2].late, Some(late));
}

#[test]
fn reports_that_say_the_same_are_counted_and_those_that_contradict_are_kept() {
    let mut history = History::default();
    let mut segment = taken(1);
    segment.state = SegmentState::Delivered;
    segment.report_time = Some(at(20));
    for seconds in [21, 22, 23] {
        history.note_report(1, record(ReportedState::Delivered, ReportUse::Repeated, seconds));
    }
    history.note_report(1, record(ReportedState::Undelivered, ReportUse::Contradicts, 24));
    let reports = history.reports(1, &segment);
    assert_eq!(
        reports.iter().map(|record| (record.used, record.repeats)).collect::<Vec<_>>(),
        [(ReportUse::Applied, 0), (ReportUse::Repeated, 2), (ReportUse::Contradicts, 0)]
    );
    assert_eq!(reports[1].last_receive_time, Some(at(23)));
}

#[test]
fn a_report_that_was_overwritten_is_kept_once() {
    let mut history = History::default();
    let first = record(ReportedState::Unknown, ReportUse::Applied, 20);
    history.note_report(1, ReportRecord { matched: Matched::Circumstances, ..first.clone() });
    history.note_overwritten(1, first);
    history.note_overwritten(2, record(ReportedState::Unknown, ReportUse::Applied, 20));
    let mut segment = taken(1);
    segment.state = SegmentState::Delivered;
    segment.report_time = Some(at(30));
    let told: Vec<_> =
        history.reports(1, &segment).into_iter().map(|told| (told.state, told.matched)).collect();
    let states = [ReportedState::Unknown, ReportedState::Delivered].map(Some);
    assert_eq!(told, [(states[0], Matched::Circumstances), (states[1], Matched::Id)]);
    assert_eq!(history.reports(2, &queued()).len(), 1);
}

#[test]
fn is_bounded_and_keeps_the_newest_of_every_segment() {
    let mut history = History::default();
    history.note_try(200, one(1, unknown()));
    for number in 1..=100 {
        history.note_try(1, one(number, unknown()));
    }
    assert_eq!((history.entries.len(), history.left_out()), (MAX_ENTRIES, 69));
    assert_eq!(history.tries(200, &queued()).len(), 1);
    assert_eq!(history.tries(1, &queued()).last().unwrap().number, 100);
    for segment in 1..=u8::MAX {
        history.note_try(segment, one(101, unknown()));
    }
    assert_eq!(history.entries.len(), MAX_ENTRIES);
}

#[test]
fn reads_back_from_a_row() {
    let mut history = History::default();
    history.note_try(1, one(1, refused("slow down")));
    history.note_try(1, one(2, refused("slow down")));
    history.note_report(1, record(ReportedState::Unknown, ReportUse::Applied, 3));
    let row = postcard::to_allocvec(&history).unwrap();
    assert_eq!(postcard::from_bytes::<History>(&row).unwrap(), history);
}
