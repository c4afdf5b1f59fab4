//! Calls that wait for a trunk: in the order of their coming, those of a better category first. Calls that may take the
//! same trunks wait in one line, so that a look at whether the first can go tells it for all. Pure.

use std::collections::{BTreeMap, VecDeque};

use crate::domain::{CallId, Category, TrunkId};

/// Lines of one group, the best category first.
const RANKS: usize = 4;

/// The calls that wait.
#[derive(Debug, Default)]
pub struct Waiting {
    groups: BTreeMap<Vec<TrunkId>, Group>,
    count: usize,
}

#[derive(Debug, Default)]
struct Group([VecDeque<CallId>; RANKS]);

impl Waiting {
    /// Puts a call behind those of its category that may take the same trunks.
    pub fn push(&mut self, trunks: Vec<TrunkId>, category: Category, id: CallId) {
        self.groups.entry(trunks).or_default().0[rank(category)].push_back(id);
        self.count += 1;
    }

    /// Nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The groups: the trunks that their calls may take.
    #[must_use]
    pub fn groups(&self) -> Vec<Vec<TrunkId>> {
        self.groups.keys().cloned().collect()
    }

    /// The call of a group that is next.
    #[must_use]
    pub fn first(&self, trunks: &[TrunkId]) -> Option<CallId> {
        let group = self.groups.get(trunks)?;
        group.0.iter().find_map(|line| line.front().copied())
    }

    /// Takes the call of a group that is next.
    pub fn pop(&mut self, trunks: &[TrunkId]) {
        let Some(group) = self.groups.get_mut(trunks) else { return };
        if group.0.iter_mut().any(|line| line.pop_front().is_some()) {
            self.count -= 1;
        }
        if group.0.iter().all(VecDeque::is_empty) {
            self.groups.remove(trunks);
        }
    }
}

fn rank(category: Category) -> usize {
    match category {
        Category::Otp => 0,
        Category::Interactive => 1,
        Category::Notification => 2,
        Category::Marketing => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_leave_in_order_and_the_better_category_first() {
        let mut waiting = Waiting::default();
        let trunks = vec![TrunkId::from("a")];
        let ids: Vec<_> = (0..4).map(|_| CallId::fresh()).collect();
        for (id, category) in ids.iter().zip([
            Category::Marketing,
            Category::Notification,
            Category::Notification,
            Category::Otp,
        ]) {
            waiting.push(trunks.clone(), category, *id);
        }
        let mut left = Vec::new();
        while let Some(id) = waiting.first(&trunks) {
            left.push(id);
            waiting.pop(&trunks);
        }
        assert_eq!(left, [ids[3], ids[1], ids[2], ids[0]]);
        assert!(waiting.is_empty() && waiting.groups().is_empty());
    }

    #[test]
    fn calls_of_other_trunks_wait_in_other_lines() {
        let mut waiting = Waiting::default();
        let (a, ab) = (vec![TrunkId::from("a")], vec![TrunkId::from("a"), TrunkId::from("b")]);
        let (one, two) = (CallId::fresh(), CallId::fresh());
        waiting.push(a.clone(), Category::Otp, one);
        waiting.push(ab.clone(), Category::Otp, two);
        assert_eq!((waiting.first(&a), waiting.first(&ab)), (Some(one), Some(two)));
        waiting.pop(&a);
        waiting.pop(&a);
        assert_eq!((waiting.first(&a), waiting.first(&ab)), (None, Some(two)));
        assert!(!waiting.is_empty());
    }
}
