//! The scenario: one TOML file that says which carriers there are and how they behave.
//!
//! Only the shape is here. What a rule decides is in [`crate::behaviour`], what a link fault does in [`crate::fault`].

mod carrier;
mod delay;
mod document;
mod error;
mod inject;
mod mo;
mod profile;
mod receipts;
pub mod sip;
mod submits;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use serde::Deserialize;

pub use self::{
    carrier::{Account, Carrier, Protocol},
    delay::Delay,
    error::ScenarioError,
    inject::{Inject, Octets, Sequence},
    mo::Mo,
    receipts::{IdForm, ReceiptForm, Receipts, State},
    submits::{Answer, Faults, Refuse, RefuseOn, Throttle},
};
use delay::duration;

/// Everything that one process simulates.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Start of every random decision; the same seed and the same input give the same decisions.
    pub seed: u64,
    /// What the calendar reads at the start, in UTC; it moves with the runtime's clock from there on. By default it is the
    /// system's.
    pub epoch: Option<Timestamp>,
    /// Where to write what was seen, one JSON object a line.
    pub record: Option<PathBuf>,
    /// The carriers of messages. There is at least one carrier in all.
    pub carriers: Vec<Carrier>,
    /// The carriers of calls.
    pub sip_carriers: Vec<sip::SipCarrier>,
}

/// A share, 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Deserialize)]
#[serde(try_from = "f64")]
pub struct Ratio(f64);

impl Ratio {
    /// None at all.
    pub const NEVER: Self = Self(0.0);
    /// All of them.
    pub const ALWAYS: Self = Self(1.0);

    /// The share as a number from 0 to 1.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Ratio {
    type Error = &'static str;

    fn try_from(share: f64) -> Result<Self, Self::Error> {
        if (0.0..=1.0).contains(&share) { Ok(Self(share)) } else { Err("a ratio is from 0 to 1") }
    }
}

impl Scenario {
    /// Reads and checks a scenario file.
    ///
    /// # Errors
    /// The file can't be read or is no scenario; the error names file, line and key.
    pub fn load(path: impl Into<PathBuf>) -> Result<Self, ScenarioError> {
        let path = path.into();
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::read(&path.display().to_string(), &text),
            Err(cause) => Err(ScenarioError::Unreadable { path, cause }),
        }
    }

    /// Reads and checks a scenario that is at hand as text.
    ///
    /// # Errors
    /// It is no scenario; the error names line and key.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        Self::read("scenario", text)
    }

    fn read(path: &str, text: &str) -> Result<Self, ScenarioError> {
        let mut scenario = document::read(text)
            .map_err(|cause| ScenarioError::Syntax { path: path.to_owned(), cause: Box::new(cause) })?;
        let folder = Path::new(path).parent().unwrap_or(Path::new(""));
        for carrier in &mut scenario.carriers {
            carrier.adopt_profile(folder).map_err(|fault| ScenarioError::Profile {
                path: path.to_owned(),
                carrier: carrier.name.clone(),
                fault: Box::new(fault),
            })?;
        }
        scenario.check().map_err(|(carrier, key, problem)| ScenarioError::Value {
            path: path.to_owned(),
            carrier,
            key,
            problem,
        })?;
        Ok(scenario)
    }

    /// Checks what the types can't: the first value that can't be, as carrier, key and problem.
    fn check(&self) -> Result<(), (String, &'static str, &'static str)> {
        if self.carriers.is_empty() && self.sip_carriers.is_empty() {
            return Err((String::new(), "carrier", "there is none"));
        }
        for (index, carrier) in self.carriers.iter().enumerate() {
            let named = |(key, problem)| (carrier.name.clone(), key, problem);
            if self.carriers[..index].iter().any(|other| other.name == carrier.name) {
                return Err(named(("name", "another carrier has it")));
            }
            carrier.check().map_err(named)?;
        }
        for (index, carrier) in self.sip_carriers.iter().enumerate() {
            let named = |(key, problem)| (carrier.name.clone(), key, problem);
            let is_taken = self.carriers.iter().any(|other| other.name == carrier.name)
                || self.sip_carriers[..index].iter().any(|other| other.name == carrier.name);
            if is_taken {
                return Err(named(("name", "another carrier has it")));
            }
            carrier.check().map_err(named)?;
        }
        Ok(())
    }
}

fn some_duration<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    duration(from).map(Some)
}

fn always() -> Ratio {
    Ratio::ALWAYS
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = r#"
[[carrier]]
name = "a"
protocol = "smpp34"
[[carrier.account]]
system_id = "esme"
password = "secret"
"#;

    #[test]
    fn takes_the_least_scenario_and_fills_in_the_rest() {
        let scenario = Scenario::parse(LEAST).expect("a scenario");
        let carrier = &scenario.carriers[0];
        assert_eq!(carrier.listen.port(), 0);
        assert_eq!(carrier.receipts.ratio, Ratio::ALWAYS);
        assert_eq!(carrier.receipts.states[0].stat, "DELIVRD");
        assert!(carrier.mo.is_none() && carrier.throttle.is_none());
    }

    #[test]
    fn names_line_and_key_of_an_unknown_key() {
        let error = Scenario::parse(&format!("{LEAST}pasword = \"x\"\n")).expect_err("refused").to_string();
        assert!(error.contains("line 8") && error.contains("pasword"), "{error}");
    }

    #[test]
    fn never_shows_a_password() {
        let scenario = Scenario::parse(LEAST).expect("a scenario");
        assert!(!format!("{scenario:?}").contains("secret"));
    }

    #[test]
    fn refuses_values_that_can_t_be() {
        for (line, key) in [
            ("[carrier.receipts]\nratio = 1.5", "ratio"),
            ("[carrier.receipts]\nstates = []", "receipts.states"),
            ("[carrier.receipts]\nstates = [{ stat = \"DELIVERED\" }]", "receipts.states.stat"),
            ("[carrier.throttle]\nsubmits_per_second = 0", "submits_per_second"),
            ("[carrier.faults]\nsplit_octets = 0", "faults.split_octets"),
            ("[carrier.faults]\nglue = \"-3ms\"", "glue"),
            ("[[carrier.account]]\nsystem_id = \"esme\"\npassword = \"\"", "account.system_id"),
            ("[[carrier.inject]]\noctets = \"00\"", "inject"),
            ("[[carrier.inject]]\noctets = \"00\"\nafter = \"1s\"\ninstead = true", "inject.instead"),
            ("[[carrier.inject]]\noctets = \"0\"\nafter = \"1s\"", "octets"),
            ("[[carrier.inject]]\noctets = \"00\"\nafter_submits = 0", "inject.after_submits"),
            ("[carrier.mo]\nper_second = 1\nfrom = \"+86\"\nto = \"1\"\ntexts = [\"x\"]", "mo.from"),
        ] {
            let error = Scenario::parse(&format!("{LEAST}{line}\n")).expect_err(line).to_string();
            assert!(error.contains(key), "{error}");
        }
    }
}
