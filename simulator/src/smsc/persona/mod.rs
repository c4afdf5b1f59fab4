//! What a carrier of one protocol says and understands: the protocol's units ⇄ plain facts.
//!
//! No decision is made here; those are [`crate::behaviour`]'s.

mod cmpp;
mod demands;
mod smpp;

use std::ops::Range;

use bytes::BytesMut;
use codecs::{
    DecodeError, Now,
    session::{Dialect, Frame, ReplyTo, Session, SubmitError, Ticket},
    text::{Capacity, Charset, Concat, Udh, Width, split},
};
use jiff::{Timestamp, tz::Offset};

pub use self::{cmpp::CmppPersona, smpp::SmppPersona};
use super::message::{Delivery, MessageId, Part, Segment, Submit};
use crate::config;

/// A carrier's side of one protocol. A value is shared by all links of one carrier.
pub trait Persona: Send + Sync + 'static {
    /// The protocol.
    type Dialect: Dialect + Sync;

    /// What an unknown account is refused with.
    const UNKNOWN_ACCOUNT: u32;
    /// What a link too many is refused with.
    const TOO_MANY_LINKS: u32;
    /// What a submit beyond the rate is refused with.
    const THROTTLED: u32;

    /// Where the sequence number is in a unit, octets from its start.
    const SEQUENCE: Range<usize>;

    /// The persona of one carrier.
    fn new(carrier: &config::Carrier, now: Now) -> Self;
    /// The protocol's state for a new connection.
    fn dialect(&self) -> Self::Dialect;
    /// What an account's bind has to prove.
    fn credentials(account: &config::Account) -> <Self::Dialect as Dialect>::Credentials;
    /// The account that a bind names, if it can be read.
    fn account_of(bind: &[u8]) -> Option<&[u8]>;
    /// The version that a bind asks for, as the protocol writes it; 0 if it can't be read.
    fn version_of(bind: &[u8]) -> u8;

    /// A new id, with room behind it for as many recipients.
    fn next_id(&self, now: Now, recipients: u16) -> MessageId;
    /// The id that receipts have for one of several recipients, counted from 0.
    fn id_of_recipient(&self, id: MessageId, index: u16) -> MessageId;
    /// An id as answers have it.
    fn id_text(&self, id: MessageId) -> String;

    /// What a submit is refused with because it does not keep to this carrier's habits.
    fn objection(&self, submit: &Submit<'_>) -> Option<u32>;
    /// Reads a request.
    fn read<'a>(&self, dialect: &Self::Dialect, frame: &'a Frame<Self::Dialect>) -> Request<'a>;
    /// Answers a submit: with its id, or refused with a status.
    fn answer(
        &self,
        session: &mut Session<Self::Dialect>,
        now: Now,
        reply: Reply,
        outcome: Result<MessageId, u32>,
    );
    /// Answers whatever else may be asked.
    fn answer_other(
        &self,
        session: &mut Session<Self::Dialect>,
        now: Now,
        reply: ReplyTo,
        frame: &Frame<Self::Dialect>,
    );

    /// Submits a delivery. `scratch` is empty, and for whatever has to be put together.
    ///
    /// # Errors
    /// The session does not take it now, or it does not fit into its fields.
    fn deliver(
        &self,
        session: &mut Session<Self::Dialect>,
        now: Now,
        ticket: Ticket,
        delivery: &Delivery,
        scratch: &mut BytesMut,
    ) -> Result<(), SubmitError>;
    /// The status of the answer to a delivery, if it can be read.
    fn status(&self, dialect: &Self::Dialect, response: &Frame<Self::Dialect>) -> Option<u32>;

    /// A text from a phone, ready for the wire. `None`: it can't be said, or takes too many parts.
    fn parts(&self, text: &str, reference: u8) -> Option<Vec<Part>>;
}

/// A request of the peer.
#[derive(Debug)]
pub enum Request<'a> {
    /// A message.
    Submit(Submit<'a>),
    /// Octets that are no such unit.
    Malformed(DecodeError),
    /// Anything else.
    Other,
}

/// Where an answer belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reply {
    /// The session's handle.
    pub to: ReplyTo,
    /// The command id of the request.
    pub command: u32,
}

/// Takes the header off user data. Octets that are no header stay where they are.
fn without_header(octets: &[u8], has_header: bool) -> (Option<Segment>, &[u8]) {
    if !has_header {
        return (None, octets);
    }
    match Udh::parse(octets) {
        Ok((header, rest)) => {
            let segment = header.concat().map(|Concat { reference, total, part, .. }| Segment {
                reference,
                total,
                part,
            });
            (segment, rest)
        }
        Err(_) => (None, octets),
    }
}

/// Cuts a text and puts headers before its parts.
fn encode(text: &str, charset: Charset, coding: u8, capacity: Capacity, reference: u8) -> Option<Vec<Part>> {
    let parts = split(text, charset, capacity, u8::MAX).ok()?;
    let total = u8::try_from(parts.len()).ok()?;
    if total == 1 {
        return Some(parts.into_iter().map(|octets| Part { coding, has_header: false, octets }).collect());
    }
    let with_header = (1..=total).zip(parts).map(|(part, text)| {
        let concat = Concat { reference: u16::from(reference), width: Width::Eight, total, part };
        let mut octets = concat.header();
        octets.extend_from_slice(&text);
        Part { coding, has_header: true, octets }
    });
    Some(with_header.collect())
}

/// YYMMDDhhmm, ten ASCII digits, at a fixed offset.
fn minute(at: Timestamp, offset: Offset) -> [u8; 10] {
    let local = offset.to_datetime(at);
    let year = local.year().rem_euclid(100).unsigned_abs() as u8;
    let [month, day, hour, minute] =
        [local.month(), local.day(), local.hour(), local.minute()].map(i8::unsigned_abs);
    let mut digits = [0; 10];
    for (pair, part) in digits.chunks_exact_mut(2).zip([year, month, day, hour, minute]) {
        pair.copy_from_slice(&[b'0' + part / 10, b'0' + part % 10]);
    }
    digits
}
