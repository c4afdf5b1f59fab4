//! The only mapping from our errors to gRPC codes: a reason, which is the contract, and a sentence for people.

use std::time::Duration;

use tonic::Code;
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, QuotaViolation, StatusExt};

use crate::{
    dispatch::Full,
    events::SubscriptionError,
    instance::{NotReloaded, NotTold},
    sms::SubmitRefused,
    store::StoreError,
};

/// The domain of all reasons.
pub const DOMAIN: &str = "carrierd";
/// When to come back to a daemon that is ending or has no room.
pub const LATER: Duration = Duration::from_secs(5);

/// Why an rpc, or one item of it, was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A recipient that is no number.
    InvalidNumber,
    /// Nothing is said.
    EmptyContent,
    /// The text is too long.
    TooManySegments,
    /// The text can't be written in the encoding asked for.
    EncodingNotPossible,
    /// A field holds what it can't.
    InvalidField,
    /// A trunk that is not configured.
    UnknownTrunk,
    /// The sender is not one that the trunk may use.
    CallerNotAllowed,
    /// No trunk leads there.
    NoRoute,
    /// The key was used for another request.
    RequestIdPayloadMismatch,
    /// The subscription exists with other settings.
    SubscriptionExists,
    /// The trunk's backlog is full.
    QueueFull,
    /// More requests than there was credit for.
    CreditExceeded,
    /// The message's window is closed.
    WindowClosed,
    /// We are ending.
    Draining,
    /// The store takes nothing.
    StoreUnavailable,
    /// A row of the store does not read back.
    StoreCorrupt,
    /// It was not done in time; nobody knows whether it will be.
    DeadlineExceeded,
    /// No such message.
    MessageNotFound,
    /// Something of it has left already, or it has ended.
    NotCancelable,
    /// No such call.
    CallNotFound,
    /// What was said does not fit the call's state.
    WrongCallState,
    /// No such subscription.
    SubscriptionNotFound,
    /// No such trunk.
    TrunkNotFound,
    /// The trunk has no such link.
    LinkNotFound,
    /// The configuration's file has faults, or is another than the one that was meant.
    ConfigInvalid,
    /// The daemon was resumed while it drained.
    Resumed,
    /// Not served yet.
    NotImplemented,
}

impl Reason {
    /// The reason as `ErrorInfo` names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidNumber => "INVALID_NUMBER",
            Self::EmptyContent => "EMPTY_CONTENT",
            Self::TooManySegments => "TOO_MANY_SEGMENTS",
            Self::EncodingNotPossible => "ENCODING_NOT_POSSIBLE",
            Self::InvalidField => "INVALID_FIELD",
            Self::UnknownTrunk => "UNKNOWN_TRUNK",
            Self::CallerNotAllowed => "CALLER_NOT_ALLOWED",
            Self::NoRoute => "NO_ROUTE",
            Self::RequestIdPayloadMismatch => "REQUEST_ID_PAYLOAD_MISMATCH",
            Self::SubscriptionExists => "SUBSCRIPTION_EXISTS",
            Self::QueueFull => "QUEUE_FULL",
            Self::CreditExceeded => "CREDIT_EXCEEDED",
            Self::WindowClosed => "WINDOW_CLOSED",
            Self::Draining => "DRAINING",
            Self::StoreUnavailable => "STORE_UNAVAILABLE",
            Self::StoreCorrupt => "STORE_CORRUPT",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::MessageNotFound => "MESSAGE_NOT_FOUND",
            Self::NotCancelable => "NOT_CANCELABLE",
            Self::CallNotFound => "CALL_NOT_FOUND",
            Self::WrongCallState => "WRONG_CALL_STATE",
            Self::SubscriptionNotFound => "SUBSCRIPTION_NOT_FOUND",
            Self::TrunkNotFound => "TRUNK_NOT_FOUND",
            Self::LinkNotFound => "LINK_NOT_FOUND",
            Self::ConfigInvalid => "CONFIG_INVALID",
            Self::Resumed => "RESUMED",
            Self::NotImplemented => "NOT_IMPLEMENTED",
        }
    }

    /// The gRPC code.
    #[must_use]
    pub fn code(self) -> Code {
        match self {
            Self::InvalidNumber
            | Self::EmptyContent
            | Self::TooManySegments
            | Self::EncodingNotPossible
            | Self::InvalidField
            | Self::UnknownTrunk => Code::InvalidArgument,
            Self::CallerNotAllowed
            | Self::NoRoute
            | Self::WindowClosed
            | Self::NotCancelable
            | Self::WrongCallState
            | Self::ConfigInvalid => Code::FailedPrecondition,
            Self::RequestIdPayloadMismatch | Self::SubscriptionExists => Code::AlreadyExists,
            Self::QueueFull | Self::CreditExceeded => Code::ResourceExhausted,
            Self::Draining | Self::StoreUnavailable => Code::Unavailable,
            Self::StoreCorrupt => Code::DataLoss,
            Self::DeadlineExceeded => Code::DeadlineExceeded,
            Self::MessageNotFound
            | Self::CallNotFound
            | Self::SubscriptionNotFound
            | Self::TrunkNotFound
            | Self::LinkNotFound => Code::NotFound,
            Self::Resumed => Code::Aborted,
            Self::NotImplemented => Code::Unimplemented,
        }
    }
}

/// A field and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field in the request, `message.to`.
    pub field: String,
    /// What it must be.
    pub description: String,
}

/// A refusal, before it takes the form of an rpc's status or of one item's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    reason: Reason,
    message: String,
    metadata: Vec<(&'static str, String)>,
    violations: Vec<Violation>,
    retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal with a sentence for people: what is wrong and what to do.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        let retry_after = (reason.code() == Code::Unavailable).then_some(LATER);
        Self { reason, message: message.into(), metadata: Vec::new(), violations: Vec::new(), retry_after }
    }

    /// One field is wrong.
    #[must_use]
    pub fn field(reason: Reason, field: impl Into<String>, description: impl Into<String>) -> Self {
        Self::fields(reason, vec![Violation { field: field.into(), description: description.into() }])
    }

    /// Some fields are wrong; `reason` is that of the first.
    #[must_use]
    pub fn fields(reason: Reason, violations: Vec<Violation>) -> Self {
        let told: Vec<String> = violations
            .iter()
            .map(|violation| format!("{} {}", violation.field, violation.description))
            .collect();
        Self { violations, ..Self::new(reason, told.join("; ")) }
    }

    /// The reason.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// Adds a fact for programs.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl ToString) -> Self {
        self.metadata.push((key, value.to_string()));
        self
    }

    pub(super) fn on_field(mut self, field: &str) -> Self {
        self.violations = vec![Violation { field: field.into(), description: self.message.clone() }];
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// How long there is no room for what was refused; `None`: it was refused for something else.
    pub(super) fn room_in(&self) -> Option<Duration> {
        self.retry_after.filter(|_| self.reason == Reason::QueueFull)
    }

    fn details(&self) -> ErrorDetails {
        let metadata: std::collections::HashMap<String, String> =
            self.metadata.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        let subject =
            || self.metadata.first().map_or_else(String::new, |(key, value)| format!("{key}:{value}"));
        let mut details = ErrorDetails::with_error_info(self.reason.name(), DOMAIN, metadata);
        if self.retry_after.is_some() {
            details.set_retry_info(self.retry_after);
        }
        if !self.violations.is_empty() {
            let violation =
                |wrong: &Violation| FieldViolation::new(wrong.field.as_str(), wrong.description.as_str());
            details.set_bad_request(self.violations.iter().map(violation).collect::<Vec<_>>());
        }
        match self.reason.code() {
            Code::FailedPrecondition => {
                let violation =
                    PreconditionViolation::new(self.reason.name(), subject(), self.message.as_str());
                details.set_precondition_failure(vec![violation]);
            }
            Code::ResourceExhausted => {
                details.set_quota_failure(vec![QuotaViolation::new(subject(), self.message.as_str())]);
            }
            _ => {}
        }
        details
    }
}

impl From<Refusal> for tonic::Status {
    fn from(refusal: Refusal) -> Self {
        Self::with_error_details(refusal.reason.code(), refusal.message.clone(), refusal.details())
    }
}

impl From<Refusal> for tonic_types::Status {
    /// The form of one item in a batch or stream: the same code, message and details.
    fn from(refusal: Refusal) -> Self {
        let status = tonic::Status::from(refusal);
        // The details of a gRPC status are an encoded google.rpc.Status, made a few lines above.
        prost::Message::decode(status.details()).unwrap_or_else(|_| Self {
            code: status.code() as i32,
            message: status.message().to_owned(),
            details: Vec::new(),
        })
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        let refusal = Self::new(Reason::StoreUnavailable, message.clone());
        match error {
            StoreError::Corrupt { keyspace, key, .. } => {
                Self::new(Reason::StoreCorrupt, message).with("keyspace", keyspace).with("key", key)
            }
            StoreError::DiskFull { free, reserve } => {
                refusal.with("free_octets", free).with("reserve_octets", reserve).retry_after(6 * LATER)
            }
            StoreError::Open { .. } | StoreError::Failed(_) => refusal.retry_after(6 * LATER),
            StoreError::Closed => refusal,
        }
    }
}

impl From<SubmitRefused> for Refusal {
    fn from(error: SubmitRefused) -> Self {
        let message = error.to_string();
        match error {
            SubmitRefused::EncodingNotPossible { encoding, position } => {
                Self::new(Reason::EncodingNotPossible, message)
                    .with("encoding", encoding)
                    .with("position", position)
                    .on_field("message.text")
            }
            SubmitRefused::TooManySegments { needed, max } => Self::new(Reason::TooManySegments, message)
                .with("needed", needed)
                .with("max", max)
                .on_field("message.text"),
            SubmitRefused::UnknownTrunk(trunk_id) => Self::new(Reason::UnknownTrunk, message)
                .with("trunk_id", trunk_id)
                .on_field("message.trunk_ids"),
            SubmitRefused::NoRoute => Self::new(Reason::NoRoute, message),
            SubmitRefused::SenderNotAllowed { trunk_id, .. } => {
                Self::new(Reason::CallerNotAllowed, message).with("trunk_id", trunk_id)
            }
            SubmitRefused::OptionMissing { trunk_id, option } => Self::new(Reason::InvalidField, message)
                .with("trunk_id", trunk_id)
                .with("option", option)
                .on_field("message.protocol_options"),
            SubmitRefused::KeyReused => Self::new(Reason::RequestIdPayloadMismatch, message),
            SubmitRefused::QueueFull { trunk_id, full, retry_after } => {
                let (scope, max) = match full {
                    Full::Trunk(max) => ("trunk", max),
                    Full::Tenant(max) => ("tenant", max),
                };
                Self::new(Reason::QueueFull, message)
                    .with("trunk_id", trunk_id)
                    .with("scope", scope)
                    .with("max", max)
                    .retry_after(retry_after)
            }
            SubmitRefused::WindowClosed { category, opens, retry_after, .. }
            | SubmitRefused::ExpiresBeforeWindow { category, opens, retry_after, .. } => {
                Self::new(Reason::WindowClosed, message)
                    .with("category", category)
                    .with("open_time", opens)
                    .retry_after(retry_after)
            }
            SubmitRefused::Draining => Self::new(Reason::Draining, message),
            SubmitRefused::Store(error) => error.into(),
        }
    }
}

impl From<NotReloaded> for Refusal {
    fn from(error: NotReloaded) -> Self {
        Self::new(Reason::ConfigInvalid, error.to_string())
    }
}

impl From<NotTold> for Refusal {
    fn from(error: NotTold) -> Self {
        let message = error.to_string();
        match error {
            NotTold::NoSuchTrunk(id) => Self::new(Reason::TrunkNotFound, message).with("trunk_id", id),
            NotTold::Beyond { field, max } => {
                Self::field(Reason::InvalidField, field, message).with("max", max)
            }
            NotTold::Meaningless { field, .. } => Self::field(Reason::InvalidField, field, message),
            NotTold::Ending(_) => Self::new(Reason::Draining, message),
            NotTold::Store(error) => error.into(),
        }
    }
}

impl From<SubscriptionError> for Refusal {
    fn from(error: SubscriptionError) -> Self {
        let message = error.to_string();
        match error {
            SubscriptionError::NotFound(id) => {
                Self::new(Reason::SubscriptionNotFound, message).with("subscription_id", id)
            }
            SubscriptionError::Exists(id) => {
                Self::new(Reason::SubscriptionExists, message).with("subscription_id", id)
            }
            SubscriptionError::Draining => Self::new(Reason::Draining, message),
            SubscriptionError::Store(error) => error.into(),
        }
    }
}

/// A part of the API that is still to come.
pub fn not_served(what: &str) -> tonic::Status {
    Refusal::new(Reason::NotImplemented, format!("{what} is not served by this version of the daemon")).into()
}

#[cfg(test)]
mod tests {
    use tonic_types::RpcStatusExt;

    use super::*;

    #[test]
    fn every_error_has_its_reason_and_code() {
        let table: Vec<(Refusal, &str, Code)> = vec![
            (
                SubmitRefused::EncodingNotPossible { encoding: "gsm7".into(), position: 3 }.into(),
                "ENCODING_NOT_POSSIBLE",
                Code::InvalidArgument,
            ),
            (
                SubmitRefused::TooManySegments { needed: 12, max: 10 }.into(),
                "TOO_MANY_SEGMENTS",
                Code::InvalidArgument,
            ),
            (SubmitRefused::UnknownTrunk("t".into()).into(), "UNKNOWN_TRUNK", Code::InvalidArgument),
            (SubmitRefused::NoRoute.into(), "NO_ROUTE", Code::FailedPrecondition),
            (
                SubmitRefused::SenderNotAllowed { trunk_id: "t".into(), reason: "r".into() }.into(),
                "CALLER_NOT_ALLOWED",
                Code::FailedPrecondition,
            ),
            (
                SubmitRefused::OptionMissing { trunk_id: "t".into(), option: "tlv.0x1400".into() }.into(),
                "INVALID_FIELD",
                Code::InvalidArgument,
            ),
            (SubmitRefused::KeyReused.into(), "REQUEST_ID_PAYLOAD_MISMATCH", Code::AlreadyExists),
            (
                SubmitRefused::QueueFull { trunk_id: "t".into(), full: Full::Trunk(5), retry_after: LATER }
                    .into(),
                "QUEUE_FULL",
                Code::ResourceExhausted,
            ),
            (
                SubmitRefused::WindowClosed {
                    category: "marketing",
                    window: "08:00-21:00 Asia/Shanghai".into(),
                    opens: jiff::Timestamp::UNIX_EPOCH,
                    retry_after: LATER,
                }
                .into(),
                "WINDOW_CLOSED",
                Code::FailedPrecondition,
            ),
            (SubmitRefused::Draining.into(), "DRAINING", Code::Unavailable),
            (StoreError::Closed.into(), "STORE_UNAVAILABLE", Code::Unavailable),
            (StoreError::DiskFull { free: 1, reserve: 2 }.into(), "STORE_UNAVAILABLE", Code::Unavailable),
            (
                SubmitRefused::Store(StoreError::Failed("x".into())).into(),
                "STORE_UNAVAILABLE",
                Code::Unavailable,
            ),
            (
                StoreError::Corrupt { keyspace: "message", key: "00".into(), reason: "r".into() }.into(),
                "STORE_CORRUPT",
                Code::DataLoss,
            ),
            (SubscriptionError::NotFound("s".into()).into(), "SUBSCRIPTION_NOT_FOUND", Code::NotFound),
            (SubscriptionError::Exists("s".into()).into(), "SUBSCRIPTION_EXISTS", Code::AlreadyExists),
            (SubscriptionError::Draining.into(), "DRAINING", Code::Unavailable),
        ];
        for (refusal, reason, code) in table {
            let status = tonic::Status::from(refusal.clone());
            assert_eq!(status.code(), code, "{reason}");
            assert!(!status.message().is_empty());
            let info = status.get_details_error_info().expect(reason);
            assert_eq!((info.reason.as_str(), info.domain.as_str()), (reason, "carrierd"));
            let retryable =
                matches!(code, Code::Unavailable | Code::ResourceExhausted) || reason == "WINDOW_CLOSED";
            assert_eq!(status.get_details_retry_info().is_some(), retryable, "{reason}");
            assert_eq!(
                status.get_details_precondition_failure().is_some(),
                code == Code::FailedPrecondition,
                "{reason}"
            );
            assert_eq!(status.get_details_quota_failure().is_some(), code == Code::ResourceExhausted);

            let item = tonic_types::Status::from(refusal);
            assert_eq!((item.code, item.message.as_str()), (code as i32, status.message()));
            assert_eq!(item.get_details_error_info().expect(reason).reason, reason);
        }
    }

    #[test]
    fn tells_the_facts_and_the_field() {
        let status =
            tonic::Status::from(Refusal::from(SubmitRefused::TooManySegments { needed: 12, max: 10 }));
        let info = status.get_details_error_info().unwrap();
        assert_eq!((info.metadata["needed"].as_str(), info.metadata["max"].as_str()), ("12", "10"));
        assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, "message.text");
    }

    #[test]
    fn lists_every_wrong_field_in_the_sentence() {
        let wrong = |field: &str| Violation { field: field.into(), description: "is wrong".into() };
        let status =
            tonic::Status::from(Refusal::fields(Reason::InvalidNumber, vec![wrong("a"), wrong("b")]));
        assert_eq!(status.message(), "a is wrong; b is wrong");
        assert_eq!(status.get_details_bad_request().unwrap().field_violations.len(), 2);
    }
}
