//! Acceptance, withdrawal, and the ends that we decide ourselves.

use std::sync::atomic::Ordering;

use super::{
    Accepted, Ending, NewMessage, Settled, StoreError, Withdrawn,
    live::Live,
    rows::{RequestRow, Space, id_key, request_key},
    spans::span_key,
    verbs::Verbs,
};
use crate::domain::{
    CarrierStatus, Delivery, FailureClass, MessageId, MessageState, SegmentState, StatusSource,
};

impl Verbs {
    /// Accepts messages. A key seen before is answered as it was the first time, even on a full disk.
    pub(super) fn accept(&mut self, new: Vec<NewMessage>) -> Result<Vec<Accepted>, StoreError> {
        new.into_iter().map(|new| self.accept_one(new)).collect()
    }

    fn accept_one(&mut self, new: NewMessage) -> Result<Accepted, StoreError> {
        let key = request_key(&new.message.request_key());
        if let Some(known) = self.known_request(&key)? {
            return Ok(if known.digest == new.digest {
                Accepted::Replayed {
                    message_id: known.message_id,
                    accept_time: known.accept_time,
                    plan: known.plan,
                }
            } else {
                Accepted::Mismatch
            });
        }
        self.room.check()?;
        let NewMessage { message, plan, reference, digest } = new;
        let id = message.id;
        let delivery = Delivery::accepted(plan, message.report_requested, reference);
        let request = RequestRow { message_id: id, digest, accept_time: message.accept_time, plan };
        let span = self.requests.written_at(self.now);
        self.txn.put(Space::Request, span_key(span, &key), &request)?;
        self.txn.put(Space::Message, id_key(id), &message)?;
        self.txn.put(Space::Open, id_key(id), &delivery)?;
        self.gauges.open.fetch_add(1, Ordering::Relaxed);
        if self.windows.note_accepted(id) {
            self.write_windows()?;
        }
        self.cache.keep(id, Box::new(Live { message, delivery, closed: false }));
        Ok(Accepted::New)
    }

    /// What is remembered of a request, while its key lives.
    fn known_request(&self, key: &[u8]) -> Result<Option<RequestRow>, StoreError> {
        for span in self.requests.alive_at(self.now) {
            if let Some(known) = self.txn.get(Space::Request, &span_key(span, key))? {
                return Ok(Some(known));
            }
        }
        self.txn.spaces().get_former(Space::Request, key)
    }

    /// Withdraws a message of which nothing can have left.
    pub(super) fn withdraw(&mut self, id: MessageId) -> Result<Withdrawn, StoreError> {
        let Some(mut live) = self.take(id)? else { return Ok(Withdrawn::NotFound) };
        let state = live.delivery.state();
        let queued = live.delivery.segments.iter().all(|segment| segment.state == SegmentState::Queued);
        if live.delivery.ended.is_some() || !queued {
            self.give_back(id, live);
            return Ok(Withdrawn::NotCancelable(state));
        }
        if live.delivery.possible_duplicate || self.marks.any_of(id) {
            self.give_back(id, live);
            return Ok(Withdrawn::NotCancelable(MessageState::Submitting));
        }
        let status = CarrierStatus {
            source: StatusSource::Operator,
            ..CarrierStatus::ours(FailureClass::None, true, "withdrawn before it was sent")
        };
        if let Some(moved) =
            live.delivery.end_unsent(SegmentState::Canceled, Some(status), self.now, |_| false)
        {
            self.tell_move(&live, moved, None, self.now)?;
        }
        self.keep(id, live)?;
        Ok(Withdrawn::Canceled)
    }

    /// Ends messages of which something has not left. Those that have ended, or have left as a whole, stay as they are.
    pub(super) fn end(&mut self, endings: Vec<Ending>) -> Result<Vec<Settled>, StoreError> {
        endings.into_iter().map(|ending| self.end_one(ending)).collect()
    }

    fn end_one(&mut self, ending: Ending) -> Result<Settled, StoreError> {
        let Ending { message_id: id, state, status } = ending;
        let Some(mut live) = self.take(id)? else {
            tracing::warn!(message_id = %id, "a message to be ended is not in the store");
            return Ok(Settled {
                state: MessageState::Unknown,
                ended: true,
                ended_now: false,
                reported: None,
            });
        };
        let ended = live.delivery.ended.is_some();
        let moved = if ended {
            None
        } else {
            let on_wire = |number| self.marks.is_on_wire(id, number);
            live.delivery.end_unsent(state, Some(status), self.now, on_wire)
        };
        let Some(moved) = moved else {
            let state = live.delivery.state();
            self.give_back(id, live);
            return Ok(Settled { state, ended, ended_now: false, reported: None });
        };
        let settled = Settled { state: moved.state, ended: true, ended_now: true, reported: None };
        self.tell_move(&live, moved, None, self.now)?;
        self.keep(id, live)?;
        Ok(settled)
    }

    /// Ends a message whose report did not come in time. `false`: it has ended meanwhile.
    pub(super) fn give_up(&mut self, id: MessageId, status: CarrierStatus) -> Result<bool, StoreError> {
        let Some(mut live) = self.take(id)? else { return Ok(false) };
        if live.delivery.ended.is_some() {
            self.give_back(id, live);
            return Ok(false);
        }
        let moved = live.delivery.give_up(status, self.now);
        self.tell_move(&live, moved, None, self.now)?;
        self.keep(id, live)?;
        Ok(true)
    }
}
