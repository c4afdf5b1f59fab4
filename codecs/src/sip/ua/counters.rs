//! What the endpoint counts.

/// Things worth watching that are no events. Every field only grows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Calls placed.
    pub calls_out: u64,
    /// Calls taken from peers.
    pub calls_in: u64,
    /// Calls answered, in both directions.
    pub answered: u64,
    /// Calls of peers refused because too many legs were there, or their peer was draining.
    pub overloaded: u64,
    /// Requests from addresses that belong to nobody.
    pub strangers: u64,
    /// Messages that could not be read or acted on.
    pub malformed: u64,
    /// Requests inside dialogs that we do not know.
    pub unknown_dialogs: u64,
    /// Challenges answered.
    pub challenges: u64,
    /// 2xx whose proof of the password is wrong: nothing was taken from their Authentication-Info.
    pub unproven: u64,
    /// Calls that we answered and gave up, because no ACK came.
    pub unacknowledged: u64,
    /// Times that a further target of a call was tried.
    pub failovers: u64,
    /// Session refreshes sent.
    pub refreshes: u64,
    /// Session refreshes of peers taken: requests in a dialog that change nothing.
    pub refreshed: u64,
    /// Offers that met one of the peer.
    pub glares: u64,
    /// 2xx and reliable provisional responses sent again by us.
    pub repeated_responses: u64,
    /// 2xx acknowledged again.
    pub repeated_acks: u64,
    /// Responses and ACKs of no leg.
    pub stray: u64,
}
