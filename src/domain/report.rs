//! A carrier's status report about one segment, read from whatever form it came in.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CarrierId, CarrierStatus, Number};

/// What a report says of the segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReportedState {
    /// Still on its way; nothing is final.
    Intermediate,
    /// It arrived.
    Delivered,
    /// It did not and will not.
    Undelivered,
    /// The carrier itself can't tell.
    Unknown,
}

/// A status report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The ids by which the segment may be known, the most trusted first (SMPP TLV before text). Empty: none was read.
    pub carrier_ids: Vec<CarrierId>,
    /// Who should have received the message.
    pub recipient: Number,
    /// What the message showed as its origin.
    pub sender: String,
    /// What it says; `None`: it could not be read and is told raw.
    pub state: Option<ReportedState>,
    /// The carrier's words.
    pub status: CarrierStatus,
    /// When the carrier took the message, by its own clock and to its own precision (often a minute).
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    pub submit_time: Option<Timestamp>,
    /// When its fate was sealed, by the carrier's clock.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    pub done_time: Option<Timestamp>,
    /// When it came in here.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub receive_time: Timestamp,
    /// The content octets as they came.
    pub raw: Vec<u8>,
}
