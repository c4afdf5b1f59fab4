//! How a leg ended: the raw evidence, from which `cause` makes one cause.

use bytes::Bytes;

use super::OwnAction;

/// How a leg ended. All that the wire said of it is kept raw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// What ended it.
    pub by: EndedBy,
    /// Whether something rang: a 180, or SDP in an 18x.
    pub rang: bool,
    /// Whether it was answered: a 2xx to the INVITE, even one that crossed our CANCEL.
    pub answered: bool,
    /// The final status to the INVITE if it was a failure, else that of the request whose failure ended the leg.
    pub status: Option<u16>,
    /// The reason phrase of that response.
    pub reason_phrase: Bytes,
    /// Values of Reason in the peer's last word: its final response, BYE or CANCEL.
    pub reasons: Vec<Bytes>,
    /// Values of Warning there.
    pub warnings: Vec<Bytes>,
    /// Values of Contact in a 3xx.
    pub contacts: Vec<Bytes>,
    /// Retry-After of a failure, seconds.
    pub retry_after: Option<u32>,
}

impl Ended {
    /// An end of which nothing else is known.
    #[must_use]
    pub fn new(by: EndedBy) -> Self {
        Self {
            by,
            rang: false,
            answered: false,
            status: None,
            reason_phrase: Bytes::new(),
            reasons: Vec::new(),
            warnings: Vec::new(),
            contacts: Vec::new(),
            retry_after: None,
        }
    }
}

/// What ended a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBy {
    /// The peer's final failure to our INVITE.
    Refused,
    /// Our final failure to its INVITE.
    Rejected,
    /// The peer's BYE.
    PeerBye,
    /// The peer's CANCEL of its INVITE.
    PeerCancel,
    /// Our BYE.
    Bye(OwnAction),
    /// We gave our INVITE up before it was answered: our CANCEL, or the BYE to the 2xx that crossed it.
    Cancelled(OwnAction),
    /// Nothing came for our INVITE, from no target.
    Silence,
    /// No target could be reached.
    Unreachable,
    /// Our credentials were refused, or there were none for the challenge.
    Unauthorized,
    /// No ACK came for our 2xx.
    Unacknowledged,
    /// No PRACK came for our reliable provisional response.
    ProvisionalUnacknowledged,
    /// The peer no longer knows the dialog: a request inside it failed with 481, 408 or silence.
    DialogGone,
}
