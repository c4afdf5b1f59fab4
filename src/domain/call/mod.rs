//! Calls: what was asked, what became of it, and what is kept of it. One call is one leg: one dialog with one carrier.

mod event;
mod ladder;
mod progress;
mod record;

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use event::{CallMoved, InboundCall, SdpRole};
pub use ladder::{Ladder, LadderLine, Rung};
pub use progress::{CallAttempt, CallProgress, CallTimes, DialogSnapshot};
pub use record::CallRecord;

use super::{CallId, Category, Number, RequestKey, TenantId, TrunkId};

/// One call, as accepted or as it came in. Never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Ours.
    pub id: CallId,
    /// Who began it.
    pub direction: CallDirection,
    /// The tenant's idempotency key; empty for incoming calls.
    pub request_id: String,
    /// Whose it is; empty for incoming calls to a number that is no tenant's.
    pub tenant_id: TenantId,
    /// Who calls: the number that the carrier assigned, or what the carrier says of a caller.
    pub caller: Number,
    /// The number to show instead, one of the trunk's permitted ones.
    pub display_caller: Option<Number>,
    /// Who is called.
    pub callee: Number,
    /// What the call is for.
    pub category: Category,
    /// Trunks it may take, in order; empty means by route.
    pub trunk_ids: Vec<TrunkId>,
    /// How long it may wait, ring and be answered: from the acceptance on.
    pub ring_timeout: Duration,
    /// How long it may last from the answer on.
    pub max_duration: Duration,
    /// Echoed on every event.
    pub client_reference: String,
    /// Echoed on every event.
    pub labels: Vec<(String, String)>,
    /// Headers of the platform's own, `X-…`.
    pub headers: Vec<(String, String)>,
    /// W3C traceparent of the request.
    pub trace_parent: String,
    /// When it was accepted, or came in.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub accept_time: Timestamp,
}

impl Call {
    /// The key under which the request is remembered.
    #[must_use]
    pub fn request_key(&self) -> RequestKey {
        RequestKey { tenant_id: self.tenant_id.clone(), request_id: self.request_id.clone() }
    }
}

/// Who began a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CallDirection {
    /// The platform.
    Outbound,
    /// Somebody behind the carrier.
    Inbound,
}

impl CallDirection {
    /// The label in metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Outbound => "outbound",
            Self::Inbound => "inbound",
        }
    }
}

/// The state of a call, as the API tells it.
///
/// ```text
/// Queued ─▶ Initiated ─▶ Ringing ◀─▶ EarlyMedia ─▶ InProgress ─▶ Completed
///    └──────────┴────────────┴────────────┴─▶ Busy, NoAnswer, Rejected, Canceled, Failed
///    any of them, open when the process ended ─▶ Lost
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum CallState {
    /// Durable here; waits for a slot or for the rate limit.
    Queued,
    /// The INVITE was sent, or came in.
    Initiated,
    /// The callee's phone rings.
    Ringing,
    /// Sound comes before the answer: SDP in a provisional response.
    EarlyMedia,
    /// Answered.
    InProgress,
    /// Final: ended after the answer.
    Completed,
    /// Final.
    Busy,
    /// Final.
    NoAnswer,
    /// Final.
    Rejected,
    /// Final.
    Canceled,
    /// Final.
    Failed,
    /// Final: open when the process ended; its end is an estimate.
    Lost,
}

impl CallState {
    /// Nothing changes it any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        self >= Self::Completed
    }

    /// The label in metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Initiated => "initiated",
            Self::Ringing => "ringing",
            Self::EarlyMedia => "early_media",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Rejected => "rejected",
            Self::Canceled => "canceled",
            Self::Failed => "failed",
            Self::Lost => "lost",
        }
    }
}

/// A session description, passed through untouched. Octets, since carriers write other charsets than UTF-8 into it.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Sdp(Arc<[u8]>);

impl Sdp {
    /// A session description as it came.
    #[must_use]
    pub fn new(octets: &[u8]) -> Self {
        Self(octets.into())
    }

    /// Its octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// As text; what is no UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl fmt::Debug for Sdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sdp({} octets)", self.0.len())
    }
}

impl Serialize for Sdp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Sdp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(|octets| Self(octets.into()))
    }
}
