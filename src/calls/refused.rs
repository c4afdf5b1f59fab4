//! Why a call is not accepted, or a word about one not heeded.

use std::time::Duration;

use jiff::Timestamp;
use thiserror::Error;

use super::WrongState;
use crate::{
    domain::{CallId, TrunkId},
    store::StoreError,
};

/// Why a call is not accepted. Nothing of it is durable.
#[derive(Debug, Clone, Error)]
pub enum CallRefused {
    /// It names a trunk that carries no calls.
    #[error("trunk {0} is not one that carries calls: name others, or none")]
    UnknownTrunk(TrunkId),
    /// No rule takes it.
    #[error("no route takes this call: see the routes whose trunks carry calls")]
    NoRoute,
    /// The carrier has not assigned the number.
    #[error(
        "{field} is none of the numbers that the carrier of trunk {trunk_id} has assigned: use one of those"
    )]
    CallerNotAllowed {
        /// The trunk.
        trunk_id: TrunkId,
        /// Which of the request's numbers it is.
        field: &'static str,
    },
    /// The trunk does not let the header through.
    #[error("header {header} is none of those that trunk {trunk_id} lets through: see its `headers`")]
    HeaderNotAllowed {
        /// The trunk.
        trunk_id: TrunkId,
        /// The header.
        header: String,
    },
    /// Calls of its category may not be placed now.
    #[error("calls of category {category} may be placed only within the window {window}")]
    WindowClosed {
        /// The category.
        category: &'static str,
        /// The window, in words.
        window: String,
        /// When it opens.
        opens: Timestamp,
        /// How long until then.
        retry_after: Duration,
    },
    /// The key was used for another call.
    #[error("this request_id was used for another call: use a fresh one for each call")]
    KeyReused,
    /// As many calls are open as may be.
    #[error("{max} calls are open, as many as may be: try again when some have ended")]
    Full {
        /// The limit.
        max: usize,
    },
    /// The daemon takes nothing new.
    #[error("the daemon is draining: send to another instance, or later")]
    Draining,
    /// It could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CallRefused {
    /// The label in metrics: the API's reason.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnknownTrunk(_) => "UNKNOWN_TRUNK",
            Self::NoRoute => "NO_ROUTE",
            Self::CallerNotAllowed { .. } => "CALLER_NOT_ALLOWED",
            Self::HeaderNotAllowed { .. } => "INVALID_FIELD",
            Self::WindowClosed { .. } => "WINDOW_CLOSED",
            Self::KeyReused => "REQUEST_ID_PAYLOAD_MISMATCH",
            Self::Full { .. } => "QUEUE_FULL",
            Self::Draining => "DRAINING",
            Self::Store(_) => "STORE_UNAVAILABLE",
        }
    }
}

/// Why a word about a call is not heeded.
#[derive(Debug, Clone, Error)]
pub enum WordRefused {
    /// There is no such call.
    #[error("there is no call {0}, or its retention is over")]
    NotFound(CallId),
    /// It does not fit the call's state.
    #[error(transparent)]
    State(#[from] WrongState),
    /// The daemon ends.
    #[error("the daemon is ending")]
    Ending,
    /// It could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
