//! Judges vectors of texts and user data headers.

use anyhow::{Context as _, Result, bail, ensure};
use codecs::text::{
    Charset, Udh, Width, decode, encode,
    gsm7::packing::{fill_bits, pack, pack_padded, unpack, unpack_padded, user_data_length},
    units,
};
use serde_json::{Value, json};

use crate::{judge::expect_same_octets, vector::Vector};

pub(crate) fn text(vector: &Vector) -> Result<()> {
    let text = vector.text.as_deref().context("no text")?;
    let charset = match vector.data_coding {
        Some(0x00) => Charset::Gsm7,
        Some(0x01) => Charset::Ascii,
        Some(0x03) => Charset::Latin1,
        Some(0x08) => Charset::Ucs2,
        other => bail!("no charset for data_coding {other:?}"),
    };
    let written = encode(text, charset)?;
    let taken = units(text, charset).context("the charset lacks a character")?;
    ensure!(Some(taken) == vector.units, "takes {taken} units");
    let read = match vector.packed.as_deref() {
        None => {
            expect_same_octets(&vector.octets, &written)?;
            vector.octets.clone()
        }
        Some("septets") => {
            expect_same_octets(&vector.octets, &pack(&written, 0))?;
            unpack(&vector.octets, 0, taken)
        }
        Some("padded") => {
            expect_same_octets(&vector.octets, &pack_padded(&written, 0))?;
            unpack_padded(&vector.octets, 0)
        }
        Some("after the header") => behind_a_header(vector, &written)?,
        Some(other) => bail!("packed how? {other}"),
    };
    let read = decode(&read, charset);
    ensure!(!read.lossy && read.text == text, "read as {:?}", read.text);
    Ok(())
}

fn behind_a_header(vector: &Vector, septets: &[u8]) -> Result<Vec<u8>> {
    let (header, text) = Udh::parse(&vector.octets)?;
    let fill = fill_bits(header.octets());
    expect_same_octets(text, &pack(septets, fill))?;
    let length = user_data_length(header.octets(), septets.len());
    ensure!(Some(length) == vector.user_data_length, "a TP-UDL of {length}");
    Ok(unpack(text, fill, septets.len()))
}

/// The header that user data begins with, as an object.
pub(crate) fn header(user_data: &[u8]) -> Result<Value> {
    let (header, _) = Udh::parse(user_data)?;
    let concat = header.concat().context("no part of a longer message")?;
    let width = match concat.width {
        Width::Eight => 8,
        Width::Sixteen => 16,
    };
    let mut seen = json!({
        "reference": concat.reference, "width": width, "total": concat.total, "part": concat.part,
        "header_octets": header.octets(),
    });
    if let Some(ports) = header.ports() {
        seen["destination_port"] = ports.destination.into();
        seen["originator_port"] = ports.originator.into();
    }
    Ok(seen)
}
