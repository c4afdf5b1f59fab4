//! Attempts: the mark that says what may be on the wire, and what came of it.
//!
//! # Why
//! A row per try would cost as much as the answer itself. One row per call lists everything that is handed to links at
//! that moment; it goes when the last of its tries is settled. After a crash the rows left over name more than was
//! really open, so [`is_stale`] compares each try with its segment.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    Attempt, NextStep, ReportFate, Settled, Settlement, StoreError,
    doubts::Doubt,
    hashing::IdMap,
    live::Live,
    rows::{CarrierRow, Space, carrier_key, wire_key},
    spans::span_key,
    txn::Txn,
    verbs::Verbs,
};
use crate::domain::{
    CarrierId, CarrierStatus, FailureClass, Matched, MessageId, MessageState, Segment, SegmentState,
    SubmitOutcome, Transition, TrunkId,
};

/// Marks of one trunk before those with few open tries are written together.
const MAX_MARKS: usize = 256;
/// Segments remembered for one carrier id. Carriers that count from 1 after a restart use an id again.
const MAX_SEGMENTS_PER_ID: usize = 8;

/// The tries that may be on the wire, and the rows that say so.
#[derive(Default)]
pub(super) struct Marks {
    last: u64,
    open: IdMap<(MessageId, u8), Mark>,
    /// Per trunk: number of a row → open tries in it.
    rows: IdMap<TrunkId, BTreeMap<u64, usize>>,
}

struct Mark {
    trunk: TrunkId,
    row: u64,
    attempt: Attempt,
}

impl Marks {
    /// Whether a segment may be on the wire.
    pub(super) fn is_on_wire(&self, id: MessageId, number: u8) -> bool {
        self.open.contains_key(&(id, number))
    }

    /// Whether any segment of a message may be on the wire.
    pub(super) fn any_of(&self, id: MessageId) -> bool {
        (1..=u8::MAX).any(|number| self.is_on_wire(id, number))
    }

    /// The tries of a message that may be on the wire, with their trunks.
    pub(super) fn of_message(&self, id: MessageId) -> impl Iterator<Item = (&TrunkId, &Attempt)> {
        let marks = (1..=u8::MAX).filter_map(move |number| self.open.get(&(id, number)));
        marks.map(|mark| (&mark.trunk, &mark.attempt))
    }

    /// Whether anything of a trunk may be on the wire.
    pub(super) fn any_on_wire(&self, trunk: &TrunkId) -> bool {
        self.rows.get(trunk).is_some_and(|rows| !rows.is_empty())
    }

    /// Takes note of what a row of an earlier run names.
    pub(super) fn recall(&mut self, trunk: &TrunkId, row: u64, attempt: Attempt) {
        let key = (attempt.message_id, attempt.segment);
        self.open.insert(key, Mark { trunk: trunk.clone(), row, attempt });
    }

    fn add(&mut self, txn: &mut Txn, trunk: &TrunkId, attempts: Vec<Attempt>) -> Result<(), StoreError> {
        if attempts.is_empty() {
            return Ok(());
        }
        self.last += 1;
        let row = self.last;
        txn.put(Space::Wire, wire_key(trunk, row), &attempts)?;
        for attempt in attempts {
            let key = (attempt.message_id, attempt.segment);
            let mark = Mark { trunk: trunk.clone(), row, attempt };
            *self.rows_of(trunk).entry(row).or_default() += 1;
            if let Some(earlier) = self.open.insert(key, mark) {
                self.leave(txn, &earlier);
            }
        }
        if self.rows_of(trunk).len() > MAX_MARKS { self.gather(txn, trunk) } else { Ok(()) }
    }

    fn settle(&mut self, txn: &mut Txn, attempt: &Attempt) {
        let key = (attempt.message_id, attempt.segment);
        if self.open.get(&key).is_some_and(|mark| is_same(&mark.attempt, attempt))
            && let Some(mark) = self.open.remove(&key)
        {
            self.leave(txn, &mark);
        }
    }

    /// One try less in a row; the row goes with its last.
    fn leave(&mut self, txn: &mut Txn, mark: &Mark) {
        let rows = self.rows_of(&mark.trunk);
        if let Some(left) = rows.get_mut(&mark.row) {
            *left -= 1;
            if *left == 0 {
                rows.remove(&mark.row);
                txn.remove(Space::Wire, wire_key(&mark.trunk, mark.row));
            }
        }
    }

    /// Writes what is open on a trunk into one row, for all the rows that had few left.
    fn gather(&mut self, txn: &mut Txn, trunk: &TrunkId) -> Result<(), StoreError> {
        self.last += 1;
        let row = self.last;
        let mut attempts = Vec::new();
        for mark in self.open.values_mut().filter(|mark| mark.trunk == *trunk) {
            mark.row = row;
            attempts.push(mark.attempt.clone());
        }
        txn.put(Space::Wire, wire_key(trunk, row), &attempts)?;
        let rows = self.rows.entry(trunk.clone()).or_default();
        for (earlier, _) in std::mem::take(rows) {
            txn.remove(Space::Wire, wire_key(trunk, earlier));
        }
        rows.insert(row, attempts.len());
        Ok(())
    }

    fn rows_of(&mut self, trunk: &TrunkId) -> &mut BTreeMap<u64, usize> {
        self.rows.entry(trunk.clone()).or_default()
    }
}

/// Whether the rows agree that this try is over. A try that never left counts nowhere, but its time was noted.
pub(super) fn is_stale(segment: &Segment, attempt: &Attempt) -> bool {
    let noted = segment.submit_time.map(Timestamp::as_microsecond);
    segment.state != SegmentState::Queued
        || segment.attempts > attempt.attempts
        || noted == Some(attempt.submit_time.as_microsecond())
}

fn is_same(one: &Attempt, other: &Attempt) -> bool {
    one.attempts == other.attempts && one.submit_time.as_microsecond() == other.submit_time.as_microsecond()
}

impl Verbs {
    /// Marks tries as possibly on the wire from now on. Gives back those that must not be made any more, because the
    /// message has ended or the segment was told of meanwhile.
    pub(super) fn begin_attempts(
        &mut self,
        trunk: &TrunkId,
        attempts: Vec<Attempt>,
    ) -> Result<Vec<Attempt>, StoreError> {
        let mut begun = Vec::with_capacity(attempts.len());
        let mut over = Vec::new();
        for attempt in attempts {
            if self.may_be_sent(&attempt)? {
                begun.push(attempt);
            } else {
                over.push(attempt);
            }
        }
        self.marks.add(&mut self.txn, trunk, begun)?;
        Ok(over)
    }

    fn may_be_sent(&mut self, attempt: &Attempt) -> Result<bool, StoreError> {
        // A segment that the delivery lacks belongs to a new plan, which applies only while nothing has left.
        let sendable = |live: &Live| {
            live.delivery.ended.is_none()
                && live.segment_state(attempt.segment).is_none_or(|state| state == SegmentState::Queued)
        };
        if let Some(live) = self.cache.peek(attempt.message_id) {
            return Ok(sendable(live));
        }
        let Some(live) = self.take(attempt.message_id)? else { return Ok(false) };
        let sendable = sendable(&live);
        self.give_back(attempt.message_id, live);
        Ok(sendable)
    }

    /// Takes down what came of tries: state, event and the carrier's id in one commit, and with it any report that was
    /// waiting for that id.
    pub(super) fn settle(
        &mut self,
        trunk: &TrunkId,
        settlements: Vec<Settlement>,
    ) -> Result<Vec<Settled>, StoreError> {
        settlements.into_iter().map(|settlement| self.settle_one(trunk, settlement)).collect()
    }

    fn settle_one(&mut self, trunk: &TrunkId, settlement: Settlement) -> Result<Settled, StoreError> {
        let attempt = &settlement.attempt;
        let (id, number) = (attempt.message_id, attempt.segment);
        let Some(mut live) = self.take(id)? else {
            tracing::warn!(message_id = %id, "an answer came for a message that is not in the store");
            self.marks.settle(&mut self.txn, attempt);
            return Ok(Settled {
                state: MessageState::Unknown,
                ended: true,
                ended_now: false,
                reported: None,
            });
        };
        let carrier_id = match &settlement.outcome {
            SubmitOutcome::Accepted { carrier_id } => carrier_id.clone(),
            _ => None,
        };
        let index = match &carrier_id {
            Some(carrier_id) => Some(self.index_written(trunk, carrier_id)?),
            None => None,
        };
        let waiting = match &carrier_id {
            Some(carrier_id) => self.parked.take(&self.txn, trunk, carrier_id)?,
            None => Vec::new(),
        };

        // Everything that can't be read has been read: from here on the change is made.
        let had_ended = live.delivery.ended.is_some();
        if !settlement.late {
            self.marks.settle(&mut self.txn, attempt);
        }
        let is_out = self.marks.is_on_wire(id, number);
        if let Some(moved) = note_outcome(&mut live, trunk, &settlement, carrier_id.as_ref(), is_out) {
            self.tell_move(&live, moved, Some(number), settlement.response_time)?;
        }
        self.note_try(trunk, &live, &settlement)?;
        self.note_doubt(trunk, &live, &settlement)?;
        if let (Some(carrier_id), Some(index)) = (&carrier_id, index) {
            self.write_index(trunk, carrier_id, index, (id, number))?;
        }
        let mut reported = None;
        for (row, report) in waiting {
            let fate = self.apply_report(&mut live, number, &report, Matched::Id)?;
            if matches!(fate, ReportFate::Applied { .. }) {
                reported = report.state;
            }
            self.parked.forget(&mut self.txn, row, trunk, &report);
        }
        let ended = live.delivery.ended.is_some();
        let settled =
            Settled { state: live.delivery.state(), ended, ended_now: ended && !had_ended, reported };
        self.keep(id, live)?;
        Ok(settled)
    }

    /// A try without an answer, or with one that names no id, is in doubt as long as a report may come of it.
    fn note_doubt(
        &mut self,
        trunk: &TrunkId,
        live: &Live,
        settlement: &Settlement,
    ) -> Result<(), StoreError> {
        let doubt = Doubt::from(&settlement.attempt);
        match &settlement.outcome {
            SubmitOutcome::Unknown { .. } | SubmitOutcome::Accepted { carrier_id: None } => {
                if !live.message.report_requested {
                    return Ok(());
                }
                self.doubts.add(&mut self.txn, trunk, &live.message.to, doubt)
            }
            _ => {
                self.doubts.remove(&mut self.txn, doubt);
                Ok(())
            }
        }
    }

    /// The segments that have this carrier id, the newest first.
    pub(super) fn read_index(&self, trunk: &TrunkId, id: &CarrierId) -> Result<CarrierRow, StoreError> {
        let key = carrier_key(trunk, id);
        let mut index = CarrierRow::new();
        for span in self.carriers.alive_at(self.now) {
            index.extend(
                self.txn.get::<CarrierRow>(Space::Carrier, &span_key(span, &key))?.into_iter().flatten(),
            );
        }
        index.extend(self.txn.spaces().get_former::<CarrierRow>(Space::Carrier, &key)?.into_iter().flatten());
        Ok(index)
    }

    /// Those of them that the row has which [`write_index`](Self::write_index) adds to.
    pub(super) fn index_written(
        &mut self,
        trunk: &TrunkId,
        id: &CarrierId,
    ) -> Result<CarrierRow, StoreError> {
        let span = self.carriers.written_at(self.now);
        Ok(self.txn.get(Space::Carrier, &span_key(span, &carrier_key(trunk, id)))?.unwrap_or_default())
    }

    /// Adds a segment to those that have this carrier id.
    pub(super) fn write_index(
        &mut self,
        trunk: &TrunkId,
        id: &CarrierId,
        mut index: CarrierRow,
        segment: (MessageId, u8),
    ) -> Result<(), StoreError> {
        if index.first() == Some(&segment) {
            return Ok(());
        }
        index.retain(|entry| *entry != segment);
        index.insert(0, segment);
        index.truncate(MAX_SEGMENTS_PER_ID);
        let span = self.carriers.written_at(self.now);
        self.txn.put(Space::Carrier, span_key(span, &carrier_key(trunk, id)), &index)
    }
}

/// Moves a segment by what came of its try. `is_out`: another try of it is on the wire. `None`: the segment did not wait
/// for this, nothing moves.
fn note_outcome(
    live: &mut Live,
    trunk: &TrunkId,
    settlement: &Settlement,
    carrier_id: Option<&CarrierId>,
    is_out: bool,
) -> Option<Transition> {
    let Settlement { attempt, outcome, next, response_time, late } = settlement;
    let delivery = &mut live.delivery;
    if delivery.ended.is_none() && delivery.plan != attempt.plan {
        delivery.replan(attempt.plan);
    }
    let open = delivery.ended.is_none();
    let segment = delivery.segment_mut(attempt.segment)?;
    if segment.carrier_id.is_none() {
        segment.carrier_id = carrier_id.cloned();
    }
    // A late acceptance makes the next try needless, if that has not left.
    let accepted_late = *late && matches!(outcome, SubmitOutcome::Accepted { .. });
    let awaited = match segment.state {
        SegmentState::Queued if accepted_late && !is_out => SegmentState::Queued,
        _ if *late => SegmentState::Ambiguous,
        _ => SegmentState::Queued,
    };
    if !late || segment.state == awaited {
        segment.trunk_id = Some(trunk.clone());
        segment.submit_time = Some(attempt.submit_time);
        segment.response_time = Some(*response_time);
    }
    if !late && *outcome != SubmitOutcome::NeverSent {
        segment.attempts = segment.attempts.max(attempt.attempts).saturating_add(1);
    }
    if segment.state != awaited {
        return None;
    }
    if carrier_id.is_some() {
        segment.carrier_id = carrier_id.cloned();
    }
    let status = status_of(outcome, *next);
    let number = attempt.segment;
    Some(match next {
        NextStep::Submitted => delivery.move_segment(number, SegmentState::Submitted, status, *response_time),
        NextStep::Await => delivery.move_segment(number, SegmentState::Ambiguous, status, *response_time),
        NextStep::End(state) => delivery.move_segment(number, *state, status, *response_time),
        // The message has ended, so it is not sent again, but it may have left.
        NextStep::Again { duplicate: true } if !open => {
            delivery.move_segment(number, SegmentState::Ambiguous, status, *response_time)
        }
        NextStep::Again { duplicate } => {
            delivery.possible_duplicate |= duplicate;
            delivery.move_segment(number, SegmentState::Queued, status, *response_time)
        }
    })
}

/// The words for an outcome: the carrier's own where there are any.
fn status_of(outcome: &SubmitOutcome, next: NextStep) -> Option<CarrierStatus> {
    let ends = matches!(next, NextStep::End(_));
    let ours = |class, text: &str| Some(CarrierStatus::ours(class, ends, text));
    match outcome {
        SubmitOutcome::Accepted { .. } => None,
        SubmitOutcome::Refused { status, .. } => Some(status.clone()),
        SubmitOutcome::NeverSent if ends => ours(FailureClass::RouteUnavailable, "no link could take it"),
        SubmitOutcome::NeverSent => None,
        SubmitOutcome::Unknown { cause } => Some(cause.status(ends)),
    }
}
