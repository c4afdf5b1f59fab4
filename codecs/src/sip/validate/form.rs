//! Is it a message that can be acted on?

use super::{Abilities, Limits, Refusal, Verdict, allow, refused};
use crate::sip::{
    Method,
    message::{Address, HeaderError, Message, Name, Via},
    uri::Uri,
};

/// Judges a message by itself: whether it is whole, can be read, and agrees with itself.
///
/// In the order of RFC 3261 §8.2: a request without a usable top Via is dropped; then come the request line (400), the
/// size (513), the version (505), the headers that must be there and those that we read (400), the method (501), and
/// that CSeq names it (400). A response must have one Via, as ours is the only one left at a user agent.
#[must_use]
pub fn form(message: &Message, abilities: &Abilities) -> Verdict {
    if !message.is_request() {
        return match response(message) {
            Ok(()) => Verdict::Pass,
            Err(refusal) => Verdict::Drop(refusal),
        };
    }
    let top = message.values(Name::Via).next();
    if !top.is_some_and(Via::is_usable) {
        return Verdict::Drop(Refusal::bad("Via can't be used"));
    }
    match request(message, abilities) {
        Ok(()) => Verdict::Pass,
        Err(refusal) => refused(message, refusal),
    }
}

impl From<HeaderError> for Refusal {
    fn from(error: HeaderError) -> Self {
        Self::bad(error.to_string())
    }
}

fn request(message: &Message, abilities: &Abilities) -> Result<(), Refusal> {
    if !message.has_well_formed_start_line() {
        return Err(Refusal::bad("The request line can't be read"));
    }
    if is_too_large(message, &abilities.limits) {
        return Err(Refusal::new(513));
    }
    if !message.version().eq_ignore_ascii_case(b"SIP/2.0") {
        return Err(Refusal::new(505));
    }
    head(message)?;
    if message.fields().any(|field| field.label.is_empty()) {
        return Err(Refusal::bad("A header has no name"));
    }
    request_uri(message.request_uri())?;
    core(message)?;
    only_one(message, Name::MaxForwards)?;
    for name in [Name::Contact, Name::RecordRoute, Name::Route] {
        for value in message.addresses(name) {
            let address = value?;
            let all =
                name == Name::Contact && address.is_wildcard() && message.method() == Some(Method::Register);
            if !all {
                uri(name, &address)?;
            }
        }
    }
    if message.method() == Some(Method::Unknown) {
        return Err(Refusal::new(501).with(Name::Allow, allow(abilities)));
    }
    if message.cseq()?.method_octets != message.method_octets() {
        return Err(Refusal::bad("CSeq has another method"));
    }
    Ok(())
}

fn response(message: &Message) -> Result<(), Refusal> {
    if !message.has_well_formed_start_line() {
        return Err(Refusal::bad("The status is out of range"));
    }
    if !message.version().eq_ignore_ascii_case(b"SIP/2.0") {
        return Err(Refusal::new(505));
    }
    head(message)?;
    core(message)?;
    if message.values(Name::Via).count() > 1 {
        return Err(Refusal::bad("The response is for somebody else"));
    }
    Ok(())
}

fn is_too_large(message: &Message, limits: &Limits) -> bool {
    message.head().len() > limits.head
        || message.body().len() > limits.body
        || message.start_line().len() > limits.start_line
        || message.fields().len() > limits.headers
        || message.values(Name::Via).nth(limits.vias).is_some()
}

/// No octets that could mean different things to different readers: a CR or LF that ends no line, a NUL that is not
/// escaped.
fn head(message: &Message) -> Result<(), Refusal> {
    let head = message.head();
    let mut at = 0;
    while let Some(found) = memchr::memchr3(b'\r', b'\n', b'\0', &head[at..]) {
        at += found;
        match head[at] {
            b'\r' if head.get(at + 1) == Some(&b'\n') => at += 2,
            b'\0' if at > 0 && head[at - 1] == b'\\' => at += 1,
            _ => return Err(Refusal::bad("A control character stands in the headers")),
        }
    }
    Ok(())
}

/// What every message must have, and the length of its body.
fn core(message: &Message) -> Result<(), Refusal> {
    message.via()?;
    uri(Name::From, &message.from()?)?;
    uri(Name::To, &message.to()?)?;
    message.call_id()?;
    message.cseq()?;
    if message.content_length()?.is_some_and(|length| length > message.body().len()) {
        return Err(Refusal::bad("The body is shorter than Content-Length"));
    }
    if !message.body().is_empty() {
        message.content_type()?;
    }
    Ok(())
}

fn only_one(message: &Message, name: Name) -> Result<(), Refusal> {
    match message.values(name).nth(1) {
        Some(_) => Err(Refusal::bad(format!("{name} is repeated"))),
        None => Ok(()),
    }
}

/// Any scheme will do, but it has to be a URI.
fn uri(name: Name, address: &Address<'_>) -> Result<(), Refusal> {
    match address.uri() {
        Ok(_) => Ok(()),
        Err(error) => Err(Refusal::bad(format!("{name}: {error}"))),
    }
}

fn request_uri(text: &[u8]) -> Result<(), Refusal> {
    match Uri::parse(text) {
        // RFC 3261 §19.1.1: headers have no place there.
        Ok(Uri::Sip(uri)) if !uri.headers.is_empty() => Err(Refusal::bad("The Request-URI has headers")),
        Ok(_) => Ok(()),
        Err(error) => Err(Refusal::bad(format!("Request-URI: {error}"))),
    }
}
