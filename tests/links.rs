//! The links of one trunk as one thing: the sick one gets less, the window follows the carrier, one can be bound anew.

mod support;

use carrierd::grpc::api::{self, MessageState};
use support::{Bed, Carrier, lines_of, over, reason, soon};

async fn links(bed: &Bed) -> Vec<api::Link> {
    let request = api::GetTrunkRequest { trunk_id: "carrier".to_owned() };
    let trunk = bed.trunks().get_trunk(request).await.expect("a trunk").into_inner().trunk;
    trunk.expect("a trunk").links
}

async fn rebind(bed: &Bed, link_id: &str) -> Result<(), tonic::Status> {
    let request = api::RebindLinkRequest { link_id: link_id.to_owned(), reason: "a test".to_owned() };
    soon("an answer", bed.trunks().rebind_link(request)).await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_link_gets_less_than_its_sibling() {
    let carrier = Carrier {
        // The second connection is the last one in the pool, which is the first choice among equals.
        behaviour: "answer = { delay = \"2ms\" }\nfaults = { link = 2, lag = \"300ms\" }",
        trunk: "links = 2",
        ..Carrier::smpp("carrier")
    };
    let bed = Bed::new(&[carrier]).await;
    let mut platform = bed.platform();
    for number in 0..40 {
        let id = platform.accepted(over("carrier", &format!("k{number}"), &format!("text {number}"))).await;
        let end = platform.message_when(&id, |message| message.final_time.is_some()).await;
        assert_eq!(end.state(), MessageState::Delivered);
    }
    let record = bed.end().await;
    let submits = lines_of(&record, "submit");
    let slow = submits.iter().filter(|submit| submit["link"] == 2).count();
    assert_eq!(submits.len(), 40);
    assert!(slow >= 1, "it was measured");
    assert!(slow <= 4, "{slow} of 40 went to the slow link");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_window_is_halved_by_throttling_and_comes_back() {
    let carrier = Carrier {
        behaviour: "throttle = { submits_per_second = 40 }\nanswer = { delay = \"5ms\" }",
        trunk: "window = 4",
        ..Carrier::smpp("carrier")
    };
    let bed = Bed::new(&[carrier]).await;
    let mut platform = bed.platform();
    let mut ids = Vec::new();
    for number in 0..100 {
        ids.push(platform.accepted(over("carrier", &format!("k{number}"), &format!("text {number}"))).await);
    }
    bed.until_trunks("the window is smaller", |trunk| trunk.links[0].window_size < 4).await;
    for id in &ids {
        let end = platform.message_when(id, |message| message.final_time.is_some()).await;
        assert_eq!((end.state(), end.possible_duplicate), (MessageState::Delivered, false));
    }
    let mut number = 0;
    while links(&bed).await[0].window_size < 4 {
        number += 1;
        assert!(number < 500, "the window does not come back");
        let id = platform.accepted(over("carrier", &format!("calm{number}"), "calm")).await;
        platform.message_when(&id, |message| message.final_time.is_some()).await;
    }
    let record = bed.end().await;
    let submits = lines_of(&record, "submit");
    assert!(submits.iter().any(|submit| submit["status"] == 0x58));
    let taken: std::collections::HashSet<_> = submits
        .iter()
        .filter(|submit| submit["status"] == 0)
        .filter_map(|submit| submit["text"].as_str().filter(|text| text.starts_with("text")))
        .collect();
    assert_eq!(taken.len(), 100, "each was taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_carrier_that_throttles_a_full_window_is_given_a_smaller_one() {
    let carrier = Carrier {
        behaviour: "throttle_window = 2\nanswer = { delay = \"20ms\" }",
        trunk: "window = 32",
        ..Carrier::smpp("carrier")
    };
    let bed = Bed::new(&[carrier]).await;
    let mut platform = bed.platform();
    let mut ids = Vec::new();
    for number in 0..60 {
        ids.push(platform.accepted(over("carrier", &format!("k{number}"), &format!("text {number}"))).await);
    }
    bed.until_trunks("a smaller window", |trunk| trunk.links[0].window_size < 32).await;
    for id in &ids {
        let end = platform.message_when(id, |message| message.final_time.is_some()).await;
        assert_eq!((end.state(), end.possible_duplicate), (MessageState::Delivered, false));
    }
    let record = bed.end().await;
    let mut texts: Vec<_> = lines_of(&record, "submit")
        .into_iter()
        .filter(|submit| submit["status"] == 0)
        .map(|submit| submit["text"].as_str().expect("a text"))
        .collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn congestion_state_100_shrinks_the_window_to_one_and_never_to_none() {
    let carrier = Carrier {
        protocol: "smpp50",
        behaviour: "answer = { delay = \"2ms\", congestion = 100 }",
        trunk: "window = 8",
        ..Carrier::smpp("carrier")
    };
    let bed = Bed::new(&[carrier]).await;
    let mut platform = bed.platform();
    assert_eq!(links(&bed).await[0].window_size, 8, "a fresh link has all that was agreed to");
    for number in 0..20 {
        let id = platform.accepted(over("carrier", &format!("k{number}"), "hello")).await;
        let end = platform.message_when(&id, |message| message.final_time.is_some()).await;
        assert_eq!(end.state(), MessageState::Delivered);
    }
    bed.until_trunks("one at a time", |trunk| trunk.links[0].window_size == 1).await;
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_bound_anew_loses_nothing() {
    // One of two transceivers, then the receiver of a pair alone.
    for (account, slot) in [("", 0), ("bind = \"pair\"", 1)] {
        bound_anew(account, slot).await;
    }
}

async fn bound_anew(account: &'static str, slot: usize) {
    let carrier = Carrier {
        account,
        // One connection more than agreed would be refused.
        behaviour: "max_links = 2\nanswer = { delay = \"30ms\" }\nreceipts = { delay = \"60ms\" }",
        trunk: "links = 2",
        ..Carrier::smpp("carrier")
    };
    let bed = Bed::new(&[carrier]).await;
    let mut platform = bed.platform();
    let before: Vec<_> = links(&bed).await.into_iter().map(|link| link.bind_time).collect();
    let mut ids = Vec::new();
    for number in 0..120 {
        ids.push(platform.accepted(over("carrier", &format!("k{number}"), &format!("text {number}"))).await);
        if number == 40 {
            rebind(&bed, &format!("carrier/{slot}")).await.expect("asked");
        }
    }
    for id in &ids {
        let end = platform.message_when(id, |message| message.final_time.is_some()).await;
        assert_eq!((end.state(), end.possible_duplicate), (MessageState::Delivered, false));
        assert_eq!(end.segments[0].submit_attempt_count, 1, "none was on the wire twice");
    }
    let is_new = |trunk: &api::Trunk| {
        let now: Vec<_> = trunk.links.iter().map(|link| link.bind_time).collect();
        now[slot].is_some() && now[slot] != before[slot] && now[1 - slot] == before[1 - slot]
    };
    bed.until_trunks("the link is bound anew, the other as before", is_new).await;
    let record = bed.end().await;
    let mut texts: Vec<_> =
        lines_of(&record, "submit").iter().map(|submit| submit["text"].as_str().expect("a text")).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!((texts.len(), lines_of(&record, "submit").len()), (120, 120));
    let binds = lines_of(&record, "bind");
    assert_eq!(binds.len(), 3);
    assert!(binds.iter().all(|bind| bind["status"] == 0), "never one connection too many");
    assert!(lines_of(&record, "end").iter().all(|end| end["reason"] == "Unbound"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_there_is_not_can_not_be_bound_anew() {
    let bed = Bed::new(&[Carrier::smpp("carrier")]).await;
    for (link_id, expected) in [
        ("carrier/1", "LINK_NOT_FOUND"),
        ("nowhere/0", "TRUNK_NOT_FOUND"),
        ("carrier", "INVALID_FIELD"),
        ("carrier/x", "INVALID_FIELD"),
        ("", "INVALID_FIELD"),
    ] {
        let refused = rebind(&bed, link_id).await.expect_err("refused");
        assert_eq!(reason(&refused), expected, "{link_id}");
    }
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_parts_of_a_long_message_leave_on_one_link_in_order() {
    let carrier = Carrier {
        behaviour: "answer = { delay = \"10ms\" }",
        trunk: "links = 3\nwindow = 2",
        ..Carrier::smpp("carrier")
    };
    let bed = Bed::new(&[carrier]).await;
    let mut platform = bed.platform();
    let mut ids = Vec::new();
    for number in 0..12 {
        let text = format!("{number:02} {}", "long ".repeat(150));
        ids.push(platform.accepted(over("carrier", &format!("k{number}"), &text)).await);
    }
    for id in &ids {
        let end = platform.message_when(id, |message| message.final_time.is_some()).await;
        assert_eq!(end.state(), MessageState::Delivered);
    }
    let record = bed.end().await;
    let mut parts = std::collections::BTreeMap::<u64, Vec<(u64, u64)>>::new();
    for submit in lines_of(&record, "submit") {
        let number = |key: &str| submit[key].as_u64().expect("a number");
        parts.entry(number("reference")).or_default().push((number("link"), number("part")));
    }
    assert_eq!(parts.len(), 12);
    for (reference, parts) in parts {
        let link = parts[0].0;
        let expected: Vec<_> = (1..=5).map(|part| (link, part)).collect();
        assert_eq!(parts, expected, "reference {reference}");
    }
}
