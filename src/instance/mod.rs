//! The daemon as one thing that operators drain, resume and end. Speaks to the workers by orders and reads their status;
//! knows no message.
//!
//! Leaves to others: how a trunk comes to rest (`dispatch`), who may ask (`grpc`), what ends after the trunks (`app`).

mod changes;
mod drain;
mod progress;
mod reload;
mod trunk;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use thiserror::Error;
use tokio::{sync::watch, task::JoinHandle};

use crate::{clock, dispatch::Orders, domain::TrunkId, store::Store, trunk::TrunkBoard};

pub use changes::Change;
pub use progress::{Progress, TrunkProgress};
pub use reload::{NotReloaded, Reload};
pub use trunk::{NotTold, WantedLimits};

/// How far the daemon is on its way to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Everything is served.
    Serving,
    /// No new messages; events are still told.
    Draining,
    /// The same, and no trunk has a link or waits for an answer.
    Drained,
    /// Streams are closed and the servers end.
    Closing,
}

/// What the daemon as a whole is told, and how far it is. Cheap to clone.
#[derive(Clone)]
pub struct Instance(Arc<Shared>);

struct Shared {
    started: Timestamp,
    /// One channel for each trunk, so that they hear of it in this order: one for all would wake them in any.
    trunks: Vec<(TrunkId, watch::Sender<Orders>)>,
    board: TrunkBoard,
    store: Store,
    phase: watch::Sender<Phase>,
    /// The acceptor refuses.
    refusing: watch::Sender<bool>,
    progress: watch::Sender<Progress>,
    state: Mutex<State>,
}

struct State {
    /// How long a drain waits for answers where nobody says otherwise.
    limit: Duration,
    /// What watches the drain that runs.
    driver: Option<JoinHandle<()>>,
    /// Counts drains and resumptions, so that one that was overtaken changes nothing any more.
    drains: u64,
    /// The process ends after it: nothing resumes any more.
    ends: bool,
}

/// The process was told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the daemon was told to end: start it again")]
pub struct Ending;

impl Instance {
    /// A daemon that serves. `limit`: how long a drain waits for answers where nobody says otherwise.
    #[must_use]
    pub fn new(
        trunks: Vec<(TrunkId, watch::Sender<Orders>)>,
        board: TrunkBoard,
        store: Store,
        limit: Duration,
    ) -> Self {
        let (phase, refusing) = (watch::Sender::new(Phase::Serving), watch::Sender::new(false));
        let progress = watch::Sender::new(Progress::default());
        let (started, state) =
            (clock::wall(), Mutex::new(State { limit, driver: None, drains: 0, ends: false }));
        Self(Arc::new(Shared { started, trunks, board, store, phase, refusing, progress, state }))
    }

    /// When it was started.
    #[must_use]
    pub fn started(&self) -> Timestamp {
        self.0.started
    }

    /// How far it is.
    #[must_use]
    pub fn phase(&self) -> watch::Receiver<Phase> {
        self.0.phase.subscribe()
    }

    /// Whether new messages are refused.
    #[must_use]
    pub fn refusing(&self) -> watch::Receiver<bool> {
        self.0.refusing.subscribe()
    }

    /// The servers shall end.
    pub fn close(&self) {
        self.0.phase.send_replace(Phase::Closing);
    }

    /// Changes how long a drain waits for answers where nobody says otherwise.
    pub(crate) fn set_limit(&self, limit: Duration) {
        self.state().limit = limit;
    }

    /// How long a drain waits for answers where nobody says otherwise.
    pub(crate) fn limit(&self) -> Duration {
        self.state().limit
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
