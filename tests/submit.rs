//! A message goes from the API to a carrier, and its report comes back as an event.

mod support;

use std::time::Duration;

use carrierd::grpc::api::{MessageState, StatusSource};
use support::{Bed, Carrier, lines_of, over, request, request_with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_delivered_over_either_protocol() {
    let bed = Bed::new(&[Carrier::smpp("smpp"), Carrier::cmpp("cmpp")]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    for (trunk, protocol) in [("smpp", "smpp34"), ("cmpp", "cmpp30")] {
        let id = platform.accepted(over(trunk, trunk, "Your parcel has arrived.")).await;
        let end = platform.end_of(&id).await;
        assert_eq!((end.state(), end.request_id.as_str()), (MessageState::Delivered, trunk));
        assert_eq!((end.segment_count, end.delivered_segment_count), (1, 1));
        let status = end.status.expect("why");
        assert_eq!((status.source(), status.raw_text.as_str()), (StatusSource::CarrierReport, "DELIVRD"));

        let message = platform.message(&id).await;
        assert_eq!(message.state(), MessageState::Delivered);
        let [segment] = &message.segments[..] else { panic!("one segment: {message:?}") };
        assert_eq!((segment.trunk_id.as_str(), segment.submit_attempt_count), (trunk, 1));
        assert!(!segment.carrier_message_id.is_empty());
        assert!(segment.submit_time.is_some() && segment.response_time.is_some());
        assert!(segment.report_time.is_some());
        assert_eq!(segment.status.as_ref().expect("a status").protocol, protocol);
    }
    let record = bed.end().await;
    let submits = lines_of(&record, "submit");
    assert_eq!(submits.len(), 2);
    for submit in submits {
        assert_eq!(submit["text"], "Your parcel has arrived.");
        assert_eq!(
            (&submit["recipient"], &submit["sender"]),
            (&"13800138000".into(), &support::SENDER.into())
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_in_chinese_arrives_as_it_was_written() {
    let bed = Bed::new(&[Carrier::smpp("smpp"), Carrier::cmpp("cmpp")]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    for trunk in ["smpp", "cmpp"] {
        let id = platform.accepted(over(trunk, trunk, "您的包裹已到。")).await;
        assert_eq!(platform.end_of(&id).await.state(), MessageState::Delivered);
    }
    let record = bed.end().await;
    assert!(lines_of(&record, "submit").iter().all(|submit| submit["text"] == "您的包裹已到。"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_report_the_carriers_acceptance_is_the_end() {
    let bed = Bed::new(&[Carrier::smpp("smpp")]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let id = platform.accepted(request_with("a", |message| message.report_requested = false)).await;
    assert_eq!(platform.end_of(&id).await.state(), MessageState::Submitted);
    assert!(lines_of(&bed.end().await, "receipt").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_again_is_the_same_message() {
    let bed = Bed::new(&[Carrier::smpp("smpp")]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let first = platform.submit(request("a", "hello")).await.expect("accepted");
    let again = platform.submit(request("a", "hello")).await.expect("accepted");
    assert!(again.replayed && !first.replayed);
    assert_eq!(
        (again.message_id.as_str(), again.accept_time),
        (first.message_id.as_str(), first.accept_time)
    );
    platform.end_of(&first.message_id).await;
    assert_eq!(lines_of(&bed.end().await, "submit").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_only_validated_is_not_sent() {
    let bed = Bed::new(&[Carrier::smpp("smpp")]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let mut only = request("a", "hello");
    only.validate_only = true;
    let answer = platform.submit(only).await.expect("sound");
    assert!(answer.message_id.is_empty());
    assert_eq!(answer.plan.expect("a plan").segment_count, 1);
    // One that goes out shows that the other would have.
    let id = platform.accepted(request("b", "hello")).await;
    platform.end_of(&id).await;
    assert_eq!(lines_of(&bed.end().await, "submit").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_carriers_bad_news_comes_with_its_own_words() {
    let states = r#"receipts = { states = [{ stat = "UNDELIV", err = 27 }] }"#;
    let carriers = [
        Carrier { behaviour: states, ..Carrier::smpp("smpp") },
        Carrier { behaviour: r#"receipts = { states = [{ stat = "MK:0005" }] }"#, ..Carrier::cmpp("cmpp") },
    ];
    let bed = Bed::new(&carriers).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    for (trunk, word) in [("smpp", "UNDELIV"), ("cmpp", "MK:0005")] {
        let id = platform.accepted(over(trunk, trunk, "hello")).await;
        let end = platform.end_of(&id).await;
        assert_eq!(end.state(), MessageState::Undelivered);
        assert_eq!(end.status.expect("why").raw_text, word);
    }
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_gives_up_half_way_finds_its_message_sent_or_not_there() {
    const MESSAGES: u64 = 60;
    let bed = Bed::new(&[Carrier::smpp("smpp")]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    // Given up a tenth of a millisecond later each time: before, while and after it becomes durable.
    for number in 0..MESSAGES {
        let call = platform.sms.submit_message(request(&number.to_string(), "hello"));
        let _ = tokio::time::timeout(Duration::from_micros(number * 100), call).await;
    }
    for number in 0..MESSAGES {
        // Asked again: the first answer, or a new one.
        let id = platform.accepted(request(&number.to_string(), "hello")).await;
        let end = platform.message_when(&id, |message| message.final_time.is_some()).await;
        assert_eq!(end.state(), MessageState::Delivered);
    }
    assert_eq!(lines_of(&bed.end().await, "submit").len() as u64, MESSAGES, "each once");
}
