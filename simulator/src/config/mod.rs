//! The scenario: one TOML file that says which carriers there are and how they behave.
//!
//! Only the shape is here. What a rule decides is in [`crate::behaviour`], what a link fault does in [`crate::fault`].

mod delay;
mod document;
mod error;
mod inject;
mod profile;
pub mod sip;

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use serde::Deserialize;

pub use self::{
    delay::Delay,
    error::ScenarioError,
    inject::{Inject, Octets, Sequence},
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

/// How submits are answered.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Answer {
    /// How long an answer takes.
    pub delay: Delay,
    /// Share of submits that are taken but never answered, 0 to 1.
    pub silence: Ratio,
    /// SMPP 5.0: congestion_state of every answer, 0 to 100.
    pub congestion: Option<u8>,
}

/// One reason to refuse.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refuse {
    /// What it looks at.
    pub on: RefuseOn,
    /// Share of what fits that is refused, 0 to 1.
    #[serde(default = "always")]
    pub ratio: Ratio,
    /// How the recipient (of a bind: the account) has to begin.
    #[serde(default)]
    pub prefix: String,
    /// How the recipient (of a bind: the account) has to end.
    #[serde(default)]
    pub suffix: String,
    /// Of a submit: only if it is this part of a long message, counted from 1.
    pub part: Option<u8>,
    /// How often the rule refuses; without it, for ever.
    pub times: Option<u64>,
    /// Of a bind: only if it asks for a version above this one, written as the protocol does.
    pub above_version: Option<u8>,
    /// Of a bind: only if this is its command id, e.g. 9 for bind_transceiver.
    pub command: Option<u32>,
    /// What is answered: SMPP command_status, CMPP Status or Result.
    pub status: u32,
}

/// What a refusal looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RefuseOn {
    /// Binds, whoever binds.
    Bind,
    /// Submits, by their first recipient.
    Submit,
}

/// How many submits one account may send.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Throttle {
    /// The rate; a burst of one second's worth is allowed.
    pub submits_per_second: u32,
    /// What the others are answered; by default SMPP 0x58, CMPP 8.
    pub status: Option<u32>,
}

/// What becomes of messages, and how that is told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Receipts {
    /// Share of wanted receipts that are sent, 0 to 1.
    pub ratio: Ratio,
    /// From the answer to the receipt.
    pub delay: Delay,
    /// What becomes of messages, by weight.
    pub states: Vec<State>,
    /// SMPP: where a receipt says it. Default in both places.
    pub form: Option<ReceiptForm>,
    /// SMPP: how message ids are written. Default decimal.
    pub id: Option<IdForm>,
    /// The receipt overtakes the answer: it is sent first, whatever `delay` says.
    pub before_response: bool,
    /// Share of receipts that are sent twice, 0 to 1.
    pub duplicate: Ratio,
    /// Receipts go round over the account's links; else to the link of the submit, if that may receive.
    pub on_any_link: bool,
    /// Times a receipt is sent again after a link was lost with it, or it was refused.
    pub retries: u32,
    /// Receipts and other deliveries that one account may have waiting; beyond that the oldest goes out early, and
    /// is lost if no link takes it.
    pub pending: usize,
}

impl Default for Receipts {
    fn default() -> Self {
        Self {
            ratio: Ratio::ALWAYS,
            delay: Delay::default(),
            states: vec![State { stat: "DELIVRD".to_owned(), weight: 1, err: None }],
            form: None,
            id: None,
            before_response: false,
            duplicate: Ratio::NEVER,
            on_any_link: false,
            retries: 5,
            // Ten seconds of 20,000 a second.
            pending: 200_000,
        }
    }
}

/// One thing that may become of a message.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The word, at most 7 octets: `DELIVRD`, `UNDELIV`, a vendor's `MK:0001`.
    pub stat: String,
    /// How often, against the others.
    #[serde(default = "one")]
    pub weight: u32,
    /// SMPP: `err` of the text, 0 to 999; by default 0 for `DELIVRD` and 1 for others.
    pub err: Option<u16>,
}

/// Where an SMPP receipt says it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReceiptForm {
    /// In short_message.
    Text,
    /// In receipted_message_id and message_state.
    Tlv,
    /// In both.
    #[default]
    Both,
}

/// How SMPP message ids are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdForm {
    /// Decimal everywhere.
    #[default]
    AsIs,
    /// Upper-case hexadecimal everywhere.
    Hex,
    /// Upper-case hexadecimal with its leading zeros in the answer and in receipted_message_id, lower-case without them
    /// in the receipt's text.
    Folded,
    /// Hexadecimal in the answer and in receipted_message_id, decimal in the receipt's text.
    HexInAnswerDecimalInReceipt,
    /// Decimal in the answer and in receipted_message_id, hexadecimal in the receipt's text.
    DecimalInAnswerHexInReceipt,
}

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

/// What the connection itself does wrong. Nothing by default.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// Only the connection with this number does wrong, counted from 1; by default every one does.
    pub link: Option<u64>,
    /// Answers to submits take this much longer.
    #[serde(deserialize_with = "duration")]
    pub lag: Duration,
    /// At most this many octets are written at once.
    pub split_octets: Option<usize>,
    /// So long nothing more is written after each write.
    #[serde(deserialize_with = "some_duration")]
    pub drip: Option<Duration>,
    /// What is to be written is held back this long and then written at once.
    #[serde(deserialize_with = "some_duration")]
    pub glue: Option<Duration>,
    /// The connection is cut, without an unbind, after this many submits.
    pub cut_after_submits: Option<u64>,
    /// The carrier unbinds at this submit of a connection: what it has not answered by then it never answers there.
    pub unbind_after_submits: Option<u64>,
    /// From this submit of a connection on, nothing is read or written for `stall_for`.
    pub stall_after_submits: Option<u64>,
    /// How long a stall lasts; by default for good.
    #[serde(deserialize_with = "some_duration")]
    pub stall_for: Option<Duration>,
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

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
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

impl Mo {
    fn check(&self) -> Result<(), (&'static str, &'static str)> {
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

fn some_duration<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    duration(from).map(Some)
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

fn always() -> Ratio {
    Ratio::ALWAYS
}

fn one() -> u32 {
    1
}

fn many() -> u64 {
    10_000
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
