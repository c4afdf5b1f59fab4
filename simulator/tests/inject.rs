//! What a carrier says out of turn, and what its record shows of it.

mod support;

use std::path::Path;

use codecs::{
    cmpp,
    session::{CloseReason, Event},
    smpp::{CommandId, Status},
};
use support::{Esme, Peer, Sp, cmpp_carrier, smpp_carrier, sp_credentials, started};

const UNKNOWN_REQUEST: &str = "00000010 00000099 00000000 00990001";

#[tokio::test]
async fn a_submit_gets_the_injected_answer_in_place_of_its_own() {
    let (_simulator, to) = smpp_carrier(
        "receipts = { ratio = 0.0 }\n[[carrier.inject]]\nafter_submits = 2\ninstead = true\n\
         sequence = \"of-submit\"\noctets = \"00000010 80000000 00000003 00000000\"",
    )
    .await;
    let mut esme = Esme::transceiver(to).await;
    for text in ["one", "two", "three"] {
        esme.submit_text("1", text);
    }
    esme.submit_answer().await.expect("taken");
    let nack = esme.answer().await;
    assert_eq!(
        (nack.header.command_id, nack.header.command_status),
        (CommandId::GENERIC_NACK, Status::RINVCMDID)
    );
    esme.submit_answer().await.expect("taken: only one is answered so");
}

#[tokio::test]
async fn the_answer_comes_first_and_what_is_injected_behind_it() {
    let (_simulator, to) = smpp_carrier(
        "receipts = { ratio = 0.0 }\nanswer = { delay = \"5ms\" }\n[[carrier.inject]]\nafter_submits = 1\nsequence = \"of-submit\"\n\
         octets = \"00000012 80000004 00000000 00000000 3100\"",
    )
    .await;
    let mut esme = Esme::transceiver(to).await;
    esme.submit_text("1", "one");
    assert_ne!(esme.submit_answer().await.expect("taken"), "1");
    esme.submit_text("1", "two");
    esme.submit_answer().await.expect("taken");
    assert_eq!(esme.session.counters().stray_responses, 1, "the second answer to the first");
}

#[tokio::test]
async fn a_login_waits_for_what_is_said_before_it() {
    let (_simulator, to) = cmpp_carrier(
        "cmpp30",
        "[[carrier.inject]]\nbefore_bind = true\noctets = \"0000000c 00000008 00990001\"",
    )
    .await;
    let first = Peer::attempt(to, cmpp::Cmpp::new(cmpp::Version::V30), sp_credentials("secret")).await;
    assert_eq!(first.err(), Some(CloseReason::Misbehaved));
    Sp::of_version(to, cmpp::Version::V30).await;
}

#[tokio::test]
async fn the_record_shows_what_comes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.ndjson");
    let scenario = format!(
        "record = {path:?}\n[[carrier]]\nname = \"a\"\nprotocol = \"smpp34\"\n\
         [[carrier.inject]]\nafter = \"1ms\"\noctets = \"{UNKNOWN_REQUEST}\"\n\
         [[carrier.account]]\nsystem_id = \"esme\"\npassword = \"secret\"\n"
    );
    let (simulator, to) = started(&scenario).await;
    let mut esme = Esme::transceiver(to).await;
    let (event, ()) = tokio::join!(esme.event(), async {
        until_recorded(&path, "answered").await;
        simulator.shutdown().await;
    });
    assert!(matches!(event, Event::PeerUnbinding), "the session engine answers by itself: {event:?}");
    let text = std::fs::read_to_string(&path).expect("the record");
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().expect("a kind")).collect();
    assert_eq!(kinds[..3], ["bind", "injected", "answered"]);
    assert_eq!(lines[1]["number"], 1);
    let answered = &lines[2];
    assert_eq!(
        (&answered["command"], &answered["sequence"], &answered["status"]),
        (&0x8000_0000_u32.into(), &0x0099_0001.into(), &3.into())
    );
}

async fn until_recorded(path: &Path, kind: &str) {
    let wanted = format!("\"kind\":\"{kind}\"");
    let wait = async {
        while !std::fs::read_to_string(path).is_ok_and(|text| text.contains(&wanted)) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(support::PATIENCE, wait).await.unwrap_or_else(|_| panic!("no line `{kind}`"));
}
