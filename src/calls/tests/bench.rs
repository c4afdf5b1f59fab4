//! Calls on a store of their own in virtual time, with trunks that do what the test says.

use std::{collections::HashMap, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use tempfile::TempDir;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{
    calls::*,
    clock::{self, Following},
    config::{MessageConfig, RetentionConfig, StoreConfig},
    domain::{
        Call, CallId, CallMoved, CallRecord, CallState, Cause, Event, Evidence, InboundCall, Payload, Sdp,
        TrunkId, testing,
    },
    routing::{Health, RouteTable, Router},
    store::{CallKey, Committing, Store},
    trunk::calls::{
        CallFact, CallNews, CallOrder, CallSlots, Incoming, Place, Placement, TrunkSide, boundary,
    },
};

/// Far longer than anything here takes, and free in virtual time.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);
pub(super) const SECOND: Duration = Duration::from_secs(1);
/// The number that every trunk permits.
pub(super) const CALLER: &str = "02112345678";

/// How the trunks are.
#[derive(Clone)]
pub(super) struct Setup {
    pub trunks: Vec<&'static str>,
    pub max_calls: Option<usize>,
    pub calls_per_second: Option<u32>,
    pub failover: Failover,
    pub max_open: usize,
    /// Entries that the boundary holds.
    pub room: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            trunks: vec!["a"],
            max_calls: None,
            calls_per_second: None,
            failover: Failover::default(),
            max_open: 1000,
            room: 64,
        }
    }
}

/// Calls with a trunk's side in the test's hands.
pub(super) struct Bench {
    setup: Setup,
    folder: TempDir,
    running: Option<Running>,
    down: watch::Sender<Vec<TrunkId>>,
    refusing: watch::Sender<bool>,
    _clock: Following,
}

struct Running {
    calls: Calls,
    store: Store,
    side: TrunkSide,
    task: JoinHandle<()>,
    slots: CallSlots,
}

impl Bench {
    pub(super) fn new(setup: Setup) -> Self {
        let clock = clock::follow_runtime("2026-03-01T00:00:00Z".parse().unwrap());
        let memory = Path::new("/dev/shm");
        let folder =
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let (down, refusing) = (watch::Sender::new(Vec::new()), watch::Sender::new(false));
        let mut bench = Self { setup, folder, running: None, down, refusing, _clock: clock };
        bench.start();
        bench
    }

    /// Starts on what the folder holds.
    pub(super) fn start(&mut self) {
        let config = StoreConfig {
            path: self.folder.path().join("store"),
            reserve_octets: 0,
            cache_octets: 4 * 1024 * 1024,
            commit_interval: Duration::ZERO,
            retention: RetentionConfig::default(),
        };
        let (store, _) = Store::open_with(&config, &messages(), Committing::ByCaller).unwrap();
        let ids: Vec<TrunkId> = self.setup.trunks.iter().map(|id| TrunkId::from(*id)).collect();
        let router = Router::new(RouteTable::new(&[], ids.clone(), Arc::default(), Vec::new()));
        let slots = CallSlots::new(self.setup.max_calls);
        let lane = CallLane {
            permit: Arc::new(|number| number.as_str() == CALLER),
            headers: vec!["X-Order".into()],
            slots: slots.clone(),
            calls_per_second: self.setup.calls_per_second,
            failover: Arc::new(self.setup.failover.clone()),
            hang_up_at: None,
        };
        let own = |id: &TrunkId| {
            let slots = if ids.len() == 1 { slots.clone() } else { CallSlots::new(self.setup.max_calls) };
            (id.clone(), CallLane { slots, ..lane.clone() })
        };
        let lanes: HashMap<_, _> = ids.iter().map(own).collect();
        let down = self.down.subscribe();
        let health: HealthOf =
            Arc::new(move |id| if down.borrow().contains(id) { Health::Down } else { Health::Up });
        let (calls_side, side) = boundary(self.setup.room);
        let parts = CallParts {
            ways: CallWays::new(router, lanes, health),
            store: store.clone(),
            side: calls_side,
            incoming: IncomingRules { answer_deadline: 20 * SECOND, max_duration: 600 * SECOND },
            max_open: self.setup.max_open,
            refusing: self.refusing.subscribe(),
        };
        let (calls, task) = CallControl::spawn(parts).unwrap();
        self.running = Some(Running { calls, store, side, task, slots });
    }

    /// Starts on what the folder holds, with no trunk that carries calls.
    pub(super) async fn start_without_trunks(&mut self) {
        self.start();
        let running = self.running.as_ref().unwrap();
        running.task.abort();
        settle().await;
        tell_left(&running.store).unwrap().await.unwrap();
    }

    /// Ends where it stands, as a crash would.
    pub(super) async fn crash(&mut self) {
        let Some(running) = self.running.take() else { return };
        running.task.abort();
        let _ = running.task.await;
    }

    fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub(super) fn calls(&self) -> Calls {
        self.running().calls.clone()
    }

    pub(super) fn slots_taken(&self) -> usize {
        self.running().slots.taken()
    }

    pub(super) fn set_down(&self, trunks: &[&str]) {
        self.down.send_replace(trunks.iter().map(|id| TrunkId::from(*id)).collect());
    }

    pub(super) fn set_refusing(&self, refusing: bool) {
        self.refusing.send_replace(refusing);
    }

    pub(super) async fn create(&self, request: CallRequest) -> Result<CallAnswer, CallRefused> {
        self.calls().create(request).await
    }

    /// Accepts a call and gives its placement.
    pub(super) async fn placed(&mut self, request: &str) -> Placement {
        self.create(asked(request)).await.unwrap();
        self.place().await.placement
    }

    /// The next order.
    pub(super) async fn order(&mut self) -> CallOrder {
        let side = &mut self.running.as_mut().unwrap().side;
        timeout(PATIENCE, side.orders.recv()).await.expect("no order came").expect("calls have ended")
    }

    /// The next order, if there is one now.
    pub(super) async fn any_order(&mut self) -> Option<CallOrder> {
        settle().await;
        self.running.as_mut().unwrap().side.orders.try_recv().ok()
    }

    /// The next order, which must be to place a call.
    pub(super) async fn place(&mut self) -> Box<Place> {
        match self.order().await {
            CallOrder::Place(place) => place,
            other => panic!("not to place a call, but {other:?}"),
        }
    }

    pub(super) async fn tell(&self, placement: Placement, fact: CallFact) {
        let news = CallNews { placement, at: clock::now(), fact };
        self.running().side.news.send(news).await.unwrap();
    }

    /// Somebody calls, if the trunk has a place for it.
    pub(super) async fn ring_in(&self) -> Option<Placement> {
        let placement = Placement { call: clock::fresh_call_id(), number: 1 };
        let slot = self.running().slots.take()?;
        let incoming = Incoming {
            trunk: "a".into(),
            gateway: "UDP 192.0.2.1:5060".into(),
            caller: testing::number("13800138000"),
            callee: testing::number("4001234567"),
            sdp: Some(Sdp::new(b"offer")),
            sip_call_id: "in@192.0.2.1".into(),
            headers: Vec::new(),
            slot,
            snapshot: Bytes::from_static(b"in"),
        };
        self.tell(placement, CallFact::Incoming(Box::new(incoming))).await;
        Some(placement)
    }

    pub(super) async fn say(&self, id: CallId, word: Word) -> Result<CallState, WordRefused> {
        self.calls().say(id, word).await
    }

    pub(super) async fn known(&self, id: CallId) -> KnownCall {
        self.calls().get(CallKey::Id(id)).await.unwrap().unwrap()
    }

    /// The log, which must have no gaps.
    pub(super) async fn log(&self) -> Vec<Event> {
        settle().await;
        let page = self.running().store.events(0, usize::MAX).await.unwrap();
        for (event, sequence) in page.events.iter().zip(1u64..) {
            assert_eq!(event.id.sequence, sequence);
        }
        page.events
    }

    /// What was told of calls.
    pub(super) async fn stories(&self) -> HashMap<CallId, Story> {
        let mut stories: HashMap<CallId, Story> = HashMap::new();
        for event in self.log().await {
            match event.payload {
                Payload::Call(moved) => stories.entry(moved.call_id).or_default().moves.push(*moved),
                Payload::InboundCall(call) => stories.entry(call.call_id).or_default().inbound.push(*call),
                Payload::CallRecord(record) => {
                    stories.entry(record.call_id).or_default().records.push(*record);
                }
                other => panic!("nobody told of that: {other:?}"),
            }
        }
        stories
    }

    pub(super) async fn story(&self, id: CallId) -> Story {
        self.stories().await.remove(&id).unwrap_or_default()
    }

    /// Calls that the disk has as open.
    pub(super) fn open_on_disk(&self) -> usize {
        self.running().store.left_calls().unwrap().open.len()
    }

    pub(super) async fn is_ended(&mut self) -> bool {
        settle().await;
        self.running().task.is_finished()
    }
}

/// What was told of one call.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub inbound: Vec<InboundCall>,
    pub moves: Vec<CallMoved>,
    pub records: Vec<CallRecord>,
}

impl Story {
    pub(super) fn states(&self) -> Vec<CallState> {
        self.moves.iter().map(|moved| moved.state).collect()
    }

    /// The one record, after checking what holds of every call that ended.
    #[track_caller]
    pub(super) fn record(&self) -> &CallRecord {
        self.check();
        let [record] = &self.records[..] else { panic!("{} records", self.records.len()) };
        record
    }

    /// Sequences without gaps, at most one final event, the last, and a record with it and only with it.
    #[track_caller]
    pub(super) fn check(&self) {
        let first = 1 + self.inbound.len();
        for (place, moved) in self.moves.iter().enumerate() {
            assert_eq!(moved.sequence as usize, place + first, "{self:?}");
            assert!(!moved.state.is_final() || place + 1 == self.moves.len(), "{self:?}");
            let before = place.checked_sub(1).map(|before| self.moves[before].state);
            assert!(before.is_none_or(|before| before == moved.previous), "{self:?}");
        }
        let last = self.moves.last().filter(|moved| moved.state.is_final());
        assert_eq!(self.records.len(), usize::from(last.is_some()), "{self:?}");
        if let (Some(last), [record]) = (last, &self.records[..]) {
            assert_eq!((last.state, last.cause), (record.state, Some(record.cause)), "{self:?}");
            assert_eq!(last.sequence, record.sequence, "{self:?}");
        }
    }
}

/// A request that every trunk permits.
pub(super) fn asked(request: &str) -> CallRequest {
    asked_as(request, |_| {})
}

pub(super) fn asked_as(request: &str, change: impl FnOnce(&mut Call)) -> CallRequest {
    let mut call = testing::call(|call| {
        call.id = clock::fresh_call_id();
        call.request_id = request.into();
        call.tenant_id = "shop".into();
        call.caller = testing::number(CALLER);
        call.accept_time = clock::wall();
    });
    change(&mut call);
    CallRequest { call, offer: Sdp::new(b"v=0"), digest: [1; 16] }
}

pub(super) fn sent() -> CallFact {
    CallFact::Sent {
        gateway: "UDP 192.0.2.1:5060".into(),
        sip_call_id: "x@here".into(),
        snapshot: Bytes::from_static(b"invite"),
    }
}

pub(super) fn answered() -> CallFact {
    CallFact::Answered { sdp: Some(Sdp::new(b"answer")), snapshot: Bytes::from_static(b"dialog") }
}

pub(super) fn ended(cause: Cause) -> CallFact {
    CallFact::Ended { cause, evidence: Evidence::default(), retry_after: None }
}

pub(super) fn busy_here(retry_after: Option<Duration>) -> CallFact {
    let evidence = Evidence { sip_status: Some(503), ..Evidence::default() };
    CallFact::Ended { cause: Cause::Congestion, evidence, retry_after }
}

/// Lets everything happen that happens now.
pub(super) async fn settle() {
    sleep(Duration::from_millis(2)).await;
}

fn messages() -> MessageConfig {
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    MessageConfig {
        default_validity: hours(24),
        max_validity: hours(72),
        max_schedule: hours(168),
        report_window: hours(72),
        orphan_hold: 120 * SECOND,
        reassembly_timeout: hours(1),
        max_segments: 10,
        intermediate_events: false,
    }
}
