//! The simulator as a whole: its examples, its record, what a connection does wrong, and its own load.

mod support;

use std::path::{Path, PathBuf};

use codecs::session::Event;
use simulator::{InjectError, Scenario, config::Protocol, load};
use support::{Esme, smpp_carrier, started, until};

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the examples")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    files
}

#[test]
fn loads_every_example() {
    let examples = examples();
    assert!(examples.len() >= 3);
    for path in examples {
        let loaded = Scenario::load(&path);
        assert!(loaded.is_ok(), "{}", loaded.expect_err("checked"));
    }
}

#[test]
fn names_the_file_that_it_can_t_load() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("broken.toml");
    std::fs::write(&path, "seed = 1\n[[carrier]]\nname = \"a\"\nprotocl = \"smpp34\"\n").expect("written");
    let error = Scenario::load(&path).expect_err("refused").to_string();
    assert!(
        error.contains("broken.toml") && error.contains("line 4") && error.contains("protocl"),
        "{error}"
    );
    let missing = Scenario::load(folder.path().join("missing.toml")).expect_err("refused").to_string();
    assert!(missing.contains("missing.toml"), "{missing}");
}

#[tokio::test]
async fn writes_down_what_it_saw() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.ndjson");
    let scenario = format!(
        "record = {path:?}\n[[carrier]]\nname = \"a\"\nprotocol = \"smpp34\"\nfirst_id = 1000\n\
         refuse = [{{ on = \"submit\", prefix = \"9\", status = 11 }}]\n\
         [[carrier.account]]\nsystem_id = \"esme\"\npassword = \"secret\"\n"
    );
    let (simulator, to) = started(&scenario).await;
    let mut esme = Esme::transceiver(to).await;
    esme.submit_text("41791234567", "Hello @");
    esme.submit_answer().await.expect("taken");
    let (reply, _) = esme.request().await;
    esme.acknowledge(reply).await;
    esme.submit_text("9999", "no");
    assert_eq!(esme.submit_answer().await, Err(11));
    until(&simulator, |stats| stats.receipts_acked == 1).await;
    drop(esme);
    until(&simulator, |stats| stats.links_bound == 0).await;
    simulator.shutdown().await;

    let text = std::fs::read_to_string(&path).expect("the record");
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().expect("a kind")).collect();
    assert_eq!(kinds, ["bind", "submit", "receipt", "receipt_answered", "submit", "end"]);
    let [_, taken, receipt, answered, refused, _] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((&taken["recipient"], &taken["sender"]), (&"41791234567".into(), &"Sender".into()));
    // 0x40 of the default alphabet is another character than in ASCII.
    assert_eq!(taken["text"], "Hello ¡");
    assert_eq!((&taken["id"], &taken["status"]), (&"1000".into(), &0.into()));
    assert_eq!((&receipt["id"], &receipt["stat"]), (&"1000".into(), &"DELIVRD".into()));
    assert_eq!((&answered["id"], &answered["status"]), (&"1000".into(), &0.into()));
    assert_eq!((&refused["id"], &refused["status"]), (&serde_json::Value::Null, &11.into()));
    assert!(
        lines.iter().all(|line| line["carrier"] == "a" && line["account"] == "esme" && line["link"] == 1)
    );
}

#[tokio::test]
async fn works_through_split_and_glued_writes() {
    let (simulator, to) = smpp_carrier("faults = { split_octets = 3, glue = \"5ms\" }").await;
    let mut esme = Esme::transceiver(to).await;
    for number in 0..5 {
        esme.submit_text(&number.to_string(), "Hello");
    }
    let mut answers = 0;
    let mut receipts = 0;
    while (answers, receipts) != (5, 5) {
        match esme.event().await {
            Event::Answered { .. } => answers += 1,
            Event::Request { reply, .. } => {
                receipts += 1;
                esme.acknowledge(reply).await;
            }
            other => panic!("{other:?}"),
        }
    }
    until(&simulator, |stats| stats.receipts_acked == 5).await;
}

#[tokio::test]
async fn cuts_the_connection_after_so_many_submits() {
    let (simulator, to) = smpp_carrier("faults = { cut_after_submits = 2 }").await;
    let mut esme = Esme::transceiver(to).await;
    esme.submit_text("1", "one");
    esme.submit_answer().await.expect("taken");
    esme.submit_text("2", "two");
    loop {
        match esme.event().await {
            Event::Closed(reason) => {
                assert_eq!(reason, codecs::session::CloseReason::LinkLost);
                break;
            }
            Event::Request { .. } | Event::Unanswered { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    // Taken all the same, so that nobody but the carrier knows.
    until(&simulator, |stats| stats.accepted == 2 && stats.links_bound == 0).await;
}

#[tokio::test]
async fn goes_on_after_a_stall() {
    let (_simulator, to) = smpp_carrier("faults = { stall_after_submits = 1, stall_for = \"30ms\" }").await;
    let mut esme = Esme::transceiver(to).await;
    let sent = std::time::Instant::now();
    esme.submit_text("1", "one");
    esme.submit_answer().await.expect("taken");
    assert!(sent.elapsed().as_millis() >= 30);
}

#[tokio::test]
async fn runs_carriers_of_several_protocols_at_once() {
    let scenario = r#"
        [[carrier]]
        name = "a"
        protocol = "smpp34"
        account = [{ system_id = "esme", password = "secret" }]
        [[carrier]]
        name = "b"
        protocol = "cmpp30"
        account = [{ source_addr = "900001", shared_secret = "secret" }]
        [[carrier]]
        name = "c"
        protocol = "smpp50"
        account = [{ system_id = "esme", password = "secret" }]
    "#;
    let (simulator, _) = started(scenario).await;
    for (name, to) in simulator.addresses() {
        let (protocol, account) = match name.as_str() {
            "a" => (Protocol::Smpp34, "esme"),
            "b" => (Protocol::Cmpp30, "900001"),
            _ => (Protocol::Smpp50, "esme"),
        };
        let report = load::run(load::Load {
            to,
            protocol,
            account: account.to_owned(),
            password: "secret".to_owned(),
            links: 2,
            window: 16,
            messages: Some(500),
            seconds: None,
            rate: None,
        })
        .await
        .expect("a carrier that answers");
        assert_eq!((report.submitted, report.accepted, report.deliveries), (500, 500, 500), "{name}");
        assert!(report.answer_p50_ms <= report.answer_p99_ms);
    }
    let stats = simulator.stats();
    assert!(stats.iter().all(|(_, stats)| stats.receipts_sent == 500 && stats.lost == 0), "{stats:?}");
    simulator.shutdown().await;
}

#[tokio::test]
async fn unbinds_its_links_when_it_ends() {
    let (simulator, to) = smpp_carrier("").await;
    let mut esme = Esme::transceiver(to).await;
    let (event, ()) = tokio::join!(esme.event(), simulator.shutdown());
    assert!(matches!(event, Event::PeerUnbinding), "{event:?}");
}

#[tokio::test]
async fn says_where_a_message_from_a_phone_can_t_go() {
    let (simulator, _) = smpp_carrier("").await;
    let inject = |carrier, account, text: &str| simulator.inject_mo(carrier, account, "1", "2", text);
    assert_eq!(inject("b", "esme", "Hi"), Err(InjectError::UnknownCarrier));
    assert_eq!(inject("a", "other", "Hi"), Err(InjectError::UnknownAccount));
    assert_eq!(inject("a", "esme", &"x".repeat(50_000)), Err(InjectError::Unsayable));
}
