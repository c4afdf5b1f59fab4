//! What came of a run: a table, and the promises that were broken.

use std::fmt;

use super::consumer::Heard;

/// Violations told in full.
const SHOWN: usize = 50;

/// What came of it all.
#[derive(Debug, Default)]
pub struct Verdict {
    pub(super) rows: Vec<(&'static str, u64)>,
    /// Broken promises, by request or call.
    pub violations: Vec<String>,
}

impl Verdict {
    /// Adds a line to the table.
    pub fn note(&mut self, name: &'static str, value: u64) {
        self.rows.push((name, value));
    }

    /// Says that a promise was broken.
    pub fn broken(&mut self, what: String) {
        self.violations.push(what);
    }

    /// Looks at the log as a whole.
    pub(super) fn look_at_log(&mut self, heard: &Heard) {
        self.violations.extend(heard.faults.iter().cloned());
        let first = heard.events.keys().next().copied().unwrap_or(1);
        for (expected, sequence) in (first..).zip(heard.events.keys()) {
            if expected != *sequence {
                self.broken(format!("event {expected} is missing: after it comes {sequence}"));
                break;
            }
        }
        self.note("events", heard.events.len() as u64);
        self.note("events redelivered", heard.redelivered);
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.rows {
            writeln!(f, "{name:<52}{value:>10}")?;
        }
        for violation in self.violations.iter().take(SHOWN) {
            writeln!(f, "VIOLATION {violation}")?;
        }
        if self.violations.len() > SHOWN {
            writeln!(f, "VIOLATION and {} more", self.violations.len() - SHOWN)?;
        }
        writeln!(f, "{:<52}{:>10}", "violations", self.violations.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api;

    #[test]
    fn a_gap_in_the_log_is_told() {
        let event = |sequence| (sequence, api::Event { sequence, ..Default::default() });
        let mut verdict = Verdict::default();
        let heard = Heard { events: [event(4), event(5), event(7)].into(), ..Default::default() };
        verdict.look_at_log(&heard);
        assert_eq!(verdict.violations, ["event 6 is missing: after it comes 7"]);
        assert!(verdict.to_string().contains("VIOLATION event 6"));
    }
}
