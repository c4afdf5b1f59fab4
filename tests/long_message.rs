//! Texts of more than one part.

mod support;

use carrierd::grpc::api::MessageState;
use support::{Bed, Carrier, lines_of, over};

fn long_text() -> String {
    (0..60).map(|number| format!("line {number} of the text; ")).collect::<String>()[..400].to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_part_goes_out_and_together_they_are_the_text() {
    let bed = Bed::new(&[Carrier::smpp("smpp"), Carrier::cmpp("cmpp")]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    for trunk in ["smpp", "cmpp"] {
        let answer = platform.submit(over(trunk, trunk, &long_text())).await.expect("accepted");
        assert_eq!(answer.plan.expect("a plan").segment_count, 3);
        let end = platform.end_of(&answer.message_id).await;
        assert_eq!((end.state(), end.delivered_segment_count), (MessageState::Delivered, 3));
        let message = platform.message(&answer.message_id).await;
        let mut ids: Vec<_> = message.segments.iter().map(|segment| &segment.carrier_message_id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 3, "each part has an id of its own");
    }
    let record = bed.end().await;
    for carrier in ["smpp", "cmpp"] {
        let submits = lines_of(&record, "submit");
        let mut parts: Vec<_> = submits.iter().filter(|submit| submit["carrier"] == carrier).collect();
        parts.sort_by_key(|submit| submit["part"].as_u64());
        assert!(parts.iter().all(|part| part["total"] == 3 && part["reference"] == parts[0]["reference"]));
        let joined: String = parts.iter().map(|part| part["text"].as_str().expect("a text")).collect();
        assert_eq!(joined, long_text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_smpp_carrier_gets_long_texts_the_way_it_wants_them() {
    for (account, parts) in [("long_messages = \"sar\"", 3), ("long_messages = \"payload\"", 1)] {
        let bed = Bed::new(&[Carrier { account, ..Carrier::smpp("smpp") }]).await;
        let mut platform = bed.platform();
        platform.subscribe().await;
        let id = platform.accepted(over("smpp", "a", &long_text())).await;
        assert_eq!(platform.end_of(&id).await.state(), MessageState::Delivered, "{account}");
        let record = bed.end().await;
        let mut submits = lines_of(&record, "submit");
        submits.sort_by_key(|submit| submit["part"].as_u64());
        assert_eq!(submits.len(), parts, "{account}");
        let joined: String = submits.iter().map(|part| part["text"].as_str().expect("a text")).collect();
        assert_eq!(joined, long_text(), "{account}");
    }
}
