//! Whole units, alone and in streams.

use anyhow::{Context as _, Result, bail, ensure};
use bytes::BytesMut;
use codecs::{
    cmpp, frame,
    session::Dialect,
    smpp,
    text::{Charset, Udh, decode},
};
use serde_json::{Map, Value};
use toml::Table;

use super::FieldVector;
use crate::judge::{expect_no_differences, expect_same_octets};

/// What `expect` has beside fields of the unit.
const NO_FIELDS: [&str; 6] = ["body", "text", "udh", "report", "report_layout", "upstream_status"];

pub(super) fn smpp(vector: &FieldVector) -> Result<()> {
    let octets = vector.octets()?;
    let read = smpp::Pdu::decode(&octets);
    let Some(valid) = vector.valid else { return Ok(()) };
    if !valid {
        ensure!(read.is_err() || vector.expect.get("or_accept").is_some(), "was taken");
        return Ok(());
    }
    let (header, pdu) = read?;
    let mut seen = crate::smpp::dump(&header, &pdu)?;
    count(&mut seen, "sm_length", "short_message_hex");
    count(&mut seen, "number_of_dests", "dest_address");
    count(&mut seen, "no_unsuccess", "unsuccess_sme");
    expect_no_differences("fields", Some(&fields(&vector.expect)?), &seen)?;
    let mut again = BytesMut::new();
    pdu.encode(header.sequence_number, &mut again)?;
    expect_same_octets(&octets, &again)
}

/// Feeds it octet by octet, then whole: what comes out must be the same.
pub(super) fn smpp_stream(vector: &FieldVector) -> Result<()> {
    let mut octets = vector.octets()?;
    let wanted = vector.expect.get("pdus").and_then(Value::as_array).cloned().unwrap_or_default();
    let (mut units, left) = cut(&octets, octets.len())?;
    ensure!(cut(&octets, 1)? == (units.clone(), left), "octet by octet it is another stream");
    if let Some(remaining) = vector.expect.get("remaining").and_then(Value::as_u64) {
        ensure!(u64::try_from(left)? == remaining, "{left} octets are left, not {remaining}");
    }
    let mut wanted = wanted;
    if let Some(more) = vector.expect.get("then_feed_hex").and_then(Value::as_str) {
        octets.extend(crate::vector::octets(more)?);
        wanted.extend(vector.expect.get("then_pdus").and_then(Value::as_array).cloned().unwrap_or_default());
        units = cut(&octets, octets.len())?.0;
    }
    ensure!(units.len() == wanted.len(), "{} units, not {}", units.len(), wanted.len());
    for (unit, wanted) in units.iter().zip(&wanted) {
        let header = smpp::Header::decode(unit)?;
        let read = smpp::Pdu::decode(unit);
        let mut seen = serde_json::to_value(header)?;
        match (wanted.get("error"), read) {
            (Some(_), Err(_)) => {}
            (None, Ok((header, pdu))) => seen = crate::smpp::dump(&header, &pdu)?,
            (Some(error), Ok(_)) => bail!("was taken, wanted {error}"),
            (None, Err(error)) => return Err(error.into()),
        }
        let mut wanted = fields(wanted)?;
        wanted.remove("answer");
        expect_no_differences("unit", Some(&wanted), &seen)?;
    }
    Ok(())
}

/// Cuts a stream into its units, fed `step` octets at a time; gives what is left, too.
fn cut(octets: &[u8], step: usize) -> Result<(Vec<Vec<u8>>, usize)> {
    let mut buffer = BytesMut::new();
    let mut units = Vec::new();
    for piece in octets.chunks(step.max(1)) {
        buffer.extend_from_slice(piece);
        // A stream that can't be read on ends here; its rest stays.
        while let Ok(Some(unit)) = frame::next(&mut buffer, smpp::Smpp::LIMITS) {
            units.push(unit.to_vec());
        }
    }
    Ok((units, buffer.len()))
}

pub(super) fn cmpp(vector: &FieldVector) -> Result<()> {
    let octets = vector.octets()?;
    let version = match vector.version.as_str() {
        "3.0" => cmpp::Version::V30,
        "2.1" => cmpp::Version::V21,
        _ => cmpp::Version::V20,
    };
    let read = cmpp::Pdu::decode(&octets, version);
    let Some(valid) = vector.valid else { return Ok(()) };
    if !valid {
        ensure!(read.is_err(), "was taken");
        return Ok(());
    }
    let (header, pdu) = read?;
    let mut seen = crate::cmpp::dump(&header, &pdu)?;
    count(&mut seen, "Msg_Length", "Msg_Content_hex");
    count(&mut seen, "DestUsr_tl", "Dest_terminal_Id");
    seen["command"] = cmpp::command::name(header.command_id, version).into();
    expect_no_differences("fields", Some(&fields(&vector.expect)?), &seen)?;
    if let Some(wanted) = vector.expect.get("report") {
        let cmpp::Pdu::Deliver(deliver) = pdu else { bail!("no deliver") };
        let report = deliver.report().context("no report")??;
        expect_no_differences("report", Some(&table(wanted)?), &serde_json::to_value(report)?)?;
    }
    if let Some(wanted) = vector.expect.pointer("/udh/concat") {
        super::words::concat(content(&pdu)?, wanted)?;
    }
    let mut again = BytesMut::new();
    pdu.encode(version, header.sequence_id, &mut again)?;
    expect_same_octets(&octets, &again)
}

fn content<'a>(pdu: &cmpp::Pdu<'a>) -> Result<&'a [u8]> {
    match pdu {
        cmpp::Pdu::Submit(submit) => Ok(submit.msg_content),
        cmpp::Pdu::Deliver(deliver) => Ok(deliver.msg_content),
        _ => bail!("has no content"),
    }
}

/// Parts of long messages, in one stream: every part's header, and each text when its parts are put in order.
pub(super) fn cmpp_merge(vector: &FieldVector) -> Result<()> {
    let mut buffer = BytesMut::from(vector.octets()?.as_slice());
    let mut parts = Vec::new();
    let wanted = vector.expect.get("frames").and_then(Value::as_array).context("no frames")?;
    while let Some(unit) = frame::next(&mut buffer, cmpp::Cmpp::LIMITS)? {
        let (_, pdu) = cmpp::Pdu::decode(&unit, cmpp::Version::V20)?;
        let cmpp::Pdu::Submit(submit) = pdu else { bail!("no submit") };
        let (header, rest) = Udh::parse(submit.msg_content)?;
        let concat = header.concat().context("no part")?;
        let frame = wanted.get(parts.len()).context("more frames than wanted")?;
        let told = [("total", u64::from(concat.total)), ("seq", u64::from(concat.part))];
        for (name, value) in told.into_iter().chain([("msg_fmt", u64::from(submit.msg_fmt))]) {
            ensure!(frame.get(name).and_then(Value::as_u64) == Some(value), "frame {}: {name}", parts.len());
        }
        let charset = if submit.msg_fmt == 8 { Charset::Ucs2 } else { Charset::Ascii };
        let to = submit.dest_terminal_id.get(0).unwrap_or_default().to_vec();
        let key = (to, concat.reference, concat.width, concat.total);
        parts.push((key, concat.part, decode(rest, charset).text));
    }
    ensure!(parts.len() == wanted.len() && buffer.is_empty(), "{} frames", parts.len());
    let texts = vector.expect.get("texts").and_then(Value::as_array).context("no texts")?;
    let mut keys: Vec<_> = parts.iter().map(|(key, ..)| key.clone()).collect();
    keys.sort();
    keys.dedup();
    let whole = |key| {
        let mut own: Vec<_> = parts.iter().filter(|(other, ..)| other == key).collect();
        own.sort_by_key(|(_, part, _)| *part);
        // A part that came twice counts once.
        own.dedup_by_key(|(_, part, _)| *part);
        own.iter().map(|(.., text)| text.as_str()).collect::<String>()
    };
    let mut read: Vec<String> = keys.iter().map(whole).collect();
    let mut wanted: Vec<String> = texts.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    read.sort();
    wanted.sort();
    ensure!(read == wanted, "other texts than wanted");
    Ok(())
}

/// Adds a length or a count, which a decoder has no field for, from what it counts.
fn count(seen: &mut Value, name: &str, of: &str) {
    let counted = match seen.get(of) {
        Some(Value::String(hexadecimal)) => hexadecimal.len() / 2,
        Some(Value::Array(items)) => items.len(),
        _ => return,
    };
    seen[name] = counted.into();
}

/// The fields among what is expected.
fn fields(expect: &Value) -> Result<Table> {
    let mut fields: Map<String, Value> = expect.as_object().cloned().unwrap_or_default();
    fields.retain(|name, value| !NO_FIELDS.contains(&name.as_str()) && name != "error" && !value.is_null());
    table(&Value::Object(fields))
}

fn table(value: &Value) -> Result<Table> {
    Table::try_from(value).context("no table")
}
