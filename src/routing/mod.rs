//! Which trunks a message may take, and in what order. Pure: a table and a message give a route.

use crate::{
    config::RouteConfig,
    domain::{Message, TrunkId},
};

/// The compiled route table; immutable, replaced whole.
#[derive(Debug, Clone)]
pub struct RouteTable {
    rules: Vec<RouteConfig>,
    trunks: Vec<TrunkId>,
}

/// Why a message has no route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unroutable {
    /// It names a trunk that does not exist.
    UnknownTrunk(TrunkId),
    /// No rule matches it.
    NoRule,
}

impl RouteTable {
    /// Compiles the rules; without any, every trunk is allowed in the order of the configuration.
    #[must_use]
    pub fn new(rules: Vec<RouteConfig>, trunks: Vec<TrunkId>) -> Self {
        Self { rules, trunks }
    }

    /// The trunks that `message` may take, best first, never empty.
    ///
    /// # Errors
    /// A named trunk is unknown, or no rule matches.
    pub fn route<'a>(&'a self, message: &'a Message) -> Result<&'a [TrunkId], Unroutable> {
        if !message.trunk_ids.is_empty() {
            return match message.trunk_ids.iter().find(|id| !self.trunks.contains(id)) {
                Some(unknown) => Err(Unroutable::UnknownTrunk(unknown.clone())),
                None => Ok(&message.trunk_ids),
            };
        }
        if self.rules.is_empty() {
            return if self.trunks.is_empty() { Err(Unroutable::NoRule) } else { Ok(&self.trunks) };
        }
        let rule = self.rules.iter().find(|rule| matches(rule, message));
        rule.map(|rule| rule.trunks.as_slice()).ok_or(Unroutable::NoRule)
    }
}

fn matches(rule: &RouteConfig, message: &Message) -> bool {
    let digits = message.to.digits();
    let digits = digits.strip_prefix("00").unwrap_or(digits);
    let prefix = rule.prefixes.is_empty() || rule.prefixes.iter().any(|prefix| digits.starts_with(prefix));
    let category = rule.categories.is_empty() || rule.categories.contains(&message.category);
    let tenant = rule.tenants.is_empty() || rule.tenants.contains(&message.tenant_id);
    prefix && category && tenant
}
