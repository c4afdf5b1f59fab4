//! Why a message takes the trunk that it takes, in words that a person likes to read.

use super::{
    condition::Facts,
    order::{Candidate, Health, ordered},
    subject::Subject,
    table::{Decider, RouteTable, Rule, Unroutable},
};
use crate::{
    config::RouteOrder,
    domain::{Message, OperatorSource, TrunkId},
};

/// A decision with all that led to it. Shows nothing of the recipient but its operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The operator that serves the recipient, where it is known, and how it was found.
    pub operator: Option<(String, OperatorSource)>,
    /// The rules in order; empty if there are none, or none was asked.
    pub rules: Vec<RuleVerdict>,
    /// The trunks that it may take, best first.
    pub alternatives: Vec<Alternative>,
    /// The trunk that it takes.
    pub choice: Option<TrunkId>,
    /// Why.
    pub reason: String,
}

/// What a rule says of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleVerdict {
    /// The rule's name.
    pub name: String,
    /// What it says.
    pub verdict: Verdict,
}

/// What a rule may say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It decides.
    Matched,
    /// It does not match: each condition that is not met, in words.
    NoMatch(Vec<String>),
    /// An earlier one decided.
    NotReached,
}

/// A trunk that a message may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// The trunk.
    pub trunk: TrunkId,
    /// Whether it can carry.
    pub health: Health,
    /// Its share, where the rule is weighted.
    pub weight: Option<u32>,
    /// Its cost, where the rule takes the cheapest.
    pub cost: Option<u32>,
    /// Its place in the rule, from 1.
    pub listed_place: usize,
}

impl RouteTable {
    /// Decides as [`RouteTable::route`] does, and says why.
    #[must_use]
    pub fn explain(&self, message: &Message, health: impl Fn(&TrunkId) -> Health) -> Explanation {
        let subject = Subject::from(message);
        let facts = Facts::new(subject, &self.numbers);
        let operator = facts.operator().map(|(name, source)| (name.to_owned(), source));
        let decider = self.decider(subject, &facts);
        let rules = self.verdicts(message, &facts, &decider);
        let decider = match decider {
            Ok(decider) => decider,
            Err(unroutable) => {
                let reason = unroutable_words(&unroutable);
                return Explanation { operator, rules, alternatives: Vec::new(), choice: None, reason };
            }
        };
        let (trunks, order) = self.allowed(subject, &decider);
        let candidates = ordered(trunks, order, subject.id, health);
        let preferred = ordered(trunks, order, subject.id, |_| Health::Up);
        let (weights, costs): (&[u32], &[u32]) = match order {
            RouteOrder::Listed => (&[], &[]),
            RouteOrder::Weighted(weights) => (weights, &[]),
            RouteOrder::Cheapest(costs) => (&[], costs),
        };
        let alternative = |one: &Candidate<'_>| Alternative {
            trunk: one.trunk.clone(),
            health: one.health,
            weight: weights.get(one.place).copied(),
            cost: costs.get(one.place).copied(),
            listed_place: one.place + 1,
        };
        let asked = match decider {
            Decider::Message => "the message names its trunks, so no rule is asked".to_owned(),
            Decider::Rule(_, rule) => format!("\"{}\" is the first rule that matches", rule.name),
            Decider::Nothing => "there are no rules, so every trunk is allowed".to_owned(),
        };
        let chosen = choice_words(order, &candidates, &preferred);
        Explanation {
            operator,
            rules,
            choice: candidates.first().map(|one| one.trunk.clone()),
            alternatives: candidates.iter().map(alternative).collect(),
            reason: format!("{asked}; {chosen}"),
        }
    }

    fn verdicts(
        &self,
        message: &Message,
        facts: &Facts<'_>,
        decider: &Result<Decider<'_>, Unroutable>,
    ) -> Vec<RuleVerdict> {
        if !message.trunk_ids.is_empty() {
            return Vec::new();
        }
        let decided = if let Ok(Decider::Rule(index, _)) = decider { *index } else { usize::MAX };
        let verdict = |(index, rule): (usize, &Rule)| {
            let not_met = || rule.conditions.iter().filter(|condition| !condition.holds(facts));
            let verdict = match index.cmp(&decided) {
                std::cmp::Ordering::Less => {
                    Verdict::NoMatch(not_met().map(|condition| condition.why_not(facts)).collect())
                }
                std::cmp::Ordering::Equal => Verdict::Matched,
                std::cmp::Ordering::Greater => Verdict::NotReached,
            };
            RuleVerdict { name: rule.name.clone(), verdict }
        };
        self.rules.iter().enumerate().map(verdict).collect()
    }
}

fn unroutable_words(unroutable: &Unroutable) -> String {
    match unroutable {
        Unroutable::UnknownTrunk(id) => {
            format!("the message names trunk {id}, which is not configured: it would be refused")
        }
        Unroutable::NoRule => "no rule matches: it would be refused".to_owned(),
    }
}

fn choice_words(order: &RouteOrder, candidates: &[Candidate<'_>], preferred: &[Candidate<'_>]) -> String {
    let (Some(chosen), Some(first)) = (candidates.first(), preferred.first()) else {
        return "it allows no trunk".to_owned();
    };
    let why_first = match order {
        RouteOrder::Listed => "is listed first".to_owned(),
        RouteOrder::Weighted(_) => {
            "is what this message's id draws by the weights, and another message's may draw another"
                .to_owned()
        }
        RouteOrder::Cheapest(costs) => match costs.get(first.place) {
            Some(cost) => format!("costs least ({cost})"),
            None => "costs least".to_owned(),
        },
    };
    let first_id = first.trunk;
    if !chosen.health.can_carry() {
        return format!(
            "{first_id} {why_first}, but no trunk can carry now: the message waits for {}",
            chosen.trunk
        );
    }
    if chosen.trunk == first_id {
        return format!("{first_id} {why_first} and is {}", chosen.health.words());
    }
    let health = candidates.iter().find(|one| one.trunk == first_id).map_or(Health::Down, |one| one.health);
    let (now, next) = (health.words(), chosen.trunk);
    format!("{first_id} {why_first}, but is {now}: {next} is the next that can carry")
}
