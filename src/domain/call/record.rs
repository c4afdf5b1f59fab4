//! 话单: what is kept of a call, written once at its end.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Call, CallAttempt, CallDirection, CallState, CallTimes};
use crate::domain::{
    CallId, CarrierStatus, Category, Cause, Evidence, HangupParty, Number, TenantId, TrunkId,
};

/// What is kept of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// The call.
    pub call_id: CallId,
    /// Who began it.
    pub direction: CallDirection,
    /// The key it was asked for under.
    pub request_id: String,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// The trunk that it ended on; `None`: it never came to one.
    pub trunk_id: Option<TrunkId>,
    /// As asked or as it came.
    pub caller: Number,
    /// As asked.
    pub display_caller: Option<Number>,
    /// As asked or as it came.
    pub callee: Number,
    /// As asked.
    pub category: Category,
    /// When it was accepted, or came in.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub originate_time: Timestamp,
    /// When what happened.
    pub times: CallTimes,
    /// When it ended.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub end_time: Timestamp,
    /// From the INVITE that was answered so to the first 18x.
    pub post_dial_delay: Option<Duration>,
    /// From the first 180 or session description to the answer or the end; `None`: it never rang.
    pub ring_duration: Option<Duration>,
    /// From the answer to the end.
    pub talk_duration: Duration,
    /// How it ended.
    pub state: CallState,
    /// Why.
    pub cause: Cause,
    /// What was said of it.
    pub evidence: Evidence,
    /// Who ended it.
    pub hangup_party: HangupParty,
    /// The Call-ID on the wire; empty: no INVITE left.
    pub sip_call_id: String,
    /// Gateways and trunks that were tried, in order.
    pub attempts: Vec<CallAttempt>,
    /// As asked.
    pub client_reference: String,
    /// As asked.
    pub labels: Vec<(String, String)>,
    /// Rebuilt after a crash: the end is an estimate, and so is what is counted to it. The daemon lived at `end_time`, and
    /// this is when the next start found the call. `None`: the end is known.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    pub latest_end: Option<Timestamp>,
    /// The number of its last event.
    pub sequence: u32,
}

impl CallRecord {
    /// Seconds to be billed: the talk time rounded up.
    #[must_use]
    pub fn billable_seconds(&self) -> u32 {
        u32::try_from(self.talk_duration.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
    }

    /// Why it ended, in the form that messages and calls share.
    #[must_use]
    pub fn status(&self) -> CarrierStatus {
        CarrierStatus::of_call(self.cause, &self.evidence)
    }

    /// A record that says of a call what its request says, and that it ended at once.
    #[must_use]
    pub fn of(call: &Call, end_time: Timestamp) -> Self {
        Self {
            call_id: call.id,
            direction: call.direction,
            request_id: call.request_id.clone(),
            tenant_id: call.tenant_id.clone(),
            trunk_id: None,
            caller: call.caller.clone(),
            display_caller: call.display_caller.clone(),
            callee: call.callee.clone(),
            category: call.category,
            originate_time: call.accept_time,
            times: CallTimes::default(),
            end_time,
            post_dial_delay: None,
            ring_duration: None,
            talk_duration: Duration::ZERO,
            state: CallState::Failed,
            cause: Cause::Unknown,
            evidence: Evidence::default(),
            hangup_party: HangupParty::Lost,
            sip_call_id: String::new(),
            attempts: Vec::new(),
            client_reference: call.client_reference.clone(),
            labels: call.labels.clone(),
            latest_end: None,
            sequence: 0,
        }
    }
}
