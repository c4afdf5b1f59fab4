//! What happened to a message beyond what its segments' own fields tell: a row that only such messages have.
//!
//! No outcome and no report ever waits for it: a history that can't be read stays as it is, and is named in the log and
//! by whoever asks for the message.

use super::{
    Attempt, Settlement, StoreError,
    live::Live,
    rows::{Space, id_key},
    verbs::Verbs,
};
use crate::domain::{
    History, LateAnswer, Matched, MessageId, Report, ReportEffect, ReportRecord, ReportUse, Segment,
    SubmitOutcome, TrunkId, Try, UnknownCause, applied_report, is_told,
};

impl Verbs {
    /// Takes down what came of a try, unless the segment tells it. After the segment was moved by it.
    pub(super) fn note_try(
        &mut self,
        trunk: &TrunkId,
        live: &Live,
        settlement: &Settlement,
    ) -> Result<(), StoreError> {
        let Settlement { attempt, outcome, response_time, late, .. } = settlement;
        let one = try_of(trunk, attempt);
        if *late {
            let answer = LateAnswer { outcome: outcome.clone(), time: *response_time };
            return self.remember(attempt.message_id, |history| {
                history.note_late(attempt.segment, one, answer);
            });
        }
        if segment_of(live, attempt.segment).is_some_and(|segment| is_told(segment, outcome)) {
            return Ok(());
        }
        let one = Try { outcome: Some(outcome.clone()), response_time: Some(*response_time), ..one };
        self.remember(attempt.message_id, |history| history.note_try(attempt.segment, one))
    }

    /// Takes down a try that was on the wire when the daemon ended.
    pub(super) fn note_interrupted(&mut self, trunk: &TrunkId, attempt: &Attempt) -> Result<(), StoreError> {
        let outcome = SubmitOutcome::Unknown { cause: UnknownCause::Restarted };
        let one = Try { outcome: Some(outcome), response_time: Some(self.now), ..try_of(trunk, attempt) };
        self.remember(attempt.message_id, |history| history.note_try(attempt.segment, one))
    }

    /// Takes down a report, unless the segment tells it. `before` is what the segment told before it came.
    pub(super) fn note_report(
        &mut self,
        live: &Live,
        number: u8,
        report: &Report,
        matched: Matched,
        effect: ReportEffect,
        before: Option<ReportRecord>,
    ) -> Result<(), StoreError> {
        let used = ReportUse::from(effect);
        let is_first = used == ReportUse::Applied && before.is_none();
        let its_id = |segment: &Segment| segment.carrier_id.as_ref() == report.carrier_ids.first();
        if is_first && matched == Matched::Id && segment_of(live, number).is_some_and(its_id) {
            return Ok(());
        }
        self.remember(live.message.id, |history| {
            // What the fields told of an earlier report is now overwritten.
            if let Some(before) = before.filter(|_| used == ReportUse::Applied) {
                history.note_overwritten(number, before);
            }
            history.note_report(number, ReportRecord::of(report, matched, used));
        })
    }

    fn remember(&mut self, id: MessageId, change: impl FnOnce(&mut History)) -> Result<(), StoreError> {
        let mut history = match self.txn.get::<History>(Space::History, id.octets()) {
            Ok(history) => history.unwrap_or_default(),
            Err(error) => {
                tracing::warn!(message_id = %id, %error, "the history of a message can't be read, so nothing is added to it");
                return Ok(());
            }
        };
        change(&mut history);
        self.txn.put(Space::History, id_key(id), &history)
    }

    /// The tries of a message that are on the wire now.
    pub(super) fn on_wire(&self, id: MessageId) -> Vec<(u8, Try)> {
        let marks = self.marks.of_message(id);
        marks.map(|(trunk, attempt)| (attempt.segment, try_of(trunk, attempt))).collect()
    }
}

/// The report that a segment tells, for [`Verbs::note_report`], before another one changes the segment.
pub(super) fn told_before(live: &Live, number: u8) -> Option<ReportRecord> {
    segment_of(live, number).and_then(applied_report)
}

fn segment_of(live: &Live, number: u8) -> Option<&Segment> {
    live.delivery.segments.get(usize::from(number).checked_sub(1)?)
}

fn try_of(trunk: &TrunkId, attempt: &Attempt) -> Try {
    Try {
        number: attempt.attempts.saturating_add(1),
        trunk_id: trunk.clone(),
        submit_time: attempt.submit_time,
        outcome: None,
        response_time: None,
        late: None,
        again: None,
    }
}
