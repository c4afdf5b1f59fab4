//! The highest rate at which no call fails, found by steps. Pure.

/// How much the rate grows from step to step while all is well.
const GROWTH: f64 = 1.5;
/// Tries of one rate: a busy machine may spoil one.
const TRIES: u32 = 2;

/// A search among rates, calls per second.
#[derive(Debug, Clone)]
pub struct Search {
    /// The highest rate that went well; 0: none did.
    good: u32,
    /// The lowest that did not.
    bad: Option<u32>,
    /// Above it nothing is tried.
    most: u32,
    /// The next rate.
    next: u32,
    /// Tries of it so far.
    tries: u32,
    /// How close the two may come, as a share of the rate.
    precision: f64,
}

impl Search {
    /// Begins at `from`, goes no higher than `most`, and ends once good and bad are no further apart than a share
    /// `precision` of the rate.
    #[must_use]
    pub fn new(from: u32, most: u32, precision: f64) -> Self {
        Self { good: 0, bad: None, most, next: from.clamp(1, most.max(1)), tries: 0, precision }
    }

    /// The rate to try; `None`: the search is over.
    #[must_use]
    pub fn next(&self) -> Option<u32> {
        let is_close = self.bad.is_some_and(|bad| {
            f64::from(bad.saturating_sub(self.good)) <= (f64::from(bad) * self.precision).max(1.0)
        });
        (!is_close && self.good < self.most).then_some(self.next)
    }

    /// Takes what came of it.
    pub fn note(&mut self, went_well: bool) {
        self.tries += 1;
        if went_well {
            self.good = self.next;
        } else if self.tries < TRIES {
            return;
        } else {
            self.bad = Some(self.next);
        }
        self.tries = 0;
        self.next = match self.bad {
            None => ((f64::from(self.good) * GROWTH) as u32).max(self.good + 1).min(self.most),
            Some(bad) => self.good + (bad - self.good) / 2,
        };
    }

    /// The highest rate that went well; 0: none did.
    #[must_use]
    pub fn best(&self) -> u32 {
        self.good
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a search finds where rates above `limit` fail, and how many plays that takes.
    fn find(limit: u32) -> (u32, u32) {
        let (mut search, mut plays) = (Search::new(500, 20_000, 0.05), 0);
        while let Some(rate) = search.next() {
            search.note(rate <= limit);
            plays += 1;
        }
        (search.best(), plays)
    }

    #[test]
    fn finds_the_limit_to_its_precision_in_few_plays() {
        for limit in [120, 500, 999, 2345, 19_000] {
            let (found, plays) = find(limit);
            assert!(found <= limit && f64::from(found) >= f64::from(limit) * 0.94 - 1.0, "{limit} {found}");
            assert!(plays <= 24, "{limit} {plays}");
        }
        assert_eq!((find(50_000).0, find(0).0), (20_000, 0));
    }

    #[test]
    fn one_bad_try_decides_nothing() {
        let mut search = Search::new(500, 1000, 0.05);
        search.note(false);
        assert_eq!(search.next(), Some(500));
        search.note(true);
        assert_eq!((search.best(), search.next()), (500, Some(750)));
    }
}
