//! What passes between a link and those that it works for: the trunk's worker and its inbound task.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::{
    adapter::{Inbound, Prepared, Verdict},
    window::Feedback,
};
use crate::domain::{CarrierStatus, Message, SubmitOutcome};

/// A segment on its way to a link.
#[derive(Debug, Clone)]
pub struct Outbound {
    /// The worker's handle.
    pub ticket: u64,
    /// The message.
    pub message: Arc<Message>,
    /// The message, cut.
    pub prepared: Arc<Prepared>,
    /// The segment's number, from 1.
    pub segment: u8,
}

/// What a link tells its trunk's worker.
#[derive(Debug)]
pub enum LinkReport {
    /// It is bound.
    Up {
        /// Its place in the pool.
        link: u32,
        /// Where it is connected to.
        remote: String,
        /// It may submit.
        submits: bool,
        /// How it is bound, in the API's words.
        bind_mode: &'static str,
        /// Since when.
        since: Timestamp,
    },
    /// It unbinds: it takes nothing new, what is unanswered may still be answered.
    Unbinding {
        /// Its place in the pool.
        link: u32,
    },
    /// It is not bound any more, or could not bind.
    Down {
        /// Its place in the pool.
        link: u32,
        /// Where it was, or tried to be, connected to.
        remote: String,
        /// Why.
        error: CarrierStatus,
        /// It will not come up before a person has changed something.
        needs_a_person: bool,
    },
    /// It is not connected and does not try, as it was told.
    Resting {
        /// Its place in the pool.
        link: u32,
    },
    /// What came of submits.
    Outcomes {
        /// Its place in the pool.
        link: u32,
        /// Outcomes by ticket; `late` ones were told as unknown before.
        outcomes: Vec<Outcome>,
        /// What they say about the carrier's load.
        feedback: Vec<Feedback>,
        /// The last answer's round trip.
        round_trip: Option<Duration>,
    },
}

/// What came of one submit.
#[derive(Debug)]
pub struct Outcome {
    /// The worker's handle.
    pub ticket: u64,
    /// What came of it.
    pub outcome: SubmitOutcome,
    /// It was told as unknown before.
    pub late: bool,
    /// When.
    pub at: Timestamp,
}

/// What the carrier sent on one link, to be made durable and then answered.
#[derive(Debug)]
pub struct InboundBatch {
    /// Where to answer.
    pub answers: mpsc::Sender<Vec<(u64, Verdict)>>,
    /// Each with the handle for its answer.
    pub items: Vec<(u64, Inbound)>,
}
