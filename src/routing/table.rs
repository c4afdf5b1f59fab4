//! The compiled route table.

use std::sync::Arc;

use super::{
    condition::{Condition, Facts},
    order::{Candidate, Health, ordered},
    subject::Subject,
    window::Windows,
};
use crate::{
    config::{RouteConfig, RouteOrder, WindowConfig},
    domain::{Call, Message, Number, NumberPlan, TenantId, TrunkId},
};

/// Where messages may go, and when. Immutable; replaced whole, see [`Router`](super::Router).
#[derive(Debug, Clone)]
pub struct RouteTable {
    pub(super) rules: Vec<Rule>,
    /// All trunks, for messages that no rule is made for or that name their trunks.
    pub(super) trunks: Vec<TrunkId>,
    pub(super) numbers: Arc<NumberPlan>,
    windows: Windows,
}

/// One rule.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub name: String,
    pub conditions: Vec<Condition>,
    pub trunks: Vec<TrunkId>,
    pub order: RouteOrder,
}

impl Rule {
    pub fn takes(&self, facts: &Facts<'_>) -> bool {
        self.conditions.iter().all(|condition| condition.holds(facts))
    }
}

/// Why a message has no route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unroutable {
    /// It names a trunk that does not exist.
    UnknownTrunk(TrunkId),
    /// No rule matches it.
    NoRule,
}

/// What decides of a message's trunks.
pub(super) enum Decider<'a> {
    /// It names them.
    Message,
    /// The rule of this index.
    Rule(usize, &'a Rule),
    /// There are no rules, so all trunks are allowed.
    Nothing,
}

impl RouteTable {
    /// Compiles the rules; without any, every one of `trunks` is allowed, in that order.
    #[must_use]
    pub fn new(
        rules: &[RouteConfig],
        trunks: Vec<TrunkId>,
        numbers: Arc<NumberPlan>,
        windows: Vec<WindowConfig>,
    ) -> Self {
        let compile = |rule: &RouteConfig| Rule {
            name: rule.name.clone(),
            conditions: Condition::of(rule),
            trunks: rule.trunks.clone(),
            order: rule.order.clone(),
        };
        Self { rules: rules.iter().map(compile).collect(), trunks, numbers, windows: Windows::new(windows) }
    }

    /// The tenant that a number of ours belongs to, whom a message or a call from outside is for.
    #[must_use]
    pub fn owner(&self, number: &Number) -> Option<TenantId> {
        self.numbers.owner(number).cloned()
    }

    /// When messages may leave.
    #[must_use]
    pub fn windows(&self) -> &Windows {
        &self.windows
    }

    /// The trunks that `message` may take, best first, never empty.
    ///
    /// # Errors
    /// A named trunk is unknown, or no rule matches.
    pub fn route<'a>(
        &'a self,
        message: &'a Message,
        health: impl Fn(&TrunkId) -> Health,
    ) -> Result<Vec<Candidate<'a>>, Unroutable> {
        self.route_subject(message.into(), health)
    }

    /// The trunks that `call` may take, best first, never empty. The table must be one of rules and trunks for calls.
    ///
    /// # Errors
    /// A named trunk is unknown, or no rule matches.
    pub fn route_call<'a>(
        &'a self,
        call: &'a Call,
        health: impl Fn(&TrunkId) -> Health,
    ) -> Result<Vec<Candidate<'a>>, Unroutable> {
        self.route_subject(call.into(), health)
    }

    fn route_subject<'a>(
        &'a self,
        subject: Subject<'a>,
        health: impl Fn(&TrunkId) -> Health,
    ) -> Result<Vec<Candidate<'a>>, Unroutable> {
        let decider = self.decider(subject, &Facts::new(subject, &self.numbers))?;
        let (trunks, order) = self.allowed(subject, &decider);
        Ok(ordered(trunks, order, subject.id, health))
    }

    /// What decides of a message's trunks. What it allows is never empty.
    pub(super) fn decider(&self, subject: Subject<'_>, facts: &Facts<'_>) -> Result<Decider<'_>, Unroutable> {
        if !subject.trunk_ids.is_empty() {
            return match subject.trunk_ids.iter().find(|id| !self.trunks.contains(id)) {
                Some(unknown) => Err(Unroutable::UnknownTrunk(unknown.clone())),
                None => Ok(Decider::Message),
            };
        }
        if self.rules.is_empty() {
            return if self.trunks.is_empty() { Err(Unroutable::NoRule) } else { Ok(Decider::Nothing) };
        }
        let found = self.rules.iter().enumerate().find(|(_, rule)| rule.takes(facts));
        found.map(|(index, rule)| Decider::Rule(index, rule)).ok_or(Unroutable::NoRule)
    }

    /// The trunks that the decider allows, as listed, and how they are ordered.
    pub(super) fn allowed<'a>(
        &'a self,
        subject: Subject<'a>,
        decider: &Decider<'a>,
    ) -> (&'a [TrunkId], &'a RouteOrder) {
        match decider {
            Decider::Message => (subject.trunk_ids, &RouteOrder::Listed),
            Decider::Rule(_, rule) => (&rule.trunks, &rule.order),
            Decider::Nothing => (&self.trunks, &RouteOrder::Listed),
        }
    }
}
