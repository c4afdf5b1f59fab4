//! What is smaller than a unit: octets with bits, times, texts, headers, digests.

use anyhow::{Context as _, Result, bail, ensure};
use codecs::{
    cmpp::{
        AccountPadding, Layout, MsgId,
        auth::{LoginStamp, authenticator_ismg, authenticator_source},
    },
    smpp::{
        Alphabet, DataCoding, DeliverSm, EsmClass, MessageMode, MessageType, Receipt, ReceiptReading,
        ReceiptText, ReceiptWanted, Recognition, RegisteredDelivery,
    },
    text::{
        Capacity, Charset, Concat, Udh, Width, count, decode, encode, fits,
        gsm7::{
            Gsm7National,
            packing::{fill_bits, pack, pack_padded, unpack, unpack_padded},
        },
        split as split_text, units,
    },
    validity::{Relative, Validity},
};
use serde_json::Value;

use super::FieldVector;
use crate::{cmpp::hexadecimal, judge::expect_same_octets, vector::octets};

pub(super) fn esm_class(vector: &FieldVector) -> Result<()> {
    let class = EsmClass(octet(vector)?);
    let mode = match class.mode() {
        MessageMode::Default => 0,
        MessageMode::Datagram => 1,
        MessageMode::Forward => 2,
        MessageMode::StoreAndForward => 3,
    };
    ensure!(number(vector, "mode")? == mode, "mode {mode}");
    ensure!(number(vector, "type_bits")? == u64::from((class.0 & 0x3C) >> 2), "type bits");
    let kind = class.message_type();
    let flags = [
        ("smsc_delivery_receipt", MessageType::Receipt),
        ("esme_delivery_ack", MessageType::DeliveryAcknowledgement),
        ("intermediate_notification", MessageType::Intermediate),
    ];
    for (name, read) in flags {
        ensure!(flag(vector, name)? == (kind == read), "{name}: {kind:?}");
    }
    ensure!(flag(vector, "udhi")? == class.udhi(), "udhi");
    ensure!(flag(vector, "reply_path")? == class.reply_path(), "reply_path");
    Ok(())
}

pub(super) fn registered_delivery(vector: &FieldVector) -> Result<()> {
    let wanted = RegisteredDelivery(octet(vector)?);
    let receipt = match wanted.receipt() {
        ReceiptWanted::Never => 0,
        ReceiptWanted::Always => 1,
        ReceiptWanted::OnFailure => 2,
        ReceiptWanted::OnSuccess => 3,
    };
    ensure!(number(vector, "receipt")? == receipt, "receipt {receipt}");
    let acknowledgement =
        u64::from(wanted.delivery_acknowledgement()) + 2 * u64::from(wanted.user_acknowledgement());
    ensure!(number(vector, "sme_ack")? == acknowledgement, "sme_ack {acknowledgement}");
    ensure!(flag(vector, "intermediate")? == wanted.intermediate(), "intermediate");
    Ok(())
}

pub(super) fn data_coding(vector: &FieldVector) -> Result<()> {
    let coding = DataCoding(octet(vector)?);
    let wanted = vector.expect.get("charset").and_then(Value::as_str).context("no charset")?;
    let name = match coding.alphabet() {
        Alphabet::Default => "default",
        Alphabet::Ascii => "IA5/ASCII",
        Alphabet::Binary => "octet",
        Alphabet::Latin1 => "latin1",
        Alphabet::Ucs2 => "ucs2",
        Alphabet::Gsm7 => "gsm7",
        other => bail!("{other:?}"),
    };
    ensure!(wanted.starts_with(name), "{name}");
    let class = coding.message_class().map(|class| class as u64);
    ensure!(vector.expect.get("message_class").and_then(Value::as_u64) == class, "message class {class:?}");
    Ok(())
}

pub(super) fn time(vector: &FieldVector) -> Result<()> {
    let text = vector.text.as_deref().context("no text")?;
    let read = Validity::parse(text.as_bytes());
    if vector.valid == Some(false) {
        ensure!(read.is_err(), "was taken");
        return Ok(());
    }
    let read = read.map_err(|_| anyhow::anyhow!("was refused"))?.context("was taken for no time")?;
    ensure!(read.to_octets() == text.as_bytes(), "is written otherwise");
    match read {
        Validity::Relative(relative) => {
            let part = |name: &str| {
                let value = vector.expect.pointer(&format!("/relative/{name}")).and_then(Value::as_u64);
                u8::try_from(value.unwrap_or(0))
            };
            let wanted = Relative {
                years: part("years")?,
                months: part("months")?,
                days: part("days")?,
                hours: part("hours")?,
                minutes: part("minutes")?,
                seconds: part("seconds")?,
            };
            ensure!(relative == wanted, "{relative:?}");
        }
        Validity::Absolute(absolute) => {
            let wanted: jiff::Timestamp =
                vector.expect.get("utc").and_then(Value::as_str).context("no utc")?.parse()?;
            ensure!(absolute.timestamp() == Some(wanted), "{:?}", absolute.timestamp());
        }
    }
    Ok(())
}

pub(super) fn encoding(vector: &FieldVector) -> Result<()> {
    let given = vector.octets()?;
    let text = vector.text.as_deref();
    let charset = match vector.charset.as_deref() {
        Some("latin1") => Charset::Latin1,
        Some("ucs2") => Charset::Ucs2,
        Some("gb18030") => Charset::Gb18030,
        Some("iso-8859-5") => Charset::Cyrillic,
        Some("iso-8859-8") => Charset::Hebrew,
        Some("gsm7" | "gsm7-unpacked" | "gsm7-packed" | "gsm7-septet-count" | "gsm7-unpacked+UDH") => {
            Charset::Gsm7
        }
        other => bail!("no charset {other:?}"),
    };
    let kind = vector.charset.as_deref().unwrap_or_default();
    if vector.valid == Some(false) {
        return match text {
            Some(text) if !fits(text, charset) && encode(text, charset).is_err() => Ok(()),
            Some(_) => bail!("was encoded"),
            None if decode(&given, charset).lossy => Ok(()),
            None => bail!("was read without a mark"),
        };
    }
    let Some(text) = text else {
        let any = vector.expect.get("decoded_any_of").and_then(Value::as_array).context("nothing to read")?;
        let read = decode(&given, charset).text;
        ensure!(any.iter().any(|text| text.as_str() == Some(&read)), "read as {read:?}");
        return Ok(());
    };
    if let Some(septets) = vector.expect.get("septets").and_then(Value::as_u64) {
        let taken = units(text, charset).context("does not fit")?;
        ensure!(u64::try_from(taken)? == septets, "takes {taken} septets");
    }
    match kind {
        "gsm7-septet-count" => Ok(()),
        "gsm7-packed" => packed(&given, text),
        "gsm7-unpacked+UDH" => national(&given, text),
        _ => {
            expect_same_octets(&given, &encode(text, charset)?)?;
            let read = decode(&given, charset);
            ensure!(read.text == text && !read.lossy, "read as {:?}", read.text);
            Ok(())
        }
    }
}

fn packed(given: &[u8], text: &str) -> Result<()> {
    let septets = encode(text, Charset::Gsm7)?;
    let written = [pack(&septets, 0), pack_padded(&septets, 0)];
    ensure!(written.iter().any(|octets| octets == given), "packed as {}", hexadecimal(&written[0]));
    let read = [unpack(given, 0, septets.len()), unpack_padded(given, 0)];
    ensure!(read.contains(&septets), "unpacked otherwise");
    Ok(())
}

fn national(given: &[u8], text: &str) -> Result<()> {
    let (header, rest) = Udh::parse(given)?;
    let alphabet = Gsm7National::announced(header);
    expect_same_octets(rest, &alphabet.encode(text)?)?;
    ensure!(alphabet.decode(rest).text == text, "read otherwise");
    Ok(())
}

pub(super) fn udh(vector: &FieldVector) -> Result<()> {
    let given = vector.octets()?;
    if vector.valid == Some(false) {
        ensure!(Udh::parse(&given).is_err(), "was taken");
        return Ok(());
    }
    if let Some(wanted) = vector.expect.get("concat") {
        concat(&given, wanted)?;
    }
    if let Some(wanted) = vector.expect.get("ports") {
        let ports = Udh::parse(&given)?.0.ports().context("no ports")?;
        let told = |name| wanted.get(name).and_then(Value::as_u64);
        ensure!(told("dst") == Some(ports.destination.into()), "destination {}", ports.destination);
        ensure!(told("src") == Some(ports.originator.into()), "originator {}", ports.originator);
    }
    Ok(())
}

/// Compares the part that user data says it is.
pub(super) fn concat(user_data: &[u8], wanted: &Value) -> Result<()> {
    let part = Udh::parse(user_data)?.0.concat().context("no part of a longer message")?;
    let told = |name| wanted.get(name).and_then(Value::as_u64);
    ensure!(told("ref") == Some(part.reference.into()), "reference {}", part.reference);
    ensure!(told("total") == Some(part.total.into()), "total {}", part.total);
    ensure!(told("seq") == Some(part.part.into()), "part {}", part.part);
    Ok(())
}

/// Where texts are cut is ours to choose; the limits, the headers and the whole are not.
pub(super) fn split(vector: &FieldVector) -> Result<()> {
    let text = vector.expect.get("text").and_then(Value::as_str).context("no text")?;
    let name = vector.expect.get("charset").and_then(Value::as_str).context("no charset")?;
    let charset = if name.starts_with("ucs2") { Charset::Ucs2 } else { Charset::Gsm7 };
    let width = if number(vector, "ref_bits")? == 8 { Width::Eight } else { Width::Sixteen };
    let reference = number(vector, "ref")? & if width == Width::Eight { 0xFF } else { 0xFFFF };
    let theirs = vector.expect.get("segments_hex").and_then(Value::as_array).context("no segments")?;
    let ours = split_text(text, charset, Capacity::gsm(charset, width.header_octets()), u8::MAX)?;
    ensure!(ours.len() == theirs.len(), "{} parts, not {}", ours.len(), theirs.len());
    let total = u8::try_from(ours.len())?;
    let mut joined = Vec::new();
    for (index, their) in theirs.iter().enumerate() {
        let their = octets(their.as_str().context("no octets")?)?;
        let part = u8::try_from(index + 1)?;
        let header = Concat { reference: u16::try_from(reference)?, width, total, part }.header();
        ensure!(their.starts_with(&header), "another header for part {part}");
        joined.extend_from_slice(&their[header.len()..]);
    }
    ensure!(ours.concat() == encode(text, charset)?, "our parts are not the text");
    ensure!(decode(&joined, charset).text == text, "their parts read otherwise");
    Ok(())
}

pub(super) fn split_count(vector: &FieldVector) -> Result<()> {
    let name = vector.expect.get("charset").and_then(Value::as_str).context("no charset")?;
    let charset = if name == "ucs2" { Charset::Ucs2 } else { Charset::Gsm7 };
    let text = match vector.expect.get("text").and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => {
            let character = vector.expect.get("char").and_then(Value::as_str).context("no char")?;
            character.repeat(usize::try_from(number(vector, "chars")?)?)
        }
    };
    let capacity = Capacity::gsm(charset, Width::Eight.header_octets());
    let parts = count(&text, charset, capacity)?.parts;
    ensure!(u64::try_from(parts)? == number(vector, "segments")?, "{parts} parts");
    if let Some(first) = vector.expect.get("first_segment_text").and_then(Value::as_str) {
        let ours = split_text(&text, charset, capacity, u8::MAX)?;
        ensure!(decode(&ours[0], charset).text == first, "another first part");
    }
    Ok(())
}

pub(super) fn merge_packed(vector: &FieldVector) -> Result<()> {
    let parts = vector.expect.get("parts").and_then(Value::as_array).context("no parts")?;
    let mut text = String::new();
    for part in parts {
        let user_data = octets(part.get("ud_hex").and_then(Value::as_str).context("no octets")?)?;
        let length = part.get("tp_udl").and_then(Value::as_u64).context("no length")?;
        let (header, rest) = Udh::parse(&user_data)?;
        let in_front = (header.octets() * 8).div_ceil(7);
        let septets = usize::try_from(length)?.checked_sub(in_front).context("a length below the header")?;
        text.push_str(&decode(&unpack(rest, fill_bits(header.octets()), septets), Charset::Gsm7).text);
    }
    ensure!(vector.expect.get("text").and_then(Value::as_str) == Some(&text), "read as {text:?}");
    Ok(())
}

pub(super) fn auth(vector: &FieldVector) -> Result<()> {
    let string = |name| vector.expect.get(name).and_then(Value::as_str);
    let secret = string("shared_secret").context("no secret")?.as_bytes();
    let source = string("AuthenticatorSource_hex").context("no source")?;
    if let Some(account) = string("Source_Addr") {
        let stamp = LoginStamp::from_number(u32::try_from(number(vector, "Timestamp")?)?);
        ensure!(string("timestamp_text") == Some(&stamp.digits()), "digits {}", stamp.digits());
        let ours = authenticator_source(account.as_bytes(), AccountPadding::Plain, secret, stamp);
        ensure!(hexadecimal(&ours) == source, "source {}", hexadecimal(&ours));
    }
    if let Some(wanted) = string("AuthenticatorISMG_hex") {
        let layout = if vector.version == "3.0" { Layout::V3 } else { Layout::V2 };
        let given: [u8; 16] = octets(source)?.as_slice().try_into()?;
        let ours = authenticator_ismg(layout, u32::try_from(number(vector, "Status")?)?, &given, secret);
        ensure!(hexadecimal(&ours) == wanted, "proof {}", hexadecimal(&ours));
    }
    Ok(())
}

pub(super) fn msg_id(vector: &FieldVector) -> Result<()> {
    let given: [u8; 8] = vector.octets()?.as_slice().try_into()?;
    let id = MsgId(u64::from_be_bytes(given));
    ensure!(
        vector.expect.get("decimal").and_then(Value::as_str) == Some(&id.0.to_string()),
        "decimal {}",
        id.0
    );
    let parts = id.unpack();
    let told: [(&str, u64); 7] = [
        ("month", parts.month.into()),
        ("day", parts.day.into()),
        ("hour", parts.hour.into()),
        ("minute", parts.minute.into()),
        ("second", parts.second.into()),
        ("gateway", parts.gateway.into()),
        ("sequence", parts.sequence.into()),
    ];
    for (name, value) in told {
        ensure!(number(vector, name)? == value, "{name} {value}");
    }
    Ok(())
}

pub(super) fn receipt_text(vector: &FieldVector) -> Result<()> {
    let given = vector.octets()?;
    let read = ReceiptText::parse(&given);
    if vector.valid == Some(false) {
        let receipt = DeliverSm {
            short_message: given.as_slice().into(),
            esm_class: EsmClass(4),
            ..DeliverSm::default()
        };
        let reading = Receipt::of_deliver_sm(&receipt, Recognition::Flagged);
        ensure!(matches!(reading, ReceiptReading::Unparsed(_)), "was taken");
        return Ok(());
    }
    let words = [
        ("id", read.id),
        ("sub", read.sub),
        ("dlvrd", read.dlvrd),
        ("stat", read.stat),
        ("err", read.err),
        ("text", read.text.map(|text| text.trim_ascii_end())),
    ];
    for (name, read) in words {
        let Some(wanted) = vector.expect.get(name) else { continue };
        let read = read.map(|octets| String::from_utf8_lossy(octets).trim_end_matches('\0').to_owned());
        ensure!(read.as_deref() == wanted.as_str(), "{name}: {read:?}");
    }
    for (name, read) in [("submit_date", read.submitted()), ("done_date", read.done())] {
        let Some(wanted) = vector.expect.get(name).and_then(Value::as_str) else { continue };
        ensure!(read == Some(wanted.parse()?), "{name}: {read:?}");
    }
    if let Some(wanted) = vector.expect.get("message_state").and_then(Value::as_u64) {
        let state = read.message_state().map(|state| u64::from(state.0));
        ensure!(state == Some(wanted), "message_state: {state:?}");
    }
    Ok(())
}

fn octet(vector: &FieldVector) -> Result<u8> {
    match vector.octets()?.as_slice() {
        [octet] => Ok(*octet),
        _ => bail!("not one octet"),
    }
}

fn number(vector: &FieldVector, name: &str) -> Result<u64> {
    vector.expect.get(name).and_then(Value::as_u64).with_context(|| format!("no {name}"))
}

fn flag(vector: &FieldVector, name: &str) -> Result<bool> {
    vector.expect.get(name).and_then(Value::as_bool).with_context(|| format!("no {name}"))
}
