//! What a caller asks the endpoint to do: the words of its verbs.

use std::sync::Arc;

use bytes::Bytes;

use super::{PeerId, Policy};
use crate::sip::{Target, cause::Own};

/// A header field that the caller adds to a message, in the caller's order.
///
/// The endpoint refuses a name that is no token and a value with CR or LF in it, so that no caller's text can become
/// another header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The name as it shall stand on the wire.
    pub name: Bytes,
    /// The value, without folding.
    pub value: Bytes,
}

impl Field {
    /// A field of this name and value.
    #[must_use]
    pub fn new(name: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// A message's body and its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// The value of Content-Type.
    pub content_type: Bytes,
    /// The octets, passed through untouched.
    pub octets: Bytes,
}

impl Body {
    /// A session description.
    #[must_use]
    pub fn sdp(octets: impl Into<Bytes>) -> Self {
        Self { content_type: Bytes::from_static(b"application/sdp"), octets: octets.into() }
    }
}

/// A call to place.
#[derive(Debug, Clone)]
pub struct Invite {
    /// On whose account: its credentials are used, and its requests belong to the call.
    pub peer: PeerId,
    /// Where to send it, best first. The next one is tried as `policy.failover` says; at least one.
    pub targets: Vec<Target>,
    /// The Request-URI.
    pub request_uri: Bytes,
    /// The value of From, without a tag: the endpoint adds one.
    pub from: Bytes,
    /// The value of To, without a tag.
    pub to: Bytes,
    /// The user part of our Contact; some carriers check it. Empty: none.
    pub contact_user: Bytes,
    /// Routes to preload, each a `<uri>` with its parameters; normally none.
    pub routes: Vec<Bytes>,
    /// Further fields: identity, privacy, diversion, whatever the trunk agreed on.
    pub fields: Vec<Field>,
    /// The offer. `None`: the peer is to make one, which arrives as `LegEvent::SessionOffer`.
    pub body: Option<Body>,
    /// How the call is run.
    pub policy: Arc<Policy>,
}

/// Whether a provisional response is sent reliably (RFC 3262).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reliability {
    /// As the caller demands and the leg's policy says.
    #[default]
    AsPolicy,
    /// Reliably if the caller supports it.
    Reliable,
    /// Not reliably, unless the caller demands it.
    Unreliable,
}

/// A response to an incoming call: progress, answer or refusal, by its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// 101 to 699.
    pub status: u16,
    /// The reason phrase; `None`: the usual one.
    pub reason_phrase: Option<Bytes>,
    /// Further fields: Reason, Warning, Retry-After, P-Early-Media, a challenge.
    pub fields: Vec<Field>,
    /// The answer, or the offer if the call had none. In 101 to 199 it opens early media.
    pub body: Option<Body>,
    /// For 101 to 199 only.
    pub reliability: Reliability,
    /// Which callee speaks: each number has a To tag of its own. 0 unless several callees shall seem to answer one call.
    pub fork: u8,
}

impl Response {
    /// A response with this status and nothing else.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            reason_phrase: None,
            fields: Vec::new(),
            body: None,
            reliability: Reliability::AsPolicy,
            fork: 0,
        }
    }

    /// The same with a session description.
    #[must_use]
    pub fn with_sdp(mut self, sdp: impl Into<Bytes>) -> Self {
        self.body = Some(Body::sdp(sdp));
        self
    }

    /// The same with one more field.
    #[must_use]
    pub fn with_field(mut self, name: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        self.fields.push(Field::new(name, value));
        self
    }
}

/// Why we end a leg. `own` goes back into the evidence of [`super::Ended`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hangup {
    /// What made us do it.
    pub own: Own,
    /// Fields for the BYE or CANCEL. Without a Reason among them, the usual one for `own` is written.
    pub fields: Vec<Field>,
}

impl Hangup {
    /// Ends a leg for this reason.
    #[must_use]
    pub fn new(own: Own) -> Self {
        Self { own, fields: Vec::new() }
    }
}

/// Why the endpoint did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The leg has ended, or never was.
    #[error("there is no such leg")]
    NoLeg,
    /// The leg is in no state for this.
    #[error("the leg is in no state for this")]
    WrongState,
    /// An offer is open already.
    #[error("an offer is open already")]
    OfferOpen,
    /// As many legs, or requests, as may be there at once.
    #[error("too many calls or requests at once")]
    Full,
    /// No target, or none that a listener of ours can send to.
    #[error("no target that a listener of ours can send to")]
    NoTarget,
    /// A field's name is no token, or its value has CR or LF in it.
    #[error("a field's name or value cannot stand in a message")]
    BadField,
    /// The status is out of range here.
    #[error("the status is out of range here")]
    BadStatus,
}
