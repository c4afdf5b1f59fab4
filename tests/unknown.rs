//! A carrier that takes messages and never answers: what is not known is called so, and resolved by policy.

mod support;

use carrierd::grpc::api::{AmbiguityPolicy, MessageState};
use support::{Bed, Carrier, lines_of, request_with};

/// The receipt comes long before we give the answer up.
const EARLY: &str = "answer = { silence = 1.0 }\nreceipts = { delay = \"50ms\" }";
/// The receipt comes after we gave the answer up.
const LATE: &str = "answer = { silence = 1.0 }\nreceipts = { delay = \"1500ms\" }";
const TIMERS: &str = "response = \"500ms\"";

fn silent(behaviour: &'static str, protocol: &'static str) -> Carrier {
    Carrier { behaviour, timers: TIMERS, protocol, ..Carrier::smpp("carrier") }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_comes_later_ends_an_unknown_message() {
    for protocol in ["smpp34", "cmpp30"] {
        let bed = Bed::new(&[silent(LATE, protocol)]).await;
        let mut platform = bed.platform();
        platform.subscribe().await;
        let wait =
            request_with("a", |message| message.ambiguity_policy = AmbiguityPolicy::AwaitReport as i32);
        let id = platform.accepted(wait).await;
        let unknown = platform.message_when(&id, |message| message.status.is_some()).await;
        assert_eq!(unknown.state(), MessageState::Submitting, "{protocol}");
        let end = platform.end_of(&id).await;
        assert_eq!((end.state(), end.possible_duplicate), (MessageState::Delivered, false), "{protocol}");
        assert_eq!(lines_of(&bed.end().await, "submit").len(), 1, "{protocol}: never sent again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_came_before_we_gave_up_ends_it_too() {
    let bed = Bed::with(&[silent(EARLY, "smpp34")], "orphan_hold = \"1s\"").await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let wait = request_with("a", |message| message.ambiguity_policy = AmbiguityPolicy::AwaitReport as i32);
    let id = platform.accepted(wait).await;
    let end = platform.end_of(&id).await;
    assert_eq!((end.state(), end.possible_duplicate), (MessageState::Delivered, false));
    assert_eq!(lines_of(&bed.end().await, "submit").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_report_it_ends_as_unknown_when_the_window_closes() {
    let silent = silent("answer = { silence = 1.0 }\nreceipts = { ratio = 0.0 }", "smpp34");
    let bed = Bed::with(&[silent], "report_window = \"2s\"").await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let wait = request_with("a", |message| message.ambiguity_policy = AmbiguityPolicy::AwaitReport as i32);
    let id = platform.accepted(wait).await;
    assert_eq!(platform.end_of(&id).await.state(), MessageState::Unknown);
    assert_eq!(lines_of(&bed.end().await, "submit").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_sent_again_says_so() {
    // The report comes after the second try was made, a second after the first was given up.
    let late = "answer = { silence = 1.0 }\nreceipts = { delay = \"2500ms\" }";
    let bed =
        Bed::with(&[Carrier { trunk: "max_attempts = 2", ..silent(late, "smpp34") }], "orphan_hold = \"1s\"")
            .await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let again = request_with("a", |message| message.ambiguity_policy = AmbiguityPolicy::Resubmit as i32);
    let id = platform.accepted(again).await;
    let end = platform.end_of(&id).await;
    assert!(end.possible_duplicate);
    let message = platform.message(&id).await;
    assert!(message.possible_duplicate);
    assert_eq!(message.segments[0].submit_attempt_count, 2);
    assert_eq!(lines_of(&bed.end().await, "submit").len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_comes_before_the_second_try_makes_it_needless() {
    let soon = "answer = { silence = 1.0 }\nreceipts = { delay = \"800ms\" }";
    let bed = Bed::new(&[silent(soon, "smpp34")]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let again = request_with("a", |message| message.ambiguity_policy = AmbiguityPolicy::Resubmit as i32);
    let id = platform.accepted(again).await;
    assert_eq!(platform.end_of(&id).await.state(), MessageState::Delivered);
    assert_eq!(lines_of(&bed.end().await, "submit").len(), 1);
}
