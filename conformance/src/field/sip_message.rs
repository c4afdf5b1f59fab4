//! SIP messages and URIs.

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use codecs::sip::{
    Message, Name,
    framing::{Datagram, datagram},
    message::{Address, Via},
    uri::{Uri, unescape},
    validate::{Abilities, Scope, Verdict, admit, form},
};
use serde_json::{Map, Value};

use super::FieldVector;

/// A valid one must say what `expect` has; one that is not may not be taken.
pub(super) fn message(vector: &FieldVector) -> Result<()> {
    let octets = vector.text_octets()?;
    let taken = match datagram(Bytes::copy_from_slice(&octets)) {
        Ok(Datagram::Message(message)) => is_taken(&message),
        Ok(Datagram::KeepAlive | Datagram::Torn(_)) | Err(_) => false,
    };
    match vector.valid {
        None => return Ok(()),
        Some(false) => {
            ensure!(!taken, "was taken");
            return Ok(());
        }
        Some(true) => {}
    }
    let mended = with_line_ends(&octets);
    ensure!(mended == octets || !taken, "was taken with bare line feeds");
    let Datagram::Message(message) = datagram(Bytes::from(mended))? else { bail!("is no whole message") };
    for (key, wanted) in expected(vector)? {
        let seen = said(&message, key).with_context(|| key.clone())?;
        ensure!(same(&seen, wanted), "{key} is {seen}, not {wanted}");
    }
    Ok(())
}

fn is_taken(message: &Message) -> bool {
    let abilities = Abilities::default();
    form(message, &abilities) == Verdict::Pass
        && (!message.is_request() || admit(message, &abilities, Scope::Ours) == Verdict::Pass)
}

/// Many of these vectors went through an editor that made line feeds of line ends: no reader of SIP may take those, so
/// what the message says is asked of it with its line ends mended. The body stays as it is.
fn with_line_ends(octets: &[u8]) -> Vec<u8> {
    let mut mended = Vec::with_capacity(octets.len());
    let mut rest = octets;
    while let Some(end) = rest.iter().position(|&octet| octet == b'\n') {
        let (line, after) = rest.split_at(end);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        mended.extend([line, b"\r\n"].concat());
        rest = &after[1..];
        if line.is_empty() {
            break;
        }
    }
    mended.extend(rest);
    mended
}

fn said(message: &Message, key: &str) -> Result<Value> {
    let text = |octets: &[u8]| Value::from(String::from_utf8_lossy(octets));
    let tag = |tag: Option<&[u8]>| tag.map_or(Value::Null, text);
    Ok(match key {
        "method" => text(message.method_octets()),
        "request_uri" => text(message.request_uri()),
        "status_code" => Value::from(message.status()),
        "reason" => text(message.reason_phrase()),
        "call_id" => text(message.call_id()?),
        "cseq_seq" => Value::from(message.cseq()?.number),
        "cseq_method" => text(message.cseq()?.method_octets),
        "from_tag" => tag(message.from()?.tag()),
        "to_tag" => tag(message.to()?.tag()),
        "via_branch_top" => tag(message.via()?.branch()),
        "via_count" => Value::from(message.values(Name::Via).filter(|value| Via::is_usable(value)).count()),
        "content_length" => Value::from(message.content_length()?),
        "contact_first" => text(message.field(Name::Contact).unwrap_or_default()),
        _ => bail!("nobody knows what it is"),
    })
}

/// Whether both say the same but for folds and runs of white space.
fn same(seen: &Value, wanted: &Value) -> bool {
    match (seen, wanted) {
        (Value::String(seen), Value::String(wanted)) => seen.split_whitespace().eq(wanted.split_whitespace()),
        _ => seen == wanted,
    }
}

/// A URI by itself.
pub(super) fn uri(vector: &FieldVector) -> Result<()> {
    let octets = vector.text_octets()?;
    let read = Uri::parse(&octets);
    match vector.valid {
        None => Ok(()),
        Some(false) => {
            ensure!(read.is_err(), "was taken");
            Ok(())
        }
        Some(true) => expected(vector)?.iter().try_for_each(|(key, wanted)| part(&read?, key, wanted)),
    }
}

/// A URI with its display name and the header's parameters.
pub(super) fn name_addr(vector: &FieldVector) -> Result<()> {
    let octets = vector.text_octets()?;
    let address = Address::parse(&octets).context("it is no address")?;
    for (key, wanted) in expected(vector)? {
        match key.as_str() {
            "display_name" => {
                let seen = Value::from(String::from_utf8_lossy(&address.display_name()));
                ensure!(same(&seen, wanted), "{key} is {seen}, not {wanted}");
            }
            "addr_params" => params(address.params.iter(), key, wanted)?,
            _ => part(&address.uri()?, key, wanted)?,
        }
    }
    Ok(())
}

fn part(uri: &Uri<'_>, key: &str, wanted: &Value) -> Result<()> {
    let text = |octets: &[u8]| Value::from(String::from_utf8_lossy(&unescape(octets)));
    let seen = match (key, uri) {
        ("scheme", Uri::Sip(uri)) => Value::from(if uri.secure { "sips" } else { "sip" }),
        ("scheme", Uri::Tel(_)) => Value::from("tel"),
        ("number", uri) => uri.number().map_or(Value::Null, text),
        ("user", Uri::Sip(uri)) => uri.user.map_or(Value::Null, text),
        ("password", Uri::Sip(uri)) => uri.password.map_or(Value::Null, text),
        ("host", Uri::Sip(uri)) => Value::from(uri.host.to_string().to_ascii_lowercase()),
        ("port", Uri::Sip(uri)) => Value::from(uri.port),
        ("params", Uri::Sip(uri)) => return params(uri.params.iter(), key, wanted),
        ("params", Uri::Tel(uri)) => return params(uri.params.iter(), key, wanted),
        ("headers", Uri::Sip(uri)) => {
            let mut headers = Map::new();
            for (name, value) in uri.headers.iter() {
                let name = String::from_utf8_lossy(name).to_ascii_lowercase();
                let values = headers.entry(name).or_insert_with(|| Value::Array(Vec::new()));
                values.as_array_mut().context("a list")?.push(text(value));
            }
            Value::Object(headers)
        }
        _ => bail!("nobody knows what {key} is"),
    };
    ensure!(seen == *wanted, "{key} is {seen}, not {wanted}");
    Ok(())
}

/// All of them, names and values without case; one without a value is null.
fn params<'a>(
    seen: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    key: &str,
    wanted: &Value,
) -> Result<()> {
    let lower = |octets: &[u8]| String::from_utf8_lossy(octets).to_ascii_lowercase();
    let seen: Map<String, Value> = seen
        .map(|(name, value)| (lower(name), value.map_or(Value::Null, |value| lower(value).into())))
        .collect();
    let wanted = wanted.as_object().context("params are a table")?;
    let same = wanted.len() == seen.len()
        && wanted.iter().all(|(name, value)| {
            let value = value.as_str().map_or(Value::Null, |value| value.to_ascii_lowercase().into());
            seen.get(&name.to_ascii_lowercase()) == Some(&value)
        });
    ensure!(same, "{key} are {seen:?}, not {wanted:?}");
    Ok(())
}

fn expected(vector: &FieldVector) -> Result<&Map<String, Value>> {
    vector.expect.as_object().context("expect is a table")
}
