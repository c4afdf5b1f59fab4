//! smpplib, an ESME that shares no code with us, at a simulated SMSC.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use conformance::{
    peer::{Foreign, Peer},
    simulated::Simulated,
    subject::Programs,
};
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(60);
const SCENARIO: &str = r#"
[[carrier]]
name = "smsc"
protocol = "smpp34"
receipts = { states = [{ stat = "UNDELIV", err = 27 }], delay = "50ms" }
mo = { per_second = 5, from = "447700900123", numbers = 1, to = "15550100", texts = ["Where is it? 在哪里？"] }
[[carrier.account]]
system_id = "esme01"
password = "pa55word"
"#;

#[test]
fn smpplib_gets_answers_receipts_and_messages_from_the_simulator() {
    let Some(mut command) = Foreign::Smpplib.command_or_skip() else { return };
    let text = "Long text of an ESME @ {home} 5 € ".repeat(10);
    let carrier = Simulated::start(&Programs::for_tests().unwrap().simulator, SCENARIO).unwrap();
    let port = carrier.address().port().to_string();
    command.args(["--port", &port, "--count", "2", "--text", &text, "--stat", "UNDELIV", "--mo", "1"]);
    // It ends well only with an answer and the right receipt for every submit, and an answer to its unbind.
    let told = Peer::start("smpplib", command).unwrap().finish(WITHIN).unwrap();
    let of = |step: &str| told.iter().filter(|line| line["step"] == step).collect::<Vec<_>>();
    let parts = of("submit_sm").len();
    assert!(parts > 2, "{told:#?}");
    assert_eq!((of("submit_sm_resp").len(), of("receipt").len(), of("unbound").len()), (parts, parts, 1));
    for receipt in of("receipt") {
        // SMPP 3.4 message_state: UNDELIVERABLE.
        let expected = json!({"message_state": 5, "stat": "UNDELIV", "text_id": receipt["message_id"]});
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&receipt[field], value, "{field} of {receipt}");
        }
    }
    let octets: String = "Where is it? 在哪里？".encode_utf16().map(|unit| format!("{unit:04x}")).collect();
    let expected = json!({"source_addr": "447700900123", "destination_addr": "15550100", "data_coding": 8,
        "short_message": octets});
    let written = of("deliver_sm")[0];
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&written[field], value, "{field} of {written}");
    }

    let seen = carrier.stop().unwrap();
    let of = |kind: &str| seen.iter().filter(|line| line["kind"] == kind).collect::<Vec<_>>();
    let submits = of("submit");
    let total = submits[0]["total"].as_u64().unwrap();
    let said: String =
        (1..=total).zip(&submits).map(|(_, submit)| submit["text"].as_str().unwrap()).collect();
    assert_eq!(said, text);
    assert!(submits.iter().all(|submit| submit["coding"] == 0 && submit["status"] == 0), "{submits:#?}");
    let answers = of("receipt_answered");
    assert_eq!(answers.len(), parts, "{seen:#?}");
    assert!(answers.iter().chain(&of("mo_answered")).all(|answer| answer["status"] == 0), "{seen:#?}");
}

#[test]
fn the_simulator_refuses_a_wrong_password_and_an_unknown_account_with_a_status_each() {
    let carrier = Simulated::start(&Programs::for_tests().unwrap().simulator, SCENARIO).unwrap();
    let port = carrier.address().port().to_string();
    // SMPP 3.4 bind_transceiver_resp: ESME_RINVPASWD, ESME_RINVSYSID.
    for (system_id, password, status) in [("esme01", "wrong", 0x0E), ("esme02", "pa55word", 0x0F)] {
        let Some(mut command) = Foreign::Smpplib.command_or_skip() else { return };
        command.args(["--port", &port, "--system-id", system_id, "--password", password]);
        let mut client = Peer::start("smpplib", command).unwrap();
        let refused = client.wait_for("bound", WITHIN).unwrap_err().to_string();
        let told: &Value = client.seen().last().unwrap();
        assert_eq!(
            (&told["step"], &told["command_status"]),
            (&json!("complaint"), &json!(status)),
            "{refused}"
        );
    }
    let seen = carrier.stop().unwrap();
    assert!(seen.iter().all(|line| line["kind"] != "submit"), "{seen:#?}");
}
