//! Why a request was not accepted: the facts, a sentence for people, and the reason's name.

use std::time::Duration;

use jiff::Timestamp;
use thiserror::Error;

use crate::{
    config::Outside,
    dispatch::Full,
    domain::{Message, TrunkId},
    routing::{Closed, Unroutable},
    store::StoreError,
    trunk::sms::adapter::PrepareError,
};

/// Why a request was not accepted. Nothing of it is kept.
#[derive(Debug, Clone, Error)]
pub enum SubmitRefused {
    /// The text can't be written in the encoding asked for, or in any that the trunk has.
    #[error(
        "the text can't be written as {encoding}: the first character that does not fit is at position {position}"
    )]
    EncodingNotPossible {
        /// What was tried.
        encoding: String,
        /// Characters before the one that does not fit.
        position: usize,
    },
    /// The text is too long.
    #[error("the text needs {needed} segments, at most {max} are allowed")]
    TooManySegments {
        /// Segments it would need.
        needed: usize,
        /// Segments allowed.
        max: u8,
    },
    /// A trunk was named that is not configured.
    #[error("trunk {0} is not configured; `carrierctl trunks` lists those that are")]
    UnknownTrunk(TrunkId),
    /// No rule of the route table matches.
    #[error("no route leads to this recipient")]
    NoRoute,
    /// The sender is not one that the trunk may use.
    #[error("trunk {trunk_id} can't send with this sender: {reason}")]
    SenderNotAllowed {
        /// The trunk.
        trunk_id: TrunkId,
        /// Why.
        reason: String,
    },
    /// The carrier wants a field that neither the account has nor the message brings.
    #[error("trunk {trunk_id} needs the protocol option {option} with every message")]
    OptionMissing {
        /// The trunk.
        trunk_id: TrunkId,
        /// The option.
        option: String,
    },
    /// The same key came with another request.
    #[error("request_id was used before with another payload")]
    KeyReused,
    /// The trunk's backlog is full, or the tenant's part of it.
    #[error("trunk {trunk_id} has {full} waiting: try again in {retry_after:?}")]
    QueueFull {
        /// The trunk.
        trunk_id: TrunkId,
        /// What is full.
        full: Full,
        /// When there may be room again.
        retry_after: Duration,
    },
    /// The message's window is closed, and it is not held.
    #[error("{category} messages of this tenant are sent {window}: send it again then")]
    WindowClosed {
        /// The message's category.
        category: &'static str,
        /// The window, and when it opens, in words.
        window: String,
        /// When it opens.
        opens: Timestamp,
        /// How long until then.
        retry_after: Duration,
    },
    /// The message would be held until its window opens, but it is of no use by then.
    #[error("{category} messages of this tenant are sent {window}, and its validity ends before")]
    ExpiresBeforeWindow {
        /// The message's category.
        category: &'static str,
        /// The window, and when it opens, in words.
        window: String,
        /// When it opens.
        opens: Timestamp,
        /// How long until then.
        retry_after: Duration,
    },
    /// We are ending.
    #[error("the daemon is draining: send elsewhere")]
    Draining,
    /// The store can't take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SubmitRefused {
    /// The reason, as the API names it.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::EncodingNotPossible { .. } => "ENCODING_NOT_POSSIBLE",
            Self::TooManySegments { .. } => "TOO_MANY_SEGMENTS",
            Self::UnknownTrunk(_) => "UNKNOWN_TRUNK",
            Self::NoRoute => "NO_ROUTE",
            Self::SenderNotAllowed { .. } => "CALLER_NOT_ALLOWED",
            Self::OptionMissing { .. } => "INVALID_FIELD",
            Self::KeyReused => "REQUEST_ID_PAYLOAD_MISMATCH",
            Self::QueueFull { .. } => "QUEUE_FULL",
            Self::WindowClosed { .. } | Self::ExpiresBeforeWindow { .. } => "WINDOW_CLOSED",
            Self::Draining => "DRAINING",
            Self::Store(_) => "STORE_UNAVAILABLE",
        }
    }

    pub(super) fn closed(closed: &Closed<'_>, message: &Message, now: Timestamp) -> Self {
        let (category, window, opens) = (message.category.name(), closed.words(), closed.opens);
        let retry_after = Duration::try_from(opens.duration_since(now)).unwrap_or_default();
        match closed.outside() {
            Outside::Refuse => Self::WindowClosed { category, window, opens, retry_after },
            Outside::Hold => Self::ExpiresBeforeWindow { category, window, opens, retry_after },
        }
    }

    pub(super) fn of(error: PrepareError, trunk_id: &TrunkId) -> Self {
        match error {
            PrepareError::EncodingNotPossible { encoding, position } => {
                Self::EncodingNotPossible { encoding, position }
            }
            PrepareError::TooManySegments { needed, max } => Self::TooManySegments { needed, max },
            PrepareError::OptionMissing(option) => Self::OptionMissing { trunk_id: trunk_id.clone(), option },
            PrepareError::SenderNotAllowed(reason) => {
                Self::SenderNotAllowed { trunk_id: trunk_id.clone(), reason }
            }
        }
    }
}

impl From<Unroutable> for SubmitRefused {
    fn from(unroutable: Unroutable) -> Self {
        match unroutable {
            Unroutable::UnknownTrunk(id) => Self::UnknownTrunk(id),
            Unroutable::NoRule => Self::NoRoute,
        }
    }
}
