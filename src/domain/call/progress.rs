//! What became of a call so far: what is durable of it while it is open.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CallDirection, CallState};
use crate::domain::{Cause, Evidence, TrunkId};

/// What became of a call so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallProgress {
    /// Its state.
    pub state: CallState,
    /// Events that were told of it: the number of the last one.
    pub sequence: u32,
    /// When what happened.
    pub times: CallTimes,
    /// Where it was tried, first to last.
    pub attempts: Vec<CallAttempt>,
    /// Dialogs and INVITEs of it that the carrier may hold, newest last.
    pub dialogs: Vec<DialogSnapshot>,
}

impl CallProgress {
    /// A call of which nothing has happened yet.
    #[must_use]
    pub fn new(direction: CallDirection) -> Self {
        let state = match direction {
            CallDirection::Outbound => CallState::Queued,
            CallDirection::Inbound => CallState::Initiated,
        };
        Self { state, sequence: 0, times: CallTimes::default(), attempts: Vec::new(), dialogs: Vec::new() }
    }

    /// The trunk it is on, or was last.
    #[must_use]
    pub fn trunk_id(&self) -> Option<&TrunkId> {
        self.attempts.last().map(|attempt| &attempt.trunk_id)
    }

    /// The last moment of which anything is known.
    #[must_use]
    pub fn last_time(&self) -> Option<Timestamp> {
        let CallTimes { invite, first_response, ring, early_media, answer } = self.times;
        [invite, first_response, ring, early_media, answer].into_iter().flatten().max()
    }
}

/// When what happened to a call. Wall times, for records; durations are measured on the monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CallTimes {
    /// The first INVITE left, or came in.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    pub invite: Option<Timestamp>,
    /// The first response of 18x.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    pub first_response: Option<Timestamp>,
    /// The first 180.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    pub ring: Option<Timestamp>,
    /// The first session description before the answer.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    pub early_media: Option<Timestamp>,
    /// The 2xx.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    pub answer: Option<Timestamp>,
}

/// One try on one gateway of one trunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallAttempt {
    /// Which placement it belongs to, from 1: one for each trunk that was tried.
    pub placement: u16,
    /// The trunk.
    pub trunk_id: TrunkId,
    /// Transport and address of the gateway; empty: no INVITE left.
    pub gateway: String,
    /// The Call-ID on the wire.
    pub sip_call_id: String,
    /// When it began.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub start_time: Timestamp,
    /// How it ended; `None`: it has not, or the call ended with it.
    pub end: Option<(Cause, Evidence)>,
}

/// What suffices to end a dialog, or an INVITE, that a crash left open. Written and read by the trunk alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialogSnapshot {
    /// Which placement it belongs to.
    pub placement: u16,
    /// The trunk that knows how to read it.
    pub trunk_id: TrunkId,
    /// Opaque.
    pub octets: Vec<u8>,
}
