//! Carriers by a scenario, a daemon by a configuration, and time that passes as fast as it can.

use std::{collections::BTreeMap, future::Future, path::Path, sync::Arc, time::Duration};

use carrierd::{
    app::{App, Surroundings},
    clock, config,
    domain::{
        AmbiguityPolicy, Category, Content, Event, Message, MessageId, MessageMoved, Number, Payload, Sender,
    },
    sms::{SubmitAnswer, SubmitRefused, SubmitRequest},
    store::Committing,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use simulator::Scenario;
use tempfile::TempDir;

use crate::network::Network;

/// When every bed starts.
pub const START: &str = "2026-03-01T00:00:00Z";
/// Memory as a disk, where there is one: then nothing here waits for a disk.
const MEMORY: &str = "/dev/shm";
/// Events read at once.
const PAGE: usize = 1000;

/// Runs a test in virtual time.
pub fn virtually<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(test)
}

/// Carriers and a daemon. Time passes only where a test lets it.
pub struct Bed {
    folder: TempDir,
    network: Arc<Network>,
    configuration: String,
    seed: u64,
    daemon: Option<App>,
    _calendar: clock::Following,
}

/// What was seen from both sides.
pub struct Seen {
    pub events: Vec<Event>,
    /// The carriers' record, as it was written.
    pub record: String,
}

impl Bed {
    /// Starts carriers and daemon. `scenario`: its `[[carrier]]` tables; `configuration`: what follows `[store]`, with a
    /// `[[trunk]]` whose hosts are the carriers' names with any port.
    pub async fn new(seed: u64, scenario: &str, configuration: &str) -> Self {
        let calendar = clock::follow_runtime(START.parse().expect("a time"));
        let folder = match Path::new(MEMORY) {
            memory if memory.is_dir() => tempfile::tempdir_in(memory),
            _ => tempfile::tempdir(),
        };
        let folder = folder.expect("a folder");
        let scenario = format!(
            "seed = {seed}\nepoch = \"{}\"\nrecord = {:?}\n{scenario}",
            clock::wall(),
            folder.path().join("record")
        );
        let scenario = Scenario::parse(&scenario).expect("a scenario");
        let network = Arc::new(Network::new(simulator::start(scenario).await.expect("carriers")));
        let configuration = format!(
            "allow_literal_secrets = true\n[store]\npath = {:?}\nreserve = \"1MiB\"\ncache = \"1MiB\"\n{configuration}",
            folder.path().join("store")
        );
        let mut bed = Self { folder, network, configuration, seed, daemon: None, _calendar: calendar };
        bed.start_daemon();
        bed
    }

    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Starts the daemon, for the first time or again.
    pub fn start_daemon(&mut self) {
        let config = config::parse(&self.configuration, "bed.toml", &|_| None).expect("a configuration");
        let surroundings = Surroundings {
            dialer: self.network.clone(),
            seed: self.seed,
            committing: Committing::ByCaller,
            ..Surroundings::default()
        };
        self.daemon = Some(App::start_in(&config, &surroundings).expect("a daemon"));
    }

    /// Ends the daemon in good order.
    pub async fn stop_daemon(&mut self) {
        self.take_daemon().drain(Vec::new()).await;
        self.until_folder_is_free().await;
    }

    /// Ends the daemon as a crash would.
    pub async fn kill_daemon(&mut self) {
        let daemon = self.take_daemon();
        self.network.cut_all();
        daemon.kill().await;
        self.until_folder_is_free().await;
    }

    fn take_daemon(&mut self) -> App {
        self.daemon.take().expect("a running daemon")
    }

    /// Lets what still holds the store come to its end.
    async fn until_folder_is_free(&self) {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    fn daemon(&self) -> &App {
        self.daemon.as_ref().expect("a running daemon")
    }

    /// Lets time pass.
    pub async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Submits one message.
    pub async fn try_submit(&self, message: Message) -> Result<SubmitAnswer, SubmitRefused> {
        let acceptor = self.daemon().grpc_parts().acceptor;
        acceptor.submit(vec![self.request(message)]).await.remove(0)
    }

    /// Submits messages that must be taken, in one commit.
    pub async fn submit_all(&self, messages: impl Iterator<Item = Message>) {
        let requests = messages.map(|message| self.request(message)).collect();
        for answer in self.daemon().grpc_parts().acceptor.submit(requests).await {
            answer.expect("accepted");
        }
    }

    fn request(&self, message: Message) -> SubmitRequest {
        let mut digest = [0; 16];
        digest[..8].copy_from_slice(&self.seed.to_be_bytes());
        SubmitRequest { message, digest, validate_only: false }
    }

    /// Submits one message that must be taken.
    pub async fn submit(&self, message: Message) -> MessageId {
        self.try_submit(message).await.expect("accepted").message_id
    }

    /// The whole log.
    pub async fn events(&self) -> Vec<Event> {
        let store = self.daemon().grpc_parts().store;
        let mut events = Vec::new();
        loop {
            let after = events.last().map_or(0, |event: &Event| event.id.sequence);
            let page = store.events(after, PAGE).await.expect("events").events;
            if page.is_empty() {
                return events;
            }
            events.extend(page);
        }
    }

    /// Ends everything and gives what was seen.
    pub async fn end(mut self) -> Seen {
        let events = self.events().await;
        self.stop_daemon().await;
        self.network.end().shutdown().await;
        let record = std::fs::read_to_string(self.folder.path().join("record")).expect("a record");
        Seen { events, record }
    }
}

impl Seen {
    /// The one final event of a message, and when it happened.
    pub fn end_of(&self, id: MessageId) -> (Timestamp, &MessageMoved) {
        let ends: Vec<_> = self.moves(id).into_iter().filter(|(_, moved)| moved.ended).collect();
        assert_eq!(ends.len(), 1, "one final event for {id}: {ends:?}");
        ends[0]
    }

    /// What was told of a message.
    pub fn moves(&self, id: MessageId) -> Vec<(Timestamp, &MessageMoved)> {
        let moves = self.events.iter().filter_map(|event| match &event.payload {
            Payload::Message(moved) if moved.message_id == id => Some((event.occur_time, &**moved)),
            _ => None,
        });
        moves.collect()
    }

    /// Reports that were told without a message.
    pub fn orphans(&self) -> usize {
        self.events.iter().filter(|event| matches!(event.payload, Payload::Orphan(_))).count()
    }

    /// The lines of the record of one kind, with their times.
    pub fn lines(&self, kind: &str) -> Vec<(Timestamp, Value)> {
        let lines = self.record.lines().map(|line| serde_json::from_str(line).expect("a line of the record"));
        lines.filter(|line: &Value| line["kind"] == kind).map(|line| (at(&line), line)).collect()
    }

    /// How often the carriers were sent each text, and when first.
    pub fn submits(&self) -> BTreeMap<String, (usize, Timestamp)> {
        let mut submits = BTreeMap::new();
        for (time, line) in self.lines("submit") {
            let text = line["text"].as_str().expect("a text").to_owned();
            submits.entry(text).or_insert((0, time)).0 += 1;
        }
        submits
    }
}

/// The most that lie within any second.
pub fn most_in_a_second(times: &[Timestamp]) -> usize {
    let within = |(index, first): (usize, &Timestamp)| {
        times[index..]
            .iter()
            .take_while(|time| time.duration_since(*first) < SignedDuration::from_secs(1))
            .count()
    };
    times.iter().enumerate().map(within).max().unwrap_or(0)
}

fn at(line: &Value) -> Timestamp {
    line["at"].as_str().and_then(|at| at.parse().ok()).expect("a time")
}

/// A message with this text, which is its key too.
pub fn message(text: &str) -> Message {
    let accept_time = clock::wall();
    Message {
        id: clock::fresh_id(),
        request_id: text.to_owned(),
        tenant_id: "shop".into(),
        to: Number::parse("13800138000").expect("a number"),
        sender: Sender::parse("10690001").expect("a sender"),
        content: Content::Text(text.to_owned()),
        encoding: None,
        category: Category::Notification,
        send_time: None,
        expire_time: accept_time + Duration::from_secs(86_400),
        report_requested: true,
        trunk_ids: Vec::new(),
        client_reference: String::new(),
        labels: Vec::new(),
        ambiguity: AmbiguityPolicy::AwaitReport,
        priority: 0,
        consent_reference: String::new(),
        template_id: String::new(),
        protocol_options: Vec::new(),
        trace_parent: String::new(),
        accept_time,
    }
}

/// A carrier named `north`, with further keys of its table.
pub fn carrier(protocol: &str, behaviour: &str) -> String {
    carrier_named("north", protocol, behaviour)
}

/// The same with another name.
pub fn carrier_named(name: &str, protocol: &str, behaviour: &str) -> String {
    format!(
        "[[carrier]]\nname = \"{name}\"\nprotocol = \"{protocol}\"\n{behaviour}\n\
         [[carrier.account]]\nsystem_id = \"901234\"\npassword = \"secret\"\n"
    )
}

/// The trunk to `north`, with further keys of its table.
pub fn trunk(protocol: &str, keys: &str) -> String {
    trunk_to("north", protocol, keys)
}

/// The same to another carrier, whose name it has.
pub fn trunk_to(name: &str, protocol: &str, keys: &str) -> String {
    let (offset, account) = match protocol.starts_with("cmpp") {
        true => (
            "+08:00",
            "source_addr = \"901234\"\nshared_secret = \"literal:secret\"\nservice_id = \"TEST\"\n\
             access_number = \"10690001\"",
        ),
        false => ("+00:00", "system_id = \"901234\"\npassword = \"literal:secret\""),
    };
    format!(
        "[[trunk]]\nid = \"{name}\"\nprotocol = \"{protocol}\"\nhosts = [\"{name}:1\"]\nutc_offset = \"{offset}\"\n\
         {keys}\n[trunk.account]\n{account}\n"
    )
}

pub const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
