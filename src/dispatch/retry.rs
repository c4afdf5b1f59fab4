//! What follows an outcome: the one place that decides whether a segment is sent again.

use std::time::Duration;

use crate::{
    domain::{AmbiguityPolicy, FailureClass, SegmentState, SubmitOutcome},
    store::NextStep,
};

/// First delay before a refused segment is sent again; doubles each time.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// Longest delay between two tries.
const LONGEST_DELAY: Duration = Duration::from_secs(300);

/// What follows an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// For the store.
    pub step: NextStep,
    /// How long a segment that is sent again waits first.
    pub delay: Duration,
    /// The carrier wants less: the account pauses.
    pub throttled: bool,
}

/// Decides what follows `outcome` of a try, `attempts` tries having gone before it.
#[must_use]
pub fn decide(
    outcome: &SubmitOutcome,
    attempts: u16,
    max_attempts: u16,
    ambiguity: AmbiguityPolicy,
) -> Decision {
    let done = |step| Decision { step, delay: Duration::ZERO, throttled: false };
    let last = attempts.saturating_add(1) >= max_attempts;
    match outcome {
        SubmitOutcome::Accepted { .. } => done(NextStep::Submitted),
        SubmitOutcome::NeverSent => done(NextStep::Again { duplicate: false }),
        SubmitOutcome::Unknown { .. } => match ambiguity {
            AmbiguityPolicy::Resubmit if !last => {
                Decision { delay: backoff(attempts), ..done(NextStep::Again { duplicate: true }) }
            }
            AmbiguityPolicy::Resubmit | AmbiguityPolicy::AwaitReport => done(NextStep::Await),
        },
        // Throttling is no failure of the message: it does not use up its tries, only its validity ends it.
        SubmitOutcome::Refused { status } if status.class == FailureClass::Throttled => {
            Decision { throttled: true, ..done(NextStep::Again { duplicate: false }) }
        }
        SubmitOutcome::Refused { status } if status.permanent || last => {
            done(NextStep::End(SegmentState::Rejected))
        }
        SubmitOutcome::Refused { .. } => {
            Decision { delay: backoff(attempts), ..done(NextStep::Again { duplicate: false }) }
        }
    }
}

fn backoff(attempts: u16) -> Duration {
    FIRST_DELAY.saturating_mul(1_u32 << attempts.min(16)).min(LONGEST_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CarrierStatus, UnknownCause};

    fn refused(class: FailureClass, permanent: bool) -> SubmitOutcome {
        SubmitOutcome::Refused { status: CarrierStatus::ours(class, permanent, "") }
    }

    #[test]
    fn every_outcome_has_its_step() {
        use AmbiguityPolicy::{AwaitReport, Resubmit};
        let unknown = SubmitOutcome::Unknown { cause: UnknownCause::TimedOut };
        let accepted = SubmitOutcome::Accepted { carrier_id: None };
        let rejected = NextStep::End(SegmentState::Rejected);
        let again = NextStep::Again { duplicate: false };
        let rows = [
            (accepted, 0, Resubmit, NextStep::Submitted, 0),
            (SubmitOutcome::NeverSent, 9, AwaitReport, again, 0),
            (unknown.clone(), 0, Resubmit, NextStep::Again { duplicate: true }, 1),
            (unknown.clone(), 2, Resubmit, NextStep::Await, 0),
            (unknown, 0, AwaitReport, NextStep::Await, 0),
            (refused(FailureClass::CarrierTemporary, false), 0, Resubmit, again, 1),
            (refused(FailureClass::CarrierTemporary, false), 1, Resubmit, again, 2),
            (refused(FailureClass::CarrierTemporary, false), 2, Resubmit, rejected, 0),
            (refused(FailureClass::InvalidNumber, true), 0, Resubmit, rejected, 0),
            (refused(FailureClass::Throttled, false), 40, Resubmit, again, 0),
        ];
        for (outcome, attempts, policy, step, seconds) in rows {
            let decision = decide(&outcome, attempts, 3, policy);
            assert_eq!(decision.step, step, "{outcome:?} after {attempts}");
            assert_eq!(decision.delay, Duration::from_secs(seconds), "{outcome:?} after {attempts}");
            let throttled = matches!(&outcome, SubmitOutcome::Refused { status } if status.class == FailureClass::Throttled);
            assert_eq!(decision.throttled, throttled);
        }
    }

    #[test]
    fn delays_are_bounded() {
        assert_eq!(backoff(u16::MAX), LONGEST_DELAY);
    }
}
