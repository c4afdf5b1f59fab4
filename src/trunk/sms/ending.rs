//! Why a session ended, in the words of the API and for people.

use codecs::session::{BindRefusal, BindRefused, CloseReason, Unanswered};

use crate::domain::{CarrierStatus, FailureClass, StatusSource, SubmitOutcome, UnknownCause};

/// Why a link is not bound any more. `advice`: what to change so that it will be.
pub fn close_status(reason: &CloseReason, advice: Option<&str>) -> CarrierStatus {
    let text = match reason {
        CloseReason::Refused(refused) => return refused_status(refused, advice),
        CloseReason::Unbound => "unbound".to_owned(),
        CloseReason::BindTimeout => "no answer to the bind".to_owned(),
        CloseReason::ProbeTimeout => "no answer to probes".to_owned(),
        CloseReason::PartialTimeout => "a started unit was never finished".to_owned(),
        CloseReason::FramingLost(error) => format!("the carrier's octets can't be framed: {error}"),
        CloseReason::LinkLost => "the connection ended".to_owned(),
        CloseReason::Misbehaved => "the carrier broke the protocol".to_owned(),
    };
    CarrierStatus::ours(FailureClass::Network, false, text)
}

fn refused_status(refused: &BindRefused, advice: Option<&str>) -> CarrierStatus {
    let class = match refused.class {
        BindRefusal::Credentials | BindRefusal::Version | BindRefusal::Mode => FailureClass::SourceNotAllowed,
        BindRefusal::Malformed(_) => FailureClass::Protocol,
        BindRefusal::AlreadyBound | BindRefusal::Unexplained | BindRefusal::Temporary => {
            FailureClass::CarrierTemporary
        }
    };
    let why = match refused.class {
        BindRefusal::Malformed(error) => format!("its answer can't be read: {error}"),
        other => explained(other).to_owned(),
    };
    let advice = advice.map(|advice| format!("; {advice}")).unwrap_or_default();
    CarrierStatus {
        source: StatusSource::CarrierResponse,
        class,
        permanent: false,
        protocol: String::new(),
        raw_code: refused.status.to_string(),
        raw_text: format!("bind refused: {why}{advice}"),
    }
}

/// What a refusal means, and what to do where a person can.
fn explained(class: BindRefusal) -> &'static str {
    match class {
        BindRefusal::Credentials => {
            "the carrier does not take the account: check its name, its secret and our address with the carrier"
        }
        BindRefusal::AlreadyBound => {
            "the account already has its connections, or the carrier has not yet noticed that one is gone"
        }
        BindRefusal::Unexplained => {
            "the carrier gives no reason: a limit of the account as a rule, at times its name, secret or address"
        }
        BindRefusal::Version => "the carrier does not speak this version",
        BindRefusal::Mode => "the carrier does not know this kind of bind",
        BindRefusal::Temporary => "the carrier can't just now",
        BindRefusal::Malformed(_) => "the carrier's answer can't be read",
    }
}

/// The class of a refusal as metrics name it.
pub fn refusal_name(class: BindRefusal) -> &'static str {
    match class {
        BindRefusal::Credentials => "credentials",
        BindRefusal::AlreadyBound => "already_bound",
        BindRefusal::Unexplained => "unexplained",
        BindRefusal::Version => "version",
        BindRefusal::Mode => "mode",
        BindRefusal::Temporary => "temporary",
        BindRefusal::Malformed(_) => "malformed",
    }
}

/// What is known of a submit that has no answer.
pub fn unanswered(cause: Unanswered) -> SubmitOutcome {
    match cause {
        Unanswered::NeverSent => SubmitOutcome::NeverSent,
        Unanswered::TimedOut => SubmitOutcome::Unknown { cause: UnknownCause::TimedOut },
        Unanswered::LinkLost => SubmitOutcome::Unknown { cause: UnknownCause::LinkLost },
        Unanswered::Mismatched => SubmitOutcome::Unknown { cause: UnknownCause::Unreadable },
    }
}
