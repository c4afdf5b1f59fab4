//! A SIP transaction layer, driven by octets: any messages, and what users and drivers do.

use std::{
    collections::{HashMap, HashSet},
    time::Instant,
};

use bytes::Bytes;
use codecs::{
    Now,
    sip::{
        ConnectionId, Flow, Message, Name, Target, Transport, Writer,
        transaction::{Config, Event, Limits, TransactionId, Transactions},
    },
};

use super::{octet, pair, take};

/// Any message comes in: two octets of length, then the message.
pub const MESSAGE: u8 = 0;
/// Time passes: two octets, in units of 100 ms.
pub const PASS: u8 = 1;
/// We send a request; one octet chooses the method.
pub const REQUEST: u8 = 2;
/// We answer a request of the peer; one octet chooses which, one the status.
pub const RESPOND: u8 = 3;
/// The peer answers the latest request that we sent; one octet chooses the status, one the To tag.
pub const ANSWERED: u8 = 4;
/// We cancel; one octet chooses which.
pub const CANCEL: u8 = 5;
/// Something could not be sent; one octet chooses which transaction.
pub const UNSENT: u8 = 6;
/// A connection is lost; one octet chooses which.
pub const LOST: u8 = 7;
/// The last message comes again.
pub const AGAIN: u8 = 8;
/// What we sent last comes back to us with the method changed, or as it was; one octet chooses.
pub const BACK: u8 = 9;
const OPERATIONS: u8 = 10;

const METHODS: [&str; 4] = ["INVITE", "OPTIONS", "BYE", "FROB"];
const STATUSES: [u16; 9] = [100, 180, 199, 200, 202, 302, 408, 487, 603];
const LIMITS: Limits = Limits { clients: 6, servers: 6, reserve: 2 };

/// A run with what is known about it.
struct Run {
    layer: Transactions,
    now: Now,
    transport: Transport,
    last: Option<Message>,
    sent: Option<Message>,
    own_request: Option<Message>,
    requests: HashMap<TransactionId, Message>,
    known: Vec<TransactionId>,
    outcomes: HashSet<TransactionId>,
    ended: HashSet<TransactionId>,
}

/// Drives one layer with `octets`.
///
/// # Panics
/// When it breaks a promise: more held than its limits, an event of a transaction that is unknown or over, two outcomes of
/// a request, a deadline that is never served, anything left at the end.
pub fn run(octets: &[u8]) {
    let [transport, rest @ ..] = octets else { return };
    let mut rest = rest;
    let mut run = Run {
        layer: Transactions::new(Config { limits: LIMITS, ..Config::default() }, 7),
        now: Now { mono: Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH },
        transport: [Transport::Udp, Transport::Tcp][usize::from(transport % 2)],
        last: None,
        sent: None,
        own_request: None,
        requests: HashMap::new(),
        known: Vec::new(),
        outcomes: HashSet::new(),
        ended: HashSet::new(),
    };
    while let Some(operation) = take(&mut rest, 1).first() {
        run.operate(operation % OPERATIONS, &mut rest);
        run.check();
    }
    run.finish();
}

impl Run {
    fn operate(&mut self, operation: u8, rest: &mut &[u8]) {
        let now = self.now;
        match operation {
            MESSAGE => {
                let length = usize::from(pair(rest));
                let octets = Bytes::copy_from_slice(take(rest, length));
                if let Ok(message) = Message::parse(octets) {
                    self.receive(message);
                }
            }
            PASS => self.pass(u64::from(pair(rest)) * 100),
            REQUEST => self.request(METHODS[usize::from(octet(rest)) % METHODS.len()]),
            RESPOND => {
                let chosen = self.choose(octet(rest));
                let status = STATUSES[usize::from(octet(rest)) % STATUSES.len()];
                if let Some((id, request)) = chosen.and_then(|id| Some((id, self.requests.get(&id)?))) {
                    let response =
                        Writer::response_to(request, &self.flow(), status, None, Some("t")).finish();
                    _ = self.layer.respond(now, id, &response);
                }
            }
            ANSWERED => {
                let status = STATUSES[usize::from(octet(rest)) % STATUSES.len()];
                let tag = ["a", "b"][usize::from(octet(rest)) % 2];
                if let Some(request) = &self.own_request {
                    let response =
                        Writer::response_to(request, &self.flow(), status, None, Some(tag)).finish();
                    self.receive(response);
                }
            }
            CANCEL => {
                if let Some(id) = self.choose(octet(rest)) {
                    let cancel = self.layer.cancel(now, id, Some(b"SIP;cause=487"));
                    self.known.extend(cancel.ok());
                }
            }
            UNSENT => {
                if let Some(id) = self.choose(octet(rest)) {
                    self.layer.unreachable(id);
                }
            }
            LOST => {
                let connection = Some(ConnectionId(u64::from(octet(rest) % 2)));
                self.layer.connection_lost(connection, self.transport, self.flow().remote);
            }
            AGAIN => {
                if let Some(message) = self.last.clone() {
                    self.receive(message);
                }
            }
            _ => self.bring_back(octet(rest)),
        }
    }

    /// What we sent last, as if a peer had sent it: with a method exchanged, so that ACKs and CANCELs find what they are
    /// about.
    fn bring_back(&mut self, choice: u8) {
        let Some(sent) = &self.sent else { return };
        let text = String::from_utf8_lossy(sent.octets());
        let text = match choice % 3 {
            0 => text.into_owned(),
            1 => text.replace("INVITE", "ACK"),
            _ => text.replace("INVITE", "CANCEL"),
        };
        if let Ok(message) = Message::parse(Bytes::from(text)) {
            self.receive(message);
        }
    }

    fn receive(&mut self, message: Message) {
        self.last = Some(message.clone());
        self.layer.receive(self.now, self.flow(), message);
    }

    fn request(&mut self, method: &str) {
        let branch = self.layer.branch();
        let branch = String::from_utf8_lossy(&branch);
        let via = format!("SIP/2.0/{} 192.0.2.1:5060;rport;branch={branch}", self.transport);
        let mut writer = Writer::request(method, "sip:b@192.0.2.2");
        writer
            .field(Name::Via, via)
            .field(Name::From, "<sip:a@192.0.2.1>;tag=f")
            .field(Name::To, "<sip:b@192.0.2.2>")
            .field(Name::CallId, "c")
            .cseq(1, method);
        let request = writer.finish();
        let id = self.layer.request(self.now, &request, Target::from(self.flow()));
        self.known.extend(id.ok());
        self.own_request = Some(request);
    }

    fn choose(&self, choice: u8) -> Option<TransactionId> {
        let newest_first = self.known.len().checked_sub(1 + usize::from(choice) % self.known.len().max(1))?;
        self.known.get(newest_first).copied()
    }

    fn flow(&self) -> Flow {
        let (local, remote) = (([192, 0, 2, 1], 5060).into(), ([192, 0, 2, 2], 5060).into());
        let connection = self.transport.is_reliable().then_some(ConnectionId(0));
        Flow { transport: self.transport, local, remote, connection }
    }

    fn pass(&mut self, millis: u64) {
        let end = self.now.after(std::time::Duration::from_millis(millis));
        for served in 0.. {
            assert!(served < 10_000, "a deadline that has passed is never served");
            let Some(next) = self.layer.poll_timeout().filter(|next| *next <= end.mono) else { break };
            self.now = self.now.after(next.saturating_duration_since(self.now.mono));
            self.layer.handle_timeout(self.now);
            self.check();
        }
        self.now = end;
    }

    fn check(&mut self) {
        while let Some(event) = self.layer.poll_event() {
            match event {
                Event::Request { id, request, cancels, .. } => {
                    assert!(!self.known.contains(&id), "{id:?} is used twice");
                    assert!(cancels.is_none_or(|invite| self.requests.contains_key(&invite)));
                    self.known.push(id);
                    self.requests.insert(id, request);
                }
                Event::Response { id, response, .. } => {
                    self.told(id);
                    let status = response.status().expect("a response has one");
                    let more = status / 100 == 2 && self.outcomes.contains(&id);
                    if status >= 200 && !more {
                        assert!(self.outcomes.insert(id), "{id:?} has two outcomes");
                    }
                    assert!(status >= 200 || !self.outcomes.contains(&id), "{status} after the outcome");
                }
                Event::Timeout { id } | Event::Unacknowledged { id } => {
                    self.told(id);
                    assert!(self.outcomes.insert(id), "{id:?} has two outcomes");
                }
                Event::Unreachable { id } => self.told(id),
                Event::Ended { id } => {
                    self.told(id);
                    self.ended.insert(id);
                }
                Event::Ack { .. } | Event::Overflow { .. } => {}
            }
        }
        while let Some(transmit) = self.layer.poll_transmit() {
            let message = Message::parse(transmit.octets).expect("what we send can be read");
            self.sent = Some(message);
        }
        assert!(self.layer.clients() <= LIMITS.clients + LIMITS.reserve);
        assert!(self.layer.servers() <= LIMITS.servers + LIMITS.reserve);
        let live = self.layer.clients() + self.layer.servers();
        assert_eq!(live, self.known.len() - self.ended.len(), "what is live and what was told");
    }

    fn told(&self, id: TransactionId) {
        assert!(self.known.contains(&id) && !self.ended.contains(&id), "{id:?} is unknown or over");
    }

    /// Lets the users say what only they can: then all is over within the time of the longest timers.
    fn finish(&mut self) {
        for (id, request) in &self.requests {
            let response = Writer::response_to(request, &self.flow(), 500, None, Some("t")).finish();
            _ = self.layer.respond(self.now, *id, &response);
        }
        self.check();
        // A CANCEL may have to wait for room, which those before it leave when their time is over.
        for _ in 0..LIMITS.clients + LIMITS.reserve {
            for id in self.known.clone() {
                self.known.extend(self.layer.cancel(self.now, id, None).ok());
                self.check();
            }
            self.pass(40_000);
        }
        assert_eq!((self.layer.clients(), self.layer.servers()), (0, 0));
        assert!(self.layer.poll_timeout().is_none());
    }
}
