//! `[[carrier.script]]`: what is done in a call, step by step, and what is left out.

use serde::Deserialize;

use super::{Delay, Fault};

/// A named way to treat a call.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The name that answers and calls use.
    pub name: String,
    /// What is done, one after the other.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// What is done to single messages of the call; the first that fits decides.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// One thing that is done.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct Step {
    /// So long after the step before it, or after the call came, or, for a caller, was answered.
    pub after: Delay,
    /// What.
    pub act: Act,
}

/// What is done.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// The INVITE is answered with this.
    Respond(Response),
    /// The session is changed.
    Offer(Offer),
    /// These digits are sent by INFO, one each.
    Dtmf(String),
    /// The call is hung up, with these headers.
    Hangup(Vec<Header>),
    /// From here on the carrier is deaf and dumb in this call.
    Silence,
}

/// A response to the INVITE.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// 100 to 699.
    pub status: u16,
    /// The reason phrase, if it is not the usual one.
    pub reason: Option<String>,
    /// Further headers.
    pub headers: Vec<Header>,
    /// With which SDP: 1 for the carrier's media gateway, 2 and more for others of its; `None`: no SDP.
    pub media: Option<u16>,
    /// Reliably, if the caller can.
    pub reliable: bool,
    /// From another fork: each number has a To tag of its own, 0 is the call's.
    pub fork: u8,
}

/// A new offer of the carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Offer {
    /// The same as before: a refresh.
    Same,
    /// `sendonly`.
    Hold,
    /// `sendrecv` again.
    Resume,
    /// Another media address.
    Move,
}

/// A header line: `Name: value`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Header {
    /// The name as it is written.
    pub name: String,
    /// The value.
    pub value: String,
}

/// What is done to single messages of a call, in place of what would be done.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Messages that come in, or that go out.
    #[serde(default)]
    pub way: Way,
    /// Requests of this method, or the responses to them.
    pub method: String,
    /// Responses with this status; without it, requests.
    pub status: Option<u16>,
    /// So many that fit are let through first.
    #[serde(default)]
    pub skip: u32,
    /// So many are treated; without it, all.
    pub times: Option<u32>,
    /// Requests that come in: this is all that is answered. Without it they are lost, as others are.
    pub answer: Option<u16>,
    /// Further headers of that answer.
    #[serde(default)]
    pub headers: Vec<Header>,
}

/// Which way a message goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// To the carrier.
    #[default]
    In,
    /// From it.
    Out,
}

/// A step as it is written: exactly one of the keys that say what is done, and what belongs to it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Keys {
    after: Delay,
    respond: Option<u16>,
    reason: Option<String>,
    headers: Vec<Header>,
    media: Option<u16>,
    reliable: bool,
    fork: u8,
    offer: Option<Offer>,
    dtmf: Option<String>,
    hangup: bool,
    silence: bool,
}

impl TryFrom<Keys> for Step {
    type Error = &'static str;

    fn try_from(keys: Keys) -> Result<Self, Self::Error> {
        let said =
            [keys.respond.is_some(), keys.offer.is_some(), keys.dtmf.is_some(), keys.hangup, keys.silence];
        if said.into_iter().filter(|is_said| *is_said).count() != 1 {
            return Err("a step is exactly one of respond, offer, dtmf, hangup and silence");
        }
        let of_response = keys.reason.is_some() || keys.media.is_some() || keys.reliable || keys.fork > 0;
        if keys.respond.is_none() && of_response {
            return Err("reason, media, reliable and fork belong to respond");
        }
        if keys.respond.is_none() && !keys.hangup && !keys.headers.is_empty() {
            return Err("headers belong to respond and hangup");
        }
        let act = match keys {
            Keys { respond: Some(status), reason, headers, media, reliable, fork, .. } => {
                // A 183 is for early media and a 200 for the session; 0 leaves even these without SDP.
                let usual = if status == 183 || (200..300).contains(&status) { 1 } else { 0 };
                let media = Some(media.unwrap_or(usual)).filter(|media| *media > 0);
                Act::Respond(Response { status, reason, headers, media, reliable, fork })
            }
            Keys { offer: Some(offer), .. } => Act::Offer(offer),
            Keys { dtmf: Some(digits), .. } => Act::Dtmf(digits),
            Keys { hangup: true, headers, .. } => Act::Hangup(headers),
            _ => Act::Silence,
        };
        Ok(Self { after: keys.after, act })
    }
}

impl TryFrom<String> for Header {
    type Error = &'static str;

    fn try_from(line: String) -> Result<Self, Self::Error> {
        let (name, value) = line.split_once(':').ok_or("a header is \"Name: value\"")?;
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b);
        if name.is_empty() || !name.bytes().all(is_token) || value.contains(['\r', '\n']) {
            return Err("a header is \"Name: value\" on one line");
        }
        Ok(Self { name: name.to_owned(), value: value.trim().to_owned() })
    }
}

impl Script {
    /// Says whether it may lose messages that go out.
    #[must_use]
    pub fn can_lose(&self) -> bool {
        let is_silent = self.steps.iter().any(|step| step.act == Act::Silence);
        is_silent || self.rules.iter().any(|rule| rule.way == Way::Out)
    }

    pub(super) fn check(&self) -> Result<(), Fault> {
        for step in &self.steps {
            match &step.act {
                Act::Respond(response) => response.check()?,
                Act::Dtmf(digits) => {
                    let is_digit = |digit: char| digit.is_ascii_digit() || "*#ABCD".contains(digit);
                    if digits.is_empty() || !digits.chars().all(is_digit) {
                        return Err(("script.steps.dtmf", "digits, *, # and A to D"));
                    }
                }
                Act::Offer(_) | Act::Hangup(_) | Act::Silence => {}
            }
        }
        for rule in &self.rules {
            if rule.answer.is_some() && (rule.way == Way::Out || rule.status.is_some()) {
                return Err(("script.rules.answer", "only requests that come in are answered"));
            }
            if rule.answer.is_some_and(|status| !(200..700).contains(&status)) {
                return Err(("script.rules.answer", "200 to 699"));
            }
            if rule.times == Some(0) {
                return Err(("script.rules.times", "1 or more"));
            }
        }
        Ok(())
    }
}

impl Response {
    fn check(&self) -> Result<(), Fault> {
        if !(100..700).contains(&self.status) {
            return Err(("script.steps.respond", "100 to 699"));
        }
        if self.reliable && !(101..200).contains(&self.status) {
            return Err(("script.steps.reliable", "only 101 to 199"));
        }
        if self.fork > 0 && !(101..300).contains(&self.status) {
            return Err(("script.steps.fork", "only 101 to 299"));
        }
        if self.reason.as_ref().is_some_and(|reason| reason.contains(['\r', '\n'])) {
            return Err(("script.steps.reason", "on one line"));
        }
        Ok(())
    }
}
