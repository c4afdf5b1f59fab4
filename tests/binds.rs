//! What a link does when the carrier refuses its bind: each refusal has its own answer, and only that link waits.

mod support;

use std::time::Duration;

use carrierd::grpc::api::{self, MessageState};
use jiff::Timestamp;
use serde_json::Value;
use support::{Bed, Carrier, lines_of, over};

/// SMPP's command ids of binds, as the carrier's record has them.
const RECEIVER: u64 = 1;
const TRANSMITTER: u64 = 2;
const TRANSCEIVER: u64 = 9;

async fn carries_a_message(bed: &Bed, key: &str) {
    let mut platform = bed.platform();
    platform.subscribe().await;
    let id = platform.accepted(over("carrier", key, "hello")).await;
    assert_eq!(platform.end_of(&id).await.state(), MessageState::Delivered);
}

/// Status, version and command of every bind that the carrier answered.
fn binds(record: &[Value]) -> Vec<(u64, u64, u64)> {
    let field = |bind: &Value, key: &str| bind[key].as_u64().expect("a number");
    lines_of(record, "bind")
        .into_iter()
        .map(|bind| (field(bind, "status"), field(bind, "version"), field(bind, "command")))
        .collect()
}

/// Waits until a link shows this in its last error.
async fn until_said(bed: &Bed, text: &str) {
    let says = |link: &api::Link| link.last_error.as_ref().is_some_and(|error| error.raw_text.contains(text));
    bed.until_trunks(text, |trunk| trunk.links.iter().any(says)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ghost_is_waited_for_while_the_other_link_carries_the_traffic() {
    const WAIT: Duration = Duration::from_secs(1);
    let carrier = Carrier {
        behaviour: "max_links = 2\nghost = \"2s\"\nfaults = { link = 1, cut_after_submits = 3 }",
        trunk: "links = 2",
        timers: "already_bound_wait = \"1s\"",
        ..Carrier::smpp("carrier")
    };
    let bed = Bed::new(&[carrier]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let mut number = 0;
    while links(&bed).await.iter().all(|link| link.bind_time.is_some()) {
        platform.accepted(over("carrier", &format!("before{number}"), "before")).await;
        number += 1;
    }
    until_said(&bed, "already has its connections").await;
    let mut ids = Vec::new();
    for number in 0..30 {
        ids.push(platform.accepted(over("carrier", &format!("k{number}"), &format!("text {number}"))).await);
    }
    for id in &ids {
        let end = platform.message_when(id, |message| message.final_time.is_some()).await;
        assert_eq!((end.state(), end.possible_duplicate), (MessageState::Delivered, false));
    }
    let bound = links(&bed).await.iter().filter(|link| link.bind_time.is_some()).count();
    assert_eq!(bound, 1, "all that while the ghost stood in the way");
    bed.until_up().await;
    let record = bed.end().await;
    let refused: Vec<Timestamp> = lines_of(&record, "bind")
        .iter()
        .filter(|bind| bind["status"] == 5)
        .map(|bind| bind["at"].as_str().expect("a time").parse().expect("a time"))
        .collect();
    assert!((1..=3).contains(&refused.len()), "{refused:?}");
    for pair in refused.windows(2) {
        assert!(pair[1].duration_since(pair[0]).unsigned_abs() >= WAIT, "{refused:?}");
    }
}

async fn links(bed: &Bed) -> Vec<api::Link> {
    let request = api::GetTrunkRequest { trunk_id: "carrier".to_owned() };
    let trunk = bed.trunks().get_trunk(request).await.expect("a trunk").into_inner().trunk;
    trunk.expect("a trunk").links
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_carrier_without_version_5_is_met_with_3_4_and_that_is_remembered() {
    for status in [0x0D, 0x08] {
        let behaviour = if status == 0x0D {
            "refuse = [{ on = \"bind\", above_version = 0x34, status = 0x0D }]"
        } else {
            "refuse = [{ on = \"bind\", above_version = 0x34, status = 0x08 }]"
        };
        let carrier =
            Carrier { protocol: "smpp50", behaviour, trunk: "links = 2", ..Carrier::smpp("carrier") };
        let mut bed = Bed::new(&[carrier]).await;
        carries_a_message(&bed, "a").await;
        bed.stop_carriers().await;
        let first = binds(&bed.recorded());
        assert_eq!(first[0], (status, 0x50, TRANSCEIVER));
        assert!(first.iter().filter(|(refused, ..)| *refused == status).count() <= 2, "{first:?}");
        assert_eq!(first.iter().filter(|bind| **bind == (0, 0x34, TRANSCEIVER)).count(), 2, "{first:?}");
        bed.until_down().await;
        bed.start_carriers().await;
        bed.until_up().await;
        assert_eq!(binds(&bed.end().await), [(0, 0x34, TRANSCEIVER); 2]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_without_cmpp_3_is_met_with_2_where_the_account_allows_it() {
    let behaviour = "refuse = [{ on = \"bind\", above_version = 0x20, status = 4 }]";
    let strict = Carrier { behaviour, ..Carrier::cmpp("carrier") };
    let bed = Bed::started(&[strict], "").await;
    until_said(&bed, "version_fallback = true").await;
    let record = bed.end().await;
    assert!(binds(&record).iter().all(|(status, version, _)| (*status, *version) == (4, 0x30)));

    let bed = Bed::new(&[Carrier { account: "version_fallback = true", ..strict }]).await;
    carries_a_message(&bed, "a").await;
    let seen: Vec<_> =
        binds(&bed.end().await).into_iter().map(|(status, version, _)| (status, version)).collect();
    assert_eq!(seen, [(4, 0x30), (0, 0x20)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_carrier_without_transceivers_is_met_with_a_transmitter_and_a_receiver() {
    let behaviour = "refuse = [{ on = \"bind\", command = 9, status = 3 }]\nmax_links = 2";
    let carrier = Carrier { behaviour, trunk: "links = 2", ..Carrier::smpp("carrier") };
    let bed = Bed::new(&[carrier]).await;
    let modes: Vec<_> = links(&bed).await.into_iter().map(|link| link.bind_mode).collect();
    assert_eq!(modes, ["transmitter", "receiver"]);
    carries_a_message(&bed, "a").await;
    let mut accepted: Vec<_> = binds(&bed.end().await)
        .into_iter()
        .filter_map(|(status, _, command)| (status == 0).then_some(command))
        .collect();
    accepted.sort_unstable();
    assert_eq!(accepted, [RECEIVER, TRANSMITTER]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_one_connection_can_not_be_a_pair_the_error_says_what_to_configure() {
    let behaviour = "refuse = [{ on = \"bind\", command = 9, status = 3 }]";
    let bed = Bed::started(&[Carrier { behaviour, ..Carrier::smpp("carrier") }], "").await;
    until_said(&bed, "set links = 2 and bind = \"pair\"").await;
    let record = bed.end().await;
    assert!(binds(&record).iter().all(|bind| *bind == (3, 0x34, TRANSCEIVER)), "one connection at a time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_credentials_say_what_to_check() {
    let behaviour = "refuse = [{ on = \"bind\", status = 0x0E }]";
    let bed = Bed::started(&[Carrier { behaviour, ..Carrier::smpp("carrier") }], "").await;
    until_said(&bed, "check its name, its secret and our address").await;
    let link = &links(&bed).await[0];
    let error = link.last_error.clone().expect("an error");
    assert_eq!((error.raw_code.as_str(), error.source()), ("14", api::StatusSource::CarrierResponse));
    bed.end().await;
}
