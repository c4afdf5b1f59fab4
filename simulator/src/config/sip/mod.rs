//! `[[carrier]]` with `protocol = "sip"`: a carrier of calls.
//!
//! Which script answers a call is decided in the module `sip`, as are the steps of a script and the faults of the network.

mod access;
mod calls;
mod network;
mod step;
mod tls;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::Deserialize;

pub use self::{
    access::{Challenge, Registrar, SipAccount},
    calls::{CallTarget, Calls, NumberForm, SipTransport},
    network::{Datagrams, Streams},
    step::{Act, Header, Offer, Response, Rule, Script, Step, Way},
    tls::SipTls,
};
use super::{Delay, Ratio, always, duration, some_duration};

/// What is wrong with a value: the key and the problem.
type Fault = (&'static str, &'static str);

/// One carrier of calls: a switch that registers, challenges, answers by script, and calls itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SipCarrier {
    /// Its name in the record, in statistics and in [`crate::Simulator::addresses`].
    pub name: String,
    /// Always `sip`.
    pub protocol: String,
    /// Where it listens for datagrams; port 0 lets the system choose. Without any `udp` and `tcp`: one port of the
    /// loopback for both.
    #[serde(default)]
    pub udp: Vec<SocketAddr>,
    /// Where it listens for TCP. Port 0 takes the port of the first `udp` of the same address.
    #[serde(default)]
    pub tcp: Vec<SocketAddr>,
    /// Where it listens for TLS, and its certificates. Without it: nowhere.
    pub tls: Option<SipTls>,
    /// Its domain, in its URIs and as the realm of its challenges.
    #[serde(default = "default_domain")]
    pub domain: String,
    /// What it calls itself in User-Agent and Server.
    #[serde(default = "default_agent")]
    pub user_agent: String,
    /// Who may register, and whom challenges are for.
    #[serde(default, rename = "account")]
    pub accounts: Vec<SipAccount>,
    /// Which requests have to prove who sent them. Without it: none.
    pub challenge: Option<Challenge>,
    /// Takes registrations. Without it a REGISTER is answered with 405.
    pub registrar: Option<Registrar>,
    /// Named ways to treat a call.
    #[serde(default, rename = "script")]
    pub scripts: Vec<Arc<Script>>,
    /// Which calls get which script; the first that fits decides. A call that none fits rings and is answered at once.
    #[serde(default, rename = "answer")]
    pub answers: Vec<AnswerBy>,
    /// Calls that the carrier makes.
    pub calls: Option<Calls>,
    /// Session timers and reliable provisional responses of its own calls, in both directions.
    #[serde(default)]
    pub session: SessionRules,
    /// SIP's own timers, for those who can't wait.
    #[serde(default)]
    pub timers: SipTimers,
    /// How display names and the values of further headers are written.
    #[serde(default)]
    pub charset: Charset,
    /// What the network does to datagrams, both ways.
    #[serde(default)]
    pub datagrams: Datagrams,
    /// What it does to streams: writes split and glued.
    #[serde(default)]
    pub streams: Streams,
    /// Whether the record has every message as it was on the wire; else only what became of calls.
    #[serde(default = "yes")]
    pub record_messages: bool,
    /// Calls that may be open at once; more are answered with 503.
    #[serde(default = "default_capacity")]
    pub capacity: usize,
}

/// Which calls get which script.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerBy {
    /// The script's name.
    pub script: String,
    /// Only this number, as it is in the Request-URI.
    pub number: Option<String>,
    /// How the number has to begin.
    #[serde(default)]
    pub prefix: String,
    /// How it has to end.
    #[serde(default)]
    pub suffix: String,
    /// Share of what fits, 0 to 1.
    #[serde(default = "always")]
    pub ratio: Ratio,
    /// How often the rule decides; without it, for ever.
    pub times: Option<u64>,
    /// Only what comes beyond so many calls a second.
    pub above_per_second: Option<u32>,
}

/// Session timers and reliable provisional responses.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionRules {
    /// Session-Expires that is asked for, and the most that is granted. By default no timer of its own.
    #[serde(deserialize_with = "some_duration")]
    pub expires: Option<Duration>,
    /// Min-SE: less is refused with 422. Default 90 s, and never less.
    #[serde(deserialize_with = "some_duration")]
    pub min_expires: Option<Duration>,
}

/// SIP's own timers.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SipTimers {
    /// The first interval between retransmissions. Default 500 ms; what is 64 of it follows.
    #[serde(deserialize_with = "some_duration")]
    pub t1: Option<Duration>,
    /// The longest interval. Default 4 s.
    #[serde(deserialize_with = "some_duration")]
    pub t2: Option<Duration>,
}

/// How display names and the values of further headers are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Charset {
    /// As the standard has it.
    #[default]
    Utf8,
    /// As some carriers in China do.
    Gbk,
}

impl Charset {
    /// The octets of a text.
    #[must_use]
    pub fn encode(self, text: &str) -> Bytes {
        match self {
            Self::Utf8 => Bytes::copy_from_slice(text.as_bytes()),
            Self::Gbk => Bytes::from(encoding_rs::GBK.encode(text).0.into_owned()),
        }
    }
}

impl SipCarrier {
    /// A carrier that knows nobody and answers everybody.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            protocol: "sip".to_owned(),
            udp: Vec::new(),
            tcp: Vec::new(),
            tls: None,
            domain: default_domain(),
            user_agent: default_agent(),
            accounts: Vec::new(),
            challenge: None,
            registrar: None,
            scripts: Vec::new(),
            answers: Vec::new(),
            calls: None,
            session: SessionRules::default(),
            timers: SipTimers::default(),
            charset: Charset::default(),
            datagrams: Datagrams::default(),
            streams: Streams::default(),
            record_messages: true,
            capacity: default_capacity(),
        }
    }

    /// The script of that name.
    #[must_use]
    pub fn script(&self, name: &str) -> Option<&Arc<Script>> {
        self.scripts.iter().find(|script| script.name == name)
    }

    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.calls.as_ref().is_some_and(|calls| calls.transport == SipTransport::Tls) && self.tls.is_none()
        {
            return Err(("calls.transport", "TLS only with [carrier.tls]"));
        }
        if self.protocol != "sip" {
            return Err(("protocol", "\"sip\""));
        }
        if self.capacity == 0 {
            return Err(("capacity", "1 or more"));
        }
        for (index, script) in self.scripts.iter().enumerate() {
            if self.scripts[..index].iter().any(|other| other.name == script.name) {
                return Err(("script.name", "another script has it"));
            }
            script.check()?;
        }
        for answer in &self.answers {
            let script = self.script(&answer.script).ok_or(("answer.script", "no script has this name"))?;
            if script.steps.is_empty() {
                return Err(("script.steps", "none, and calls are answered by it"));
            }
            if answer.number.is_some() && !(answer.prefix.is_empty() && answer.suffix.is_empty()) {
                return Err(("answer.number", "a number, or a prefix and a suffix"));
            }
            if answer.above_per_second == Some(0) {
                return Err(("answer.above_per_second", "1 or more"));
            }
        }
        let least = self.session.min_expires.unwrap_or_default().max(Duration::from_secs(90));
        if self.session.expires.is_some_and(|expires| expires < least) {
            return Err(("session.expires", "90s or more, and min_expires or more"));
        }
        self.challenge.as_ref().map_or(Ok(()), |challenge| challenge.check(&self.accounts))?;
        self.datagrams.check()?;
        self.streams.check()?;
        if self.timers.t1.is_some_and(|t1| t1.is_zero()) {
            return Err(("timers.t1", "longer than nothing"));
        }
        self.calls.as_ref().map_or(Ok(()), |calls| calls.check(self))
    }
}

fn default_domain() -> String {
    "carrier.example".to_owned()
}

fn default_agent() -> String {
    "carrier-sim".to_owned()
}

fn default_capacity() -> usize {
    100_000
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Scenario;

    const LEAST: &str = "[[carrier]]\nname = \"a\"\nprotocol = \"sip\"\n";

    fn carrier(lines: &str) -> SipCarrier {
        Scenario::parse(&format!("{LEAST}{lines}\n")).expect("a scenario").sip_carriers.remove(0)
    }

    #[test]
    fn takes_the_least_scenario_and_fills_in_the_rest() {
        let carrier = carrier("");
        assert!(carrier.udp.is_empty() && carrier.tcp.is_empty() && carrier.challenge.is_none());
        assert!(carrier.record_messages && carrier.registrar.is_none());
    }

    #[test]
    fn carriers_of_messages_and_of_calls_stand_side_by_side() {
        let text = format!(
            "{LEAST}[[carrier]]\nname = \"b\"\nprotocol = \"smpp34\"\n\
             [[carrier.account]]\nsystem_id = \"esme\"\npassword = \"secret\"\n"
        );
        let scenario = Scenario::parse(&text).expect("a scenario");
        assert_eq!((scenario.carriers[0].name.as_str(), scenario.sip_carriers[0].name.as_str()), ("b", "a"));
        let error = Scenario::parse(&text.replace("\"b\"", "\"a\"")).expect_err("two of a name").to_string();
        assert!(error.contains("another carrier has it"), "{error}");
    }

    #[test]
    fn names_line_and_key_of_an_unknown_key() {
        let error = Scenario::parse(&format!("{LEAST}listen = \"127.0.0.1:5060\"\n"))
            .expect_err("refused")
            .to_string();
        assert!(error.contains("line 4") && error.contains("listen"), "{error}");
    }

    #[test]
    fn never_shows_a_password() {
        let carrier = carrier("account = [{ username = \"u\", password = \"secret\" }]");
        assert!(!format!("{carrier:?}").contains("secret"));
    }

    #[test]
    fn a_script_is_a_list_of_steps_with_delays() {
        let carrier = carrier(
            r#"[[carrier.script]]
               name = "all"
               steps = [{ respond = 180 }, { after = "1s", respond = 183, reliable = true, fork = 1 },
                        { respond = 200, media = 0, headers = ["Reason: Q.850;cause=16"] }, { offer = "hold" },
                        { dtmf = "1#" }, { silence = true }, { hangup = true }]"#,
        );
        let steps = &carrier.scripts[0].steps;
        let Act::Respond(early) = &steps[1].act else { panic!("{steps:?}") };
        assert_eq!((early.media, early.reliable, early.fork), (Some(1), true, 1));
        assert_eq!(steps[1].after, Delay::Fixed(Duration::from_secs(1)));
        let Act::Respond(answer) = &steps[2].act else { panic!("{steps:?}") };
        assert_eq!((answer.media, answer.headers[0].value.as_str()), (None, "Q.850;cause=16"));
        assert_eq!(steps[3].act, Act::Offer(Offer::Hold));
    }

    #[test]
    fn a_gbk_carrier_writes_gbk() {
        let carrier = carrier("charset = \"gbk\"");
        assert_eq!(carrier.charset.encode("啊").as_ref(), b"\xB0\xA1");
    }

    #[test]
    fn refuses_values_that_can_t_be() {
        let script = |rest: &str| format!("[[carrier.script]]\nname = \"s\"\n{rest}");
        let calls = |rest: &str| {
            format!(
                "[carrier.calls]\nper_second = 1\nfrom = [\"1\"]\nto = [\"2\"]\n\
                 target = {{ account = \"u\" }}\n{rest}"
            )
        };
        for (lines, key) in [
            (script("steps = [{ after = \"1s\" }]"), "exactly one of"),
            (script("steps = [{ respond = 180, hangup = true }]"), "exactly one of"),
            (script("steps = [{ hangup = true, media = 1 }]"), "belong to respond"),
            (script("steps = [{ respond = 99 }]"), "script.steps.respond"),
            (script("steps = [{ respond = 200, reliable = true }]"), "script.steps.reliable"),
            (script("steps = [{ respond = 180, headers = [\"none\"] }]"), "Name: value"),
            (script("steps = [{ dtmf = \"x\" }]"), "script.steps.dtmf"),
            (script("rules = [{ way = \"out\", method = \"BYE\", answer = 481 }]"), "script.rules.answer"),
            (script("rules = [{ method = \"BYE\", times = 0 }]"), "script.rules.times"),
            ("answer = [{ script = \"none\" }]".to_owned(), "answer.script"),
            ("challenge = {}".to_owned(), "challenge"),
            ("session = { expires = \"60s\" }".to_owned(), "session.expires"),
            ("datagrams = { reorder_by = \"1s\" }".to_owned(), "datagrams.reorder_by"),
            ("streams = { split_octets = 0 }".to_owned(), "streams.split_octets"),
            ("capacity = 0".to_owned(), "capacity"),
            (calls(""), "calls.target"),
        ] {
            let error = Scenario::parse(&format!("{LEAST}{lines}\n")).expect_err(&lines).to_string();
            assert!(error.contains(key), "{lines}: {error}");
        }
    }
}
