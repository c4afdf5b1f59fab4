//! How one leg is run: what a trunk's contract says, as data.

use std::time::Duration;

pub use crate::sip::dialog::session_timer::Settings as SessionTimer;
use crate::sip::dialog::session_timer::Unanswered;

/// How one leg is run. Shared by the legs of a trunk; a leg keeps the one that it began with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Session timers (RFC 4028). `None`: we ask for none and answer a wish for one with what it asks.
    pub session_timer: Option<SessionTimer>,
    /// Reliable provisional responses (RFC 3262), both as caller and as callee.
    pub reliable: Reliable,
    /// How long a call may ring: from the first 180 or the first SDP in an 18x to the answer; then we give it up.
    /// `None`: no limit of its own. For incoming calls as well.
    pub ring_time: Option<Duration>,
    /// How long a call may take to an answer, from the first INVITE; then we give it up. `None`: no limit of its own.
    /// For incoming calls as well, so that one of which nobody cares ends with 480.
    pub answer_time: Option<Duration>,
    /// When and whether the next target is tried.
    pub failover: Failover,
    /// How requests inside the dialog find their way.
    pub dialog_routing: DialogRouting,
    /// How often an offer of ours that met one of the peer is sent again before it counts as refused.
    pub glare_attempts: u8,
}

impl Default for Policy {
    /// What suits most trunks: session timer of 1800 s, 100rel where the peer has it, 180 s to an answer.
    fn default() -> Self {
        Self {
            session_timer: Some(SessionTimer::default()),
            reliable: Reliable::Supported,
            ring_time: None,
            answer_time: Some(Duration::from_secs(180)),
            failover: Failover::default(),
            dialog_routing: DialogRouting::AsTold,
            glare_attempts: 5,
        }
    }
}

impl Policy {
    /// The extensions that we say we have.
    pub(super) fn supported(&self) -> &'static str {
        if self.reliable == Reliable::Off { "timer" } else { "100rel,timer" }
    }

    /// The settings of a session's timer.
    pub(super) fn timer_settings(&self) -> SessionTimer {
        let none = SessionTimer { interval: None, unanswered: Unanswered::Off, ..SessionTimer::default() };
        self.session_timer.unwrap_or(none)
    }
}

/// Reliable provisional responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reliable {
    /// We do not speak of it, and refuse a call that demands it with 420.
    Off,
    /// We say that we can, and use it for what carries SDP when the peer can.
    Supported,
    /// We demand it.
    Required,
}

/// When the next target of a call is tried. Silence, a connection that fails and 503 always are such a reason while
/// another target is left; once something rang, none is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failover {
    /// Further statuses that try the next target: of 500, 502 and 504, or 408.
    pub statuses: Vec<u16>,
    /// How long a target may stay silent while another one is left. `None`: Timer B.
    pub first_response: Option<Duration>,
    /// How long a target that said 100 may take to a further response while another one is left; then its INVITE is
    /// cancelled and the next one tried. `None`: as long as the call may take.
    pub progress: Option<Duration>,
}

impl Default for Failover {
    /// 503 alone and what the transport says; 6 s of silence.
    fn default() -> Self {
        Self { statuses: Vec::new(), first_response: Some(Duration::from_secs(6)), progress: None }
    }
}

/// How requests inside a dialog find their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialogRouting {
    /// To the first route's or the Contact's address; a name goes to the address that answered.
    AsTold,
    /// Always to the address that answered: for peers behind NAT, or with a Contact that nobody can reach.
    Pinned,
}
