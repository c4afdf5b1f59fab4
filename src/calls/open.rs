//! Calls as a configuration has them: the ways and the task.

use std::{collections::HashMap, sync::Arc};

use tokio::{sync::watch, task::JoinHandle};
use tracing::error;

use super::{CallControl, CallLane, CallParts, CallWays, Calls, Failover, HealthOf, IncomingRules, lost};
use crate::{
    clock,
    config::{Config, SipTrunkConfig},
    domain::TrunkId,
    routing::{RouteTable, Router},
    store::{LeftCalls, Store, StoreError},
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

/// Tells calls that the last run left open as lost, where no trunk carries calls any more. The task does it.
///
/// # Errors
/// What the last run left can't be read.
pub fn tell_left(store: &Store) -> Result<JoinHandle<()>, StoreError> {
    let LeftCalls { open, alive, .. } = store.left_calls()?;
    let now = clock::wall();
    let changes: Vec<_> = open.into_iter().map(|open| lost::lost(open, alive, now)).collect();
    let store = store.clone();
    Ok(tokio::spawn(async move {
        if !changes.is_empty()
            && let Err(failed) = store.record_calls(changes).await
        {
            error!(error = %failed, "calls that the last run left open can't be told as lost; the next start tries again");
        }
    }))
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
