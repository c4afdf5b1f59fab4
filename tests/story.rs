//! A message's whole story, through the API and as `carrierctl message show` tells it.

mod support;

use std::process::{Command, Output};

use carrierd::grpc::api::{
    self, AmbiguityPolicy, AttemptOutcome, FailureClass, MessageState, ReportMatch, ReportUse,
};
use support::{Bed, Carrier, TENANT, lines_of, request, request_with};

/// 72 characters that GSM 03.38 lacks: two parts.
fn long() -> String {
    "包裹".repeat(36)
}

async fn carrierctl(bed: &Bed, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carrierctl"));
    command.args(["--address", &bed.address()]).args(arguments);
    let run = tokio::task::spawn_blocking(move || command.output());
    support::soon("carrierctl", run).await.expect("a thread").expect("carrierctl")
}

async fn told(bed: &Bed, arguments: &[&str]) -> String {
    let output = carrierctl(bed, arguments).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("a text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_message_is_told_part_by_part() {
    for protocol in ["smpp34", "cmpp30"] {
        let bed = Bed::new(&[Carrier { protocol, ..Carrier::smpp("carrier") }]).await;
        let mut platform = bed.platform();
        let id = platform.accepted(request("a", &long())).await;
        let message = platform.message_when(&id, |message| message.final_time.is_some()).await;
        assert_eq!((message.state(), message.segments.len()), (MessageState::Delivered, 2));
        assert_eq!(message.left_out_count, 0);
        for segment in &message.segments {
            let [attempt] = &segment.attempts[..] else { panic!("{:?}", segment.attempts) };
            assert_eq!(attempt.outcome(), AttemptOutcome::Accepted);
            assert_eq!((attempt.attempt_number, attempt.trunk_id.as_str()), (1, "carrier"));
            assert_eq!(attempt.carrier_message_id, segment.carrier_message_id);
            let [report] = &segment.reports[..] else { panic!("{:?}", segment.reports) };
            assert_eq!((report.r#match(), report.r#use()), (ReportMatch::Id, ReportUse::Applied));
            assert_eq!(report.status.as_ref().expect("words").raw_text, "DELIVRD");
        }
        let by_request = format!("{TENANT}/a");
        let text = told(&bed, &["message", "show", "--request", &by_request]).await;
        assert!(text.starts_with("delivered "), "{text}");
        assert!(text.contains("both parts arrived") && text.contains("part 2 of 2: delivered"), "{text}");
        assert!(text.contains(&message.segments[1].carrier_message_id), "{text}");
        assert!(text.contains("138****8000") && !text.contains("13800138000"), "{text}");
        let json = told(&bed, &["--json", "message", "show", &id]).await;
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(json["segments"][1]["attempts"][0]["outcome"], "ATTEMPT_OUTCOME_ACCEPTED");
        let record = bed.end().await;
        assert_eq!(lines_of(&record, "submit").len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_message_tells_what_it_was_answered_before() {
    let behaviour = "throttle = { submits_per_second = 1 }";
    let bed = Bed::new(&[Carrier { behaviour, ..Carrier::smpp("carrier") }]).await;
    let mut platform = bed.platform();
    platform.accepted(request("a", "first")).await;
    let id = platform.accepted(request("b", "second")).await;
    let message = platform.message_when(&id, |message| message.final_time.is_some()).await;
    let attempts = &message.segments[0].attempts;
    let (last, refused) = attempts.split_last().expect("tries");
    assert_eq!(last.outcome(), AttemptOutcome::Accepted);
    let [refused] = refused else { panic!("equal answers are one: {attempts:?}") };
    assert_eq!(refused.outcome(), AttemptOutcome::Refused);
    let words = refused.status.as_ref().expect("words");
    assert_eq!((words.failure_class(), words.raw_code.as_str()), (FailureClass::Throttled, "88"));
    assert_eq!(last.attempt_number, refused.attempt_number + refused.repeat_count + 1);
    // The carrier saw each try of both messages.
    let record = bed.end().await;
    assert_eq!(lines_of(&record, "submit").len(), 2 + 1 + refused.repeat_count as usize);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_story_survives_a_restart_and_tells_how_its_report_was_found() {
    let behaviour = "answer = { silence = 1.0 }\nreceipts = { delay = \"1500ms\" }";
    let carrier = Carrier { behaviour, timers: "response = \"300ms\"", ..Carrier::smpp("carrier") };
    let mut bed = Bed::new(&[carrier]).await;
    let mut platform = bed.platform();
    let wait = request_with("a", |message| message.ambiguity_policy = AmbiguityPolicy::AwaitReport as i32);
    let id = platform.accepted(wait).await;
    let on_wire = platform.message_when(&id, |message| !message.segments[0].attempts.is_empty()).await;
    let outcome = on_wire.segments[0].attempts[0].outcome();
    assert!([AttemptOutcome::OnWire, AttemptOutcome::Unknown].contains(&outcome), "{outcome:?}");
    platform.message_when(&id, |message| message.final_time.is_some()).await;
    bed.stop_daemon().await;
    bed.start_daemon().await;
    let message: api::Message = bed.platform().message(&id).await;
    let segment = &message.segments[0];
    let [attempt] = &segment.attempts[..] else { panic!("{:?}", segment.attempts) };
    assert_eq!(attempt.outcome(), AttemptOutcome::Unknown);
    assert!(attempt.status.as_ref().expect("a cause").raw_text.contains("did not answer in time"));
    assert_eq!(segment.reports[0].r#match(), ReportMatch::Circumstances);
    let text = told(&bed, &["message", "show", &id]).await;
    assert!(text.contains("found by sender, recipient and time alone"), "{text}");
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_not_there_is_refused_in_words() {
    let bed = Bed::new(&[Carrier::smpp("carrier")]).await;
    let output = carrierctl(&bed, &["message", "show", "--request", "shop/none"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("MESSAGE_NOT_FOUND"));
    let output = carrierctl(&bed, &["message", "show", "--request", "none"]).await;
    assert_eq!(output.status.code(), Some(2));
    bed.end().await;
}
