//! Descriptions of sessions, and what proves who sends.

use anyhow::{Context as _, Result, ensure};
use codecs::sip::{
    auth::{Algorithm, Challenge, Qop, Request, Use},
    sdp::{Direction, Media, Sdp},
};
use serde_json::Value;

use super::FieldVector;

/// The response of one request.
pub(super) fn digest(vector: &FieldVector) -> Result<()> {
    let word = |name: &str| vector.expect[name].as_str().unwrap_or_default().as_bytes();
    let algorithm = Algorithm::of(word("alg")).context("alg")?;
    let (nonce, cnonce) = (word("nonce"), word("cnonce"));
    let mut key = algorithm.key(word("user"), word("realm"), word("pw"));
    if algorithm.is_session() {
        key = algorithm.session_key(&key, nonce, cnonce);
    }
    let of = match Qop::of(word("qop")) {
        Some(qop) => {
            let count = u32::from_str_radix(std::str::from_utf8(word("nc"))?, 16).context("nc")?;
            Some(Use { qop, count, cnonce })
        }
        None => None,
    };
    let request = Request { method: word("method"), uri: word("uri_"), body: word("body") };
    let response = algorithm.response(&key, nonce, of, request);
    ensure!(response.is(word("response")), "response {}", String::from_utf8_lossy(response.as_ref()));
    Ok(())
}

/// A challenge, read as a client does.
pub(super) fn challenge(vector: &FieldVector) -> Result<()> {
    let text = vector.text_octets()?;
    let read = Challenge::parse(&text);
    let challenge = match (read, vector.valid) {
        (Ok(challenge), Some(true) | None) => challenge,
        (Err(_), Some(false) | None) => return Ok(()),
        (Ok(challenge), Some(false)) => anyhow::bail!("taken: {challenge:?}"),
        (Err(why), Some(true)) => anyhow::bail!("refused: {why:?}"),
    };
    let Some(wanted) = vector.expect.as_object() else { return Ok(()) };
    for (name, value) in wanted {
        let seen = match name.as_str() {
            "realm" => text_of(&challenge.realm),
            "nonce" => text_of(&challenge.nonce),
            "opaque" => challenge.opaque.as_deref().map_or(Value::Null, text_of),
            "algorithm" => challenge.algorithm.name().into(),
            "stale" => challenge.stale.into(),
            "qop" => challenge.qop.iter().map(|qop| qop.name()).collect::<Vec<_>>().into(),
            other => anyhow::bail!("nobody reads {other}"),
        };
        ensure!(seen == *value, "{name}: {seen}, not {value}");
    }
    Ok(())
}

/// A description. Of one that may be either only a refusal or a reading is asked.
pub(super) fn sdp(vector: &FieldVector) -> Result<()> {
    let text = vector.text_octets()?;
    let sdp = match (Sdp::parse(&text), vector.valid) {
        (_, None) | (Err(_), Some(false)) => return Ok(()),
        (read, _) => read?,
    };
    ensure!(vector.valid == Some(true), "taken");
    let session = sdp.session_lines();
    let line = |lines: &[codecs::sip::sdp::Line<'_>], kind| {
        lines.iter().find(|line| line.kind == kind).map_or(Value::Null, |line| text_of(line.value))
    };
    let wanted = vector.expect.as_object().context("expect")?;
    for (name, value) in wanted.iter().filter(|(name, _)| *name != "media") {
        let seen = match name.as_str() {
            "origin" => line(session, b'o'),
            "session_name" => line(session, b's'),
            "connection" => line(session, b'c'),
            "direction" => sdp.direction().map_or(Value::Null, |direction| Direction::name(direction).into()),
            other => anyhow::bail!("nobody reads {other}"),
        };
        ensure!(seen == *value, "{name}: {seen}, not {value}");
    }
    let streams = vector.expect["media"].as_array().context("media")?;
    ensure!(sdp.media().len() == streams.len(), "{} streams", sdp.media().len());
    for (index, (media, wanted)) in sdp.media().zip(streams).enumerate() {
        for (name, value) in wanted.as_object().context("media")? {
            let seen = match name.as_str() {
                "connection" => line(media.lines(), b'c'),
                name => stream(&media, name, value)?,
            };
            ensure!(seen == *value, "media {index}: {name}: {seen}, not {value}");
        }
    }
    Ok(())
}

/// One member of a stream, in the form in which the vector has it.
fn stream(media: &Media<'_>, name: &str, wanted: &Value) -> Result<Value> {
    Ok(match name {
        "type" => text_of(media.kind()),
        // What is no port stands as it came.
        "port" if wanted.is_string() => text_of(media.port_octets()),
        "port" => media.port().into(),
        "proto" => text_of(media.protocol()),
        "formats" => media.formats().map(text_of).collect::<Vec<_>>().into(),
        "direction" => media.direction().name().into(),
        "ptime" => media.packet_time().map(|time| time.to_string()).into(),
        "rtpmap" => {
            let maps = wanted.as_object().context("rtpmap")?;
            let encoding = |format: &String| {
                let codec = media.codec(format.as_bytes())?;
                let name = String::from_utf8_lossy(codec.name);
                // One channel need not be said.
                let channels = maps[format].as_str().is_some_and(|map| map.split('/').count() > 2);
                let channels = if channels { format!("/{}", codec.channels) } else { String::new() };
                Some((format.clone(), Value::from(format!("{name}/{}{channels}", codec.clock))))
            };
            maps.keys().filter_map(encoding).collect::<serde_json::Map<_, _>>().into()
        }
        other => anyhow::bail!("nobody reads {other}"),
    })
}

/// Octets as the vectors have them: each one as the character of its number.
fn text_of(octets: &[u8]) -> Value {
    octets.iter().map(|octet| char::from(*octet)).collect::<String>().into()
}
