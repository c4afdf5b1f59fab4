//! Two transaction layers and the wire between them, in virtual time.
//!
//! What the wire carries is written down as lines: milliseconds since the beginning, the direction (`>` from the first
//! to the second), what it is. Whether a message arrives, how often and when is up to [`Faults`] and a seed.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use codecs::{
    Now,
    sip::{
        Flow, Message, Method, Name, Target, Transport, Writer,
        transaction::{Config, Event, TransactionId, Transactions},
    },
};
use rand::{Rng, SeedableRng, rngs::SmallRng};

/// The moment at which every test begins.
#[expect(clippy::disallowed_methods, reason = "virtual time has to count from some instant")]
pub fn beginning() -> Now {
    Now { mono: Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH }
}

pub fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What the wire does to messages, in percent of them.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    pub lost: u32,
    pub doubled: u32,
    /// How long a message takes, milliseconds: what lies between these is drawn for each, so that messages overtake.
    pub takes: (u64, u64),
}

impl Default for Faults {
    fn default() -> Self {
        Self { lost: 0, doubled: 0, takes: (1, 1) }
    }
}

/// One layer with what its driver and user would hold.
pub struct End {
    pub layer: Transactions,
    pub address: SocketAddr,
    /// What it told, with the time in milliseconds.
    pub events: Vec<(u64, Event)>,
    requests: u32,
}

/// Two layers and the wire.
pub struct Pair {
    pub now: Now,
    start: Now,
    pub ends: [End; 2],
    pub transport: Transport,
    pub faults: Faults,
    /// Messages that the wire swallows: the numbers of lines in `carried` counted from 0.
    pub swallows: Vec<usize>,
    /// What was sent, whether or not it arrived.
    pub carried: Vec<String>,
    in_flight: BTreeMap<(Instant, u64), (usize, Bytes)>,
    serial: u64,
    random: SmallRng,
}

/// The first end.
pub const A: usize = 0;
/// The second end.
pub const B: usize = 1;

impl Pair {
    pub fn new(config: Config, transport: Transport, seed: u64) -> Self {
        let now = beginning();
        let end = |number: u8| End {
            layer: Transactions::new(config, seed ^ u64::from(number)),
            address: SocketAddr::from(([192, 0, 2, number], 5060)),
            events: Vec::new(),
            requests: 0,
        };
        Self {
            now,
            start: now,
            ends: [end(1), end(2)],
            transport,
            faults: Faults::default(),
            swallows: Vec::new(),
            carried: Vec::new(),
            in_flight: BTreeMap::new(),
            serial: 0,
            random: SmallRng::seed_from_u64(seed),
        }
    }

    pub fn over(transport: Transport) -> Self {
        Self::new(Config::default(), transport, 7)
    }

    pub fn udp() -> Self {
        Self::over(Transport::Udp)
    }

    /// Milliseconds since the beginning.
    pub fn elapsed(&self) -> u64 {
        self.now.mono.duration_since(self.start.mono).as_millis() as u64
    }

    /// By which way messages come to `end`.
    pub fn flow(&self, end: usize) -> Flow {
        Flow {
            transport: self.transport,
            local: self.ends[end].address,
            remote: self.ends[1 - end].address,
            connection: None,
        }
    }

    /// A request that `end` may send, outside of dialogs, with a new branch.
    pub fn request(&mut self, end: usize, method: &str) -> Message {
        let transport = self.transport;
        let own = &mut self.ends[end];
        own.requests += 1;
        let branch = own.layer.branch();
        request(method, transport, own.address, branch, own.requests)
    }

    /// Has `end` send a new request.
    pub fn send(&mut self, end: usize, method: &str) -> TransactionId {
        let request = self.request(end, method);
        self.send_it(end, &request)
    }

    pub fn send_it(&mut self, end: usize, request: &Message) -> TransactionId {
        let target = Target::new(self.transport, self.ends[1 - end].address);
        let id = self.ends[end].layer.request(self.now, request, target).unwrap();
        self.flush();
        id
    }

    /// Has `end` answer its latest request with this method.
    pub fn respond(&mut self, end: usize, method: Method, status: u16) -> TransactionId {
        let (id, request) = self.latest(end, method);
        let response = Writer::response_to(&request, &self.flow(end), status, None, Some("tag")).finish();
        self.ends[end].layer.respond(self.now, id, &response).unwrap();
        self.flush();
        id
    }

    /// The latest request with this method that `end` was told of.
    pub fn latest(&self, end: usize, method: Method) -> (TransactionId, Message) {
        let requests = self.ends[end].events.iter().rev().filter_map(|(_, event)| match event {
            Event::Request { id, request, .. } => Some((*id, request.clone())),
            _ => None,
        });
        requests.into_iter().find(|(_, request)| request.method() == Some(method)).unwrap()
    }

    /// Serves everything that is due until `at` milliseconds after the beginning.
    pub fn run_until(&mut self, at: u64) {
        let end = self.start.after(millis(at));
        self.flush();
        while let Some(next) = self.next().filter(|next| *next <= end.mono) {
            self.now = self.now.after(next.saturating_duration_since(self.now.mono));
            while let Some(first) = self.in_flight.first_entry().filter(|first| first.key().0 <= next) {
                let (to, octets) = first.remove();
                self.arrive(to, octets);
            }
            for end in [A, B] {
                self.ends[end].layer.handle_timeout(self.now);
            }
            self.flush();
        }
        self.now = end;
    }

    /// Hands octets to `end` as if they had come from the other one.
    pub fn arrive(&mut self, end: usize, octets: Bytes) {
        let flow = self.flow(end);
        self.ends[end].layer.receive(self.now, flow, Message::parse(octets).unwrap());
        self.flush();
    }

    /// When something is due next.
    pub fn next(&self) -> Option<Instant> {
        let arrives = self.in_flight.keys().next().map(|(at, _)| *at);
        self.ends.iter().filter_map(|end| end.layer.poll_timeout()).chain(arrives).min()
    }

    /// Takes what the layers have to say, and puts what they send on the wire.
    pub fn flush(&mut self) {
        let elapsed = self.elapsed();
        for end in [A, B] {
            while let Some(event) = self.ends[end].layer.poll_event() {
                self.ends[end].events.push((elapsed, event));
            }
            while let Some(transmit) = self.ends[end].layer.poll_transmit() {
                let line = self.carried.len();
                let direction = if end == A { '>' } else { '<' };
                self.carried.push(format!("{elapsed} {direction} {}", summary(&transmit.octets)));
                let lost = self.random.random_range(0..100) < self.faults.lost;
                if lost || self.swallows.contains(&line) {
                    continue;
                }
                let copies = if self.random.random_range(0..100) < self.faults.doubled { 2 } else { 1 };
                for _ in 0..copies {
                    let (least, most) = self.faults.takes;
                    let takes = millis(self.random.random_range(least..=most));
                    self.serial += 1;
                    let key = (self.now.mono + takes, self.serial);
                    self.in_flight.insert(key, (1 - end, transmit.octets.clone()));
                }
            }
        }
    }

    /// What `end` was told, as lines.
    pub fn told(&self, end: usize) -> Vec<String> {
        self.ends[end].events.iter().map(|(at, event)| format!("{at} {}", name_of(event))).collect()
    }

    /// Says whether nothing is left anywhere.
    pub fn is_idle(&self) -> bool {
        self.next().is_none() && self.ends.iter().all(|end| end.layer.clients() + end.layer.servers() == 0)
    }
}

/// The first words of a message: its method, or its status and the method that it is about.
pub fn summary(octets: &Bytes) -> String {
    let message = Message::parse(octets.clone()).unwrap();
    match message.method() {
        Some(method) => method.name().to_owned(),
        None => format!("{} {}", message.status().unwrap(), message.cseq().unwrap().method),
    }
}

/// An event in a few words, without its transaction.
pub fn name_of(event: &Event) -> String {
    match event {
        Event::Request { request, cancels, .. } => {
            format!("{}{}", request.method().unwrap(), if cancels.is_some() { " of one" } else { "" })
        }
        Event::Overflow { request, .. } => format!("overflow {}", request.method().unwrap()),
        Event::Ack { .. } => "ACK".to_owned(),
        Event::Response { response, .. } => {
            format!("{} {}", response.status().unwrap(), response.cseq().unwrap().method)
        }
        Event::Timeout { .. } => "timeout".to_owned(),
        Event::Unreachable { .. } => "unreachable".to_owned(),
        Event::Unacknowledged { .. } => "unacknowledged".to_owned(),
        Event::Ended { .. } => "ended".to_owned(),
    }
}

/// A request outside of dialogs; `number` makes Call-ID and From tag its own.
pub fn request(
    method: &str,
    transport: Transport,
    from: SocketAddr,
    branch: impl AsRef<[u8]>,
    number: u32,
) -> Message {
    let branch = String::from_utf8(branch.as_ref().to_vec()).unwrap();
    let mut writer = Writer::request(method, "sip:callee@192.0.2.99");
    writer
        .field(Name::Via, format!("SIP/2.0/{transport} {from};rport;branch={branch}"))
        .field(Name::MaxForwards, "70")
        .field(Name::From, format!("<sip:caller@{from}>;tag=from{number}"))
        .field(Name::To, "<sip:callee@192.0.2.99>")
        .field(Name::CallId, format!("call-{number}@{}", from.ip()))
        .cseq(number, method);
    writer.finish()
}

/// The ACK to a 2xx, in which only what the layer looks at is right.
pub fn ack_of_2xx(
    response: &Message,
    transport: Transport,
    from: SocketAddr,
    branch: impl AsRef<[u8]>,
) -> Message {
    let branch = String::from_utf8(branch.as_ref().to_vec()).unwrap();
    let mut writer = Writer::request("ACK", "sip:callee@192.0.2.99");
    writer
        .field(Name::Via, format!("SIP/2.0/{transport} {from};rport;branch={branch}"))
        .field(Name::MaxForwards, "70")
        .copy(response, Name::From)
        .copy(response, Name::To)
        .copy(response, Name::CallId)
        .cseq(response.cseq().unwrap().number, "ACK");
    writer.finish()
}
