//! How many messages of nobody's addresses are answered: strangers, and what can't be read. Pure.
//!
//! An address that said too much of it within a second is not heard for the rest of that second: neither its octets nor our
//! answers to it may keep others from being served, or be turned against a third party.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

/// Addresses that are watched at once. More than that in one second is a flood of forged ones, and none of them is heard.
const MOST: usize = 10_000;
const SECOND: Duration = Duration::from_secs(1);

/// Counts what addresses of nobody say.
#[derive(Debug)]
pub(super) struct Gate {
    per_second: u32,
    begun: Instant,
    counts: HashMap<IpAddr, u32>,
}

impl Gate {
    /// A gate that lets so many answers of each address through in a second.
    pub fn new(per_second: u32, now: Instant) -> Self {
        Self { per_second, begun: now, counts: HashMap::new() }
    }

    /// An address of nobody said something that was refused, or could not be read.
    pub fn note(&mut self, address: IpAddr, now: Instant) {
        self.advance(now);
        if self.counts.len() < MOST || self.counts.contains_key(&address) {
            *self.counts.entry(address).or_default() += 1;
        }
    }

    /// Says whether this address is heard now.
    pub fn is_open(&mut self, address: IpAddr, now: Instant) -> bool {
        self.advance(now);
        match self.counts.get(&address) {
            Some(count) => *count < self.per_second,
            None => self.per_second > 0 && self.counts.len() < MOST,
        }
    }

    fn advance(&mut self, now: Instant) {
        if now.saturating_duration_since(self.begun) >= SECOND {
            self.begun = now;
            self.counts.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "the one reading from which virtual time goes on")]
    fn so_many_in_a_second_and_no_more_of_each_address() {
        let now = Instant::now();
        let address = |last: u8| IpAddr::from([192, 0, 2, last]);
        let mut gate = Gate::new(2, now);
        for _ in 0..2 {
            assert!(gate.is_open(address(1), now));
            gate.note(address(1), now);
        }
        assert!(!gate.is_open(address(1), now) && gate.is_open(address(2), now));
        assert!(gate.is_open(address(1), now + SECOND));
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "the one reading from which virtual time goes on")]
    fn a_flood_of_addresses_takes_no_more_room_and_nobody_new_is_heard() {
        let now = Instant::now();
        let mut gate = Gate::new(2, now);
        for number in 0..20_000_u32 {
            gate.note(IpAddr::from(number.to_be_bytes()), now);
        }
        assert_eq!(gate.counts.len(), MOST);
        assert!(!gate.is_open(IpAddr::from([203, 0, 113, 1]), now));
    }
}
