//! The state that the verbs share, and the few steps that all of them are made of: take a message, keep it, tell of it.
//!
//! The verbs themselves are one file per concern beside this one. Each reads what it needs of one message before it
//! writes anything of it, so a row that can't be read never leaves half a change behind. Memory here always agrees with
//! the transaction: after a failed commit nothing is executed any more, so nothing needs to be undone.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use fjall::Slice;
use jiff::Timestamp;

use super::{
    StoreError,
    attempts::Marks,
    calls::OpenCalls,
    doubts::Doubts,
    live::{Cache, Live},
    recovery::OPEN_KEY,
    reports::Parked,
    room::Room,
    rows::{Space, Spaces, corrupt, id_key, number_key},
    spans::Spans,
    sweep::Windows,
    txn::Txn,
    usage::Gauges,
};
use crate::{
    clock,
    config::MessageConfig,
    domain::{Event, EventId, EventKind, MessageId, MessageMoved, Transition},
    telemetry::metrics::{StoreMetrics, seconds},
};

/// Everything that the verbs work on. Owned by the committer's thread.
pub(super) struct Verbs {
    pub(super) txn: Txn,
    pub(super) config: MessageConfig,
    pub(super) gauges: Arc<Gauges>,
    metrics: StoreMetrics,
    /// Events of this group, by kind.
    told: [u64; EventKind::ALL.len()],
    pub(super) room: Room,
    pub(super) cache: Cache,
    pub(super) marks: Marks,
    pub(super) doubts: Doubts,
    pub(super) parked: Parked,
    pub(super) requests: Spans,
    pub(super) carriers: Spans,
    pub(super) call_requests: Spans,
    pub(super) open_calls: OpenCalls,
    /// Sequence of the last event.
    pub(super) sequence: u64,
    pub(super) windows: Windows,
    /// Open messages, as the store's own row last said.
    pub(super) open_written: u64,
    /// The time of this group; never before that of an earlier one, so events are recorded in order.
    pub(super) now: Timestamp,
    pub(super) closing: bool,
}

impl Verbs {
    pub(super) fn new(spaces: Arc<Spaces>, config: MessageConfig, room: Room, gauges: Arc<Gauges>) -> Self {
        Self {
            txn: Txn::new(spaces),
            config,
            gauges,
            metrics: StoreMetrics::new(),
            told: Default::default(),
            room,
            cache: Cache::default(),
            marks: Marks::default(),
            doubts: Doubts::default(),
            parked: Parked::default(),
            requests: Spans::default(),
            carriers: Spans::default(),
            call_requests: Spans::default(),
            open_calls: OpenCalls::default(),
            sequence: 0,
            windows: Windows::default(),
            open_written: 0,
            now: clock::wall(),
            closing: false,
        }
    }

    /// Begins a group: the clock is read once for all its verbs.
    pub(super) fn begin_group(&mut self) {
        self.now = self.now.max(clock::wall());
        self.windows.begin_group();
    }

    /// Commits the group.
    pub(super) fn commit(&mut self) -> Result<(), StoreError> {
        self.gauges.parked.store(self.parked.len(), Ordering::Relaxed);
        self.gauges.doubts.store(self.doubts.len(), Ordering::Relaxed);
        let rows = self.txn.rows();
        if rows == 0 {
            return Ok(());
        }
        self.write_open()?;
        let begun = Instant::now();
        self.txn.commit()?;
        let took = begun.elapsed();
        self.gauges.committed(rows, took);
        self.metrics.commit_seconds.record(seconds(took));
        self.metrics.batch_rows.record(rows as f64);
        for (kind, told) in EventKind::ALL.into_iter().zip(std::mem::take(&mut self.told)) {
            self.metrics.appended(kind, told);
        }
        Ok(())
    }

    /// Keeps the number of open messages with what changes it, so that no start has to count them.
    fn write_open(&mut self) -> Result<(), StoreError> {
        let open = self.gauges.open.load(Ordering::Relaxed);
        if std::mem::replace(&mut self.open_written, open) != open {
            self.txn.put(Space::Meta, Slice::from(OPEN_KEY), &open)?;
        }
        Ok(())
    }

    /// Takes a message out, to be given back by [`keep`](Self::keep) or [`give_back`](Self::give_back).
    pub(super) fn take(&mut self, id: MessageId) -> Result<Option<Box<Live>>, StoreError> {
        if let Some(live) = self.cache.take(id) {
            return Ok(Some(live));
        }
        let key = id.octets();
        let (delivery, closed) = match self.txn.get(Space::Open, key)? {
            Some(delivery) => (delivery, false),
            None => match self.txn.get(Space::Closed, key)? {
                Some(delivery) => (delivery, true),
                None => return Ok(None),
            },
        };
        match self.txn.get(Space::Message, key)? {
            Some(message) => Ok(Some(Box::new(Live { message, delivery, closed }))),
            // Its retention is over, and its day is just being dropped.
            None if closed => Ok(None),
            None => Err(corrupt(Space::Message, key, "it is missing".into())),
        }
    }

    /// Writes a message's changed state.
    pub(super) fn keep(&mut self, id: MessageId, mut live: Box<Live>) -> Result<(), StoreError> {
        if live.delivery.ended.is_none() {
            self.txn.put(Space::Open, id_key(id), &live.delivery)?;
            self.cache.keep(id, live);
            return Ok(());
        }
        live.delivery.cancel_unsent(|number| self.marks.is_on_wire(id, number));
        self.txn.put(Space::Closed, id_key(id), &live.delivery)?;
        if !live.closed {
            live.closed = true;
            self.txn.remove(Space::Open, id_key(id));
            self.gauges.open.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Gives a message back as it was taken.
    pub(super) fn give_back(&mut self, id: MessageId, live: Box<Live>) {
        if !live.closed {
            self.cache.keep(id, live);
        }
    }

    /// Tells of a move: always of the end, of the others if they are wanted. `number`: the segment that moved it.
    pub(super) fn tell_move(
        &mut self,
        live: &Live,
        moved: Transition,
        number: Option<u8>,
        time: Timestamp,
    ) -> Result<(), StoreError> {
        let wanted = moved.ended || (self.config.intermediate_events && moved.previous != moved.state);
        if !wanted {
            return Ok(());
        }
        let delivery = &live.delivery;
        let segment = number.and_then(|number| {
            let segment = delivery.segments.get(usize::from(number).checked_sub(1)?)?;
            Some((number, segment.clone()))
        });
        let payload = MessageMoved {
            message_id: live.message.id,
            request_id: live.message.request_id.clone(),
            previous: moved.previous,
            state: moved.state,
            status: delivery.status.clone(),
            segment,
            segments: u8::try_from(delivery.segments.len()).unwrap_or(u8::MAX),
            delivered: delivery.delivered(),
            possible_duplicate: delivery.possible_duplicate,
            ended: moved.ended,
        };
        self.tell(Event::about(&live.message, payload, time))
    }

    /// Appends an event.
    pub(super) fn tell(&mut self, mut event: Event) -> Result<(), StoreError> {
        let sequence = self.sequence + 1;
        event.id = EventId { sequence };
        event.record_time = self.now;
        self.txn.put(Space::Event, number_key(sequence), &event)?;
        self.sequence = sequence;
        self.told[event.payload.kind() as usize] += 1;
        Ok(())
    }
}
