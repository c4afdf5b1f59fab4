//! What the accounts of all loads need: latencies, and faults of which only so many are told in full.

use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;

/// Latencies above this are told as this, microseconds: ten minutes.
const LONGEST_MICROS: u64 = 600_000_000;
/// Faults told in full; beyond it they are only counted.
const TOLD: usize = 20;

/// An empty histogram of microseconds.
pub fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, LONGEST_MICROS, 3)?)
}

/// Counts a latency.
pub fn note(histogram: &mut Histogram<u64>, took: Duration) {
    histogram.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
}

/// What was wrong.
#[derive(Debug, Default)]
pub struct Faults {
    told: Vec<String>,
    more: usize,
}

impl Faults {
    /// Takes one down.
    pub fn note(&mut self, fault: String) {
        if self.told.len() < TOLD {
            self.told.push(fault);
        } else {
            self.more += 1;
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.told.len() + self.more
    }

    /// Those that are told in full.
    pub fn told(&self) -> &[String] {
        &self.told
    }

    /// The same, and how many more there are.
    pub fn into_told(mut self) -> Vec<String> {
        if self.more > 0 {
            self.told.push(format!("and {} more", self.more));
        }
        self.told
    }
}
