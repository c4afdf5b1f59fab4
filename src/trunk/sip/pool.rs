//! The gateways of one trunk: where they are, which of them live, and in which order a call tries them. Pure.
//!
//! A gateway is an entry of the configuration. Behind a name there may be several addresses; they are one gateway, watched
//! together.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use codecs::{
    Now,
    sip::{
        Target,
        locate::{Destination, Place, Settings},
        ua::probe::{self, Outcome, Probe, State},
    },
};
use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::{circuit::Circuit, locate::Known};
use crate::config::{CircuitConfig, Gateway, ProbeConfig, SipTrunkConfig};

/// A 503 that asks for no time is one of this moment: the gateway comes last for so long.
const BREATH: Duration = Duration::from_secs(1);
/// No gateway is left alone for longer because it asks for it.
const LONGEST: Duration = Duration::from_secs(300);

/// A gateway of a trunk. Not given out twice while the trunk lives, whatever becomes of its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GatewayId(u32);

/// The gateways of one trunk.
#[derive(Debug)]
pub struct Pool {
    gateways: Vec<Watched>,
    /// Gateways that there ever were.
    made: u32,
    probe: ProbeConfig,
    settings: Settings,
    random: SmallRng,
}

#[derive(Debug)]
struct Watched {
    id: GatewayId,
    config: Gateway,
    destination: Destination,
    known: Arc<Known>,
    probe: Probe,
    circuit: Circuit,
    /// Until then it comes last, because it asked for it.
    paused_until: Option<Instant>,
    up_since: Option<jiff::Timestamp>,
    /// Why a call, or an OPTIONS, failed last, and when; forgotten when one succeeds.
    failed: Option<(Outcome, jiff::Timestamp)>,
}

/// What people see of a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its name and the transport, if it says one.
    pub name: String,
    /// Since when it is known to live; `None`: it is not.
    pub up_since: Option<jiff::Timestamp>,
    /// It is known not to live.
    pub is_down: bool,
    /// It is left alone for so long, because it asked for it or fails every call.
    pub alone_for: Option<Duration>,
    /// It has no address: DNS knows none.
    pub is_nowhere: bool,
    /// What failed last, if nothing succeeded since.
    pub failed: Option<(Outcome, jiff::Timestamp)>,
}

impl Shown {
    /// A call that goes there may leave.
    #[must_use]
    pub fn can_carry(&self) -> bool {
        !self.is_down && self.alone_for.is_none() && !self.is_nowhere
    }
}

impl Pool {
    /// The gateways of a trunk; nothing is known of them yet. `settings`: how they may be reached.
    #[must_use]
    pub fn new(config: &SipTrunkConfig, settings: Settings, seed: u64, now: Now) -> Self {
        let random = SmallRng::seed_from_u64(seed);
        let mut pool = Self { gateways: Vec::new(), made: 0, probe: config.probe.clone(), settings, random };
        pool.reconfigure(config, now);
        pool
    }

    /// Takes the gateways and the probes of another configuration. Of a gateway that stays, what is known stays, unless
    /// it is watched in another way from now on.
    pub fn reconfigure(&mut self, config: &SipTrunkConfig, now: Now) {
        let mut before = std::mem::take(&mut self.gateways);
        if self.probe != config.probe {
            self.probe = config.probe.clone();
            let settings = watching(&self.probe);
            for gateway in &mut before {
                gateway.probe = Probe::new(settings, self.random.random(), now);
                gateway.up_since = None;
            }
        }
        for gateway in &config.gateways {
            let destination = destination(gateway);
            let watched = match before.iter().position(|one| one.destination == destination) {
                Some(index) => before.swap_remove(index),
                None => self.watched(gateway, destination, config.circuit, now),
            };
            self.gateways.push(Watched { config: gateway.clone(), ..watched });
        }
        for gateway in &mut self.gateways {
            gateway.circuit.reconfigure(config.circuit);
        }
    }

    fn watched(
        &mut self,
        gateway: &Gateway,
        destination: Destination,
        circuit: CircuitConfig,
        now: Now,
    ) -> Watched {
        let id = GatewayId(self.made);
        self.made += 1;
        Watched {
            id,
            config: gateway.clone(),
            destination,
            known: Arc::default(),
            probe: Probe::new(watching(&self.probe), self.random.random(), now),
            circuit: Circuit::new(circuit),
            paused_until: None,
            up_since: None,
            failed: None,
        }
    }

    /// OPTIONS are sent.
    fn probes(&self) -> bool {
        !self.probe.interval.is_zero()
    }

    fn find(&mut self, id: GatewayId) -> Option<&mut Watched> {
        self.gateways.iter_mut().find(|gateway| gateway.id == id)
    }

    /// The destinations that DNS has to be asked for.
    pub fn names(&self) -> impl Iterator<Item = (GatewayId, &Destination)> {
        let all = self.gateways.iter().map(|gateway| (gateway.id, &gateway.destination));
        all.filter(|(_, destination)| matches!(destination.host, Place::Name(_)))
    }

    /// Takes what DNS says of a gateway.
    pub fn learn(&mut self, id: GatewayId, known: Arc<Known>) {
        if let Some(gateway) = self.find(id) {
            gateway.known = known;
        }
    }

    /// Where a call goes, best first: those that live by priority and weight, then those that pause or are down.
    pub fn targets(&mut self, now: Now) -> Vec<Target> {
        let order = self.order(now);
        if let Some(first) = order.first() {
            self.gateways[*first].circuit.tried(now.mono);
        }
        let mut targets = Vec::new();
        for index in order {
            let seed = self.random.random();
            for target in self.gateways[index].targets(&self.settings, seed) {
                if !targets.contains(&target) {
                    targets.push(target);
                }
            }
        }
        targets
    }

    fn order(&mut self, now: Now) -> Vec<usize> {
        let mut left: Vec<_> = (0..self.gateways.len()).collect();
        let mut order = Vec::with_capacity(left.len());
        let rank = |gateway: &Watched| (!gateway.is_ready(now.mono), gateway.config.priority);
        while let Some(best) = left.iter().map(|index| rank(&self.gateways[*index])).min() {
            let equal: Vec<_> =
                left.iter().copied().filter(|index| rank(&self.gateways[*index]) == best).collect();
            let weights: Vec<_> =
                equal.iter().map(|index| u32::from(self.gateways[*index].config.weight)).collect();
            let chosen = equal[draw(&weights, &mut self.random)];
            left.retain(|index| *index != chosen);
            order.push(chosen);
        }
        order
    }

    /// Takes what a call saw of a target. `retry_after`: seconds that it wants to be left alone.
    pub fn handle_traffic(&mut self, now: Now, target: &Target, outcome: Outcome, retry_after: Option<u32>) {
        let Some(index) = self.index_of(target) else { return };
        let (probes, pause) = (self.probes(), self.probe.interval_down);
        let gateway = &mut self.gateways[index];
        gateway.probe.handle_traffic(now, outcome);
        gateway.settle(now);
        gateway.note(now, outcome);
        let pause = match (outcome, retry_after) {
            (Outcome::Status(503), Some(seconds)) => {
                Duration::from_secs(seconds.into()).clamp(BREATH, LONGEST)
            }
            (Outcome::Status(503), None) => {
                gateway.circuit.failed(now.mono);
                BREATH
            }
            (Outcome::Nothing, _) if !probes => {
                gateway.circuit.failed(now.mono);
                pause
            }
            // OPTIONS tell when it lives again.
            (Outcome::Nothing, _) => return,
            (Outcome::Status(500..=599), _) => return gateway.circuit.failed(now.mono),
            (Outcome::Status(_), _) => {
                gateway.paused_until = None;
                return gateway.circuit.succeeded();
            }
        };
        gateway.paused_until = gateway.paused_until.max(Some(now.mono + pause));
    }

    /// The next gateway that an OPTIONS is due for; its outcome must be told.
    pub fn poll_probe(&mut self, now: Now) -> Option<(GatewayId, Target)> {
        if !self.probes() {
            return None;
        }
        for index in 0..self.gateways.len() {
            let (settings, gateway) = (&self.settings, &mut self.gateways[index]);
            if !gateway.probe.poll_request(now) {
                continue;
            }
            let id = gateway.id;
            match gateway.targets(settings, 0).into_iter().next() {
                Some(target) => return Some((id, target)),
                // DNS does not know it.
                None => self.probed(now, id, Outcome::Nothing),
            }
        }
        None
    }

    /// Takes what came of an OPTIONS.
    pub fn probed(&mut self, now: Now, id: GatewayId, outcome: Outcome) {
        if let Some(gateway) = self.find(id) {
            gateway.probe.handle_outcome(now, outcome);
            gateway.settle(now);
            gateway.note(now, outcome);
        }
    }

    /// When [`Self::poll_probe`] is to be asked next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = self.gateways.iter().filter_map(|gateway| gateway.probe.poll_timeout());
        due.min().filter(|_| self.probes())
    }

    /// When a gateway that is left alone may be used again.
    #[must_use]
    pub fn ready_at(&self, now: Now) -> Option<Instant> {
        self.gateways.iter().filter_map(|gateway| gateway.alone_until(now.mono)).min()
    }

    /// Every address that the gateways are known by: requests from there are the carrier's.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        let mut addresses = Vec::new();
        for gateway in &self.gateways {
            for target in gateway.targets(&self.settings, 0) {
                if !addresses.contains(&target.remote.ip()) {
                    addresses.push(target.remote.ip());
                }
            }
        }
        addresses
    }

    /// The gateways as people see them.
    #[must_use]
    pub fn shown(&self, now: Now) -> Vec<Shown> {
        let shown = |gateway: &Watched| Shown {
            name: match gateway.config.transport {
                Some(transport) => format!("{transport} {}", gateway.config.name()),
                None => gateway.config.name(),
            },
            up_since: gateway.up_since,
            is_down: gateway.probe.state() == State::Down,
            alone_for: gateway.alone_until(now.mono).map(|until| until.saturating_duration_since(now.mono)),
            is_nowhere: gateway.targets(&self.settings, 0).is_empty(),
            failed: gateway.failed,
        };
        self.gateways.iter().map(shown).collect()
    }

    fn index_of(&self, target: &Target) -> Option<usize> {
        let is_of = |gateway: &Watched| {
            let targets = gateway.targets(&self.settings, 0);
            targets.iter().any(|one| (one.transport, one.remote) == (target.transport, target.remote))
        };
        self.gateways.iter().position(is_of)
    }
}

impl Watched {
    fn targets(&self, settings: &Settings, seed: u64) -> Vec<Target> {
        self.known.targets(&self.destination, settings, seed).unwrap_or_default()
    }

    fn is_ready(&self, now: Instant) -> bool {
        self.probe.state() != State::Down && self.alone_until(now).is_none()
    }

    /// Until when it comes last.
    fn alone_until(&self, now: Instant) -> Option<Instant> {
        self.paused_until.filter(|until| now < *until).max(self.circuit.open_until(now))
    }

    /// Keeps what failed last.
    fn note(&mut self, now: Now, outcome: Outcome) {
        self.failed = match outcome {
            Outcome::Nothing | Outcome::Status(408 | 500..=599) => Some((outcome, now.wall)),
            Outcome::Status(_) => None,
        };
    }

    /// Notes when it came up.
    fn settle(&mut self, now: Now) {
        while self.probe.poll_event().is_some() {}
        match self.probe.state() {
            State::Up => _ = self.up_since.get_or_insert(now.wall),
            State::Unknown | State::Down => self.up_since = None,
        }
    }
}

fn watching(probe: &ProbeConfig) -> probe::Settings {
    probe::Settings {
        interval: probe.interval,
        down_interval: probe.interval_down,
        misses: probe.down_after,
        recoveries: probe.up_after,
        ..probe::Settings::default()
    }
}

fn destination(gateway: &Gateway) -> Destination {
    let host = match gateway.address() {
        Some(address) => Place::Address(address),
        None => Place::Name(gateway.host.as_str().into()),
    };
    Destination { host, port: gateway.port, transport: gateway.transport, secure: false }
}

/// One of the weights: each as often as its share; those of 0 only where there is no other.
fn draw(weights: &[u32], random: &mut SmallRng) -> usize {
    let sum: u32 = weights.iter().sum();
    if sum == 0 {
        return 0;
    }
    let mut drawn = random.random_range(0..sum);
    for (index, weight) in weights.iter().enumerate() {
        if drawn < *weight {
            return index;
        }
        drawn -= weight;
    }
    0
}

#[cfg(test)]
mod tests {
    use codecs::sip::Transport;

    use super::*;
    use crate::config;

    const ALIVE: Outcome = Outcome::Status(200);

    #[allow(clippy::disallowed_methods, reason = "the one reading from which virtual time goes on")]
    fn start() -> Now {
        Now { mono: Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH }
    }

    fn config(gateways: &str, interval: u64) -> SipTrunkConfig {
        let text = format!(
            "store = {{ path = \"unused\" }}\nsip = {{ listen = [\"udp:127.0.0.1:0\"] }}\n[[trunk]]\nid = \"a\"\n\
             protocol = \"sip\"\ncallers = {{ authorisation = \"c\", numbers = [\"95001\"] }}\n\
             probe = {{ interval = \"{interval}s\" }}\ncircuit = {{ failures = 3 }}\ngateway = [{gateways}]\n"
        );
        let read = config::parse(&text, "test", &|_| None).unwrap_or_else(|error| panic!("{error}"));
        read.sip_trunks.into_iter().next().unwrap()
    }

    /// Gateways 192.0.2.1 and so on, each with its priority and weight.
    fn pool(gateways: &[(u16, u16)], interval: u64, now: Now) -> Pool {
        let gateway = |(index, (priority, weight)): (usize, &(u16, u16))| {
            format!("{{ host = \"192.0.2.{}\", priority = {priority}, weight = {weight} }}", index + 1)
        };
        let gateways: Vec<_> = gateways.iter().enumerate().map(gateway).collect();
        let settings = Settings { transports: vec![Transport::Udp], ipv4: true, ipv6: false };
        Pool::new(&config(&gateways.join(", "), interval), settings, 1, now)
    }

    fn hosts(pool: &mut Pool, now: Now) -> Vec<u8> {
        let host = |target: Target| match target.remote.ip() {
            IpAddr::V4(address) => address.octets()[3],
            IpAddr::V6(_) => 0,
        };
        pool.targets(now).into_iter().map(host).collect()
    }

    fn target(host: u8) -> Target {
        Target::new(Transport::Udp, format!("192.0.2.{host}:5060").parse().unwrap())
    }

    #[test]
    fn gateways_are_tried_by_priority_and_share_by_weight() {
        let now = start();
        let mut pool = pool(&[(2, 1), (1, 30), (1, 10), (1, 0)], 30, now);
        let mut firsts = [0; 5];
        for _ in 0..400 {
            let hosts = hosts(&mut pool, now);
            assert_eq!((hosts.len(), hosts[2], hosts[3]), (4, 4, 1));
            firsts[usize::from(hosts[0])] += 1;
        }
        assert!((250..350).contains(&firsts[2]) && firsts[2] + firsts[3] == 400, "{firsts:?}");
    }

    #[test]
    fn one_that_is_down_comes_last_until_it_answers_again() {
        let mut now = start();
        let mut pool = pool(&[(1, 1), (2, 1)], 30, now);
        for _ in 0..3 {
            now = now.after(Duration::from_secs(40));
            while let Some((id, _)) = pool.poll_probe(now) {
                pool.probed(now, id, if id == GatewayId(0) { Outcome::Nothing } else { ALIVE });
            }
        }
        assert_eq!(hosts(&mut pool, now), [2, 1]);
        let shown = pool.shown(now);
        let states: Vec<_> = shown.iter().map(|one| (one.is_down, one.up_since.is_some())).collect();
        assert_eq!(states, [(true, false), (false, true)]);
        let failed: Vec<_> = shown.iter().map(|one| one.failed.map(|(outcome, _)| outcome)).collect();
        assert_eq!(failed, [Some(Outcome::Nothing), None]);
        // Calls are evidence too.
        for _ in 0..2 {
            pool.handle_traffic(now, &target(1), ALIVE, None);
        }
        assert_eq!(hosts(&mut pool, now), [1, 2]);
        assert!(pool.poll_timeout().is_some());
    }

    #[test]
    fn one_that_asks_for_a_pause_gets_it() {
        let now = start();
        let mut pool = pool(&[(1, 1), (2, 1)], 30, now);
        pool.handle_traffic(now, &target(1), Outcome::Status(503), Some(20));
        assert_eq!(hosts(&mut pool, now.after(Duration::from_secs(19))), [2, 1]);
        assert_eq!(hosts(&mut pool, now.after(Duration::from_secs(20))), [1, 2]);
        pool.handle_traffic(now, &target(1), Outcome::Status(503), None);
        assert_eq!(hosts(&mut pool, now), [2, 1]);
        pool.handle_traffic(now, &target(1), Outcome::Status(486), None);
        assert_eq!(hosts(&mut pool, now), [1, 2]);
    }

    #[test]
    fn without_probes_one_that_said_nothing_comes_last_for_a_while() {
        let now = start();
        let mut pool = pool(&[(1, 1), (2, 1)], 0, now);
        assert!(
            pool.poll_probe(now.after(Duration::from_secs(60))).is_none() && pool.poll_timeout().is_none()
        );
        pool.handle_traffic(now, &target(1), Outcome::Nothing, None);
        assert_eq!(hosts(&mut pool, now), [2, 1]);
        assert_eq!(hosts(&mut pool, now.after(Duration::from_secs(10))), [1, 2]);
    }

    #[test]
    fn a_name_is_nowhere_until_dns_knows_it() {
        let now = start();
        let mut pool = pool(&[(1, 1)], 30, now);
        pool.gateways[0].destination.host = Place::Name("sbc.example.com".into());
        assert_eq!(pool.names().map(|(id, _)| id).collect::<Vec<_>>(), [GatewayId(0)]);
        assert!(pool.targets(now).is_empty() && pool.addresses().is_empty());
        assert!(pool.shown(now)[0].is_nowhere && !pool.shown(now)[0].can_carry());
    }

    #[test]
    fn one_that_fails_every_call_is_left_alone_although_it_answers_options() {
        let mut now = start();
        let mut pool = pool(&[(1, 1), (2, 1)], 30, now);
        for _ in 0..3 {
            assert_eq!(hosts(&mut pool, now), [1, 2]);
            pool.handle_traffic(now, &target(1), Outcome::Status(500), None);
            while let Some((id, _)) = pool.poll_probe(now) {
                pool.probed(now, id, ALIVE);
            }
        }
        assert_eq!(hosts(&mut pool, now), [2, 1]);
        let pause = pool.shown(now)[0].alone_for.unwrap();
        assert_eq!(pool.ready_at(now), Some(now.mono + pause));
        now = now.after(pause);
        assert_eq!(hosts(&mut pool, now), [1, 2], "one call tries it");
        assert_eq!(hosts(&mut pool, now), [2, 1], "and the next waits for what becomes of that");
        pool.handle_traffic(now, &target(1), Outcome::Status(486), None);
        assert_eq!(hosts(&mut pool, now), [1, 2]);
    }

    #[test]
    fn of_a_gateway_that_stays_what_is_known_stays() {
        let now = start();
        let mut pool = pool(&[(1, 1), (2, 1)], 0, now);
        pool.handle_traffic(now, &target(2), Outcome::Nothing, None);
        pool.handle_traffic(now, &target(1), ALIVE, None);
        let both = "{ host = \"192.0.2.2\" }, { host = \"192.0.2.3\" }";
        pool.reconfigure(&config(both, 0), now);
        assert_eq!(hosts(&mut pool, now), [3, 2], "the second still comes last");
        let ids: Vec<_> = pool.gateways.iter().map(|gateway| gateway.id).collect();
        assert_eq!(ids, [GatewayId(1), GatewayId(2)]);
        pool.reconfigure(&config(both, 30), now);
        assert!(pool.poll_timeout().is_some());
    }
}
