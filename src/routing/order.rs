//! Which of a rule's trunks comes first: as listed, by shares or by cost, and never one that can't carry before one
//! that can.

use crate::{config::RouteOrder, domain::TrunkId};

/// Whether a trunk can carry a message now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// With all that it has.
    Up,
    /// With less than it should have: it counts like one that is up.
    Degraded,
    /// An operator lets it take nothing new.
    Draining,
    /// An operator lets it have no link.
    Disabled,
    /// It can't, and comes back by itself.
    Down,
}

impl Health {
    /// A message given to it would leave.
    #[must_use]
    pub fn can_carry(self) -> bool {
        matches!(self, Self::Up | Self::Degraded)
    }

    /// How soon a message would leave: at once, by itself, or by an operator's word.
    fn rank(self) -> u8 {
        match self {
            Self::Up | Self::Degraded => 0,
            Self::Down => 1,
            Self::Draining | Self::Disabled => 2,
        }
    }

    /// In words, as in "the trunk is …".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Draining => "draining",
            Self::Disabled => "disabled",
            Self::Down => "down",
        }
    }
}

/// A trunk that a message may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// The trunk.
    pub trunk: &'a TrunkId,
    /// Its place in the list that it comes from, from 0.
    pub place: usize,
    /// Whether it can carry.
    pub health: Health,
}

/// The trunks, best first. A function of its arguments alone: a message draws the same shares whenever it is asked for.
pub(super) fn ordered<'a>(
    trunks: &'a [TrunkId],
    order: &RouteOrder,
    id: &[u8; 16],
    health: impl Fn(&TrunkId) -> Health,
) -> Vec<Candidate<'a>> {
    // Health is read once for each: it may change while they are being sorted.
    let candidate = |(place, trunk)| Candidate { trunk, place, health: health(trunk) };
    let mut candidates: Vec<_> = trunks.iter().enumerate().map(candidate).collect();
    match order {
        RouteOrder::Listed => {}
        RouteOrder::Weighted(weights) => draw(&mut candidates, weights, id),
        RouteOrder::Cheapest(costs) => candidates.sort_by_key(|one| costs.get(one.place).copied()),
    }
    candidates.sort_by_key(|one| one.health.rank());
    candidates
}

/// Draws one after the other, each by its share of what is left, so that the shares of a trunk that is down go to the
/// others in proportion. Those of weight 0 come last, as they are listed.
fn draw(candidates: &mut [Candidate<'_>], weights: &[u32], id: &[u8; 16]) {
    let weight = |one: &Candidate<'_>| u64::from(weights.get(one.place).copied().unwrap_or(0));
    let octets = id.split_at(8);
    let half = |octets: &[u8]| octets.iter().fold(0, |number: u64, octet| number << 8 | u64::from(*octet));
    let mut random = mix(half(octets.0) ^ mix(half(octets.1)));
    for first in 0..candidates.len() {
        let left = &mut candidates[first..];
        let total: u64 = left.iter().map(weight).sum();
        if total == 0 {
            return;
        }
        let mut point = random % total;
        let drawn = left.iter().position(|one| {
            let is_here = point < weight(one);
            point = point.saturating_sub(weight(one));
            is_here
        });
        // Rotated, not swapped: the others stay as they are listed.
        left[..=drawn.unwrap_or(0)].rotate_right(1);
        random = mix(random);
    }
}

/// SplitMix64's step: ids that differ little give numbers that have nothing in common.
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
