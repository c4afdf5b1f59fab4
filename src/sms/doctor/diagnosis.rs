//! What the last reports of a trunk come to, as a verdict and in words.

use crate::{config::CarrierIdForm, domain::TrunkId};

/// Fewer than this say nothing about an account.
const FEWEST: usize = 5;

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
    /// Many name the beginning of an id alone, which no form compares.
    Cut,
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
    /// Of these, reports that name only the beginning of an id.
    pub cut: usize,
    /// Of these, reports that would match in another form; the most frequent first, none that has no report.
    pub others: Vec<(CarrierIdForm, usize)>,
    /// A few of these.
    pub samples: Vec<Sample>,
}

impl Diagnosis {
    /// Of a trunk that has seen nothing yet.
    #[must_use]
    pub fn new(trunk_id: TrunkId, form: CarrierIdForm) -> Self {
        Self {
            trunk_id,
            form,
            reports: 0,
            matched: 0,
            strangers: 0,
            cut: 0,
            others: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// What is thought of it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.others.first() {
            _ if self.reports < FEWEST => Verdict::TooFew,
            Some((form, count)) if *count >= FEWEST && *count > self.matched => Verdict::ChangeForm(*form),
            Some((form, _)) => Verdict::Mixed(*form),
            None if self.is_many(self.cut) => Verdict::Cut,
            None if self.is_many(self.strangers) => Verdict::Strangers,
            None => Verdict::Sound,
        }
    }

    /// Whether a person should look: at least five, and more than one in ten.
    fn is_many(&self, reports: usize) -> bool {
        reports >= FEWEST && reports * 10 > self.reports
    }

    /// The same in words, with what to do.
    #[must_use]
    pub fn words(&self) -> String {
        let Self { trunk_id, reports, matched, strangers, cut, .. } = self;
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
            Verdict::Cut => format!(
                "{cut} of the last {reports} reports of trunk {trunk_id} name only the beginning of the answer's id, which no \
                 form of carrier_ids compares: ask the carrier to report ids whole"
            ),
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
