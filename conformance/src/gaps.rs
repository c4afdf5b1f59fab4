//! Faults of the oracles, known one by one. A known gap that no longer shows is itself a failure, so the list can't
//! outlive its reasons.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

/// Why a test's failure is not ours, and who judges instead.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// What the oracle does wrong.
    pub reason: String,
    /// The other judge of the same octets, or `none`.
    pub second_judge: String,
}

/// The known gaps of one oracle, by the name of the case.
#[derive(Debug, Default)]
pub struct Gaps(BTreeMap<String, Gap>);

impl Gaps {
    /// Reads the gaps of `oracle` from the crate's `known-gaps.toml`.
    ///
    /// # Errors
    /// When the file can't be read as such.
    pub fn of(oracle: &str) -> Result<Self> {
        const FILE: &str = include_str!("../known-gaps.toml");
        let mut all: BTreeMap<String, BTreeMap<String, Gap>> =
            toml::from_str(FILE).context("known-gaps.toml")?;
        Ok(Self(all.remove(oracle).unwrap_or_default()))
    }

    /// Says whether there is a gap about `case`.
    #[must_use]
    pub fn knows(&self, case: &str) -> bool {
        self.0.contains_key(case)
    }

    /// The gap about `case`.
    #[must_use]
    pub fn get(&self, case: &str) -> Option<&Gap> {
        self.0.get(case)
    }

    /// Sets what was found against what is known. `found` has each case with its complaint, if there is one.
    ///
    /// # Errors
    /// A complaint that is not known, a known gap that had none, or a gap about no case at all.
    pub fn settle<'a>(&self, found: impl IntoIterator<Item = (&'a str, Option<String>)>) -> Result<()> {
        let mut unmet: Vec<&str> = self.0.keys().map(String::as_str).collect();
        let mut failures = Vec::new();
        for (case, complaint) in found {
            unmet.retain(|known| *known != case);
            match (self.0.get(case), complaint) {
                (None, Some(complaint)) => failures.push(format!("{case}: {complaint}")),
                (Some(gap), None) => {
                    failures.push(format!("{case} passes, though known-gaps.toml says: {}", gap.reason));
                }
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
        failures.extend(
            unmet.into_iter().map(|known| format!("{known}: a known gap about nothing that was judged")),
        );
        if failures.is_empty() {
            return Ok(());
        }
        bail!("{} of the cases are wrong:\n{}", failures.len(), failures.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps() -> Gaps {
        let gap = Gap { reason: "reads one octet".into(), second_judge: "none".into() };
        Gaps(BTreeMap::from([("broadcast_sm".to_owned(), gap)]))
    }

    #[test]
    fn a_known_complaint_is_no_failure_and_its_absence_is() {
        assert!(gaps().settle([("broadcast_sm", Some("malformed".into())), ("bind", None)]).is_ok());
        let told = gaps().settle([("broadcast_sm", None)]).unwrap_err().to_string();
        assert!(told.contains("broadcast_sm passes"), "{told}");
    }

    #[test]
    fn an_unknown_complaint_is_a_failure() {
        let told = gaps().settle([("broadcast_sm", Some(String::new())), ("bind", Some("malformed".into()))]);
        assert!(told.unwrap_err().to_string().contains("bind: malformed"));
    }

    #[test]
    fn a_gap_about_no_case_is_a_failure() {
        assert!(gaps().settle([]).is_err());
    }
}
