//! The daemon submits to node-smpp, an SMSC that shares no code with us: what node-smpp read, and what the daemon
//! tells the platform of it.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use std::{process::Command, time::Duration};

use conformance::{
    api::{FailureClass, MessageState, StatusSource, TextEncoding, TrunkState},
    daemon::Daemon,
    peer::{Foreign, Peer},
    platform::{Platform, final_of},
    subject::Programs,
};
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(60);

/// Characters of the basic table and of the extension: none has the code that it has in ASCII.
const SHORT: &str = "Hello @ {world}: 5 € [x]";
const CHINESE: &str = "【示例】您的验证码是 4711，请勿泄露。";

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn node_smpp_reads_what_was_submitted_and_its_receipts_end_the_messages() {
    let Some(command) = Foreign::NodeSmpp.command_or_skip() else { return };
    let from_a_phone = "我的包裹在哪里？".repeat(12);
    let mut smsc =
        smsc(command, &["--password", "pa55word", "--undelivered-to", "404", "--mo", &from_a_phone]);
    let trunk = trunk("smsc", smsc.port, "");
    let daemon = Daemon::start(&Programs::for_tests().unwrap().daemon, &trunk).await.unwrap();
    let platform = Platform::connect(daemon.gateway()).await.unwrap();
    let mut events = platform.follow().await.unwrap();

    let (long, long_chinese) = ("0123456789 ".repeat(40), "春眠不觉晓，处处闻啼鸟。".repeat(12));
    let requests = [
        ("short", "Carrierd", "+8613800138000", SHORT),
        ("long", "10690001", "+8613800138001", &long),
        ("chinese", "10690001", "13800138002", CHINESE),
        ("long chinese", "+85260001", "+8613800138003", &long_chinese),
        ("undelivered", "", "+8613800138404", "nobody is there"),
    ];
    let mut ids = Vec::new();
    for (request_id, sender, to, text) in requests {
        ids.push(platform.submit(request_id, sender, to, text).await.unwrap());
    }
    let mut finals = Vec::new();
    for id in &ids {
        finals.push(events.final_of(id).await.unwrap());
    }

    // What node-smpp read.
    let parts = [1, 3, 1, 3, 1];
    let count = parts.iter().sum();
    let submits = smsc.peer.wait_for_all("submit_sm", count, WITHIN).unwrap();
    let expected = [
        fields("Carrierd", (5, 0), "8613800138000", (1, 1), 0),
        fields("10690001", (0, 1), "8613800138001", (1, 1), 0),
        fields("10690001", (0, 1), "13800138002", (0, 1), 8),
        fields("85260001", (1, 1), "8613800138003", (1, 1), 8),
        fields("60777", (0, 1), "8613800138404", (1, 1), 0),
    ];
    for (((_, _, to, text), expected), parts) in requests.iter().zip(&expected).zip(parts) {
        let mut read: Vec<&Value> =
            submits.iter().filter(|read| to.ends_with(read["destination_addr"].as_str().unwrap())).collect();
        assert_eq!(read.len(), parts, "{to}: {submits:#?}");
        read.sort_by_key(|read| read["udh"][0].as_str().map(str::to_owned));
        let said: String = read.iter().map(|read| read["text"].as_str().unwrap()).collect();
        assert_eq!(&said, text);
        for (read, number) in read.iter().zip(1..) {
            for (field, value) in expected.as_object().unwrap() {
                assert_eq!(&read[field], value, "{field} of {read}");
            }
            assert!(read["validity_period"].as_str().is_some_and(|until| !until.is_empty()), "{read}");
            if parts == 1 {
                assert_eq!((&read["esm_class"], &read["udh"]), (&json!(0), &Value::Null), "{read}");
            } else {
                // 3GPP TS 23.040 concatenated short messages: element 00, 3 octets: reference, total, number.
                let element = read["udh"][0].as_str().unwrap();
                assert_eq!(read["esm_class"], 0x40, "{read}");
                assert_eq!(element[..4], *"0003", "{read}");
                assert_eq!(&element[4..6], read_reference(&submits, to), "one reference for all parts");
                assert_eq!(element[6..], format!("{parts:02x}{number:02x}"), "{read}");
            }
        }
    }

    // What the platform is told.
    for (ended, parts) in finals.iter().zip(parts).take(4) {
        let status = ended.status.clone().unwrap();
        assert_eq!(ended.state(), MessageState::Delivered);
        assert_eq!((ended.segment_count as usize, ended.delivered_segment_count as usize), (parts, parts));
        assert_eq!((status.source(), status.raw_text.as_str()), (StatusSource::CarrierReport, "DELIVRD"));
        assert!(!ended.possible_duplicate);
    }
    let undelivered = finals[4].status.clone().unwrap();
    assert_eq!(finals[4].state(), MessageState::Undelivered);
    assert_eq!((undelivered.raw_text.as_str(), undelivered.raw_code.as_str()), ("UNDELIV", "027"));
    assert_eq!(undelivered.failure_class(), FailureClass::CarrierPermanent);
    assert!(undelivered.permanent);
    let given: Vec<&str> = submits.iter().map(|read| read["message_id"].as_str().unwrap()).collect();
    let mut kept = Vec::new();
    for id in &ids {
        let segments = platform.message(id).await.unwrap().segments;
        kept.extend(segments.into_iter().map(|segment| segment.carrier_message_id));
    }
    kept.sort();
    assert_eq!(kept, given);

    let written = events.from_a_phone().await.unwrap();
    assert_eq!((written.text.as_str(), written.complete), (from_a_phone.as_str(), true));
    assert_eq!((written.from.as_str(), written.to.as_str()), ("447700900123", "60777"));
    assert_eq!((written.encoding(), written.segment_count), (TextEncoding::Ucs2, 2));

    // The carrier got a positive answer to each deliver_sm, and nothing was told twice.
    for answer in smsc.peer.wait_for_all("receipt_answered", count, WITHIN).unwrap() {
        assert_eq!(answer["command_status"], 0, "{answer}");
    }
    for answer in smsc.peer.wait_for_all("mo_answered", 2, WITHIN).unwrap() {
        assert_eq!(answer["command_status"], 0, "{answer}");
    }
    let log = platform.whole_log().await.unwrap();
    for id in &ids {
        assert_eq!(log.iter().filter_map(|event| final_of(event, id)).count(), 1, "{log:#?}");
    }

    // The daemon gives an open stream time to ack.
    drop(events);
    daemon.stop().unwrap();
    let told = smsc.peer.stop(WITHIN).unwrap();
    let binds: Vec<&Value> = told.iter().filter(|line| line["step"] == "bind").collect();
    assert_eq!(binds.len(), 1, "{binds:#?}");
    let expected = json!({"command": "bind_transceiver", "system_id": "esme01", "system_type": "VMS",
        "interface_version": 0x34, "address_range": "", "command_status": 0});
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&binds[0][field], value, "{field}");
    }
    assert_eq!(told.iter().filter(|line| line["step"] == "submit_sm").count(), count);
    assert_eq!(told.iter().filter(|line| line["step"] == "unbind").count(), 1, "{told:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_message_waits_out_a_refused_bind_and_is_sent_once_the_password_is_right() {
    let (Some(wrong), Some(right)) =
        (Foreign::NodeSmpp.command_or_skip(), Foreign::NodeSmpp.command_or_skip())
    else {
        return;
    };
    let mut refusing = smsc(wrong, &["--password", "another"]);
    let port = refusing.port;
    let trunk = trunk("smsc", port, "");
    let daemon = Daemon::start(&Programs::for_tests().unwrap().daemon, &trunk).await.unwrap();
    let platform = Platform::connect(daemon.gateway()).await.unwrap();
    let mut events = platform.follow().await.unwrap();

    let down = platform.wait_for_trunk("smsc", |trunk| trunk.links[0].last_error.is_some()).await.unwrap();
    assert_eq!((down.state(), down.bound_link_count), (TrunkState::Down, 0), "{down:#?}");
    let why = down.links[0].last_error.clone().unwrap();
    // SMPP 3.4 bind_transceiver_resp: ESME_RBINDFAIL.
    assert_eq!((why.raw_code.as_str(), why.source()), ("13", StatusSource::CarrierResponse), "{why:?}");

    let id = platform.submit("patient", "10690001", "+8613800138000", CHINESE).await.unwrap();
    refusing.peer.wait_for_all("bind", 2, WITHIN).unwrap();
    let message = platform.message(&id).await.unwrap();
    assert_eq!((message.state(), message.final_time), (MessageState::Accepted, None));
    let log = platform.whole_log().await.unwrap();
    assert!(log.iter().all(|event| final_of(event, &id).is_none()), "{log:#?}");
    let told = refusing.peer.stop(WITHIN).unwrap();
    assert!(told.iter().all(|line| line["step"] != "submit_sm"), "{told:#?}");

    let port = port.to_string();
    let mut taking = smsc(right, &["--password", "pa55word", "--port", &port]);
    let ended = events.final_of(&id).await.unwrap();
    assert_eq!(ended.state(), MessageState::Delivered);
    taking.peer.wait_for("receipt_answered", WITHIN).unwrap();
    platform.wait_for_trunk("smsc", |trunk| trunk.state() == TrunkState::Enabled).await.unwrap();
    // The daemon gives an open stream time to ack.
    drop(events);
    daemon.stop().unwrap();
    let told = taking.peer.stop(WITHIN).unwrap();
    let submits: Vec<&Value> = told.iter().filter(|line| line["step"] == "submit_sm").collect();
    assert_eq!((submits.len(), submits[0]["text"].as_str()), (1, Some(CHINESE)), "{submits:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn long_texts_also_go_in_tlvs_over_a_transmitter_and_their_receipts_come_over_its_receiver() {
    let (Some(first), Some(second)) =
        (Foreign::NodeSmpp.command_or_skip(), Foreign::NodeSmpp.command_or_skip())
    else {
        return;
    };
    let [mut sar, mut payload] = [smsc(first, &[]), smsc(second, &[])];
    let config = [
        trunk("sar", sar.port, "bind = \"pair\"\nlong_messages = \"sar\""),
        trunk("payload", payload.port, "long_messages = \"payload\""),
        "[[route]]\nprefixes = [\"86138\"]\ntrunks = [\"sar\"]\n".to_owned(),
        "[[route]]\ntrunks = [\"payload\"]\n".to_owned(),
    ];
    let daemon = Daemon::start(&Programs::for_tests().unwrap().daemon, &config.concat()).await.unwrap();
    let platform = Platform::connect(daemon.gateway()).await.unwrap();
    let mut events = platform.follow().await.unwrap();
    let text = "春眠不觉晓，处处闻啼鸟。".repeat(12);
    let in_parts = platform.submit("sar", "", "+8613800138000", &text).await.unwrap();
    let whole = platform.submit("payload", "", "+447700900123", &text).await.unwrap();
    for (id, parts) in [(&in_parts, 3), (&whole, 1)] {
        let ended = events.final_of(id).await.unwrap();
        assert_eq!((ended.state(), ended.delivered_segment_count), (MessageState::Delivered, parts));
    }
    drop(events);
    daemon.stop().unwrap();

    let told = sar.peer.wait_for_all("submit_sm", 3, WITHIN).unwrap();
    let said: String = told.iter().map(|read| read["text"].as_str().unwrap()).collect();
    assert_eq!(said, text);
    for (read, number) in told.iter().zip(1..) {
        // SMPP 3.4 sar_msg_ref_num, sar_total_segments, sar_segment_seqnum.
        let expected = json!({"sar_msg_ref_num": told[0]["sar_msg_ref_num"], "sar_total_segments": 3,
            "sar_segment_seqnum": number, "esm_class": 0, "udh": null, "data_coding": 8});
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&read[field], value, "{field} of {read}");
        }
        assert!(read["sar_msg_ref_num"].is_u64(), "{read}");
    }
    let told = sar.peer.stop(WITHIN).unwrap();
    let mut binds: Vec<&str> = told
        .iter()
        .filter(|line| line["step"] == "bind")
        .map(|bind| bind["command"].as_str().unwrap())
        .collect();
    binds.sort_unstable();
    assert_eq!(binds, ["bind_receiver", "bind_transmitter"]);

    let told = payload.peer.wait_for_all("submit_sm", 1, WITHIN).unwrap();
    assert_eq!((told[0]["text"].as_str(), &told[0]["in_message_payload"]), (Some(&*text), &json!(true)));
    assert_eq!((&told[0]["esm_class"], &told[0]["data_coding"]), (&json!(0), &json!(8)));
    let told = payload.peer.stop(WITHIN).unwrap();
    assert_eq!(told.iter().filter(|line| line["step"] == "submit_sm").count(), 1, "{told:#?}");
}

struct Smsc {
    peer: Peer,
    port: u16,
}

fn smsc(mut command: Command, arguments: &[&str]) -> Smsc {
    command.args(["--system-id", "esme01"]).args(arguments);
    let mut peer = Peer::start("node-smpp", command).unwrap();
    let port = peer.wait_for("listening", WITHIN).unwrap()["port"].as_u64().unwrap();
    Smsc { peer, port: u16::try_from(port).unwrap() }
}

fn trunk(id: &str, port: u16, account: &str) -> String {
    format!(
        r#"
[[trunk]]
id = "{id}"
protocol = "smpp34"
hosts = ["127.0.0.1:{port}"]
utc_offset = "+00:00"

[trunk.account]
system_id = "esme01"
password = "literal:pa55word"
system_type = "VMS"
default_sender = "60777"
{account}

[trunk.timers]
reconnect_min = "50ms"
reconnect_max = "200ms"
"#
    )
}

/// What node-smpp must have read in every part of a message.
fn fields(source: &str, source_type: (u8, u8), to: &str, to_type: (u8, u8), data_coding: u8) -> Value {
    json!({
        "command_status": 0,
        "service_type": "",
        "source_addr": source,
        "source_addr_ton": source_type.0,
        "source_addr_npi": source_type.1,
        "destination_addr": to,
        "dest_addr_ton": to_type.0,
        "dest_addr_npi": to_type.1,
        "registered_delivery": 1,
        "protocol_id": 0,
        "priority_flag": 0,
        "data_coding": data_coding,
    })
}

/// The reference, in hexadecimal, of the first part to this recipient.
fn read_reference<'a>(submits: &'a [Value], to: &str) -> &'a str {
    let first = submits.iter().find(|read| to.ends_with(read["destination_addr"].as_str().unwrap())).unwrap();
    &first["udh"][0].as_str().unwrap()[4..6]
}
