//! Judges vectors of SMPP.

use anyhow::{Context as _, Result, ensure};
use bytes::BytesMut;
use codecs::{
    DecodeError,
    smpp::{Body, DeliverSm, Header, Pdu, Receipt, ReceiptReading, Recognition, Smpp, Version},
};
use serde_json::{Map, Value};

use crate::{
    cmpp,
    judge::{self, Told},
    text,
    vector::Vector,
};

pub(crate) fn sound(vector: &Vector) -> Result<()> {
    let (header, pdu) = Pdu::decode(&vector.octets)?;
    let seen = dump(&header, &pdu)?;
    judge::expect_no_differences("fields", vector.fields.as_ref(), &seen)?;
    let wants_tlvs = vector.fields.as_ref().is_some_and(|fields| fields.contains_key("tlvs"));
    ensure!(wants_tlvs || pdu.body.tlvs().is_empty(), "has TLVs of which the vector does not know");
    let mut again = BytesMut::new();
    pdu.encode(header.sequence_number, &mut again)?;
    judge::expect_same_octets(&vector.octets, &again)?;
    if let Some(wanted) = &vector.receipt {
        let Body::DeliverSm(deliver) = pdu.body else { anyhow::bail!("only a deliver_sm has a receipt") };
        judge::expect_no_differences("receipt", Some(wanted), &receipt(&deliver)?)?;
    }
    if let Some(wanted) = &vector.udh {
        let (Body::SubmitSm(sm) | Body::DeliverSm(sm)) = pdu.body else { anyhow::bail!("has no user data") };
        ensure!(sm.esm_class.udhi(), "esm_class says that there is no header");
        judge::expect_no_differences("udh", Some(wanted), &text::header(&sm.user_data())?)?;
    }
    Ok(())
}

/// A receipt as one object, absent parts left out.
fn receipt(deliver: &DeliverSm<'_>) -> Result<Value> {
    let ReceiptReading::Receipt(receipt) = Receipt::of_deliver_sm(deliver, Recognition::Flagged) else {
        anyhow::bail!("is not read as a receipt")
    };
    let text = receipt.text();
    let words = [
        ("id", text.id),
        ("sub", text.sub),
        ("dlvrd", text.dlvrd),
        ("submit_date", text.submit_date),
        ("done_date", text.done_date),
        ("stat", text.stat),
        ("err", text.err),
        ("receipted_message_id", receipt.receipted_message_id.map(|id| id.0)),
    ];
    let mut seen: Map<String, Value> = words
        .into_iter()
        .filter_map(|(name, octets)| Some((name.to_owned(), String::from_utf8_lossy(octets?).into())))
        .collect();
    if let Some(text) = text.text {
        seen.insert("text_hex".to_owned(), cmpp::hexadecimal(text).into());
    }
    if let Some(state) = receipt.message_state() {
        seen.insert("message_state".to_owned(), state.0.into());
    }
    Ok(Value::Object(seen))
}

/// A unit as one object: the fields of its header and of its body.
pub(crate) fn dump(header: &Header, pdu: &Pdu<'_>) -> Result<Value> {
    let mut all = Map::new();
    for part in [serde_json::to_value(header)?, serde_json::to_value(pdu)?] {
        if let Value::Object(fields) = part {
            all.extend(fields);
        }
    }
    Ok(Value::Object(all))
}

pub(crate) fn malformed(vector: &Vector) -> Result<()> {
    let wanted = vector.answer.as_ref().context("no answer")?;
    let dialect = Smpp::server("SMSC1", Version::V50);
    let reaction = judge::react(&dialect, &vector.octets, serve)?;
    let told = reaction.answer.as_deref().map(told).transpose()?;
    judge::compare(wanted, &reaction, told.as_ref())
}

/// Reads a unit as a message centre does whose messages all have text.
fn serve(unit: &[u8]) -> Result<(), DecodeError> {
    match Pdu::decode(unit)?.1.body {
        Body::DataSm(data) => data.needed_user_data().map(|_| ()),
        _ => Ok(()),
    }
}

fn told(unit: &[u8]) -> Result<Told> {
    let (header, _) = Pdu::decode(unit).context("our own answer")?;
    let name = header.command_id.name().context("a command")?;
    Ok(Told { name: name.to_owned(), status: header.command_status.0, sequence: header.sequence_number })
}
