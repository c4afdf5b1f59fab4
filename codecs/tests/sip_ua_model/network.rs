//! The network between two endpoints: it loses, doubles, delays and reorders datagrams, keeps what is on a connection in
//! order, and breaks connections. A seed decides everything.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use codecs::sip::{ConnectionId, Flow, Target, Transport};
use rand::{Rng, SeedableRng, rngs::SmallRng};

/// What happens to datagrams, in percent, and how long anything may take, milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    pub lost: u32,
    pub doubled: u32,
    pub slowest: u64,
}

/// Something that comes to a side.
#[derive(Debug, Clone)]
pub enum Arrival {
    Datagram(Flow, Bytes),
    Message(Flow, Bytes),
    Lost(ConnectionId, SocketAddr),
}

/// Nothing leads there.
pub struct Unreachable;

/// A host that swallows everything.
pub const SILENT: &str = "203.0.113.1:5060";
/// A host that is known not to be there.
pub const ABSENT: &str = "203.0.113.2:5060";

/// Where a side listens: twice, so that one host can be two targets.
pub fn addresses(side: usize) -> [SocketAddr; 2] {
    [5060, 5070].map(|port| SocketAddr::from(([192, 0, 2, 1 + side as u8], port)))
}

struct Connection {
    opener: usize,
    remote: SocketAddr,
    /// The port that it came from.
    port: u16,
    /// Nothing passes any more.
    is_cut: bool,
    /// Which sides do not know of its end.
    lives: [bool; 2],
    /// When what was sent last arrives at each side.
    latest: [Instant; 2],
}

pub struct Network {
    pub faults: Faults,
    random: SmallRng,
    flying: BTreeMap<(Instant, u64), (usize, Option<usize>, Arrival)>,
    serial: u64,
    connections: Vec<Connection>,
    /// Until when nothing reaches a side.
    deaf_until: [Instant; 2],
}

impl Network {
    pub fn new(faults: Faults, seed: u64, now: Instant) -> Self {
        Self {
            faults,
            random: SmallRng::seed_from_u64(seed),
            flying: BTreeMap::new(),
            serial: 0,
            connections: Vec::new(),
            deaf_until: [now; 2],
        }
    }

    /// When the next thing arrives.
    pub fn next(&self) -> Option<Instant> {
        self.flying.keys().next().map(|(at, _)| *at)
    }

    /// What arrives by now, and where.
    pub fn pop(&mut self, now: Instant) -> Option<(usize, Arrival)> {
        while let Some(first) = self.flying.first_entry().filter(|first| first.key().0 <= now) {
            let (to, by, arrival) = first.remove();
            if let Some(by) = by {
                if !self.connections[by].lives[to] {
                    continue;
                }
                if matches!(arrival, Arrival::Lost(..)) {
                    self.connections[by].lives[to] = false;
                }
            } else if now < self.deaf_until[to] {
                continue;
            }
            return Some((to, arrival));
        }
        None
    }

    /// Sends a message of a side.
    pub fn send(
        &mut self,
        now: Instant,
        from: usize,
        target: &Target,
        octets: Bytes,
    ) -> Result<(), Unreachable> {
        if target.transport == Transport::Udp {
            return self.send_datagram(now, from, target, octets);
        }
        let to = 1 - from;
        let by = match self.connection(from, target) {
            Some(by) => by,
            None => self.connect(now, from, target.remote),
        };
        let flow = self.flow(by, to);
        let takes = self.takes();
        let connection = &mut self.connections[by];
        if connection.is_cut || now < self.deaf_until[to] {
            return Ok(());
        }
        let at = (now + takes).max(connection.latest[to]);
        connection.latest[to] = at;
        self.put(at, to, Some(by), Arrival::Message(flow, octets));
        Ok(())
    }

    fn send_datagram(
        &mut self,
        now: Instant,
        from: usize,
        target: &Target,
        octets: Bytes,
    ) -> Result<(), Unreachable> {
        if target.remote.to_string() == ABSENT {
            return Err(Unreachable);
        }
        let to = 1 - from;
        let Faults { lost, doubled, .. } = self.faults;
        if !addresses(to).contains(&target.remote) || self.random.random_range(0..100) < lost {
            return Ok(());
        }
        let remote = target.local.unwrap_or(addresses(from)[0]);
        let flow = Flow { transport: Transport::Udp, local: target.remote, remote, connection: None };
        let copies = if self.random.random_range(0..100) < doubled { 2 } else { 1 };
        for _ in 0..copies {
            let at = now + self.takes();
            self.put(at, to, None, Arrival::Datagram(flow, octets.clone()));
        }
        Ok(())
    }

    fn connection(&self, from: usize, target: &Target) -> Option<usize> {
        let named = target.connection.map(|ConnectionId(number)| (number / 2) as usize);
        let leads_there = |one: &Connection| one.opener == from && one.remote == target.remote;
        named
            .filter(|by| self.connections[*by].lives[from])
            .or_else(|| self.connections.iter().position(|one| one.lives[from] && leads_there(one)))
    }

    /// Opens a connection; where nobody listens its loss is told a little later.
    fn connect(&mut self, now: Instant, from: usize, remote: SocketAddr) -> usize {
        let by = self.connections.len();
        let is_taken = addresses(1 - from).contains(&remote) && now >= self.deaf_until[1 - from];
        let mut lives = [is_taken; 2];
        lives[from] = true;
        let port = 40_000 + by as u16;
        let latest = [now; 2];
        self.connections.push(Connection { opener: from, remote, port, is_cut: !is_taken, lives, latest });
        if !is_taken {
            self.tell_lost(now, by, from);
        }
        by
    }

    /// How a side sees a connection.
    fn flow(&self, by: usize, side: usize) -> Flow {
        let connection = &self.connections[by];
        let (opener, other) = (connection.opener, 1 - connection.opener);
        let from = SocketAddr::new(addresses(opener)[0].ip(), connection.port);
        let (local, remote) = match side == opener {
            true => (addresses(opener)[0], connection.remote),
            false if addresses(other).contains(&connection.remote) => (connection.remote, from),
            false => (addresses(other)[0], from),
        };
        let id = ConnectionId(2 * by as u64 + side as u64);
        Flow { transport: Transport::Tcp, local, remote, connection: Some(id) }
    }

    /// Breaks one of the connections.
    pub fn cut(&mut self, now: Instant, nth: usize) {
        let open: Vec<_> = (0..self.connections.len()).filter(|by| !self.connections[*by].is_cut).collect();
        if let Some(by) = open.get(nth % open.len().max(1)) {
            self.cut_it(now, *by);
        }
    }

    /// A side's process is gone, and its connections with it.
    pub fn crash(&mut self, now: Instant, side: usize) {
        self.connections.iter_mut().for_each(|connection| connection.lives[side] = false);
        self.cut_all(now);
    }

    /// Nothing reaches a side for a while.
    pub fn deafen(&mut self, now: Instant, side: usize, time: Duration) {
        self.deaf_until[side] = now + time;
        self.cut_all(now);
    }

    /// Everything arrives from now on, and soon.
    pub fn heal(&mut self, now: Instant) {
        self.faults = Faults { lost: 0, doubled: 0, slowest: 10 };
        self.deaf_until = [now; 2];
    }

    fn cut_all(&mut self, now: Instant) {
        for by in 0..self.connections.len() {
            if !self.connections[by].is_cut {
                self.cut_it(now, by);
            }
        }
    }

    fn cut_it(&mut self, now: Instant, by: usize) {
        self.connections[by].is_cut = true;
        // What is on its way is lost.
        self.flying.retain(|_, (_, own, arrival)| *own != Some(by) || matches!(arrival, Arrival::Lost(..)));
        self.tell_lost(now, by, 0);
        self.tell_lost(now, by, 1);
    }

    fn tell_lost(&mut self, now: Instant, by: usize, side: usize) {
        let flow = self.flow(by, side);
        let at = now + self.takes();
        if let Some(id) = flow.connection {
            self.put(at, side, Some(by), Arrival::Lost(id, flow.remote));
        }
    }

    fn takes(&mut self) -> Duration {
        Duration::from_millis(self.random.random_range(1..=self.faults.slowest))
    }

    fn put(&mut self, at: Instant, to: usize, by: Option<usize>, arrival: Arrival) {
        self.serial += 1;
        self.flying.insert((at, self.serial), (to, by, arrival));
    }
}
