//! Why a leg ended: from what was seen on the wire to the platform's word, and back to what we write ourselves.
//!
//! The evidence is kept raw ([`Evidence`]); [`decide`] reads it in one order:
//! 1. what our side did of itself: it knows best;
//! 2. a CANCEL that says "answered elsewhere";
//! 3. a Q.850 cause that says something of its own;
//! 4. the SIP status;
//! 5. a SIP status inside a Reason.
//!
//! # Why a Q.850 cause comes before the status
//! Gateways send 486 with cause 16, 480 with cause 17, 503 with 34 or 38. What is specific tells more than the status that
//! some box on the way chose for it. A trunk whose causes are noise turns this off ([`Policy::q850_first`]).

mod evidence;
mod own;
mod q850;
mod reason;
mod released;
mod status;
mod warning;

pub use evidence::{Direction, End, Evidence, Own, Policy, decide};
pub use own::reasons;
pub use q850::{name as q850_name, to_status as status_of_q850};
pub use reason::{Location, Protocol, Reason};
pub use released::{ReleasedBy, released_by};
pub use status::to_q850 as q850_of_status;
pub use warning::Warning;

/// The platform's word for why a leg ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// Answered, then cleared by a party.
    Normal,
    /// Given up by the platform or the caller before the answer.
    Cancelled,
    /// It rang and nobody answered in time.
    NoAnswer,
    /// The user is busy.
    Busy,
    /// The callee declined.
    Rejected,
    /// There is no such number, or not any more.
    Unallocated,
    /// Powered off, out of coverage, nobody there.
    Unreachable,
    /// The callee's line is barred or unpaid.
    Suspended,
    /// The form of the number was refused.
    InvalidNumber,
    /// The caller's number or the call itself is not allowed.
    Barred,
    /// Our credentials were refused.
    AuthFailed,
    /// The carrier has no way there.
    NoRoute,
    /// The carrier's limit or ours is full.
    Congestion,
    /// A fault of the carrier.
    NetworkFailure,
    /// No response at all.
    Timeout,
    /// No connection.
    Transport,
    /// No common codec, or media were refused.
    Media,
    /// A message was not understood.
    Protocol,
    /// Sent elsewhere by a 3xx that was not followed.
    Redirected,
    /// Answered at another place.
    Elsewhere,
    /// After the answer: nobody refreshed the session in time.
    SessionExpired,
    /// After the answer: no media for too long.
    MediaTimeout,
    /// After the answer: the limit of talk time.
    MaxDuration,
    /// Our process lost the leg.
    Lost,
    /// None of these; the raw code is in the evidence.
    Unknown,
}

/// How a leg that ended looks to a model with few states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coarse {
    /// It was answered.
    Completed,
    /// The callee was busy.
    Busy,
    /// Nobody answered.
    NoAnswer,
    /// Declined or not allowed.
    Rejected,
    /// Given up before the answer.
    Cancelled,
    /// Any other cause without an answer.
    Failed,
}

/// Every cause and its name.
const CAUSES: [(Cause, &str); 25] = [
    (Cause::Normal, "NORMAL"),
    (Cause::Cancelled, "CANCELLED"),
    (Cause::NoAnswer, "NO_ANSWER"),
    (Cause::Busy, "BUSY"),
    (Cause::Rejected, "REJECTED"),
    (Cause::Unallocated, "UNALLOCATED"),
    (Cause::Unreachable, "UNREACHABLE"),
    (Cause::Suspended, "SUSPENDED"),
    (Cause::InvalidNumber, "INVALID_NUMBER"),
    (Cause::Barred, "BARRED"),
    (Cause::AuthFailed, "AUTH_FAILED"),
    (Cause::NoRoute, "NO_ROUTE"),
    (Cause::Congestion, "CONGESTION"),
    (Cause::NetworkFailure, "NETWORK_FAILURE"),
    (Cause::Timeout, "TIMEOUT"),
    (Cause::Transport, "TRANSPORT"),
    (Cause::Media, "MEDIA"),
    (Cause::Protocol, "PROTOCOL"),
    (Cause::Redirected, "REDIRECTED"),
    (Cause::Elsewhere, "ELSEWHERE"),
    (Cause::SessionExpired, "SESSION_EXPIRED"),
    (Cause::MediaTimeout, "MEDIA_TIMEOUT"),
    (Cause::MaxDuration, "MAX_DURATION"),
    (Cause::Lost, "LOST"),
    (Cause::Unknown, "UNKNOWN"),
];

impl Cause {
    /// Every cause.
    pub fn all() -> impl Iterator<Item = Self> {
        CAUSES.iter().map(|(cause, _)| *cause)
    }

    /// The name in events and records, e.g. `NO_ANSWER`.
    #[must_use]
    pub fn name(self) -> &'static str {
        CAUSES.iter().find(|(cause, _)| *cause == self).map_or("", |(_, name)| name)
    }

    /// The cause of this name, as [`Cause::name`] writes it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        CAUSES.iter().find(|(_, known)| *known == name).map(|(cause, _)| *cause)
    }

    /// How a leg that ended for this cause looks to a coarse model. `rang` tells the powered-off phone, which failed, from
    /// the one that nobody took.
    #[must_use]
    pub fn coarse(self, answered: bool, rang: bool) -> Coarse {
        match self {
            _ if answered => Coarse::Completed,
            Self::Busy => Coarse::Busy,
            Self::NoAnswer => Coarse::NoAnswer,
            Self::Unreachable if rang => Coarse::NoAnswer,
            Self::Rejected | Self::Barred => Coarse::Rejected,
            Self::Cancelled => Coarse::Cancelled,
            _ => Coarse::Failed,
        }
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What a code in one of the tables says, which may depend on what else happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Means {
    /// This, whatever else happened.
    Always(Cause),
    /// The first after a 180 or 183, else the second.
    AfterProgress(Cause, Cause),
    /// The first after a 180, else the second.
    AfterRinging(Cause, Cause),
    /// The first if a 180 stood for most of the ring time, else the second.
    AfterLongRinging(Cause, Cause),
    /// What the SIP status says; this if there is none.
    ByStatus(Cause),
    /// Q.850 21: the user's own word, or the network's?
    Declined,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_a_name_that_comes_back() {
        for cause in Cause::all() {
            assert_eq!(Cause::named(cause.name()), Some(cause));
            assert_eq!(cause.to_string(), cause.name());
        }
        assert_eq!(Cause::named("normal"), None);
        assert_eq!(Cause::all().collect::<std::collections::BTreeSet<_>>().len(), CAUSES.len());
    }

    #[test]
    fn an_answer_makes_every_end_a_completed_call_to_a_coarse_model() {
        assert!(Cause::all().all(|cause| cause.coarse(true, true) == Coarse::Completed));
        for (cause, rang, coarse) in [
            (Cause::Busy, false, Coarse::Busy),
            (Cause::NoAnswer, true, Coarse::NoAnswer),
            (Cause::Unreachable, true, Coarse::NoAnswer),
            (Cause::Unreachable, false, Coarse::Failed),
            (Cause::Rejected, true, Coarse::Rejected),
            (Cause::Barred, false, Coarse::Rejected),
            (Cause::Cancelled, true, Coarse::Cancelled),
            (Cause::Congestion, false, Coarse::Failed),
            (Cause::Unknown, true, Coarse::Failed),
        ] {
            assert_eq!(cause.coarse(false, rang), coarse, "{cause}");
        }
    }
}
