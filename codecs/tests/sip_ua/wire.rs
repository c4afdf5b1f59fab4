//! Two endpoints in one thread, in virtual time, with a wire between them that loses what a test tells it to.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use codecs::{
    Now,
    sip::{
        Flow, Message, Target, Transport,
        auth::Credentials,
        ua::{
            Body, Config, Endpoint, Event, Incoming, Invite, LegEvent, LegId, Listener, Peer, PeerId, Policy,
            Source,
        },
    },
};

/// One way of the wire, milliseconds.
const LATENCY: u64 = 10;
pub const TRUNK: PeerId = PeerId(7);
pub const OFFER: &[u8] = b"v=0\r\no=- 7001 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 30000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n";
pub const ANSWER: &[u8] = b"v=0\r\no=carrier 5501 1 IN IP4 198.51.100.40\r\ns=-\r\nc=IN IP4 198.51.100.40\r\nt=0 0\r\nm=audio 41000 RTP/AVP 8 97\r\na=rtpmap:97 telephone-event/8000\r\na=fmtp:97 0-15\r\na=ptime:20\r\n";

/// Which endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Caller,
    Carrier,
}

impl Side {
    pub fn other(self) -> Self {
        if self == Self::Caller { Self::Carrier } else { Self::Caller }
    }

    pub fn address(self) -> SocketAddr {
        match self {
            Self::Caller => "192.0.2.5:5060".parse().unwrap(),
            Self::Carrier => "198.51.100.40:5060".parse().unwrap(),
        }
    }
}

/// A message that was put on the wire.
#[derive(Debug, Clone)]
pub struct Sent {
    pub at: u64,
    pub from: Side,
    pub text: String,
}

impl Sent {
    /// The method, or the status and the method that it answers.
    pub fn word(&self) -> String {
        let message = Message::parse(Bytes::from(self.text.clone())).unwrap();
        match message.status() {
            Some(status) => format!("{status} {}", message.cseq().unwrap().method),
            None => message.method().unwrap().to_string(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.text.split("\r\n").take_while(|line| !line.is_empty());
        lines.filter_map(|line| line.split_once(": ")).find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    pub fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").unwrap().1
    }
}

type Rule = Box<dyn FnMut(&Sent) -> Fate>;

/// What the wire does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Arrives,
    Lost,
    /// Arrives this much later, milliseconds.
    Late(u64),
    /// Arrives, and once more this much later.
    Twice(u64),
}

pub struct Wire {
    pub start: Now,
    /// Milliseconds since the start.
    pub clock: u64,
    pub caller: Endpoint,
    pub carrier: Endpoint,
    flying: BTreeMap<(u64, u64), (Side, SocketAddr, Bytes)>,
    numbered: u64,
    pub sent: Vec<Sent>,
    pub rule: Rule,
    pub told: Vec<(u64, Side, Event)>,
}

pub fn policy() -> Policy {
    Policy::default()
}

impl Wire {
    pub fn new() -> Self {
        Self::with(policy(), policy())
    }

    pub fn with(ours: Policy, theirs: Policy) -> Self {
        Self::configured(|_, _| (), ours, theirs)
    }

    pub fn configured(change: impl Fn(Side, &mut Config), ours: Policy, theirs: Policy) -> Self {
        let endpoint = |side, policy, seed| {
            let mut config = Config { user_agent: Bytes::new(), ..Config::default() };
            change(side, &mut config);
            endpoint(side, config, policy, seed)
        };
        #[expect(clippy::disallowed_methods, reason = "virtual time has to count from some instant")]
        let start = Now { mono: std::time::Instant::now(), wall: "2026-01-01T00:00:00Z".parse().unwrap() };
        Self {
            start,
            clock: 0,
            caller: endpoint(Side::Caller, ours, 1),
            carrier: endpoint(Side::Carrier, theirs, 2),
            flying: BTreeMap::new(),
            numbered: 0,
            sent: Vec::new(),
            rule: Box::new(|_| Fate::Arrives),
            told: Vec::new(),
        }
    }

    /// Puts an endpoint that knows of nothing in the place of one, as after a crash.
    pub fn restart(&mut self, side: Side) {
        let config = Config { user_agent: Bytes::new(), ..Config::default() };
        *self.endpoint(side) = endpoint(side, config, policy(), 3);
    }

    pub fn now(&self) -> Now {
        self.start.after(Duration::from_millis(self.clock))
    }

    pub fn endpoint(&mut self, side: Side) -> &mut Endpoint {
        match side {
            Side::Caller => &mut self.caller,
            Side::Carrier => &mut self.carrier,
        }
    }

    /// Moves what both have to say.
    pub fn settle(&mut self) {
        for side in [Side::Caller, Side::Carrier] {
            while let Some(transmit) = self.endpoint(side).poll_transmit() {
                let text = String::from_utf8(transmit.octets.to_vec()).unwrap();
                let sent = Sent { at: self.clock, from: side, text };
                let fate = (self.rule)(&sent);
                self.sent.push(sent);
                let arrivals = match fate {
                    Fate::Lost => [None, None],
                    Fate::Arrives => [Some(0), None],
                    Fate::Late(late) => [Some(late), None],
                    Fate::Twice(late) => [Some(0), Some(late)],
                };
                for late in arrivals.into_iter().flatten() {
                    self.numbered += 1;
                    let key = (self.clock + LATENCY + late, self.numbered);
                    self.flying.insert(key, (side, transmit.target.remote, transmit.octets.clone()));
                }
            }
            while let Some(event) = self.endpoint(side).poll_event() {
                self.told.push((self.clock, side, event));
            }
        }
    }

    /// Lets time pass until `clock` milliseconds after the start.
    pub fn run_to(&mut self, clock: u64) {
        self.settle();
        loop {
            let due = [self.caller.poll_timeout(), self.carrier.poll_timeout()];
            let due = due.into_iter().flatten().min().map(|at| {
                let micros = at.saturating_duration_since(self.start.mono).as_micros();
                u64::try_from(micros.div_ceil(1000)).unwrap()
            });
            let arrival = self.flying.keys().next().map(|(at, _)| *at);
            let Some(next) = [due, arrival].into_iter().flatten().min().filter(|next| *next <= clock) else {
                break;
            };
            self.clock = self.clock.max(next);
            let now = self.now();
            if arrival == Some(next) {
                let (_, (from, to, octets)) = self.flying.pop_first().unwrap();
                let side = from.other();
                if to == side.address() {
                    let flow = Flow {
                        transport: Transport::Udp,
                        local: side.address(),
                        remote: from.address(),
                        connection: None,
                    };
                    self.endpoint(side).handle_datagram(now, flow, octets);
                }
            } else {
                self.caller.handle_timeout(now);
                self.carrier.handle_timeout(now);
            }
            self.settle();
        }
        self.clock = clock;
    }

    pub fn run(&mut self, millis: u64) {
        self.run_to(self.clock + millis);
    }

    /// Hands a message to one side as if it had come from the other.
    pub fn inject(&mut self, to: Side, text: &str) {
        let flow = Flow {
            transport: Transport::Udp,
            local: to.address(),
            remote: to.other().address(),
            connection: None,
        };
        let now = self.now();
        self.endpoint(to).handle_datagram(now, flow, Bytes::from(text.to_owned()));
        self.settle();
    }

    pub fn invitation(&self, policy: Policy) -> Invite {
        let text = |text: &'static str| Bytes::from_static(text.as_bytes());
        Invite {
            peer: TRUNK,
            targets: vec![Target::new(Transport::Udp, Side::Carrier.address())],
            request_uri: text("sip:+8613800138000@ims.example;user=phone"),
            from: text("<sip:+861088880000@ims.example;user=phone>"),
            to: text("<sip:+8613800138000@ims.example;user=phone>"),
            contact_user: text("trunk7"),
            routes: Vec::new(),
            fields: Vec::new(),
            body: Some(Body::sdp(OFFER)),
            policy: Arc::new(policy),
        }
    }

    /// Places a call.
    pub fn call(&mut self) -> LegId {
        let invite = self.invitation(policy());
        self.place(invite)
    }

    pub fn place(&mut self, invite: Invite) -> LegId {
        let now = self.now();
        let leg = self.caller.invite(now, invite).unwrap();
        self.settle();
        leg
    }

    /// The call that came in last at the carrier.
    pub fn incoming(&self) -> Incoming {
        let incoming = self.told.iter().rev().find_map(|(_, _, event)| match event {
            Event::Incoming(incoming) => Some(incoming.clone()),
            _ => None,
        });
        incoming.expect("a call came in")
    }

    /// Everything that one side was told of its legs, but for messages.
    pub fn events(&self, side: Side) -> Vec<&LegEvent> {
        let of = self.told.iter().filter(|(_, own, _)| *own == side);
        of.filter_map(|(_, _, event)| match event {
            Event::Leg { what: LegEvent::Message { .. }, .. } => None,
            Event::Leg { what, .. } => Some(what),
            _ => None,
        })
        .collect()
    }

    /// The names of these.
    pub fn story(&self, side: Side) -> Vec<&'static str> {
        self.events(side).into_iter().map(name).collect()
    }

    /// What went over the wire, in order, each with who sent it: `>` the caller, `<` the carrier.
    pub fn ladder(&self) -> Vec<String> {
        let word =
            |sent: &Sent| format!("{}{}", if sent.from == Side::Caller { '>' } else { '<' }, sent.word());
        self.sent.iter().map(word).collect()
    }

    pub fn count(&self, word: &str) -> usize {
        self.ladder().iter().filter(|own| *own == word).count()
    }

    /// Runs until nothing of any call can be left, and says whether that is so.
    pub fn is_clean(&mut self) -> bool {
        self.run(80_000);
        self.caller.is_idle() && self.carrier.is_idle() && self.caller.legs() == 0 && self.carrier.legs() == 0
    }
}

fn endpoint(side: Side, mut config: Config, policy: Policy, seed: u64) -> Endpoint {
    config.listeners.push(Listener::new(Transport::Udp, side.address()));
    let mut endpoint = Endpoint::new(config, seed);
    let mut peer = Peer::new(TRUNK, Arc::new(policy));
    peer.sources.push(Source::address(side.other().address().ip()));
    peer.credentials.push(Credentials::new("861088880000", "s3cret-Trunk"));
    endpoint.set_peers(vec![peer]);
    endpoint
}

pub fn name(event: &LegEvent) -> &'static str {
    match event {
        LegEvent::Sent { .. } => "sent",
        LegEvent::Attempt { .. } => "attempt",
        LegEvent::Progress(_) => "progress",
        LegEvent::Ringing(_) => "ringing",
        LegEvent::EarlyMedia { .. } => "early media",
        LegEvent::Answered { .. } => "answered",
        LegEvent::Confirmed => "confirmed",
        LegEvent::Snapshot(_) => "snapshot",
        LegEvent::SessionOffer { .. } => "offer",
        LegEvent::OfferWithdrawn => "withdrawn",
        LegEvent::SessionChanged { .. } => "changed",
        LegEvent::OfferFailed { .. } => "offer failed",
        LegEvent::Dtmf { .. } => "dtmf",
        LegEvent::Info { .. } => "info",
        LegEvent::InfoAnswered { .. } => "info answered",
        LegEvent::TransferAsked { .. } => "transfer",
        LegEvent::Message { .. } => "message",
        LegEvent::Ended(_) => "ended",
    }
}

/// Loses the first `count` messages of this word from this side.
pub fn lose(from: Side, word: &'static str, mut count: usize) -> Rule {
    Box::new(move |sent| {
        if sent.from == from && count > 0 && sent.word() == word {
            count -= 1;
            return Fate::Lost;
        }
        Fate::Arrives
    })
}

/// Delays the first message of this word.
pub fn delay(from: Side, word: &'static str, millis: u64) -> Rule {
    let mut is_done = false;
    Box::new(move |sent| {
        if sent.from == from && !is_done && sent.word() == word {
            is_done = true;
            return Fate::Late(millis);
        }
        Fate::Arrives
    })
}
