//! Dialogs: what two user agents share after an INVITE, and what runs on it.
//!
//! A [`Dialog`] is tags, sequence numbers, target and routes, and the form of the requests inside it. It sends nothing
//! and knows nothing of transactions. [`session_timer`] and [`prack`] are values beside it, one each per dialog.

pub mod prack;
mod route_set;
pub mod session_timer;

use bytes::{BufMut, Bytes, BytesMut};

pub use route_set::{Addressed, RouteSet};

use super::{
    Method,
    message::{Address, Message, Name, Writer},
};

/// One dialog, early or confirmed.
#[derive(Debug, Clone)]
pub struct Dialog {
    call_id: Bytes,
    /// From of our requests: URI and tag.
    local: Bytes,
    local_tag: Bytes,
    /// To of our requests.
    remote: Bytes,
    /// Empty for a peer of RFC 2543 that has none.
    remote_tag: Bytes,
    /// The last number that we used.
    local_sequence: u32,
    /// The last number that the peer used.
    remote_sequence: Option<u32>,
    remote_target: Bytes,
    routes: RouteSet,
    is_confirmed: bool,
}

/// How the sequence number of a peer's request stands to its last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequence {
    /// Higher, or the first one. It counts now.
    Next,
    /// The same: a merged or faulty request.
    Repeated,
    /// Lower: out of order.
    Lower,
}

/// Why no dialog comes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoDialog {
    /// The response has no To tag.
    #[error("the response has no To tag")]
    NoTag,
    /// The message has no Contact that can be read.
    #[error("the message has no usable Contact")]
    NoContact,
    /// From, To, Call-ID or CSeq cannot be read.
    #[error("From, To, Call-ID or CSeq cannot be read")]
    Unreadable,
}

impl Dialog {
    /// The caller's side: the dialog that a provisional response with a To tag or a 2xx makes.
    ///
    /// # Errors
    /// [`NoDialog`] if the response makes none.
    pub fn of_response(invite: &Message, response: &Message) -> Result<Self, NoDialog> {
        let from = invite.from().map_err(|_| NoDialog::Unreadable)?;
        let to = response.to().map_err(|_| NoDialog::Unreadable)?;
        let remote_tag = to.tag().ok_or(NoDialog::NoTag)?;
        let is_answer = response.status().is_some_and(|status| status >= 200);
        let target = match target_of(response) {
            Some(target) => target,
            // An answer without a Contact is better acknowledged there than not at all.
            None if is_answer => copy(invite.request_uri()),
            None => return Err(NoDialog::NoContact),
        };
        Ok(Self {
            call_id: copy(invite.call_id().map_err(|_| NoDialog::Unreadable)?),
            local: copy(invite.field(Name::From).unwrap_or_default()),
            local_tag: copy(from.tag().unwrap_or_default()),
            remote: copy(response.field(Name::To).unwrap_or_default()),
            remote_tag: copy(remote_tag),
            local_sequence: invite.cseq().map_err(|_| NoDialog::Unreadable)?.number,
            remote_sequence: None,
            remote_target: target,
            routes: RouteSet::of_response(response),
            is_confirmed: false,
        })
    }

    /// The callee's side: the dialog that our response with this To tag makes. `sequence`: our first request has the
    /// number after it.
    ///
    /// # Errors
    /// [`NoDialog`] if the request cannot begin one.
    pub fn of_request(invite: &Message, local_tag: Bytes, sequence: u32) -> Result<Self, NoDialog> {
        let from = invite.from().map_err(|_| NoDialog::Unreadable)?;
        let mut local = BytesMut::from(invite.field(Name::To).ok_or(NoDialog::Unreadable)?);
        local.put_slice(b";tag=");
        local.put_slice(&local_tag);
        Ok(Self {
            call_id: copy(invite.call_id().map_err(|_| NoDialog::Unreadable)?),
            local: local.freeze(),
            local_tag,
            remote: copy(invite.field(Name::From).unwrap_or_default()),
            remote_tag: copy(from.tag().unwrap_or_default()),
            local_sequence: sequence,
            remote_sequence: Some(invite.cseq().map_err(|_| NoDialog::Unreadable)?.number),
            remote_target: target_of(invite).ok_or(NoDialog::NoContact)?,
            routes: RouteSet::of_request(invite),
            is_confirmed: false,
        })
    }

    /// A confirmed dialog of which only this much is left after a crash.
    #[must_use]
    pub fn restored(
        call_id: Bytes,
        local: Bytes,
        remote: Bytes,
        sequence: u32,
        remote_target: Bytes,
        routes: RouteSet,
    ) -> Self {
        let tag = |value: &Bytes| {
            Address::parse(value).and_then(|address| address.tag()).map(copy).unwrap_or_default()
        };
        let (local_tag, remote_tag) = (tag(&local), tag(&remote));
        Self {
            call_id,
            local,
            local_tag,
            remote,
            remote_tag,
            local_sequence: sequence,
            remote_sequence: None,
            remote_target,
            routes,
            is_confirmed: true,
        }
    }

    /// Says whether these tags and Call-ID, as a request of the peer has them, are this dialog's.
    #[must_use]
    pub fn is_of(&self, call_id: &[u8], to_tag: &[u8], from_tag: &[u8]) -> bool {
        self.local_tag == to_tag && self.remote_tag == from_tag && self.call_id == call_id
    }

    /// A 2xx to the INVITE confirms it: its target counts and, this once, its routes.
    pub fn confirm(&mut self, response: &Message) {
        // RFC 3261 §13.2.2.4: the route set is computed anew from the 2xx.
        if !self.is_confirmed {
            self.routes = RouteSet::of_response(response);
        }
        self.is_confirmed = true;
        self.refresh(response);
    }

    /// Our own 2xx confirms it.
    pub fn confirm_ours(&mut self) {
        self.is_confirmed = true;
    }

    /// A request or response that refreshes the target: takes its Contact. Returns whether that changed anything.
    pub fn refresh(&mut self, message: &Message) -> bool {
        match target_of(message) {
            Some(target) if target != self.remote_target => {
                self.remote_target = target;
                true
            }
            _ => false,
        }
    }

    /// Judges the sequence number of a peer's request, and takes it if it is the next.
    pub fn receive(&mut self, sequence: u32) -> Sequence {
        match self.remote_sequence {
            Some(last) if sequence == last => Sequence::Repeated,
            Some(last) if sequence < last => Sequence::Lower,
            _ => {
                self.remote_sequence = Some(sequence);
                Sequence::Next
            }
        }
    }

    /// Takes the number of our next request.
    pub fn next_sequence(&mut self) -> u32 {
        self.local_sequence = self.local_sequence.wrapping_add(1) & 0x7FFF_FFFF;
        self.local_sequence
    }

    /// Our next request has a number above this one.
    pub fn begin_above(&mut self, sequence: u32) {
        self.local_sequence = self.local_sequence.max(sequence);
    }

    /// Where requests go.
    #[must_use]
    pub fn address(&self) -> Addressed {
        self.routes.address(&self.remote_target)
    }

    /// Begins a request: Via, Route, From, To, Call-ID and CSeq. For ACK the number is its INVITE's, for all others one
    /// of [`Dialog::next_sequence`].
    #[must_use]
    pub fn request(&self, method: Method, sequence: u32, via: &[u8], addressed: &Addressed) -> Writer {
        let mut writer = Writer::request(method.name(), &addressed.request_uri);
        writer.field(Name::Via, via);
        for route in &addressed.routes {
            writer.field(Name::Route, route);
        }
        writer.field(Name::From, &self.local).field(Name::To, &self.remote);
        writer.field(Name::CallId, &self.call_id).cseq(sequence, method.name());
        writer
    }

    /// The Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &Bytes {
        &self.call_id
    }

    /// Our tag.
    #[must_use]
    pub fn local_tag(&self) -> &Bytes {
        &self.local_tag
    }

    /// The peer's tag.
    #[must_use]
    pub fn remote_tag(&self) -> &Bytes {
        &self.remote_tag
    }

    /// From of our requests.
    #[must_use]
    pub fn local(&self) -> &Bytes {
        &self.local
    }

    /// To of our requests.
    #[must_use]
    pub fn remote(&self) -> &Bytes {
        &self.remote
    }

    /// The last number that we used.
    #[must_use]
    pub fn local_sequence(&self) -> u32 {
        self.local_sequence
    }

    /// The URI that the peer wants to be reached at.
    #[must_use]
    pub fn remote_target(&self) -> &Bytes {
        &self.remote_target
    }

    /// The proxies on the way.
    #[must_use]
    pub fn routes(&self) -> &RouteSet {
        &self.routes
    }

    /// Says whether a 2xx made it.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.is_confirmed
    }
}

fn copy(octets: &[u8]) -> Bytes {
    Bytes::copy_from_slice(octets)
}

fn target_of(message: &Message) -> Option<Bytes> {
    let contact = message.contact().ok()??;
    (!contact.is_wildcard() && contact.uri().is_ok()).then(|| copy(contact.uri))
}

#[cfg(test)]
mod tests;
