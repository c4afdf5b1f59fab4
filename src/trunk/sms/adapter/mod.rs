//! Domain ⇄ units of one protocol. Pure: what to write, what was said, what it means.

pub mod carrier_id;
pub mod cmpp;
mod offer;
mod plan;
mod roles;
pub mod smpp;
mod statuses;
mod validity;

pub use statuses::StatusRules;

use bytes::Bytes;
use codecs::{
    session::{BindRefused, Dialect, Frame, Refusal},
    text::Concat,
};
use thiserror::Error;

pub use self::offer::Fallback;
use crate::domain::{Message, Report, SegmentPlan, SubmitOutcome, TextEncoding};

/// A message cut for one protocol: what its segments carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// How it was cut.
    pub plan: SegmentPlan,
    /// data_coding or Msg_Fmt.
    pub data_coding: u8,
    /// Each part begins with a user data header.
    pub has_header: bool,
    /// The octets of each part, header included.
    pub parts: Vec<Vec<u8>>,
    /// The reference of the concatenation.
    pub reference: u16,
}

/// Why a message can't be sent on a trunk.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PrepareError {
    /// The text can't be written in the encoding asked for, or in any that the trunk has.
    #[error("can't be written as {encoding}: position {position}")]
    EncodingNotPossible {
        /// What was tried.
        encoding: String,
        /// Characters before the one that does not fit.
        position: usize,
    },
    /// Too many segments.
    #[error("needs {needed} segments, at most {max} are allowed")]
    TooManySegments {
        /// Needed.
        needed: usize,
        /// Allowed.
        max: u8,
    },
    /// The carrier wants something that neither the account has nor the message brings: this protocol option.
    #[error("needs the protocol option {0}")]
    OptionMissing(String),
    /// The account may not show this sender.
    #[error("sender: {0}")]
    SenderNotAllowed(String),
}

/// What the carrier sent us, read.
#[derive(Debug, Clone)]
pub enum Inbound {
    /// A status report.
    Report(Box<Report>),
    /// A message from a subscriber, or a part of one.
    Mobile(MobileOriginated),
}

/// A message from a subscriber, or a part of one.
#[derive(Debug, Clone)]
pub struct MobileOriginated {
    /// Who wrote.
    pub from: Vec<u8>,
    /// The access code written to.
    pub to: Vec<u8>,
    /// data_coding or Msg_Fmt.
    pub data_coding: u8,
    /// It is a part of this.
    pub concat: Option<Concat>,
    /// The octets, concatenation header removed.
    pub octets: Bytes,
}

/// How we answer what the carrier sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is durable here.
    Taken,
    /// Not now: the carrier should send it again.
    Later,
}

/// What one protocol adds to a trunk. Everything that knows a PDU.
pub trait SmsAdapter: Send + Sync + 'static {
    /// The protocol of its sessions.
    type Dialect: Dialect;
    /// What the answer to a request of the carrier must repeat of it.
    type Reply: Copy + Send + Sync + 'static;

    /// A fresh session's dialect and what its bind proves, for the link of this index.
    fn open(&self, link: u32) -> (Self::Dialect, <Self::Dialect as Dialect>::Credentials);
    /// How the link of this index binds, in the API's words.
    fn bind_mode(&self, link: u32) -> &'static str;
    /// What the next bind does otherwise, this one having been refused.
    fn refused(&self, dialect: &Self::Dialect, refused: &BindRefused) -> Fallback;
    /// A bind was accepted. Says what is worth a line in the log.
    fn accepted(&self) -> Option<String>;

    /// Builds the request for one segment (numbered from 1) and hands it to `send`.
    fn submit<R>(
        &self,
        message: &Message,
        prepared: &Prepared,
        segment: u8,
        send: impl FnOnce(&<Self::Dialect as Dialect>::Pdu<'_>) -> R,
    ) -> R;
    /// Reads the answer to a submit.
    fn outcome(&self, dialect: &Self::Dialect, answer: &Frame<Self::Dialect>) -> SubmitOutcome;
    /// How loaded the carrier says in the answer to a submit that it is, 0 to 100: SMPP 5.0 congestion_state.
    fn congestion(&self, _: &Self::Dialect, _: &Frame<Self::Dialect>) -> Option<u8> {
        None
    }
    /// Reads a request of the carrier.
    ///
    /// # Errors
    /// It is malformed or nothing that we take; the session answers with the refusal.
    fn inbound(
        &self,
        dialect: &Self::Dialect,
        request: &Frame<Self::Dialect>,
    ) -> Result<(Inbound, Self::Reply), Refusal>;
    /// Builds the answer to a request of the carrier and hands it to `send`.
    fn answer<R>(
        &self,
        reply: Self::Reply,
        verdict: Verdict,
        send: impl FnOnce(&<Self::Dialect as Dialect>::Pdu<'_>) -> R,
    ) -> R;
}

/// How a trunk cuts messages; shared with the acceptor, which must know before anything is durable.
pub trait Planner: Send + Sync + 'static {
    /// Cuts `message` for this trunk.
    ///
    /// # Errors
    /// The text does not fit, or the sender is not the account's.
    fn prepare(&self, message: &Message, reference: u16) -> Result<Prepared, PrepareError>;
    /// Decodes a whole incoming text, and says in which encoding it came if that has a name in the API; `None` for
    /// binary content.
    fn decode(&self, data_coding: u8, octets: &[u8]) -> Option<(String, Option<TextEncoding>)>;
}
