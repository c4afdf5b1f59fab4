//! What the platform is told of calls.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CallState, Sdp};
use crate::domain::{CallId, CarrierStatus, Cause, Evidence, Number, TrunkId};

/// A call moved from one state to another, or something happened in it that leaves its state as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallMoved {
    /// The call.
    pub call_id: CallId,
    /// The key it was asked for under; empty for incoming calls.
    pub request_id: String,
    /// The number of this event among those of the call, from 1, without gaps.
    pub sequence: u32,
    /// From.
    pub previous: CallState,
    /// To.
    pub state: CallState,
    /// The trunk it is on, or was last.
    pub trunk_id: Option<TrunkId>,
    /// A session description, and what it is.
    pub sdp: Option<(SdpRole, Option<Sdp>)>,
    /// Keys that the peer pressed.
    pub dtmf: String,
    /// Why it ended; only in the final event.
    pub cause: Option<Cause>,
    /// What was said of that; also the status of an offer that was refused.
    pub evidence: Evidence,
}

impl CallMoved {
    /// The status of its end, in the form that messages and calls share.
    #[must_use]
    pub fn status(&self) -> Option<CarrierStatus> {
        self.cause.map(|cause| CarrierStatus::of_call(cause, &self.evidence))
    }

    /// Octets of what it carries of others' words, about.
    #[must_use]
    pub fn octets(&self) -> usize {
        let sdp = self.sdp.iter().filter_map(|(_, sdp)| sdp.as_ref()).map(|sdp| sdp.octets().len());
        sdp.sum::<usize>() + self.evidence.reasons.iter().map(String::len).sum::<usize>()
    }
}

/// What a session description in an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SdpRole {
    /// The peer's, before the answer: what is heard while it rings.
    Early,
    /// The peer's answer to the offer that the call began with, or its offer if we had none to answer.
    Answer,
    /// The peer offers another session: it waits for an answer. Without a description: it asks us for an offer.
    Offer,
    /// The session is now as described here.
    Changed,
    /// Our offer was refused; the session stays as it was.
    Refused,
    /// The peer's offer holds no more: it took it back, or waited for the answer too long.
    Withdrawn,
}

/// Somebody calls. The first event of an incoming call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboundCall {
    /// The call.
    pub call_id: CallId,
    /// Where it came in.
    pub trunk_id: TrunkId,
    /// Who calls, as the carrier asserts it.
    pub caller: Number,
    /// Who is called.
    pub callee: Number,
    /// The offer; `None`: the carrier wants the offer from us.
    pub sdp: Option<Sdp>,
    /// Headers that the trunk lets through.
    pub headers: Vec<(String, String)>,
    /// Until when it is to be answered or rejected; then it is refused with 480.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub answer_by: Timestamp,
    /// Always 1: the number of this event among those of the call.
    pub sequence: u32,
}
