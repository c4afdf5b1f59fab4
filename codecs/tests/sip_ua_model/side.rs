//! One side: its endpoint, what its user remembers, and what that user may do.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use bytes::Bytes;
use codecs::{
    Now,
    sip::{
        Message, Target, Transport,
        auth::Credentials,
        cause::Own,
        transaction,
        ua::{
            Body, Config, Endpoint, Event, Hangup, Invite, LegEvent, LegId, Limits, Listener, Options,
            OutsideId, OutsideOutcome, Peer, PeerId, Refusal, Reliability, Response, Source,
        },
    },
};

use crate::{
    account::Account,
    network::{ABSENT, Arrival, Network, SILENT, addresses},
    rules::Rules,
    schedule::Habits,
};

const TRUNK: PeerId = PeerId(1);

/// What was reached in a run, to see that schedules reach what they are for.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    pub answered: usize,
    pub cancelled: usize,
    pub changed: usize,
    pub restored: usize,
    pub refused_as_full: usize,
    pub glares: u64,
    pub refreshes: u64,
    pub failovers: u64,
    pub challenges: u64,
    pub repeated: u64,
}

pub struct Side {
    number: usize,
    habits: Habits,
    pub endpoint: Endpoint,
    pub legs: BTreeMap<LegId, Account>,
    probes: HashSet<OutsideId>,
    rules: Rules,
    descriptions: u32,
    pub tally: Tally,
    pub log: Vec<String>,
}

/// Something that a user may do with a leg.
#[derive(Debug, Clone, Copy)]
enum Act {
    Ring(Reliability),
    Media(Reliability),
    Progress(u16),
    Answer,
    /// With the description that a provisional response brought.
    AnswerBare,
    Refuse(u16),
    Challenge,
    /// Another callee of the same call does something.
    ForkRings,
    ForkAnswers,
    HangUp,
    Offer,
    Accept,
    Decline,
    Info,
}

const OF_INCOMING: &[Act] = &[
    Act::Ring(Reliability::AsPolicy),
    Act::Ring(Reliability::Reliable),
    Act::Media(Reliability::AsPolicy),
    Act::Media(Reliability::Unreliable),
    Act::Progress(183),
    Act::Progress(182),
    Act::Answer,
    Act::Answer,
    Act::Answer,
    Act::Answer,
    Act::AnswerBare,
    Act::Refuse(486),
    Act::Refuse(503),
    Act::Refuse(500),
    Act::Refuse(302),
    Act::Challenge,
    Act::ForkRings,
    Act::ForkAnswers,
    Act::HangUp,
    Act::Offer,
    Act::Challenge,
];
const OF_OUTGOING: &[Act] = &[Act::HangUp, Act::Offer, Act::Offer, Act::Offer];
const OF_ANSWERED: &[Act] =
    &[Act::HangUp, Act::Offer, Act::Offer, Act::Offer, Act::Offer, Act::Offer, Act::Info, Act::ForkAnswers];
const OF_ASKED: &[Act] =
    &[Act::Accept, Act::Accept, Act::Accept, Act::Accept, Act::Decline, Act::Offer, Act::HangUp];

impl Side {
    pub fn new(number: usize, habits: &Habits, seed: u64) -> Self {
        Self {
            number,
            habits: habits.clone(),
            endpoint: endpoint(number, habits, seed),
            legs: BTreeMap::new(),
            probes: HashSet::new(),
            rules: Rules::default(),
            descriptions: 0,
            tally: Tally::default(),
            log: Vec::new(),
        }
    }

    /// A description that was never used.
    fn sdp(&mut self) -> Bytes {
        self.descriptions += 1;
        let (side, number) = (self.number, self.descriptions);
        format!("v=0\r\no=- {side} {number} IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n").into()
    }

    pub fn invite(&mut self, now: Now, kind: usize) {
        let transport = if kind.is_multiple_of(2) { Transport::Udp } else { Transport::Tcp };
        let [first, second] = addresses(1 - self.number);
        let (silent, absent) = (SILENT.parse().unwrap(), ABSENT.parse().unwrap());
        let remotes = match kind / 2 % 6 {
            0 | 1 => vec![first],
            2 => vec![first, second],
            3 => vec![silent, first],
            4 => vec![absent, first],
            _ => vec![silent],
        };
        let body = (!(kind / 12).is_multiple_of(4)).then(|| Body::sdp(self.sdp()));
        let order = Invite {
            peer: TRUNK,
            targets: remotes.into_iter().map(|remote| Target::new(transport, remote)).collect(),
            request_uri: Bytes::from_static(b"sip:+8613800138000@carrier.example"),
            from: Bytes::from_static(b"<sip:+861088880000@carrier.example>"),
            to: Bytes::from_static(b"<sip:+8613800138000@carrier.example>"),
            contact_user: Bytes::from_static(b"trunk"),
            routes: Vec::new(),
            fields: Vec::new(),
            body,
            policy: Arc::new(self.habits.policy.clone()),
        };
        match self.endpoint.invite(now, order) {
            Ok(leg) => assert!(self.legs.insert(leg, Account::default()).is_none(), "{leg:?} is used twice"),
            Err(refusal) => {
                assert_eq!(refusal, Refusal::Full);
                self.tally.refused_as_full += 1;
            }
        }
    }

    /// Answers the youngest call that came in.
    pub fn answer(&mut self, now: Now) {
        let waits = |(_, one): &(&LegId, &Account)| one.is_incoming && !one.is_answered && !one.has_ended;
        let leg = self.legs.iter().rev().find(waits).map(|(leg, _)| *leg);
        _ = leg.map(|leg| self.does(now, leg, Act::Answer));
    }

    /// Does one of the things that suggest themselves with one of the youngest legs.
    pub fn act(&mut self, now: Now, nth: usize, choice: usize) {
        let mut live = self.legs.iter().rev().filter(|(_, account)| !account.has_ended);
        let Some((leg, account)) = live.nth(nth) else { return };
        let acts = match (account.is_answered, account.is_incoming) {
            _ if account.is_asked() => OF_ASKED,
            (true, _) => OF_ANSWERED,
            (false, true) => OF_INCOMING,
            (false, false) => OF_OUTGOING,
        };
        let leg = *leg;
        // What does not fit is refused, and changes nothing.
        _ = self.does(now, leg, acts[choice % acts.len()]);
    }

    fn does(&mut self, now: Now, leg: LegId, act: Act) -> Result<(), Refusal> {
        let sdp = self.sdp();
        let respond = |side: &mut Self, response| side.endpoint.respond(now, leg, response);
        match act {
            Act::Ring(reliability) => respond(self, Response { reliability, ..Response::new(180) }),
            Act::Media(reliability) => {
                respond(self, Response { reliability, ..Response::new(183).with_sdp(sdp) })
            }
            Act::Progress(status) => respond(self, Response::new(status)),
            Act::Answer => respond(self, Response::new(200).with_sdp(sdp)),
            Act::AnswerBare => respond(self, Response::new(200)),
            Act::Refuse(status) => respond(self, Response::new(status)),
            Act::Challenge => {
                let number = self.descriptions;
                let challenge =
                    format!("Digest realm=\"r\", nonce=\"n{number}\", algorithm=MD5, qop=\"auth\"");
                respond(self, Response::new(401).with_field("WWW-Authenticate", challenge))
            }
            Act::ForkRings => respond(self, Response { fork: 1, ..Response::new(180) }),
            Act::ForkAnswers => respond(self, Response { fork: 1, ..Response::new(200).with_sdp(sdp) }),
            Act::HangUp => self.endpoint.hangup(now, leg, Hangup::new(Own::HungUp)),
            Act::Offer => {
                self.endpoint.offer(now, leg, Body::sdp(sdp.clone()))?;
                self.account(leg).offers(sdp);
                Ok(())
            }
            Act::Accept => {
                self.endpoint.accept_offer(now, leg, Body::sdp(sdp.clone()))?;
                self.account(leg).replies(Some(sdp));
                Ok(())
            }
            Act::Decline => {
                self.endpoint.refuse_offer(now, leg, 488)?;
                self.account(leg).replies(None);
                Ok(())
            }
            Act::Info => {
                let body =
                    Body { content_type: "application/dtmf-relay".into(), octets: "Signal=5\r\n".into() };
                self.endpoint.info(now, leg, body)
            }
        }
    }

    fn account(&mut self, leg: LegId) -> &mut Account {
        self.legs.get_mut(&leg).unwrap()
    }

    pub fn probe(&mut self, now: Now) {
        let target = Target::new(Transport::Udp, addresses(1 - self.number)[0]);
        let options = Options {
            peer: TRUNK,
            uri: format!("sip:{}", target.remote).into(),
            target,
            from: Bytes::from_static(b"<sip:carrier.example>"),
            contact_user: Bytes::new(),
        };
        if let Ok(id) = self.endpoint.probe(now, options) {
            assert!(self.probes.insert(id));
        }
    }

    /// The process ends where it stands, and one begins that knows what was stored.
    pub fn crash(&mut self, now: Now, seed: u64, forgets: bool) {
        self.endpoint = endpoint(self.number, &self.habits, seed);
        self.probes.clear();
        self.rules = Rules::default();
        let before = std::mem::take(&mut self.legs);
        let open = before.into_values().filter(|account| !account.has_ended && !forgets);
        for snapshot in open.filter_map(|account| account.snapshot) {
            self.rules.restores(snapshot.call_id().clone());
            match self.endpoint.restore(now, snapshot.clone()) {
                Ok(leg) => _ = self.legs.insert(leg, Account::restored(snapshot)),
                Err(refusal) => assert_eq!(refusal, Refusal::Full),
            }
            self.tally.restored += 1;
        }
    }

    pub fn hang_up_all(&mut self, now: Now) {
        let live: Vec<_> =
            self.legs.iter().filter(|(_, account)| !account.has_ended).map(|(leg, _)| *leg).collect();
        for leg in live {
            self.endpoint.hangup(now, leg, Hangup::new(Own::HungUp)).unwrap();
        }
    }

    /// Something came.
    pub fn receive(&mut self, now: Now, arrival: Arrival) {
        let message = match &arrival {
            Arrival::Datagram(_, octets) | Arrival::Message(_, octets) => {
                Some(Message::parse(octets.clone()).unwrap())
            }
            Arrival::Lost(..) => None,
        };
        message.iter().for_each(|message| self.rules.receives(message));
        match (arrival, message) {
            (Arrival::Datagram(flow, octets), _) => self.endpoint.handle_datagram(now, flow, octets),
            (Arrival::Message(flow, _), Some(message)) => self.endpoint.handle_message(now, flow, message),
            (Arrival::Lost(connection, remote), _) => {
                self.endpoint.connection_lost(now, Some(connection), Transport::Tcp, remote);
            }
            (Arrival::Message(..), None) => unreachable!(),
        }
    }

    /// Puts on the network what the endpoint has to send, and takes in what it tells.
    pub fn settle(&mut self, now: Now, network: &mut Network) {
        loop {
            while let Some(transmit) = self.endpoint.poll_transmit() {
                let message = Message::parse(transmit.octets.clone()).unwrap();
                self.log.push(format!("{:?} {}", now.wall, first_line(&message)));
                // What is refused for want of room leaves nothing behind, and may be taken when it comes again.
                if message.is_request() || transmit.transaction.is_some() {
                    self.rules.sends(now.mono, &message);
                }
                let sent = network.send(now.mono, self.number, &transmit.target, transmit.octets);
                if let (Err(_), Some(id)) = (sent, transmit.transaction) {
                    self.endpoint.unreachable(now, id);
                }
            }
            let Some(event) = self.endpoint.poll_event() else { break };
            self.tell(event);
        }
    }

    fn tell(&mut self, event: Event) {
        match event {
            Event::Incoming(incoming) => {
                self.log.push(format!("{:?} incoming", incoming.leg));
                let account = Account::incoming(incoming.call_id);
                assert!(self.legs.insert(incoming.leg, account).is_none(), "told twice");
            }
            Event::Leg { leg, what, .. } => {
                self.log.push(format!("{leg:?} {}", name(&what)));
                self.legs.get_mut(&leg).expect("a leg that was told before").tell(&what);
                match what {
                    LegEvent::Answered { .. } => self.tally.answered += 1,
                    LegEvent::SessionChanged { .. } => self.tally.changed += 1,
                    LegEvent::Ended(ended) if ended.evidence.end == codecs::sip::cause::End::CancelSent => {
                        self.tally.cancelled += 1;
                    }
                    _ => {}
                }
            }
            Event::Outside { outcome: OutsideOutcome::Challenged, .. } => {}
            Event::Outside { id, .. } => assert!(self.probes.remove(&id), "one outcome each"),
            other => panic!("{other:?}"),
        }
    }

    /// What was reached, with what the endpoint counted.
    pub fn tally(&self) -> Tally {
        let counters = self.endpoint.counters();
        Tally {
            glares: counters.glares,
            refreshes: counters.refreshes,
            failovers: counters.failovers,
            challenges: counters.challenges,
            repeated: counters.repeated_responses + counters.repeated_acks,
            ..self.tally
        }
    }

    /// Nothing is left, and everything was told once.
    pub fn check_end(&self) {
        for (leg, account) in &self.legs {
            assert!(account.has_ended, "{leg:?} of side {} has not ended: {account:?}", self.number);
        }
        assert!(self.probes.is_empty(), "an outcome is missing");
        assert_eq!(self.endpoint.legs(), 0);
        assert!(self.endpoint.is_idle(), "side {} keeps {:?}", self.number, self.endpoint);
        assert_eq!(self.endpoint.poll_timeout(), None);
    }
}

fn endpoint(number: usize, habits: &Habits, seed: u64) -> Endpoint {
    let mut config = Config::default();
    for transport in [Transport::Udp, Transport::Tcp] {
        let listeners = addresses(number).map(|address| Listener::new(transport, address));
        config.listeners.extend(listeners);
    }
    if habits.is_small {
        config.limits = Limits { legs: 3, ..config.limits };
        config.transactions.limits = transaction::Limits { clients: 3, servers: 6, reserve: 1 };
    }
    let mut endpoint = Endpoint::new(config, seed);
    let mut peer = Peer::new(TRUNK, Arc::new(habits.policy.clone()));
    peer.sources.push(Source::address(addresses(1 - number)[0].ip()));
    peer.credentials.push(Credentials::new("861088880000", "s3cret-Trunk"));
    endpoint.set_peers(vec![peer]);
    endpoint
}

fn first_line(message: &Message) -> String {
    let cseq = message.cseq().unwrap();
    match message.status() {
        Some(status) => format!("{status} {} {}", cseq.number, cseq.method),
        None => format!("{} {}", cseq.number, cseq.method),
    }
}

fn name(what: &LegEvent) -> String {
    let mut text = format!("{what:?}");
    text.truncate(text.find([' ', '(', '{']).unwrap_or(text.len()));
    text
}
