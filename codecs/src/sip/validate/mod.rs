//! Which status a faulty message is owed.
//!
//! Two questions, asked at two times (RFC 3261 §8.2):
//! - [`form`]: is it a message that can be acted on? Asked of every message before anything else is done with it.
//! - [`admit`]: is this request one for us? Asked of a request that begins something, after the layers above have looked
//!   for a transaction and a dialog that it belongs to.
//!
//! A faulty request is answered, a faulty response or ACK is dropped, and a header that we don't use spoils nothing.

mod admit;
mod form;

use std::borrow::Cow;

pub use admit::{Scope, admit};
pub use form::form;

use super::{
    Flow, Method,
    message::{Message, Name, Writer, reason_phrase},
};

/// What we can do: what a refusal names, and what is not refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abilities {
    /// The methods that we serve. ACK and CANCEL are served whether they are named or not.
    pub methods: Vec<Method>,
    /// The option tags that a Require may hold.
    pub extensions: Vec<&'static str>,
    /// The types of bodies that we understand, as in `application/sdp`.
    pub content_types: Vec<&'static str>,
    /// The schemes of a Request-URI that we take.
    pub schemes: Vec<Scheme>,
    /// How large a request may be.
    pub limits: Limits,
}

impl Default for Abilities {
    /// What a user agent for calls can do.
    fn default() -> Self {
        Self {
            methods: vec![
                Method::Invite,
                Method::Ack,
                Method::Cancel,
                Method::Bye,
                Method::Prack,
                Method::Update,
                Method::Info,
                Method::Options,
            ],
            extensions: vec!["100rel", "timer"],
            content_types: vec![
                "application/sdp",
                "multipart/mixed",
                "application/dtmf-relay",
                "application/dtmf",
            ],
            schemes: vec![Scheme::Sip, Scheme::Sips, Scheme::Tel],
            limits: Limits::default(),
        }
    }
}

/// A scheme that a Request-URI may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `sip`.
    Sip,
    /// `sips`.
    Sips,
    /// `tel`.
    Tel,
}

/// How large a request may be; a larger one is owed 513.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Octets of the start line and the headers.
    pub head: usize,
    /// Octets of the start line.
    pub start_line: usize,
    /// Octets of the body.
    pub body: usize,
    /// Header lines.
    pub headers: usize,
    /// Values of Via.
    pub vias: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head: 32 * 1024, start_line: 8 * 1024, body: 64 * 1024, headers: 256, vias: 70 }
    }
}

/// What is to be done with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Act on it.
    Pass,
    /// Answer it so.
    Answer(Refusal),
    /// Say nothing. What it would have been answered, if it could be, tells why.
    Drop(Refusal),
}

/// An answer that refuses a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// The reason phrase.
    pub reason: Cow<'static, str>,
    /// Headers that belong to the status.
    pub fields: Vec<(Name, String)>,
}

impl Refusal {
    /// A status with its usual phrase.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self { status, reason: Cow::Borrowed(reason_phrase(status)), fields: Vec::new() }
    }

    /// 400, with what is wrong as the phrase.
    fn bad(what: impl Into<Cow<'static, str>>) -> Self {
        Self { status: 400, reason: what.into(), fields: Vec::new() }
    }

    /// The same with a header.
    #[must_use]
    fn with(mut self, name: Name, value: String) -> Self {
        self.fields.push((name, value));
        self
    }

    /// The response to `request`, which came over `flow`.
    #[must_use]
    pub fn response(&self, request: &Message, flow: &Flow, to_tag: &str) -> Message {
        let mut writer = Writer::response_to(request, flow, self.status, Some(&self.reason), Some(to_tag));
        for (name, value) in &self.fields {
            writer.field(*name, value);
        }
        writer.finish()
    }
}

/// The verdict on a refused request: an ACK is never answered.
fn refused(request: &Message, refusal: Refusal) -> Verdict {
    if request.method() == Some(Method::Ack) { Verdict::Drop(refusal) } else { Verdict::Answer(refusal) }
}

/// The value of Allow.
fn allow(abilities: &Abilities) -> String {
    abilities.methods.iter().map(|method| method.name()).collect::<Vec<_>>().join(", ")
}
