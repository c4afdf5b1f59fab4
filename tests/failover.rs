//! What one trunk can't carry, another of the message's route does, and nothing is sent twice for it.

mod support;

use carrierd::grpc::api::{self, MessageState, outbound_message::Content};
use support::{Bed, Carrier, lines_of, request_with};

const SOON: &str = "failover_after = \"300ms\"";
const LATE: &str = "failover_after = \"1h\"";

/// A message for both trunks, the first preferred.
fn both(key: &str, text: &str) -> api::SubmitMessageRequest {
    request_with(key, |message| {
        message.trunk_ids = vec!["first".into(), "second".into()];
        message.content = Some(Content::Text(text.into()));
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_dead_trunk_goes_to_another_cut_as_that_one_needs() {
    // Fifty Chinese characters and a long text: SMPP and CMPP cut and encode them each in their own way.
    let texts = ["hello".to_owned(), "\u{5305}".repeat(50), "x".repeat(300)];
    let first = Carrier { trunk: SOON, ..Carrier::smpp("first") };
    let mut bed = Bed::new(&[first, Carrier::cmpp("second")]).await;
    let mut platform = bed.platform();
    bed.stop_carriers().await;
    bed.until_down().await;
    let mut sent = Vec::new();
    for (key, text) in texts.iter().enumerate() {
        sent.push(platform.accepted(both(&key.to_string(), text)).await);
    }
    bed.start_carriers_but("first").await;
    for id in &sent {
        let end = platform.message_when(id, |message| message.final_time.is_some()).await;
        assert_eq!((end.state(), end.possible_duplicate), (MessageState::Delivered, false));
        assert!(end.segments.iter().all(|segment| segment.trunk_id == "second"));
    }
    let record = bed.end().await;
    assert!(lines_of(&record, "submit").iter().all(|line| line["carrier"] == "second"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_trunk_refuses_for_its_account_another_takes() {
    // SMPP 5.0 ESME_RPROHIBITED: this account may not; CMPP 3.0 CMPP_SUBMIT_RESP Result 9: this gateway does not serve it.
    let account = Carrier {
        behaviour: r#"refuse = [{ on = "submit", status = 257 }]"#,
        trunk: LATE,
        ..Carrier::smpp("first")
    };
    let bed = Bed::new(&[account, Carrier::cmpp("second")]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let id = platform.accepted(both("a", "hello")).await;
    let end = platform.end_of(&id).await;
    assert_eq!((end.state(), end.possible_duplicate), (MessageState::Delivered, false));
    let record = bed.end().await;
    let carriers: Vec<_> =
        lines_of(&record, "submit").iter().map(|line| line["carrier"].as_str().unwrap_or("")).collect();
    assert_eq!(carriers, ["first", "second"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_every_trunk_refuses_the_message_ends_and_says_why() {
    let no = |name| Carrier {
        behaviour: r#"refuse = [{ on = "submit", status = 257 }]"#,
        trunk: LATE,
        ..Carrier::smpp(name)
    };
    let bed = Bed::new(&[no("first"), no("second")]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let id = platform.accepted(both("a", "hello")).await;
    let end = platform.end_of(&id).await;
    assert_eq!(end.state(), MessageState::Rejected);
    assert_eq!(end.status.expect("why").raw_code, "257");
    assert_eq!(lines_of(&bed.end().await, "submit").len(), 2, "each trunk was asked once");
}

/// Sends three parts to `first` or a second trunk; all of them arrive over `trunk`. Gives the carriers' record.
async fn long_message(first: Carrier, trunk: &str) -> Vec<serde_json::Value> {
    let bed = Bed::new(&[first, Carrier::cmpp("second")]).await;
    let mut platform = bed.platform();
    let id = platform.accepted(both("a", &"\u{5305}".repeat(150))).await;
    let end = platform.message_when(&id, |message| message.final_time.is_some()).await;
    assert_eq!((end.state(), end.possible_duplicate), (MessageState::Delivered, false));
    assert!(end.segments.iter().all(|segment| segment.trunk_id == trunk));
    bed.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_message_moves_once_all_its_parts_are_refused() {
    // With one submit at a time the first part comes back while the others wait; with three all are out together.
    for window in ["window = 1", "window = 3"] {
        let first = Carrier {
            behaviour: r#"refuse = [{ on = "submit", status = 257 }]"#,
            trunk: window,
            ..Carrier::smpp("first")
        };
        let record = long_message(first, "second").await;
        let mut taken: Vec<_> = lines_of(&record, "submit")
            .iter()
            .map(|line| (line["carrier"].as_str().unwrap_or("").to_owned(), line["part"].as_u64()))
            .filter(|(carrier, _)| carrier == "second")
            .collect();
        taken.sort();
        let once = (1..=3).map(|part| ("second".to_owned(), Some(part))).collect::<Vec<_>>();
        assert_eq!(taken, once, "{window}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_that_is_refused_stays_where_the_others_are() {
    let first = Carrier {
        behaviour: r#"refuse = [{ on = "submit", status = 257, times = 1 }]"#,
        trunk: LATE,
        timers: r#"response = "1s""#,
        ..Carrier::smpp("first")
    };
    let record = long_message(first, "first").await;
    let parts: Vec<_> = lines_of(&record, "submit").iter().map(|line| line["part"].as_u64()).collect();
    assert_eq!(parts, [Some(1), Some(2), Some(3), Some(1)], "the refused part once more, the others once");
}
