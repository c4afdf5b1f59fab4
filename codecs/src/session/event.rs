//! What a session tells its owner.

use bytes::Bytes;

use super::dialect::{Dialect, Direction};
use crate::error::DecodeError;

/// One whole unit: its octets, shared, and its header, read.
pub struct Frame<D: Dialect> {
    /// The fixed header.
    pub header: D::Header,
    /// The whole unit, header included.
    pub octets: Bytes,
}

impl<D: Dialect> Clone for Frame<D> {
    fn clone(&self) -> Self {
        Self { header: self.header, octets: self.octets.clone() }
    }
}

impl<D: Dialect> std::fmt::Debug for Frame<D> {
    /// Shows the header and the size, never the octets: they hold numbers and texts.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frame").field("header", &self.header).field("octets", &self.octets.len()).finish()
    }
}

/// The caller's own handle to a request it submitted; comes back in exactly one `Answered` or `Unanswered`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// The session's handle to a request of the peer that waits for [`super::Session::answer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReplyTo(pub(super) u64);

/// What was agreed at the bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The version in use on this connection, as the protocol writes it (0x34, 0x50; 0x20, 0x30).
    pub version: u8,
    /// Which way requests may travel: `ToCarrier` (a transmitter), `FromCarrier` (a receiver) or `Either`.
    pub traffic: Direction,
    /// The bind was accepted although a proof of the peer did not match (CMPP AuthenticatorISMG).
    pub unproven: bool,
}

/// Why a bind came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindRefused {
    /// The status on the wire: SMPP command_status, CMPP Status.
    pub status: u32,
    /// What that asks of us.
    pub class: BindRefusal,
    /// A version that the peer says it would take.
    pub version: Option<u8>,
}

/// What a refused bind asks of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindRefusal {
    /// Wrong account, password, address or system type: a person has to act; retry slowly.
    Credentials,
    /// The account has as many sessions as it may; wait for the carrier to notice a dead one.
    AlreadyBound,
    /// Refused without a reason, or with a vendor's own: as a rule a limit of the account, at times its credentials.
    /// Retry at a moderate pace.
    Unexplained,
    /// The peer does not speak this version: fall back.
    Version,
    /// The peer does not know this bind at all, e.g. no transceivers: bind in another way.
    Mode,
    /// The carrier can't just now.
    Temporary,
    /// The answer could not be read.
    Malformed(DecodeError),
}

/// Why a request has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unanswered {
    /// Its deadline passed. The peer may have taken it; a `Late` answer may still tell.
    TimedOut,
    /// The link ended after the request was handed to the transport. The peer may have taken it.
    LinkLost,
    /// The link ended before the whole request was handed to the transport: the peer did not take it.
    NeverSent,
    /// An answer of another command came with its sequence. The peer may have taken it.
    Mismatched,
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// Unbound in good order, by us or by the peer.
    Unbound,
    /// The bind was refused.
    Refused(BindRefused),
    /// Nobody bound in time.
    BindTimeout,
    /// A probe had no answer.
    ProbeTimeout,
    /// A started unit stayed incomplete.
    PartialTimeout,
    /// The peer broke the framing.
    FramingLost(DecodeError),
    /// The transport ended.
    LinkLost,
    /// The peer did what no peer may do here, e.g. sent traffic before the bind where the protocol says close.
    Misbehaved,
}

/// What a session tells its owner.
#[derive(Debug)]
pub enum Event<D: Dialect> {
    /// Accepting side: the peer wants to bind; answer with [`super::Session::admit`].
    BindRequested(Frame<D>),
    /// The session is usable.
    Bound(Bound),
    /// The answer to a request of ours, `generic_nack` included.
    Answered {
        /// The request.
        ticket: Ticket,
        /// The answer, body not yet read.
        response: Frame<D>,
    },
    /// A request of ours will have no answer.
    Unanswered {
        /// The request.
        ticket: Ticket,
        /// What is known about it.
        cause: Unanswered,
    },
    /// An answer after its deadline: what was unknown is known now.
    Late {
        /// The request, already told as unanswered.
        ticket: Ticket,
        /// The answer, body not yet read.
        response: Frame<D>,
    },
    /// A request of the peer; waits for [`super::Session::answer`].
    Request {
        /// The handle for the answer.
        reply: ReplyTo,
        /// The request, body not yet read.
        frame: Frame<D>,
    },
    /// A unit that wants no answer.
    Notice(Frame<D>),
    /// The peer asked to end the session: no new requests; what waits for answers may still be answered by us.
    PeerUnbinding,
    /// The session is over. Nothing follows; what was in flight was told before.
    Closed(CloseReason),
}
