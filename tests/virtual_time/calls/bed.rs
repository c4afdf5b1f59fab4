//! A daemon with a trunk to each carrier, a platform that answers it, and time that passes only where a test lets it.

use std::{path::Path, sync::Arc, time::Duration};

use carrierd::{
    app::{App, Surroundings},
    calls::{CallFilter, CallRequest, Word},
    clock, config,
    domain::{Call, CallDirection, CallId, Category, Event, Number, Payload, Sdp, SdpRole},
    store::Committing,
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::{
    carrier::Habits,
    world::{Faults, World, address},
};
use crate::bed::START;

pub const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
/// New calls of a trunk in a second, and calls at once.
pub const RATE: usize = 4;
pub const CALLS: usize = 6;
const PAGE: usize = 1000;
/// How often the platform looks at its events.
const TURN: Duration = Duration::from_millis(500);

pub struct Bed {
    folder: TempDir,
    pub world: World,
    serving: JoinHandle<()>,
    configuration: String,
    seed: u64,
    daemon: Option<App>,
    random: SmallRng,
    /// Calls that were accepted.
    pub accepted: Vec<CallId>,
    /// Every call that the platform has heard of.
    known: Vec<CallId>,
    read: u64,
    _calendar: clock::Following,
}

impl Bed {
    pub async fn new(seed: u64, faults: Faults, carriers: &[Habits]) -> Self {
        let calendar = clock::follow_runtime(START.parse().expect("a time"));
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.expect("a folder");
        let world = World::new(seed, faults, carriers);
        let mut configuration = format!(
            "[store]\npath = {:?}\nreserve = \"1MiB\"\ncache = \"1MiB\"\n[drain]\nlimit = \"5s\"\n\
             [calls]\nanswer_deadline = \"20s\"\n[sip]\nlisten = [\"udp:192.0.2.1:5060\"]\n",
            folder.path().join("store")
        );
        for carrier in 0..carriers.len() {
            configuration += &format!(
                "[[trunk]]\nid = \"t{carrier}\"\nprotocol = \"sip\"\ngateway = [{{ host = \"{}\", transport = \"udp\" }}]\n\
                 calls_per_second = {RATE}\nmax_calls = {CALLS}\n\
                 callers = {{ authorisation = \"c\", numbers = [\"95001\"] }}\nsession_timer = {{ expires = \"90s\" }}\n",
                address(carrier).ip()
            );
        }
        let serving = tokio::spawn(world.clone().run());
        let mut bed = Self {
            folder,
            world,
            serving,
            configuration,
            seed,
            daemon: None,
            random: SmallRng::seed_from_u64(seed.rotate_left(7)),
            accepted: Vec::new(),
            known: Vec::new(),
            read: 0,
            _calendar: calendar,
        };
        bed.start();
        bed
    }

    pub fn start(&mut self) {
        assert!(self.folder.path().is_dir());
        let config = config::parse(&self.configuration, "bed.toml", &|_| None)
            .unwrap_or_else(|error| panic!("{error}"));
        let surroundings = Surroundings {
            sip: Arc::new(self.world.clone()),
            seed: self.seed ^ u64::from(self.world.life()) << 32,
            committing: Committing::ByCaller,
            ..Surroundings::default()
        };
        self.daemon = Some(App::start_in(&config, &surroundings).expect("a daemon"));
    }

    /// Ends the daemon in good order, or as a crash would.
    pub async fn stop(&mut self, is_crash: bool) {
        let daemon = self.daemon.take().expect("a daemon");
        match is_crash {
            true => {
                self.world.lose_daemon();
                daemon.kill().await;
            }
            false => {
                daemon.drain(Vec::new()).await;
                self.world.lose_daemon();
            }
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    fn daemon(&self) -> &App {
        self.daemon.as_ref().expect("a daemon")
    }

    fn calls(&self) -> carrierd::calls::Calls {
        self.daemon().grpc_parts().calls.expect("calls")
    }

    /// Asks for a call.
    pub async fn create(&mut self, ring: Duration, lasts: Duration) {
        let id = clock::fresh_call_id();
        let call = Call {
            id,
            direction: CallDirection::Outbound,
            request_id: format!("r{}", self.accepted.len()),
            tenant_id: "shop".into(),
            caller: Number::parse("95001").expect("a number"),
            display_caller: None,
            callee: Number::parse("+8613800138000").expect("a number"),
            category: Category::Notification,
            trunk_ids: Vec::new(),
            ring_timeout: ring,
            max_duration: lasts,
            client_reference: String::new(),
            labels: Vec::new(),
            headers: Vec::new(),
            trace_parent: String::new(),
            accept_time: clock::wall(),
        };
        let request = CallRequest { call, offer: Sdp::new(SDP.as_bytes()), digest: [1; 16] };
        let answer = self.calls().create(request).await.expect("accepted");
        self.accepted.push(answer.call_id);
        self.known.push(answer.call_id);
    }

    /// Says something about one of the youngest calls.
    pub async fn say(&mut self, nth: usize, choice: usize) {
        let Some(id) = self.known.iter().rev().nth(nth).copied() else { return };
        let sdp = || Sdp::new(SDP.as_bytes());
        let word = match choice % 5 {
            0 | 1 => Word::HangUp(String::new()),
            2 => Word::Offer(sdp()),
            3 => Word::Press("5".into()),
            _ => Word::Answer(sdp()),
        };
        // Most words do not fit: that they change nothing then is what is tested.
        _ = self.calls().say(id, word).await;
    }

    /// Lets time pass, in which the platform reads and answers.
    pub async fn pass(&mut self, time: Duration) {
        let until = tokio::time::Instant::now() + time;
        while tokio::time::Instant::now() < until {
            tokio::time::sleep_until(until.min(tokio::time::Instant::now() + TURN)).await;
            self.platform().await;
        }
    }

    async fn platform(&mut self) {
        let store = self.daemon().grpc_parts().store;
        let events = store.events(self.read, PAGE).await.expect("events").events;
        for event in events {
            self.read = event.id.sequence;
            let sdp = || Sdp::new(SDP.as_bytes());
            let (id, word) = match event.payload {
                Payload::InboundCall(call) => {
                    self.known.push(call.call_id);
                    let word = match self.random.random_range(0..8) {
                        0 => continue,
                        1 => Word::Reject(486),
                        2 => Word::Ring(None),
                        3 => Word::Ring(Some(sdp())),
                        _ => Word::Answer(sdp()),
                    };
                    (call.call_id, word)
                }
                Payload::Call(moved) if matches!(moved.sdp, Some((SdpRole::Offer, _))) => {
                    let word = match self.random.random_range(0..6) {
                        0 => continue,
                        1 => Word::Reply(Err(488)),
                        _ => Word::Reply(Ok(sdp())),
                    };
                    (moved.call_id, word)
                }
                _ => continue,
            };
            // The call may be over by now.
            _ = self.calls().say(id, word).await;
        }
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

    /// Calls that are open.
    pub async fn open(&self) -> usize {
        let all = CallFilter { limit: usize::MAX, ..CallFilter::default() };
        self.calls().list(all).await.expect("calls").len()
    }

    /// Ends everything; nothing of any call is left with the carriers then.
    pub async fn end_quietly(mut self) {
        self.stop(false).await;
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert_eq!(self.world.left(), Vec::<String>::new());
        self.serving.abort();
    }
}
