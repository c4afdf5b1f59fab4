//! Calls as a configuration has them: the ways and the task.

use std::{collections::HashMap, sync::Arc};

use tokio::{sync::watch, task::JoinHandle};

use super::{CallControl, CallLane, CallParts, CallWays, Calls, Failover, HealthOf, IncomingRules};
use crate::{
    config::{Config, SipTrunkConfig},
    domain::TrunkId,
    routing::{RouteTable, Router},
    store::{Store, StoreError},
    trunk::calls::{CallSide, CallSlots},
};

/// Starts calls over the trunks whose places are `slots`, which ends what the last run left open. `refusing`: the daemon
/// takes nothing new. The task ends after [`Calls::end`].
///
/// # Errors
/// What the last run left can't be read.
pub fn open(
    config: &Config,
    store: &Store,
    side: CallSide,
    slots: &[(TrunkId, CallSlots)],
    health: HealthOf,
    refusing: watch::Receiver<bool>,
) -> Result<(Calls, JoinHandle<()>), StoreError> {
    let lanes: HashMap<_, _> = slots
        .iter()
        .filter_map(|(id, slots)| {
            let trunk = config.sip_trunks.iter().find(|trunk| trunk.id == *id)?;
            Some((id.clone(), lane(trunk, slots.clone())))
        })
        .collect();
    CallControl::spawn(CallParts {
        ways: CallWays::new(Router::new(table(config)), lanes, health),
        store: store.clone(),
        side,
        incoming: IncomingRules {
            answer_deadline: config.calls.answer_deadline,
            max_duration: config.calls.max_duration,
        },
        max_open: config.calls.max_open,
        refusing,
    })
}

/// Where calls may go, as a configuration says.
fn table(config: &Config) -> RouteTable {
    let trunks = config.sip_trunks.iter().map(|trunk| trunk.id.clone()).collect();
    RouteTable::new(&config.call_routes, trunks, config.numbers.clone(), config.windows.clone())
}

fn lane(trunk: &SipTrunkConfig, slots: CallSlots) -> CallLane {
    let callers = trunk.callers.clone();
    CallLane {
        permit: Arc::new(move |number| callers.permit(number)),
        headers: trunk.headers.clone(),
        slots,
        calls_per_second: trunk.calls_per_second,
        failover: Arc::new(Failover {
            statuses: trunk.failover_statuses.clone(),
            post_dial_delay: trunk.timers.no_progress,
            ..Failover::default()
        }),
    }
}
