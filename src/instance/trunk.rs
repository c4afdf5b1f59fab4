//! What operators want of one trunk: whether it carries, and how much of what its configuration allows.

use std::time::Duration;

use thiserror::Error;
use tokio::time::timeout;
use tracing::info;

use super::{Ending, Instance};
use crate::{
    clock,
    dispatch::{Duty, Orders},
    domain::{TrunkId, Wanted, WantedState},
    store::StoreError,
    trunk::{Limits, TrunkStatus},
};

/// How long a worker may take to take note.
const HEED: Duration = Duration::from_secs(5);

/// Why a trunk was not told.
#[derive(Debug, Clone, Error)]
pub enum NotTold {
    /// It is not configured.
    #[error("trunk {0} is not configured; `carrierctl trunks` lists those that are")]
    NoSuchTrunk(TrunkId),
    /// More than its configuration allows.
    #[error("must be at most {max}, as the configuration says: change it there and reload for more")]
    Beyond {
        /// The limit's field in the API.
        field: &'static str,
        /// The most.
        max: u64,
    },
    /// The process was told to end.
    #[error(transparent)]
    Ending(#[from] Ending),
    /// It could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Limits that are asked for; `None`: as configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WantedLimits {
    /// Connections.
    pub links: Option<u32>,
    /// Unanswered submits per link.
    pub window: Option<usize>,
    /// Submits per second.
    pub submits_per_second: Option<u32>,
}

impl Instance {
    /// Lets a trunk carry, take nothing new, or have no link; kept over a restart. Gives its status once it obeys.
    ///
    /// # Errors
    /// See [`NotTold`].
    pub async fn set_trunk_state(
        &self,
        id: &TrunkId,
        state: WantedState,
        reason: String,
    ) -> Result<TrunkStatus, NotTold> {
        let wanted = Wanted { state, reason, since: Some(clock::wall()) };
        self.told(id)?;
        self.0.store.want(id.clone(), wanted.clone()).await?;
        info!(trunk = %id, state = ?wanted.state, reason = wanted.reason, "an operator changed its state");
        let by = clock::now().mono + self.limit();
        self.change(id, |orders| {
            orders.operator = Duty::wanted(wanted.state, by);
            orders.wanted = wanted;
        })
        .await
    }

    /// Changes a trunk's limits within its configuration, until the daemon starts again or other limits are configured.
    /// Gives its status once it obeys.
    ///
    /// # Errors
    /// See [`NotTold`].
    pub async fn set_limits(
        &self,
        id: &TrunkId,
        wanted: WantedLimits,
        reason: &str,
    ) -> Result<TrunkStatus, NotTold> {
        let limits = within(wanted, self.told(id)?.borrow().configured)?;
        info!(trunk = %id, ?limits, reason, "an operator changed its limits");
        self.change(id, |orders| orders.limits = limits).await
    }

    /// Tells a trunk what another configuration changes; nothing, where nothing does.
    pub(super) fn reconfigure(&self, id: &TrunkId, change: impl FnOnce(&mut Orders)) {
        let Some((_, told)) = self.0.trunks.iter().find(|(trunk, _)| trunk == id) else { return };
        told.send_if_modified(|orders| {
            let before = orders.clone();
            change(orders);
            let differs = before != *orders;
            orders.number += u64::from(differs);
            differs
        });
    }

    fn told(&self, id: &TrunkId) -> Result<&tokio::sync::watch::Sender<Orders>, NotTold> {
        if self.state().ends {
            return Err(Ending.into());
        }
        let found = self.0.trunks.iter().find(|(trunk, _)| trunk == id);
        found.map(|(_, orders)| orders).ok_or_else(|| NotTold::NoSuchTrunk(id.clone()))
    }

    async fn change(&self, id: &TrunkId, change: impl FnOnce(&mut Orders)) -> Result<TrunkStatus, NotTold> {
        let mut status = self.0.board.watch(id.as_str()).ok_or_else(|| NotTold::NoSuchTrunk(id.clone()))?;
        let mut number = 0;
        self.told(id)?.send_modify(|orders| {
            orders.number += 1;
            number = orders.number;
            change(orders);
        });
        // A worker that is late obeys all the same.
        let _ = timeout(HEED, status.wait_for(|status| status.obeys >= number)).await;
        let now = status.borrow().clone();
        Ok(now)
    }
}

fn within(wanted: WantedLimits, configured: Limits) -> Result<Limits, NotTold> {
    let beyond = |field, max: u64| Err(NotTold::Beyond { field, max });
    let limits = Limits {
        links: wanted.links.unwrap_or(configured.links),
        window: wanted.window.unwrap_or(configured.window),
        submits_per_second: wanted.submits_per_second.or(configured.submits_per_second),
    };
    if limits.links > configured.links {
        return beyond("limits.max_links", configured.links.into());
    }
    if limits.window > configured.window {
        return beyond("limits.window_size", u64::try_from(configured.window).unwrap_or(u64::MAX));
    }
    match (limits.submits_per_second, configured.submits_per_second) {
        (Some(wanted), Some(most)) if wanted > most => beyond("limits.max_submits_per_second", most.into()),
        _ => Ok(limits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_goes_beyond_what_is_configured() {
        let configured = Limits { links: 2, window: 16, submits_per_second: Some(100) };
        let none = WantedLimits::default();
        assert_eq!(within(none, configured).unwrap(), configured);
        let less = WantedLimits { links: Some(1), window: Some(4), submits_per_second: Some(9) };
        let less = within(less, configured).unwrap();
        assert_eq!(less, Limits { links: 1, window: 4, submits_per_second: Some(9) });
        let beyond = |wanted| match within(wanted, configured) {
            Err(NotTold::Beyond { field, max }) => (field, max),
            other => panic!("{other:?}"),
        };
        assert_eq!(beyond(WantedLimits { links: Some(3), ..none }), ("limits.max_links", 2));
        assert_eq!(beyond(WantedLimits { window: Some(17), ..none }), ("limits.window_size", 16));
        let rate = beyond(WantedLimits { submits_per_second: Some(101), ..none });
        assert_eq!(rate, ("limits.max_submits_per_second", 100));
        let free = Limits { submits_per_second: None, ..configured };
        assert!(within(WantedLimits { submits_per_second: Some(9000), ..none }, free).is_ok());
    }
}
