//! What a carrier makes of submits: how they are answered, refused and throttled, and what the connection does wrong.

use std::time::Duration;

use serde::Deserialize;

use super::{Delay, Ratio, always, duration, some_duration};

/// How submits are answered.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Answer {
    /// How long an answer takes.
    pub delay: Delay,
    /// Share of submits that are taken but never answered, 0 to 1.
    pub silence: Ratio,
    /// SMPP 5.0: congestion_state of every answer, 0 to 100.
    pub congestion: Option<u8>,
}

/// One reason to refuse.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refuse {
    /// What it looks at.
    pub on: RefuseOn,
    /// Share of what fits that is refused, 0 to 1.
    #[serde(default = "always")]
    pub ratio: Ratio,
    /// How the recipient (of a bind: the account) has to begin.
    #[serde(default)]
    pub prefix: String,
    /// How the recipient (of a bind: the account) has to end.
    #[serde(default)]
    pub suffix: String,
    /// Of a submit: only if it is this part of a long message, counted from 1.
    pub part: Option<u8>,
    /// How often the rule refuses; without it, for ever.
    pub times: Option<u64>,
    /// Of a bind: only if it asks for a version above this one, written as the protocol does.
    pub above_version: Option<u8>,
    /// Of a bind: only if this is its command id, e.g. 9 for bind_transceiver.
    pub command: Option<u32>,
    /// What is answered: SMPP command_status, CMPP Status or Result.
    pub status: u32,
}

/// What a refusal looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RefuseOn {
    /// Binds, whoever binds.
    Bind,
    /// Submits, by their first recipient.
    Submit,
}

/// How many submits one account may send.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Throttle {
    /// The rate; a burst of one second's worth is allowed.
    pub submits_per_second: u32,
    /// What the others are answered; by default SMPP 0x58, CMPP 8.
    pub status: Option<u32>,
}

/// What the connection itself does wrong. Nothing by default.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// Only the connection with this number does wrong, counted from 1; by default every one does.
    pub link: Option<u64>,
    /// Answers to submits take this much longer.
    #[serde(deserialize_with = "duration")]
    pub lag: Duration,
    /// At most this many octets are written at once.
    pub split_octets: Option<usize>,
    /// So long nothing more is written after each write.
    #[serde(deserialize_with = "some_duration")]
    pub drip: Option<Duration>,
    /// What is to be written is held back this long and then written at once.
    #[serde(deserialize_with = "some_duration")]
    pub glue: Option<Duration>,
    /// The connection is cut, without an unbind, after this many submits.
    pub cut_after_submits: Option<u64>,
    /// The carrier unbinds at this submit of a connection: what it has not answered by then it never answers there.
    pub unbind_after_submits: Option<u64>,
    /// From this submit of a connection on, nothing is read or written for `stall_for`.
    pub stall_after_submits: Option<u64>,
    /// How long a stall lasts; by default for good.
    #[serde(deserialize_with = "some_duration")]
    pub stall_for: Option<Duration>,
}
