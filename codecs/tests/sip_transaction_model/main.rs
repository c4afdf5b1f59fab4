//! Random schedules on two transaction layers, each of which is held against a small reference after every input.
//!
//! The wire loses, doubles, delays and reorders messages from a seed. Whatever a layer sends, tells or waits for must be
//! what its reference says, so nothing is repeated where the tables have no repetition, each request of ours has one
//! outcome, and each transaction ends. When users have had their say, nothing is left anywhere.
#![allow(clippy::unwrap_used, reason = "a test may panic, in what it shares with others too")]

mod reference;
#[allow(dead_code, reason = "every test file uses its part")]
#[path = "../support/sip_wire.rs"]
mod wire;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::SocketAddr,
    time::Instant,
};

use bytes::Bytes;
use codecs::{
    Now,
    sip::{
        Flow, Message, Target, Transport, Writer,
        transaction::{Config, Event, TransactionId, Transactions},
    },
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use reference::{Key, Reference};
use wire::{ack_of_2xx, beginning, millis, request};

const METHODS: [&str; 4] = ["INVITE", "INVITE", "OPTIONS", "BYE"];
const STATUSES: [u16; 8] = [100, 180, 183, 200, 200, 404, 408, 503];

/// What the users of one of the ends do, or the wire.
#[derive(Debug, Clone)]
enum Step {
    /// Sends a request with one of the methods.
    Send(usize, usize),
    /// Answers the n-th of the peer's requests that was ever told, with one of the statuses.
    Respond(usize, usize, usize),
    /// Of the requests of ours that were ever sent, does something to the n-th.
    Cancel(usize, usize),
    Abandon(usize, usize),
    Unreachable(usize, usize),
    /// Says that the n-th of the peer's requests could not be answered.
    Unsent(usize, usize),
    /// Milliseconds pass.
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let (end, nth) = (0..2_usize, 0..6_usize);
    prop_oneof![
        8 => (end.clone(), 0..METHODS.len()).prop_map(|(end, method)| Step::Send(end, method)),
        12 => (end.clone(), nth.clone(), 0..STATUSES.len()).prop_map(|(end, nth, status)| Step::Respond(end, nth, status)),
        3 => (end.clone(), nth.clone()).prop_map(|(end, nth)| Step::Cancel(end, nth)),
        1 => (end.clone(), nth.clone()).prop_map(|(end, nth)| Step::Abandon(end, nth)),
        1 => (end.clone(), nth.clone()).prop_map(|(end, nth)| Step::Unreachable(end, nth)),
        1 => (end, nth).prop_map(|(end, nth)| Step::Unsent(end, nth)),
        10 => (0..3_000_u64).prop_map(Step::Pass),
        2 => (0..40_000_u64).prop_map(Step::Pass),
    ]
}

/// What a run is made of beside its steps.
#[derive(Debug, Clone)]
struct Setting {
    seed: u64,
    reliable: bool,
    lost: u32,
    doubled: u32,
    slowest: u64,
}

fn setting() -> impl Strategy<Value = Setting> {
    (any::<u64>(), any::<bool>(), 0..50_u32, 0..30_u32, 1..4_000_u64).prop_map(
        |(seed, reliable, lost, doubled, slowest)| match reliable {
            true => Setting { seed, reliable, lost: 0, doubled: 0, slowest },
            false => Setting { seed, reliable, lost, doubled, slowest },
        },
    )
}

/// One layer, its reference, and what its user remembers.
struct End {
    layer: Transactions,
    reference: Reference,
    address: SocketAddr,
    /// Requests of ours, and of the peer, in order.
    ours: Vec<TransactionId>,
    theirs: Vec<(TransactionId, Message)>,
    keys: HashMap<TransactionId, Key>,
    ended: HashSet<TransactionId>,
}

impl End {
    /// What a number stands for, unless that is over: a transaction with the same key may have followed it.
    fn live(&self, id: TransactionId) -> Option<Key> {
        self.keys.get(&id).filter(|_| !self.ended.contains(&id)).cloned()
    }

    /// Which transaction an event is about.
    fn told(&self, id: TransactionId) -> &Key {
        assert!(!self.ended.contains(&id), "{id:?} is told of after its end");
        &self.keys[&id]
    }
}

struct Run {
    setting: Setting,
    now: Now,
    ends: [End; 2],
    in_flight: BTreeMap<(Instant, u64), (usize, Bytes)>,
    serial: u64,
    random: SmallRng,
    log: Vec<String>,
}

impl Run {
    fn new(now: Now, setting: &Setting) -> Self {
        let config = Config::default();
        let end = |number: u8| End {
            layer: Transactions::new(config, setting.seed ^ u64::from(number)),
            reference: Reference::new(config.timers, setting.reliable),
            address: SocketAddr::from(([192, 0, 2, number], 5060)),
            ours: Vec::new(),
            theirs: Vec::new(),
            keys: HashMap::new(),
            ended: HashSet::new(),
        };
        Self {
            now,
            ends: [end(1), end(2)],
            in_flight: BTreeMap::new(),
            serial: 0,
            random: SmallRng::seed_from_u64(setting.seed),
            setting: setting.clone(),
            log: Vec::new(),
        }
    }

    fn transport(&self) -> Transport {
        if self.setting.reliable { Transport::Tcp } else { Transport::Udp }
    }

    fn flow(&self, end: usize) -> Flow {
        let (local, remote) = (self.ends[end].address, self.ends[1 - end].address);
        Flow { transport: self.transport(), local, remote, connection: None }
    }

    fn target(&self, end: usize) -> Target {
        Target::new(self.transport(), self.ends[1 - end].address)
    }

    fn run(&mut self, step: &Step) {
        let now = self.now;
        match *step {
            Step::Send(end, method) => self.send(end, METHODS[method]),
            Step::Respond(end, nth, status) => {
                if let Some((id, request)) = self.ends[end].theirs.get(nth).cloned() {
                    self.respond(end, id, &request, STATUSES[status]);
                }
            }
            Step::Cancel(end, nth) => {
                if let Some(id) = self.ends[end].ours.get(nth).copied() {
                    self.cancel(end, id);
                }
            }
            Step::Abandon(end, nth) => {
                let own = &mut self.ends[end];
                if let Some(id) = own.ours.get(nth).copied() {
                    own.layer.abandon(id);
                    if let Some(key) = own.live(id) {
                        own.reference.abandon(&key);
                    }
                    self.compare(end);
                }
            }
            Step::Unreachable(end, nth) => {
                if let Some(id) = self.ends[end].ours.get(nth).copied() {
                    self.unreachable(end, id);
                }
            }
            Step::Unsent(end, nth) => {
                if let Some((id, _)) = self.ends[end].theirs.get(nth).cloned() {
                    self.unreachable(end, id);
                }
            }
            Step::Pass(time) => self.pass_until(now.after(millis(time))),
        }
    }

    fn send(&mut self, end: usize, method: &str) {
        let (transport, target, now) = (self.transport(), self.target(end), self.now);
        let own = &mut self.ends[end];
        let branch = own.layer.branch();
        let message = request(method, transport, own.address, branch, own.ours.len() as u32);
        let id = own.layer.request(now, &message, target).unwrap();
        let key = Key::of(&message);
        own.reference.request(now.mono, key.clone());
        own.ours.push(id);
        assert!(own.keys.insert(id, key).is_none(), "{id:?} is used twice");
        self.compare(end);
    }

    fn respond(&mut self, end: usize, id: TransactionId, request: &Message, status: u16) {
        let response = Writer::response_to(request, &self.flow(end), status, None, Some("tag")).finish();
        let now = self.now;
        let own = &mut self.ends[end];
        let sent = own.layer.respond(now, id, &response).is_ok();
        let wanted = own.live(id).is_some_and(|key| own.reference.respond(now.mono, &key, status));
        assert_eq!(sent, wanted, "{status} to {id:?}");
        self.compare(end);
    }

    fn cancel(&mut self, end: usize, id: TransactionId) {
        let now = self.now;
        let own = &mut self.ends[end];
        let cancel = own.layer.cancel(now, id, None).ok();
        let key = own.live(id).filter(|key| own.reference.cancel(now.mono, key));
        assert_eq!(cancel.is_some(), key.is_some(), "CANCEL of {:?}", own.keys[&id]);
        if let Some((cancel, key)) = cancel.zip(key) {
            own.ours.push(cancel);
            assert!(own.keys.insert(cancel, key.with("CANCEL")).is_none());
        }
        self.compare(end);
    }

    fn unreachable(&mut self, end: usize, id: TransactionId) {
        let own = &mut self.ends[end];
        own.layer.unreachable(id);
        if let Some(key) = own.live(id) {
            own.reference.unreachable(&key);
        }
        self.compare(end);
    }

    fn pass_until(&mut self, until: Now) {
        for served in 0.. {
            assert!(served < 100_000, "a deadline that has passed is never served");
            let arrives = self.in_flight.keys().next().map(|(at, _)| *at);
            let due = self.ends.iter().filter_map(|end| end.layer.poll_timeout()).chain(arrives).min();
            let Some(next) = due.filter(|next| *next <= until.mono) else { break };
            self.now = self.now.after(next.saturating_duration_since(self.now.mono));
            while let Some(first) = self.in_flight.first_entry().filter(|first| first.key().0 <= next) {
                let (to, octets) = first.remove();
                self.arrive(to, octets);
            }
            for end in 0..2 {
                self.ends[end].layer.handle_timeout(self.now);
                self.ends[end].reference.advance(self.now.mono);
                self.compare(end);
            }
        }
        self.now = until;
    }

    fn arrive(&mut self, end: usize, octets: Bytes) {
        let message = Message::parse(octets).unwrap();
        self.ends[end].reference.receive(self.now.mono, &message);
        let flow = self.flow(end);
        self.ends[end].layer.receive(self.now, flow, message);
        self.compare(end);
    }

    /// Holds what a layer says against what its reference says, and carries what it sends.
    fn compare(&mut self, end: usize) {
        let mut said = Vec::new();
        let mut acks = Vec::new();
        while let Some(event) = self.ends[end].layer.poll_event() {
            let own = &mut self.ends[end];
            let line = match &event {
                Event::Request { id, request, cancels, .. } => {
                    let key = Key::of(request);
                    assert!(own.keys.insert(*id, key.clone()).is_none(), "{id:?} is used twice");
                    own.theirs.push((*id, request.clone()));
                    format!("{key} request{}", if cancels.is_some() { " of one" } else { "" })
                }
                Event::Ack { request, .. } => format!("{} ack", Key::of(request)),
                Event::Response { id, response, .. } => {
                    let status = response.status().unwrap();
                    if (200..300).contains(&status) && own.told(*id).is_invite() {
                        acks.push(response.clone());
                    }
                    format!("{} response {status}", own.told(*id))
                }
                Event::Timeout { id } => format!("{} timeout", own.told(*id)),
                Event::Unreachable { id } => format!("{} unreachable", own.told(*id)),
                Event::Unacknowledged { id } => format!("{} unacknowledged", own.told(*id)),
                Event::Ended { id } => {
                    let line = format!("{} ended", own.told(*id));
                    own.ended.insert(*id);
                    line
                }
                Event::Overflow { .. } => panic!("nothing is full"),
            };
            said.push(line);
        }
        for response in acks {
            let (transport, target) = (self.transport(), self.target(end));
            let own = &mut self.ends[end];
            let branch = own.layer.branch();
            let ack = ack_of_2xx(&response, transport, own.address, branch);
            own.layer.send(target, &ack);
            own.reference.say(format!("{} sent ACK", Key::of(&ack)));
        }
        while let Some(transmit) = self.ends[end].layer.poll_transmit() {
            let message = Message::parse(transmit.octets.clone()).unwrap();
            let what = match message.status() {
                Some(status) => status.to_string(),
                None => message.method().unwrap().to_string(),
            };
            said.push(format!("{} sent {what}", Key::of(&message)));
            self.carry(1 - end, &transmit.octets);
        }
        let mut wanted = self.ends[end].reference.said();
        self.log.extend(said.iter().cloned());
        said.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(said, wanted, "at the end {end}");
        let End { layer, reference, .. } = &self.ends[end];
        assert_eq!(layer.poll_timeout(), reference.next(), "at the end {end}");
        assert_eq!((layer.clients(), layer.servers()), reference.live(), "at the end {end}");
    }

    fn carry(&mut self, to: usize, octets: &Bytes) {
        let Setting { lost, doubled, slowest, .. } = self.setting;
        if self.random.random_range(0..100) < lost {
            return;
        }
        let copies = if self.random.random_range(0..100) < doubled { 2 } else { 1 };
        for _ in 0..copies {
            self.serial += 1;
            let takes = millis(self.random.random_range(0..=slowest));
            self.in_flight.insert((self.now.mono + takes, self.serial), (to, octets.clone()));
        }
    }

    /// Lets the users say what only they can, and waits for everything to end.
    fn finish(mut self) -> Vec<String> {
        // New requests may arrive for as long as messages travel and are repeated.
        for _ in 0..3 {
            self.pass_until(self.now.after(millis(36_000)));
            for end in 0..2 {
                for (id, request) in self.ends[end].theirs.clone() {
                    self.respond(end, id, &request, 500);
                }
                for id in self.ends[end].ours.clone() {
                    self.cancel(end, id);
                }
            }
        }
        // 64·T1 for what may come of the last CANCEL, and as long again to absorb what came of it.
        self.pass_until(self.now.after(millis(2 * 32_000 + 5_000)));
        assert!(self.in_flight.is_empty());
        for End { layer, keys, ended, .. } in &self.ends {
            assert_eq!((layer.clients(), layer.servers(), layer.poll_timeout()), (0, 0, None));
            assert_eq!(keys.len(), ended.len(), "an end was not told");
        }
        self.log
    }
}

fn run_all(start: Now, setting: &Setting, steps: &[Step]) -> Vec<String> {
    let mut run = Run::new(start, setting);
    steps.iter().for_each(|step| run.run(step));
    run.finish()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_fits_the_reference_and_happens_again(
        setting in setting(),
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let start = beginning();
        let first = run_all(start, &setting, &steps);
        prop_assert_eq!(run_all(start, &setting, &steps), first);
    }
}
