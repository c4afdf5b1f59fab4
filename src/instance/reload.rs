//! Reading the configuration again: what can change while links stay does at once, the rest is said to need a restart.
//! A file with any fault changes nothing.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use thiserror::Error;
use tracing::info;

use super::{
    Carries, Instance, Told,
    changes::{Change, changes},
};
use crate::{
    calls::CallTrunks,
    clock,
    config::{self, Config, ConfigError, RouteConfig, SipTrunkConfig, TrunkConfig},
    dispatch::Ways,
    domain::TrunkId,
    routing::RouteTable,
    telemetry::metrics,
    trunk::{Limits, sms::adapter::StatusRules},
};

/// Reads the configuration again. Cheap to clone.
#[derive(Clone)]
pub struct Reload(Arc<Shared>);

struct Shared {
    instance: Instance,
    ways: Ways,
    statuses: HashMap<TrunkId, StatusRules>,
    /// `None`: the daemon was started without trunks for calls.
    call_trunks: Option<CallTrunks>,
    /// What each trunk was opened with.
    opened: Vec<(TrunkId, Limits)>,
    running: Mutex<Running>,
}

/// What is in effect: a file that was loaded, without what of it needs a restart.
struct Running {
    config: Config,
    /// Of the file that was loaded last.
    digest: String,
}

/// Why nothing was reloaded.
#[derive(Debug, Clone, Error)]
pub enum NotReloaded {
    /// Something in the file is wrong.
    #[error("{0}")]
    Faults(#[from] ConfigError),
    /// The file is another than the one that was meant.
    #[error("the file has the digest {found}: it is not the one that was meant")]
    OtherFile {
        /// Its digest.
        found: String,
    },
    /// The daemon failed while it read it.
    #[error("the file could not be read")]
    Failed,
}

impl Reload {
    /// For a daemon that runs with `config`.
    #[must_use]
    pub fn new(
        instance: Instance,
        ways: Ways,
        statuses: HashMap<TrunkId, StatusRules>,
        call_trunks: Option<CallTrunks>,
        config: Config,
    ) -> Self {
        let opened = config.trunks.iter().map(|trunk| (trunk.id.clone(), Limits::of(trunk))).collect();
        let running = Mutex::new(Running { digest: config.digest.clone(), config });
        Self(Arc::new(Shared { instance, ways, statuses, call_trunks, opened, running }))
    }

    /// The file, and the digest of what was loaded from it last.
    #[must_use]
    pub fn loaded(&self) -> (String, String) {
        let running = self.running();
        (running.config.source.clone(), running.digest.clone())
    }

    /// Checks a text as if it were the file's, and says what it would change.
    ///
    /// # Errors
    /// All that could be found wrong with it.
    pub async fn check(&self, text: String) -> Result<Vec<Change>, NotReloaded> {
        let source = self.loaded().0;
        let read = move || config::parse(&text, &source, &|variable| std::env::var(variable).ok());
        // Its data files may be long.
        let new = tokio::task::spawn_blocking(read).await.map_err(|_| NotReloaded::Failed)??;
        Ok(self.changes(&self.running().config, &new))
    }

    /// Loads the file and puts into effect what can be. `digest`: only if this is the file's; empty: whatever it is.
    ///
    /// # Errors
    /// See [`NotReloaded`]; nothing has changed then.
    pub async fn run(&self, digest: &str) -> Result<(String, Vec<Change>), NotReloaded> {
        let loaded = self.load(digest).await;
        metrics::reloaded(loaded.is_ok(), clock::wall());
        let new = loaded?;
        let mut running = self.running();
        let found = self.changes(&running.config, &new);
        self.apply(&mut running, new, &found);
        for change in &found {
            info!("configuration: {}", change.words());
        }
        info!(changes = found.len(), digest = running.digest, "the configuration was reloaded");
        Ok((running.digest.clone(), found))
    }

    fn changes(&self, running: &Config, new: &Config) -> Vec<Change> {
        changes(running, new, &self.0.opened, self.0.call_trunks.is_some())
    }

    async fn load(&self, digest: &str) -> Result<Config, NotReloaded> {
        let source = self.loaded().0;
        let read = move || config::load(Path::new(&source));
        let new = tokio::task::spawn_blocking(read).await.map_err(|_| NotReloaded::Failed)??;
        match digest.is_empty() || new.digest == digest {
            true => Ok(new),
            false => Err(NotReloaded::OtherFile { found: new.digest }),
        }
    }

    fn apply(&self, running: &mut Running, new: Config, found: &[Change]) {
        let now = |path: &str| found.iter().any(|change| change.path == path && !change.needs_restart);
        let config = &mut running.config;
        running.digest.clone_from(&new.digest);
        if now("drain") {
            config.drain = new.drain;
            self.0.instance.set_limit(config.drain.limit);
        }
        if now("shares") {
            config.shares = new.shares;
        }
        for trunk in &mut config.trunks {
            if let Some(new) = new.trunks.iter().find(|one| one.id == trunk.id) {
                self.apply_to_trunk(trunk, new, found);
            }
            let (shares, limits) = (&config.shares, Limits::of(trunk));
            self.0.instance.reconfigure(&trunk.id, |orders| {
                if *orders.shares != *shares {
                    orders.shares = Arc::new(shares.clone());
                }
                if orders.configured != limits {
                    (orders.configured, orders.limits) = (limits, limits);
                }
                (orders.max_attempts, orders.failover_after) = (trunk.max_attempts, trunk.failover_after);
            });
        }
        let table = ["numbers", "route", "window"].map(now);
        if table[0] {
            config.numbers = new.numbers;
        }
        if table[1] {
            config.routes = new.routes;
        }
        if table[2] {
            config.windows = new.windows;
        }
        self.apply_to_calls(config, &new.sip_trunks, now("route of calls").then_some(new.call_routes));
        if table.contains(&true) {
            let ids = config.trunks.iter().map(|trunk| trunk.id.clone()).collect();
            let (numbers, windows) = (config.numbers.clone(), config.windows.clone());
            self.0.ways.router().replace(RouteTable::new(&config.routes, ids, numbers, windows));
        }
    }

    /// Trunks for calls come, go and change while others carry. The routes of calls, the numbers and the windows are in
    /// effect at once.
    fn apply_to_calls(
        &self,
        config: &mut Config,
        trunks: &[SipTrunkConfig],
        routes: Option<Vec<RouteConfig>>,
    ) {
        let Some(calls) = &self.0.call_trunks else { return };
        config.sip_trunks = trunks.to_vec();
        if let Some(routes) = routes {
            config.call_routes = routes;
        }
        // Who tells trunks what to do knows them before they are routed to.
        for new in calls.configure(trunks, &config.shares) {
            let told = Told { id: new.id, carries: Carries::Calls, orders: new.orders };
            self.0.instance.add(told, new.status);
        }
        for trunk in trunks {
            let limits = Limits::of_calls(trunk);
            self.0.instance.reconfigure(&trunk.id, |orders| {
                if *orders.shares != config.shares {
                    orders.shares = Arc::new(config.shares.clone());
                }
                if orders.configured != limits {
                    (orders.configured, orders.limits) = (limits, limits);
                }
            });
        }
        calls.route(config);
    }

    fn apply_to_trunk(&self, trunk: &mut TrunkConfig, new: &TrunkConfig, found: &[Change]) {
        let now = |key: &str| {
            let path = format!("trunk.{}.{key}", new.id);
            found.iter().any(|change| change.path == path && !change.needs_restart)
        };
        if now("links") {
            trunk.links = new.links;
        }
        if now("window") {
            trunk.window = new.window;
        }
        trunk.submits_per_second = new.submits_per_second;
        trunk.max_attempts = new.max_attempts;
        trunk.failover_after = new.failover_after;
        if now("max_queue") || now("max_tenant_queue") {
            (trunk.max_queue, trunk.max_tenant_queue) = (new.max_queue, new.max_tenant_queue);
            if let Some(lane) = self.0.ways.lane(&trunk.id) {
                lane.backlog.set_limits(trunk.max_queue, trunk.max_tenant_queue.unwrap_or(trunk.max_queue));
            }
        }
        if now("status") {
            trunk.statuses.clone_from(&new.statuses);
            if let Some(rules) = self.0.statuses.get(&trunk.id) {
                rules.replace(new.statuses.clone());
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
