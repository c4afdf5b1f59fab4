//! What came of one try on one trunk, and what a status means.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{CarrierId, Cause, Evidence};

/// Who produced a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StatusSource {
    /// Refused or timed out here.
    Daemon,
    /// The carrier's answer to a submit.
    CarrierResponse,
    /// The carrier's report.
    CarrierReport,
    /// A person in operations.
    Operator,
}

/// Normalised reason; the raw code always travels beside it. The classes are the API's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the API's enum documents each")]
pub enum FailureClass {
    None,
    InvalidNumber,
    AbsentSubscriber,
    SuspendedSubscriber,
    Handset,
    RecipientBlocked,
    ContentRejected,
    SignatureUnregistered,
    SourceNotAllowed,
    FrequencyLimited,
    TimeWindow,
    Throttled,
    RouteUnavailable,
    CarrierTemporary,
    CarrierPermanent,
    Expired,
    Protocol,
    Unmapped,
    Congestion,
    Network,
    NoResponse,
    Busy,
    NoAnswer,
    Declined,
    Media,
}

impl FailureClass {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::None,
        Self::InvalidNumber,
        Self::AbsentSubscriber,
        Self::SuspendedSubscriber,
        Self::Handset,
        Self::RecipientBlocked,
        Self::ContentRejected,
        Self::SignatureUnregistered,
        Self::SourceNotAllowed,
        Self::FrequencyLimited,
        Self::TimeWindow,
        Self::Throttled,
        Self::RouteUnavailable,
        Self::CarrierTemporary,
        Self::CarrierPermanent,
        Self::Expired,
        Self::Protocol,
        Self::Unmapped,
        Self::Congestion,
        Self::Network,
        Self::NoResponse,
        Self::Busy,
        Self::NoAnswer,
        Self::Declined,
        Self::Media,
    ];

    /// The label in metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::InvalidNumber => "invalid_number",
            Self::AbsentSubscriber => "absent_subscriber",
            Self::SuspendedSubscriber => "suspended_subscriber",
            Self::Handset => "handset",
            Self::RecipientBlocked => "recipient_blocked",
            Self::ContentRejected => "content_rejected",
            Self::SignatureUnregistered => "signature_unregistered",
            Self::SourceNotAllowed => "source_not_allowed",
            Self::FrequencyLimited => "frequency_limited",
            Self::TimeWindow => "time_window",
            Self::Throttled => "throttled",
            Self::RouteUnavailable => "route_unavailable",
            Self::CarrierTemporary => "carrier_temporary",
            Self::CarrierPermanent => "carrier_permanent",
            Self::Expired => "expired",
            Self::Protocol => "protocol",
            Self::Unmapped => "unmapped",
            Self::Congestion => "congestion",
            Self::Network => "network",
            Self::NoResponse => "no_response",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Declined => "declined",
            Self::Media => "media",
        }
    }
}

/// Who must act on a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// The request was wrong.
    Platform,
    /// The carrier refused or failed.
    Carrier,
    /// We did.
    Us,
}

/// A status in three layers: who said it, what it means, and the carrier's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarrierStatus {
    /// Who said it.
    pub source: StatusSource,
    /// What it means.
    pub class: FailureClass,
    /// Trying again can't help.
    pub permanent: bool,
    /// Whose code it is: `smpp34`, `cmpp20`, …, `sip`, `q850`; empty when we said it.
    pub protocol: String,
    /// command_status, Result, decimal; empty when there is none.
    pub raw_code: String,
    /// Stat, err, e.g. `DELIVRD`, `MK:0005`; unchanged.
    pub raw_text: String,
}

impl CarrierStatus {
    /// A status of our own making.
    #[must_use]
    pub fn ours(class: FailureClass, permanent: bool, text: impl Into<String>) -> Self {
        Self {
            source: StatusSource::Daemon,
            class,
            permanent,
            protocol: String::new(),
            raw_code: String::new(),
            raw_text: text.into(),
        }
    }

    /// Why a call ended or a try of it failed: the carrier's status and phrase, else its Q.850 cause, else ours.
    #[must_use]
    pub fn of_call(cause: Cause, evidence: &Evidence) -> Self {
        let Evidence { sip_status, phrase, q850, .. } = evidence;
        let (source, protocol, raw_code, raw_text) = match (sip_status, q850) {
            (Some(status), _) => (StatusSource::CarrierResponse, "sip", status.to_string(), phrase.clone()),
            (None, Some(cause)) => (StatusSource::CarrierReport, "q850", cause.to_string(), phrase.clone()),
            (None, None) => (StatusSource::Daemon, "", String::new(), cause.name().to_owned()),
        };
        let (class, permanent, protocol) = (cause.class(), cause.is_permanent(), protocol.to_owned());
        Self { source, class, permanent, protocol, raw_code, raw_text }
    }
}

/// What a refusal asks of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reaction {
    /// The account is too fast: it pauses, and what was refused goes first afterwards.
    SlowDown,
    /// There is no room, as a rule for one recipient: what is for it waits so long, or longer with each try, and the
    /// rest goes on.
    NoRoom(Option<Duration>),
    /// It failed in passing: again after this delay, or after one that grows with each try.
    Later(Option<Duration>),
    /// Not on this trunk.
    Elsewhere,
    /// Not at all.
    Never,
}

impl Reaction {
    /// Trying again on the same trunk can't help.
    #[must_use]
    pub fn is_permanent(self) -> bool {
        matches!(self, Self::Elsewhere | Self::Never)
    }
}

/// What came of one try to submit one segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SubmitOutcome {
    /// The carrier took it. No id: it can't be matched to a report.
    Accepted {
        /// The identity that reports will use.
        carrier_id: Option<CarrierId>,
    },
    /// The carrier did not take it, so sending again can't duplicate.
    Refused {
        /// What it said.
        status: CarrierStatus,
        /// What that asks of us.
        reaction: Reaction,
    },
    /// It never left: the link ended first.
    NeverSent,
    /// Nobody knows whether the carrier took it.
    Unknown {
        /// Why not.
        cause: UnknownCause,
    },
}

/// Why an outcome is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum UnknownCause {
    /// No answer before the deadline.
    TimedOut,
    /// The link ended with the request on the wire.
    LinkLost,
    /// The answer could not be read.
    Unreadable,
    /// The daemon ended with the request possibly on the wire.
    Restarted,
}

impl UnknownCause {
    /// The words for it; `permanent`: it is not tried again.
    #[must_use]
    pub fn status(self, permanent: bool) -> CarrierStatus {
        let (class, text) = match self {
            Self::TimedOut => (FailureClass::NoResponse, "the carrier did not answer in time"),
            Self::LinkLost => (FailureClass::Network, "the link ended before the answer"),
            Self::Unreadable => (FailureClass::Protocol, "the answer could not be read"),
            Self::Restarted => (FailureClass::NoResponse, "the daemon ended before the answer"),
        };
        CarrierStatus::ours(class, permanent, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_stands_beside_the_protocol_that_it_belongs_to() {
        let of = |sip_status, q850| {
            let evidence = Evidence { sip_status, q850, ..Evidence::default() };
            let status = CarrierStatus::of_call(Cause::Busy, &evidence);
            format!("{} {}", status.protocol, status.raw_code)
        };
        assert_eq!(of(Some(486), Some(17)), "sip 486");
        assert_eq!(of(None, Some(17)), "q850 17");
        assert_eq!(of(None, None), " ");
    }
}
