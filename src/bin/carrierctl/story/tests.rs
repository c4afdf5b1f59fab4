use carrierd::grpc::api::{
    self, AttemptOutcome, FailureClass, MessageState, ReportMatch, ReportState, ReportUse,
};
use jiff::Timestamp;

use super::tell;

/// Milliseconds after the acceptance.
fn at(millis: i64) -> Option<prost_types::Timestamp> {
    let millis = 1_772_366_400_000 + millis;
    Some(prost_types::Timestamp {
        seconds: millis.div_euclid(1000),
        nanos: i32::try_from(millis.rem_euclid(1000)).unwrap() * 1_000_000,
    })
}

fn now(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(1_772_366_400_000 + millis).unwrap()
}

fn status(class: FailureClass, code: &str, text: &str) -> Option<api::CarrierStatus> {
    let status = api::CarrierStatus {
        protocol: "smpp34".into(),
        raw_code: code.into(),
        raw_text: text.into(),
        failure_class: class.into(),
        ..Default::default()
    };
    Some(status)
}

fn ours(class: FailureClass, text: &str) -> Option<api::CarrierStatus> {
    status(class, "", text).map(|status| api::CarrierStatus { protocol: String::new(), ..status })
}

fn attempt(number: u32, submit: i64, outcome: AttemptOutcome, answered: i64) -> api::SubmitAttempt {
    api::SubmitAttempt {
        attempt_number: number,
        trunk_id: "cmcc-1".into(),
        submit_time: at(submit),
        outcome: outcome.into(),
        response_time: at(answered),
        ..Default::default()
    }
}

fn taken(number: u32, submit: i64, answered: i64, id: &str) -> api::SubmitAttempt {
    api::SubmitAttempt {
        carrier_message_id: id.into(),
        ..attempt(number, submit, AttemptOutcome::Accepted, answered)
    }
}

fn report(stat: &str, err: &str, state: ReportState, used: ReportUse, millis: i64) -> api::ReportRecord {
    api::ReportRecord {
        state: state.into(),
        status: status(FailureClass::None, err, stat)
            .map(|status| api::CarrierStatus { protocol: String::new(), ..status }),
        receive_time: at(millis),
        r#match: ReportMatch::Id.into(),
        r#use: used.into(),
        ..Default::default()
    }
}

fn segment(number: u32, state: MessageState) -> api::SegmentStatus {
    api::SegmentStatus { segment_number: number, state: state.into(), ..Default::default() }
}

/// A part that was taken as `id`.
fn sent(number: u32, state: MessageState, id: &str) -> api::SegmentStatus {
    api::SegmentStatus {
        trunk_id: "cmcc-1".into(),
        carrier_message_id: id.into(),
        submit_time: at(10),
        response_time: at(32),
        attempts: vec![taken(1, 10, 32, id)],
        ..segment(number, state)
    }
}

fn message(state: MessageState, ended: Option<i64>, segments: Vec<api::SegmentStatus>) -> api::Message {
    api::Message {
        message_id: "019ca7f0-0000-7000-8000-000000000001".into(),
        request_id: "order-77".into(),
        outbound: Some(api::OutboundMessage {
            tenant_id: "shop".into(),
            to: "8613800138000".into(),
            sender: "10690001".into(),
            category: api::MessageCategory::Notification.into(),
            validity: Some(prost_types::Duration { seconds: 86_400, nanos: 0 }),
            report_requested: true,
            ..Default::default()
        }),
        state: state.into(),
        plan: Some(api::SegmentPlan {
            encoding: api::TextEncoding::Ucs2.into(),
            segment_count: u32::try_from(segments.len()).unwrap(),
            unit_count: 100,
        }),
        segments,
        accept_time: at(0),
        final_time: ended.and_then(at),
        report_deadline: at(72 * 3_600_000),
        ..Default::default()
    }
}

#[test]
fn delivered_in_two_parts() {
    let delivered = |number, id, millis| api::SegmentStatus {
        reports: vec![report("DELIVRD", "000", ReportState::Delivered, ReportUse::Applied, millis)],
        ..sent(number, MessageState::Delivered, id)
    };
    let segments = vec![delivered(1, "4101", 2_400), delivered(2, "4102", 2_150)];
    let told = tell(&message(MessageState::Delivered, Some(2_400), segments), now(99_000));
    assert_eq!(told, include_str!("expected/delivered.txt"));
}

#[test]
fn refused_in_part_three_of_five() {
    let arrived = |number, id| api::SegmentStatus {
        reports: vec![report("DELIVRD", "000", ReportState::Delivered, ReportUse::Applied, 3_000)],
        ..sent(number, MessageState::Delivered, id)
    };
    let no = status(FailureClass::ContentRejected, "69", "ESME_RSUBMITFAIL");
    let refused = api::SubmitAttempt { status: no.clone(), ..attempt(1, 11, AttemptOutcome::Refused, 35) };
    let third = api::SegmentStatus {
        status: no.clone(),
        attempts: vec![refused],
        ..segment(3, MessageState::Rejected)
    };
    let unsent = |number| api::SegmentStatus {
        status: ours(FailureClass::None, "not sent: the message had ended"),
        ..segment(number, MessageState::Canceled)
    };
    let segments =
        vec![arrived(1, "4101"), sent(2, MessageState::Submitted, "4102"), third, unsent(4), unsent(5)];
    let rejected = api::Message { status: no, ..message(MessageState::Rejected, Some(35), segments) };
    assert_eq!(tell(&rejected, now(99_000)), include_str!("expected/refused.txt"));
}

#[test]
fn throttled_then_taken() {
    let throttled = api::SubmitAttempt {
        status: status(FailureClass::Throttled, "88", "ESME_RTHROTTLED"),
        repeat_count: 3,
        last_submit_time: at(7_010),
        last_response_time: at(7_032),
        ..attempt(1, 10, AttemptOutcome::Refused, 32)
    };
    let only = api::SegmentStatus {
        attempts: vec![throttled, taken(5, 15_000, 15_040, "4101")],
        response_time: at(15_040),
        ..sent(1, MessageState::Submitted, "4101")
    };
    let told = tell(&message(MessageState::Submitted, None, vec![only]), now(11 * 3_600_000));
    assert_eq!(told, include_str!("expected/throttled.txt"));
}

#[test]
fn unknown_with_a_late_answer_then_a_report_that_contradicts() {
    let unknown = api::SubmitAttempt {
        status: ours(FailureClass::NoResponse, "the carrier did not answer in time"),
        late_answer: Some(api::LateAnswer {
            outcome: AttemptOutcome::Accepted.into(),
            carrier_message_id: "4101".into(),
            response_time: at(41_000),
            ..Default::default()
        }),
        ..attempt(1, 10, AttemptOutcome::Unknown, 30_010)
    };
    let contradicting = api::ReportRecord {
        repeat_count: 1,
        last_receive_time: at(80_000),
        ..report("UNDELIV", "027", ReportState::Undelivered, ReportUse::Contradicts, 60_000)
    };
    let only = api::SegmentStatus {
        attempts: vec![unknown],
        response_time: at(41_000),
        reports: vec![
            report("ENROUTE", "000", ReportState::Intermediate, ReportUse::Intermediate, 42_000),
            report("DELIVRD", "000", ReportState::Delivered, ReportUse::Applied, 50_000),
            contradicting,
        ],
        ..sent(1, MessageState::Delivered, "4101")
    };
    let told = tell(&message(MessageState::Delivered, Some(50_000), vec![only]), now(99_000));
    assert_eq!(told, include_str!("expected/unknown.txt"));
}

#[test]
fn still_on_the_wire_and_sent_twice() {
    let lost = api::SubmitAttempt {
        status: ours(FailureClass::Network, "the link ended before the answer"),
        ..attempt(1, 10, AttemptOutcome::Unknown, 500)
    };
    let again = api::SubmitAttempt { response_time: None, ..attempt(2, 1_500, AttemptOutcome::OnWire, 0) };
    let first = api::SegmentStatus { attempts: vec![lost], ..sent(1, MessageState::Submitting, "") };
    let second = api::SegmentStatus { attempts: vec![again], ..segment(2, MessageState::Accepted) };
    let third = segment(3, MessageState::Accepted);
    let open = api::Message {
        possible_duplicate: true,
        left_out_count: 2,
        ..message(MessageState::Submitting, None, vec![first, second, third])
    };
    assert_eq!(tell(&open, now(4_000)), include_str!("expected/open.txt"));
}
