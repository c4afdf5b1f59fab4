//! What one turn of a link's loop brought, until it is passed on.

use codecs::{
    Now,
    session::{Bound, CloseReason},
};

use super::{adapter::Inbound, traffic::Outcome, window::Feedback};
use crate::domain::{SubmitOutcome, UnknownCause};

/// What one turn brought.
#[derive(Default)]
pub struct Turn {
    pub bound: Option<Bound>,
    /// The carrier has begun to unbind.
    pub unbinding: bool,
    pub outcomes: Vec<Outcome>,
    pub feedback: Vec<Feedback>,
    pub inbound: Vec<(u64, Inbound)>,
    pub closed: Option<CloseReason>,
    /// Answers to submits that say nothing, since the session began.
    pub unreadable: u64,
}

impl Turn {
    /// Takes what the answer to a submit says.
    pub fn answered(&mut self, ticket: u64, outcome: SubmitOutcome, late: bool, now: Now) {
        if matches!(outcome, SubmitOutcome::Unknown { cause: UnknownCause::Unreadable }) {
            self.unreadable += 1;
        }
        self.outcome(ticket, outcome, late, now);
    }

    pub fn outcome(&mut self, ticket: u64, outcome: SubmitOutcome, late: bool, now: Now) {
        self.outcomes.push(Outcome { ticket, outcome, late, at: now.wall });
    }
}
