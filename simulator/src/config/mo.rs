//! `[carrier.mo]`: messages from phones.

use serde::Deserialize;

use super::Ratio;

/// Messages from phones.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mo {
    /// Messages a second, over all accounts; 0: only those injected.
    pub per_second: f64,
    /// The first phone number; digits.
    pub from: String,
    /// How many numbers there are from the first on.
    #[serde(default = "many")]
    pub numbers: u64,
    /// The number that they are sent to.
    pub to: String,
    /// What they say, one drawn each time.
    pub texts: Vec<String>,
    /// Share of texts that are repeated until they take several parts, 0 to 1.
    #[serde(default)]
    pub long: Ratio,
}

impl Mo {
    pub(super) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if !(0.0..=100_000.0).contains(&self.per_second) {
            return Err(("mo.per_second", "from 0 to 100000"));
        }
        if self.texts.is_empty() || self.texts.iter().any(String::is_empty) {
            return Err(("mo.texts", "none, or an empty one"));
        }
        let is_number =
            |number: &str| (1..=18).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
        if !is_number(&self.from) {
            return Err(("mo.from", "1 to 18 digits"));
        }
        if !is_number(&self.to) {
            return Err(("mo.to", "1 to 18 digits"));
        }
        if self.numbers == 0 {
            return Err(("mo.numbers", "1 or more"));
        }
        Ok(())
    }
}

fn many() -> u64 {
    10_000
}
