//! What was seen when a leg ended, and the one function that reads a cause out of it.

use std::time::Duration;

use super::{Cause, Location, Means, Protocol, Reason, Warning, q850, status};

/// Who placed the call of a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// We called: the peer is the callee.
    Outgoing,
    /// The peer called.
    Incoming,
}

/// What on the wire ended a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// The peer's BYE.
    ByeReceived,
    /// Our BYE.
    ByeSent,
    /// The peer's CANCEL.
    CancelReceived,
    /// Our CANCEL.
    CancelSent,
    /// The peer's final response of 300 to 699, to the INVITE or to a later request that ends the dialog.
    FinalReceived,
    /// Our final response of 300 to 699.
    FinalSent,
    /// No message: a time ran out, the transport failed or the process died.
    Nothing,
}

/// What our side did of itself that ended a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Own {
    /// The platform hung up: after the answer, or it gave up before it.
    HungUp,
    /// Nobody answered within the ring time.
    RingTimeOver,
    /// The other leg of the call ended.
    OtherLeg {
        /// Why that leg ended.
        cause: Cause,
        /// The SIP status that it ended with.
        status: Option<u16>,
        /// The Q.850 cause that it ended with.
        q850: Option<u8>,
    },
    /// Another leg that rang for the same call was answered.
    Elsewhere,
    /// The limit of talk time.
    MaxDuration,
    /// Nobody refreshed the session.
    SessionExpired,
    /// No media for too long.
    MediaTimeout,
    /// The process is about to stop.
    Drained,
    /// The answer had no media description, or none that we can take.
    Media,
    /// The peer did not answer a request, or did not confirm our answer.
    NoResponse,
    /// The peer could not be reached.
    Transport,
    /// A crash: what became of the leg is not known.
    Lost,
}

/// Everything that was seen when a leg ended, raw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Who placed the call.
    pub direction: Direction,
    /// What on the wire ended it.
    pub end: End,
    /// What our side did of itself that ended it; `None`: the peer's side ended it, or the platform refused the call.
    pub own: Option<Own>,
    /// Whether a 2xx was received or sent, even if the call ended at once.
    pub answered: bool,
    /// The time from the first 180 or 183 to the end or the answer; `None` without one.
    pub progress: Option<Duration>,
    /// The time from the first 180 to the end or the answer; `None` without one.
    pub ringing: Option<Duration>,
    /// The final status, received or sent.
    pub status: Option<u16>,
    /// The reason phrase beside the status, as it came.
    pub phrase: String,
    /// The values of Reason in the message that ended it.
    pub reasons: Vec<Reason>,
    /// The values of Warning in that message.
    pub warnings: Vec<Warning>,
}

/// How a trunk's evidence is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// A Q.850 cause that says something of its own comes before the SIP status.
    pub q850_first: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { q850_first: true }
    }
}

impl Evidence {
    /// A leg that ended so; the caller adds what else it saw.
    #[must_use]
    pub fn new(direction: Direction, end: End) -> Self {
        Self {
            direction,
            end,
            own: None,
            answered: false,
            progress: None,
            ringing: None,
            status: None,
            phrase: String::new(),
            reasons: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// An outgoing leg that was refused with this status before anything rang.
    #[must_use]
    pub fn refused(status: u16) -> Self {
        Self { status: Some(status), ..Self::new(Direction::Outgoing, End::FinalReceived) }
    }

    /// The Q.850 cause that came with the end.
    #[must_use]
    pub fn q850(&self) -> Option<u8> {
        self.cause_of(Protocol::Q850).and_then(|cause| u8::try_from(cause).ok())
    }

    /// Where in the network that Q.850 cause was made.
    #[must_use]
    pub fn location(&self) -> Option<Location> {
        self.reasons.iter().find(|reason| reason.protocol == Protocol::Q850)?.location
    }

    fn cause_of(&self, protocol: Protocol) -> Option<u16> {
        self.reasons.iter().filter(|reason| reason.protocol == protocol).find_map(|reason| reason.cause)
    }

    /// What an entry of one of the tables says of this leg; `None` leaves the word to what comes next in the order.
    fn read(&self, means: Means) -> Option<Cause> {
        // What rang before an answer says nothing about what came after it.
        let (has_progress, has_rung) = match self.answered {
            true => (false, false),
            false => (self.progress.or(self.ringing).is_some(), self.ringing.is_some()),
        };
        match means {
            Means::Always(cause) => Some(cause),
            Means::AfterProgress(yes, no) => Some(if has_progress { yes } else { no }),
            Means::AfterRinging(yes, no) => Some(if has_rung { yes } else { no }),
            Means::AfterLongRinging(yes, no) => {
                let ringing = self.ringing.filter(|_| has_rung);
                let is_most = ringing.is_some_and(|time| time * 2 >= self.progress.unwrap_or(time));
                Some(if is_most { yes } else { no })
            }
            Means::Declined => Some(match (self.location(), self.status) {
                (Some(Location::User), _) | (None, Some(603)) => Cause::Rejected,
                _ => Cause::Barred,
            }),
            Means::ByStatus(_) => None,
        }
    }
}

/// Why a leg ended, in the platform's word.
#[must_use]
pub fn decide(evidence: &Evidence, policy: &Policy) -> Cause {
    if let Some(own) = evidence.own {
        return of_own(own, evidence);
    }
    let sip_reason = evidence.cause_of(Protocol::Sip);
    if evidence.end == End::CancelReceived && sip_reason == Some(200) {
        return Cause::Elsewhere;
    }
    let q850 = evidence.q850().and_then(q850::means);
    let specific = q850.filter(|_| policy.q850_first).and_then(|means| evidence.read(means));
    let by_status = || match evidence.end {
        // A status of ours that answered the peer's CANCEL, or none at all: the message itself has no status.
        End::CancelReceived | End::ByeReceived => None,
        _ => evidence.status.and_then(status::means).and_then(|means| evidence.read(means)),
    };
    let by_sip_reason = || match sip_reason? {
        // RFC 4028 §10 has it in the BYE of the side that watched.
        408 if evidence.answered => Some(Cause::SessionExpired),
        487 if evidence.end == End::CancelReceived => Some(Cause::Cancelled),
        status => status::means(status).and_then(|means| evidence.read(means)),
    };
    specific.or_else(by_status).or_else(by_sip_reason).unwrap_or_else(|| silent(evidence, q850))
}

/// The cause of a leg that our side ended.
fn of_own(own: Own, evidence: &Evidence) -> Cause {
    match own {
        // A CANCEL that an answer crossed still gave the call up, though the carrier bills it.
        Own::HungUp | Own::RingTimeOver | Own::Drained | Own::OtherLeg { .. }
            if evidence.answered && evidence.end == End::CancelSent =>
        {
            Cause::Cancelled
        }
        Own::HungUp | Own::Drained | Own::OtherLeg { .. } if evidence.answered => Cause::Normal,
        // The incoming leg of a call gets what became of its outgoing leg; an outgoing one was given up for the other.
        Own::OtherLeg { cause, .. } if evidence.direction == Direction::Incoming => cause,
        Own::HungUp | Own::Drained | Own::OtherLeg { .. } => Cause::Cancelled,
        Own::Elsewhere => Cause::Elsewhere,
        // Only a 100, or not even that: nobody can have failed to answer.
        Own::RingTimeOver if evidence.progress.or(evidence.ringing).is_none() => Cause::Timeout,
        Own::RingTimeOver => Cause::NoAnswer,
        Own::MaxDuration => Cause::MaxDuration,
        Own::SessionExpired => Cause::SessionExpired,
        Own::MediaTimeout => Cause::MediaTimeout,
        Own::Media => Cause::Media,
        Own::NoResponse => Cause::Timeout,
        Own::Transport => Cause::Transport,
        Own::Lost => Cause::Lost,
    }
}

/// The cause of an end for which nothing speaks but the message itself and perhaps an unspecific Q.850 cause.
fn silent(evidence: &Evidence, q850: Option<Means>) -> Cause {
    match (evidence.end, evidence.q850(), q850) {
        (End::CancelReceived, ..) => Cause::Cancelled,
        (End::ByeReceived | End::ByeSent, None | Some(16 | 31), _) => match evidence.answered {
            true => Cause::Normal,
            // A BYE within an early dialog gives the call up as a CANCEL does.
            false => Cause::Cancelled,
        },
        (_, _, Some(Means::ByStatus(cause))) => cause,
        // The trunk's flag put it last; it still says more than nothing.
        (_, _, Some(means)) => evidence.read(means).unwrap_or(Cause::Unknown),
        (_, _, None) if evidence.answered => Cause::Normal,
        (_, _, None) => Cause::Unknown,
    }
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
