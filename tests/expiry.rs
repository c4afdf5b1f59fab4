//! A carrier that is down delays messages up to their validity, and no further.

mod support;

use carrierd::grpc::api::{FailureClass, MessageState};
use support::{Bed, Carrier, lines_of, request, request_with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_past_its_validity_expires_and_the_rest_goes_out() {
    let mut bed = Bed::new(&[Carrier::smpp("smpp")]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    bed.stop_carriers().await;
    bed.until_down().await;
    let short = request_with("short", |message| {
        message.validity = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    });
    let short = platform.accepted(short).await;
    let long = platform.accepted(request("long", "still of use")).await;
    let end = platform.end_of(&short).await;
    assert_eq!(end.state(), MessageState::Expired);
    assert_eq!(end.status.expect("why").failure_class(), FailureClass::Expired);
    bed.start_carriers().await;
    assert_eq!(platform.end_of(&long).await.state(), MessageState::Delivered);
    let record = bed.end().await;
    let submits = lines_of(&record, "submit");
    assert_eq!(submits.len(), 1);
    assert_eq!(submits[0]["text"], "still of use");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_expired_while_the_daemon_was_away_is_told_when_it_is_back() {
    let mut bed = Bed::new(&[Carrier::smpp("smpp")]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    bed.stop_carriers().await;
    bed.until_down().await;
    let short = request_with("short", |message| {
        message.validity = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    });
    let short = platform.accepted(short).await;
    bed.stop_daemon().await;
    bed.start_daemon().await;
    assert_eq!(bed.platform().end_of(&short).await.state(), MessageState::Expired);
    bed.start_carriers().await;
    bed.until_up().await;
    assert!(lines_of(&bed.end().await, "submit").is_empty());
}
