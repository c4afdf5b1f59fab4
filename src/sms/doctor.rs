//! Why reports find no message: whether they would, if the account's ids were read in another form.
//!
//! A pure value per trunk. It looks at the last reports that named an id; one that matched nothing is asked about again
//! when the answer to its submit must have come, under every form of `carrier_ids`. It changes nothing: the same digits
//! can mean two ids, so a person decides about the form.

mod diagnosis;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

pub use self::diagnosis::{Diagnosis, Sample, Verdict};
use crate::{
    config::CarrierIdForm,
    domain::{CarrierId, Number, TrunkId},
    store::{IdQuestion, KnownId},
    trunk::sms::adapter::carrier_id::other_readings,
};

/// Reports that a diagnosis looks back on.
const REMEMBERED: usize = 50;
/// When a report without a match is asked about: the answer to its submit, if it was only slower, has come by then.
const ASK_AFTER: Duration = Duration::from_secs(1);
/// How long changes gather before they are shown.
const SHOW_AFTER: Duration = Duration::from_secs(1);
/// A shorter id is the beginning of too many.
const SHORTEST_BEGINNING: usize = 6;
/// Least time between two warnings of one trunk.
const WARN_EVERY: Duration = Duration::from_secs(300);
/// Pairs of ids that are shown.
const SAMPLES: usize = 3;

/// What became of one report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finding {
    Matched,
    /// Not asked about yet.
    Open,
    /// It matches nothing in any form.
    Nothing,
    /// It would match in this form.
    Other(CarrierIdForm),
    /// It is the beginning of a longer id.
    Cut,
}

/// A report that is to be asked about.
#[derive(Debug)]
struct Question {
    /// Which report.
    serial: u64,
    at: Instant,
    recipient: Number,
    named: CarrierId,
    /// Ids, with the form in which each would be right; `None`: it is as it should be, and only came early.
    readings: Vec<(Option<CarrierIdForm>, CarrierId)>,
}

/// The last reports of one trunk.
#[derive(Debug)]
pub struct Doctor {
    form: CarrierIdForm,
    /// Whether the protocol has forms at all.
    has_forms: bool,
    trunk_id: TrunkId,
    seen: VecDeque<Finding>,
    /// Number of the first in `seen`.
    first: u64,
    questions: VecDeque<Question>,
    samples: VecDeque<Sample>,
    /// When what has changed is to be shown.
    shown_at: Option<Instant>,
    warned: Option<Instant>,
}

impl Doctor {
    /// For a trunk whose ids are compared by `form`; `has_forms`: its protocol has others.
    #[must_use]
    pub fn new(trunk_id: TrunkId, form: CarrierIdForm, has_forms: bool) -> Self {
        Self {
            form,
            has_forms,
            trunk_id,
            seen: VecDeque::with_capacity(REMEMBERED),
            first: 0,
            questions: VecDeque::new(),
            samples: VecDeque::new(),
            shown_at: None,
            warned: None,
        }
    }

    /// A report found its message by an id.
    pub fn matched(&mut self, now: Instant) {
        self.push(Finding::Matched);
        self.shown_at.get_or_insert(now + SHOW_AFTER);
    }

    /// A report that names these ids matched nothing so far.
    pub fn unmatched(&mut self, ids: &[CarrierId], recipient: &Number, now: Instant) {
        let Some(named) = ids.first() else { return };
        let mut readings: Vec<_> = ids.iter().map(|id| (None, id.clone())).collect();
        if self.has_forms {
            let others = ids.iter().flat_map(|id| other_readings(self.form, id));
            readings.extend(others.map(|(form, id)| (Some(form), id)));
        }
        let serial = self.push(Finding::Open);
        let (named, recipient) = (named.clone(), recipient.clone());
        self.questions.push_back(Question { serial, at: now + ASK_AFTER, recipient, named, readings });
    }

    fn push(&mut self, finding: Finding) -> u64 {
        if self.seen.len() == REMEMBERED {
            self.seen.pop_front();
            self.first += 1;
            while self.questions.front().is_some_and(|question| question.serial < self.first) {
                self.questions.pop_front();
            }
        }
        self.seen.push_back(finding);
        self.first + self.seen.len() as u64 - 1
    }

    /// When something is to be asked or shown.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.questions.front().map(|question| question.at).into_iter().chain(self.shown_at).min()
    }

    /// What the store is to be asked at `now`.
    #[must_use]
    pub fn questions(&self, now: Instant) -> Vec<IdQuestion> {
        let due = self.questions.iter().take_while(|question| question.at <= now);
        let is_long = |id: &&CarrierId| self.has_forms && id.as_str().len() >= SHORTEST_BEGINNING;
        due.map(|question| IdQuestion {
            recipient: question.recipient.clone(),
            ids: question.readings.iter().map(|(_, id)| id.clone()).collect(),
            beginning: Some(&question.named).filter(is_long).cloned(),
        })
        .collect()
    }

    /// Takes the answers to what was asked, in its order. Gives the forms in which reports would have matched.
    pub fn answered(&mut self, answers: &[Option<KnownId>], now: Instant) -> Vec<CarrierIdForm> {
        let mut forms = Vec::new();
        self.shown_at = Some(now);
        for answer in answers {
            let Some(question) = self.questions.pop_front() else { break };
            let found = match answer {
                Some(KnownId::Whole(place)) => question.readings.get(*place),
                Some(KnownId::Longer) | None => None,
            };
            let finding = match found {
                None if *answer == Some(KnownId::Longer) => Finding::Cut,
                None => Finding::Nothing,
                Some((None, _)) => Finding::Matched,
                Some((Some(form), id)) => {
                    forms.push(*form);
                    if self.samples.len() == SAMPLES {
                        self.samples.pop_front();
                    }
                    let (answered, reported) = (mask(id.as_str()), mask(question.named.as_str()));
                    self.samples.push_back(Sample { answered, reported });
                    Finding::Other(*form)
                }
            };
            let place = question.serial.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
            if let Some(seen) = place.and_then(|place| self.seen.get_mut(place)) {
                *seen = finding;
            }
        }
        forms
    }

    /// What the last reports come to, if that has changed and is to be shown at `now`.
    pub fn poll_diagnosis(&mut self, now: Instant) -> Option<Diagnosis> {
        self.shown_at.take_if(|at| *at <= now).map(|_| self.diagnosis())
    }

    /// What the last reports come to.
    #[must_use]
    pub fn diagnosis(&self) -> Diagnosis {
        let count = |finding| self.seen.iter().filter(|seen| **seen == finding).count();
        let mut others: Vec<(CarrierIdForm, usize)> =
            CarrierIdForm::ALL.map(|form| (form, count(Finding::Other(form)))).to_vec();
        others.retain(|(_, reports)| *reports > 0);
        others.sort_by_key(|(_, reports)| std::cmp::Reverse(*reports));
        Diagnosis {
            trunk_id: self.trunk_id.clone(),
            form: self.form,
            reports: self.seen.len() - count(Finding::Open),
            matched: count(Finding::Matched),
            strangers: count(Finding::Nothing),
            cut: count(Finding::Cut),
            samples: if others.is_empty() { Vec::new() } else { self.samples.iter().cloned().collect() },
            others,
        }
    }

    /// What the operator should be warned of at `now`, not more often than once in five minutes.
    pub fn poll_warning(&mut self, now: Instant) -> Option<String> {
        if self.warned.is_some_and(|warned| now.saturating_duration_since(warned) < WARN_EVERY) {
            return None;
        }
        let diagnosis = self.diagnosis();
        let warning = matches!(diagnosis.verdict(), Verdict::ChangeForm(_)).then(|| diagnosis.words());
        if warning.is_some() {
            self.warned = Some(now);
        }
        warning
    }
}

/// An id as people may see it: its length, its first and its last two characters.
fn mask(id: &str) -> String {
    let shown: Vec<char> = id.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if shown.len() < 8 {
        return "*".repeat(shown.len());
    }
    let (head, tail) = (&shown[..2], &shown[shown.len() - 2..]);
    let hidden = "*".repeat(shown.len() - 4);
    head.iter().chain(hidden.chars().collect::<Vec<_>>().iter()).chain(tail).collect()
}
