//! smsgate, a CMPP library that shares no code with us, on both sides of the link: as the ISMG of the daemon, and as an
//! SP of the simulator; in CMPP 2.0 and 3.0.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use conformance::{
    api::{FailureClass, MessageState, StatusSource, TextEncoding, TrunkState},
    daemon::Daemon,
    peer::{Foreign, Peer},
    platform::{Platform, final_of},
    simulated::Simulated,
    subject::Programs,
};
use serde_json::{Value, json};

/// Java takes its time to start on a busy machine.
const WITHIN: Duration = Duration::from_secs(60);

const CHINESE: &str = "【示例】您的验证码是 4711，请勿泄露。";

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_ismg_of_cmpp_2_0_reads_what_was_submitted_and_its_reports_end_the_messages() {
    submits_to_the_ismg("2.0", "cmpp20", "TD").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_ismg_of_cmpp_3_0_reads_what_was_submitted_and_its_reports_end_the_messages() {
    submits_to_the_ismg("3.0", "cmpp30", "退订").await;
}

async fn submits_to_the_ismg(version: &str, protocol: &str, from_a_phone: &str) {
    let Some(mut command) = Foreign::SmsgateIsmg.command_or_skip() else { return };
    command.args(["--version", version, "--mo", from_a_phone, "--undelivered-to", "404"]);
    let mut ismg = Peer::start("smsgate", command).unwrap();
    let port = ismg.wait_for("listening", WITHIN).unwrap()["port"].as_u64().unwrap();
    let trunk = trunk(protocol, port, "s3cr3t!");
    let daemon = Daemon::start(&Programs::for_tests().unwrap().daemon, &trunk).await.unwrap();
    let platform = Platform::connect(daemon.gateway()).await.unwrap();
    let mut events = platform.follow().await.unwrap();

    let (long, long_chinese) = ("0123456789 ".repeat(40), "春眠不觉晓，处处闻啼鸟。".repeat(12));
    let requests = [
        ("short", "", "13800138000", "Your code is 4711"),
        ("long", "106901234501", "13800138001", long.as_str()),
        ("chinese", "", "13800138002", CHINESE),
        ("long chinese", "", "13800138003", &long_chinese),
        ("undelivered", "", "13800138404", "nobody is there"),
    ];
    let mut ids = Vec::new();
    for (request_id, sender, to, text) in requests {
        ids.push(platform.submit(request_id, sender, to, text).await.unwrap());
    }
    let mut finals = Vec::new();
    for id in &ids {
        finals.push(events.final_of(id).await.unwrap());
    }

    // What the ISMG read.
    let formats = [0, 0, 8, 8, 0];
    let parts = finals.iter().map(|ended| ended.segment_count as usize).collect::<Vec<_>>();
    let count = parts.iter().sum();
    let submits = ismg.wait_for_all("submit", count, WITHIN).unwrap();
    for (((_, sender, to, text), parts), format) in requests.iter().zip(&parts).zip(formats) {
        let mut read: Vec<&Value> = submits.iter().filter(|read| read["Dest_terminal_Id"] == *to).collect();
        assert_eq!(read.len(), *parts, "{to}: {submits:#?}");
        read.sort_by_key(|read| read["Pk_number"].as_u64());
        let said: String = read.iter().map(|read| read["text"].as_str().unwrap()).collect();
        assert_eq!(&said, text);
        let src_id = if sender.is_empty() { "1069012345" } else { sender };
        for (read, number) in read.iter().zip(1..) {
            let expected = json!({"Result": 0, "Registered_Delivery": 1, "Service_Id": "YZM", "Msg_src": "901234",
                "Src_Id": src_id, "Msg_Fmt": format, "Pk_total": parts, "Pk_number": number,
                "TP_udhi": u8::from(*parts > 1)});
            for (field, value) in expected.as_object().unwrap() {
                assert_eq!(&read[field], value, "{field} of {read}");
            }
            if *parts > 1 {
                // 3GPP TS 23.040 concatenated short messages: 05 00 03, reference, total, number.
                let header = &read["Msg_Content_hex"].as_str().unwrap()[..12];
                assert_eq!((&header[..6], &header[8..]), ("050003", &*format!("{parts:02x}{number:02x}")));
            }
        }
    }
    assert!(parts[1] > 1 && parts[3] > 1 && [parts[0], parts[2], parts[4]] == [1; 3], "{parts:?}");

    // What the platform is told.
    for ended in &finals[..4] {
        let status = ended.status.clone().unwrap();
        assert_eq!(ended.state(), MessageState::Delivered);
        assert_eq!(ended.delivered_segment_count, ended.segment_count);
        assert_eq!((status.source(), status.raw_text.as_str()), (StatusSource::CarrierReport, "DELIVRD"));
        assert!(!ended.possible_duplicate);
    }
    let undelivered = finals[4].status.clone().unwrap();
    assert_eq!(finals[4].state(), MessageState::Undelivered);
    // CMPP 2.1 CMPP_DELIVER, Stat: MA is an SMSC that does not answer, the digits are its maker's.
    assert_eq!((undelivered.raw_text.as_str(), undelivered.protocol.as_str()), ("MA:0022", protocol));
    assert_eq!(undelivered.failure_class(), FailureClass::Network);

    let written = events.from_a_phone().await.unwrap();
    assert_eq!((written.text.as_str(), written.complete), (from_a_phone, true));
    assert_eq!((written.from.as_str(), written.to.as_str()), ("13800138000", "1069012345"));
    let encoding = if from_a_phone.is_ascii() { TextEncoding::Ascii } else { TextEncoding::Ucs2 };
    assert_eq!(written.encoding(), encoding);

    // The carrier got a positive answer to each CMPP_DELIVER, and nothing was told twice.
    for answer in ismg.wait_for_all("deliver_answered", count + 1, WITHIN).unwrap() {
        assert_eq!(answer["Result"], 0, "{answer}");
    }
    let log = platform.whole_log().await.unwrap();
    for id in &ids {
        assert_eq!(log.iter().filter_map(|event| final_of(event, id)).count(), 1, "{log:#?}");
    }

    // The daemon gives an open stream time to ack.
    drop(events);
    daemon.stop().unwrap();
    ismg.wait_for_all("terminate", 1, WITHIN).unwrap();
    let told = ismg.stop(WITHIN).unwrap();
    assert_eq!(told.iter().filter(|line| line["step"] == "submit").count(), count);
    assert_eq!(told.iter().filter(|line| line["step"] == "bound").count(), 1, "{told:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_message_stays_open_while_the_ismg_refuses_our_secret() {
    let Some(mut command) = Foreign::SmsgateIsmg.command_or_skip() else { return };
    command.args(["--version", "3.0"]);
    let mut ismg = Peer::start("smsgate", command).unwrap();
    let port = ismg.wait_for("listening", WITHIN).unwrap()["port"].as_u64().unwrap();
    let trunk = trunk("cmpp30", port, "another");
    let daemon = Daemon::start(&Programs::for_tests().unwrap().daemon, &trunk).await.unwrap();
    let platform = Platform::connect(daemon.gateway()).await.unwrap();
    let id = platform.submit("patient", "", "13800138000", CHINESE).await.unwrap();
    let down = platform.wait_for_trunk("ismg", |trunk| trunk.links[0].last_error.is_some()).await.unwrap();
    assert_eq!((down.state(), down.bound_link_count), (TrunkState::Down, 0), "{down:#?}");
    // CMPP 3.0 CMPP_CONNECT_RESP, Status: 3 is a failed authentication.
    let why = down.links[0].last_error.clone().unwrap();
    assert_eq!((why.raw_code.as_str(), why.source()), ("3", StatusSource::CarrierResponse), "{why:?}");
    let message = platform.message(&id).await.unwrap();
    assert_eq!((message.state(), message.final_time), (MessageState::Accepted, None));
    daemon.stop().unwrap();
    let told = ismg.stop(WITHIN).unwrap();
    assert!(told.iter().all(|line| line["step"] != "submit" && line["step"] != "bound"), "{told:#?}");
}

#[test]
fn an_sp_of_cmpp_2_0_gets_answers_reports_and_messages_from_the_simulator() {
    simulator_serves_the_sp("2.0", "cmpp20", CHINESE, 1);
}

#[test]
fn an_sp_of_cmpp_3_0_gets_answers_reports_and_messages_from_the_simulator() {
    simulator_serves_the_sp("3.0", "cmpp30", &"春眠不觉晓，处处闻啼鸟。".repeat(12), 3);
}

fn simulator_serves_the_sp(version: &str, protocol: &str, text: &str, parts: usize) {
    let Some(mut command) = Foreign::SmsgateSp.command_or_skip() else { return };
    let scenario = format!(
        r#"
[[carrier]]
name = "ismg"
protocol = "{protocol}"
receipts = {{ states = [{{ stat = "MK:0001" }}], delay = "50ms" }}
mo = {{ per_second = 5, from = "13800138000", numbers = 1, to = "1069012345", texts = ["退订"] }}
[[carrier.account]]
source_addr = "901234"
shared_secret = "s3cr3t!"
"#
    );
    let carrier = Simulated::start(&Programs::for_tests().unwrap().simulator, &scenario).unwrap();
    let port = carrier.address().port().to_string();
    command.args(["--version", version, "--port", &port, "--count", "3", "--text", text]);
    command.args(["--stat", "MK:0001", "--wait-for-mo", "1"]);
    // It ends well only with an answer and the right report for every submit, and an answer to its CMPP_TERMINATE.
    let told = Peer::start("smsgate", command).unwrap().finish(WITHIN).unwrap();
    let of = |step: &str| told.iter().filter(|line| line["step"] == step).collect::<Vec<_>>();
    let count = 3 * parts;
    assert_eq!((of("submit_resp").len(), of("report").len()), (count, count), "{told:#?}");
    let written = of("deliver");
    let expected = json!({"Src_terminal_Id": "13800138000", "Dest_Id": "1069012345", "text": "退订"});
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&written[0][field], value, "{field}");
    }

    let seen = carrier.stop().unwrap();
    let of = |kind: &str| seen.iter().filter(|line| line["kind"] == kind).collect::<Vec<_>>();
    let submits = of("submit");
    assert_eq!(submits.len(), count, "{seen:#?}");
    for parts in submits.chunks(parts) {
        let said: String = parts.iter().map(|part| part["text"].as_str().unwrap()).collect();
        assert_eq!(said, text);
    }
    for submit in submits {
        let expected = json!({"sender": "1069012345", "recipient": "13800138000", "coding": 8, "status": 0});
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&submit[field], value, "{field} of {submit}");
        }
    }
    let answers = of("receipt_answered");
    assert_eq!(answers.len(), count, "{seen:#?}");
    assert!(answers.iter().chain(&of("mo_answered")).all(|answer| answer["status"] == 0), "{seen:#?}");
}

fn trunk(protocol: &str, port: u64, secret: &str) -> String {
    format!(
        r#"
[[trunk]]
id = "ismg"
protocol = "{protocol}"
hosts = ["127.0.0.1:{port}"]

[trunk.account]
source_addr = "901234"
shared_secret = "literal:{secret}"
service_id = "YZM"
access_number = "1069012345"
require_proof = true

[trunk.timers]
reconnect_min = "50ms"
reconnect_max = "200ms"
"#
    )
}
