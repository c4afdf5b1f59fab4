//! Why a call ended: one platform cause, and the evidence that it was drawn from.

use serde::{Deserialize, Serialize};

use super::FailureClass;

/// Why a call ended. One per call, whatever the carrier said in however many ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Cause {
    /// Answered, then cleared by a party.
    Normal,
    /// Given up by the platform or the caller before an answer.
    Cancelled,
    /// It rang, and nobody answered in time.
    NoAnswer,
    /// The user is busy.
    Busy,
    /// The callee declined.
    Rejected,
    /// No such number, or one that was changed.
    Unallocated,
    /// Powered off, or out of coverage.
    Unreachable,
    /// The line is barred or unpaid.
    Suspended,
    /// The number's form was refused, or it is incomplete.
    InvalidNumber,
    /// The caller or the call is not allowed.
    Barred,
    /// Our credentials were refused.
    AuthFailed,
    /// The carrier has no way there.
    NoRoute,
    /// The carrier is full, or our own limit with it is.
    Congestion,
    /// A fault of the carrier's.
    NetworkFailure,
    /// No response at all.
    Timeout,
    /// No connection to the carrier.
    Transport,
    /// No common codec, or the media were refused.
    Media,
    /// A message was not understood.
    Protocol,
    /// Redirected, and not followed.
    Redirected,
    /// Answered elsewhere.
    Elsewhere,
    /// After the answer: the session was not refreshed.
    SessionExpired,
    /// After the answer: media stopped.
    MediaTimeout,
    /// After the answer: the call was as long as it may be.
    MaxDuration,
    /// The daemon lost it: it was open when the process ended.
    Lost,
    /// None of these; the raw code stands beside it.
    Unknown,
}

/// Whether another trunk may help a call that ended without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere {
    /// It may.
    Yes,
    /// Where a policy says so.
    ByPolicy,
    /// It can't.
    No,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::Normal,
        Self::Cancelled,
        Self::NoAnswer,
        Self::Busy,
        Self::Rejected,
        Self::Unallocated,
        Self::Unreachable,
        Self::Suspended,
        Self::InvalidNumber,
        Self::Barred,
        Self::AuthFailed,
        Self::NoRoute,
        Self::Congestion,
        Self::NetworkFailure,
        Self::Timeout,
        Self::Transport,
        Self::Media,
        Self::Protocol,
        Self::Redirected,
        Self::Elsewhere,
        Self::SessionExpired,
        Self::MediaTimeout,
        Self::MaxDuration,
        Self::Lost,
        Self::Unknown,
    ];

    /// The name in metrics, logs and configurations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Cancelled => "cancelled",
            Self::NoAnswer => "no_answer",
            Self::Busy => "busy",
            Self::Rejected => "rejected",
            Self::Unallocated => "unallocated",
            Self::Unreachable => "unreachable",
            Self::Suspended => "suspended",
            Self::InvalidNumber => "invalid_number",
            Self::Barred => "barred",
            Self::AuthFailed => "auth_failed",
            Self::NoRoute => "no_route",
            Self::Congestion => "congestion",
            Self::NetworkFailure => "network_failure",
            Self::Timeout => "timeout",
            Self::Transport => "transport",
            Self::Media => "media",
            Self::Protocol => "protocol",
            Self::Redirected => "redirected",
            Self::Elsewhere => "elsewhere",
            Self::SessionExpired => "session_expired",
            Self::MediaTimeout => "media_timeout",
            Self::MaxDuration => "max_duration",
            Self::Lost => "lost",
            Self::Unknown => "unknown",
        }
    }

    /// Whether another trunk may help.
    #[must_use]
    pub fn elsewhere(self) -> Elsewhere {
        match self {
            Self::NoRoute | Self::Congestion | Self::NetworkFailure | Self::Timeout | Self::Transport => {
                Elsewhere::Yes
            }
            Self::Barred | Self::AuthFailed | Self::Media | Self::Redirected | Self::InvalidNumber => {
                Elsewhere::ByPolicy
            }
            _ => Elsewhere::No,
        }
    }

    /// The class that messages and calls share.
    #[must_use]
    pub fn class(self) -> FailureClass {
        match self {
            Self::Normal | Self::Cancelled | Self::Elsewhere | Self::MaxDuration => FailureClass::None,
            Self::NoAnswer => FailureClass::NoAnswer,
            Self::Busy => FailureClass::Busy,
            Self::Rejected => FailureClass::Declined,
            Self::Unallocated | Self::InvalidNumber => FailureClass::InvalidNumber,
            Self::Unreachable => FailureClass::AbsentSubscriber,
            Self::Suspended => FailureClass::SuspendedSubscriber,
            Self::Barred => FailureClass::SourceNotAllowed,
            Self::AuthFailed | Self::Redirected => FailureClass::CarrierPermanent,
            Self::NoRoute => FailureClass::RouteUnavailable,
            Self::Congestion => FailureClass::Congestion,
            Self::NetworkFailure | Self::Transport | Self::SessionExpired | Self::Lost => {
                FailureClass::Network
            }
            Self::Timeout => FailureClass::NoResponse,
            Self::Media | Self::MediaTimeout => FailureClass::Media,
            Self::Protocol => FailureClass::Protocol,
            Self::Unknown => FailureClass::Unmapped,
        }
    }

    /// The same call again can't succeed.
    #[must_use]
    pub fn is_permanent(self) -> bool {
        matches!(
            self,
            Self::Unallocated
                | Self::Suspended
                | Self::InvalidNumber
                | Self::Barred
                | Self::AuthFailed
                | Self::Media
                | Self::Protocol
        )
    }
}

/// Who ended a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HangupParty {
    /// Who called.
    Caller,
    /// Who was called.
    Callee,
    /// The platform: its word, a time limit, a drain.
    Platform,
    /// The carrier's network.
    Carrier,
    /// Nobody said: a timer, a broken connection, an instance that was lost.
    Lost,
}

/// What was said about a call's end, unchanged: the evidence for its [`Cause`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// The last SIP status that said something of the end; `None`: none did.
    pub sip_status: Option<u16>,
    /// Its reason phrase, as it came.
    pub phrase: String,
    /// The Q.850 cause of a Reason header.
    pub q850: Option<u8>,
    /// Reason values as they came or were sent, in both directions.
    pub reasons: Vec<String>,
    /// A Warning value as it came; empty: none.
    pub warning: String,
    /// Who ended it, as far as the wire tells.
    pub released_by: Option<HangupParty>,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_cause_has_a_name_of_its_own() {
        let names: HashSet<_> = Cause::ALL.iter().map(|cause| cause.name()).collect();
        assert_eq!(names.len(), Cause::ALL.len());
        assert!(names.iter().all(|name| {
            name.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'_' || octet.is_ascii_digit())
        }));
    }

    #[test]
    fn another_trunk_is_for_faults_of_the_carrier_only() {
        let helps = |wanted| -> Vec<_> {
            Cause::ALL.into_iter().filter(|cause| cause.elsewhere() == wanted).map(Cause::name).collect()
        };
        assert_eq!(
            helps(Elsewhere::Yes),
            ["no_route", "congestion", "network_failure", "timeout", "transport"]
        );
        assert_eq!(
            helps(Elsewhere::ByPolicy),
            ["invalid_number", "barred", "auth_failed", "media", "redirected"]
        );
    }
}
