//! A carrier whose callees ring, answer, refuse, hang up, hold and press keys, or do nothing, from a seed.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use codecs::{
    Now,
    sip::{
        Flow, Target, Transport,
        cause::Own,
        ua::{
            Body, Config, Endpoint, Event, Hangup, Invite, LegEvent, LegId, Listener, Peer, PeerId, Policy,
            Reliable, Response, SessionTimer, Strangers,
        },
    },
};
use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::{
    bed::SDP,
    world::{DAEMON, address},
};

const DAEMONS: PeerId = PeerId(1);

/// How a carrier's callees are.
#[derive(Debug, Clone, Copy)]
pub struct Habits {
    /// In percent: calls that are answered; the others are refused, or ring for ever.
    pub answers: u32,
    /// How long a callee takes to a decision, milliseconds at most.
    pub decides: u64,
    /// How long a callee talks, milliseconds at most.
    pub talks: u64,
    pub has_reliable: bool,
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Ring,
    Media,
    Answer,
    Refuse(u16),
    HangUp,
    Offer,
    Key,
}

pub struct Carrier {
    number: usize,
    habits: Habits,
    policy: Arc<Policy>,
    endpoint: Endpoint,
    random: SmallRng,
    plans: BTreeMap<(Instant, u64), (LegId, Act)>,
    planned: u64,
}

impl Carrier {
    pub fn new(number: usize, habits: &Habits, seed: u64) -> Self {
        let config = Config {
            listeners: vec![Listener::new(Transport::Udp, address(number))],
            strangers: Strangers::Serve(DAEMONS),
            ..Config::default()
        };
        let policy = Arc::new(Policy {
            session_timer: Some(SessionTimer { interval: Some(90), ..SessionTimer::default() }),
            reliable: if habits.has_reliable { Reliable::Supported } else { Reliable::Off },
            ..Policy::default()
        });
        let mut endpoint = Endpoint::new(config, seed);
        endpoint.set_peers(vec![Peer::new(DAEMONS, policy.clone())]);
        let random = SmallRng::seed_from_u64(!seed);
        Self { number, habits: *habits, policy, endpoint, random, plans: BTreeMap::new(), planned: 0 }
    }

    /// Calls the daemon.
    pub fn ring_in(&mut self, now: Now) {
        let Ok(daemon) = DAEMON.parse() else { return };
        let invite = Invite {
            peer: DAEMONS,
            targets: vec![Target::new(Transport::Udp, daemon)],
            request_uri: Bytes::from_static(b"sip:95001@192.0.2.1:5060"),
            from: Bytes::from_static(b"<sip:+8613900139000@carrier.example>"),
            to: Bytes::from_static(b"<sip:95001@carrier.example>"),
            contact_user: Bytes::new(),
            routes: Vec::new(),
            fields: Vec::new(),
            body: Some(Body::sdp(SDP)),
            policy: self.policy.clone(),
        };
        let leg = self.endpoint.invite(now, invite).expect("there is room");
        let at = self.random.random_range(1..=self.habits.talks);
        self.plan(now, at, leg, Act::HangUp);
    }

    fn plan(&mut self, now: Now, millis: u64, leg: LegId, act: Act) {
        self.planned += 1;
        self.plans.insert((now.mono + Duration::from_millis(millis), self.planned), (leg, act));
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let plan = self.plans.keys().next().map(|(at, _)| *at);
        plan.into_iter().chain(self.endpoint.poll_timeout()).min()
    }

    pub fn receive(&mut self, now: Now, flow: Flow, octets: Bytes) {
        self.endpoint.handle_datagram(now, flow, octets);
    }

    /// Does what is due, and gives what is to be sent.
    pub fn serve(&mut self, now: Now) -> Vec<(Target, Bytes)> {
        while let Some(first) = self.plans.first_entry().filter(|first| first.key().0 <= now.mono) {
            let (leg, act) = first.remove();
            self.act(now, leg, act);
        }
        self.endpoint.handle_timeout(now);
        let mut sent = Vec::new();
        loop {
            while let Some(transmit) = self.endpoint.poll_transmit() {
                sent.push((transmit.target, transmit.octets));
            }
            let Some(event) = self.endpoint.poll_event() else { return sent };
            self.hear(now, event);
        }
    }

    fn act(&mut self, now: Now, leg: LegId, act: Act) {
        let sdp = Body::sdp(SDP);
        // What was overtaken is refused, as it should.
        _ = match act {
            Act::Ring => self.endpoint.respond(now, leg, Response::new(180)),
            Act::Media => self.endpoint.respond(now, leg, Response::new(183).with_sdp(SDP)),
            Act::Answer => self.endpoint.respond(now, leg, Response::new(200).with_sdp(SDP)),
            Act::Refuse(status) => self.endpoint.respond(now, leg, Response::new(status)),
            Act::HangUp => self.endpoint.hangup(now, leg, Hangup::new(Own::HungUp)),
            Act::Offer => self.endpoint.offer(now, leg, sdp),
            Act::Key => {
                let body = Body { content_type: "application/dtmf-relay".into(), octets: "Signal=5".into() };
                self.endpoint.info(now, leg, body)
            }
        };
    }

    fn hear(&mut self, now: Now, event: Event) {
        match event {
            Event::Incoming(call) => self.decide(now, call.leg),
            Event::Leg { leg, what: LegEvent::Answered { .. }, .. } => {
                let until = self.random.random_range(1..=self.habits.talks);
                if self.random.random_ratio(1, 2) {
                    self.plan(now, until, leg, Act::HangUp);
                }
                for act in [Act::Offer, Act::Key] {
                    if self.random.random_ratio(1, 4) {
                        let at = self.random.random_range(0..=until);
                        self.plan(now, at, leg, act);
                    }
                }
            }
            Event::Leg { leg, what: LegEvent::SessionOffer { .. }, .. } => {
                _ = self.endpoint.accept_offer(now, leg, Body::sdp(SDP));
            }
            _ => {}
        }
    }

    fn decide(&mut self, now: Now, leg: LegId) {
        let decides = self.random.random_range(1..=self.habits.decides);
        for act in [Act::Ring, Act::Media] {
            if self.random.random_ratio(1, 2) {
                let at = self.random.random_range(0..=decides);
                self.plan(now, at, leg, act);
            }
        }
        if self.random.random_range(0..100) < self.habits.answers {
            self.plan(now, decides, leg, Act::Answer);
        } else if let Some(status) = [486, 503, 500, 404, 603, 480, 0]
            .get(self.random.random_range(0..7))
            .filter(|status| **status > 0)
        {
            self.plan(now, decides, leg, Act::Refuse(*status));
        }
    }

    /// What is left of calls.
    pub fn left(&self) -> Option<String> {
        let is_clean = self.endpoint.is_idle() && self.endpoint.legs() == 0;
        (!is_clean).then(|| format!("carrier {}: {:?}", self.number, self.endpoint))
    }
}
