//! What every answer to a request owes it, whatever the request is like.

use anyhow::{Context as _, Result, ensure};
use codecs::sip::{Message, Method, Name};

/// Holds an answer against its request.
///
/// # Errors
/// When it does not show back what it has to, or lacks what its status comes with.
pub(super) fn check_answer(request: &Message, answer: &Message) -> Result<()> {
    let status = answer.status().context("an answer whose status is none")?;
    ensure!(answer.version() == b"SIP/2.0", "an answer of another version");
    for name in [Name::From, Name::CallId, Name::CSeq] {
        ensure!(words(request, name) == words(answer, name), "{status}: {name} is not as it came");
    }
    let (asked, told) = (words(request, Name::To), words(answer, Name::To));
    ensure!(told.starts_with(&asked), "{status}: To is not as it came");
    let has_tag = answer.to().is_ok_and(|to| to.tag().is_some());
    ensure!(status == 100 || has_tag || request.to().is_err(), "{status}: To has no tag");
    let vias = |message: &Message| message.values(Name::Via).count();
    ensure!(vias(request) == vias(answer), "{status}: {} Via of {}", vias(answer), vias(request));
    let below = |message: &Message| message.values(Name::Via).skip(1).map(squeezed).collect::<Vec<_>>();
    ensure!(below(request) == below(answer), "{status}: Via is not as it came");
    ensure!(answer.content_length().is_ok_and(|length| length.is_some()), "{status} without Content-Length");
    let owed: &[Name] = match status {
        405 | 501 => &[Name::Allow],
        415 => &[Name::Accept, Name::AcceptEncoding, Name::AcceptLanguage],
        420 => &[Name::Unsupported],
        503 => &[Name::RetryAfter],
        200 if request.method() == Some(Method::Options) => &[Name::Allow],
        _ => return Ok(()),
    };
    ensure!(owed.iter().any(|name| answer.field(*name).is_some()), "{status} without {}", owed[0]);
    Ok(())
}

/// A header's first value; white space is what folds leave behind.
fn words(message: &Message, name: Name) -> Vec<u8> {
    message.field(name).map(squeezed).unwrap_or_default()
}

fn squeezed(value: &[u8]) -> Vec<u8> {
    let words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(&b' ')
}
