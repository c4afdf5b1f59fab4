//! What identifies a transaction.
//!
//! # Why a hash stands for the parts
//! A [`Key`] is 128 bits made of the parts under keys that are drawn at random and never leave the process. That two
//! transactions get the same one is less likely than a fault of the memory, no peer can aim at it, and no octets of a
//! branch need to be kept or compared. Nothing that can be seen depends on which keys were drawn.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use bytes::Bytes;

use crate::sip::{Message, Method, Name, message::Via, uri::Host};

/// A transaction's identity within one [`Keys`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key([u64; 2]);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[0]);
    }
}

/// Takes keys as they are: they are hashes already.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.0 = self.0.rotate_left(8) ^ u64::from(*octet);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Makes keys.
#[derive(Debug, Default)]
pub(super) struct Keys {
    one: RandomState,
    other: RandomState,
}

/// Which kind of identity a key is.
#[derive(Debug, Clone, Copy, Hash)]
enum Kind {
    Client,
    Server,
    Rfc2543,
    Merged,
}

/// The method by which a server's transaction is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sought {
    /// The request's own; an ACK belongs to its INVITE.
    Own,
    /// INVITE: which one a CANCEL is about.
    Invite,
}

impl Keys {
    /// The transaction that a request of ours begins: branch, sent-by and method.
    pub fn of_own_request(&self, request: &Message) -> Option<Key> {
        self.client(&request.via().ok()?, request.method_octets())
    }

    /// The transaction that a response belongs to.
    pub fn of_response(&self, response: &Message) -> Option<Key> {
        self.client(&response.via().ok()?, response.cseq().ok()?.method_octets)
    }

    fn client(&self, via: &Via<'_>, method: &[u8]) -> Option<Key> {
        let mut parts = self.begin(Kind::Client);
        parts.octets(method).octets(via.branch()?).sent_by(via);
        Some(parts.finish())
    }

    /// The transaction that a request of the peer belongs to, or begins.
    ///
    /// A branch that is not unique by itself is one of RFC 2543: there the rest of the request identifies it. The To tag
    /// is not among the parts of an INVITE's key, because an ACK has that of the response: see [`acknowledges`].
    pub fn of_request(&self, request: &Message, sought: Sought) -> Option<Key> {
        let via = request.via().ok()?;
        let method = match (request.method()?, sought) {
            (Method::Ack, _) | (_, Sought::Invite) => Method::Invite.name().as_bytes(),
            _ => request.method_octets(),
        };
        if via.has_unique_branch() {
            let mut parts = self.begin(Kind::Server);
            parts.octets(method).octets(via.branch()?).sent_by(&via);
            return Some(parts.finish());
        }
        let mut parts = self.begin(Kind::Rfc2543);
        parts.octets(method).octets(request.request_uri());
        parts.octets(request.from().ok()?.tag().unwrap_or_default());
        parts.octets(request.call_id().ok()?).number(request.cseq().ok()?.number);
        parts.octets(request.values(Name::Via).next()?);
        if method != Method::Invite.name().as_bytes() {
            parts.octets(request.to().ok()?.tag().unwrap_or_default());
        }
        Some(parts.finish())
    }

    /// What a request outside a dialog has in common with its copies that came by other ways.
    pub fn of_merged(&self, request: &Message) -> Option<Key> {
        if matches!(request.method()?, Method::Ack | Method::Cancel) || request.to().ok()?.tag().is_some() {
            return None;
        }
        let mut parts = self.begin(Kind::Merged);
        let cseq = request.cseq().ok()?;
        parts.octets(request.from().ok()?.tag()?).octets(request.call_id().ok()?);
        parts.octets(cseq.method_octets).number(cseq.number);
        Some(parts.finish())
    }

    fn begin(&self, kind: Kind) -> Parts {
        let mut parts = Parts([self.one.build_hasher(), self.other.build_hasher()]);
        parts.number(kind as u32);
        parts
    }
}

/// Says whether an ACK is about this response, given that it belongs to the INVITE. A branch says so by itself; in an ACK
/// of RFC 2543 the To tag does.
pub(super) fn acknowledges(ack: &Message, response: &Bytes) -> bool {
    if ack.via().is_ok_and(|via| via.has_unique_branch()) {
        return true;
    }
    let Ok(response) = Message::parse(response.clone()) else { return false };
    match (ack.to(), response.to()) {
        (Ok(ours), Ok(theirs)) => ours.tag() == theirs.tag(),
        _ => false,
    }
}

/// A key being made.
struct Parts([<RandomState as BuildHasher>::Hasher; 2]);

impl Parts {
    /// Adds octets; their number keeps neighbours apart.
    fn octets(&mut self, octets: &[u8]) -> &mut Self {
        self.number(octets.len() as u32);
        self.0.iter_mut().for_each(|hasher| hasher.write(octets));
        self
    }

    fn number(&mut self, number: u32) -> &mut Self {
        self.0.iter_mut().for_each(|hasher| hasher.write_u32(number));
        self
    }

    /// Adds host and port; without case, and with the default for a port that is not there.
    fn sent_by(&mut self, via: &Via<'_>) -> &mut Self {
        match via.host {
            Host::Name(name) => _ = self.octets(&name.to_ascii_lowercase()),
            Host::V4(address) => _ = self.octets(&address.octets()),
            Host::V6(address) => _ = self.octets(&address.octets()),
        }
        self.number(u32::from(via.port_or_default()))
    }

    fn finish(self) -> Key {
        Key(self.0.map(|hasher| hasher.finish()))
    }
}
