//! Why reports find no message: whether they would, if the account's ids were read in another form.
//!
//! A pure value per trunk. It looks at the last reports that named an id; one that matched nothing is asked about again
//! when the answer to its submit must have come, under every form of `carrier_ids`. It changes nothing: the same digits
//! can mean two ids, so a person decides about the form.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::{
    config::CarrierIdForm,
    domain::{CarrierId, Number, TrunkId},
    trunk::sms::adapter::carrier_id::other_readings,
};

/// Reports that a diagnosis looks back on.
const REMEMBERED: usize = 50;
/// When a report without a match is asked about: the answer to its submit, if it was only slower, has come by then.
const ASK_AFTER: Duration = Duration::from_secs(1);
/// How long changes gather before they are shown.
const SHOW_AFTER: Duration = Duration::from_secs(1);
/// Fewer than this say nothing about an account.
const FEWEST: usize = 5;
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

/// The id of an answer and that of a report that would be one, masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// As the answer's id is kept.
    pub answered: String,
    /// As the report's id is read.
    pub reported: String,
}

/// What is thought of a trunk's reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Too few reports came to tell.
    TooFew,
    /// Nearly all match.
    Sound,
    /// Most would match in this form.
    ChangeForm(CarrierIdForm),
    /// Some would match in this form, others match as they are.
    Mixed(CarrierIdForm),
    /// Many match nothing in any form.
    Strangers,
}

/// The last reports of a trunk, counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// The trunk.
    pub trunk_id: TrunkId,
    /// Its configured form.
    pub form: CarrierIdForm,
    /// Reports looked at, at most 50.
    pub reports: usize,
    /// Of these, reports that found their message.
    pub matched: usize,
    /// Of these, reports that match nothing in any form.
    pub strangers: usize,
    /// Of these, reports that would match in another form; the most frequent first, none that has no report.
    pub others: Vec<(CarrierIdForm, usize)>,
    /// A few of these.
    pub samples: Vec<Sample>,
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

    /// What the store is to be asked at `now`: recipients, each with the ids that would do.
    #[must_use]
    pub fn questions(&self, now: Instant) -> Vec<(Number, Vec<CarrierId>)> {
        let due = self.questions.iter().take_while(|question| question.at <= now);
        due.map(|question| {
            let ids = question.readings.iter().map(|(_, id)| id.clone()).collect();
            (question.recipient.clone(), ids)
        })
        .collect()
    }

    /// Takes the answers to what was asked, in its order. Gives the forms in which reports would have matched.
    pub fn answered(&mut self, answers: &[Option<usize>], now: Instant) -> Vec<CarrierIdForm> {
        let mut forms = Vec::new();
        self.shown_at = Some(now);
        for answer in answers {
            let Some(question) = self.questions.pop_front() else { break };
            let found = answer.and_then(|place| question.readings.get(place));
            let finding = match found {
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

impl Diagnosis {
    /// Of a trunk that has seen nothing yet.
    #[must_use]
    pub fn new(trunk_id: TrunkId, form: CarrierIdForm) -> Self {
        Self { trunk_id, form, reports: 0, matched: 0, strangers: 0, others: Vec::new(), samples: Vec::new() }
    }

    /// What is thought of it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.others.first() {
            _ if self.reports < FEWEST => Verdict::TooFew,
            Some((form, count)) if *count >= FEWEST && *count > self.matched => Verdict::ChangeForm(*form),
            Some((form, _)) => Verdict::Mixed(*form),
            None if self.strangers >= FEWEST && self.strangers * 10 > self.reports => Verdict::Strangers,
            None => Verdict::Sound,
        }
    }

    /// The same in words, with what to do.
    #[must_use]
    pub fn words(&self) -> String {
        let Self { trunk_id, reports, matched, strangers, .. } = self;
        let now = self.form.name();
        let would = |form: CarrierIdForm| {
            let count = self.others.iter().find(|(other, _)| *other == form).map_or(0, |(_, count)| *count);
            let form = form.name();
            format!(
                "{count} of the last {reports} reports of trunk {trunk_id} match nothing as {now} but would match as {form}"
            )
        };
        match self.verdict() {
            Verdict::TooFew => format!("trunk {trunk_id} has had too few reports to tell: {reports}"),
            Verdict::Sound => {
                format!(
                    "{matched} of the last {reports} reports of trunk {trunk_id} match as {now}: nothing to do"
                )
            }
            Verdict::ChangeForm(form) => {
                let name = form.name();
                format!(
                    "{}: set carrier_ids = \"{name}\"; it counts for what is sent from then on",
                    would(form)
                )
            }
            Verdict::Mixed(form) => {
                format!(
                    "{}, and {matched} match as they are: ask the carrier in which form it writes ids",
                    would(form)
                )
            }
            Verdict::Strangers => format!(
                "{strangers} of the last {reports} reports of trunk {trunk_id} match nothing in any form: ask the carrier \
                 whether another client uses this account, or whether its reports name other ids than its answers"
            ),
        }
    }

    /// The line to be changed in the trunk's configuration, if there is one.
    #[must_use]
    pub fn config_line(&self) -> Option<String> {
        match self.verdict() {
            Verdict::ChangeForm(form) => Some(format!("carrier_ids = \"{}\"", form.name())),
            _ => None,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn number() -> Number {
        Number::from_carrier(b"13800138000")
    }

    /// A doctor whose store knows `known`; each id in `reported` is of one report.
    fn examined(form: CarrierIdForm, known: &[&str], reported: &[String]) -> Doctor {
        let mut doctor = Doctor::new("north".into(), form, true);
        let now = Instant::now();
        for id in reported {
            let id = CarrierId::from(id.as_str());
            if known.contains(&id.as_str()) {
                doctor.matched(now);
            } else {
                doctor.unmatched(&[id], &number(), now);
            }
        }
        let asked = doctor.questions(now + ASK_AFTER);
        let answers: Vec<_> =
            asked.iter().map(|(_, ids)| ids.iter().position(|id| known.contains(&id.as_str()))).collect();
        doctor.answered(&answers, now);
        doctor
    }

    fn decimal(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| u64::from_str_radix(id, 16).unwrap().to_string()).collect()
    }

    const HEX: [&str; 6] = ["3F2A9C01", "3F2A9C02", "3F2A9C03", "3F2A9C04", "3F2A9C05", "3F2A9C06"];

    #[test]
    fn names_the_form_that_would_match_and_the_line_to_change() {
        let doctor = examined(CarrierIdForm::Plain, &HEX, &decimal(&HEX));
        let diagnosis = doctor.diagnosis();
        assert_eq!(diagnosis.verdict(), Verdict::ChangeForm(CarrierIdForm::HexInAnswers));
        assert_eq!(diagnosis.config_line().unwrap(), "carrier_ids = \"hex-in-answers\"");
        assert_eq!(
            diagnosis.words(),
            "6 of the last 6 reports of trunk north match nothing as plain but would match as hex-in-answers: \
             set carrier_ids = \"hex-in-answers\"; it counts for what is sent from then on"
        );
        assert_eq!(diagnosis.samples.len(), SAMPLES);
        let last = &diagnosis.samples[2];
        assert_eq!((last.answered.as_str(), last.reported.as_str()), ("3F****06", "10******62"));
    }

    #[test]
    fn a_report_that_was_only_early_is_no_stranger() {
        let mut doctor = Doctor::new("north".into(), CarrierIdForm::Plain, true);
        let now = Instant::now();
        for _ in 0..6 {
            doctor.unmatched(&["7".into()], &number(), now);
        }
        assert!(doctor.questions(now).is_empty(), "not before the answer may have come");
        assert_eq!(doctor.poll_timeout(), Some(now + ASK_AFTER));
        assert_eq!(doctor.diagnosis().reports, 0);
        assert_eq!(doctor.answered(&[Some(0); 6], now), []);
        let diagnosis = doctor.poll_diagnosis(now).unwrap();
        assert_eq!((diagnosis.verdict(), diagnosis.matched), (Verdict::Sound, 6));
        assert_eq!((doctor.poll_diagnosis(now), doctor.poll_timeout()), (None, None));
        // What only matches is shown as well, a little later.
        doctor.matched(now);
        doctor.matched(now + SHOW_AFTER);
        assert_eq!((doctor.poll_diagnosis(now), doctor.poll_timeout()), (None, Some(now + SHOW_AFTER)));
        assert_eq!(doctor.poll_diagnosis(now + SHOW_AFTER).unwrap().matched, 8);
    }

    #[test]
    fn strangers_mixtures_and_few_reports_are_told_apart() {
        let strangers: Vec<String> = (0..6).map(|number| format!("x{number}")).collect();
        let doctor = examined(CarrierIdForm::Plain, &HEX, &strangers);
        assert_eq!(doctor.diagnosis().verdict(), Verdict::Strangers);
        let mut mixed: Vec<String> = HEX.iter().map(|id| (*id).to_owned()).collect();
        mixed.extend(decimal(&HEX[..2]));
        let doctor = examined(CarrierIdForm::Plain, &HEX, &mixed);
        assert_eq!(doctor.diagnosis().verdict(), Verdict::Mixed(CarrierIdForm::HexInAnswers));
        assert_eq!(doctor.diagnosis().config_line(), None);
        let doctor = examined(CarrierIdForm::Plain, &HEX, &decimal(&HEX[..4]));
        assert_eq!(doctor.diagnosis().verdict(), Verdict::TooFew);
        let mut cmpp = Doctor::new("north".into(), CarrierIdForm::Plain, false);
        cmpp.unmatched(&["1059757057".into()], &number(), Instant::now());
        assert_eq!(
            cmpp.questions(Instant::now() + ASK_AFTER)[0].1.len(),
            1,
            "there is no other form to ask about"
        );
    }

    #[test]
    fn looks_back_on_the_last_reports_alone() {
        let mut doctor = examined(CarrierIdForm::Plain, &HEX, &decimal(&HEX));
        let now = Instant::now();
        for _ in 0..REMEMBERED {
            doctor.unmatched(&["7".into()], &number(), now);
        }
        for _ in 0..REMEMBERED {
            doctor.matched(now);
        }
        let diagnosis = doctor.diagnosis();
        assert_eq!((diagnosis.reports, diagnosis.matched, diagnosis.verdict()), (50, 50, Verdict::Sound));
        assert!(diagnosis.samples.is_empty() && doctor.questions(now + ASK_AFTER).is_empty());
    }

    #[test]
    fn warns_once_in_five_minutes() {
        let mut doctor = examined(CarrierIdForm::Plain, &HEX, &decimal(&HEX));
        let now = Instant::now();
        assert!(doctor.poll_warning(now).unwrap().contains("hex-in-answers"));
        assert_eq!(doctor.poll_warning(now + WARN_EVERY - Duration::from_secs(1)), None);
        assert!(doctor.poll_warning(now + WARN_EVERY).is_some());
        let mut sound = Doctor::new("north".into(), CarrierIdForm::Plain, true);
        (0..9).for_each(|_| sound.matched(now));
        assert_eq!(sound.poll_warning(now), None);
    }

    #[test]
    fn an_id_shows_its_length_and_its_ends() {
        assert_eq!((mask("3F2A9C01"), mask("1234567")), ("3F****01".to_owned(), "*******".to_owned()));
    }
}
