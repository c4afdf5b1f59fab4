//! The daemon as one thing that operators drain, resume and end. Speaks to the trunks by orders and reads their status;
//! knows no message and no call.
//!
//! Leaves to others: how a trunk comes to rest (`dispatch`), who may ask (`grpc`), what ends after the trunks (`app`).

mod changes;
mod drain;
mod progress;
mod reload;
mod trunk;

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use jiff::Timestamp;
use thiserror::Error;
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    clock,
    dispatch::{Duty, Orders},
    domain::TrunkId,
    store::Store,
    trunk::{TrunkBoard, TrunkStatus},
};

pub use changes::Change;
pub use drain::OpenCalls;
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
    /// In the order of the board. One channel for each trunk, so that they hear of it in this order: one for all would
    /// wake them in any.
    trunks: RwLock<Vec<Told>>,
    board: TrunkBoard,
    store: Store,
    phase: watch::Sender<Phase>,
    /// The acceptor refuses.
    refusing: watch::Sender<bool>,
    progress: watch::Sender<Progress>,
    state: Mutex<State>,
}

/// A trunk, and where it is told what to do.
#[derive(Clone)]
pub struct Told {
    /// Its name.
    pub id: TrunkId,
    /// What it carries.
    pub carries: Carries,
    /// What it is told.
    pub orders: watch::Sender<Orders>,
}

/// What a trunk carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// Messages.
    Messages,
    /// Calls.
    Calls,
}

struct State {
    /// How long a drain waits for answers where nobody says otherwise.
    limit: Duration,
    /// What watches the drain that runs.
    driver: Option<JoinHandle<()>>,
    /// What the trunks were told last: for messages, and for calls.
    duty: [Duty; 2],
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
    pub fn new(trunks: Vec<Told>, board: TrunkBoard, store: Store, limit: Duration) -> Self {
        let (phase, refusing) = (watch::Sender::new(Phase::Serving), watch::Sender::new(false));
        let progress = watch::Sender::new(Progress::default());
        let state = State { limit, driver: None, duty: [Duty::Carry; 2], drains: 0, ends: false };
        let (started, state, trunks) = (clock::wall(), Mutex::new(state), RwLock::new(trunks));
        Self(Arc::new(Shared { started, trunks, board, store, phase, refusing, progress, state }))
    }

    /// Takes in a further trunk, which hears at once what the daemon does.
    pub(crate) fn add(&self, told: Told, status: watch::Receiver<TrunkStatus>) {
        let state = self.state();
        let duty = state.duty[told.carries as usize];
        if duty != Duty::Carry {
            told.orders.send_modify(|orders| orders.daemon = duty);
        }
        self.0.board.add(status);
        self.0.trunks.write().unwrap_or_else(PoisonError::into_inner).push(told);
    }

    fn trunks(&self) -> Vec<Told> {
        self.0.trunks.read().unwrap_or_else(PoisonError::into_inner).clone()
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
