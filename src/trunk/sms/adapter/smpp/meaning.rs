//! What SMPP's statuses and message states mean.

use codecs::smpp::{MessageState, Reaction as Expected, Status};

use crate::domain::{FailureClass, Reaction, ReportedState};

/// The name of a status and what the carrier adds.
pub(super) fn words(status: Status, detail: &[u8]) -> String {
    let name = status.name().unwrap_or_default();
    if detail.is_empty() {
        return name.to_owned();
    }
    format!("{name} {}", String::from_utf8_lossy(detail)).trim_start().to_owned()
}

/// What a status means as a rule; the account may say otherwise.
pub(super) fn meaning(status: Status) -> (FailureClass, Reaction) {
    match status.submit_reaction(None) {
        Expected::Ok => (FailureClass::None, Reaction::Later(None)),
        Expected::Rate => (FailureClass::Throttled, Reaction::SlowDown),
        Expected::Full => (FailureClass::Throttled, Reaction::NoRoom(None)),
        Expected::Temp | Expected::Dlv | Expected::Sess => {
            (FailureClass::CarrierTemporary, Reaction::Later(None))
        }
        Expected::Dest => (FailureClass::InvalidNumber, Reaction::Never),
        Expected::Acct | Expected::Bind => (FailureClass::SourceNotAllowed, Reaction::Elsewhere),
        Expected::Bug => (FailureClass::Protocol, Reaction::Never),
        Expected::Msg | Expected::Op if status.name().is_none() => (FailureClass::Unmapped, Reaction::Never),
        Expected::Msg | Expected::Op => (FailureClass::CarrierPermanent, Reaction::Never),
    }
}

/// What a state means, as far as a report tells it.
pub(super) fn reported(state: MessageState, intermediate: bool) -> ReportedState {
    if intermediate {
        return ReportedState::Intermediate;
    }
    match state {
        MessageState::DELIVERED => ReportedState::Delivered,
        // Many carriers use ACCEPTD for "the network has it", with the end still to come.
        MessageState::SCHEDULED | MessageState::ENROUTE | MessageState::ACCEPTED => {
            ReportedState::Intermediate
        }
        MessageState::UNKNOWN => ReportedState::Unknown,
        _ => ReportedState::Undelivered,
    }
}

/// What a state is as a failure; `mapped`: its word is one of the protocol's.
pub(super) fn report_class(state: MessageState, mapped: bool) -> FailureClass {
    if !mapped {
        return FailureClass::Unmapped;
    }
    match state {
        MessageState::DELIVERED => FailureClass::None,
        MessageState::EXPIRED => FailureClass::Expired,
        MessageState::UNKNOWN => FailureClass::NoResponse,
        _ => FailureClass::CarrierPermanent,
    }
}
