//! How far a drain is, in numbers and in words.

use std::{fmt::Write, time::Duration};

use crate::{domain::TrunkId, trunk::TrunkStatus};

/// How far a drain is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// Each trunk, in the order of the configuration.
    pub trunks: Vec<TrunkProgress>,
    /// How long answers are still waited for.
    pub remaining: Duration,
    /// It is over.
    pub done: bool,
}

/// How far one trunk is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrunkProgress {
    /// Which.
    pub trunk_id: TrunkId,
    /// Segments that the carrier may have and has not answered.
    pub unanswered: u64,
    /// Messages in its queue; they are durable.
    pub queued: u64,
    /// Links that are bound.
    pub bound: u64,
    /// Nothing of it is bound, unanswered or unsettled.
    pub rests: bool,
    /// Segments whose answer was given up at the limit.
    pub abandoned: u64,
}

impl TrunkProgress {
    /// As the trunk shows itself. It counts as at rest only once it obeys the orders of this number.
    fn of(status: &TrunkStatus, orders: u64) -> Self {
        let bound = status.links.iter().filter(|link| link.bound_since.is_some()).count();
        Self {
            trunk_id: status.id.clone(),
            unanswered: status.unanswered,
            queued: status.queue_depth,
            bound: u64::try_from(bound).unwrap_or(u64::MAX),
            rests: status.rests && status.obeys >= orders,
            abandoned: if status.obeys >= orders { status.abandoned } else { 0 },
        }
    }

    /// For a person, such as `north: 3 unanswered, 120 queued, 2 links bound`.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = format!("{}: ", self.trunk_id);
        let _ = match (self.rests, self.abandoned) {
            (true, 0) => write!(words, "all answered, unbound"),
            (true, abandoned) => write!(words, "unbound with {} unanswered", count(abandoned, "segment")),
            (false, _) => write!(
                words,
                "{} unanswered, {} bound",
                count(self.unanswered, "segment"),
                count(self.bound, "link")
            ),
        };
        if self.queued > 0 {
            let _ = write!(words, ", {} queued", count(self.queued, "message"));
        }
        words
    }
}

impl Progress {
    pub(super) fn of(trunks: &[TrunkStatus], orders: &[u64], remaining: Duration) -> Self {
        let trunks = trunks.iter().zip(orders).map(|(status, number)| TrunkProgress::of(status, *number));
        Self { trunks: trunks.collect(), remaining, done: false }
    }

    /// All trunks rest.
    #[must_use]
    pub fn rests(&self) -> bool {
        self.trunks.iter().all(|trunk| trunk.rests)
    }

    /// The limit ended it: something was not answered.
    #[must_use]
    pub fn ended_by_limit(&self) -> bool {
        self.done && self.trunks.iter().any(|trunk| trunk.abandoned > 0 || !trunk.rests)
    }

    /// For a person: what is still waited for, or what was left and what becomes of it.
    #[must_use]
    pub fn words(&self) -> String {
        if !self.done {
            let trunks: Vec<_> = self.trunks.iter().map(TrunkProgress::words).collect();
            return format!("draining, {} s left: {}", self.remaining.as_secs(), trunks.join("; "));
        }
        let mut words = match self.sum(|trunk| trunk.abandoned) {
            (0, _) => "drained: all that was sent is answered".to_owned(),
            (abandoned, trunks) => format!(
                "the limit ended the drain: {} without an answer ({trunks}); each is sent again or awaited, as its \
                 message wants",
                count(abandoned, "segment")
            ),
        };
        let restless = self.trunks.iter().filter(|trunk| !trunk.rests);
        for trunk in restless {
            let _ = write!(
                words,
                "; trunk {} did not come to rest: what it has on the wire is found as unknown at the next start",
                trunk.trunk_id
            );
        }
        match self.sum(|trunk| trunk.queued) {
            (0, _) => words.push_str("; nothing is queued"),
            (queued, trunks) => {
                let stay = if queued == 1 { "stays" } else { "stay" };
                let _ = write!(words, "; {} {stay} queued, durably ({trunks})", count(queued, "message"));
            }
        }
        words
    }

    /// A sum over the trunks, and which of them have how much.
    fn sum(&self, of: impl Fn(&TrunkProgress) -> u64) -> (u64, String) {
        let some = self.trunks.iter().filter(|trunk| of(trunk) > 0);
        let named: Vec<_> = some.map(|trunk| format!("{} {}", trunk.trunk_id, of(trunk))).collect();
        (self.trunks.iter().map(of).sum(), named.join(", "))
    }
}

fn count(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trunk(name: &str, queued: u64, abandoned: u64) -> TrunkProgress {
        TrunkProgress { trunk_id: name.into(), unanswered: 0, queued, bound: 0, rests: true, abandoned }
    }

    #[test]
    fn the_words_say_what_is_left_and_where() {
        let mut progress = Progress {
            trunks: vec![
                TrunkProgress { unanswered: 3, bound: 2, rests: false, ..trunk("north", 120, 0) },
                trunk("south", 0, 0),
            ],
            remaining: Duration::from_secs(24),
            done: false,
        };
        assert_eq!(
            progress.words(),
            "draining, 24 s left: north: 3 segments unanswered, 2 links bound, 120 messages queued; south: all \
             answered, unbound"
        );
        progress = Progress { trunks: vec![trunk("north", 1, 0)], done: true, ..progress };
        assert_eq!(
            progress.words(),
            "drained: all that was sent is answered; 1 message stays queued, durably (north 1)"
        );
        assert!(!progress.ended_by_limit());
        progress.trunks = vec![trunk("north", 0, 1), trunk("south", 0, 0)];
        assert_eq!(
            progress.words(),
            "the limit ended the drain: 1 segment without an answer (north 1); each is sent again or awaited, as its \
             message wants; nothing is queued"
        );
        assert!(progress.ended_by_limit());
    }
}
