//! What a carrier's statuses mean: the protocol's table, with what the account's configuration says otherwise.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::{
    config::StatusRule,
    domain::{CarrierStatus, FailureClass, Reaction, StatusSource, SubmitOutcome},
};

/// The rules of one account, to be replaced as a whole while its links run. Clones share them.
#[derive(Debug, Clone)]
pub struct StatusRules(Arc<ArcSwap<Vec<StatusRule>>>);

impl StatusRules {
    /// Puts others in their place, for all answers from now on.
    pub fn replace(&self, rules: Vec<StatusRule>) {
        self.0.store(Arc::new(rules));
    }
}

/// The statuses of one account.
#[derive(Debug, Clone)]
pub(super) struct Statuses {
    protocol: &'static str,
    rules: StatusRules,
}

impl Statuses {
    pub fn new(protocol: &'static str, rules: &[StatusRule]) -> Self {
        Self { protocol, rules: StatusRules(Arc::new(ArcSwap::from_pointee(rules.to_vec()))) }
    }

    pub fn rules(&self) -> StatusRules {
        self.rules.clone()
    }

    /// A refusal with the carrier's `code` and `text`; `usual` is what the protocol's table says of the code.
    pub fn refusal(&self, code: u32, text: String, usual: (FailureClass, Reaction)) -> SubmitOutcome {
        let rules = self.rules.0.load();
        let rule = rules.iter().find(|rule| rule.code == code);
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
