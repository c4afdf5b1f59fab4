//! The ways to all trunks that carry calls: which of them a call may take, and what each allows.

use std::{collections::HashMap, sync::Arc, time::Instant};

use tokio::sync::watch;

use super::{Failover, refused::CallRefused};
use crate::{
    domain::{Call, Number, TrunkId},
    routing::{Health, Router, Unroutable},
    trunk::calls::CallSlots,
};

/// Whether a trunk may show a number.
pub type Permit = Arc<dyn Fn(&Number) -> bool + Send + Sync>;
/// Whether a trunk can carry now.
pub type HealthOf = Arc<dyn Fn(&TrunkId) -> Health + Send + Sync>;

/// What calls know of a trunk.
#[derive(Clone)]
pub struct CallLane {
    /// The numbers that the carrier has assigned.
    pub permit: Permit,
    /// Headers that a request may bring along.
    pub headers: Vec<String>,
    /// Its places for concurrent calls.
    pub slots: CallSlots,
    /// New calls per second; `None`: no limit.
    pub calls_per_second: Option<u32>,
    /// When a call leaves it for another one.
    pub failover: Arc<Failover>,
    /// The trunk shall rest: what is left of its calls then is hung up.
    pub hang_up_at: Option<Instant>,
}

/// The lanes of all trunks.
pub type Lanes = HashMap<TrunkId, CallLane>;

/// The ways to all trunks that carry calls. Cheap to clone.
#[derive(Clone)]
pub struct CallWays(Arc<Shared>);

struct Shared {
    router: Router,
    lanes: watch::Sender<Arc<Lanes>>,
    health: HealthOf,
}

impl CallWays {
    /// The ways of these lanes, as `router` allows, whose table must be one for calls, and `health` shows them.
    #[must_use]
    pub fn new(router: Router, lanes: Lanes, health: HealthOf) -> Self {
        Self(Arc::new(Shared { router, lanes: watch::Sender::new(Arc::new(lanes)), health }))
    }

    /// Puts other lanes in their place, for all that ask from now on.
    pub fn replace(&self, lanes: Lanes) {
        self.0.lanes.send_replace(Arc::new(lanes));
    }

    /// What decides where a call may go.
    #[must_use]
    pub fn router(&self) -> &Router {
        &self.0.router
    }

    /// All lanes, now and whenever they change.
    #[must_use]
    pub fn lanes(&self) -> watch::Receiver<Arc<Lanes>> {
        self.0.lanes.subscribe()
    }

    /// Whether a trunk can carry now.
    #[must_use]
    pub fn health(&self, id: &TrunkId) -> Health {
        (self.0.health)(id)
    }

    /// The trunks that a call may take, best first, never empty: those of its route that permit its numbers and headers.
    ///
    /// # Errors
    /// It has no route, or no trunk of it takes the call as it is.
    pub fn of(&self, call: &Call) -> Result<Vec<TrunkId>, CallRefused> {
        let table = self.0.router.table();
        let candidates =
            table.route_call(call, |id| self.health(id)).map_err(|unroutable| match unroutable {
                Unroutable::UnknownTrunk(id) => CallRefused::UnknownTrunk(id),
                Unroutable::NoRule => CallRefused::NoRoute,
            })?;
        let lanes = self.0.lanes.borrow().clone();
        let mut refused = CallRefused::NoRoute;
        let mut trunks = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let id = candidate.trunk;
            let Some(lane) = lanes.get(id) else { continue };
            match lane.check(id, call) {
                Ok(()) => trunks.push(id.clone()),
                Err(why) => refused = why,
            }
        }
        if trunks.is_empty() { Err(refused) } else { Ok(trunks) }
    }
}

impl CallLane {
    fn check(&self, id: &TrunkId, call: &Call) -> Result<(), CallRefused> {
        if !(self.permit)(&call.caller) {
            return Err(CallRefused::CallerNotAllowed { trunk_id: id.clone(), field: "caller" });
        }
        if call.display_caller.as_ref().is_some_and(|shown| !(self.permit)(shown)) {
            return Err(CallRefused::CallerNotAllowed { trunk_id: id.clone(), field: "display_caller" });
        }
        let allowed = |name: &str| self.headers.iter().any(|header| header.eq_ignore_ascii_case(name));
        match call.headers.iter().find(|(name, _)| !allowed(name)) {
            Some((name, _)) => {
                Err(CallRefused::HeaderNotAllowed { trunk_id: id.clone(), header: name.clone() })
            }
            None => Ok(()),
        }
    }
}
