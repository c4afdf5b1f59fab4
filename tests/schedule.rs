//! Messages that leave at their time, and inside the hours of their category.

mod support;

use std::time::Duration;

use carrierd::grpc::api::{self, MessageCategory, MessageState, event::Payload};
use jiff::Timestamp;
use support::{Bed, Carrier, Platform, lines_of, reason, request_with, soon};
use tonic_types::StatusExt;

/// A window in UTC between two moments, to the second, for marketing; further keys behind it.
fn window(from: Timestamp, to: Timestamp, more: &str) -> &'static str {
    let time = |time: Timestamp| time.strftime("%H:%M:%S").to_string();
    let (from, to) = (time(from), time(to));
    let text = format!(
        "intermediate_events = true\n[[window]]\ncategories = [\"marketing\"]\nopen = \"{from}-{to}\"\nzone = \"UTC\"\n{more}\n"
    );
    Box::leak(text.into_boxed_str())
}

/// A whole second from now on.
fn ahead(seconds: i64) -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second() + seconds).expect("a time")
}

fn proto(time: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() }
}

fn marketing(key: &str) -> api::SubmitMessageRequest {
    request_with(key, |message| message.category = MessageCategory::Marketing as i32)
}

/// Waits until marketing is refused.
async fn until_closed(platform: &mut Platform) {
    let closed = async {
        for number in 0.. {
            let mut only = marketing(&format!("try {number}"));
            only.validate_only = true;
            if platform.submit(only).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon("the window closes", closed).await;
}

fn at(line: &serde_json::Value) -> Timestamp {
    line["at"].as_str().expect("a time").parse().expect("a time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scheduled_message_leaves_at_its_time_and_not_before_even_after_a_restart() {
    let mut bed = Bed::with(&[Carrier::smpp("smpp")], "intermediate_events = true").await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let time = ahead(8);
    let scheduled = request_with("later", |message| {
        message.send_time = Some(proto(time));
        message.validity = Some(prost_types::Duration { seconds: 60, nanos: 0 });
    });
    let id = platform.accepted(scheduled).await;
    let outbound = platform.message(&id).await.outbound.expect("a message");
    assert_eq!(outbound.send_time, Some(proto(time)));
    assert_eq!(outbound.validity.expect("a validity").seconds, 60);
    // One that has no time overtakes it.
    let now = platform.accepted(request_with("now", |_| {})).await;
    platform.message_when(&now, |message| message.final_time.is_some()).await;
    bed.stop_daemon().await;
    bed.start_daemon().await;
    let mut platform = bed.platform();
    let message = platform.message(&id).await;
    assert_eq!((message.state(), message.segments[0].submit_attempt_count), (MessageState::Accepted, 0));
    let first = platform.event("the message's first event", |payload| match payload {
        Payload::MessageState(moved) if moved.message_id == id => Some(moved),
        _ => None,
    });
    let first = first.await;
    assert!(Timestamp::now() >= time, "told before its time: {first:?}");
    assert_eq!(platform.end_of(&id).await.state(), MessageState::Delivered);
    let record = bed.end().await;
    let submits = lines_of(&record, "submit");
    assert_eq!(submits.len(), 2);
    assert!(at(submits[1]) >= time, "{} left before {time}", submits[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scheduled_message_can_be_withdrawn_and_one_too_far_ahead_is_refused() {
    let bed = Bed::with(&[Carrier::smpp("smpp")], "max_schedule = \"1h\"").await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let far = request_with("far", |message| message.send_time = Some(proto(ahead(7200))));
    let status = platform.submit(far).await.expect_err("refused");
    assert_eq!(reason(&status), "INVALID_FIELD");
    assert!(status.message().contains("message.send_time must be at most 3600 seconds ahead"));
    let near = request_with("near", |message| message.send_time = Some(proto(ahead(1800))));
    let id = platform.accepted(near).await;
    let canceled = platform.sms.cancel_message(api::CancelMessageRequest { message_id: id.clone() }).await;
    assert_eq!(canceled.expect("withdrawn").into_inner().state(), MessageState::Canceled);
    assert_eq!(platform.end_of(&id).await.state(), MessageState::Canceled);
    assert!(lines_of(&bed.end().await, "submit").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outside_of_its_window_a_message_is_refused_with_the_time_when_it_opens() {
    let opens = ahead(3600);
    let tables = window(opens, opens + Duration::from_secs(60), "");
    let bed = Bed::with(&[Carrier::smpp("smpp")], tables).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let status = platform.submit(marketing("a")).await.expect_err("refused");
    assert_eq!((reason(&status).as_str(), status.code()), ("WINDOW_CLOSED", tonic::Code::FailedPrecondition));
    let words = opens.strftime("opens at %F %T +00:00").to_string();
    assert!(status.message().contains(&words), "{} without {words}", status.message());
    let info = status.get_details_error_info().expect("details");
    assert_eq!(info.metadata["open_time"], opens.to_string());
    let retry = status.get_details_retry_info().and_then(|info| info.retry_delay).expect("a hint");
    assert!((3000..=3600).contains(&retry.as_secs()), "{retry:?}");
    let explain = api::ExplainRouteRequest { message: marketing("a").message };
    let explained = platform.sms.explain_route(explain).await.expect("an explanation").into_inner();
    assert!(
        explained.window.ends_with("is closed then: the message would be refused"),
        "{}",
        explained.window
    );

    // Other categories leave, and so does what is scheduled into the window.
    let id = platform.accepted(request_with("b", |_| {})).await;
    assert_eq!(platform.end_of(&id).await.state(), MessageState::Delivered);
    let mut scheduled = marketing("c");
    if let Some(message) = &mut scheduled.message {
        message.send_time = Some(proto(opens + Duration::from_secs(30)));
    }
    platform.accepted(scheduled).await;
    assert_eq!(lines_of(&bed.end().await, "submit").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outside_of_its_window_a_message_is_held_until_it_opens() {
    let opens = ahead(8);
    let tables = window(opens, opens + Duration::from_secs(3600), "outside = \"hold\"");
    let mut bed = Bed::with(&[Carrier::smpp("smpp")], tables).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let explain = api::ExplainRouteRequest { message: marketing("a").message };
    let explained = platform.sms.explain_route(explain).await.expect("an explanation").into_inner();
    assert_eq!(explained.leave_time, Some(proto(opens)), "{}", explained.window);
    let id = platform.accepted(marketing("a")).await;
    assert_eq!(platform.message(&id).await.state(), MessageState::Accepted);
    bed.stop_daemon().await;
    bed.start_daemon().await;
    let mut platform = bed.platform();
    assert_eq!(platform.end_of(&id).await.state(), MessageState::Delivered);
    let record = bed.end().await;
    let [submit] = &lines_of(&record, "submit")[..] else { panic!("one submit: {record:?}") };
    assert!(at(submit) >= opens, "{submit} left before {opens}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_of_no_use_when_its_window_opens_is_refused_at_once() {
    let opens = ahead(3600);
    let tables = window(opens, opens + Duration::from_secs(60), "outside = \"hold\"");
    let bed = Bed::with(&[Carrier::smpp("smpp")], tables).await;
    let mut short = marketing("a");
    if let Some(message) = &mut short.message {
        message.validity = Some(prost_types::Duration { seconds: 60, nanos: 0 });
    }
    let status = bed.platform().submit(short).await.expect_err("refused");
    assert_eq!(reason(&status), "WINDOW_CLOSED");
    assert!(status.message().ends_with("and its validity ends before"), "{}", status.message());
    assert!(lines_of(&bed.end().await, "submit").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_accepted_while_its_window_was_open_is_answered_again_after_it_closed() {
    let opens = ahead(8);
    let tables = window(opens, opens + Duration::from_secs(2), "");
    let bed = Bed::with(&[Carrier::smpp("smpp")], tables).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let mut scheduled = marketing("a");
    if let Some(message) = &mut scheduled.message {
        message.send_time = Some(proto(opens + Duration::from_secs(1)));
    }
    let id = platform.accepted(scheduled.clone()).await;
    assert_eq!(platform.end_of(&id).await.state(), MessageState::Delivered);
    until_closed(&mut platform).await;
    let again = platform.submit(scheduled).await.expect("answered as before");
    assert!(again.replayed);
    assert_eq!(again.message_id, id);
    assert_eq!(lines_of(&bed.end().await, "submit").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_still_waits_when_its_window_closes_stays_until_the_next_one() {
    let closes = ahead(8);
    let tables = window(closes - Duration::from_secs(3600), closes, "");
    let mut bed = Bed::with(&[Carrier::smpp("smpp")], tables).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    bed.stop_carriers().await;
    bed.until_down().await;
    let waits = platform.accepted(marketing("a")).await;
    until_closed(&mut platform).await;
    bed.start_carriers().await;
    bed.until_up().await;
    // The second is accepted after the queue was emptied for the first.
    for key in ["b", "c"] {
        let id = platform.accepted(request_with(key, |_| {})).await;
        platform.message_when(&id, |message| message.final_time.is_some()).await;
    }
    let message = platform.message(&waits).await;
    assert_eq!((message.state(), message.segments[0].submit_attempt_count), (MessageState::Accepted, 0));
    assert_eq!(lines_of(&bed.end().await, "submit").len(), 2);
}
