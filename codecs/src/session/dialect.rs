//! What one SMS protocol tells the session engine.

use std::{fmt::Debug, hash::Hash};

use bytes::BytesMut;

use super::event::{BindRefused, Bound};
use crate::{
    error::{DecodeError, EncodeError},
    frame::Limits,
    time::Now,
};

/// What a unit is to the engine, read from its header alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitKind {
    /// Authenticates: SMPP bind_*, CMPP_CONNECT.
    Bind,
    /// Answers a bind.
    BindResponse,
    /// A request that wants an answer, in the direction that it may travel.
    Request(Direction),
    /// Answers a request.
    Response,
    /// Needs no answer: SMPP alert_notification.
    Notice,
    /// Asks the acceptor of a connection to bind: SMPP outbind.
    Outbind,
    /// enquire_link, CMPP_ACTIVE_TEST.
    Probe,
    /// Answers a probe.
    ProbeResponse,
    /// Ends the session in good order.
    Unbind,
    /// Answers an unbind.
    UnbindResponse,
    /// SMPP generic_nack: answers whatever has its sequence.
    Nack,
    /// A request of no known command.
    UnknownRequest,
    /// A response of no known command.
    UnknownResponse,
}

/// Which way a request travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the ESME or SP to the carrier.
    ToCarrier,
    /// From the carrier to the ESME or SP.
    FromCarrier,
    /// Either way: SMPP data_sm.
    Either,
}

/// Why the engine, or whoever reads the body, refuses a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The octets are no such unit.
    Malformed(DecodeError),
    /// No such command.
    UnknownCommand,
    /// Not allowed in the session's present state, e.g. before the bind.
    WrongState,
    /// A second bind on a bound session.
    AlreadyBound,
    /// More requests wait for answers than we allow; the peer may try again later.
    Overloaded,
}

/// What one SMS protocol tells the session engine. No IO, no clock, no policy.
///
/// A value lives as long as one connection: it holds what was negotiated (the version) and its sequence counter.
pub trait Dialect: Send + 'static {
    /// Any unit that can be encoded, borrowed from the caller: body and status, without the sequence.
    type Pdu<'a>;
    /// The fixed header of every unit.
    type Header: Copy + Debug + Send + 'static;
    /// What matches a response to its request.
    type Sequence: Copy + Eq + Hash + Debug + Send + 'static;
    /// What a bind proves.
    type Credentials: Send + 'static;

    /// The protocol's name in metrics, e.g. `smpp`.
    const NAME: &'static str;
    /// Smallest and largest unit taken from a peer.
    const LIMITS: Limits;
    /// Any unit but the bind and its answer, before the session is bound, ends the connection (CMPP). Otherwise it
    /// is refused, and probes are answered (SMPP).
    const STRICT_BEFORE_BIND: bool = false;

    /// Reads the header of one complete unit.
    ///
    /// # Errors
    /// Only what the header itself can be wrong in; unknown commands are a [`UnitKind`].
    fn header(unit: &[u8]) -> Result<Self::Header, DecodeError>;
    /// Says what the unit is.
    fn kind(header: &Self::Header) -> UnitKind;
    /// The unit's command id, bit 31 set in responses.
    fn command(header: &Self::Header) -> u32;
    /// The unit's sequence.
    fn sequence(header: &Self::Header) -> Self::Sequence;
    /// The command id that `pdu` will be encoded with.
    fn command_of(pdu: &Self::Pdu<'_>) -> u32;
    /// The next number for a request of ours; wraps. The engine skips those in flight.
    fn next_sequence(&mut self, now: Now) -> Self::Sequence;

    /// Appends one whole unit to `out`.
    ///
    /// # Errors
    /// A value that its field can't hold; `out` is then unchanged.
    fn encode(
        &self,
        pdu: &Self::Pdu<'_>,
        sequence: Self::Sequence,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError>;

    /// The bind request, for the side that sends it. It borrows from `with` only, so that it can be encoded.
    fn bind<'a>(&mut self, with: &'a Self::Credentials, now: Now) -> Self::Pdu<'a>;
    /// Reads the answer to our bind and takes over what it negotiates.
    ///
    /// # Errors
    /// The peer refused, or its answer proves nothing.
    fn bound(&mut self, with: &Self::Credentials, response: &[u8]) -> Result<Bound, BindRefused>;
    /// Checks a peer's bind against `with` and takes over the version it asks for.
    ///
    /// # Errors
    /// The bind is malformed or proves something else. `BindRefused::status` is what to answer.
    fn verify(&mut self, with: &Self::Credentials, bind: &[u8], now: Now) -> Result<Bound, BindRefused>;
    /// The answer to a peer's bind: accepted by [`Dialect::verify`], or refused with a status.
    fn bind_response<'a>(
        &'a self,
        with: Option<&'a Self::Credentials>,
        bind: &'a [u8],
        verdict: Result<(), u32>,
    ) -> Self::Pdu<'a>;

    /// The link test. `None`: this protocol has none, idleness is watched instead.
    fn probe(&self) -> Option<Self::Pdu<'static>>;
    /// The request to end the session.
    fn unbind(&self) -> Self::Pdu<'static>;
    /// The plain positive answer to a probe or an unbind.
    fn acknowledge(&self, request: &Self::Header) -> Self::Pdu<'static>;
    /// The negative answer to a request, if the protocol has one for that reason.
    fn refuse(&self, request: &Self::Header, why: Refusal) -> Option<Self::Pdu<'static>>;
    /// What to send before closing a stream whose framing is lost, if anything. `stream` is what has arrived from the
    /// unusable length on: the unit's header, as far as it is there.
    fn framing_lost(&self, stream: &[u8]) -> Option<(Self::Pdu<'static>, Self::Sequence)>;
}
