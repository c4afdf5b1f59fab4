//! Is this request one for us?

use super::{Abilities, Refusal, Scheme, Verdict, allow, refused};
use crate::sip::{
    Method,
    message::{MediaType, Message, Name, Params},
    uri::Uri,
};

/// What a request belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// To nothing that we know, and its Request-URI names something of ours.
    Ours,
    /// To nothing that we know, and its Request-URI names nothing of ours.
    Elsewhere,
    /// To a dialog, wherever its Request-URI points.
    Dialog,
}

/// Judges a request that [`form`](super::form) passed.
///
/// In the order of RFC 3261 §8.2: the method (405), the Request-URI (416, 404; not inside a dialog), required extensions
/// (420), the body (415), and whether the caller would take our answer (406).
#[must_use]
pub fn admit(request: &Message, abilities: &Abilities, scope: Scope) -> Verdict {
    match judge(request, abilities, scope) {
        Ok(()) => Verdict::Pass,
        Err(refusal) => refused(request, refusal),
    }
}

fn judge(request: &Message, abilities: &Abilities, scope: Scope) -> Result<(), Refusal> {
    let method = request.method().unwrap_or(Method::Unknown);
    let always = matches!(method, Method::Ack | Method::Cancel);
    if !always && !abilities.methods.contains(&method) {
        return Err(Refusal::new(405).with(Name::Allow, allow(abilities)));
    }
    if scope != Scope::Dialog {
        let scheme = match Uri::parse(request.request_uri()) {
            Ok(Uri::Sip(uri)) => Some(if uri.secure { Scheme::Sips } else { Scheme::Sip }),
            Ok(Uri::Tel(_)) => Some(Scheme::Tel),
            Ok(Uri::Other { .. }) | Err(_) => None,
        };
        if !scheme.is_some_and(|scheme| abilities.schemes.contains(&scheme)) {
            return Err(Refusal::new(416));
        }
        if scope == Scope::Elsewhere {
            return Err(Refusal::new(404));
        }
    }
    if !always {
        required(request, abilities)?;
    }
    body(request, abilities)?;
    if method == Method::Invite && !accepts(request, "application", "sdp") {
        return Err(Refusal::new(406));
    }
    Ok(())
}

/// Proxy-Require is not for us.
fn required(request: &Message, abilities: &Abilities) -> Result<(), Refusal> {
    let known =
        |option: &[u8]| abilities.extensions.iter().any(|own| own.as_bytes().eq_ignore_ascii_case(option));
    let unknown: Vec<_> = request
        .values(Name::Require)
        .filter(|option| !option.is_empty() && !known(option))
        .map(String::from_utf8_lossy)
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(420).with(Name::Unsupported, unknown.join(", ")))
}

fn body(request: &Message, abilities: &Abilities) -> Result<(), Refusal> {
    if request.body().is_empty() || is_optional(request) {
        return Ok(());
    }
    let known = |own: &str, media: &MediaType<'_>| {
        own.split_once('/').is_some_and(|(kind, subtype)| media.is(kind, subtype))
    };
    let understood = match request.content_type() {
        Ok(Some(media)) => abilities.content_types.iter().any(|own| known(own, &media)),
        Ok(None) | Err(_) => false,
    };
    if !understood {
        return Err(Refusal::new(415).with(Name::Accept, abilities.content_types.join(", ")));
    }
    let encoded =
        request.values(Name::ContentEncoding).any(|encoding| !encoding.eq_ignore_ascii_case(b"identity"));
    if encoded {
        return Err(Refusal::new(415).with(Name::AcceptEncoding, "identity".into()));
    }
    Ok(())
}

/// Says whether the sender wants the body ignored by those who don't understand it (RFC 3261 §20.11).
fn is_optional(request: &Message) -> bool {
    let disposition = request.field(Name::ContentDisposition);
    let params = disposition.and_then(|value| Params::parse(&value[memchr::memchr(b';', value)?..]));
    params
        .and_then(|params| params.get("handling"))
        .is_some_and(|value| value.eq_ignore_ascii_case(b"optional"))
}

/// Says whether the sender takes this type in a response. Without Accept it does (RFC 3261 §20.1).
fn accepts(request: &Message, kind: &str, subtype: &str) -> bool {
    if request.field(Name::Accept).is_none() {
        return true;
    }
    request
        .values(Name::Accept)
        .filter_map(MediaType::parse)
        .any(|range| range.is(kind, subtype) || range.is(kind, "*") || range.is("*", "*"))
}
