//! What a session counts, for its driver to publish.

/// Things worth watching that are no events. Every field only grows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Responses that answer nothing: unknown sequences and duplicates.
    pub stray_responses: u64,
    /// Responses of another command than their request's.
    pub mismatched_responses: u64,
    /// Responses after their deadline that still found their request.
    pub late_responses: u64,
    /// Units of no known command, requests and responses.
    pub unknown_commands: u64,
    /// Units whose header or body could not be read. A unit that can't even be found ends the session instead.
    pub malformed_units: u64,
    /// Requests that the peer may not send: before the bind, or against the direction of the session.
    pub misplaced_requests: u64,
    /// Requests of the peer refused, by the engine or by its owner.
    pub refused_requests: u64,
    /// Refusals and acknowledgements not sent, because the peer leaves too many of them unread.
    pub withheld_replies: u64,
    /// Transmissions of probes, repeats included.
    pub probes_sent: u64,
    /// Transmissions of probes that nothing came back for in time.
    pub probes_missed: u64,
}
