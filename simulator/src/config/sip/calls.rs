//! `[carrier.calls]`: calls that the carrier makes.

use std::{net::SocketAddr, time::Duration};

use serde::Deserialize;

use super::{Act, Delay, Fault, Header, SipCarrier, yes};

/// Calls that the carrier makes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calls {
    /// How many a second; 0: only those injected.
    pub per_second: f64,
    /// How many in all; without it, for ever.
    pub count: Option<u64>,
    /// Where to: the account whose registration it is, or an address.
    pub target: CallTarget,
    /// What carries them to an address.
    #[serde(default)]
    pub transport: SipTransport,
    /// The callers, one drawn each time.
    pub from: Vec<String>,
    /// The callers' display name.
    pub display: Option<String>,
    /// The numbers called, one drawn each time.
    pub to: Vec<String>,
    /// How both are written.
    #[serde(default)]
    pub form: NumberForm,
    /// What follows a number inside the URI, such as `;npdi;rn=+8613800000000`.
    #[serde(default)]
    pub parameters: String,
    /// Further headers of the INVITE.
    #[serde(default)]
    pub headers: Vec<Header>,
    /// The offer comes in the INVITE, or is left to the other side.
    #[serde(default = "yes")]
    pub offer: bool,
    /// So long the carrier waits for an answer; then it gives the call up.
    #[serde(default = "default_give_up")]
    pub give_up: Delay,
    /// What it does once it is answered. Without a script: it hangs up after `hold`.
    pub script: Option<String>,
    /// So long an answered call lasts that has no script.
    #[serde(default)]
    pub hold: Delay,
}

/// Where the carrier's own calls go.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallTarget {
    /// The contact that this account registered.
    Account(String),
    /// This address.
    Address(SocketAddr),
}

/// What carries a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SipTransport {
    /// Datagrams.
    #[default]
    Udp,
    /// A stream.
    Tcp,
    /// A stream that is secure: with `[carrier.tls]` only.
    Tls,
}

/// How a number is written in a URI.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NumberForm {
    /// `sip:number@domain`.
    #[default]
    Sip,
    /// `sip:number@domain;user=phone`.
    SipPhone,
    /// `tel:number`.
    Tel,
}

impl Calls {
    /// Calls from one number to another, as plain as can be.
    #[must_use]
    pub fn new(per_second: f64, target: CallTarget, from: &str, to: &str) -> Self {
        Self {
            per_second,
            count: None,
            target,
            transport: SipTransport::default(),
            from: vec![from.to_owned()],
            display: None,
            to: vec![to.to_owned()],
            form: NumberForm::default(),
            parameters: String::new(),
            headers: Vec::new(),
            offer: true,
            give_up: default_give_up(),
            script: None,
            hold: Delay::default(),
        }
    }

    pub(super) fn check(&self, carrier: &SipCarrier) -> Result<(), Fault> {
        if !(0.0..=100_000.0).contains(&self.per_second) {
            return Err(("calls.per_second", "from 0 to 100000"));
        }
        if self.from.is_empty() || self.to.is_empty() {
            return Err(("calls.from", "at least one caller and one number"));
        }
        if let CallTarget::Account(name) = &self.target
            && !carrier.accounts.iter().any(|account| account.username == *name)
        {
            return Err(("calls.target", "no account has this name"));
        }
        if let Some(name) = &self.script {
            let script = carrier.script(name).ok_or(("calls.script", "no script has this name"))?;
            if script.steps.iter().any(|step| matches!(step.act, Act::Respond(_))) {
                return Err(("calls.script", "a caller's script has no `respond`"));
            }
        }
        Ok(())
    }
}

fn default_give_up() -> Delay {
    Delay::Fixed(Duration::from_secs(60))
}
