//! The story of a message, try by try and report by report.
//!
//! # Why
//! Most segments are tried once and reported on once, and their own fields tell all of it. A [`History`] holds what they
//! do not tell, so the ordinary message has none and costs nothing more. [`History::tries`] and [`History::reports`] put
//! the two together again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    CarrierId, CarrierStatus, Reaction, Report, ReportEffect, ReportedState, Segment, SegmentState,
    SubmitOutcome, TrunkId,
};

/// Entries kept of one message; older ones are counted alone.
pub const MAX_ENTRIES: usize = 32;

/// One try to submit a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Try {
    /// Its number, from 1. A try that never left has the number of the one after it.
    pub number: u16,
    /// The trunk.
    pub trunk_id: TrunkId,
    /// When it was handed to a link.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub submit_time: Timestamp,
    /// What came of it; `None`: it is on the wire, or only its late answer is kept.
    pub outcome: Option<SubmitOutcome>,
    /// When that was known.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    pub response_time: Option<Timestamp>,
    /// The answer that came after it had been given up.
    pub late: Option<LateAnswer>,
    /// Further tries with the same outcome, told by this entry too.
    pub again: Option<Again>,
}

/// An answer that came after its try had been given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateAnswer {
    /// What it said.
    pub outcome: SubmitOutcome,
    /// When it came.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub time: Timestamp,
}

/// Further tries that one entry tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Again {
    /// How many.
    pub times: u32,
    /// When the last of them was handed to a link.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub submit_time: Timestamp,
    /// When its outcome was known.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    pub response_time: Option<Timestamp>,
}

/// How a report found its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Matched {
    /// By the id that it names first, which this segment alone has.
    Id,
    /// By another id that it names: from the text instead of the TLV, or in the account's other form.
    OtherId,
    /// Several segments have the id; the recipient told them apart.
    Recipient,
    /// By an id that this segment alone has, although it names the recipient in another way.
    LoneId,
    /// By sender, recipient and time alone: nobody knew its id.
    Circumstances,
}

/// What a report led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReportUse {
    /// It moved the segment.
    Applied,
    /// It says nothing final.
    Intermediate,
    /// It says again what was known.
    Repeated,
    /// It says something else than what is final: noted, not applied.
    Contradicts,
}

impl From<ReportEffect> for ReportUse {
    fn from(effect: ReportEffect) -> Self {
        match effect {
            ReportEffect::Applied(_) => Self::Applied,
            ReportEffect::Intermediate => Self::Intermediate,
            ReportEffect::Repeated => Self::Repeated,
            ReportEffect::Contradicts => Self::Contradicts,
        }
    }
}

/// One report about a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportRecord {
    /// The id that it names first.
    pub carrier_id: Option<CarrierId>,
    /// What it says; `None`: nothing that can be read.
    pub state: Option<ReportedState>,
    /// The carrier's words.
    pub status: Option<CarrierStatus>,
    /// The carrier's own time of the end.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    pub done_time: Option<Timestamp>,
    /// When it came in.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub receive_time: Timestamp,
    /// How it found the segment.
    pub matched: Matched,
    /// What it led to.
    pub used: ReportUse,
    /// Further reports that say the same, told by this entry too.
    pub repeats: u32,
    /// When the last of them came in.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    pub last_receive_time: Option<Timestamp>,
}

impl ReportRecord {
    /// What is kept of a report.
    #[must_use]
    pub fn of(report: &Report, matched: Matched, used: ReportUse) -> Self {
        Self {
            carrier_id: report.carrier_ids.first().cloned(),
            state: report.state,
            status: Some(report.status.clone()),
            done_time: report.done_time,
            receive_time: report.receive_time,
            matched,
            used,
            repeats: 0,
            last_receive_time: None,
        }
    }

    fn says_the_same(&self, other: &Self) -> bool {
        let words = |of: &Self| (of.state, of.used, of.matched);
        words(self) == words(other) && self.carrier_id == other.carrier_id && self.status == other.status
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Entry {
    Try(Try),
    Report(ReportRecord),
}

impl Entry {
    fn is_try(&self) -> bool {
        matches!(self, Self::Try(_))
    }
}

/// What the fields of a message's segments do not tell, in the order in which it happened.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct History {
    /// With the number of the segment, from 1.
    entries: Vec<(u8, Entry)>,
    left_out: u32,
}

impl History {
    /// Entries that were left out to keep it small.
    #[must_use]
    pub fn left_out(&self) -> u32 {
        self.left_out
    }

    /// Takes down a try. One like the one before it, on the same trunk and with the same answer, is counted there.
    pub fn note_try(&mut self, segment: u8, one: Try) {
        if let Some(last) = self.tries_mut(segment).last()
            && is_again(last, &one)
        {
            last.again = Some(Again {
                times: last.again.map_or(0, |again| again.times).saturating_add(1),
                submit_time: one.submit_time,
                response_time: one.response_time,
            });
            return;
        }
        self.push(segment, Entry::Try(one));
    }

    /// Takes down an answer that came after its try, of which `one` has number, trunk and time, had been given up.
    pub fn note_late(&mut self, segment: u8, one: Try, late: LateAnswer) {
        let its = |kept: &&mut Try| is_same_time(kept.submit_time, one.submit_time);
        if let Some(kept) = self.tries_mut(segment).find(its) {
            kept.late = Some(late);
            return;
        }
        self.push(segment, Entry::Try(Try { late: Some(late), ..one }));
    }

    /// Takes down a report that a segment's fields tell and will not tell any more, unless it was taken down before.
    pub fn note_overwritten(&mut self, segment: u8, record: ReportRecord) {
        let is_it = |kept: &ReportRecord| {
            kept.used == ReportUse::Applied && is_same_time(kept.receive_time, record.receive_time)
        };
        let is_kept = self
            .entries
            .iter()
            .any(|(number, entry)| matches!(entry, Entry::Report(kept) if *number == segment && is_it(kept)));
        if !is_kept {
            self.push(segment, Entry::Report(record));
        }
    }

    /// Takes down a report. One that says what the one before it said is counted there.
    pub fn note_report(&mut self, segment: u8, record: ReportRecord) {
        let last = self.entries.iter_mut().rev().find_map(|(number, entry)| match entry {
            Entry::Report(kept) if *number == segment => Some(kept),
            _ => None,
        });
        if let Some(last) = last
            && last.says_the_same(&record)
        {
            last.repeats = last.repeats.saturating_add(1);
            last.last_receive_time = Some(record.receive_time);
            return;
        }
        self.push(segment, Entry::Report(record));
    }

    /// All tries of a segment that are known of, first to last.
    #[must_use]
    pub fn tries(&self, number: u8, segment: &Segment) -> Vec<Try> {
        let kept = self.entries.iter().filter_map(|(of, entry)| match entry {
            Entry::Try(one) if *of == number => Some(one.clone()),
            _ => None,
        });
        let mut tries: Vec<Try> = kept.collect();
        let is_kept = |time| {
            tries.iter().any(|one| {
                is_same_time(one.submit_time, time)
                    || one.again.is_some_and(|again| is_same_time(again.submit_time, time))
            })
        };
        tries.extend(last_try(segment).filter(|told| !is_kept(told.submit_time)));
        tries.sort_by_key(|one| one.submit_time);
        tries
    }

    /// All reports about a segment that are known of, in the order in which they came.
    #[must_use]
    pub fn reports(&self, number: u8, segment: &Segment) -> Vec<ReportRecord> {
        let kept = self.entries.iter().filter_map(|(of, entry)| match entry {
            Entry::Report(record) if *of == number => Some(record.clone()),
            _ => None,
        });
        let mut reports: Vec<ReportRecord> = kept.collect();
        let is_kept = |time| {
            let mut applied = reports.iter().filter(|record| record.used == ReportUse::Applied);
            applied.any(|record| is_same_time(record.receive_time, time))
        };
        reports.extend(applied_report(segment).filter(|told| !is_kept(told.receive_time)));
        reports.sort_by_key(|record| record.receive_time);
        reports
    }

    fn tries_mut(&mut self, segment: u8) -> impl DoubleEndedIterator<Item = &mut Try> {
        self.entries.iter_mut().filter_map(move |(number, entry)| match entry {
            Entry::Try(one) if *number == segment => Some(one),
            _ => None,
        })
    }

    /// Beyond the bound the oldest entry goes that has a newer one of its kind and segment.
    fn push(&mut self, segment: u8, entry: Entry) {
        self.entries.push((segment, entry));
        if self.entries.len() <= MAX_ENTRIES {
            return;
        }
        let kinds: Vec<(u8, bool)> =
            self.entries.iter().map(|(number, entry)| (*number, entry.is_try())).collect();
        let surpassed = (0..kinds.len()).find(|place| kinds[place + 1..].contains(&kinds[*place]));
        self.entries.remove(surpassed.unwrap_or(0));
        self.left_out = self.left_out.saturating_add(1);
    }
}

/// Whether a segment's own fields tell what came of the try that was just settled.
#[must_use]
pub fn is_told(segment: &Segment, outcome: &SubmitOutcome) -> bool {
    match outcome {
        SubmitOutcome::Accepted { carrier_id } => was_taken(segment) && segment.carrier_id == *carrier_id,
        SubmitOutcome::Refused { status, .. } => {
            segment.state == SegmentState::Rejected && segment.status.as_ref() == Some(status)
        }
        SubmitOutcome::NeverSent | SubmitOutcome::Unknown { .. } => false,
    }
}

/// The report that a segment's own fields tell.
#[must_use]
pub fn applied_report(segment: &Segment) -> Option<ReportRecord> {
    let state = match segment.state {
        SegmentState::Delivered => ReportedState::Delivered,
        SegmentState::Undelivered => ReportedState::Undelivered,
        SegmentState::Unknown => ReportedState::Unknown,
        _ => return None,
    };
    Some(ReportRecord {
        carrier_id: segment.carrier_id.clone(),
        state: Some(state),
        status: segment.status.clone(),
        done_time: segment.done_time,
        receive_time: segment.report_time?,
        matched: Matched::Id,
        used: ReportUse::Applied,
        repeats: 0,
        last_receive_time: None,
    })
}

/// The try that a segment's own fields tell: the last one, if it was taken or refused for good.
fn last_try(segment: &Segment) -> Option<Try> {
    let outcome = if was_taken(segment) {
        SubmitOutcome::Accepted { carrier_id: segment.carrier_id.clone() }
    } else if segment.state == SegmentState::Rejected {
        SubmitOutcome::Refused { status: segment.status.clone()?, reaction: Reaction::Never }
    } else {
        return None;
    };
    Some(Try {
        number: segment.attempts,
        trunk_id: segment.trunk_id.clone()?,
        submit_time: segment.submit_time?,
        outcome: Some(outcome),
        response_time: Some(segment.response_time?),
        late: None,
        again: None,
    })
}

fn was_taken(segment: &Segment) -> bool {
    use SegmentState::{Delivered, Submitted, Undelivered, Unknown};
    matches!(segment.state, Submitted | Delivered | Undelivered | Unknown)
}

fn is_again(last: &Try, one: &Try) -> bool {
    let definite = matches!(last.outcome, Some(SubmitOutcome::Refused { .. } | SubmitOutcome::NeverSent));
    definite
        && last.outcome == one.outcome
        && last.trunk_id == one.trunk_id
        && last.late.is_none()
        && one.late.is_none()
}

/// Times of rows have microseconds; those in memory may have more.
fn is_same_time(one: Timestamp, other: Timestamp) -> bool {
    one.as_microsecond() == other.as_microsecond()
}

#[cfg(test)]
mod tests;
