//! When a carrier says something out of turn: each `[[carrier.inject]]` once, on the first link that gets there.
//!
//! A value per carrier that its links tell what happens to them. No IO and no clock; saying it is left to the links.

use std::time::Duration;

use crate::config::Inject;

/// The injections of one carrier, and how far each has come.
#[derive(Debug)]
pub struct Injections(Vec<Waiting>);

#[derive(Debug)]
struct Waiting {
    what: Inject,
    submits: u64,
    is_said: bool,
}

/// What happens to a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Bind,
    Bound,
    Submit,
}

impl Injections {
    /// Nothing is said yet.
    #[must_use]
    pub fn new(what: &[Inject]) -> Self {
        let waiting = |what: &Inject| Waiting { what: what.clone(), submits: 0, is_said: false };
        Self(what.iter().map(waiting).collect())
    }

    /// A bind came in on this link: which are to be said before it is answered, as indexes into the scenario's list.
    pub fn at_bind(&mut self, link: u64) -> Vec<usize> {
        self.due(link, Moment::Bind)
    }

    /// This link is bound: which are to be said, and how long from now.
    pub fn at_bound(&mut self, link: u64) -> Vec<(Duration, usize)> {
        let due = self.due(link, Moment::Bound);
        due.into_iter().map(|index| (self.0[index].what.after.unwrap_or_default(), index)).collect()
    }

    /// A submit came in on this link: which are to be said.
    pub fn at_submit(&mut self, link: u64) -> Vec<usize> {
        self.due(link, Moment::Submit)
    }

    fn due(&mut self, link: u64, moment: Moment) -> Vec<usize> {
        let meant = self.0.iter_mut().enumerate().filter(|(_, one)| {
            !one.is_said && one.what.link.is_none_or(|meant| meant == link) && one.moment() == moment
        });
        let due = meant.filter_map(|(index, one)| {
            one.submits += 1;
            one.is_said = one.what.after_submits.is_none_or(|at| one.submits >= at);
            one.is_said.then_some(index)
        });
        due.collect()
    }
}

impl Waiting {
    fn moment(&self) -> Moment {
        match (self.what.before_bind, self.what.after) {
            (true, _) => Moment::Bind,
            (false, Some(_)) => Moment::Bound,
            (false, None) => Moment::Submit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Octets, Sequence};

    fn inject() -> Inject {
        Inject {
            link: None,
            before_bind: false,
            after: None,
            after_submits: None,
            octets: Octets(vec![0]),
            sequence: Sequence::AsWritten,
            instead: false,
        }
    }

    #[test]
    fn each_is_said_once_and_at_its_moment() {
        let after = Some(Duration::from_millis(5));
        let mut injections = Injections::new(&[
            Inject { after_submits: Some(3), ..inject() },
            Inject { before_bind: true, ..inject() },
            Inject { after, ..inject() },
        ]);
        assert_eq!(injections.at_bind(1), [1]);
        assert_eq!(injections.at_bound(1), [(Duration::from_millis(5), 2)]);
        assert!(injections.at_bind(2).is_empty());
        assert!(injections.at_bound(2).is_empty());
        // Submits count over the links.
        assert_eq!([1, 2, 1, 2].map(|link| injections.at_submit(link)), [vec![], vec![], vec![0], vec![]]);
    }

    #[test]
    fn only_the_link_that_is_meant_counts() {
        let mut injections = Injections::new(&[Inject { link: Some(2), after_submits: Some(1), ..inject() }]);
        assert_eq!([1, 3, 2].map(|link| injections.at_submit(link)), [vec![], vec![], vec![0]]);
    }
}
