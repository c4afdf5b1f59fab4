//! What the endpoint tells.

use bytes::Bytes;

use super::{Ended, LegId, OutsideId, OutsideOutcome, PeerId, Snapshot};
use crate::{
    Now,
    sip::{Flow, Message, Method, Target, transaction::TransactionId},
};

/// Something that the endpoint tells, in the order in which it happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A leg moved on.
    Leg {
        /// Which.
        leg: LegId,
        /// When the message came, went, or the time ran out.
        at: Now,
        /// What happened.
        what: LegEvent,
    },
    /// A call came in. It waits for `respond`; until then the peer hears 100.
    Incoming(Incoming),
    /// A request outside dialogs of a method that the caller answers itself; `answer_request` must follow.
    Request(Request),
    /// What came of a request of ours outside dialogs.
    Outside {
        /// Which.
        id: OutsideId,
        /// When.
        at: Now,
        /// What came of it.
        outcome: OutsideOutcome,
    },
    /// A request from an address that belongs to nobody was refused or ignored.
    Stranger {
        /// Where it came from.
        flow: Flow,
        /// What it wanted.
        method: Method,
    },
    /// Something that cannot be read came in.
    Malformed {
        /// Where it came from.
        flow: Flow,
        /// What it was answered; `None`: nothing.
        status: Option<u16>,
    },
}

/// A call that came in.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Its leg.
    pub leg: LegId,
    /// Whose it is.
    pub peer: PeerId,
    /// When it came.
    pub at: Now,
    /// Where it came from.
    pub flow: Flow,
    /// The SIP Call-ID.
    pub call_id: Bytes,
    /// The Request-URI.
    pub request_uri: Bytes,
    /// The value of From.
    pub from: Bytes,
    /// The value of To.
    pub to: Bytes,
    /// The offer. `None`: we are to make one in the answer.
    pub sdp: Option<Bytes>,
    /// The whole INVITE, for whatever else the trunk agreed on.
    pub request: Message,
}

/// A request outside dialogs that the caller answers itself.
#[derive(Debug, Clone)]
pub struct Request {
    /// What to name in `answer_request`.
    pub id: RequestId,
    /// Whose it is.
    pub peer: PeerId,
    /// When it came.
    pub at: Now,
    /// Where it came from.
    pub flow: Flow,
    /// The request.
    pub request: Message,
}

/// A request outside dialogs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(pub(super) TransactionId);

/// What can happen to a leg. [`LegEvent::Ended`] comes once, whatever crosses, and after it nothing but messages.
#[derive(Debug, Clone)]
pub enum LegEvent {
    /// The INVITE goes out: to the first target, to a further one, or changed after a challenge.
    ///
    /// Whoever stores `snapshot` before it acts on anything else can end this call after a crash.
    Sent {
        /// The SIP Call-ID, the same in all attempts.
        call_id: Bytes,
        /// Where to.
        target: Target,
        /// What it takes to cancel it.
        snapshot: Snapshot,
    },
    /// One target was tried and failed. The next one follows as `Sent`, or the end as `Ended`.
    Attempt {
        /// Which.
        target: Target,
        /// How it failed.
        failure: AttemptFailure,
    },
    /// A provisional response that was not there before: 100, 181, 182, 183 without SDP. The first one ends the
    /// post-dial delay.
    Progress(Progress),
    /// The first 180.
    Ringing(Progress),
    /// The first SDP in a provisional response, and each one that differs from the last. Media may flow.
    EarlyMedia {
        /// The response that brought it.
        progress: Progress,
        /// The session description.
        sdp: Bytes,
        /// Its P-Early-Media.
        early_media: Option<Bytes>,
    },
    /// A 2xx to the INVITE came in (and was acknowledged), or went out. Comes even if the leg ends at once because a
    /// CANCEL crossed it.
    Answered {
        /// The session description that counts from now on: the peer's; `None` if it is still to come (with the ACK, or
        /// as `SessionOffer`).
        sdp: Option<Bytes>,
        /// What it takes to hang up. The latest one is the one to keep.
        snapshot: Snapshot,
    },
    /// The ACK to our 2xx came in.
    Confirmed,
    /// The dialog's routing changed: this snapshot replaces the last.
    Snapshot(Snapshot),
    /// The peer wants to change the session; `accept_offer` or `refuse_offer` must follow at once.
    SessionOffer {
        /// Its offer.
        sdp: Bytes,
    },
    /// The peer's offer holds no more: it gave its re-INVITE up, or we refused it because the caller had not answered in
    /// time. The session is as it was.
    OfferWithdrawn,
    /// An exchange is complete: the peer's answer to an offer of ours.
    SessionChanged {
        /// The answer.
        sdp: Bytes,
    },
    /// An offer of ours was refused, or met the peer's too often. The session is as it was.
    OfferFailed {
        /// The status that refused it; 408 if nothing came.
        status: u16,
    },
    /// The peer sent a digit by INFO.
    Dtmf {
        /// `0` to `9`, `*`, `#`, `A` to `D`, or `!` for a hook flash.
        digit: u8,
        /// How long it was held, milliseconds.
        duration_ms: Option<u32>,
    },
    /// The peer sent an INFO that is no digit. It was answered with 200.
    Info {
        /// Its type and body.
        content_type: Bytes,
        /// The octets.
        body: Bytes,
    },
    /// An INFO of ours was answered.
    InfoAnswered {
        /// The final status; 408 if nothing came.
        status: u16,
    },
    /// The peer asked to transfer the call. It was refused with 603.
    TransferAsked {
        /// The value of Refer-To.
        refer_to: Bytes,
    },
    /// A message of this leg went out or came in, repetitions too, up to half a minute after its end. Only if
    /// `Config::tells_messages` says so.
    Message {
        /// Which way.
        direction: Direction,
        /// The whole message.
        octets: Bytes,
    },
    /// The leg is over.
    Ended(Box<Ended>),
}

/// A provisional response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// 100 to 199.
    pub status: u16,
    /// Its reason phrase.
    pub reason_phrase: Bytes,
    /// Its Reason values as they came.
    pub reasons: Vec<Bytes>,
}

/// How a target failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptFailure {
    /// It refused.
    Status {
        /// 300 to 699.
        status: u16,
        /// Seconds that it wants to be left alone.
        retry_after: Option<u32>,
    },
    /// It said nothing, or 100 and no more, for as long as it may.
    Silence,
    /// Nothing could be sent to it.
    Unreachable,
}

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the peer.
    Sent,
    /// From the peer.
    Received,
}
