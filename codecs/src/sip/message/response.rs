//! What a response takes over from its request.

use std::io::Write as _;

use bytes::{BufMut, BytesMut};

use super::{Address, Message, Name, Via, Writer};
use crate::sip::{Flow, Method};

impl Writer {
    /// Begins the response to a request that came over `flow`: Via, From, To, Call-ID and CSeq, and Record-Route where a
    /// dialog is made.
    ///
    /// The top Via gets `received` and `rport` as RFC 3261 §18.2.1 and RFC 3581 §4 want. To gets `to_tag` unless it has
    /// a tag or the status is 100. Headers that can't be read are copied as they are, those that are missing stay so.
    #[must_use]
    pub fn response_to(
        request: &Message,
        flow: &Flow,
        status: u16,
        reason: Option<&str>,
        to_tag: Option<&str>,
    ) -> Self {
        let mut writer = Self::response(status, reason);
        let mut lines = request.fields().filter(|field| field.name == Name::Via);
        if let Some(first) = lines.next() {
            let top = request.values(Name::Via).next().unwrap_or_default();
            writer.field_with(Name::Via, |out| {
                put_via(out, top, flow);
                // The values are parts of the line: what follows the top one is the rest of it.
                out.put_slice(&first.value[(first.value.len().min(top.len()))..]);
            });
        }
        for line in lines {
            writer.field(Name::Via, line.value);
        }
        let makes_dialog = request.method() == Some(Method::Invite) && (101..300).contains(&status);
        if makes_dialog {
            writer.copy(request, Name::RecordRoute);
        }
        writer.copy(request, Name::From);
        match to_tag.filter(|_| status != 100) {
            Some(tag) => put_to(&mut writer, request, tag),
            None => _ = writer.copy(request, Name::To),
        }
        writer.copy(request, Name::CallId).copy(request, Name::CSeq);
        writer
    }
}

/// Writes the top Via with what we know of its sender. One that can't be read stays as it is.
fn put_via(out: &mut BytesMut, value: &[u8], flow: &Flow) {
    let Some(via) = Via::parse(value) else { return out.put_slice(value) };
    let source = flow.remote.ip().to_canonical();
    let asked = via.rport() == Some(None);
    let noted = asked || via.host.address() != Some(source);
    if !noted && via.params.get("received").is_none() {
        return out.put_slice(value);
    }
    let put_received = |out: &mut BytesMut| {
        // Without brackets: RFC 3261 §25.1: via-received.
        _ = write!(out.writer(), ";received={source}");
    };
    out.put_slice(&value[..value.len() - via.params.octets().len()]);
    for (name, parameter) in via.params.iter() {
        if name.eq_ignore_ascii_case(b"received") {
            continue;
        }
        out.put_u8(b';');
        out.put_slice(name);
        if asked && name.eq_ignore_ascii_case(b"rport") {
            _ = write!(out.writer(), "={}", flow.remote.port());
            put_received(out);
        } else if let Some(parameter) = parameter {
            out.put_u8(b'=');
            out.put_slice(parameter);
        }
    }
    if noted && !asked {
        put_received(out);
    }
}

/// Writes To with a tag, unless it has one.
fn put_to(writer: &mut Writer, request: &Message, tag: &str) {
    for line in request.fields().filter(|field| field.name == Name::To) {
        let address = Address::parse(line.value);
        writer.field_with(Name::To, |out| match address {
            Some(address) if address.tag().is_none() => {
                let params = address.params.octets();
                out.put_slice(line.value[..line.value.len() - params.len()].trim_ascii_end());
                for (name, value) in
                    address.params.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(b"tag"))
                {
                    out.put_u8(b';');
                    out.put_slice(name);
                    if let Some(value) = value {
                        out.put_u8(b'=');
                        out.put_slice(value);
                    }
                }
                out.put_slice(b";tag=");
                out.put_slice(tag.as_bytes());
            }
            _ => out.put_slice(line.value),
        });
    }
}
