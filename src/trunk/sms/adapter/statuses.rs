//! What a carrier's statuses mean: the protocol's table, with what the account's configuration says otherwise.

use crate::{
    config::StatusRule,
    domain::{CarrierStatus, FailureClass, Reaction, StatusSource, SubmitOutcome},
};

/// The statuses of one account.
#[derive(Debug, Clone)]
pub(super) struct Statuses {
    protocol: &'static str,
    rules: Vec<StatusRule>,
}

impl Statuses {
    pub fn new(protocol: &'static str, rules: &[StatusRule]) -> Self {
        Self { protocol, rules: rules.to_vec() }
    }

    /// A refusal with the carrier's `code` and `text`; `usual` is what the protocol's table says of the code.
    pub fn refusal(&self, code: u32, text: String, usual: (FailureClass, Reaction)) -> SubmitOutcome {
        let rule = self.rules.iter().find(|rule| rule.code == code);
        let class = rule.and_then(|rule| rule.class).unwrap_or(usual.0);
        let reaction = rule.map_or(usual.1, |rule| rule.then);
        let status = CarrierStatus {
            source: StatusSource::CarrierResponse,
            class,
            permanent: reaction.is_permanent(),
            protocol: self.protocol.to_owned(),
            raw_code: code.to_string(),
            raw_text: text,
        };
        SubmitOutcome::Refused { status, reaction }
    }
}
