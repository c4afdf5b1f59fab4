//! Calls: accepted, moved, ended. A call that is open is one row, which its end replaces by its record and its messages.
//!
//! Which calls are open is known in memory: as many as `calls.max_open` allows. So no change, however late, revives one
//! that has ended, and none ends twice.

mod api;
mod queries;

pub use api::*;
use fjall::{Readable, Slice};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Store, StoreError,
    hashing::IdMap,
    rows::{Space, Spaces, call_id_of, call_key, request_key},
    spans::span_key,
    txn::failed,
    verbs::Verbs,
};
use crate::domain::{CallId, CallProgress, Event, Payload, RequestKey};

/// The last moment at which calls were held.
const ALIVE_KEY: &[u8] = b"calls_alive";

/// What is remembered of a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct CallRequestRow {
    pub(super) call_id: CallId,
    pub(super) digest: [u8; 16],
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub(super) accept_time: Timestamp,
}

/// The ids of the calls that are open.
#[derive(Default)]
pub(super) struct OpenCalls(IdMap<CallId, ()>);

impl OpenCalls {
    /// Finds those that an earlier run left.
    pub(super) fn read(spaces: &Spaces) -> Result<Self, StoreError> {
        let mut open = Self::default();
        for row in spaces.db.snapshot().iter(&spaces[Space::CallOpen]) {
            let key = row.key().map_err(|error| failed(&error))?;
            open.0.insert(call_id_of(Space::CallOpen, &key)?, ());
        }
        Ok(open)
    }

    pub(super) fn len(&self) -> u64 {
        self.0.len() as u64
    }
}

impl Store {
    /// Accepts calls, each once per request key. Answers in the order of the arguments.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    pub async fn accept_calls(&self, calls: Vec<NewCall>) -> Result<Vec<CallAccepted>, StoreError> {
        self.call(move |verbs| calls.into_iter().map(|new| verbs.accept_call(new)).collect()).await
    }

    /// What a request for a call was answered before; `None`: it is new. Accepts nothing.
    ///
    /// # Errors
    /// As [`begin_attempts`](Self::begin_attempts).
    pub async fn known_call(
        &self,
        key: RequestKey,
        digest: [u8; 16],
    ) -> Result<Option<CallAccepted>, StoreError> {
        self.call(move |verbs| verbs.known_call(&request_key(&key), digest)).await
    }

    /// Takes down what changed of calls, with what is told of them. A change of a call that has ended is passed over, and
    /// said in the log.
    ///
    /// # Errors
    /// As [`begin_attempts`](Self::begin_attempts).
    pub async fn record_calls(&self, changes: Vec<CallChange>) -> Result<(), StoreError> {
        self.call(move |verbs| changes.into_iter().try_for_each(|change| verbs.record_call(change))).await
    }

    /// Takes down that calls are held at this moment: what a crash leaves is taken to have ended then.
    ///
    /// # Errors
    /// As [`begin_attempts`](Self::begin_attempts).
    pub async fn note_calls_alive(&self, time: Timestamp) -> Result<(), StoreError> {
        self.call(move |verbs| verbs.txn.put(Space::Meta, Slice::from(ALIVE_KEY), &time.as_microsecond()))
            .await
    }

    /// The calls that the last run left open. Reads on the caller's thread: a daemon asks once, before it holds any.
    ///
    /// # Errors
    /// As [`inbound_parts`](Self::inbound_parts).
    pub fn left_calls(&self) -> Result<LeftCalls, StoreError> {
        queries::left(&self.inner.spaces)
    }

    /// A call as it is on the disk.
    ///
    /// # Errors
    /// As [`inbound_parts`](Self::inbound_parts).
    pub async fn stored_call(&self, key: CallKey) -> Result<Option<StoredCall>, StoreError> {
        self.read(move |spaces| queries::call(spaces, &key)).await
    }
}

impl Verbs {
    fn accept_call(&mut self, new: NewCall) -> Result<CallAccepted, StoreError> {
        let NewCall { call, digest } = new;
        let key = request_key(&call.request_key());
        if let Some(known) = self.known_call(&key, digest)? {
            return Ok(known);
        }
        self.room.check()?;
        let request = CallRequestRow { call_id: call.id, digest, accept_time: call.accept_time };
        let span = self.call_requests.written_at(self.now);
        self.txn.put(Space::CallRequest, span_key(span, &key), &request)?;
        let progress = CallProgress::new(call.direction);
        self.open_calls.0.insert(call.id, ());
        self.txn.put(Space::CallOpen, call_key(call.id), &OpenCall { call, progress })?;
        Ok(CallAccepted::New)
    }

    /// What is remembered of a request, while its key lives.
    fn known_call(&self, key: &[u8], digest: [u8; 16]) -> Result<Option<CallAccepted>, StoreError> {
        for span in self.call_requests.alive_at(self.now) {
            let known = self.txn.get(Space::CallRequest, &span_key(span, key))?;
            if let Some(CallRequestRow { call_id, digest: of, accept_time }) = known {
                let again = CallAccepted::Replayed { call_id, accept_time };
                return Ok(Some(if of == digest { again } else { CallAccepted::Mismatch }));
            }
        }
        Ok(None)
    }

    fn record_call(&mut self, change: CallChange) -> Result<(), StoreError> {
        let CallChange { call, to, told } = change;
        let id = call.id;
        let is_open = match &to {
            CallNow::CameIn(_) => self.open_calls.0.insert(id, ()).is_none(),
            CallNow::Open(_) => self.open_calls.0.contains_key(&id),
            CallNow::Ended(_) => self.open_calls.0.remove(&id).is_some(),
            CallNow::Said(ladder) => return self.txn.put(Space::CallLadder, call_key(id), &**ladder),
        };
        if !is_open {
            tracing::error!(call_id = %id, "a change of a call that is not open is passed over");
            return Ok(());
        }
        told.into_iter().try_for_each(|event| self.tell(event))?;
        match to {
            CallNow::CameIn(progress) | CallNow::Open(progress) => {
                self.txn.put(Space::CallOpen, call_key(id), &OpenCall { call, progress })
            }
            CallNow::Ended(record) => {
                self.txn.remove(Space::CallOpen, call_key(id));
                self.txn.put(Space::CallRecord, call_key(id), &*record)?;
                let time = record.end_time;
                self.tell(Event::about_call(&call, Payload::CallRecord(record), time))
            }
            CallNow::Said(_) => Ok(()),
        }
    }
}
