//! The one task of SIP: it owns the sockets and the endpoint, and moves orders, messages and time into it, and what comes
//! of them out. It holds no rule of SIP. Which trunks there are, and what they do, it is told from outside: see [`Wish`].
//!
//! # Back-pressure
//! Facts that calls have no room for wait here, in order. While many wait nothing is read from the sockets: the network
//! then drops datagrams, and connections fill up, as if the machine were slow. Orders are always taken.

use std::collections::{BTreeMap, HashMap, VecDeque};

use codecs::{
    Now,
    sip::{
        Flow,
        ua::{self, OutsideId, PeerId},
    },
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tracing::warn;

use super::{
    gate::Gate,
    legs::Legs,
    locate::Learnt,
    outside::Asked,
    places::Places,
    transport::{Arrival, Wire, arrival, try_arrival},
    trunk::SipTrunk,
    wish::Wish,
};
use crate::{
    clock,
    telemetry::metrics::SipMetrics,
    trunk::calls::{CallFact, CallNews, CallOrder, Placement, TrunkSide},
};

/// Arrivals and orders that are taken before what they bring is sent out.
const TURN: usize = 64;
/// Facts that may wait for room before nothing is read any more.
const MOST_WAITING: usize = 4096;

/// The task.
pub(super) struct Driver {
    pub transports: Box<dyn Wire>,
    pub endpoint: ua::Endpoint,
    pub trunks: BTreeMap<PeerId, SipTrunk>,
    /// What trunks are made from.
    pub places: Places,
    /// The trunks as the endpoint knows them.
    pub peers: Vec<ua::Peer>,
    pub side: TrunkSide,
    pub learnt: mpsc::Receiver<Learnt>,
    pub wish: watch::Receiver<Wish>,
    pub legs: Legs,
    /// What carriers were asked outside of calls.
    pub asked: HashMap<OutsideId, Asked>,
    /// Facts without room.
    pub waiting: VecDeque<CallNews>,
    pub gate: Gate,
    pub metrics: SipMetrics,
    pub counted: Counted,
}

/// What of the plain counters is in the metrics already.
#[derive(Debug, Default)]
pub(super) struct Counted {
    endpoint: ua::Counters,
    sockets: super::transport::Counters,
}

impl Driver {
    /// Runs until it is told to end and no call lives, or calls are gone.
    pub async fn run(mut self) {
        let news = self.side.news.clone();
        loop {
            let now = clock::now();
            self.settle(now);
            if self.wish.borrow().ends && self.legs.is_empty() && self.waiting.is_empty() {
                return;
            }
            let deadline = self.poll_timeout(now);
            tokio::select! {
                arrival = arrival(&mut *self.transports), if self.waiting.len() < MOST_WAITING => self.take(arrival),
                order = self.side.orders.recv() => match order {
                    Some(order) => self.obey_orders(order),
                    None => return,
                },
                permit = news.reserve(), if !self.waiting.is_empty() => {
                    if let (Ok(permit), Some(news)) = (permit, self.waiting.pop_front()) {
                        permit.send(news);
                    }
                }
                Some(learnt) = self.learnt.recv() => self.learn(learnt),
                Ok(()) = self.wish.changed() => self.obey(),
                () = sleep_until(deadline.map_or_else(far, Instant::from_std)), if deadline.is_some() => {}
            }
        }
    }

    /// Takes what came in, and what else is there already.
    fn take(&mut self, first: Arrival) {
        let now = clock::now();
        self.arrived(now, first);
        for _ in 1..TURN {
            let Some(arrival) = try_arrival(&mut *self.transports) else { return };
            self.arrived(now, arrival);
        }
    }

    fn arrived(&mut self, now: Now, arrival: Arrival) {
        if let Arrival::Datagram(flow, _) | Arrival::Message(flow, _) | Arrival::Fault(flow, _) = &arrival
            && !self.gate.is_open(flow.remote.ip(), now.mono)
        {
            self.metrics.dropped.increment(1);
            if let (Arrival::Fault(..), Some(connection)) = (&arrival, flow.connection) {
                self.transports.finish(connection);
            }
            return;
        }
        match arrival {
            Arrival::Datagram(flow, octets) => self.endpoint.handle_datagram(now, flow, octets),
            Arrival::Message(flow, message) => self.endpoint.handle_message(now, flow, message),
            Arrival::Fault(flow, fault) => {
                self.endpoint.handle_stream_fault(flow, fault);
                // The answer that is owed goes out before the end.
                self.transmit(now);
                if let Some(connection) = flow.connection {
                    self.transports.finish(connection);
                }
            }
            Arrival::Lost { flow, unmade } => {
                if let Some(cause) = unmade {
                    self.note_unmade(now, &flow, &cause);
                }
                let Flow { transport, remote, connection, .. } = flow;
                self.endpoint.connection_lost(now, connection, transport, remote);
            }
        }
    }

    /// Takes an order, and what else was ordered already.
    fn obey_orders(&mut self, first: CallOrder) {
        let now = clock::now();
        self.order(now, first);
        for _ in 1..TURN {
            let Ok(order) = self.side.orders.try_recv() else { return };
            self.order(now, order);
        }
    }

    /// Lets the endpoint do what is due, and moves everything that it has to say.
    fn settle(&mut self, now: Now) {
        if self.endpoint.poll_timeout().is_some_and(|due| due <= now.mono) {
            self.endpoint.handle_timeout(now);
        }
        self.ask(now);
        loop {
            self.transmit(now);
            let Some(event) = self.endpoint.poll_event() else { break };
            self.event(now, event);
        }
        self.tell_waiting();
        self.count();
        self.publish(now);
    }

    fn transmit(&mut self, now: Now) {
        while let Some(transmit) = self.endpoint.poll_transmit() {
            if self.transports.send(&transmit.target, transmit.octets).is_err()
                && let Some(transaction) = transmit.transaction
            {
                self.endpoint.unreachable(now, transaction);
            }
        }
    }

    fn poll_timeout(&self, now: Now) -> Option<std::time::Instant> {
        let own = self.trunks.values().filter_map(|trunk| trunk.poll_timeout(now));
        own.chain(self.endpoint.poll_timeout()).min()
    }

    /// Shows the trunks as they are, and lets those go that nobody wants and nothing is left of.
    fn publish(&mut self, now: Now) {
        let before = self.trunks.len();
        self.trunks.retain(|_, trunk| {
            trunk.publish(now);
            !(trunk.leaves && trunk.rests(now))
        });
        if self.trunks.len() < before {
            self.tell_peers();
        }
    }

    /// Puts facts into the channel while there is room.
    fn tell_waiting(&mut self) {
        while let Some(news) = self.waiting.pop_front() {
            if let Err(refused) = self.side.news.try_send(news) {
                self.waiting.push_front(refused.into_inner());
                return;
            }
        }
    }

    pub(super) fn tell(&mut self, placement: Placement, at: Now, fact: CallFact) {
        self.waiting.push_back(CallNews { placement, at, fact });
    }

    fn learn(&mut self, learnt: Learnt) {
        let Some(trunk) = self.trunks.get_mut(&learnt.trunk) else { return };
        trunk.pool.learn(learnt.gateway, learnt.known);
        trunk.show(clock::now());
        self.tell_peers();
    }

    /// Does as it is told from outside.
    pub fn obey(&mut self) {
        let now = clock::now();
        let wish = self.wish.borrow_and_update().clone();
        for wanted in &wish.trunks {
            self.places.furnish(&mut self.trunks, wanted, now);
        }
        for trunk in self.trunks.values_mut() {
            if !wish.trunks.iter().any(|wanted| wanted.id() == trunk.id()) {
                trunk.leave(now);
            }
        }
        // The carrier hears of it before we say that we obey.
        self.tell_peers();
        self.trunks.values_mut().for_each(|trunk| trunk.show(now));
    }

    /// Puts what was counted since the last time into the metrics.
    #[allow(clippy::cast_precision_loss, reason = "a gauge")]
    fn count(&mut self) {
        let (endpoint, sockets) = (*self.endpoint.counters(), self.transports.counters());
        let before = &self.counted;
        self.metrics.malformed.increment(endpoint.malformed - before.endpoint.malformed);
        self.metrics.strangers.increment(endpoint.strangers - before.endpoint.strangers);
        self.metrics.overloaded.increment(endpoint.overloaded - before.endpoint.overloaded);
        self.metrics.refreshes.increment(endpoint.refreshes - before.endpoint.refreshes);
        self.metrics.refreshed.increment(endpoint.refreshed - before.endpoint.refreshed);
        self.metrics.refused.increment(sockets.refused - before.sockets.refused);
        self.metrics.stalled.increment(sockets.stalled - before.sockets.stalled);
        self.metrics.unacknowledged.increment(endpoint.unacknowledged - before.endpoint.unacknowledged);
        self.metrics.unproven.increment(endpoint.unproven - before.endpoint.unproven);
        self.metrics.unfinished.increment(sockets.unfinished - before.sockets.unfinished);
        self.metrics.undelivered.increment(sockets.undelivered - before.sockets.undelivered);
        self.metrics.connections.set(self.transports.connections() as f64);
        for (gauge, live) in self.metrics.transactions.iter().zip(self.endpoint.transactions()) {
            gauge.set(live as f64);
        }
        self.counted = Counted { endpoint, sockets };
    }

    /// A connection could not be made. Addresses of nobody may try that often; they are told of as often as they are heard.
    fn note_unmade(&mut self, now: Now, flow: &Flow, cause: &str) {
        if self.gate.is_open(flow.remote.ip(), now.mono) {
            warn!(transport = %flow.transport, remote = %flow.remote, cause, "a connection could not be made");
        }
        self.note_bad(flow, now);
    }

    /// An address that is no trunk's, or said what nobody can read, is heard only so often.
    pub(super) fn note_bad(&mut self, flow: &Flow, now: Now) {
        let is_known = self.peers.iter().any(|peer| peer.sources.iter().any(|source| source.holds(flow)));
        if !is_known {
            self.gate.note(flow.remote.ip(), now.mono);
        }
    }

    fn tell_peers(&mut self) {
        self.peers = self.trunks.values().map(SipTrunk::as_peer).collect();
        self.endpoint.set_peers(self.peers.clone());
        self.endpoint.set_leg_limit(super::places::legs(self.trunks.values().map(|trunk| &*trunk.config)));
    }
}

fn far() -> Instant {
    Instant::now() + std::time::Duration::from_secs(86_400)
}
