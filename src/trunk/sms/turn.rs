//! What one turn of a link's loop brought, until it is passed on.

use codecs::{
    Now,
    session::{Bound, CloseReason},
};

use super::{adapter::Inbound, traffic::Outcome, window::Feedback};
use crate::domain::SubmitOutcome;

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
}

impl Turn {
    pub fn outcome(&mut self, ticket: u64, outcome: SubmitOutcome, late: bool, now: Now) {
        self.outcomes.push(Outcome { ticket, outcome, late, at: now.wall });
    }
}
