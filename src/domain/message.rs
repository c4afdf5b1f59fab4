//! What a gateway asked us to send. Never changes after it was accepted.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{MessageId, Number, RequestKey, Sender, TenantId, TrunkId};

/// One message to one recipient, as accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Ours.
    pub id: MessageId,
    /// The tenant's idempotency key.
    pub request_id: String,
    /// Who sends.
    pub tenant_id: TenantId,
    /// The recipient.
    pub to: Number,
    /// What the recipient sees as origin; empty means the account's own.
    pub sender: Sender,
    /// What is said.
    pub content: Content,
    /// An encoding that the gateway insists on.
    pub encoding: Option<TextEncoding>,
    /// What the message is for.
    pub category: Category,
    /// When it is of no use any more.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub expire_time: Timestamp,
    /// Whether the carrier should report on it.
    pub report_requested: bool,
    /// Trunks it may take, in order; empty means by route.
    pub trunk_ids: Vec<TrunkId>,
    /// Echoed on every event.
    pub client_reference: String,
    /// Echoed on every event.
    pub labels: Vec<(String, String)>,
    /// What to do when a segment may or may not have reached the carrier.
    pub ambiguity: AmbiguityPolicy,
    /// 0 to 9, higher first.
    pub priority: u8,
    /// Evidence of consent, marketing only.
    pub consent_reference: String,
    /// Stored for audit.
    pub template_id: String,
    /// Fields of one protocol: `service_id`, `fee_type`, `tlv.0x1400`, …
    pub protocol_options: Vec<(String, String)>,
    /// W3C traceparent of the submit.
    pub trace_parent: String,
    /// When it was accepted.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub accept_time: Timestamp,
    /// When it may leave at the earliest; `None`: at once.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    pub send_time: Option<Timestamp>,
}

impl Message {
    /// The key under which the request is remembered.
    #[must_use]
    pub fn request_key(&self) -> RequestKey {
        RequestKey { tenant_id: self.tenant_id.clone(), request_id: self.request_id.clone() }
    }

    /// One of the protocol options.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        self.protocol_options.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// From when on its validity and its report window count: the time it was scheduled for, else its acceptance.
    #[must_use]
    pub fn begin_time(&self) -> Timestamp {
        self.send_time.unwrap_or(self.accept_time)
    }

    /// What is left of its validity at `now`; `None` when it has expired.
    #[must_use]
    pub fn validity_left(&self, now: Timestamp) -> Option<Duration> {
        Duration::try_from(self.expire_time.duration_since(now)).ok().filter(|left| !left.is_zero())
    }
}

/// What is said: a text, in which the signature is already included, or octets.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// A text.
    Text(String),
    /// Octets with their own data coding and header.
    Binary(BinaryContent),
}

impl fmt::Debug for Content {
    /// Shows only how long it is: texts never enter a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} characters)", text.chars().count()),
            Self::Binary(binary) => write!(f, "Binary({} octets)", binary.data.len()),
        }
    }
}

/// Octets that we pass on as they are.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BinaryContent {
    /// The octets, header not included.
    pub data: Vec<u8>,
    /// SMPP data_coding or CMPP Msg_Fmt.
    pub data_coding: u8,
    /// A user data header without concatenation; may be empty.
    pub user_data_header: Vec<u8>,
}

/// An encoding of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TextEncoding {
    /// GSM 03.38.
    Gsm7,
    /// UTF-16, most significant octet first.
    Ucs2,
    /// GBK.
    Gbk,
    /// ASCII.
    Ascii,
    /// ISO 8859-1.
    Latin1,
}

/// What a message is for; decides its place in the queue and what happens when its fate is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Category {
    /// A verification code: worthless when late.
    Otp,
    /// A notice.
    Notification,
    /// A conversation.
    Interactive,
    /// Advertising.
    Marketing,
}

impl Category {
    /// The label in metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Otp => "otp",
            Self::Notification => "notification",
            Self::Interactive => "interactive",
            Self::Marketing => "marketing",
        }
    }
}

/// What to do with a segment that may or may not have reached the carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AmbiguityPolicy {
    /// At least once: send it again, marked as a possible duplicate.
    Resubmit,
    /// At most once: wait for a report, else end as unknown.
    AwaitReport,
}

impl AmbiguityPolicy {
    /// The policy of messages that name none: a code that does not come is worse than one that comes twice.
    #[must_use]
    pub fn for_category(category: Category) -> Self {
        match category {
            Category::Otp => Self::Resubmit,
            _ => Self::AwaitReport,
        }
    }
}

/// The state of a message, as the API tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MessageState {
    /// Durable here, not yet offered to a carrier.
    Accepted,
    /// On the wire, or its fate is not known yet.
    Submitting,
    /// Every segment was taken by the carrier.
    Submitted,
    /// Final: the carrier says every segment arrived.
    Delivered,
    /// Final: the carrier says one did not.
    Undelivered,
    /// Final: refused by us or by the carrier's answer.
    Rejected,
    /// Final: its validity ended before the carrier took it.
    Expired,
    /// Final: the platform withdrew it.
    Canceled,
    /// Final: nobody can tell.
    Unknown,
}

impl MessageState {
    /// Nothing changes it any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        self >= Self::Delivered
    }

    /// The label in metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Submitting => "submitting",
            Self::Submitted => "submitted",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Canceled => "canceled",
            Self::Unknown => "unknown",
        }
    }
}

/// How a message is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentPlan {
    /// The encoding; `None` for binary content.
    pub encoding: Option<TextEncoding>,
    /// Segments, 1 to 255.
    pub segments: u8,
    /// Septets, octets or UTF-16 units over all segments, headers not counted.
    pub units: u32,
}
