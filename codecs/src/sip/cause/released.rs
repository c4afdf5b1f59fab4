//! Which side ended a leg.

use super::{Direction, End, Evidence, Location, Own};

/// Which side ended a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReleasedBy {
    /// The one who called.
    Caller,
    /// The one who was called.
    Callee,
    /// A network on the way.
    Network,
    /// The platform, one of its limits, or our own drain.
    Us,
    /// The other leg of the call.
    OtherLeg,
    /// Nobody: a time ran out, the transport failed, media ceased or the process died.
    Lost,
}

impl ReleasedBy {
    /// The name in events and records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Caller => "CALLER",
            Self::Callee => "CALLEE",
            Self::Network => "NETWORK",
            Self::Us => "US",
            Self::OtherLeg => "OTHER_LEG",
            Self::Lost => "LOST",
        }
    }
}

/// Which side ended the leg.
#[must_use]
pub fn released_by(evidence: &Evidence) -> ReleasedBy {
    match evidence.own {
        Some(Own::HungUp | Own::RingTimeOver | Own::MaxDuration | Own::Drained | Own::Media) => {
            return ReleasedBy::Us;
        }
        Some(Own::OtherLeg { .. } | Own::Elsewhere) => return ReleasedBy::OtherLeg,
        Some(Own::SessionExpired | Own::MediaTimeout | Own::NoResponse | Own::Transport | Own::Lost) => {
            return ReleasedBy::Lost;
        }
        None => {}
    }
    match evidence.end {
        End::ByeReceived => match (evidence.location(), evidence.direction) {
            (Some(location), _) if location != Location::User => ReleasedBy::Network,
            (_, Direction::Outgoing) => ReleasedBy::Callee,
            (_, Direction::Incoming) => ReleasedBy::Caller,
        },
        End::CancelReceived => ReleasedBy::Caller,
        End::FinalReceived if is_the_users(evidence) => ReleasedBy::Callee,
        End::FinalReceived => ReleasedBy::Network,
        End::ByeSent | End::CancelSent | End::FinalSent => ReleasedBy::Us,
        End::Nothing => ReleasedBy::Lost,
    }
}

/// Whether a refusal is the callee's own.
fn is_the_users(evidence: &Evidence) -> bool {
    match (evidence.q850(), evidence.location()) {
        (Some(17 | 19 | 21), Some(Location::User)) => true,
        // The network says that it was the network.
        (Some(_), Some(_)) => false,
        _ => matches!(evidence.status, Some(486 | 600 | 603)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::cause::{Cause, Reason};

    fn of(direction: Direction, end: End, own: Option<Own>, status: Option<u16>, reason: &str) -> ReleasedBy {
        let reasons = Reason::parse_list(reason.as_bytes());
        released_by(&Evidence { own, status, reasons, ..Evidence::new(direction, end) })
    }

    #[test]
    fn the_peer_of_a_leg_is_its_callee_or_its_caller() {
        for (reason, outgoing, incoming) in [
            ("", ReleasedBy::Callee, ReleasedBy::Caller),
            ("Q.850;cause=16;location=U", ReleasedBy::Callee, ReleasedBy::Caller),
            ("Q.850;cause=38;location=TN", ReleasedBy::Network, ReleasedBy::Network),
        ] {
            assert_eq!(of(Direction::Outgoing, End::ByeReceived, None, None, reason), outgoing, "{reason}");
            assert_eq!(of(Direction::Incoming, End::ByeReceived, None, None, reason), incoming, "{reason}");
        }
        assert_eq!(of(Direction::Incoming, End::CancelReceived, None, Some(487), ""), ReleasedBy::Caller);
    }

    #[test]
    fn a_refusal_is_the_callees_or_the_networks() {
        for (status, reason, wanted) in [
            (486, "", ReleasedBy::Callee),
            (600, "", ReleasedBy::Callee),
            (603, "", ReleasedBy::Callee),
            (480, "Q.850;cause=17;location=U", ReleasedBy::Callee),
            (480, "Q.850;cause=19;location=U", ReleasedBy::Callee),
            (403, "Q.850;cause=21;location=U", ReleasedBy::Callee),
            (480, "Q.850;cause=17", ReleasedBy::Network),
            (486, "Q.850;cause=17;location=RLN", ReleasedBy::Network),
            (404, "", ReleasedBy::Network),
            (503, "Q.850;cause=34;location=U", ReleasedBy::Network),
        ] {
            let released = of(Direction::Outgoing, End::FinalReceived, None, Some(status), reason);
            assert_eq!(released, wanted, "{status} {reason}");
        }
    }

    #[test]
    fn what_our_side_did_is_ours_the_other_legs_or_nobodys() {
        let other = Own::OtherLeg { cause: Cause::Normal, status: None, q850: None };
        for (own, wanted) in [
            (Own::HungUp, ReleasedBy::Us),
            (Own::MaxDuration, ReleasedBy::Us),
            (Own::Drained, ReleasedBy::Us),
            (Own::RingTimeOver, ReleasedBy::Us),
            (other, ReleasedBy::OtherLeg),
            (Own::SessionExpired, ReleasedBy::Lost),
            (Own::MediaTimeout, ReleasedBy::Lost),
            (Own::Transport, ReleasedBy::Lost),
            (Own::NoResponse, ReleasedBy::Lost),
            (Own::Lost, ReleasedBy::Lost),
        ] {
            assert_eq!(of(Direction::Outgoing, End::ByeSent, Some(own), None, ""), wanted, "{own:?}");
        }
        assert_eq!(of(Direction::Outgoing, End::CancelSent, None, None, ""), ReleasedBy::Us);
        assert_eq!(of(Direction::Incoming, End::FinalSent, None, Some(486), ""), ReleasedBy::Us);
        assert_eq!(of(Direction::Outgoing, End::Nothing, None, None, ""), ReleasedBy::Lost);
    }
}
