//! What the platform is told: durable, in order, at least once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Call, CallMoved, CallRecord, CarrierStatus, EventId, InboundCall, Message, MessageId, MessageState,
    Number, Report, Segment, TenantId, TextEncoding, TrunkId,
};

/// The kinds that a subscription can choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// A message moved.
    MessageState,
    /// An incoming message.
    InboundMessage,
    /// A trunk came up or went down.
    TrunkState,
    /// A report that matches no message of ours.
    OrphanReport,
    /// A call moved, or something happened in it.
    CallState,
    /// What is kept of a call that ended.
    CallRecord,
    /// Somebody calls.
    InboundCall,
}

impl EventKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::MessageState,
        Self::InboundMessage,
        Self::TrunkState,
        Self::OrphanReport,
        Self::CallState,
        Self::CallRecord,
        Self::InboundCall,
    ];
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the log.
    pub id: EventId,
    /// When it happened.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub occur_time: Timestamp,
    /// When it was written down.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub record_time: Timestamp,
    /// Whose it is; empty for trunks, orphans and incoming messages without an owner.
    pub tenant_id: TenantId,
    /// As submitted.
    pub client_reference: String,
    /// As submitted.
    pub labels: Vec<(String, String)>,
    /// As submitted.
    pub trace_parent: String,
    /// What happened.
    pub payload: Payload,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// A message moved.
    Message(Box<MessageMoved>),
    /// An incoming message.
    Inbound(Box<InboundMessage>),
    /// A trunk came up or went down.
    Trunk(TrunkMoved),
    /// A report that matches no message of ours.
    Orphan(Box<OrphanReport>),
    /// A call moved, or something happened in it.
    Call(Box<CallMoved>),
    /// What is kept of a call that ended.
    CallRecord(Box<CallRecord>),
    /// Somebody calls.
    InboundCall(Box<InboundCall>),
}

impl Payload {
    /// The kind, for subscriptions.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Message(_) => EventKind::MessageState,
            Self::Inbound(_) => EventKind::InboundMessage,
            Self::Trunk(_) => EventKind::TrunkState,
            Self::Orphan(_) => EventKind::OrphanReport,
            Self::Call(_) => EventKind::CallState,
            Self::CallRecord(_) => EventKind::CallRecord,
            Self::InboundCall(_) => EventKind::InboundCall,
        }
    }
}

/// A message moved from one state to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageMoved {
    /// The message.
    pub message_id: MessageId,
    /// The key it was submitted under.
    pub request_id: String,
    /// From.
    pub previous: MessageState,
    /// To.
    pub state: MessageState,
    /// Why.
    pub status: Option<CarrierStatus>,
    /// The segment that moved it, and its number from 1.
    pub segment: Option<(u8, Segment)>,
    /// Segments in all.
    pub segments: u8,
    /// Segments that arrived.
    pub delivered: u8,
    /// A segment was sent again although an earlier try may have reached the carrier.
    pub possible_duplicate: bool,
    /// It ended with this. Without reports that is its submission, so the state alone does not tell.
    pub ended: bool,
}

/// An incoming message, reassembled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboundMessage {
    /// Ours.
    pub id: MessageId,
    /// Where it came in.
    pub trunk_id: TrunkId,
    /// Who wrote.
    pub from: Number,
    /// The access code and extension written to.
    pub to: String,
    /// The text; empty for binary content.
    pub text: String,
    /// The octets as they came, headers removed.
    pub raw: Vec<u8>,
    /// How the text was encoded; `None`: binary.
    pub encoding: Option<TextEncoding>,
    /// Segments it had.
    pub segments: u8,
    /// Every segment came.
    pub complete: bool,
    /// When the last segment came in.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub receive_time: Timestamp,
}

/// A trunk came up or went down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrunkMoved {
    /// The trunk.
    pub trunk_id: TrunkId,
    /// Links bound now.
    pub bound_links: u32,
    /// Links wanted.
    pub wanted_links: u32,
    /// Why, when it went down.
    pub status: Option<CarrierStatus>,
}

/// A report that matches no message of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrphanReport {
    /// Where it came in.
    pub trunk_id: TrunkId,
    /// What it says.
    pub report: Report,
}

impl Event {
    /// An event about `message`; the store gives it its place.
    #[must_use]
    pub fn about(message: &Message, moved: MessageMoved, now: Timestamp) -> Self {
        Self {
            id: EventId { sequence: 0 },
            occur_time: now,
            record_time: now,
            tenant_id: message.tenant_id.clone(),
            client_reference: message.client_reference.clone(),
            labels: message.labels.clone(),
            trace_parent: message.trace_parent.clone(),
            payload: Payload::Message(Box::new(moved)),
        }
    }

    /// An event about `call`, of this time; the store gives it its place.
    #[must_use]
    pub fn about_call(call: &Call, payload: Payload, time: Timestamp) -> Self {
        Self {
            id: EventId { sequence: 0 },
            occur_time: time,
            record_time: time,
            tenant_id: call.tenant_id.clone(),
            client_reference: call.client_reference.clone(),
            labels: call.labels.clone(),
            trace_parent: call.trace_parent.clone(),
            payload,
        }
    }

    /// An event that belongs to no message and no call.
    #[must_use]
    pub fn of(payload: Payload, now: Timestamp) -> Self {
        Self {
            id: EventId { sequence: 0 },
            occur_time: now,
            record_time: now,
            tenant_id: "".into(),
            client_reference: String::new(),
            labels: Vec::new(),
            trace_parent: String::new(),
            payload,
        }
    }
}
