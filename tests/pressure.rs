//! A carrier that has enough: the account slows down, one full recipient holds up nobody else, and the account's own
//! table of statuses decides where it has one.

mod support;

use carrierd::grpc::api::{FailureClass, MessageState};
use support::{Bed, Carrier, lines_of, request, request_with};

/// The recipients of a carrier's submits, in the order in which they came.
fn recipients(record: &[serde_json::Value]) -> Vec<&str> {
    lines_of(record, "submit").iter().map(|line| line["recipient"].as_str().unwrap_or_default()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_recipient_waits_alone() {
    // SMPP 3.4 ESME_RMSGQFUL, for one phone and only once.
    let carrier = Carrier {
        behaviour: r#"refuse = [{ on = "submit", suffix = "0001", status = 20, times = 1 }]"#,
        trunk: "window = 1\nstatus = [{ code = 20, then = \"no-room\", delay = \"1s\" }]",
        ..Carrier::smpp("smpp")
    };
    let bed = Bed::new(&[carrier]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let full = platform.accepted(request_with("full", |message| message.to = "13800000001".into())).await;
    platform.message_when(&full, |message| message.segments[0].submit_attempt_count == 1).await;
    let behind = platform.accepted(request_with("behind", |message| message.to = "13800000001".into())).await;
    let other = platform.accepted(request_with("other", |message| message.to = "13800000002".into())).await;
    for id in [&other, &full, &behind] {
        let end = platform.end_of(id).await;
        assert_eq!((end.state(), end.possible_duplicate), (MessageState::Delivered, false));
    }
    assert_eq!(recipients(&bed.end().await), ["13800000001", "13800000002", "13800000001", "13800000001"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn throttling_pauses_the_account_and_the_refused_message_goes_first() {
    for (protocol, status) in [("smpp34", 0x58), ("cmpp30", 8)] {
        let refuse =
            format!("refuse = [{{ on = \"submit\", suffix = \"0000\", status = {status}, times = 3 }}]");
        let carrier = Carrier {
            behaviour: Box::leak(refuse.into_boxed_str()),
            trunk: "window = 1",
            protocol,
            ..Carrier::smpp("carrier")
        };
        let bed = Bed::new(&[carrier]).await;
        let mut platform = bed.platform();
        platform.subscribe().await;
        let mut sent = Vec::new();
        for index in 0..10 {
            let to = format!("1380000{index:04}");
            sent.push(platform.accepted(request_with(&to, |message| message.to = to.clone())).await);
        }
        for id in &sent {
            let end = platform.end_of(id).await;
            assert_eq!((end.state(), end.possible_duplicate), (MessageState::Delivered, false), "{protocol}");
        }
        let record = bed.end().await;
        let seen = recipients(&record);
        let first = "13800000000";
        assert_eq!(seen.iter().filter(|to| **to == first).count(), 4, "{protocol}");
        // Nothing overtakes what was refused: after its first try come only its own others, until it is taken.
        let begun = seen.iter().position(|to| *to == first).expect("it was tried");
        assert!(seen[begun..begun + 4].iter().all(|to| *to == first), "{protocol}: {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_accounts_own_table_says_what_a_status_means() {
    let carrier = Carrier {
        // A vendor's status, which the protocol takes for final, and a documented one that this carrier means otherwise.
        behaviour: r#"refuse = [
            { on = "submit", suffix = "0001", status = 1025, times = 1 },
            { on = "submit", suffix = "0002", status = 69 },
        ]"#,
        trunk: "status = [{ code = 0x401, then = \"later\", delay = \"10ms\" },
            { code = 0x45, then = \"never\", class = \"frequency_limited\" }]",
        ..Carrier::smpp("smpp")
    };
    let bed = Bed::new(&[carrier]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let again = platform.accepted(request_with("a", |message| message.to = "13800000001".into())).await;
    let never = platform.accepted(request_with("b", |message| message.to = "13800000002".into())).await;
    let plain = platform.accepted(request("c", "hello")).await;
    let end = platform.end_of(&never).await;
    let status = end.status.clone().expect("why");
    assert_eq!(
        (end.state(), status.failure_class()),
        (MessageState::Rejected, FailureClass::FrequencyLimited)
    );
    assert_eq!((status.raw_code.as_str(), status.permanent), ("69", true));
    for id in [&again, &plain] {
        let end = platform.message_when(id, |message| message.final_time.is_some()).await;
        assert_eq!(end.state(), MessageState::Delivered);
    }
    let record = bed.end().await;
    let seen = recipients(&record);
    assert_eq!(seen.iter().filter(|to| **to == "13800000001").count(), 2);
    assert_eq!(seen.iter().filter(|to| **to == "13800000002").count(), 1);
}
