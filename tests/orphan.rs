//! A report that matches no message of ours is told as such.

mod support;

use carrierd::grpc::api::{AmbiguityPolicy, ReportState, event::Payload};
use support::{Bed, Carrier, lines_of, request_with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_without_a_message_is_told_after_it_was_held() {
    // Two messages that look alike to a carrier that never answers: no report can be told to be either's.
    let behaviour = "answer = { silence = 1.0 }\nreceipts = { delay = \"700ms\" }";
    for protocol in ["smpp34", "cmpp30"] {
        let carrier =
            Carrier { behaviour, protocol, timers: "response = \"200ms\"", ..Carrier::smpp("carrier") };
        let bed = Bed::with(&[carrier], "orphan_hold = \"1s\"").await;
        let mut platform = bed.platform();
        platform.subscribe().await;
        let alike = |key: &str| {
            request_with(key, |message| message.ambiguity_policy = AmbiguityPolicy::AwaitReport as i32)
        };
        let ids = [platform.accepted(alike("a")).await, platform.accepted(alike("b")).await];
        let is_orphan = |payload| match payload {
            Payload::OrphanReport(orphan) => Some(orphan),
            _ => None,
        };
        let mut told = Vec::new();
        for _ in &ids {
            let orphan = platform.event("an orphan", is_orphan).await;
            assert_eq!((orphan.trunk_id.as_str(), orphan.state()), ("carrier", ReportState::Delivered));
            assert_eq!((orphan.recipient.as_str(), orphan.sender.as_str()), ("13800138000", support::SENDER));
            assert!(!orphan.raw.is_empty());
            told.push(orphan.carrier_message_id);
        }
        for id in &ids {
            assert!(platform.message(id).await.final_time.is_none(), "neither is guessed to be delivered");
        }
        let record = bed.end().await;
        let answered = lines_of(&record, "receipt_answered");
        assert_eq!(answered.len(), 2, "{protocol}: each was answered, once");
        for answer in answered {
            assert_eq!(answer["status"], 0);
            assert!(told.iter().any(|id| answer["id"] == id.as_str()), "{protocol}: {answer} in {told:?}");
        }
    }
}
