//! What the verbs about calls take and give.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{Call, CallId, CallProgress, CallRecord, Event, Ladder, RequestKey};

/// A call to be accepted.
#[derive(Debug, Clone)]
pub struct NewCall {
    /// The call, its id fresh.
    pub call: Arc<Call>,
    /// Digest of the request without its key: tells the same request from another under the same key.
    pub digest: [u8; 16],
}

/// What became of a call to be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallAccepted {
    /// It is durable now.
    New,
    /// The key was seen before with the same request: the first answer again.
    Replayed {
        /// The call of the first request.
        call_id: CallId,
        /// When it was accepted.
        accept_time: Timestamp,
    },
    /// The key was seen before with another request.
    Mismatch,
}

/// What changed of a call, with what is told of it: one commit.
#[derive(Debug, Clone)]
pub struct CallChange {
    /// The call.
    pub call: Arc<Call>,
    /// How it is now.
    pub to: CallNow,
    /// What is told. The record of an end is told by the store itself, behind these.
    pub told: Vec<Event>,
}

/// How a call is after a change.
#[derive(Debug, Clone)]
pub enum CallNow {
    /// It came in: its first row.
    CameIn(CallProgress),
    /// It goes on.
    Open(CallProgress),
    /// It has ended: its record, written once.
    Ended(Box<CallRecord>),
    /// It has ended, and these are its messages so far.
    Said(Arc<Ladder>),
}

/// A call that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCall {
    /// What was asked, or what came in.
    pub call: Arc<Call>,
    /// What became of it so far.
    pub progress: CallProgress,
}

/// What the last run left.
#[derive(Debug, Clone, Default)]
pub struct LeftCalls {
    /// Calls that had not ended, the oldest first.
    pub open: Vec<OpenCall>,
    /// The last moment at which the daemon is known to have held calls.
    pub alive: Option<Timestamp>,
    /// Calls whose row can't be read: they stay as they are.
    pub damaged: u64,
}

/// How to find a call.
#[derive(Debug, Clone)]
pub enum CallKey {
    /// By our id.
    Id(CallId),
    /// By the tenant's key.
    Request(RequestKey),
}

/// A call as it is on the disk.
#[derive(Debug, Clone)]
pub enum StoredCall {
    /// It has not ended.
    Open(Box<OpenCall>),
    /// It has, with its messages.
    Ended(Box<(CallRecord, Ladder)>),
}
