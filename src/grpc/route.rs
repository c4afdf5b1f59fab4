//! An explanation of a route, in the API's words.

use super::{api, encode::time};
use crate::{
    domain::OperatorSource,
    routing::{Alternative, Health, RuleVerdict, Verdict},
    sms::Explained,
};

/// Where a message would go, and why.
#[must_use]
pub fn explained(explained: Explained) -> api::ExplainRouteResponse {
    let Explained { route, leave_time, window } = explained;
    let (operator, source) = route.operator.map_or_else(
        || (String::new(), api::OperatorSource::Unspecified),
        |(name, source)| match source {
            OperatorSource::Range => (name, api::OperatorSource::Range),
            OperatorSource::Portability => (name, api::OperatorSource::Portability),
        },
    );
    api::ExplainRouteResponse {
        operator,
        operator_source: source.into(),
        rules: route.rules.into_iter().map(rule).collect(),
        alternatives: route.alternatives.iter().map(alternative).collect(),
        trunk_id: route.choice.as_ref().map_or_else(String::new, ToString::to_string),
        reason: route.reason,
        leave_time: leave_time.map(time),
        window,
    }
}

fn rule(rule: RuleVerdict) -> api::RouteRule {
    let (verdict, mismatches) = match rule.verdict {
        Verdict::Matched => (api::RouteVerdict::Matched, Vec::new()),
        Verdict::NoMatch(mismatches) => (api::RouteVerdict::NoMatch, mismatches),
        Verdict::NotReached => (api::RouteVerdict::NotReached, Vec::new()),
    };
    api::RouteRule { name: rule.name, verdict: verdict.into(), mismatches }
}

fn alternative(alternative: &Alternative) -> api::RouteAlternative {
    let health = match alternative.health {
        Health::Up => api::RouteHealth::Up,
        Health::Degraded => api::RouteHealth::Degraded,
        Health::Draining => api::RouteHealth::Draining,
        Health::Disabled => api::RouteHealth::Disabled,
        Health::Down => api::RouteHealth::Down,
    };
    api::RouteAlternative {
        trunk_id: alternative.trunk.to_string(),
        health: health.into(),
        weight: alternative.weight,
        cost: alternative.cost,
        listed_place: u32::try_from(alternative.listed_place).unwrap_or(u32::MAX),
    }
}
