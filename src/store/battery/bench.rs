//! A store in a folder of its own, and short words for what is done to it.

use std::sync::Arc;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use tempfile::TempDir;

use crate::{
    config::{MessageConfig, RetentionConfig, StoreConfig},
    domain::{
        AmbiguityPolicy, CarrierStatus, Category, Content, Event, FailureClass, Message, MessageId,
        MessageState, Number, Payload, Reaction, Report, ReportedState, SegmentPlan, SegmentState, Sender,
        StatusSource, SubmitOutcome, TrunkId,
    },
    store::{
        Accepted, Attempt, Committing, MessageKey, NewMessage, NextStep, Recovered, ReportFate, Settled,
        Settlement, Store, StoreError, StoredMessage, Story,
    },
};

pub(super) const RECIPIENT: &str = "+8613800138000";

/// A store that can be restarted.
pub(super) struct Bench {
    pub(super) folder: TempDir,
    pub(super) config: StoreConfig,
    pub(super) messages: MessageConfig,
    pub(super) recovered: Recovered,
    store: Option<Store>,
    steps: usize,
    restart_after: Option<usize>,
}

/// Runs a scenario without a restart, then again with a restart after each of its steps.
pub(super) async fn with_a_restart_anywhere(scenario: impl AsyncFn(&mut Bench)) {
    let mut whole = Bench::new();
    scenario(&mut whole).await;
    for step in 1..=whole.steps {
        let mut bench = Bench::new();
        bench.restart_after = Some(step);
        scenario(&mut bench).await;
    }
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut MessageConfig)) -> Self {
        // In memory where there is such a place: a restart of the process is tested here, not of the disk.
        let memory = Path::new("/dev/shm");
        let folder =
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let config = StoreConfig {
            path: folder.path().join("store"),
            reserve_octets: 0,
            cache_octets: 4 * 1024 * 1024,
            commit_interval: Duration::ZERO,
            retention: RetentionConfig::default(),
        };
        let mut messages = message_config();
        change(&mut messages);
        let (store, recovered) = Store::open(&config, &messages).unwrap();
        Self { folder, config, messages, recovered, store: Some(store), steps: 0, restart_after: None }
    }

    pub(super) fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// Drops the store without closing it, as a crash would.
    pub(super) fn crash(&mut self) {
        self.store = None;
    }

    /// Opens it again, with callers that execute the verbs: the contract is the same as with the first store's thread.
    pub(super) fn open(&mut self) -> Result<(), StoreError> {
        let (store, recovered) = Store::open_with(&self.config, &self.messages, Committing::ByCaller)?;
        (self.store, self.recovered) = (Some(store), recovered);
        Ok(())
    }

    pub(super) fn restart(&mut self) {
        self.crash();
        self.open().unwrap();
    }

    /// Ends a step of a scenario.
    pub(super) fn step(&mut self) {
        self.steps += 1;
        if self.restart_after == Some(self.steps) {
            self.restart();
        }
    }

    pub(super) fn journal(&self) -> PathBuf {
        let mut journals: Vec<PathBuf> = std::fs::read_dir(&self.config.path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "jnl"))
            .collect();
        assert_eq!(journals.len(), 1);
        journals.remove(0)
    }

    pub(super) async fn accept(&self, new: NewMessage) -> MessageId {
        let id = new.message.id;
        assert_eq!(self.store().accept(vec![new]).await.unwrap(), [Accepted::New]);
        id
    }

    pub(super) async fn begin(&self, attempt: &Attempt) {
        let over = self.store().begin_attempts(trunk(), vec![attempt.clone()]).await.unwrap();
        assert_eq!(over, []);
    }

    pub(super) async fn settle(&self, settlement: Settlement) -> Settled {
        self.store().settle(trunk(), vec![settlement]).await.unwrap()[0]
    }

    /// Marks the only segment's first try and has the carrier take it.
    pub(super) async fn submit(&self, id: MessageId, carrier_id: &str) -> Settled {
        let attempt = attempt(id, 1);
        self.begin(&attempt).await;
        self.settle(taken(attempt, carrier_id)).await
    }

    pub(super) async fn report(&self, report: Report) -> ReportFate {
        self.store().apply_reports(trunk(), vec![report]).await.unwrap()[0]
    }

    pub(super) async fn message(&self, id: MessageId) -> StoredMessage {
        self.store().message(MessageKey::Id(id)).await.unwrap().unwrap()
    }

    pub(super) async fn story(&self, id: MessageId) -> Story {
        self.store().story(MessageKey::Id(id)).await.unwrap().unwrap()
    }

    pub(super) async fn state(&self, id: MessageId) -> MessageState {
        self.message(id).await.delivery.state()
    }

    pub(super) async fn segment(&self, id: MessageId, number: usize) -> SegmentState {
        self.message(id).await.delivery.segments[number - 1].state
    }

    /// Every open message with something to be sent.
    pub(super) async fn queued(&self) -> Vec<StoredMessage> {
        let page = self.store().queued(None, usize::MAX).await.unwrap();
        assert_eq!((page.next, page.damaged), (None, 0));
        page.messages
    }

    /// The whole log, which must have no gaps.
    pub(super) async fn log(&self) -> Vec<Event> {
        let page = self.store().events(0, usize::MAX).await.unwrap();
        for (event, sequence) in page.events.iter().zip(1u64..) {
            assert_eq!(event.id.sequence, sequence);
        }
        assert_eq!(page.upto, page.events.len() as u64);
        assert_eq!(*self.store().last_event().borrow(), page.upto);
        page.events
    }

    /// Message and state of each event about a message.
    pub(super) async fn moves(&self) -> Vec<(MessageId, MessageState)> {
        let log = self.log().await;
        log.iter()
            .filter_map(|event| match &event.payload {
                Payload::Message(moved) => Some((moved.message_id, moved.state)),
                _ => None,
            })
            .collect()
    }

    /// Events about reports that matched nothing.
    pub(super) async fn orphans(&self) -> usize {
        self.log().await.iter().filter(|event| matches!(event.payload, Payload::Orphan(_))).count()
    }
}

pub(super) fn message_config() -> MessageConfig {
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    MessageConfig {
        default_validity: hours(24),
        max_validity: hours(72),
        max_schedule: Duration::from_secs(7 * 86_400),
        report_window: hours(72),
        orphan_hold: Duration::from_secs(120),
        reassembly_timeout: hours(1),
        max_segments: 10,
        intermediate_events: false,
    }
}

pub(super) fn trunk() -> TrunkId {
    "north".into()
}

pub(super) fn now() -> Timestamp {
    Timestamp::from_microsecond(Timestamp::now().as_microsecond()).unwrap()
}

pub(super) fn plan(segments: u8) -> SegmentPlan {
    SegmentPlan { encoding: None, segments, units: 10 }
}

/// A message of one segment that is not sent twice.
pub(super) fn new(request_id: &str) -> NewMessage {
    let id = MessageId::fresh();
    let accept_time = now();
    let message = Message {
        id,
        request_id: request_id.into(),
        tenant_id: "acme".into(),
        to: Number::parse(RECIPIENT).unwrap(),
        sender: Sender::parse("1069001").unwrap(),
        content: Content::Text("hello".into()),
        encoding: None,
        category: Category::Notification,
        expire_time: accept_time + Duration::from_secs(86_400),
        report_requested: true,
        trunk_ids: Vec::new(),
        client_reference: "ref".into(),
        labels: vec![("team".into(), "a".into())],
        ambiguity: AmbiguityPolicy::AwaitReport,
        priority: 5,
        consent_reference: String::new(),
        template_id: String::new(),
        protocol_options: Vec::new(),
        trace_parent: "00-trace".into(),
        accept_time,
        send_time: None,
    };
    NewMessage { message: Arc::new(message), plan: plan(1), reference: 7, digest: [1; 16] }
}

pub(super) fn segments(request_id: &str, segments: u8) -> NewMessage {
    NewMessage { plan: plan(segments), ..new(request_id) }
}

pub(super) fn resubmitted(request_id: &str) -> NewMessage {
    let mut new = new(request_id);
    Arc::make_mut(&mut new.message).ambiguity = AmbiguityPolicy::Resubmit;
    new
}

pub(super) fn attempt(id: MessageId, segment: u8) -> Attempt {
    Attempt { message_id: id, segment, attempts: 0, plan: plan(1), submit_time: now() }
}

pub(super) fn settlement(attempt: Attempt, outcome: SubmitOutcome, next: NextStep) -> Settlement {
    Settlement { attempt, outcome, next, response_time: now(), late: false }
}

pub(super) fn taken(attempt: Attempt, carrier_id: &str) -> Settlement {
    let outcome = SubmitOutcome::Accepted { carrier_id: Some(carrier_id.into()) };
    settlement(attempt, outcome, NextStep::Submitted)
}

pub(super) fn refusal() -> SubmitOutcome {
    SubmitOutcome::Refused { status: status("refused"), reaction: Reaction::Never }
}

pub(super) fn status(text: &str) -> CarrierStatus {
    CarrierStatus {
        source: StatusSource::CarrierReport,
        ..CarrierStatus::ours(FailureClass::None, true, text)
    }
}

pub(super) fn report(carrier_id: &str, state: ReportedState) -> Report {
    Report {
        carrier_ids: vec![carrier_id.into()],
        recipient: Number::from_carrier(b"8613800138000"),
        sender: "1069001".into(),
        state: Some(state),
        status: status("stat"),
        submit_time: None,
        done_time: Some(now()),
        receive_time: now(),
        raw: carrier_id.as_bytes().to_vec(),
    }
}
