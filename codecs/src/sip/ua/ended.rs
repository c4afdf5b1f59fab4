//! How a leg ended.

use bytes::Bytes;

use crate::sip::cause::Evidence;

/// How a leg ended: all that was seen, from which [`crate::sip::cause::decide`] makes one cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// What was seen.
    pub evidence: Evidence,
    /// Where a 3xx sends the caller: its Contact values, in order.
    pub contacts: Vec<Bytes>,
    /// Seconds that a failure wants to be left alone.
    pub retry_after: Option<u32>,
}
