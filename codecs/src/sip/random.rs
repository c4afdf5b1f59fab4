//! Chance for weights and waits, from a seed. Whoever sees its numbers can guess the next: nothing secret comes from here.

use std::time::Duration;

/// A generator: SplitMix64 of Steele, Lea and Flood.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `most`, both included.
    pub fn up_to(&mut self, most: u64) -> u64 {
        match most.checked_add(1) {
            Some(count) => ((u128::from(self.draw()) * u128::from(count)) >> 64) as u64,
            None => self.draw(),
        }
    }

    /// A wait around `middle`, at most so many percent away from it.
    pub fn around(&mut self, middle: Duration, percent: u32) -> Duration {
        let away = middle * percent / 100;
        middle - away + self.within(away * 2)
    }

    /// A wait from nothing to `most`.
    pub fn within(&mut self, most: Duration) -> Duration {
        Duration::from_nanos(self.up_to(u64::try_from(most.as_nanos()).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_in_their_bounds_and_reach_both_ends() {
        let mut random = Random::new(1);
        let drawn: Vec<_> = (0..1000).map(|_| random.up_to(3)).collect();
        assert!((0..=3).all(|wanted| drawn.contains(&wanted)));
        assert!(drawn.iter().all(|drawn| *drawn <= 3));
        assert_eq!(random.up_to(0), 0);
        let middle = Duration::from_secs(30);
        for _ in 0..1000 {
            let wait = random.around(middle, 10);
            assert!((Duration::from_secs(27)..=Duration::from_secs(33)).contains(&wait), "{wait:?}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_run() {
        let run = |seed| {
            let mut random = Random::new(seed);
            (0..10).map(|_| random.draw()).collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }
}
