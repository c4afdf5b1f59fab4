//! Who may call and register, and how that is proved.

use std::{fmt, time::Duration};

use serde::Deserialize;

use super::{Fault, Ratio, duration, some_duration};

/// Who may register, and whom challenges are for. Its credentials also answer those who challenge the carrier.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SipAccount {
    /// The user of the address of record and of the digest.
    pub username: String,
    /// Its password.
    pub password: String,
}

impl fmt::Debug for SipAccount {
    /// Leaves the password out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SipAccount").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Which requests have to prove who sent them, and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// Which methods; REGISTER is always challenged with 401.
    #[serde(default = "default_challenged")]
    pub on: Vec<String>,
    /// 401 or 407, for all but REGISTER.
    #[serde(default = "default_challenge_status")]
    pub status: u16,
    /// One challenge each, in this order: `MD5`, `SHA-256`, `SHA-512-256` and their `-sess`.
    #[serde(default = "default_algorithms")]
    pub algorithms: Vec<String>,
    /// The qop offered: `auth`, `auth-int`, `auth,auth-int`, or nothing.
    #[serde(default = "default_qop")]
    pub qop: String,
    /// So long a nonce is good; then it is stale. By default for good.
    #[serde(default, deserialize_with = "some_duration")]
    pub nonce_for: Option<Duration>,
    /// Share of calls whose first good credentials are called stale all the same, 0 to 1.
    #[serde(default)]
    pub stale: Ratio,
}

/// How registrations are taken.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Registrar {
    /// The most that is granted.
    #[serde(deserialize_with = "duration")]
    pub expires: Duration,
    /// Shorter ones are refused with 423.
    #[serde(deserialize_with = "duration")]
    pub min_expires: Duration,
    /// Bindings that one account may have.
    pub bindings: usize,
}

impl Default for Registrar {
    fn default() -> Self {
        Self { expires: Duration::from_secs(3600), min_expires: Duration::from_secs(1), bindings: 8 }
    }
}

impl Challenge {
    pub(super) fn check(&self, accounts: &[SipAccount]) -> Result<(), Fault> {
        const ALGORITHMS: [&str; 6] =
            ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess"];
        if accounts.is_empty() {
            return Err(("challenge", "there is no account"));
        }
        if self.on.iter().any(|method| !["INVITE", "REGISTER"].contains(&method.as_str())) {
            return Err(("challenge.on", "INVITE, REGISTER"));
        }
        if ![401, 407].contains(&self.status) {
            return Err(("challenge.status", "401 or 407"));
        }
        let is_known = |name: &String| ALGORITHMS.contains(&name.as_str());
        if self.algorithms.is_empty() || !self.algorithms.iter().all(is_known) {
            return Err(("challenge.algorithms", "MD5, SHA-256, SHA-512-256, or one of these with -sess"));
        }
        if !["", "auth", "auth-int", "auth,auth-int"].contains(&self.qop.as_str()) {
            return Err(("challenge.qop", "auth, auth-int, both with a comma, or nothing"));
        }
        Ok(())
    }
}

fn default_challenged() -> Vec<String> {
    ["INVITE", "REGISTER"].map(str::to_owned).to_vec()
}

fn default_challenge_status() -> u16 {
    407
}

fn default_algorithms() -> Vec<String> {
    vec!["MD5".to_owned()]
}

fn default_qop() -> String {
    "auth".to_owned()
}
