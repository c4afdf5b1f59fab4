//! The torture messages of RFC 4475 and RFC 5118: what an endpoint shall do with each, and what the parser and the
//! validation by themselves would have it do. What a daemon does with it as a process stands in the same table ([`live`]).

mod answer;
pub mod live;

use std::{fmt, fs, path::Path, str::FromStr};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use codecs::sip::{
    Message,
    framing::{Datagram, Limits, Stream, Unit, datagram},
    validate::{Abilities, Scope, Verdict, admit, form},
};
use serde::Deserialize;

/// What is done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Outcome {
    /// It is acted on.
    Taken,
    /// A request is answered with this status.
    Answered(u16),
    /// It is passed over.
    Dropped,
    /// More octets are waited for.
    Waits,
    /// The stream is closed, perhaps after a status.
    Closed(Option<u16>),
}

impl FromStr for Outcome {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match (text, text.strip_suffix(", closed")) {
            ("taken", _) => Self::Taken,
            ("dropped", _) => Self::Dropped,
            ("waits", _) => Self::Waits,
            ("closed", _) => Self::Closed(None),
            (_, Some(status)) => Self::Closed(Some(status.parse()?)),
            (status, None) => {
                Self::Answered(status.parse().with_context(|| format!("{status} is no outcome"))?)
            }
        })
    }
}

impl TryFrom<String> for Outcome {
    type Error = anyhow::Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken => f.write_str("taken"),
            Self::Answered(status) => write!(f, "{status}"),
            Self::Dropped => f.write_str("dropped"),
            Self::Waits => f.write_str("waits"),
            Self::Closed(None) => f.write_str("closed"),
            Self::Closed(Some(status)) => write!(f, "{status}, closed"),
        }
    }
}

/// One message, and what is wanted of an endpoint that takes calls.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Torture {
    /// As its RFC names it.
    pub name: String,
    /// The RFC.
    pub rfc: u16,
    /// Where it stands there.
    pub section: String,
    /// The RFC calls it faulty.
    pub faulty: bool,
    /// The outcomes of a datagram, any of which is right.
    pub wanted: Vec<Outcome>,
    /// The outcomes on a stream, where they differ.
    on_stream: Option<Vec<Outcome>>,
    /// The outcomes of a live endpoint, where it knows more than the message says: which dialogs there are.
    live: Option<Vec<Outcome>>,
    /// The same on a stream, where that differs.
    live_on_stream: Option<Vec<Outcome>>,
    /// Header lines that the answer must have.
    #[serde(default)]
    carries: Vec<String>,
    /// What it tries.
    pub point: String,
    /// The message.
    #[serde(skip)]
    pub octets: Vec<u8>,
}

/// How a message arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// In a datagram.
    Datagram,
    /// On a stream.
    Stream,
}

impl Torture {
    /// The outcomes that are right.
    #[must_use]
    pub fn wanted(&self, way: Way) -> &[Outcome] {
        match (way, &self.on_stream) {
            (Way::Stream, Some(wanted)) => wanted,
            _ => &self.wanted,
        }
    }

    /// The parser's and the validation's outcome; on a stream it may not depend on how the octets are split.
    ///
    /// # Errors
    /// When it does.
    pub fn outcome(&self, way: Way) -> Result<Outcome> {
        match way {
            Way::Datagram => Ok(on_datagram(&self.octets)),
            Way::Stream => {
                let whole = on_stream(&self.octets, self.octets.len());
                for step in [1, 7] {
                    let split = on_stream(&self.octets, step);
                    ensure!(split == whole, "{whole} in one piece, {split} in pieces of {step}");
                }
                Ok(whole)
            }
        }
    }

    /// Whether the outcome is one of those that are wanted: the outcome, or what is wrong.
    ///
    /// # Errors
    /// When it is another one.
    pub fn judge(&self, way: Way) -> Result<Outcome> {
        let (outcome, wanted) = (self.outcome(way)?, self.wanted(way));
        if !wanted.contains(&outcome) {
            bail!("{outcome}, wanted: {}", list(wanted));
        }
        Ok(outcome)
    }
}

/// Outcomes as a text.
#[must_use]
pub fn list(outcomes: &[Outcome]) -> String {
    outcomes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

fn verdict(message: &Message) -> Outcome {
    let abilities = Abilities::default();
    let verdict = match form(message, &abilities) {
        Verdict::Pass if message.is_request() => admit(message, &abilities, Scope::Ours),
        verdict => verdict,
    };
    match verdict {
        Verdict::Pass => Outcome::Taken,
        Verdict::Answer(refusal) => Outcome::Answered(refusal.status),
        Verdict::Drop(_) => Outcome::Dropped,
    }
}

fn on_datagram(octets: &[u8]) -> Outcome {
    match datagram(Bytes::copy_from_slice(octets)) {
        Ok(Datagram::Message(message)) => verdict(&message),
        Ok(Datagram::Torn(head)) if head.is_request() => Outcome::Answered(400),
        Ok(Datagram::KeepAlive | Datagram::Torn(_)) | Err(_) => Outcome::Dropped,
    }
}

/// What becomes of the first message.
fn on_stream(octets: &[u8], step: usize) -> Outcome {
    let mut stream = Stream::new(Limits::default());
    for piece in octets.chunks(step) {
        stream.push(piece);
        match stream.poll() {
            Ok(Some(Unit::Message(message))) => return verdict(&message),
            Ok(_) => {}
            Err(fault) => {
                let answerable =
                    fault.message.filter(|message| message.is_request() && message.via().is_ok());
                return Outcome::Closed(answerable.map(|_| fault.kind.status()));
            }
        }
    }
    Outcome::Waits
}

/// Reads the table and the messages, in the order of the table.
///
/// # Errors
/// When a file is missing or can't be read, or when the folder holds a message that the table has not.
pub fn load() -> Result<Vec<Torture>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        message: Vec<Torture>,
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/sip-torture");
    let text = fs::read_to_string(folder.join("outcomes.toml")).context("outcomes.toml")?;
    let File { message: mut all } = toml::from_str(&text).context("outcomes.toml")?;
    for torture in &mut all {
        let file = folder.join(format!("rfc{}/{}.sip", torture.rfc, torture.name));
        torture.octets = fs::read(&file).with_context(|| file.display().to_string())?;
        ensure!(!torture.wanted.is_empty(), "{}: nothing is wanted", torture.name);
    }
    for rfc in [4475, 5118] {
        let files = fs::read_dir(folder.join(format!("rfc{rfc}")))?.count();
        let rows = all.iter().filter(|torture| torture.rfc == rfc).count();
        ensure!(files == rows, "RFC {rfc}: {files} messages, {rows} in outcomes.toml");
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_read_as_they_are_told() {
        for text in ["taken", "dropped", "waits", "closed", "400, closed", "501"] {
            assert_eq!(text.parse::<Outcome>().unwrap().to_string(), text);
        }
        assert!("refused".parse::<Outcome>().is_err());
    }
}
