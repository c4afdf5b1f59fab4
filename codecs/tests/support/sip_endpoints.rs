//! Whole calls between two endpoints in memory: INVITE, 180, 200, ACK, BYE, 200, with everything that is told of them.

use std::{
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
            Response, Strangers,
        },
    },
};

/// Both are each other's only peer.
const PEER: PeerId = PeerId(1);

/// A caller and a callee.
pub struct Endpoints {
    now: Now,
    ends: [Endpoint; 2],
    policy: Arc<Policy>,
    sdp: Bytes,
}

impl Endpoints {
    /// Two that never spoke. `sdp`: what both say that they can hear.
    #[expect(clippy::disallowed_methods, reason = "virtual time has to count from some instant")]
    pub fn new(sdp: &'static [u8]) -> Self {
        let policy = Arc::new(Policy::default());
        let ends = [0, 1].map(|end| {
            let config = Config {
                listeners: vec![Listener::new(Transport::Udp, address(end))],
                strangers: Strangers::Serve(PEER),
                user_agent: Bytes::from_static(b"carrierd"),
                ..Config::default()
            };
            let mut endpoint = Endpoint::new(config, end as u64);
            endpoint.set_peers(vec![Peer::new(PEER, Arc::clone(&policy))]);
            endpoint
        });
        let now = Now { mono: Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH };
        Self { now, ends, policy, sdp: Bytes::from_static(sdp) }
    }

    /// Makes a call and ends it, and lets `after` pass.
    pub fn call(&mut self, after: Duration) {
        let invite = Invite {
            peer: PEER,
            targets: vec![Target::new(Transport::Udp, address(1))],
            routes: Vec::new(),
            request_uri: Bytes::from_static(b"sip:+8613800138000@192.0.2.2;user=phone"),
            from: Bytes::from_static(b"<sip:+861088880000@192.0.2.1;user=phone>"),
            to: Bytes::from_static(b"<sip:+8613800138000@192.0.2.2;user=phone>"),
            contact_user: Bytes::from_static(b"+861088880000"),
            fields: Vec::new(),
            body: Some(Body::sdp(self.sdp.clone())),
            policy: Arc::clone(&self.policy),
        };
        let leg = self.ends[0].invite(self.now, invite).unwrap();
        self.carry(leg);
        self.now = self.now.after(after);
        for end in &mut self.ends {
            end.handle_timeout(self.now);
        }
        self.carry(leg);
    }

    /// Moves what either has to send, until nobody has anything to say; the callee answers, the caller hangs up.
    fn carry(&mut self, placed: LegId) {
        let mut is_idle = false;
        while !is_idle {
            is_idle = true;
            for end in [0, 1] {
                while let Some(transmit) = self.ends[end].poll_transmit() {
                    is_idle = false;
                    self.ends[1 - end].handle_datagram(self.now, flow(1 - end), transmit.octets);
                }
                while let Some(event) = self.ends[end].poll_event() {
                    is_idle = false;
                    self.heed(end, event, placed);
                }
            }
        }
    }

    fn heed(&mut self, end: usize, event: Event, placed: LegId) {
        let endpoint = &mut self.ends[end];
        match event {
            Event::Incoming(call) => {
                endpoint.respond(self.now, call.leg, Response::new(180)).unwrap();
                let answer = Response::new(200).with_sdp(self.sdp.clone());
                endpoint.respond(self.now, call.leg, answer).unwrap();
            }
            Event::Leg { leg, what: LegEvent::Answered { .. }, .. } if end == 0 => {
                assert_eq!(leg, placed);
                endpoint.hangup(self.now, leg, Hangup::new(Own::HungUp)).unwrap();
            }
            Event::Leg { .. } => {}
            other => unreachable!("{other:?}"),
        }
    }

    /// Calls that live now, at both ends.
    pub fn live(&self) -> usize {
        self.ends.iter().map(Endpoint::legs).sum()
    }
}

fn address(end: usize) -> std::net::SocketAddr {
    ([192, 0, 2, end as u8 + 1], 5060).into()
}

/// By which way messages come to `end`.
fn flow(end: usize) -> Flow {
    Flow { transport: Transport::Udp, local: address(end), remote: address(1 - end), connection: None }
}
