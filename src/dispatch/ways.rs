//! The ways to all trunks: where a message may go, what can carry it now, and how to get it there.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::sync::mpsc;

use super::{Backlog, Job};
use crate::{
    domain::{Message, TrunkId},
    routing::{Health, Router},
    trunk::{TrunkBoard, TrunkState, sms::adapter::Planner},
};

/// The way to one trunk.
#[derive(Clone)]
pub struct Lane {
    /// How it cuts messages.
    pub planner: Arc<dyn Planner>,
    /// Its worker's queue.
    pub jobs: mpsc::Sender<Vec<Job>>,
    /// What waits there.
    pub backlog: Arc<Backlog>,
    /// How long after a refusal for want of room there may be some again.
    pub retry_after: Duration,
}

/// The ways to all trunks. Cheap to clone.
#[derive(Clone)]
pub struct Ways(Arc<Shared>);

struct Shared {
    router: Router,
    lanes: HashMap<TrunkId, Lane>,
    board: TrunkBoard,
}

impl Ways {
    /// The ways of these lanes, as `router` allows and `board` shows them.
    #[must_use]
    pub fn new(router: Router, lanes: HashMap<TrunkId, Lane>, board: TrunkBoard) -> Self {
        Self(Arc::new(Shared { router, lanes, board }))
    }

    /// What decides where a message may go.
    #[must_use]
    pub fn router(&self) -> &Router {
        &self.0.router
    }

    /// The way to one trunk.
    #[must_use]
    pub fn lane(&self, id: &TrunkId) -> Option<&Lane> {
        self.0.lanes.get(id)
    }

    /// Whether a trunk can carry a message now.
    #[must_use]
    pub fn health(&self, id: &TrunkId) -> Health {
        match self.0.board.state(id.as_str()) {
            Some(TrunkState::Up) => Health::Up,
            Some(TrunkState::Degraded) => Health::Degraded,
            Some(TrunkState::Draining) => Health::Draining,
            Some(TrunkState::Disabled) => Health::Disabled,
            Some(TrunkState::Down) | None => Health::Down,
        }
    }

    /// The best trunk for `message` that can carry it now and is none of `not`.
    #[must_use]
    pub fn other(&self, message: &Message, not: &[TrunkId]) -> Option<(TrunkId, &Lane)> {
        let table = self.0.router.table();
        let candidates = table.route(message, |id| self.health(id)).ok()?;
        let other = candidates.into_iter().find(|one| one.health.can_carry() && !not.contains(one.trunk))?;
        Some((other.trunk.clone(), self.lane(other.trunk)?))
    }
}
