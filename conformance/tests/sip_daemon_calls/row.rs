//! What a row of the tables says.

use conformance::{api::CallState, loopback::Transport};

/// Names between per cent signs in a scenario file, and what stands for them.
pub type Values = &'static [(&'static str, &'static str)];

/// One call that the daemon places, and what must come of it.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The carrier's gateways, in the order in which they are tried.
    pub gateways: &'static [Gateway],
    /// What carries it; the row is played over each.
    pub over: &'static [Transport],
    /// Further keys of the trunk.
    pub trunk: &'static str,
    /// What the platform does meanwhile.
    pub steps: &'static [Step],
    /// Every event of the call, as [`crate::told::event`] words it.
    pub told: &'static [&'static str],
    /// Its record, as [`crate::told::record`] words it.
    pub record: &'static str,
}

/// Who is at a gateway's address.
#[derive(Debug, Clone, Copy)]
pub enum Gateway {
    /// SIPp with a scenario of `uas`.
    Plays(&'static str, Values),
    /// The same where datagrams that come again are messages of the scenario.
    Counts(&'static str),
    /// Nobody.
    Nobody,
}

/// What the platform does.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// Waits for a state.
    Until(CallState),
    /// Hangs up.
    HangUp,
    /// Presses keys.
    Press(&'static str),
    /// Offers a session in this direction.
    Offer(&'static str),
    /// Waits for so many answers to its offers.
    Changed(usize),
    /// Waits until so many of its offers were refused.
    Refused(usize),
    /// Waits for so many offers of the peer and answers the last one with a session in this direction.
    Accept(usize, &'static str),
    /// Waits for so many offers of the peer and refuses the last one.
    Refuse(usize),
    /// Waits until a request was sent so many times.
    Sent(&'static str, usize),
    /// Waits for a response to a request.
    Heard(u32, &'static str),
}

/// The callee answers, and the platform hangs up.
pub const TALKS: &[Step] = &[Step::Until(CallState::InProgress), Step::HangUp];
/// What is told of a call that rang and was answered.
pub const RANG_AND_ANSWERED: &[&str] = &["initiated", "ringing", "in-progress answer 41000", "completed"];
/// The record of a call on its first gateway that the platform hung up.
pub const HUNG_UP_BY_US: &str = "normal by platform; tried: normal";

const BOTH: &[Transport] = &[Transport::Udp, Transport::Tcp];

/// A call to a carrier whose one gateway plays a scenario. The platform does nothing but wait for its end.
pub const fn plays(gateways: &'static [Gateway]) -> Row {
    Row { gateways, over: BOTH, trunk: "", steps: &[], told: &[], record: "" }
}

impl Row {
    /// The same over a datagram's way only: a stream loses nothing.
    pub const fn over_udp(self) -> Self {
        Self { over: &[Transport::Udp], ..self }
    }

    /// The same over a stream only.
    pub const fn over_tcp(self) -> Self {
        Self { over: &[Transport::Tcp], ..self }
    }

    /// The same with further keys of the trunk.
    pub const fn on(self, trunk: &'static str) -> Self {
        Self { trunk, ..self }
    }

    /// The same with what the platform does.
    pub const fn does(self, steps: &'static [Step]) -> Self {
        Self { steps, ..self }
    }

    /// The same with what must come.
    pub const fn tells(self, told: &'static [&'static str], record: &'static str) -> Self {
        Self { told, record, ..self }
    }
}
