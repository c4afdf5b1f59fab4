//! Judges the vectors from the field: units and texts that other people's tests and captures hold. They lie outside
//! this project; CARRIERD_FIELD_VECTORS names their folder. Which of them we hold to be wrong, and why, is in
//! `field-exceptions.toml`.

mod sip;
mod sip_message;
mod units;
mod words;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::vector::octets;

/// The folder that was asked for, if any.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    std::env::var_os("CARRIERD_FIELD_VECTORS").map(PathBuf::from)
}

/// One vector as it lies in the folder.
#[derive(Debug, Deserialize)]
pub struct FieldVector {
    /// Unique in the folder.
    pub id: String,
    /// `SMPP`, `CMPP`, `SDP` and others.
    pub protocol: String,
    /// The protocol's version.
    pub version: String,
    /// What is to be done with it.
    pub kind: String,
    /// The octets, if it is about octets.
    #[serde(default)]
    pub hex: String,
    /// The text, if it is about one.
    #[serde(default)]
    pub text: Option<String>,
    /// The text, if it is about one that need not be UTF-8: in base64.
    #[serde(default)]
    pub text_b64: String,
    /// The text's alphabet.
    #[serde(default)]
    pub charset: Option<String>,
    /// Whether it must be taken, must be refused, or either.
    pub valid: Option<bool>,
    /// What it means.
    #[serde(default)]
    pub expect: Value,
}

impl FieldVector {
    fn octets(&self) -> Result<Vec<u8>> {
        octets(&self.hex)
    }

    /// What `text_b64` stands for.
    fn text_octets(&self) -> Result<Vec<u8>> {
        let mut octets = Vec::new();
        let (mut bits, mut held) = (0_u32, 0);
        for letter in self.text_b64.bytes().filter(|letter| *letter != b'=') {
            let value = match letter {
                b'A'..=b'Z' => letter - b'A',
                b'a'..=b'z' => letter - b'a' + 26,
                b'0'..=b'9' => letter - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => anyhow::bail!("text_b64 is no base64"),
            };
            (bits, held) = ((bits << 6) | u32::from(value), held + 6);
            if held >= 8 {
                held -= 8;
                octets.push((bits >> held) as u8);
            }
        }
        Ok(octets)
    }
}

/// What is judged: its name, the folder, and what the vectors in it call themselves.
const JUDGED: [(&str, &str, &[&str]); 5] = [
    ("SMPP", "smpp", &["SMPP", "SMS-TPDU"]),
    ("CMPP", "cmpp", &["CMPP"]),
    ("SIP", "sip", &["SIP"]),
    ("SIP-DIGEST", "sip", &["SIP-DIGEST"]),
    ("SDP", "sip", &["SDP"]),
];

/// How the vectors of one protocol came out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// The protocol.
    pub protocol: String,
    /// How many hold.
    pub hold: usize,
    /// How many do not, as `field-exceptions.toml` says.
    pub excepted: usize,
    /// The others, each with its id and how.
    pub failed: Vec<String>,
}

/// Judges every vector in `folder` of a protocol that we carry.
///
/// # Errors
/// When the folder, one of its files or `field-exceptions.toml` can't be read.
pub fn run(folder: &Path) -> Result<Vec<Tally>> {
    let exceptions: BTreeMap<String, String> =
        toml::from_str(include_str!("../field-exceptions.toml")).context("field-exceptions.toml")?;
    let mut tallies = Vec::new();
    for (protocol, place, names) in JUDGED {
        let mut tally = Tally { protocol: protocol.to_owned(), ..Tally::default() };
        let vectors = read(&folder.join(place))?;
        for vector in vectors.iter().filter(|vector| names.contains(&vector.protocol.as_str())) {
            match (judge(protocol, vector), exceptions.contains_key(&vector.id)) {
                (Ok(()), false) => tally.hold += 1,
                (Err(_), true) => tally.excepted += 1,
                (Ok(()), true) => {
                    tally.failed.push(format!("{}: holds, though field-exceptions.toml has it", vector.id));
                }
                (Err(wrong), false) => {
                    tally.failed.push(format!("{} ({}): {wrong:#}", vector.id, vector.kind));
                }
            }
        }
        tallies.push(tally);
    }
    Ok(tallies)
}

fn read(folder: &Path) -> Result<Vec<FieldVector>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
            let place = || format!("{}:{}", file.display(), number + 1);
            all.push(serde_json::from_str(line).with_context(place)?);
        }
    }
    Ok(all)
}

fn judge(protocol: &str, vector: &FieldVector) -> Result<()> {
    match (protocol, vector.kind.as_str()) {
        ("SMPP", "pdu") => units::smpp(vector),
        ("SMPP", "stream" | "incomplete") => units::smpp_stream(vector),
        ("SMPP", "esm_class") => words::esm_class(vector),
        ("SMPP", "registered_delivery") => words::registered_delivery(vector),
        ("SMPP", "data_coding") => words::data_coding(vector),
        ("SMPP", "time") => words::time(vector),
        ("SMPP", "encoding") => words::encoding(vector),
        ("SMPP", "udh") => words::udh(vector),
        ("SMPP", "split") => words::split(vector),
        ("SMPP", "split_count") => words::split_count(vector),
        ("SMPP", "merge_packed") => words::merge_packed(vector),
        ("SMPP", "receipt_text") => words::receipt_text(vector),
        ("CMPP", "pdu") => units::cmpp(vector),
        ("CMPP", "merge") => units::cmpp_merge(vector),
        ("CMPP", "auth") => words::auth(vector),
        ("CMPP", "msg_id") => words::msg_id(vector),
        ("SIP", "message") => sip_message::message(vector),
        ("SIP", "uri") => sip_message::uri(vector),
        ("SIP", "name_addr") => sip_message::name_addr(vector),
        ("SIP-DIGEST", "digest") => sip::digest(vector),
        ("SIP-DIGEST", "challenge") => sip::challenge(vector),
        ("SDP", "sdp") => sip::sdp(vector),
        (_, kind) => anyhow::bail!("nobody judges a {kind}"),
    }
}
