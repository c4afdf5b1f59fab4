//! What was measured, and whether it keeps the promises.

use std::{fmt, time::Duration};

/// A start takes no longer.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// The daemon takes no more memory, octets, however much is open or on record: its own caches and tables in memory.
const MEMORY_WITHIN: u64 = 512 << 20;

/// Violations told one by one.
const TOLD: usize = 20;

/// One start.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// From the process's beginning until `/readyz` says yes.
    pub ready_in: Duration,
    /// What it holds then, octets.
    pub memory: u64,
}

/// Everything that one run tells.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Open messages that were put in.
    pub open: u64,
    /// Ended messages that were put in.
    pub records: u64,
    /// How long that took.
    pub filled_in: Duration,
    /// The store's folder, octets.
    pub octets_on_disk: u64,
    /// The first start, and the one after the kill.
    pub starts: [Start; 2],
    /// Memory after ordinary traffic, octets.
    pub memory: u64,
    /// The most since the last start, octets.
    pub peak_memory: u64,
    /// What is not as it should be.
    pub faults: Vec<String>,
}

impl Figures {
    /// Promises that were not kept.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        let mut violations = self.faults.clone();
        for Start { ready_in, .. } in self.starts {
            if ready_in > READY_WITHIN {
                violations.push(format!("a start took {ready_in:.1?}, more than {READY_WITHIN:?}"));
            }
        }
        if self.peak_memory > MEMORY_WITHIN {
            let (peak, within) = (mebi(self.peak_memory), mebi(MEMORY_WITHIN));
            violations.push(format!("the daemon took {peak} MiB, more than {within} MiB"));
        }
        violations
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} open messages and {} records", self.open, self.records)?;
        writeln!(f, "filled in        {:>8.0?}", self.filled_in)?;
        writeln!(f, "on disk          {:>8} MiB", mebi(self.octets_on_disk))?;
        for (name, Start { ready_in, memory }) in ["first start", "after the kill"].iter().zip(self.starts) {
            writeln!(f, "{name:<16} {:>8.2} s to ready, {} MiB", ready_in.as_secs_f64(), mebi(memory))?;
        }
        writeln!(f, "after traffic    {:>8} MiB, at most {} MiB", mebi(self.memory), mebi(self.peak_memory))?;
        let violations = self.violations();
        violations.iter().take(TOLD).try_for_each(|violation| writeln!(f, "BROKEN: {violation}"))?;
        if violations.len() > TOLD {
            writeln!(f, "BROKEN: and {} more", violations.len() - TOLD)?;
        }
        let verdict = if violations.is_empty() { "kept" } else { "broken" };
        writeln!(f, "promises {verdict}: ready within {READY_WITHIN:?}, {} MiB at most", mebi(MEMORY_WITHIN))
    }
}

fn mebi(octets: u64) -> u64 {
    octets >> 20
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_start_much_memory_and_a_lost_message_are_each_a_violation() {
        let start = Start { ready_in: Duration::from_secs(1), memory: 1 << 20 };
        let sound = Figures {
            open: 1,
            records: 1,
            filled_in: Duration::ZERO,
            octets_on_disk: 0,
            starts: [start; 2],
            memory: 0,
            peak_memory: MEMORY_WITHIN,
            faults: Vec::new(),
        };
        assert!(sound.violations().is_empty() && sound.to_string().contains("promises kept"));
        let slow = Start { ready_in: Duration::from_secs(11), ..start };
        let broken = [
            Figures { starts: [start, slow], ..sound.clone() },
            Figures { peak_memory: MEMORY_WITHIN + 1, ..sound.clone() },
            Figures { faults: vec!["lost".to_owned()], ..sound },
        ];
        for figures in broken {
            assert_eq!(figures.violations().len(), 1);
            assert!(figures.to_string().contains("promises broken"));
        }
    }
}
