//! One row: what a carrier says that it must not say, and what becomes of it.

use std::fmt::Write as _;

use crate::support::Carrier;

/// One rule of a reference's table of malformed input.
pub struct Row {
    /// The rule, in words.
    pub rule: &'static str,
    /// The trunk and its carrier; the label of its metrics.
    pub trunk: &'static str,
    pub protocol: &'static str,
    pub when: When,
    /// What the carrier says.
    pub octets: Vec<u8>,
    pub link: Link,
    /// What the daemon answers.
    pub answers: Vec<Answer>,
    /// What becomes of the message whose submit the octets come with.
    pub message: Fate,
    /// What the platform is told of it.
    pub told: Vec<Told>,
    /// What `carrierd_link_faults_total` calls it; `None`: it is no fault.
    pub kind: Option<&'static str>,
    /// Further keys of the carrier.
    pub behaviour: &'static str,
}

/// When the octets come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Before the bind is answered.
    BeforeBind,
    /// Behind the answer to the first submit.
    BehindAnswer,
    /// The same, with the sequence number of that submit.
    AnswerAgain,
    /// In place of that answer, with its sequence number.
    InsteadOfAnswer,
    /// In place of that answer, with a sequence number of its own.
    InsteadAsWritten,
}

/// What becomes of the link.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Link {
    Stays,
    /// It is closed, and bound again.
    Closes,
}

/// What the daemon answers, as the carrier's record shows it.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub command: u32,
    pub sequence: u32,
    /// CMPP: only a CMPP_DELIVER_RESP has one.
    pub status: Option<u32>,
}

/// What becomes of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Delivered,
    /// Nobody knows, in these words of the status, until its report comes.
    Unknown(&'static str),
    /// Refused with this code.
    Rejected(&'static str),
}

/// What the platform is told beside the message's own state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// A message from a phone, with these octets.
    Inbound(&'static [u8]),
    /// A report of no message of ours, with these octets.
    Orphan(&'static [u8]),
}

/// The answer could not be read, in the words of the status.
pub const UNREADABLE: Fate = Fate::Unknown("the answer could not be read");
/// No answer came, in the words of the status.
pub const SILENT: Fate = Fate::Unknown("the carrier did not answer in time");

impl Row {
    /// Something behind the answer to a submit that nothing comes of.
    pub fn new(protocol: &'static str, trunk: &'static str, rule: &'static str, octets: Vec<u8>) -> Self {
        Self {
            rule,
            // The tests of both protocols share a process, and so its metrics.
            trunk: format!("{protocol}-{trunk}").leak(),
            protocol,
            when: When::BehindAnswer,
            octets,
            link: Link::Stays,
            answers: Vec::new(),
            message: Fate::Delivered,
            told: Vec::new(),
            kind: None,
            behaviour: "",
        }
    }

    pub fn answered(mut self, command: u32, sequence: u32, status: u32) -> Self {
        self.answers.push(Answer { command, sequence, status: Some(status) });
        self
    }

    pub fn fault(self, kind: &'static str) -> Self {
        Self { kind: Some(kind), ..self }
    }

    pub fn closes(self) -> Self {
        Self { link: Link::Closes, ..self }
    }

    pub fn when(self, when: When) -> Self {
        Self { when, ..self }
    }

    pub fn message(self, message: Fate) -> Self {
        Self { message, ..self }
    }

    pub fn told(mut self, told: Told) -> Self {
        self.told.push(told);
        self
    }

    /// The carrier that behaves so, and its trunk: two links with a window of one, so that both are used.
    pub fn carrier(&self) -> Carrier {
        let mut octets = String::new();
        for octet in &self.octets {
            write!(octets, "{octet:02x}").expect("a text");
        }
        let when = match self.when {
            When::BeforeBind => "before_bind = true",
            When::BehindAnswer => "after_submits = 1",
            When::AnswerAgain => "after_submits = 1, sequence = \"of-submit\"",
            When::InsteadOfAnswer => "after_submits = 1, sequence = \"of-submit\", instead = true",
            When::InsteadAsWritten => "after_submits = 1, instead = true",
        };
        // The report ends what was unknown, so it leaves time to see that it was.
        let delay = if matches!(self.message, Fate::Unknown(_)) { "3s" } else { "0s" };
        let behaviour = format!(
            "answer = {{ delay = \"50ms\" }}\nreceipts = {{ delay = \"{delay}\" }}\n{}\n\
             inject = [{{ {when}, octets = \"{octets}\" }}]",
            self.behaviour
        );
        Carrier {
            protocol: self.protocol,
            behaviour: behaviour.leak(),
            trunk: "links = 2\nwindow = 1",
            timers: "response = \"500ms\"",
            ..Carrier::smpp(self.trunk)
        }
    }
}
