//! The trunks that carry calls, as they are configured and told: what calls, the task of SIP and whoever looks have to know
//! of them.
//!
//! Orders come for each trunk on a channel of its own, as for messages, and contracts come whole from a configuration.
//! Both lead to one thing: the ways of calls and the wish of the task of SIP are written anew.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::watch, task::JoinSet};
use tracing::{info, warn};

use super::{CallLane, CallWays, Failover};
use crate::{
    clock,
    config::{Config, ShareConfig, SipTrunkConfig},
    dispatch::{Duty, Orders},
    domain::{Event, Payload, TrunkId, TrunkMoved, Wanted},
    store::Store,
    trunk::{
        Limits, TrunkState, TrunkStatus,
        sip::{self, TrunkWish, Wish},
    },
};

/// The trunks that carry calls. Cheap to clone.
#[derive(Clone)]
pub struct CallTrunks(Arc<Shared>);

struct Shared {
    ways: CallWays,
    wish: watch::Sender<Wish>,
    store: Store,
    trunks: Mutex<Vec<Entry>>,
    /// What follows the orders and the states of the trunks.
    followers: Mutex<JoinSet<()>>,
}

/// A trunk that is configured, or was.
struct Entry {
    wish: TrunkWish,
    orders: watch::Receiver<Orders>,
    /// The configuration has it no more.
    removed: bool,
}

/// A trunk that was not there before.
pub struct NewTrunk {
    /// Its name.
    pub id: TrunkId,
    /// Where it is told what to do.
    pub orders: watch::Sender<Orders>,
    /// Where it shows itself.
    pub status: watch::Receiver<TrunkStatus>,
}

/// The trunks of a configuration before anything runs.
#[derive(Default)]
pub struct Planned(Vec<Entry>);

impl Planned {
    /// The trunks as configured, each as an operator wanted it before.
    #[must_use]
    pub fn new(
        configs: &[SipTrunkConfig],
        shares: &ShareConfig,
        mut wanted: impl FnMut(&TrunkId) -> Wanted,
    ) -> (Self, Vec<NewTrunk>) {
        let entry = |config: &SipTrunkConfig| Entry::new(config, shares, wanted(&config.id));
        let (entries, new) = configs.iter().map(entry).unzip();
        (Self(entries), new)
    }

    /// What the task of SIP shall begin with.
    #[must_use]
    pub fn wish(&self) -> Wish {
        Wish { trunks: self.0.iter().map(Entry::wish).collect(), ends: false }
    }

    /// What calls know of them.
    #[must_use]
    pub fn lanes(&self) -> HashMap<TrunkId, CallLane> {
        self.0.iter().map(Entry::lane).collect()
    }
}

impl CallTrunks {
    /// Trunks that run: `ways` are those of the calls, `wish` is what the task of SIP is told.
    #[must_use]
    pub fn new(planned: Planned, ways: CallWays, wish: watch::Sender<Wish>, store: Store) -> Self {
        let trunks = Mutex::new(planned.0);
        let shared = Shared { ways, wish, store, trunks, followers: Mutex::default() };
        let trunks = Self(Arc::new(shared));
        let entries: Vec<_> = trunks
            .entries()
            .iter()
            .map(|entry| (entry.orders.clone(), entry.wish.status.subscribe()))
            .collect();
        entries.into_iter().for_each(|(orders, status)| trunks.follow(orders, status));
        trunks
    }

    /// Puts the trunks of another configuration into effect, and gives those that were not there before: whoever tells
    /// trunks what to do must know them. Calls on trunks that are gone go on.
    #[must_use]
    pub fn configure(&self, configs: &[SipTrunkConfig], shares: &ShareConfig) -> Vec<NewTrunk> {
        let mut wanted: HashMap<_, _> = self.0.store.wanted().unwrap_or_default().into_iter().collect();
        let mut new = Vec::new();
        {
            let mut entries = self.entries();
            for entry in entries.iter_mut() {
                let found = configs.iter().find(|config| config.id == *entry.id());
                entry.removed = found.is_none();
                if let Some(config) = found.filter(|config| **config != *entry.wish.config) {
                    entry.wish.config = Arc::new(config.clone());
                }
            }
            for config in configs {
                if !entries.iter().any(|entry| *entry.id() == config.id) {
                    let wanted = wanted.remove(&config.id).unwrap_or_default();
                    let (entry, trunk) = Entry::new(config, shares, wanted);
                    self.follow(entry.orders.clone(), entry.wish.status.subscribe());
                    info!(trunk = %config.id, "a trunk for calls was added");
                    entries.push(entry);
                    new.push(trunk);
                }
            }
        }
        self.tell();
        new
    }

    /// Lets calls go as another configuration says.
    pub fn route(&self, config: &Config) {
        self.0.ways.router().replace(super::open::table(config));
    }

    /// Lets the task of SIP end once no call lives.
    pub fn end(&self) {
        self.0.wish.send_modify(|wish| wish.ends = true);
    }

    /// Follows no orders any more.
    pub fn stop(&self) {
        self.0.followers.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.trunks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes anew what others know of the trunks: first the ways, so that who sees a trunk obey sees what it obeys.
    fn tell(&self) {
        let entries = self.entries();
        // No call takes one that was removed, but those that are on it may have to be hung up.
        self.0.ways.replace(entries.iter().map(Entry::lane).collect());
        let trunks = entries.iter().filter(|entry| !entry.removed).map(Entry::wish).collect();
        self.0.wish.send_modify(|wish| wish.trunks = trunks);
    }

    fn follow(&self, mut orders: watch::Receiver<Orders>, mut status: watch::Receiver<TrunkStatus>) {
        let trunks = self.clone();
        let following = async move {
            let mut was_up = None;
            loop {
                tokio::select! {
                    changed = orders.changed() => match changed {
                        Ok(()) => trunks.tell(),
                        Err(_) => return,
                    },
                    changed = status.changed() => match changed {
                        Ok(()) => {
                            let now = status.borrow_and_update().clone();
                            trunks.tell_of(&now, &mut was_up).await;
                        }
                        Err(_) => return,
                    },
                }
            }
        };
        self.0.followers.lock().unwrap_or_else(PoisonError::into_inner).spawn(following);
    }

    /// Tells as an event that a trunk can carry, or can't.
    async fn tell_of(&self, now: &TrunkStatus, was_up: &mut Option<bool>) {
        let up = match now.state {
            TrunkState::Up | TrunkState::Degraded => true,
            TrunkState::Down => false,
            // By an operator's word; what it could otherwise do is not known.
            TrunkState::Draining | TrunkState::Disabled => return,
        };
        let first_down = was_up.is_none() && !up;
        if was_up.replace(up) == Some(up) || first_down {
            return;
        }
        let trouble = now.calls.as_ref().and_then(|calls| calls.trouble.first()).cloned();
        match up {
            true => info!(trunk = %now.id, "it carries calls"),
            false => warn!(trunk = %now.id, trouble, "it can carry no calls"),
        }
        let bound = now.links.iter().filter(|link| link.bound_since.is_some()).count();
        let count = |links: usize| u32::try_from(links).unwrap_or(u32::MAX);
        let moved = TrunkMoved {
            trunk_id: now.id.clone(),
            // Up, whatever is known of its gateways yet.
            bound_links: if up { count(bound).max(1) } else { 0 },
            wanted_links: count(now.links.len()),
            status: if up { None } else { now.links.iter().find_map(|link| link.last_error.clone()) },
        };
        let event = Event::of(Payload::Trunk(moved), clock::wall());
        if let Err(failed) = self.0.store.append_events(vec![event]).await {
            warn!(trunk = %now.id, error = %failed, "the trunk's change could not be told");
        }
    }
}

impl Entry {
    fn new(config: &SipTrunkConfig, shares: &ShareConfig, wanted: Wanted) -> (Self, NewTrunk) {
        let wish = TrunkWish::new(Arc::new(config.clone()));
        let (tell, orders) = watch::channel(Orders::for_calls(config, shares.clone(), wanted));
        let new = NewTrunk { id: config.id.clone(), orders: tell, status: wish.status.subscribe() };
        (Self { wish, orders, removed: false }, new)
    }

    fn id(&self) -> &TrunkId {
        &self.wish.config.id
    }

    fn wish(&self) -> TrunkWish {
        let orders = self.orders.borrow();
        let duty = match orders.duty() {
            Duty::Carry => sip::Duty::Carry,
            Duty::Hold => sip::Duty::Hold,
            Duty::Rest { .. } | Duty::End { .. } => sip::Duty::Rest,
        };
        let shown = sip::Orders {
            number: orders.number,
            wanted: orders.wanted.clone(),
            limits: orders.limits,
            configured: orders.configured,
        };
        TrunkWish { duty, shown, ..self.wish.clone() }
    }

    fn lane(&self) -> (TrunkId, CallLane) {
        let (config, orders) = (&self.wish.config, self.orders.borrow());
        let Limits { calls_per_second, max_calls, .. } = orders.limits;
        self.wish.slots.set_limit(usize::try_from(max_calls).ok());
        let callers = config.callers.clone();
        let lane = CallLane {
            permit: Arc::new(move |number| callers.permit(number)),
            headers: config.headers.clone(),
            slots: self.wish.slots.clone(),
            calls_per_second,
            failover: Arc::new(failover(config)),
            hang_up_at: orders.duty().limit(),
        };
        (self.id().clone(), lane)
    }
}

/// When a call leaves a trunk for another one.
fn failover(config: &SipTrunkConfig) -> Failover {
    Failover {
        statuses: config.failover_statuses.clone(),
        after_ringing: config.failover.after_ringing,
        post_dial_delay: config.failover.post_dial_delay,
        max_trunks: config.failover.max_trunks,
    }
}
