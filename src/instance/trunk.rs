//! What operators want of one trunk: whether it carries, and how much of what its configuration allows.

use std::time::Duration;

use thiserror::Error;
use tokio::time::timeout;
use tracing::info;

use super::{Carries, Ending, Instance, Told};
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
    /// A limit of what the trunk does not carry.
    #[error("has no meaning for trunk {trunk}, which carries {carries}: leave it 0")]
    Meaningless {
        /// The limit's field in the API.
        field: &'static str,
        /// The trunk.
        trunk: TrunkId,
        /// What it carries.
        carries: &'static str,
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
    /// Calls placed in a second.
    pub calls_per_second: Option<u32>,
    /// Calls at once.
    pub max_calls: Option<u32>,
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
        let told = self.told(id)?;
        wanted.check(id, told.carries)?;
        let limits = within(wanted, told.orders.borrow().configured)?;
        info!(trunk = %id, ?limits, reason, "an operator changed its limits");
        self.change(id, |orders| orders.limits = limits).await
    }

    /// Tells a trunk what another configuration changes; nothing, where nothing does.
    pub(super) fn reconfigure(&self, id: &TrunkId, change: impl FnOnce(&mut Orders)) {
        let Some(told) = self.trunks().into_iter().find(|trunk| trunk.id == *id) else { return };
        told.orders.send_if_modified(|orders| {
            let before = orders.clone();
            change(orders);
            let differs = before != *orders;
            orders.number += u64::from(differs);
            differs
        });
    }

    fn told(&self, id: &TrunkId) -> Result<Told, NotTold> {
        if self.state().ends {
            return Err(Ending.into());
        }
        // One that was taken out of the configuration stays in the list.
        let is_there = self.0.board.state(id.as_str()).is_some();
        let found = self.trunks().into_iter().find(|trunk| is_there && trunk.id == *id);
        found.ok_or_else(|| NotTold::NoSuchTrunk(id.clone()))
    }

    async fn change(&self, id: &TrunkId, change: impl FnOnce(&mut Orders)) -> Result<TrunkStatus, NotTold> {
        let mut status = self.0.board.watch(id.as_str()).ok_or_else(|| NotTold::NoSuchTrunk(id.clone()))?;
        let mut number = 0;
        self.told(id)?.orders.send_modify(|orders| {
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

impl WantedLimits {
    /// Limits of calls are for trunks that carry calls, and the others for those of messages.
    fn check(&self, trunk: &TrunkId, carries: Carries) -> Result<(), NotTold> {
        let of_messages = [
            ("limits.max_links", self.links.is_some()),
            ("limits.window_size", self.window.is_some()),
            ("limits.max_submits_per_second", self.submits_per_second.is_some()),
        ];
        let of_calls = [
            ("limits.max_calls_per_second", self.calls_per_second.is_some()),
            ("limits.max_concurrent_calls", self.max_calls.is_some()),
        ];
        let (wrong, carries) = match carries {
            Carries::Messages => (&of_calls[..], "messages"),
            Carries::Calls => (&of_messages[..], "calls"),
        };
        match wrong.iter().find(|(_, is_said)| *is_said) {
            Some((field, _)) => Err(NotTold::Meaningless { field, trunk: trunk.clone(), carries }),
            None => Ok(()),
        }
    }
}

fn within(wanted: WantedLimits, configured: Limits) -> Result<Limits, NotTold> {
    let beyond = |field, max: u64| Err(NotTold::Beyond { field, max });
    let limits = Limits {
        links: wanted.links.unwrap_or(configured.links),
        window: wanted.window.unwrap_or(configured.window),
        submits_per_second: wanted.submits_per_second.or(configured.submits_per_second),
        calls_per_second: wanted.calls_per_second.or(configured.calls_per_second),
        max_calls: wanted.max_calls.unwrap_or(configured.max_calls),
    };
    if limits.links > configured.links {
        return beyond("limits.max_links", configured.links.into());
    }
    if limits.window > configured.window {
        return beyond("limits.window_size", u64::try_from(configured.window).unwrap_or(u64::MAX));
    }
    if limits.max_calls > configured.max_calls {
        return beyond("limits.max_concurrent_calls", configured.max_calls.into());
    }
    let rates = [
        ("limits.max_submits_per_second", limits.submits_per_second, configured.submits_per_second),
        ("limits.max_calls_per_second", limits.calls_per_second, configured.calls_per_second),
    ];
    for (field, wanted, most) in rates {
        if let (Some(wanted), Some(most)) = (wanted, most)
            && wanted > most
        {
            return beyond(field, most.into());
        }
    }
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_goes_beyond_what_is_configured() {
        let configured = Limits { links: 2, window: 16, submits_per_second: Some(100), ..Limits::default() };
        let none = WantedLimits::default();
        assert_eq!(within(none, configured).unwrap(), configured);
        let less = WantedLimits { links: Some(1), window: Some(4), submits_per_second: Some(9), ..none };
        let less = within(less, configured).unwrap();
        assert_eq!(less, Limits { links: 1, window: 4, submits_per_second: Some(9), ..Limits::default() });
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

        let configured = Limits { calls_per_second: Some(20), max_calls: 30, ..Limits::default() };
        let beyond = |wanted| match within(wanted, configured) {
            Err(NotTold::Beyond { field, max }) => (field, max),
            other => panic!("{other:?}"),
        };
        let rate = WantedLimits { calls_per_second: Some(21), ..none };
        assert_eq!(beyond(rate), ("limits.max_calls_per_second", 20));
        let calls = WantedLimits { max_calls: Some(31), ..none };
        assert_eq!(beyond(calls), ("limits.max_concurrent_calls", 30));
    }

    #[test]
    fn limits_of_what_a_trunk_does_not_carry_are_refused() {
        let (id, none) = ("t".into(), WantedLimits::default());
        for carries in [Carries::Messages, Carries::Calls] {
            assert!(none.check(&id, carries).is_ok());
        }
        let calls = WantedLimits { max_calls: Some(1), ..none };
        assert!(calls.check(&id, Carries::Calls).is_ok());
        let refused = calls.check(&id, Carries::Messages).unwrap_err();
        assert_eq!(refused.to_string(), "has no meaning for trunk t, which carries messages: leave it 0");
        let window = WantedLimits { window: Some(1), ..none };
        assert!(window.check(&id, Carries::Messages).is_ok() && window.check(&id, Carries::Calls).is_err());
    }
}
