//! The daemon ends in good order and starts again on the same folder.

mod support;

use carrierd::grpc::api::MessageState;
use support::{Bed, Carrier, lines_of, over, request};

const MESSAGES: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_nothing_answered_is_sent_again() {
    let behaviour = "answer = { delay = { from = \"1ms\", to = \"20ms\" } }\n\
                     receipts = { delay = { from = \"50ms\", to = \"500ms\" } }";
    let carriers =
        [Carrier { behaviour, ..Carrier::smpp("smpp") }, Carrier { behaviour, ..Carrier::cmpp("cmpp") }];
    let mut bed = Bed::new(&carriers).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let mut ids = Vec::new();
    for number in 0..MESSAGES {
        let trunk = ["smpp", "cmpp"][number % 2];
        ids.push(platform.accepted(over(trunk, &format!("r{number}"), &format!("message {number}"))).await);
        if number % 60 == 59 {
            bed.stop_daemon().await;
            bed.start_daemon().await;
            platform = bed.platform();
        }
    }
    for id in &ids {
        let message = platform.message_when(id, |message| message.final_time.is_some()).await;
        assert_eq!(message.state(), MessageState::Delivered, "{:?}", message.status);
        assert!(!message.possible_duplicate);
    }
    let record = bed.end().await;
    let mut texts: Vec<_> =
        lines_of(&record, "submit").iter().map(|submit| submit["text"].as_str().expect("a text")).collect();
    texts.sort_unstable();
    let sent = texts.len();
    texts.dedup();
    assert_eq!((texts.len(), sent), (MESSAGES, MESSAGES));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_only_accepted_goes_out_after_the_restart() {
    let mut bed = Bed::new(&[Carrier::smpp("smpp")]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    bed.stop_carriers().await;
    bed.until_down().await;
    let id = platform.accepted(request("a", "hello")).await;
    bed.stop_daemon().await;
    bed.start_carriers().await;
    bed.start_daemon().await;
    let mut platform = bed.platform();
    assert_eq!(platform.end_of(&id).await.state(), MessageState::Delivered);
    let again = platform.submit(request("a", "hello")).await.expect("accepted");
    assert!(again.replayed, "the key is remembered");
    assert_eq!(again.message_id, id);
    assert_eq!(lines_of(&bed.end().await, "submit").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_was_acked_stays_acked_and_others_come_again() {
    let mut bed = Bed::new(&[Carrier::smpp("smpp")]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let first = platform.accepted(request("a", "a")).await;
    platform.end_of(&first).await;
    let second = platform.accepted(request("b", "b")).await;
    platform.message_when(&second, |message| message.final_time.is_some()).await;
    bed.stop_daemon().await;
    bed.start_daemon().await;
    let mut platform = bed.platform();
    let is_final = |payload| match payload {
        carrierd::grpc::api::event::Payload::MessageState(moved) if moved.r#final => Some(moved.message_id),
        _ => None,
    };
    assert_eq!(platform.event("the next final event", is_final).await, second);
    bed.end().await;
}
