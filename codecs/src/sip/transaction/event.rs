//! What the transaction layer tells and asks for, and what it counts.

use bytes::Bytes;

use super::TransactionId;
use crate::sip::{Flow, Message, Target};

/// Something that the layer tells its user, in the order in which it happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A request of the peer, once however often it comes. It waits for [`super::Transactions::respond`].
    Request {
        /// Its transaction.
        id: TransactionId,
        /// Where it came from.
        flow: Flow,
        /// The request: anything but ACK.
        request: Message,
        /// For a CANCEL: the INVITE that it is about. `None` there: 481 is due.
        cancels: Option<TransactionId>,
    },
    /// A request that was not taken because as many as may are being worked on. Nothing is kept of it, so it may be told
    /// again. A 503 is due, by [`super::Transactions::send`].
    Overflow {
        /// Where it came from.
        flow: Flow,
        /// The request.
        request: Message,
    },
    /// An ACK that ends no transaction: of a 2xx, or of nothing.
    Ack {
        /// Where it came from.
        flow: Flow,
        /// The ACK.
        request: Message,
    },
    /// A response to a request of ours.
    ///
    /// Provisional ones first, any number of them; then one final response. After that only an INVITE has more: every
    /// further 2xx, repeated or of another fork, even when the first final response was none.
    Response {
        /// The request's transaction.
        id: TransactionId,
        /// Where the response came from.
        flow: Flow,
        /// The response.
        response: Message,
    },
    /// The time is over. Of ours: no response, or no final one (an INVITE: after its CANCEL), came in time. Of the peer's:
    /// it was not answered in time, and it is too late now.
    Timeout {
        /// The transaction.
        id: TransactionId,
    },
    /// Something did not leave or arrive. Of ours: the request, and nothing will come; or the ACK of a failure. Of the
    /// peer's: a response; the transaction goes on.
    Unreachable {
        /// The transaction.
        id: TransactionId,
    },
    /// No ACK came for a response of 300 to 699.
    Unacknowledged {
        /// The INVITE's transaction.
        id: TransactionId,
    },
    /// The transaction is over and forgotten: the last event of each, exactly once.
    Ended {
        /// The transaction.
        id: TransactionId,
    },
}

/// A message of the peer's that asks for nothing more: a repetition, which got its answer again, something that came too
/// late, or the ACK of a response of 300 to 699. For those who keep a record of messages.
#[derive(Debug, Clone)]
pub struct Absorbed {
    /// Its transaction.
    pub id: TransactionId,
    /// The message.
    pub message: Message,
}

/// Octets to send.
#[derive(Debug, Clone)]
pub struct Transmit {
    /// Where to.
    pub target: Target,
    /// One whole message.
    pub octets: Bytes,
    /// Whom to tell, by [`super::Transactions::unreachable`], if it can't be sent.
    pub transaction: Option<TransactionId>,
}

/// Why a request was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// As many requests as may wait for their end.
    #[error("too many requests are waiting for their end")]
    Full,
    /// Its branch is that of another request: branches are to be new.
    #[error("the branch is in use")]
    BranchInUse,
    /// It is a response, an ACK or a CANCEL, or its Via has no branch.
    #[error("this is no request that begins a transaction")]
    Unfit,
}

/// Why no CANCEL was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoCancel {
    /// The transaction is no INVITE of ours, or is over.
    #[error("there is no such INVITE")]
    NoInvite,
    /// No provisional response has come yet.
    #[error("no provisional response has come yet")]
    TooEarly,
    /// It has its final response, or a CANCEL was sent already.
    #[error("the INVITE is answered or cancelled")]
    TooLate,
    /// As many requests as may wait for their end.
    #[error("too many requests are waiting for their end")]
    Full,
}

/// Things worth watching that are no events. Every field only grows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Our messages sent again: by a timer, or because the peer repeated itself.
    pub retransmissions: u64,
    /// The peer's requests and ACKs that came again.
    pub repeated_requests: u64,
    /// Responses of no live transaction: late ones, and those that are not for us.
    pub stray_responses: u64,
    /// Responses whose way does not end here: more than one Via.
    pub misrouted_responses: u64,
    /// Requests that came by another way before, answered with 482.
    pub merged_requests: u64,
    /// Requests beyond the limits.
    pub overflows: u64,
    /// Messages without the parts that identify a transaction, and responses with a status out of range.
    pub unreadable: u64,
}
