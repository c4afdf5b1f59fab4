//! How a call ends: the cause where we ended it ourselves, the final state of a cause, and who ended it. Pure.

use crate::{
    domain::{CallState, Cause, Evidence, HangupParty},
    trunk::calls::HangupWhy,
};

/// Why we end a call ourselves. The first reason stays: what comes later ends nothing any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Own {
    /// A word of the platform, a time limit, the daemon's end.
    Hangup(HangupWhy),
    /// The platform refused an incoming call.
    Rejected,
    /// Nobody answered an incoming call in time.
    Unanswered,
    /// It found no place on any trunk in time.
    NoPlace(Cause),
}

/// What had happened to a call when it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// It was answered.
    pub answered: bool,
    /// Something beyond 100 was heard of it.
    pub progressed: bool,
}

/// The cause of an end: our own act goes before everything that the carrier says.
#[must_use]
pub fn cause(own: Option<&Own>, reached: Reached, said: Cause) -> Cause {
    match own {
        None => said,
        Some(Own::NoPlace(cause)) => *cause,
        Some(Own::Rejected) => Cause::Rejected,
        Some(Own::Unanswered) => Cause::NoAnswer,
        Some(Own::Hangup(why)) => match (why, reached.answered) {
            // The answer crossed our CANCEL: given up, though the carrier bills it.
            (_, true) if said == Cause::Cancelled => Cause::Cancelled,
            (HangupWhy::MaxDuration, true) => Cause::MaxDuration,
            (_, true) => Cause::Normal,
            (HangupWhy::RingTimeout, false) if reached.progressed => Cause::NoAnswer,
            (HangupWhy::RingTimeout | HangupWhy::PostDialDelay, false) => Cause::Timeout,
            (HangupWhy::Platform(_) | HangupWhy::Drain | HangupWhy::MaxDuration, false) => Cause::Cancelled,
        },
    }
}

/// The final state that a cause means.
#[must_use]
pub fn final_state(cause: Cause, reached: Reached) -> CallState {
    match cause {
        Cause::Lost => CallState::Lost,
        _ if reached.answered => CallState::Completed,
        Cause::Busy => CallState::Busy,
        Cause::NoAnswer => CallState::NoAnswer,
        Cause::Unreachable if reached.progressed => CallState::NoAnswer,
        Cause::Rejected | Cause::Barred => CallState::Rejected,
        Cause::Cancelled => CallState::Canceled,
        _ => CallState::Failed,
    }
}

/// Who ended it.
#[must_use]
pub fn hangup_party(own: Option<&Own>, evidence: &Evidence) -> HangupParty {
    match own {
        Some(_) => HangupParty::Platform,
        None => evidence.released_by.unwrap_or(HangupParty::Lost),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Reached = Reached { answered: false, progressed: false };
    const RANG: Reached = Reached { answered: false, progressed: true };
    const ANSWERED: Reached = Reached { answered: true, progressed: true };

    fn hangup(why: HangupWhy) -> Option<Own> {
        Some(Own::Hangup(why))
    }

    #[test]
    fn our_own_act_goes_before_what_the_carrier_says() {
        let platform = || HangupWhy::Platform(String::new());
        let table = [
            (None, RANG, Cause::Busy, Cause::Busy),
            (None, ANSWERED, Cause::Normal, Cause::Normal),
            (hangup(platform()), NOTHING, Cause::Unknown, Cause::Cancelled),
            (hangup(platform()), RANG, Cause::Busy, Cause::Cancelled),
            (hangup(platform()), ANSWERED, Cause::Normal, Cause::Normal),
            (hangup(platform()), ANSWERED, Cause::Cancelled, Cause::Cancelled),
            (hangup(HangupWhy::RingTimeout), ANSWERED, Cause::Cancelled, Cause::Cancelled),
            (hangup(HangupWhy::RingTimeout), RANG, Cause::Cancelled, Cause::NoAnswer),
            (hangup(HangupWhy::RingTimeout), NOTHING, Cause::Cancelled, Cause::Timeout),
            (hangup(HangupWhy::MaxDuration), ANSWERED, Cause::Normal, Cause::MaxDuration),
            (hangup(HangupWhy::Drain), RANG, Cause::Cancelled, Cause::Cancelled),
            (hangup(HangupWhy::Drain), ANSWERED, Cause::Normal, Cause::Normal),
            (Some(Own::Rejected), NOTHING, Cause::Unknown, Cause::Rejected),
            (Some(Own::Unanswered), RANG, Cause::Unknown, Cause::NoAnswer),
            (Some(Own::NoPlace(Cause::Congestion)), NOTHING, Cause::Unknown, Cause::Congestion),
        ];
        for (own, reached, said, expected) in table {
            assert_eq!(cause(own.as_ref(), reached, said), expected, "{own:?} {reached:?}");
        }
    }

    #[test]
    fn every_cause_has_its_coarse_state() {
        for cause in Cause::ALL {
            let lost = cause == Cause::Lost;
            let after = if lost { CallState::Lost } else { CallState::Completed };
            assert_eq!(final_state(cause, ANSWERED), after, "{}", cause.name());
            let before = match cause {
                Cause::Lost => CallState::Lost,
                Cause::Busy => CallState::Busy,
                Cause::NoAnswer | Cause::Unreachable => CallState::NoAnswer,
                Cause::Rejected | Cause::Barred => CallState::Rejected,
                Cause::Cancelled => CallState::Canceled,
                _ => CallState::Failed,
            };
            assert_eq!(final_state(cause, RANG), before, "{}", cause.name());
        }
        assert_eq!(final_state(Cause::Unreachable, NOTHING), CallState::Failed);
    }

    #[test]
    fn who_ended_it_is_us_if_we_did_and_nobody_if_nobody_says() {
        let said = Evidence { released_by: Some(HangupParty::Callee), ..Evidence::default() };
        assert_eq!(hangup_party(None, &said), HangupParty::Callee);
        assert_eq!(hangup_party(Some(&Own::Rejected), &said), HangupParty::Platform);
        assert_eq!(hangup_party(None, &Evidence::default()), HangupParty::Lost);
    }
}
