//! Calls as a configuration has them: the ways and the task.

use tokio::{sync::watch, task::JoinHandle};
use tracing::error;

use super::{CallControl, CallParts, CallTrunks, CallWays, Calls, HealthOf, IncomingRules, Planned, lost};
use crate::{
    clock,
    config::Config,
    routing::{RouteTable, Router},
    store::{LeftCalls, Store, StoreError},
    trunk::{calls::CallSide, sip::Wish},
};

/// Starts calls over the trunks that are planned and known to the task of SIP, which ends what the last run left open.
/// `refusing`: the daemon takes nothing new. The task ends after [`Calls::end`].
///
/// # Errors
/// What the last run left can't be read.
pub fn open(
    config: &Config,
    store: &Store,
    (planned, wish): (Planned, watch::Sender<Wish>),
    side: CallSide,
    health: HealthOf,
    refusing: watch::Receiver<bool>,
) -> Result<(Calls, CallTrunks, JoinHandle<()>), StoreError> {
    let ways = CallWays::new(Router::new(table(config)), planned.lanes(), health);
    let (calls, task) = CallControl::spawn(CallParts {
        ways: ways.clone(),
        store: store.clone(),
        side,
        incoming: IncomingRules {
            answer_deadline: config.calls.answer_deadline,
            max_duration: config.calls.max_duration,
        },
        max_open: config.calls.max_open,
        refusing,
    })?;
    Ok((calls, CallTrunks::new(planned, ways, wish, store.clone()), task))
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
#[must_use]
pub fn table(config: &Config) -> RouteTable {
    let trunks = config.sip_trunks.iter().map(|trunk| trunk.id.clone()).collect();
    RouteTable::new(&config.call_routes, trunks, config.numbers.clone(), config.windows.clone())
}
