//! `[[trunk.status]]`: what statuses of one carrier mean.

use std::time::Duration;

use super::section::Section;
use crate::domain::{FailureClass, Reaction};

/// What a status of one carrier means, whatever its protocol says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusRule {
    /// SMPP command_status, CMPP Result.
    pub code: u32,
    /// What it asks of us.
    pub then: Reaction,
    /// How the failure is named; `None`: as the protocol's table names it.
    pub class: Option<FailureClass>,
}

/// No delay between two tries is longer.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Reads the rules of each file, the trunk's own first: of a code that several name, the first one's holds.
pub(super) fn read(files: Vec<Vec<Section<'_>>>) -> Vec<StatusRule> {
    let mut rules: Vec<StatusRule> = Vec::new();
    for sections in files {
        for rule in of_one_file(sections) {
            if rules.iter().all(|known| known.code != rule.code) {
                rules.push(rule);
            }
        }
    }
    rules
}

fn of_one_file(sections: Vec<Section<'_>>) -> Vec<StatusRule> {
    let mut rules: Vec<(StatusRule, Option<usize>)> = Vec::new();
    for mut section in sections {
        let Some((rule, line)) = rule(&mut section) else { continue };
        match rules.iter().find(|(before, _)| before.code == rule.code) {
            Some((_, before)) => {
                let line = before.map_or_else(String::new, |line| format!("line {line} "));
                let what = format!("{} is not allowed: {line}says already what follows it", rule.code);
                section.note("code", what);
            }
            None => rules.push((rule, line)),
        }
        section.finish();
    }
    rules.into_iter().map(|(rule, _)| rule).collect()
}

fn rule(section: &mut Section<'_>) -> Option<(StatusRule, Option<usize>)> {
    let reactions = [
        ("slow-down", Reaction::SlowDown),
        ("no-room", Reaction::NoRoom(None)),
        ("later", Reaction::Later(None)),
        ("elsewhere", Reaction::Elsewhere),
        ("never", Reaction::Never),
    ];
    let classes = FailureClass::ALL.map(|class| (class.name(), class));
    let code = section.number("code", 1..=u32::MAX, "as the carrier answers").required();
    let then = section.choice("then", &reactions).required();
    let delay = section.duration("delay", Duration::from_millis(1), LONGEST).optional();
    let class = section.choice("class", &classes).optional();
    let then = match then? {
        Reaction::Later(_) => Reaction::Later(delay),
        Reaction::NoRoom(_) => Reaction::NoRoom(delay),
        then => {
            if delay.is_some() {
                section.note("delay", "is not allowed: it belongs to \"later\" and \"no-room\"");
            }
            then
        }
    };
    Some((StatusRule { code: code?, then, class }, section.line("code")))
}
