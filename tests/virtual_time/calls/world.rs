//! The network between the daemon and its carriers: datagrams that are lost, doubled, late and overtaken, from a seed.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use carrierd::{
    clock,
    config::{SipConfig, SipListener},
    trunk::sip::transport::{Arrival, Counters, Network, Unreachable, Wire},
};
use codecs::{
    Now,
    sip::{ConnectionId, Flow, Message, Target, Transport},
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use tokio::sync::{Notify, mpsc};

use super::carrier::{Carrier, Habits};

/// Where the daemon listens.
pub const DAEMON: &str = "192.0.2.1:5060";

/// Where a carrier listens.
pub fn address(carrier: usize) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 10 + carrier as u8], 5060))
}

/// What happens to datagrams, in percent, and how long one may take, milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    pub lost: u32,
    pub doubled: u32,
    pub slowest: u64,
}

/// A message on the wire of a carrier.
#[derive(Debug, Clone)]
pub struct Line {
    pub at: Instant,
    pub carrier: usize,
    /// The daemon sent it; else the daemon got it.
    pub is_sent: bool,
    /// Which of the daemon's processes.
    pub life: u32,
    pub message: Message,
}

#[derive(Clone)]
pub struct World(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    faults: Faults,
    random: SmallRng,
    flying: BTreeMap<(Instant, u64), (Flow, Bytes)>,
    serial: u64,
    carriers: Vec<Carrier>,
    deaf_until: Vec<Option<Instant>>,
    daemon: Option<mpsc::UnboundedSender<Arrival>>,
    life: u32,
    lines: Vec<Line>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}

impl World {
    pub fn new(seed: u64, faults: Faults, carriers: &[Habits]) -> Self {
        let one = |(number, habits): (usize, &Habits)| Carrier::new(number, habits, seed ^ number as u64);
        let carriers: Vec<_> = carriers.iter().enumerate().map(one).collect();
        let state = State {
            faults,
            random: SmallRng::seed_from_u64(seed),
            flying: BTreeMap::new(),
            serial: 0,
            deaf_until: vec![None; carriers.len()],
            carriers,
            daemon: None,
            life: 0,
            lines: Vec::new(),
        };
        Self(Arc::new(Shared { state: Mutex::new(state), changed: Notify::new() }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves carriers and network for ever.
    pub async fn run(self) {
        loop {
            let next = self.lock().serve(clock::now());
            let sleeps = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.0.changed.notified() => {}
                () = sleeps => {}
            }
        }
    }

    /// A carrier calls the daemon.
    pub fn ring_in(&self, carrier: usize) {
        self.lock().carriers[carrier].ring_in(clock::now());
        self.0.changed.notify_one();
    }

    /// Nothing reaches a carrier for a while.
    pub fn deafen(&self, carrier: usize, time: Duration) {
        self.lock().deaf_until[carrier] = Some(clock::now().mono + time);
    }

    /// The daemon's process is gone.
    pub fn lose_daemon(&self) {
        self.lock().daemon = None;
    }

    /// Everything arrives from now on, and soon.
    pub fn heal(&self) {
        let mut state = self.lock();
        state.faults = Faults { lost: 0, doubled: 0, slowest: 10 };
        state.deaf_until.fill(None);
    }

    /// Which of the daemon's processes runs, or ran last.
    pub fn life(&self) -> u32 {
        self.lock().life
    }

    /// Everything that was on the wire.
    pub fn lines(&self) -> Vec<Line> {
        self.lock().lines.clone()
    }

    /// Says what of carriers is left; nothing at the end.
    pub fn left(&self) -> Vec<String> {
        self.lock().carriers.iter().filter_map(Carrier::left).collect()
    }
}

impl State {
    fn serve(&mut self, now: Now) -> Option<Instant> {
        loop {
            let mut is_quiet = true;
            while let Some(first) = self.flying.first_entry().filter(|first| first.key().0 <= now.mono) {
                let (flow, octets) = first.remove();
                self.arrive(now, flow, octets);
                is_quiet = false;
            }
            for number in 0..self.carriers.len() {
                for (target, octets) in self.carriers[number].serve(now) {
                    let flow = Flow {
                        transport: Transport::Udp,
                        local: target.remote,
                        remote: address(number),
                        connection: None,
                    };
                    self.put(now.mono, flow, octets);
                }
            }
            if is_quiet {
                break;
            }
        }
        let due = self.carriers.iter().filter_map(Carrier::poll_timeout);
        due.chain(self.flying.keys().next().map(|(at, _)| *at)).min()
    }

    fn arrive(&mut self, now: Now, flow: Flow, octets: Bytes) {
        if let Some(carrier) = (0..self.carriers.len()).find(|carrier| address(*carrier) == flow.local) {
            if self.deaf_until[carrier].is_none_or(|until| until <= now.mono) {
                self.carriers[carrier].receive(now, flow, octets);
            }
        } else if let Some(daemon) = self.daemon.clone() {
            let carrier = (0..self.carriers.len()).find(|carrier| address(*carrier) == flow.remote);
            if let Some(carrier) = carrier {
                self.note(now.mono, carrier, false, &octets);
            }
            // A process that is ending takes nothing any more.
            _ = daemon.send(Arrival::Datagram(flow, octets));
        }
    }

    fn note(&mut self, at: Instant, carrier: usize, is_sent: bool, octets: &Bytes) {
        let message = Message::parse(octets.clone()).expect("a message");
        self.lines.push(Line { at, carrier, is_sent, life: self.life, message });
    }

    /// Puts a datagram on its way.
    fn put(&mut self, now: Instant, flow: Flow, octets: Bytes) {
        let Faults { lost, doubled, slowest } = self.faults;
        if self.random.random_range(0..100) < lost {
            return;
        }
        let copies = if self.random.random_range(0..100) < doubled { 2 } else { 1 };
        for _ in 0..copies {
            self.serial += 1;
            let at = now + Duration::from_millis(self.random.random_range(1..=slowest));
            self.flying.insert((at, self.serial), (flow, octets.clone()));
        }
    }
}

impl Network for World {
    fn open(&self, _: &SipConfig) -> io::Result<Box<dyn Wire>> {
        let (daemon, inbox) = mpsc::unbounded_channel();
        let mut state = self.lock();
        state.daemon = Some(daemon);
        state.life += 1;
        let listener =
            SipListener { transport: Transport::Udp, address: DAEMON.parse().map_err(io::Error::other)? };
        Ok(Box::new(DaemonsWire { world: self.clone(), life: state.life, listeners: [listener], inbox }))
    }
}

/// The daemon's end of the network.
struct DaemonsWire {
    world: World,
    life: u32,
    listeners: [SipListener; 1],
    inbox: mpsc::UnboundedReceiver<Arrival>,
}

impl Wire for DaemonsWire {
    fn listeners(&self) -> &[SipListener] {
        &self.listeners
    }

    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Arrival> {
        match self.inbox.poll_recv(context) {
            Poll::Ready(Some(arrival)) => Poll::Ready(arrival),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    fn send(&mut self, target: &Target, octets: Bytes) -> Result<(), Unreachable> {
        let mut state = self.world.lock();
        assert_eq!(self.life, state.life, "a process that is gone sends");
        let carrier = (0..state.carriers.len()).find(|carrier| address(*carrier) == target.remote);
        let carrier = carrier.ok_or(Unreachable)?;
        let now = clock::now().mono;
        state.note(now, carrier, true, &octets);
        let flow = Flow {
            transport: Transport::Udp,
            local: target.remote,
            remote: self.listeners[0].address,
            connection: None,
        };
        state.put(now, flow, octets);
        drop(state);
        self.world.0.changed.notify_one();
        Ok(())
    }

    fn finish(&mut self, _: ConnectionId) {}

    fn counters(&self) -> Counters {
        Counters::default()
    }

    fn connections(&self) -> usize {
        0
    }
}
