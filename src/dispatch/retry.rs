//! What follows an outcome: the one place that decides whether a segment is sent again.

use std::time::Duration;

use crate::{
    domain::{AmbiguityPolicy, Reaction, SegmentState, SubmitOutcome},
    store::NextStep,
};

/// First delay before a refused segment is sent again; doubles each time.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// Longest delay between two tries.
const LONGEST_DELAY: Duration = Duration::from_secs(300);
/// First wait for room at one recipient; doubles each time.
const FIRST_WAIT: Duration = Duration::from_secs(30);
/// Longest wait for room at one recipient.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// What follows an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// For the store.
    pub step: NextStep,
    /// How long a segment that is sent again waits first.
    pub delay: Duration,
    /// Who waits besides the segment.
    pub pause: Pause,
}

/// Who waits because of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// The segment alone.
    Nobody,
    /// Everything for its recipient.
    Recipient,
    /// The account.
    Account,
}

/// What may still be tried with a segment.
#[derive(Debug, Clone, Copy)]
pub struct Chances {
    /// Tries before this one.
    pub attempts: u16,
    /// Tries in all.
    pub max_attempts: u16,
    /// What the message wants when nobody knows.
    pub ambiguity: AmbiguityPolicy,
    /// Another trunk could take the message.
    pub elsewhere: bool,
}

/// Decides what follows `outcome` of a try.
#[must_use]
pub fn decide(outcome: &SubmitOutcome, chances: &Chances) -> Decision {
    let done = |step| Decision { step, delay: Duration::ZERO, pause: Pause::Nobody };
    let again = |delay| Decision { delay, ..done(NextStep::Again { duplicate: false }) };
    let rejected = done(NextStep::End(SegmentState::Rejected));
    let attempts = chances.attempts;
    let last = attempts.saturating_add(1) >= chances.max_attempts;
    match outcome {
        SubmitOutcome::Accepted { .. } => done(NextStep::Submitted),
        SubmitOutcome::NeverSent => again(Duration::ZERO),
        SubmitOutcome::Unknown { .. } => match chances.ambiguity {
            AmbiguityPolicy::Resubmit if !last => Decision {
                delay: doubling(FIRST_DELAY, attempts, LONGEST_DELAY),
                ..done(NextStep::Again { duplicate: true })
            },
            AmbiguityPolicy::Resubmit | AmbiguityPolicy::AwaitReport => done(NextStep::Await),
        },
        SubmitOutcome::Refused { reaction, .. } => match reaction {
            // Neither is a failure of the message: they do not use up its tries, only its validity ends it.
            Reaction::SlowDown => Decision { pause: Pause::Account, ..again(Duration::ZERO) },
            Reaction::NoRoom(delay) => {
                let delay = delay.unwrap_or_else(|| doubling(FIRST_WAIT, attempts, LONGEST_WAIT));
                Decision { pause: Pause::Recipient, ..again(delay) }
            }
            Reaction::Later(_) if last => rejected,
            Reaction::Later(delay) => {
                again(delay.unwrap_or_else(|| doubling(FIRST_DELAY, attempts, LONGEST_DELAY)))
            }
            Reaction::Elsewhere if chances.elsewhere && !last => again(Duration::ZERO),
            Reaction::Elsewhere | Reaction::Never => rejected,
        },
    }
}

fn doubling(first: Duration, attempts: u16, longest: Duration) -> Duration {
    first.saturating_mul(1_u32 << attempts.min(16)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CarrierStatus, FailureClass, UnknownCause};

    fn refused(reaction: Reaction) -> SubmitOutcome {
        let status = CarrierStatus::ours(FailureClass::Unmapped, reaction.is_permanent(), "");
        SubmitOutcome::Refused { status, reaction }
    }

    #[test]
    fn every_outcome_has_its_step() {
        use AmbiguityPolicy::{AwaitReport, Resubmit};
        let unknown = SubmitOutcome::Unknown { cause: UnknownCause::TimedOut };
        let accepted = SubmitOutcome::Accepted { carrier_id: None };
        let rejected = NextStep::End(SegmentState::Rejected);
        let again = NextStep::Again { duplicate: false };
        let later = refused(Reaction::Later(None));
        let (nobody, recipient, account) = (Pause::Nobody, Pause::Recipient, Pause::Account);
        let rows = [
            (accepted, 0, Resubmit, NextStep::Submitted, 0, nobody),
            (SubmitOutcome::NeverSent, 9, AwaitReport, again, 0, nobody),
            (unknown.clone(), 0, Resubmit, NextStep::Again { duplicate: true }, 1, nobody),
            (unknown.clone(), 2, Resubmit, NextStep::Await, 0, nobody),
            (unknown, 0, AwaitReport, NextStep::Await, 0, nobody),
            (later.clone(), 0, Resubmit, again, 1, nobody),
            (later.clone(), 1, Resubmit, again, 2, nobody),
            (later, 2, Resubmit, rejected, 0, nobody),
            (refused(Reaction::Later(Some(Duration::from_secs(7)))), 1, Resubmit, again, 7, nobody),
            (refused(Reaction::Never), 0, Resubmit, rejected, 0, nobody),
            (refused(Reaction::Elsewhere), 0, Resubmit, rejected, 0, nobody),
            (refused(Reaction::SlowDown), 40, Resubmit, again, 0, account),
            (refused(Reaction::NoRoom(None)), 0, Resubmit, again, 30, recipient),
            (refused(Reaction::NoRoom(None)), 40, Resubmit, again, 600, recipient),
        ];
        for (outcome, attempts, ambiguity, step, seconds, pause) in rows {
            let chances = Chances { attempts, max_attempts: 3, ambiguity, elsewhere: false };
            let wanted = Decision { step, delay: Duration::from_secs(seconds), pause };
            assert_eq!(decide(&outcome, &chances), wanted, "{outcome:?} after {attempts}");
        }
    }

    #[test]
    fn what_one_trunk_refuses_for_good_another_may_take() {
        let chances =
            Chances { attempts: 0, max_attempts: 3, ambiguity: AmbiguityPolicy::Resubmit, elsewhere: true };
        let again = NextStep::Again { duplicate: false };
        assert_eq!(decide(&refused(Reaction::Elsewhere), &chances).step, again);
        let rejected = NextStep::End(SegmentState::Rejected);
        assert_eq!(decide(&refused(Reaction::Never), &chances).step, rejected);
    }

    #[test]
    fn delays_are_bounded() {
        assert_eq!(doubling(FIRST_DELAY, u16::MAX, LONGEST_DELAY), LONGEST_DELAY);
    }
}
