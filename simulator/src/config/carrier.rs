//! `[[carrier]]` with a protocol for messages: who it is, who may bind, and its windows.

use std::{fmt, net::SocketAddr, time::Duration};

use serde::Deserialize;

use super::{Answer, Faults, Inject, Mo, Receipts, Refuse, Throttle, duration, some_duration};

/// One carrier's gateway.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carrier {
    /// Its name in the record, in statistics and in [`crate::Simulator::addresses`].
    pub name: String,
    /// The kind of carrier that it is: a shipped profile's name, or `file:PATH` relative to the scenario. What it says
    /// of the protocol, links, windows, rates, timers and receipts stands in for keys that are not here; its other habits show
    /// as well, and a submit that does not keep to them is refused.
    pub profile: Option<String>,
    /// What is known of the profile's habits; nothing without one.
    #[serde(skip)]
    pub habits: profiles::Habits,
    /// What it speaks; see [`Carrier::speaks`].
    pub protocol: Option<Protocol>,
    /// Where it listens; port 0 lets the system choose.
    #[serde(default = "any_port")]
    pub listen: SocketAddr,
    /// Links that one account may have bound at a time. Default 16.
    pub max_links: Option<usize>,
    /// How long the place of a link that ended without an unbind stays taken: a ghost that is not noticed sooner.
    #[serde(default, deserialize_with = "duration")]
    pub ghost: Duration,
    /// Deliveries that may wait for an answer on one link, 1 or more.
    #[serde(default = "default_window")]
    pub window: usize,
    /// Submits that may wait for our answer on one link; beyond that the link is not read.
    #[serde(default = "default_submit_window")]
    pub submit_window: usize,
    /// Silence after which a link is tested. Default a minute.
    #[serde(default, deserialize_with = "some_duration")]
    pub probe_after: Option<Duration>,
    /// How long a delivery waits for its answer. Default half a minute.
    #[serde(default, deserialize_with = "some_duration")]
    pub response_timeout: Option<Duration>,
    /// CMPP: the gateway's code in message ids, six digits at most.
    #[serde(default = "default_gateway")]
    pub gateway: u32,
    /// SMPP: the first message id; by default taken from the clock, so that no two runs share ids.
    pub first_id: Option<u64>,
    /// Who may bind, at least one.
    #[serde(rename = "account")]
    pub accounts: Vec<Account>,
    /// How submits are answered.
    #[serde(default)]
    pub answer: Answer,
    /// What is refused; the first rule that fits decides.
    #[serde(default, rename = "refuse")]
    pub refusals: Vec<Refuse>,
    /// How many submits one account may send.
    pub throttle: Option<Throttle>,
    /// Submits that may wait for an answer on one link, before more are refused as too many.
    pub throttle_window: Option<usize>,
    /// What becomes of messages, and how that is told.
    #[serde(default)]
    pub receipts: Receipts,
    /// Messages from phones.
    pub mo: Option<Mo>,
    /// What the connection itself does wrong.
    #[serde(default)]
    pub faults: Faults,
    /// What is said out of turn.
    #[serde(default, rename = "inject")]
    pub injections: Vec<Inject>,
}

/// A protocol and its highest version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// SMPP 3.3.
    Smpp33,
    /// SMPP 3.4.
    Smpp34,
    /// SMPP 5.0.
    Smpp50,
    /// CMPP 2.0.
    Cmpp20,
    /// CMPP 2.1.
    Cmpp21,
    /// CMPP 3.0.
    Cmpp30,
}

impl Protocol {
    /// Says whether it is a version of CMPP.
    #[must_use]
    pub fn is_cmpp(self) -> bool {
        matches!(self, Self::Cmpp20 | Self::Cmpp21 | Self::Cmpp30)
    }
}

/// Who may bind.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// SMPP system_id (at most 15 octets) or CMPP Source_Addr (at most 6).
    #[serde(alias = "source_addr")]
    pub system_id: String,
    /// SMPP password (at most 8 octets) or CMPP shared secret.
    #[serde(alias = "shared_secret")]
    pub password: String,
}

impl fmt::Debug for Account {
    /// Leaves the password out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("system_id", &self.system_id).finish_non_exhaustive()
    }
}

impl Carrier {
    /// What it speaks: its own word, or its profile's.
    #[must_use]
    pub fn speaks(&self) -> Protocol {
        // Checked with the scenario to be said.
        self.protocol.unwrap_or(Protocol::Smpp34)
    }

    /// Links that one account may have bound at a time.
    #[must_use]
    pub fn most_links(&self) -> usize {
        self.max_links.unwrap_or(16)
    }

    pub(super) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.protocol.is_none() {
            return Err(("protocol", "is missing: say it, or a profile that does"));
        }
        let (account_octets, password_octets) = if self.speaks().is_cmpp() { (6, 64) } else { (15, 8) };
        if self.accounts.is_empty() {
            return Err(("account", "there is none"));
        }
        for (index, account) in self.accounts.iter().enumerate() {
            if account.system_id.is_empty() || account.system_id.len() > account_octets {
                return Err(("account.system_id", "too long for its field, or empty"));
            }
            if account.password.len() > password_octets {
                return Err(("account.password", "too long for its field"));
            }
            if self.accounts[..index].iter().any(|other| other.system_id == account.system_id) {
                return Err(("account.system_id", "another account has it"));
            }
        }
        if self.gateway >= 1 << 22 {
            return Err(("gateway", "more than 22 bits"));
        }
        if self.window == 0 || self.submit_window == 0 || self.max_links == Some(0) {
            return Err(("window", "windows and max_links are 1 or more"));
        }
        if self.throttle.is_some_and(|throttle| throttle.submits_per_second == 0) {
            return Err(("throttle.submits_per_second", "1 or more"));
        }
        if self.receipts.states.iter().map(|state| u64::from(state.weight)).sum::<u64>() == 0 {
            return Err(("receipts.states", "no state has a weight"));
        }
        if self.receipts.states.iter().any(|state| state.stat.len() > 7 || !state.stat.is_ascii()) {
            return Err(("receipts.states.stat", "at most 7 ASCII characters"));
        }
        if self.receipts.states.iter().any(|state| state.err.is_some_and(|err| err > 999)) {
            return Err(("receipts.states.err", "at most 999"));
        }
        if self.receipts.pending == 0 {
            return Err(("receipts.pending", "1 or more"));
        }
        if self.throttle_window == Some(0) {
            return Err(("throttle_window", "1 or more"));
        }
        if self.answer.congestion.is_some_and(|state| state > 100 || self.speaks() != Protocol::Smpp50) {
            return Err(("answer.congestion", "0 to 100, and only SMPP 5.0 has it"));
        }
        if self.faults.split_octets == Some(0) {
            return Err(("faults.split_octets", "1 or more"));
        }
        self.injections.iter().try_for_each(Inject::check)?;
        self.mo.as_ref().map_or(Ok(()), Mo::check)
    }
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn default_window() -> usize {
    64
}

fn default_submit_window() -> usize {
    1024
}

fn default_gateway() -> u32 {
    1001
}
