//! Reports: found by the carrier's id, by exact circumstances, or parked until the answer to their submit comes.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::{
    ParkedReport, ReportFate, StoreError,
    doubts::Doubt,
    history::told_before,
    live::Live,
    rows::{CarrierRow, Space, number_key},
    txn::Txn,
    verbs::Verbs,
};
use crate::{
    domain::{
        CarrierId, Event, Matched, Number, OrphanReport, Payload, Report, ReportEffect, ReportedState,
        SegmentState, Transition, TrunkId,
    },
    telemetry::metrics,
};

/// The reports that wait for a match. Their rows are read when one may have come.
#[derive(Default)]
pub(super) struct Parked {
    last: u64,
    by_id: HashMap<(TrunkId, CarrierId), Vec<u64>>,
    /// Number → when it came in, oldest first.
    since: BTreeMap<u64, Timestamp>,
}

impl Parked {
    pub(super) fn len(&self) -> u64 {
        self.since.len() as u64
    }

    /// Takes note of a row that was there at the start.
    pub(super) fn remember(&mut self, row: u64, trunk: &TrunkId, report: &Report) {
        self.last = self.last.max(row);
        self.since.insert(row, report.receive_time);
        for id in &report.carrier_ids {
            self.by_id.entry((trunk.clone(), id.clone())).or_default().push(row);
        }
    }

    /// The reports that wait for this id.
    pub(super) fn take(
        &self,
        txn: &Txn,
        trunk: &TrunkId,
        id: &CarrierId,
    ) -> Result<Vec<(u64, Report)>, StoreError> {
        if self.since.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.by_id.get(&(trunk.clone(), id.clone())).map(Vec::as_slice).unwrap_or_default();
        let mut reports = Vec::with_capacity(rows.len());
        for row in rows {
            if let Some((_, report)) = txn.get::<ParkedReport>(Space::Parked, &number_key(*row))? {
                reports.push((*row, report));
            }
        }
        Ok(reports)
    }

    /// Removes a report that has found its match or waited long enough.
    pub(super) fn forget(&mut self, txn: &mut Txn, row: u64, trunk: &TrunkId, report: &Report) {
        txn.remove(Space::Parked, number_key(row));
        self.since.remove(&row);
        for id in &report.carrier_ids {
            let key = (trunk.clone(), id.clone());
            if let Some(rows) = self.by_id.get_mut(&key) {
                rows.retain(|other| *other != row);
                if rows.is_empty() {
                    self.by_id.remove(&key);
                }
            }
        }
    }

    fn park(&mut self, txn: &mut Txn, trunk: &TrunkId, report: &Report) -> Result<(), StoreError> {
        let row = self.last + 1;
        txn.put(Space::Parked, number_key(row), &(trunk, report))?;
        self.remember(row, trunk, report);
        Ok(())
    }

    /// Takes a row out of mind that can't be read, so that it does not stand in the way of the others.
    pub(super) fn give_up(&mut self, row: u64) {
        self.since.remove(&row);
    }

    /// The report that has waited longest, and since when.
    pub(super) fn oldest(&self) -> Option<(u64, Timestamp)> {
        self.since.first_key_value().map(|(row, since)| (*row, *since))
    }
}

impl Verbs {
    /// Applies reports, each to the segment that it means.
    pub(super) fn apply_reports(
        &mut self,
        trunk: &TrunkId,
        reports: Vec<Report>,
    ) -> Result<Vec<ReportFate>, StoreError> {
        reports.iter().map(|report| self.apply(trunk, report)).collect()
    }

    fn apply(&mut self, trunk: &TrunkId, report: &Report) -> Result<ReportFate, StoreError> {
        if report.state.is_none() {
            return self.tell_orphan(trunk, report.clone());
        }
        for (place, id) in report.carrier_ids.iter().enumerate() {
            let index = self.read_index(trunk, id)?;
            if let Some((mut live, number, matched)) = self.choose(index, &report.recipient)? {
                let message_id = live.message.id;
                let matched = if place > 0 && matched == Matched::Id { Matched::OtherId } else { matched };
                let fate = self.apply_report(&mut live, number, report, matched)?;
                match fate {
                    ReportFate::Repeated | ReportFate::Contradicts => self.give_back(message_id, live),
                    _ => self.keep(message_id, live)?,
                }
                return Ok(fate);
            }
        }
        // While tries are on the wire the report may have outrun the answer to its own; then it waits, and the sweep
        // tries again when that answer must have come.
        let may_be_early = !report.carrier_ids.is_empty() && self.marks.any_on_wire(trunk);
        if !may_be_early && let Some(fate) = self.resolve_unknown(trunk, report)? {
            return Ok(fate);
        }
        if report.carrier_ids.is_empty() {
            return self.tell_orphan(trunk, report.clone());
        }
        self.park(trunk, report)
    }

    /// The segment that an id means: the newest that went to this recipient. Carriers write numbers in forms of their
    /// own, so one alone is taken as it is while it still waits for a report.
    fn choose(
        &mut self,
        index: CarrierRow,
        recipient: &Number,
    ) -> Result<Option<(Box<Live>, u8, Matched)>, StoreError> {
        let alone = index.len() == 1;
        for (id, number) in index {
            let Some(live) = self.take(id)? else { continue };
            let waits = live.segment_state(number).is_some_and(|state| !state.is_final());
            if live.is_for(recipient) {
                let matched = if alone { Matched::Id } else { Matched::Recipient };
                return Ok(Some((live, number, matched)));
            }
            if alone && waits {
                return Ok(Some((live, number, Matched::LoneId)));
            }
            self.give_back(id, live);
        }
        Ok(None)
    }

    /// Applies a report to a segment in hand and tells of what it moved.
    pub(super) fn apply_report(
        &mut self,
        live: &mut Live,
        number: u8,
        report: &Report,
        matched: Matched,
    ) -> Result<ReportFate, StoreError> {
        let before = told_before(live, number);
        let effect = live.delivery.report(number, report);
        self.note_report(live, number, report, matched, effect, before)?;
        Ok(match effect {
            ReportEffect::Applied(moved) => {
                self.tell_move(live, moved, Some(number), report.receive_time)?;
                ReportFate::Applied { state: moved.state, ended: moved.ended }
            }
            ReportEffect::Intermediate => ReportFate::Intermediate,
            ReportEffect::Repeated => ReportFate::Repeated,
            ReportEffect::Contradicts => ReportFate::Contradicts,
        })
    }

    /// A report whose id nobody gave us: it is applied if the tries in doubt that it can mean are of one segment alone.
    /// Another try of that segment may have its id and wait for a report of its own: the first to come decides.
    pub(super) fn resolve_unknown(
        &mut self,
        trunk: &TrunkId,
        report: &Report,
    ) -> Result<Option<ReportFate>, StoreError> {
        let mut found: Option<(Box<Live>, Doubt)> = None;
        for doubt in self.doubts.near(trunk, report) {
            if let Some((live, other)) = &found {
                if (other.message_id, other.segment) == (doubt.message_id, doubt.segment) {
                    continue;
                }
                if live.message.id == doubt.message_id {
                    // Two segments of one message look the same to a report.
                    self.drop_found(found);
                    return Ok(None);
                }
            }
            let Some(live) = self.take(doubt.message_id)? else { continue };
            if !is_from(&live, report) {
                self.give_back(doubt.message_id, live);
            } else if found.is_some() {
                self.give_back(doubt.message_id, live);
                self.drop_found(found);
                return Ok(None);
            } else {
                found = Some((live, doubt));
            }
        }
        let Some((mut live, doubt)) = found else { return Ok(None) };
        let Doubt { message_id: id, segment: number, .. } = doubt;
        let mut indexes = Vec::with_capacity(report.carrier_ids.len());
        for carrier_id in &report.carrier_ids {
            indexes.push((carrier_id, self.index_written(trunk, carrier_id)?));
        }
        self.doubts.remove(&mut self.txn, doubt);
        if report.state == Some(ReportedState::Intermediate) {
            let moved = taken(&mut live, number, report);
            let (matched, effect) = (Matched::Circumstances, ReportEffect::Intermediate);
            self.note_report(&live, number, report, matched, effect, None)?;
            self.tell_move(&live, moved, Some(number), report.receive_time)?;
        } else {
            self.apply_report(&mut live, number, report, Matched::Circumstances)?;
        }
        for (carrier_id, index) in indexes {
            self.write_index(trunk, carrier_id, index, (id, number))?;
        }
        self.keep(id, live)?;
        Ok(Some(ReportFate::ResolvedUnknown))
    }

    fn drop_found(&mut self, found: Option<(Box<Live>, Doubt)>) {
        if let Some((live, doubt)) = found {
            self.give_back(doubt.message_id, live);
        }
    }

    /// Keeps a report until its submit is answered. The same report again is kept once.
    fn park(&mut self, trunk: &TrunkId, report: &Report) -> Result<ReportFate, StoreError> {
        for id in &report.carrier_ids {
            for (_, waiting) in self.parked.take(&self.txn, trunk, id)? {
                if (&waiting.raw, waiting.state, &waiting.status, &waiting.recipient)
                    == (&report.raw, report.state, &report.status, &report.recipient)
                {
                    return Ok(ReportFate::Parked);
                }
            }
        }
        self.parked.park(&mut self.txn, trunk, report)?;
        Ok(ReportFate::Parked)
    }

    /// Tells a report that will never find its match.
    pub(super) fn tell_orphan(&mut self, trunk: &TrunkId, report: Report) -> Result<ReportFate, StoreError> {
        metrics::orphan(trunk.as_str());
        let time = report.receive_time;
        let orphan = OrphanReport { trunk_id: trunk.clone(), report };
        self.tell(Event::of(Payload::Orphan(Box::new(orphan)), time))?;
        Ok(ReportFate::Parked)
    }
}

/// Whether a message can have gone out under the sender that a report names.
fn is_from(live: &Live, report: &Report) -> bool {
    // A message without a sender went out under the account's own, which only the carrier's words name.
    let sender = live.message.sender.as_str();
    sender.is_empty()
        || sender == report.sender
        || Number::from_carrier(sender.as_bytes()).comparable()
            == Number::from_carrier(report.sender.as_bytes()).comparable()
}

/// An unknown segment that the carrier speaks of was taken by it.
fn taken(live: &mut Live, number: u8, report: &Report) -> Transition {
    if let Some(segment) = live.delivery.segment_mut(number)
        && segment.carrier_id.is_none()
    {
        segment.carrier_id = report.carrier_ids.first().cloned();
    }
    live.delivery.move_segment(
        number,
        SegmentState::Submitted,
        Some(report.status.clone()),
        report.receive_time,
    )
}
