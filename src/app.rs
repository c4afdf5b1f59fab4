//! Builds every part of the daemon, wires them, and owns the order in which they end.

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use anyhow::Context;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tracing::{error, info, warn};

use crate::{
    admin::{self, AdminParts, Readiness},
    clock,
    config::{Config, MessageConfig, TrunkConfig},
    dispatch::{Backlog, Worker, WorkerParts, initial_status},
    domain::TrunkId,
    events::{Subscriptions, watch_lag},
    grpc::{self, Phase},
    routing::RouteTable,
    sms::{Acceptor, Due, DueParts, InboundParts, Lane, run_inbound},
    store::{Committing, Store},
    telemetry::{
        exporter,
        metrics::{StoreMetrics, TrunkMetrics},
    },
    trunk::{TrunkBoard, sms},
};

/// Batches of accepted messages that may wait for a worker; the messages themselves are bounded by `max_queue`.
const JOB_BATCHES: usize = 1024;
/// How long the trunks may take to end in good order.
const DRAIN: Duration = Duration::from_secs(10);

/// How often the store is looked at: for its metrics, and whether it still takes messages.
const LOOK: Duration = Duration::from_secs(5);

/// What a daemon takes from around it, beside its configuration and the clocks.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// What opens connections to carriers.
    pub dialer: Arc<dyn sms::Dialer>,
    /// Where everything that is drawn at random starts.
    pub seed: u64,
    /// Who executes the store's verbs.
    pub committing: Committing,
}

impl Default for Surroundings {
    /// The network, chance, and a thread of the store's own.
    fn default() -> Self {
        Self { dialer: Arc::new(sms::Tcp), seed: rand::rng().random(), committing: Committing::default() }
    }
}

/// A daemon that is running.
pub struct App {
    acceptor: Acceptor,
    store: Store,
    board: TrunkBoard,
    subscriptions: Subscriptions,
    workers: Vec<(TrunkId, JoinHandle<()>)>,
    inbounds: Vec<JoinHandle<()>>,
    due: JoinHandle<()>,
    messages: MessageConfig,
    /// One for each trunk and one for the rest, so that they hear of it in this order: one channel for all would wake them
    /// in any.
    drain: Vec<watch::Sender<bool>>,
    phase: watch::Sender<Phase>,
    readiness: watch::Sender<Readiness>,
    watching: [JoinHandle<()>; 2],
}

impl App {
    /// Opens the store, starts the trunks and resumes what the last run left.
    ///
    /// # Errors
    /// The store can't be opened.
    pub fn start(config: &Config) -> anyhow::Result<Self> {
        Self::start_in(config, &Surroundings::default())
    }

    /// The same, in surroundings that a test may choose.
    ///
    /// # Errors
    /// The store can't be opened.
    pub fn start_in(config: &Config, surroundings: &Surroundings) -> anyhow::Result<Self> {
        let (store, recovered) = Store::open_with(&config.store, &config.messages, surroundings.committing)?;
        let mut random = StdRng::seed_from_u64(surroundings.seed);
        info!(
            open = recovered.open,
            ambiguous = recovered.ambiguous,
            resubmitted = recovered.resubmitted,
            parked = recovered.parked,
            "store opened"
        );
        let before = clock::fresh_id();
        let mut trunks = Trunks::default();
        for trunk in &config.trunks {
            let open = sms::open(trunk, config.messages.max_segments, random.random(), &surroundings.dialer);
            trunks.start(trunk, open, config, &store);
        }
        let (drain, draining) = watch::channel(false);
        trunks.drains.push(drain);
        let board = TrunkBoard::new(trunks.statuses);
        let ids = config.trunks.iter().map(|trunk| trunk.id.clone()).collect();
        let routes = RouteTable::new(config.routes.clone(), ids);
        let first_reference = random.random();
        let acceptor = Acceptor::new(
            routes.clone(),
            trunks.lanes.clone(),
            board.clone(),
            store.clone(),
            first_reference,
            draining.clone(),
        );
        let due =
            Due::new(DueParts { store: store.clone(), routes, lanes: trunks.lanes, drain: draining, before });
        let (readiness, _) = watch::channel(Readiness::ready());
        let watching = watch_store(store.clone(), config.store.reserve_octets, readiness.clone());
        let subscriptions = Subscriptions::spawn(store.clone());
        let lag = watch_lag(subscriptions.clone());
        let (phase, _) = watch::channel(Phase::Serving);
        Ok(Self {
            acceptor,
            subscriptions,
            store,
            board,
            workers: trunks.workers,
            inbounds: trunks.inbounds,
            due: tokio::spawn(due.run()),
            messages: config.messages.clone(),
            drain: trunks.drains,
            phase,
            readiness,
            watching: [tokio::spawn(watching), tokio::spawn(lag)],
        })
    }

    /// What the gRPC face needs.
    #[must_use]
    pub fn grpc_parts(&self) -> grpc::Parts {
        grpc::Parts {
            acceptor: self.acceptor.clone(),
            store: self.store.clone(),
            subscriptions: self.subscriptions.clone(),
            board: self.board.clone(),
            messages: self.messages.clone(),
        }
    }

    /// How far the daemon is on its way to the end, for the gRPC face.
    #[must_use]
    pub fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Whether new messages are taken, for the admin pages.
    #[must_use]
    pub fn readiness(&self) -> watch::Receiver<Readiness> {
        self.readiness.subscribe()
    }

    /// Every trunk's status.
    #[must_use]
    pub fn board(&self) -> TrunkBoard {
        self.board.clone()
    }

    /// Refuses new work, lets the links finish what is on the wire, tells the last events, and closes the store. What is
    /// left is durable. `faces` are the servers, which end by themselves once the last phase is reached.
    pub async fn drain(self, faces: Vec<JoinHandle<()>>) {
        self.watching.iter().for_each(JoinHandle::abort);
        let _ = self.readiness.send(Readiness::not_ready("The daemon is draining."));
        let _ = self.phase.send(Phase::Draining);
        for drain in &self.drain {
            let _ = drain.send(true);
        }
        let ended = async {
            for (id, worker) in self.workers {
                if worker.await.is_err() {
                    warn!(trunk = %id, "its worker failed; what it had on the wire is found as unknown at the next start");
                }
            }
            for inbound in self.inbounds {
                let _ = inbound.await;
            }
            let _ = self.due.await;
        };
        if timeout(DRAIN, ended).await.is_err() {
            warn!(limit = ?DRAIN, "not everything on the wire was answered in time; it is found as unknown at the next start");
        }
        let _ = self.phase.send(Phase::Closing);
        for face in faces {
            let _ = face.await;
        }
        self.store.close().await;
        info!("ended");
    }

    /// Ends where it stands, as if the process were killed: nothing is finished, told or saved. For tests of what the next
    /// start finds; the connections are for the caller to cut.
    pub async fn kill(self) {
        let workers = self.workers.into_iter().map(|(_, worker)| worker);
        let tasks: Vec<_> = workers.chain(self.inbounds).chain([self.due]).chain(self.watching).collect();
        // All before the first is waited for, so that none goes on without another.
        tasks.iter().for_each(JoinHandle::abort);
        for task in tasks {
            // Aborted, or ended by itself just before: it is gone in any case.
            let _ = task.await;
        }
    }
}

/// Shows the store's state as metrics and as readiness, until it is dropped.
async fn watch_store(store: Store, reserve: u64, readiness: watch::Sender<Readiness>) {
    let metrics = StoreMetrics::new();
    loop {
        let usage = store.usage();
        metrics.free_bytes.set(octets(usage.free_octets));
        let now = if usage.failed {
            Readiness::not_ready("The store's disk failed: look at the log, mend it, and restart the daemon.")
        } else if usage.free_octets < reserve {
            let free = usage.free_octets;
            Readiness::not_ready(format!(
                "The store's disk has {free} octets free, below the reserve of {reserve}: free some space."
            ))
        } else {
            Readiness::ready()
        };
        readiness.send_if_modified(|before| std::mem::replace(before, now.clone()) != now);
        sleep(LOOK).await;
    }
}

#[allow(clippy::cast_precision_loss, reason = "a gauge")]
fn octets(octets: u64) -> f64 {
    octets as f64
}

/// The trunks while they are being started.
#[derive(Default)]
struct Trunks {
    lanes: HashMap<TrunkId, Lane>,
    statuses: Vec<watch::Receiver<crate::trunk::TrunkStatus>>,
    workers: Vec<(TrunkId, JoinHandle<()>)>,
    inbounds: Vec<JoinHandle<()>>,
    drains: Vec<watch::Sender<bool>>,
}

impl Trunks {
    fn start(&mut self, trunk: &TrunkConfig, open: sms::OpenTrunk, config: &Config, store: &Store) {
        let planner = sms::planner(trunk, config.messages.max_segments);
        let (jobs, work) = mpsc::channel(JOB_BATCHES);
        let (drain, draining) = watch::channel(false);
        let (status, seen) = watch::channel(initial_status(trunk, open.pool.links()));
        let backlog = Arc::new(Backlog::default());
        let metrics = TrunkMetrics::new(trunk.id.as_str());
        let worker = Worker::new(WorkerParts {
            config: trunk.clone(),
            planner: planner.clone(),
            pool: open.pool,
            store: store.clone(),
            jobs: work,
            backlog: backlog.clone(),
            status: status.clone(),
            metrics: metrics.clone(),
            drain: draining,
        });
        let inbound = InboundParts {
            trunk_id: trunk.id.clone(),
            planner: planner.clone(),
            store: store.clone(),
            inbox: open.inbound,
            reassembly_timeout: config.messages.reassembly_timeout,
            status,
            metrics,
        };
        self.workers.push((trunk.id.clone(), tokio::spawn(worker.run())));
        self.inbounds.push(tokio::spawn(run_inbound(inbound)));
        self.statuses.push(seen);
        self.drains.push(drain);
        let lane = Lane { planner, jobs, backlog, max_queue: trunk.max_queue };
        self.lanes.insert(trunk.id.clone(), lane);
    }
}

/// Runs the daemon until `shutdown`, then drains it.
///
/// # Errors
/// The store can't be opened, or a listener can't be bound; the message says which and why.
pub async fn run(config: Config, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    let exporter = exporter::install()?;
    let gateway = bind(config.listen.gateway, "listen.gateway").await?;
    let admin = bind(config.listen.admin, "listen.admin").await?;
    let app = App::start(&config)?;
    let parts = AdminParts { render: Arc::new(exporter.renderer()), readiness: app.readiness() };
    let admin = tokio::spawn(end_of(admin::serve(admin, parts, closing(app.phase()))));
    let gateway = tokio::spawn(end_of(grpc::serve(gateway, app.grpc_parts(), app.phase())));
    info!(gateway = %config.listen.gateway, admin = %config.listen.admin, trunks = config.trunks.len(), "running");
    shutdown.await;
    info!("asked to end");
    app.drain(vec![gateway, admin]).await;
    Ok(())
}

async fn closing(mut phase: watch::Receiver<Phase>) {
    let _ = phase.wait_for(|phase| *phase == Phase::Closing).await;
}

async fn end_of<E: std::fmt::Display>(serving: impl Future<Output = Result<(), E>>) {
    if let Err(failed) = serving.await {
        error!(error = %failed, "a listener failed");
    }
}

async fn bind(address: std::net::SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("{key}: can't listen on {address}; is another carrierd running, or is the port taken?")
    })
}
