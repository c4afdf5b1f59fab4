//! Fair shares by weight: start-time fair queueing over keys that compete for one resource.
//!
//! Each key has a start tag, the virtual time at which its next service begins. The smallest goes first, and what it
//! takes moves its tag on by cost over weight. A key that comes back after a silence starts at the present virtual time:
//! it gets its share from now on and none for the time when it asked for nothing. One that leaves in debt finds its debt
//! again until virtual time has passed it, so nobody gains by leaving and coming back.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
};

/// One unit of cost at weight 1, in virtual time: fine enough for weights up to thousands.
const UNIT: u64 = 1 << 20;

/// Who is served next, and how much each has had.
#[derive(Debug)]
pub struct Shares<K> {
    /// The start tag of what was served last.
    virtual_time: u64,
    keys: HashMap<K, Tag>,
    waiting: BTreeSet<(u64, K)>,
    in_debt: BTreeSet<(u64, K)>,
}

#[derive(Debug, Clone, Copy)]
struct Tag {
    start: u64,
    waits: bool,
}

impl<K> Default for Shares<K> {
    fn default() -> Self {
        let (keys, waiting, in_debt) = (HashMap::new(), BTreeSet::new(), BTreeSet::new());
        Self { virtual_time: 0, keys, waiting, in_debt }
    }
}

impl<K: Clone + Eq + Hash + Ord> Shares<K> {
    /// `key` has something to be served.
    pub fn enter(&mut self, key: &K) {
        let known = self.keys.get(key).copied();
        if known.is_some_and(|tag| tag.waits) {
            return;
        }
        let debt = known.map_or(0, |tag| tag.start);
        self.in_debt.remove(&(debt, key.clone()));
        let start = debt.max(self.virtual_time);
        self.keys.insert(key.clone(), Tag { start, waits: true });
        self.waiting.insert((start, key.clone()));
    }

    /// `key` has nothing more to be served.
    pub fn leave(&mut self, key: &K) {
        let Some(tag) = self.keys.get_mut(key).filter(|tag| tag.waits) else { return };
        tag.waits = false;
        let entry = (tag.start, key.clone());
        self.waiting.remove(&entry);
        self.in_debt.insert(entry);
        self.forgive();
    }

    /// Who is served next.
    #[must_use]
    pub fn first(&self) -> Option<&K> {
        self.waiting.first().map(|(_, key)| key)
    }

    /// `key` was served: it takes `cost` out of its share of `weight`.
    pub fn charge(&mut self, key: &K, cost: usize, weight: u32) {
        let Some(before) = self.keys.get(key).map(|tag| tag.start) else { return };
        self.virtual_time = self.virtual_time.max(before);
        self.retag(key, before.saturating_add(toll(cost, weight)));
        self.forgive();
    }

    /// `key` did not get what it was charged for.
    pub fn refund(&mut self, key: &K, cost: usize, weight: u32) {
        let Some(before) = self.keys.get(key).map(|tag| tag.start) else { return };
        self.retag(key, before.saturating_sub(toll(cost, weight)));
    }

    fn retag(&mut self, key: &K, start: u64) {
        let Some(tag) = self.keys.get_mut(key) else { return };
        let set = if tag.waits { &mut self.waiting } else { &mut self.in_debt };
        set.remove(&(tag.start, key.clone()));
        set.insert((start, key.clone()));
        tag.start = start;
    }

    /// Forgets keys whose debt lies behind the present: memory is bounded by who waits or has just been served.
    fn forgive(&mut self) {
        while let Some((start, _)) = self.in_debt.first()
            && *start <= self.virtual_time
            && let Some((_, key)) = self.in_debt.pop_first()
        {
            self.keys.remove(&key);
        }
    }
}

fn toll(cost: usize, weight: u32) -> u64 {
    u64::try_from(cost).unwrap_or(u64::MAX).saturating_mul(UNIT) / u64::from(weight.max(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn serve(shares: &mut Shares<usize>, weights: &[u32], cost: usize) -> Option<usize> {
        let key = *shares.first()?;
        shares.charge(&key, cost, weights[key]);
        Some(key)
    }

    proptest! {
        #[test]
        fn nobody_is_further_from_the_share_than_one_service_each(
            weights in prop::collection::vec(1u32..20, 1..6),
            costs in prop::collection::vec(1usize..10, 200..400),
        ) {
            let mut shares = Shares::default();
            (0..weights.len()).for_each(|key| shares.enter(&key));
            let mut served = vec![0usize; weights.len()];
            for cost in costs {
                let key = serve(&mut shares, &weights, cost).unwrap();
                served[key] += cost;
            }
            // The bound of start-time fair queueing: normalised service differs by one largest service of each.
            for one in 0..weights.len() {
                for other in 0..weights.len() {
                    let normal = |key: usize| served[key] as f64 / f64::from(weights[key]);
                    let bound = 9.0 / f64::from(weights[one]) + 9.0 / f64::from(weights[other]) + 0.01;
                    prop_assert!((normal(one) - normal(other)).abs() <= bound);
                }
            }
        }
    }

    #[test]
    fn silence_earns_nothing() {
        let weights = [1, 1];
        let mut shares = Shares::default();
        shares.enter(&0);
        for _ in 0..1000 {
            serve(&mut shares, &weights, 1);
        }
        shares.enter(&1);
        let next: Vec<_> = (0..10).map(|_| serve(&mut shares, &weights, 1).unwrap()).collect();
        assert_eq!(next.iter().filter(|key| **key == 1).count(), 5, "{next:?}");
    }

    #[test]
    fn a_debt_outlasts_leaving_and_is_forgotten_in_time() {
        let weights = [1, 1];
        let mut shares = Shares::default();
        shares.enter(&0);
        shares.enter(&1);
        shares.charge(&0, 10, 1);
        shares.leave(&0);
        shares.enter(&0);
        for _ in 0..10 {
            assert_eq!(serve(&mut shares, &weights, 1), Some(1));
        }
        shares.leave(&0);
        for _ in 0..3 {
            serve(&mut shares, &weights, 1);
        }
        assert!(shares.in_debt.is_empty() && !shares.keys.contains_key(&0));
    }

    #[test]
    fn what_was_not_served_is_given_back() {
        let weights = [1, 1];
        let mut shares = Shares::default();
        shares.enter(&0);
        shares.enter(&1);
        shares.charge(&0, 5, 1);
        shares.refund(&0, 5, 1);
        assert_eq!(serve(&mut shares, &weights, 1), Some(0));
    }
}
