//! What a decoder says about octets that it can't take.

use thiserror::Error;

/// A refusal of octets: which field, where, and what was wrong with it.
///
/// Holds no octets of the peer, so it can be logged and counted freely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{field} at octet {offset}: {kind}")]
pub struct DecodeError {
    /// The field as its specification names it, e.g. `source_addr` or `Msg_Length`.
    pub field: &'static str,
    /// Offset of the field from the start of the unit, in octets.
    pub offset: usize,
    /// What was wrong.
    pub kind: DecodeErrorKind,
}

/// What was wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The unit's length is below the header's size or above the local maximum; framing is lost.
    #[error("a unit of {0} octets can't be")]
    UnitLength(u32),
    /// The unit ends before the field does.
    #[error("the unit ends inside it")]
    Truncated,
    /// A C-octet string has no NUL within its limit.
    #[error("no NUL within {max} octets")]
    MissingNul {
        /// The limit, NUL included.
        max: usize,
    },
    /// A length field points past the end of the unit.
    #[error("claims {claimed} octets, {left} are left")]
    PastEnd {
        /// What the length field says.
        claimed: usize,
        /// What the unit still has.
        left: usize,
    },
    /// Octets follow the last field that are no TLV.
    #[error("{0} octets too many")]
    Trailing(usize),
    /// A field that must be there is not.
    #[error("is missing")]
    Missing,
    /// The value is outside what the field may hold.
    #[error("value {0:#x} is not allowed")]
    Value(u32),
    /// The command id is not one of this protocol's.
    #[error("unknown command id {0:#010x}")]
    UnknownCommand(u32),
}

/// What a refusal means for the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Only this unit is bad: answer with a status, carry on.
    Unit,
    /// The length can't be trusted, so the boundary of the next unit is lost: close.
    Stream,
}

impl DecodeError {
    /// Says whether the connection survives this error.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self.kind {
            DecodeErrorKind::UnitLength(_) => Severity::Stream,
            _ => Severity::Unit,
        }
    }
}

/// A value that its field can't hold on the wire. Raised before anything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{field} can't hold {octets} octets, at most {max}")]
pub struct EncodeError {
    /// The field as its specification names it.
    pub field: &'static str,
    /// Octets (or elements, for a list) of the value.
    pub octets: usize,
    /// The most that the field holds, a terminating NUL not counted.
    pub max: usize,
}
