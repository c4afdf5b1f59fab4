//! tshark reads every unit of SMPP and of CMPP 3.0 that we can write: as the right PDU, with its fields as intended,
//! without a complaint. What the dissectors themselves get wrong stands in `known-gaps.toml`, one by one.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

mod support;

use std::{
    collections::{BTreeSet, HashMap},
    fs::File,
    io::BufWriter,
    process::Command,
};

use codecs::{
    cmpp::{self, Version, command},
    smpp::{self, CommandId},
};
use conformance::{gaps::Gaps, pcap::Capture};
use serde_json::Value;
use support::{Unit, cmpp_units, smpp_units};

/// Wireshark's PI_WARN; PI_ERROR is above it.
const WARNING: u64 = 0x60_0000;

/// What a dissector tells about a header.
const HEADER: [&str; 7] = [
    "smpp.command_length",
    "smpp.command_id",
    "smpp.command_status",
    "smpp.sequence_number",
    "cmpp.Total_Length",
    "cmpp.Command_Id",
    "cmpp.Sequence_Id",
];

#[test]
fn tshark_reads_every_smpp_pdu_as_it_was_meant() {
    judge("smpp", 2775, &smpp_units::all());
}

#[test]
fn tshark_reads_every_cmpp_unit_as_it_was_meant() {
    judge("cmpp", 7890, &cmpp_units::all());
}

#[test]
fn no_command_is_left_out() {
    let smpp: BTreeSet<String> = smpp_units::all().into_iter().map(|unit| unit.name).collect();
    for command in CommandId::ALL {
        assert!(smpp.contains(command.name().unwrap()), "{command} is missing");
    }
    let cmpp: BTreeSet<String> = cmpp_units::all().into_iter().map(|unit| unit.name).collect();
    for id in (0..=0x20).flat_map(|id| [id, id | command::RESPONSE]) {
        if let Some(name) = command::name(id, Version::V30) {
            assert!(cmpp.contains(name), "{name} is missing");
        }
    }
}

fn judge(protocol: &str, port: u16, units: &[Unit]) {
    let Some(packets) = dissect(protocol, port, units) else { return };
    assert_eq!(packets.len(), units.len(), "one packet per unit");
    let complaints = units.iter().zip(&packets).map(|(unit, packet)| {
        let complaint = complaint(protocol, unit, packet);
        (unit.name.as_str(), complaint)
    });
    if let Err(wrong) = Gaps::of(&format!("tshark-{protocol}")).unwrap().settle(complaints) {
        panic!("{wrong}");
    }
}

/// The packets as tshark tells them, or `None` where there is no tshark and nobody insists on one.
fn dissect(protocol: &str, port: u16, units: &[Unit]) -> Option<Vec<Value>> {
    if Command::new("tshark").arg("--version").output().is_err() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "there is no tshark; conformance/peers/setup.sh gets it"
        );
        println!("skipped: there is no tshark");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("units.pcap");
    let mut capture = Capture::new(BufWriter::new(File::create(&file).unwrap()), port).unwrap();
    for unit in units {
        capture.write(unit.side, &unit.octets).unwrap();
    }
    capture.finish().unwrap();
    let told = Command::new("tshark")
        .args(["-T", "json", "--no-duplicate-keys", "-d", &format!("tcp.port=={port},{protocol}"), "-r"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    // It prints texts as they are, whatever their alphabet.
    let text = String::from_utf8_lossy(&told.stdout);
    Some(serde_json::from_str(&text).unwrap())
}

fn complaint(protocol: &str, unit: &Unit, packet: &Value) -> Option<String> {
    let layers = &packet["_source"]["layers"];
    if layers.get("_ws.malformed").is_some() {
        return Some("malformed".to_owned());
    }
    let Some(layer) = layers.get(protocol) else { return Some(format!("is no {protocol}")) };
    let mut seen = HashMap::new();
    collect(layer, &mut seen);
    let severities = seen.get("_ws.expert.severity").into_iter().flatten();
    if severities.filter_map(|severity| severity.parse().ok()).any(|severity: u64| severity >= WARNING) {
        return Some(format!("complains: {:?}", seen.get("_ws.expert.message")));
    }
    // A dissector that stops behind the header has judged nothing.
    let header_octets = if protocol == "smpp" { smpp::Header::SIZE } else { cmpp::Header::SIZE };
    if unit.octets.len() > header_octets + 1 && seen.keys().all(|field| HEADER.contains(&field.as_str())) {
        return Some("its body is not read".to_owned());
    }
    unit.fields.iter().find_map(|(field, wanted)| {
        let values = seen.get(*field).map(Vec::as_slice).unwrap_or_default();
        (!values.contains(wanted)).then(|| format!("{field}: wanted {wanted}, got {values:?}"))
    })
}

/// All fields of a layer with their values, however deep.
fn collect(value: &Value, seen: &mut HashMap<String, Vec<String>>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) => seen.entry(name.clone()).or_default().push(text.clone()),
                    Value::Array(values) => {
                        let texts = values.iter().filter_map(Value::as_str).map(str::to_owned);
                        seen.entry(name.clone()).or_default().extend(texts);
                        collect(value, seen);
                    }
                    _ => collect(value, seen),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, seen)),
        _ => {}
    }
}
