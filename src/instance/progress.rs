//! How far a drain is, in numbers and in words.

use std::{fmt::Write, time::Duration};

use crate::{
    domain::TrunkId,
    trunk::{LinkStatus, REGISTRATION, TrunkStatus},
};

/// How far a drain is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// Each trunk, in the order of the configuration.
    pub trunks: Vec<TrunkProgress>,
    /// How long answers are still waited for.
    pub remaining: Duration,
    /// It is over.
    pub done: bool,
    /// Calls were to be hung up at once.
    pub hangs_up: bool,
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
    /// Of a trunk for calls.
    pub calls: Option<CallProgress>,
}

/// How far a trunk for calls is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallProgress {
    /// Calls that it has now.
    pub open: u64,
    /// Calls that we hung up because of the drain.
    pub hung_up: u64,
}

impl TrunkProgress {
    /// As the trunk shows itself. It counts as at rest only once it obeys the orders of this number.
    fn of(status: &TrunkStatus, orders: u64) -> Self {
        let is_call = status.calls.is_some();
        // A gateway that lives is no link: there is nothing to give back.
        let counts = |link: &&LinkStatus| !is_call || link.bind_mode == REGISTRATION;
        let bound = status.links.iter().filter(counts).filter(|link| link.bound_since.is_some()).count();
        let abandoned = if status.obeys >= orders { status.abandoned } else { 0 };
        Self {
            trunk_id: status.id.clone(),
            unanswered: status.unanswered,
            queued: status.queue_depth,
            bound: u64::try_from(bound).unwrap_or(u64::MAX),
            rests: status.rests && status.obeys >= orders,
            abandoned: if is_call { 0 } else { abandoned },
            calls: is_call.then(|| CallProgress { open: status.calls_now(), hung_up: abandoned }),
        }
    }

    /// For a person, such as `north: 3 unanswered, 120 queued, 2 links bound`.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = format!("{}: ", self.trunk_id);
        if let Some(calls) = self.calls {
            return words + &calls.words(self.bound > 0);
        }
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

impl CallProgress {
    fn words(self, is_registered: bool) -> String {
        let mut words = match self.open {
            0 => "no call is open".to_owned(),
            open => format!("{} open", count(open, "call")),
        };
        if self.hung_up > 0 {
            let _ = write!(words, ", {} hung up", self.hung_up);
        }
        words + if is_registered { ", registered" } else { "" }
    }
}

impl Progress {
    pub(super) fn of(trunks: &[TrunkStatus], orders: &[u64], remaining: Duration, hangs_up: bool) -> Self {
        let trunks = trunks.iter().zip(orders).filter(|(status, _)| !status.gone);
        let trunks = trunks.map(|(status, number)| TrunkProgress::of(status, *number));
        Self { trunks: trunks.collect(), remaining, done: false, hangs_up }
    }

    /// All trunks rest.
    #[must_use]
    pub fn rests(&self) -> bool {
        self.trunks.iter().all(|trunk| trunk.rests)
    }

    /// The limit ended it: something was not answered, or calls were hung up that might have gone on.
    #[must_use]
    pub fn ended_by_limit(&self) -> bool {
        let was_cut = |trunk: &TrunkProgress| {
            let hung_up = trunk.calls.is_some_and(|calls| calls.hung_up > 0) && !self.hangs_up;
            trunk.abandoned > 0 || !trunk.rests || hung_up
        };
        self.done && self.trunks.iter().any(was_cut)
    }

    /// For a person: what is still waited for, or what was left and what becomes of it.
    #[must_use]
    pub fn words(&self) -> String {
        if !self.done {
            let trunks: Vec<_> = self.trunks.iter().map(TrunkProgress::words).collect();
            return format!("draining, {} s left: {}", self.remaining.as_secs(), trunks.join("; "));
        }
        let hung_up = self.sum(|trunk| trunk.calls.map_or(0, |calls| calls.hung_up));
        let mut words = match (self.sum(|trunk| trunk.abandoned), &hung_up) {
            ((0, _), (0, _)) => "drained: all that was sent is answered".to_owned(),
            ((0, _), _) if self.hangs_up => "drained: all that was sent is answered".to_owned(),
            ((0, _), _) => "the limit ended the drain".to_owned(),
            ((abandoned, trunks), _) => format!(
                "the limit ended the drain: {} without an answer ({trunks}); each is sent again or awaited, as its \
                 message wants",
                count(abandoned, "segment")
            ),
        };
        if let (calls @ 1.., trunks) = &hung_up {
            let were = if *calls == 1 { "was" } else { "were" };
            let _ = write!(words, "; {} {were} hung up ({trunks})", count(*calls, "call"));
        }
        let restless = self.trunks.iter().filter(|trunk| !trunk.rests);
        for trunk in restless {
            let left = match trunk.calls {
                None => "what it has on the wire is found as unknown at the next start".to_owned(),
                Some(calls) => {
                    format!("its carrier did not confirm the end of {}", count(calls.open, "call"))
                }
            };
            let _ = write!(words, "; trunk {} did not come to rest: {left}", trunk.trunk_id);
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
        let (unanswered, bound, rests) = (0, 0, true);
        TrunkProgress { trunk_id: name.into(), unanswered, queued, bound, rests, abandoned, calls: None }
    }

    fn with_calls(name: &str, open: u64, hung_up: u64) -> TrunkProgress {
        let calls = Some(CallProgress { open, hung_up });
        TrunkProgress { rests: open == 0, calls, ..trunk(name, 0, 0) }
    }

    #[test]
    fn calls_are_counted_and_hung_up_by_the_limit_or_because_that_was_asked() {
        let going = with_calls("ims", 3, 0);
        assert_eq!(TrunkProgress { bound: 1, ..going }.words(), "ims: 3 calls open, registered");
        let mut progress = Progress {
            trunks: vec![with_calls("ims", 0, 3), trunk("south", 0, 0)],
            done: true,
            ..Progress::default()
        };
        assert_eq!(
            progress.words(),
            "the limit ended the drain; 3 calls were hung up (ims 3); nothing is queued"
        );
        assert!(progress.ended_by_limit());
        progress.hangs_up = true;
        assert_eq!(
            progress.words(),
            "drained: all that was sent is answered; 3 calls were hung up (ims 3); nothing is queued"
        );
        assert!(!progress.ended_by_limit());
        progress.trunks = vec![with_calls("ims", 1, 1)];
        assert!(
            progress
                .words()
                .contains("trunk ims did not come to rest: its carrier did not confirm the end of 1 call")
        );
    }

    #[test]
    fn the_words_say_what_is_left_and_where() {
        let mut progress = Progress {
            trunks: vec![
                TrunkProgress { unanswered: 3, bound: 2, rests: false, ..trunk("north", 120, 0) },
                trunk("south", 0, 0),
            ],
            remaining: Duration::from_secs(24),
            ..Progress::default()
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
