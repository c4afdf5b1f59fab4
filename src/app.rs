//! Builds every part of the daemon, wires them, and owns the order in which they end.

mod calls;

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
    calls::tell_left,
    clock,
    config::{CallConfig, Config, MessageConfig, ProtocolConfig, SipListener, TrunkConfig},
    dispatch::{Backlog, Job, Lane, Orders, Ways, Worker, WorkerParts, initial_status},
    domain::TrunkId,
    events::{Subscriptions, watch_lag},
    grpc,
    instance::{Carries, Instance, Phase, Reload, Told},
    routing::{RouteTable, Router},
    sms::{Acceptor, Diagnosis, Doctor, Due, DueParts, InboundParts, run_inbound},
    store::{Committing, Store},
    telemetry::{
        exporter,
        metrics::{StoreMetrics, TrunkMetrics},
    },
    trunk::{
        TrunkBoard, TrunkStatus,
        sip::transport::{Network, Sockets},
        sms,
    },
};

/// Batches of accepted messages that may wait for a worker; the messages themselves are bounded by `max_queue`.
const JOB_BATCHES: usize = 1024;
/// How long the tasks of the trunks may take to end once the trunks rest.
const LAST_STEPS: Duration = Duration::from_secs(10);

/// How often the store is looked at: for its metrics, and whether it still takes messages.
const LOOK: Duration = Duration::from_secs(5);

/// What a daemon takes from around it, beside its configuration and the clocks.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// What opens connections to carriers.
    pub dialer: Arc<dyn sms::Dialer>,
    /// What SIP is spoken through.
    pub sip: Arc<dyn Network>,
    /// Where everything that is drawn at random starts.
    pub seed: u64,
    /// Who executes the store's verbs.
    pub committing: Committing,
}

impl Default for Surroundings {
    /// The network, chance, and a thread of the store's own.
    fn default() -> Self {
        Self {
            dialer: Arc::new(sms::Tcp),
            sip: Arc::new(Sockets),
            seed: rand::rng().random(),
            committing: Committing::default(),
        }
    }
}

/// A daemon that is running.
pub struct App {
    acceptor: Acceptor,
    store: Store,
    board: TrunkBoard,
    links: Arc<HashMap<TrunkId, sms::LinkControl>>,
    diagnoses: Vec<watch::Receiver<Diagnosis>>,
    subscriptions: Subscriptions,
    workers: Vec<(TrunkId, JoinHandle<()>)>,
    inbounds: Vec<JoinHandle<()>>,
    due: JoinHandle<()>,
    messages: MessageConfig,
    /// `None`: no trunk carries calls.
    telephony: Option<calls::Telephony>,
    call_limits: CallConfig,
    instance: Instance,
    reload: Reload,
    /// Told to what time brings.
    ends: watch::Sender<bool>,
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
            calls = recovered.calls,
            "store opened"
        );
        if config.sip_trunks.is_empty() {
            tell_left(&store)?;
        }
        let before = clock::fresh_id();
        let mut wanted: HashMap<_, _> = store.wanted()?.into_iter().collect();
        let mut open = |trunk: &TrunkConfig| {
            let orders =
                Orders::new(trunk, config.shares.clone(), wanted.remove(&trunk.id).unwrap_or_default());
            OpenTrunk::new(trunk, config, random.random(), &surroundings.dialer, orders)
        };
        let trunks: Vec<_> = config.trunks.iter().map(&mut open).collect();
        let sip = calls::Opened::new(config, &mut wanted, &*surroundings.sip, random.random())?;
        let shown = trunks.iter().map(|trunk| trunk.status.subscribe());
        // After those of messages: the orders that these obey are in their order.
        let board = TrunkBoard::new(shown.chain(sip.iter().flat_map(calls::Opened::statuses)).collect());
        let ids = config.trunks.iter().map(|trunk| trunk.id.clone()).collect();
        let (numbers, windows) = (config.numbers.clone(), config.windows.clone());
        let router = Router::new(RouteTable::new(&config.routes, ids, numbers, windows));
        let diagnoses = trunks.iter().map(|trunk| trunk.diagnosis.subscribe()).collect();
        let statuses =
            trunks.iter().map(|trunk| (trunk.config.id.clone(), trunk.open.statuses.clone())).collect();
        let links = trunks.iter().map(|trunk| (trunk.config.id.clone(), trunk.open.pool.control())).collect();
        let lanes = trunks.iter().map(|trunk| (trunk.config.id.clone(), trunk.lane.clone())).collect();
        let ways = Ways::new(router, lanes, board.clone());
        let (mut workers, mut inbounds, mut told) = (Vec::new(), Vec::new(), Vec::new());
        for trunk in trunks {
            let id = trunk.config.id.clone();
            let (tell, orders) = watch::channel(trunk.orders.clone());
            let (worker, inbound) = trunk.start(config, &store, &ways, orders);
            workers.push((id.clone(), worker));
            inbounds.push(inbound);
            told.push(Told { id, carries: Carries::Messages, orders: tell });
        }
        told.extend(sip.iter().flat_map(calls::Opened::told));
        let instance = Instance::new(told, board.clone(), store.clone(), config.drain.limit);
        let start = |sip: calls::Opened| sip.start(config, &store, &ways, instance.refusing());
        let telephony = sip.map(start).transpose()?;
        let call_trunks = telephony.as_ref().map(|telephony| telephony.trunks.clone());
        let reload = Reload::new(instance.clone(), ways.clone(), statuses, call_trunks, config.clone());
        let first_reference = random.random();
        let acceptor = Acceptor::new(ways.clone(), store.clone(), first_reference, instance.refusing());
        let (ends, drain) = watch::channel(false);
        let due = Due::new(DueParts { store: store.clone(), ways, drain, before });
        let (readiness, _) = watch::channel(Readiness::ready());
        let reserve = config.store.reserve_octets;
        let watching = watch_store(store.clone(), reserve, instance.phase(), readiness.clone());
        let subscriptions = Subscriptions::spawn(store.clone());
        let lag = watch_lag(subscriptions.clone());
        Ok(Self {
            acceptor,
            subscriptions,
            store,
            board,
            links: Arc::new(links),
            diagnoses,
            workers,
            inbounds,
            due: tokio::spawn(due.run()),
            messages: config.messages.clone(),
            telephony,
            call_limits: config.calls.clone(),
            instance,
            reload,
            ends,
            readiness,
            watching: [tokio::spawn(watching), tokio::spawn(lag)],
        })
    }

    /// What the gRPC face needs.
    #[must_use]
    pub fn grpc_parts(&self) -> grpc::Parts {
        grpc::Parts {
            acceptor: self.acceptor.clone(),
            calls: self.telephony.as_ref().map(|telephony| telephony.calls.clone()),
            call_limits: self.call_limits.clone(),
            store: self.store.clone(),
            subscriptions: self.subscriptions.clone(),
            board: self.board.clone(),
            links: self.links.clone(),
            diagnoses: self.diagnoses.clone(),
            messages: self.messages.clone(),
            instance: self.instance.clone(),
            reload: self.reload.clone(),
        }
    }

    /// What operators tell the daemon as a whole.
    #[must_use]
    pub fn instance(&self) -> Instance {
        self.instance.clone()
    }

    /// How far the daemon is on its way to the end, for the gRPC face.
    #[must_use]
    pub fn phase(&self) -> watch::Receiver<Phase> {
        self.instance.phase()
    }

    /// Whether new messages are taken, for the admin pages.
    #[must_use]
    pub fn readiness(&self) -> watch::Receiver<Readiness> {
        self.readiness.subscribe()
    }

    /// Where SIP is listened for, in the order of the configuration.
    #[must_use]
    pub fn sip_listeners(&self) -> &[SipListener] {
        self.telephony.as_ref().map_or(&[], |telephony| &telephony.listeners)
    }

    /// Every trunk's status.
    #[must_use]
    pub fn board(&self) -> TrunkBoard {
        self.board.clone()
    }

    /// Refuses new work, lets the links finish what is on the wire, tells the last events, and closes the store. What is
    /// left is durable. `faces` are the servers, which end by themselves once the last phase is reached.
    pub async fn drain(self, faces: Vec<JoinHandle<()>>) {
        self.end(faces, std::future::pending()).await;
    }

    /// The same. When `at_once` comes, nothing is waited for any more: what is on the wire then is found at the next
    /// start, by its marks, and resolved as each message wants.
    pub async fn end(mut self, faces: Vec<JoinHandle<()>>, at_once: impl Future<Output = ()>) {
        let in_order = async {
            self.instance.end().await;
            if let Some(telephony) = &mut self.telephony {
                telephony.end().await;
            }
            let _ = self.ends.send(true);
            if timeout(LAST_STEPS, ended(&mut self.workers, &mut self.inbounds, &mut self.due)).await.is_err()
            {
                warn!(limit = ?LAST_STEPS, "not every trunk has ended; what it has on the wire is found as unknown at the next start");
            }
            self.watching.iter().for_each(JoinHandle::abort);
            self.instance.close();
            for face in faces {
                let _ = face.await;
            }
        };
        tokio::select! {
            () = in_order => {}
            () = at_once => {
                let unanswered: u64 = self.board.all().iter().map(|trunk| trunk.unanswered).sum();
                warn!(unanswered, "asked again to end: ends at once; the next start resolves what is unanswered, as each message wants");
                self.instance.close();
                self.workers.iter().for_each(|(_, worker)| worker.abort());
            }
        }
        self.store.close().await;
        info!("ended");
    }

    /// Ends where it stands, as if the process were killed: nothing is finished, told or saved. For tests of what the next
    /// start finds; the connections are for the caller to cut.
    pub async fn kill(self) {
        let workers = self.workers.into_iter().map(|(_, worker)| worker);
        let calls = self.telephony.into_iter().flat_map(calls::Telephony::into_tasks);
        let tasks: Vec<_> =
            workers.chain(self.inbounds).chain([self.due]).chain(self.watching).chain(calls).collect();
        // All before the first is waited for, so that none goes on without another.
        tasks.iter().for_each(JoinHandle::abort);
        for task in tasks {
            // Aborted, or ended by itself just before: it is gone in any case.
            let _ = task.await;
        }
    }
}

/// Waits for the tasks of the trunks, and for what time brings.
async fn ended(
    workers: &mut Vec<(TrunkId, JoinHandle<()>)>,
    inbounds: &mut Vec<JoinHandle<()>>,
    due: &mut JoinHandle<()>,
) {
    for (id, worker) in workers {
        if worker.await.is_err() {
            warn!(trunk = %id, "its worker failed; what it had on the wire is found as unknown at the next start");
        }
    }
    for inbound in inbounds {
        let _ = inbound.await;
    }
    let _ = due.await;
}

/// Shows the store's state as metrics and, with what the daemon does, as readiness, until it is dropped.
async fn watch_store(
    store: Store,
    reserve: u64,
    mut phase: watch::Receiver<Phase>,
    readiness: watch::Sender<Readiness>,
) {
    let metrics = StoreMetrics::new();
    loop {
        let usage = store.usage();
        metrics.free_bytes.set(octets(usage.free_octets));
        let now = if *phase.borrow_and_update() != Phase::Serving {
            Readiness::not_ready("The daemon is draining.")
        } else if usage.failed {
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
        tokio::select! {
            () = sleep(LOOK) => {}
            Ok(()) = phase.changed() => {}
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "a gauge")]
fn octets(octets: u64) -> f64 {
    octets as f64
}

/// A trunk whose links are being opened and whose tasks have not begun: they need the ways to all the others.
struct OpenTrunk {
    config: TrunkConfig,
    open: sms::OpenTrunk,
    work: mpsc::Receiver<Vec<Job>>,
    status: watch::Sender<TrunkStatus>,
    diagnosis: watch::Sender<Diagnosis>,
    lane: Lane,
    orders: Orders,
}

impl OpenTrunk {
    fn new(
        trunk: &TrunkConfig,
        config: &Config,
        seed: u64,
        dialer: &Arc<dyn sms::Dialer>,
        orders: Orders,
    ) -> Self {
        let max_segments = config.messages.max_segments;
        let open = sms::open(trunk, max_segments, seed, dialer, orders.first_wish());
        let (jobs, work) = mpsc::channel(JOB_BATCHES);
        let (status, _) = watch::channel(initial_status(trunk, open.pool.links()));
        let (diagnosis, _) = watch::channel(Diagnosis::new(trunk.id.clone(), trunk.carrier_ids));
        let tenant_max = trunk.max_tenant_queue.unwrap_or(trunk.max_queue);
        let lane = Lane {
            planner: sms::planner(trunk, max_segments),
            jobs,
            backlog: Arc::new(Backlog::new(trunk.max_queue, tenant_max)),
            retry_after: retry_after(trunk),
        };
        Self { config: trunk.clone(), open, work, status, diagnosis, lane, orders }
    }

    /// Starts its worker and what takes in the carrier's messages.
    fn start(
        self,
        config: &Config,
        store: &Store,
        ways: &Ways,
        orders: watch::Receiver<Orders>,
    ) -> (JoinHandle<()>, JoinHandle<()>) {
        let metrics = TrunkMetrics::new(self.config.id.as_str());
        let has_forms = matches!(self.config.protocol, ProtocolConfig::Smpp(_));
        let inbound = InboundParts {
            trunk_id: self.config.id.clone(),
            planner: self.lane.planner.clone(),
            router: ways.router().clone(),
            store: store.clone(),
            inbox: self.open.inbound,
            reassembly_timeout: config.messages.reassembly_timeout,
            status: self.status.clone(),
            metrics: metrics.clone(),
            doctor: Doctor::new(self.config.id.clone(), self.config.carrier_ids, has_forms),
            diagnosis: self.diagnosis,
        };
        let worker = Worker::new(WorkerParts {
            config: self.config,
            shares: config.shares.clone(),
            planner: self.lane.planner,
            pool: self.open.pool,
            store: store.clone(),
            ways: ways.clone(),
            jobs: self.work,
            backlog: self.lane.backlog,
            status: self.status,
            metrics,
            orders,
        });
        (tokio::spawn(worker.run()), tokio::spawn(run_inbound(inbound)))
    }
}

/// After how long a full backlog may have room again: when a hundredth of it has left at the account's rate.
fn retry_after(trunk: &TrunkConfig) -> Duration {
    let (soonest, latest) = (Duration::from_secs(1), Duration::from_secs(60));
    let Some(rate) = trunk.submits_per_second else { return soonest };
    let hundredth = u64::try_from(trunk.max_queue / 100).unwrap_or(u64::MAX);
    Duration::from_secs(hundredth / u64::from(rate)).clamp(soonest, latest)
}

/// Runs the daemon until `shutdown`, then drains it; ends it where it stands when `at_once` comes. Each of `hang_ups`
/// lets it read its configuration again.
///
/// # Errors
/// The store can't be opened, or a listener can't be bound; the message says which and why.
pub async fn run(
    config: Config,
    shutdown: impl Future<Output = ()>,
    at_once: impl Future<Output = ()>,
    hang_ups: mpsc::Receiver<()>,
) -> anyhow::Result<()> {
    let exporter = exporter::install()?;
    let gateway = bind(config.listen.gateway, "listen.gateway").await?;
    let admin = bind(config.listen.admin, "listen.admin").await?;
    let app = App::start(&config)?;
    let parts = AdminParts { render: Arc::new(exporter.renderer()), readiness: app.readiness() };
    let admin = tokio::spawn(end_of(admin::serve(admin, parts, closing(app.phase()))));
    let gateway = tokio::spawn(end_of(grpc::serve(gateway, app.grpc_parts(), app.phase())));
    info!(gateway = %config.listen.gateway, admin = %config.listen.admin, trunks = config.trunks.len() + config.sip_trunks.len(), "running");
    let reloading = tokio::spawn(reload_when_told(app.reload.clone(), hang_ups));
    shutdown.await;
    reloading.abort();
    info!("asked to end");
    app.end(vec![gateway, admin], at_once).await;
    Ok(())
}

/// Reads the configuration again as often as it is told to; what came of it is in the log.
async fn reload_when_told(reload: Reload, mut hang_ups: mpsc::Receiver<()>) {
    while hang_ups.recv().await.is_some() {
        if let Err(error) = reload.run("").await {
            error!("the configuration was not reloaded, nothing has changed: {error}");
        }
    }
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
