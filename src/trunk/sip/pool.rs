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

use super::locate::Known;
use crate::config::{Gateway, ProbeConfig};

/// A 503 that asks for no time is one of this moment: the gateway comes last for so long.
const BREATH: Duration = Duration::from_secs(1);
/// No gateway is left alone for longer because it asks for it.
const LONGEST: Duration = Duration::from_secs(300);

/// The gateways of one trunk.
#[derive(Debug)]
pub struct Pool {
    gateways: Vec<Watched>,
    settings: Settings,
    random: SmallRng,
    /// OPTIONS are sent.
    probes: bool,
    /// How long one that failed comes last where none are.
    pause: Duration,
}

#[derive(Debug)]
struct Watched {
    config: Gateway,
    destination: Destination,
    known: Arc<Known>,
    probe: Probe,
    /// Until then it comes last.
    paused_until: Option<Instant>,
    up_since: Option<jiff::Timestamp>,
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
}

impl Pool {
    /// The gateways of a trunk; nothing is known of them yet. `settings`: how they may be reached.
    #[must_use]
    pub fn new(gateways: &[Gateway], probe: &ProbeConfig, settings: Settings, seed: u64, now: Now) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let watch = probe::Settings {
            interval: probe.interval,
            down_interval: probe.interval_down,
            misses: probe.down_after,
            recoveries: probe.up_after,
            ..probe::Settings::default()
        };
        let mut watched = |gateway: &Gateway| Watched {
            config: gateway.clone(),
            destination: destination(gateway),
            known: Arc::default(),
            probe: Probe::new(watch, random.random(), now),
            paused_until: None,
            up_since: None,
        };
        let gateways = gateways.iter().map(&mut watched).collect();
        let (probes, pause) = (!probe.interval.is_zero(), probe.interval_down);
        Self { gateways, settings, random, probes, pause }
    }

    /// The destinations that DNS has to be asked for, with their place in the list.
    pub fn names(&self) -> impl Iterator<Item = (usize, &Destination)> {
        let all = self.gateways.iter().map(|gateway| &gateway.destination).enumerate();
        all.filter(|(_, destination)| matches!(destination.host, Place::Name(_)))
    }

    /// Takes what DNS says of a gateway.
    pub fn learn(&mut self, index: usize, known: Arc<Known>) {
        if let Some(gateway) = self.gateways.get_mut(index) {
            gateway.known = known;
        }
    }

    /// Where a call goes, best first: those that live by priority and weight, then those that pause or are down.
    pub fn targets(&mut self, now: Now) -> Vec<Target> {
        let order = self.order(now);
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
        let (probes, pause) = (self.probes, self.pause);
        let gateway = &mut self.gateways[index];
        gateway.probe.handle_traffic(now, outcome);
        gateway.settle(now);
        let pause = match (outcome, retry_after) {
            (Outcome::Status(503), Some(seconds)) => {
                Duration::from_secs(seconds.into()).clamp(BREATH, LONGEST)
            }
            (Outcome::Status(503), None) => BREATH,
            (Outcome::Nothing, _) if !probes => pause,
            (Outcome::Nothing, _) => return,
            (Outcome::Status(_), _) => {
                gateway.paused_until = None;
                return;
            }
        };
        gateway.paused_until = gateway.paused_until.max(Some(now.mono + pause));
    }

    /// The next gateway that an OPTIONS is due for; its outcome must be told.
    pub fn poll_probe(&mut self, now: Now) -> Option<(usize, Target)> {
        if !self.probes {
            return None;
        }
        for index in 0..self.gateways.len() {
            let (settings, gateway) = (&self.settings, &mut self.gateways[index]);
            if !gateway.probe.poll_request(now) {
                continue;
            }
            match gateway.targets(settings, 0).into_iter().next() {
                Some(target) => return Some((index, target)),
                // DNS does not know it.
                None => self.probed(now, index, Outcome::Nothing),
            }
        }
        None
    }

    /// Takes what came of an OPTIONS.
    pub fn probed(&mut self, now: Now, index: usize, outcome: Outcome) {
        if let Some(gateway) = self.gateways.get_mut(index) {
            gateway.probe.handle_outcome(now, outcome);
            gateway.settle(now);
        }
    }

    /// When [`Self::poll_probe`] is to be asked next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = self.gateways.iter().filter_map(|gateway| gateway.probe.poll_timeout());
        due.min().filter(|_| self.probes)
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
    pub fn shown(&self) -> Vec<Shown> {
        let shown = |gateway: &Watched| Shown {
            name: match gateway.config.transport {
                Some(transport) => format!("{transport} {}", gateway.config.name()),
                None => gateway.config.name(),
            },
            up_since: gateway.up_since,
            is_down: gateway.probe.state() == State::Down,
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
        self.probe.state() != State::Down && self.paused_until.is_none_or(|until| until <= now)
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

    const ALIVE: Outcome = Outcome::Status(200);

    #[allow(clippy::disallowed_methods, reason = "the one reading from which virtual time goes on")]
    fn start() -> Now {
        Now { mono: Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH }
    }

    /// Gateways 192.0.2.1 and so on, each with its priority and weight.
    fn pool(gateways: &[(u16, u16)], interval: u64, now: Now) -> Pool {
        let gateway = |(index, (priority, weight)): (usize, &(u16, u16))| Gateway {
            host: format!("192.0.2.{}", index + 1),
            port: None,
            transport: None,
            priority: *priority,
            weight: *weight,
        };
        let gateways: Vec<_> = gateways.iter().enumerate().map(gateway).collect();
        let probe = ProbeConfig {
            interval: Duration::from_secs(interval),
            interval_down: Duration::from_secs(10),
            down_after: 3,
            up_after: 2,
        };
        let settings = Settings { transports: vec![Transport::Udp], ipv4: true, ipv6: false };
        Pool::new(&gateways, &probe, settings, 1, now)
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
            while let Some((index, _)) = pool.poll_probe(now) {
                pool.probed(now, index, if index == 0 { Outcome::Nothing } else { ALIVE });
            }
        }
        assert_eq!(hosts(&mut pool, now), [2, 1]);
        let shown: Vec<_> = pool.shown().iter().map(|one| (one.is_down, one.up_since.is_some())).collect();
        assert_eq!(shown, [(true, false), (false, true)]);
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
        assert_eq!(pool.names().map(|(index, _)| index).collect::<Vec<_>>(), [0]);
        assert!(pool.targets(now).is_empty() && pool.addresses().is_empty());
    }
}
