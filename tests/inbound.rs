//! Messages from phones.

mod support;

use support::{ACCOUNT, Bed, Carrier, SENDER, lines_of};

const PHONE: &str = "8613900139000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_and_long_texts_arrive_whole_over_either_protocol() {
    let bed = Bed::new(&[Carrier::smpp("smpp"), Carrier::cmpp("cmpp")]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let long: String = (0..80).map(|number| format!("line {number}; ")).collect();
    let chinese = "退订。".repeat(60);
    for carrier in ["smpp", "cmpp"] {
        for (text, parts) in [("TD", 1), (long.as_str(), 0), ("退订", 1), (chinese.as_str(), 0)] {
            bed.simulator().inject_mo(carrier, ACCOUNT, PHONE, SENDER, text).expect("sent");
            let message = platform.inbound().await;
            assert_eq!((message.trunk_id.as_str(), message.text.as_str()), (carrier, text));
            assert_eq!((message.from.as_str(), message.to.as_str()), (PHONE, SENDER));
            assert!(message.complete);
            assert!(if parts == 0 { message.segment_count > 1 } else { message.segment_count == parts });
        }
    }
    let record = bed.end().await;
    let sent = lines_of(&record, "mo").len();
    let answered = lines_of(&record, "mo_answered");
    assert_eq!(answered.len(), sent);
    assert!(answered.iter().all(|answer| answer["status"] == 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_that_came_while_nobody_listened_is_told_later() {
    let mut bed = Bed::new(&[Carrier::smpp("smpp")]).await;
    bed.platform().subscribe().await;
    bed.stop_daemon().await;
    bed.simulator().inject_mo("smpp", ACCOUNT, PHONE, SENDER, "hello?").expect("sent");
    bed.start_daemon().await;
    assert_eq!(bed.platform().inbound().await.text, "hello?");
    bed.end().await;
}
