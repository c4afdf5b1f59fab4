//! What the store takes and gives: the arguments and answers of its verbs.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::domain::{
    CarrierId, CarrierStatus, Delivery, Event, EventKind, History, InboundMessage, Message, MessageId,
    MessageState, Number, Report, ReportRecord, ReportedState, RequestKey, Segment, SegmentPlan,
    SegmentState, SubmitOutcome, SubscriptionId, TenantId, TrunkId, Try,
};

/// Why a verb did not happen. Nothing of it is durable, except after `Failed`, where nobody can tell.
#[derive(Debug, Clone, Error)]
pub enum StoreError {
    /// The folder can't be used.
    #[error("the store in {path} can't be opened: {reason}")]
    Open {
        /// The folder.
        path: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// Too little room is left on the disk to accept anything new; reports are still taken.
    #[error("the store's disk has {free} octets free, below the reserve of {reserve}: free some space")]
    DiskFull {
        /// Octets free.
        free: u64,
        /// Octets below which nothing new is accepted.
        reserve: u64,
    },
    /// A commit failed, so what the disk holds is not known: the store takes nothing until it is opened again.
    #[error("the store failed and takes nothing more until the daemon is restarted: {0}")]
    Failed(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// A row does not read back. Of a verb with several parts, those before may have happened; the store goes on.
    #[error("row {key} of {keyspace} in the store can't be used: {reason}")]
    Corrupt {
        /// The kind of row.
        keyspace: &'static str,
        /// Its key, hexadecimal.
        key: String,
        /// What is wrong.
        reason: String,
    },
}

/// A message to be accepted.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// The message, its id fresh.
    pub message: Arc<Message>,
    /// How it will be cut on the trunk that it is meant for.
    pub plan: SegmentPlan,
    /// The reference of its concatenation headers.
    pub reference: u16,
    /// Digest of the request without its key: tells the same request from another under the same key.
    pub digest: [u8; 16],
}

/// What became of a message to be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// It is durable now.
    New,
    /// The key was seen before with the same request: the first answer again.
    Replayed {
        /// The message of the first request.
        message_id: MessageId,
        /// When it was accepted.
        accept_time: Timestamp,
        /// How it was cut.
        plan: SegmentPlan,
    },
    /// The key was seen before with another request.
    Mismatch,
}

/// A segment that is about to be handed to a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The message.
    pub message_id: MessageId,
    /// The segment's number, from 1.
    pub segment: u8,
    /// Tries before this one.
    pub attempts: u16,
    /// How the message is cut on this trunk.
    pub plan: SegmentPlan,
    /// When.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub submit_time: Timestamp,
}

/// What follows an outcome; decided by `dispatch::retry`, made durable here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// The carrier has it; a report may come.
    Submitted,
    /// Try again; `duplicate`: the carrier may have it already.
    Again {
        /// Mark the message as a possible duplicate.
        duplicate: bool,
    },
    /// Nobody knows; wait for a report or a late answer.
    Await,
    /// The segment, and with it the message, ends so.
    End(SegmentState),
}

/// The outcome of one try and what follows from it.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The try.
    pub attempt: Attempt,
    /// What came of it.
    pub outcome: SubmitOutcome,
    /// What follows.
    pub next: NextStep,
    /// When the answer came.
    pub response_time: Timestamp,
    /// The answer came after its try had been settled as unknown: it only adds what it knows (the carrier's id; a
    /// refusal ends an ambiguous segment by `next`).
    pub late: bool,
}

/// What a settlement led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// The message's state now.
    pub state: MessageState,
    /// The message has ended; nothing of it needs to be sent any more.
    pub ended: bool,
    /// It ended with this, not before.
    pub ended_now: bool,
    /// What a report said that had come before the answer and was applied with it.
    pub reported: Option<ReportedState>,
}

/// What a report led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFate {
    /// It found its segment and moved it; the message's state now, and whether it ended with this.
    Applied {
        /// The message's state.
        state: MessageState,
        /// It ended now.
        ended: bool,
    },
    /// It found its segment and says nothing final.
    Intermediate,
    /// It says again what was known.
    Repeated,
    /// It contradicts what is final.
    Contradicts,
    /// It found an unknown segment by sender, recipient and time alone.
    ResolvedUnknown,
    /// No segment has its id: kept, in case the answer to the submit is still on its way. A report that can't be read,
    /// or that names no id and fits no unknown segment, was told as an orphan at once instead.
    Parked,
}

/// One segment of an incoming message, durable until its message is whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InboundPart {
    /// Key of the row; from [`MessageId::fresh`].
    pub id: MessageId,
    /// The trunk it came in on.
    pub trunk_id: TrunkId,
    /// Who wrote.
    pub from: String,
    /// The access code written to.
    pub to: String,
    /// SMPP data_coding or CMPP Msg_Fmt, for decoding when the message is whole.
    pub data_coding: u8,
    /// Reference, width of the reference in octets, total, part.
    pub concat: (u16, u8, u8, u8),
    /// The octets, header removed.
    pub octets: Vec<u8>,
    /// When it came in.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub receive_time: Timestamp,
}

/// What to do with incoming traffic in one commit.
#[derive(Debug, Clone)]
pub enum InboundChange {
    /// Keep a part.
    Keep(InboundPart),
    /// The message is whole (or given up): tell it and forget its parts.
    Complete {
        /// Whose number was written to; `None`: nobody's that is known.
        owner: Option<TenantId>,
        /// The message.
        message: InboundMessage,
        /// Parts that were kept.
        parts: Vec<MessageId>,
    },
}

/// How to find a message.
#[derive(Debug, Clone)]
pub enum MessageKey {
    /// By our id.
    Id(MessageId),
    /// By the tenant's key.
    Request(RequestKey),
}

/// What became of a withdrawal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawn {
    /// Nothing of it had left: it is canceled.
    Canceled,
    /// Too late: it is in this state.
    NotCancelable(MessageState),
    /// No such message.
    NotFound,
}

/// An end that we decide: expiry, a refusal before sending.
#[derive(Debug, Clone)]
pub struct Ending {
    /// The message.
    pub message_id: MessageId,
    /// How its segments end that have not left.
    pub state: SegmentState,
    /// Why.
    pub status: CarrierStatus,
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Messages that ended as unknown because their report window closed.
    pub unknown: u64,
    /// Parked reports that were told as orphans.
    pub orphans: u64,
    /// The sweep stopped at its limit: there may be more at once.
    pub more: bool,
}

/// What retention dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retained {
    /// Days of messages and of calls.
    pub days: u64,
    /// Days that are over, and are kept because a message or a call of theirs has not ended.
    pub kept_open: u64,
    /// Spans of request keys and of carrier ids.
    pub spans: u64,
    /// Events.
    pub events: u64,
}

/// A message with its state.
#[derive(Debug, Clone)]
pub struct StoredMessage {
    /// What was asked.
    pub message: Arc<Message>,
    /// What became of it.
    pub delivery: Delivery,
}

/// A stretch of the open messages: those of them with a segment still to be sent.
#[derive(Debug, Clone, Default)]
pub struct QueuedPage {
    /// The messages, in the order of their ids.
    pub messages: Vec<StoredMessage>,
    /// After which message to go on; `None`: there are no more.
    pub next: Option<MessageId>,
    /// Open messages that can't be read back.
    pub damaged: u64,
}

/// A message with all that is known of what happened to it.
#[derive(Debug, Clone)]
pub struct Story {
    /// The message with its state.
    pub stored: StoredMessage,
    /// What its segments' own fields do not tell.
    pub history: History,
    /// Tries on the wire now, with the numbers of their segments.
    pub on_wire: Vec<(u8, Try)>,
}

impl Story {
    /// The tries of a segment of a number from 1, first to last, with the one on the wire.
    #[must_use]
    pub fn tries(&self, number: u8) -> Vec<Try> {
        let Some(segment) = self.segment(number) else { return Vec::new() };
        let mut tries = self.history.tries(number, segment);
        tries.extend(self.on_wire.iter().filter(|(of, _)| *of == number).map(|(_, one)| one.clone()));
        tries
    }

    /// The reports about a segment of a number from 1, in the order in which they came.
    #[must_use]
    pub fn reports(&self, number: u8) -> Vec<ReportRecord> {
        self.segment(number).map_or_else(Vec::new, |segment| self.history.reports(number, segment))
    }

    /// Whether a segment is to be sent, so that it may be on the wire.
    pub(super) fn has_queued(&self) -> bool {
        self.stored.delivery.segments.iter().any(|segment| segment.state == SegmentState::Queued)
    }

    fn segment(&self, number: u8) -> Option<&Segment> {
        self.stored.delivery.segments.get(usize::from(number).checked_sub(1)?)
    }
}

/// A question about a report that found no message: which id of a segment it can mean.
#[derive(Debug, Clone)]
pub struct IdQuestion {
    /// Who should have received the message.
    pub recipient: Number,
    /// Ids that would do, the best first.
    pub ids: Vec<CarrierId>,
    /// If none of them does: the beginning that the segment's id may have.
    pub beginning: Option<CarrierId>,
}

/// What is known of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownId {
    /// A segment to the recipient has the id of this place.
    Whole(usize),
    /// A segment to the recipient has an id that begins so and goes on.
    Longer,
}

/// A consumer group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Its name.
    pub id: SubscriptionId,
    /// Tenants it hears of; empty: all.
    pub tenant_ids: Vec<TenantId>,
    /// Kinds it hears of; empty: all.
    pub kinds: Vec<EventKind>,
    /// How long a consumer may hold an event before it is redelivered, milliseconds.
    pub ack_deadline_ms: u64,
    /// How long events are kept for it, seconds; 0: as long as the log.
    pub retention_seconds: u64,
    /// Deliveries before an event is given up; 0: never.
    pub max_delivery_attempts: u32,
}

/// What a consumer group has confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cursor {
    /// Everything up to here is confirmed.
    pub acked: u64,
    /// Confirmed beyond that, ascending, bounded by what one consumer may hold.
    pub ahead: Vec<u64>,
}

/// A stretch of the log.
#[derive(Debug, Clone, Default)]
pub struct EventPage {
    /// The events, in order.
    pub events: Vec<Event>,
    /// Sequence of the last event looked at: where to go on.
    pub upto: u64,
}

/// What opening found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Messages that have not ended.
    pub open: u64,
    /// Segments that may have been on the wire when the process ended.
    pub ambiguous: u64,
    /// Of these, segments that will be sent again by their policy.
    pub resubmitted: u64,
    /// Reports parked without a match.
    pub parked: u64,
    /// Calls that have not ended.
    pub calls: u64,
}

/// One report that has waited for its match.
pub type ParkedReport = (TrunkId, Report);

/// What the store counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreUsage {
    /// Octets free on its disk, at the last look.
    pub free_octets: u64,
    /// Messages that have not ended.
    pub open: u64,
    /// Reports that wait for a match.
    pub parked: u64,
    /// Tries whose fate nobody knows.
    pub doubts: u64,
    /// Sequence of the last event.
    pub last_sequence: u64,
    /// Commits since the start.
    pub commits: u64,
    /// Rows written or removed since the start.
    pub rows: u64,
    /// A commit failed: the store takes nothing until the daemon is restarted.
    pub failed: bool,
    /// How long the last commit took.
    pub commit_last: Duration,
    /// Median over the last thousand commits.
    pub commit_p50: Duration,
    /// 99th percentile over the last thousand commits.
    pub commit_p99: Duration,
    /// Longest of the last thousand commits.
    pub commit_max: Duration,
}
