//! One dialog of a leg, with all that runs in it.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{Body, Response};
use crate::sip::{
    Flow, Message, Target,
    dialog::{Dialog, prack, session_timer::SessionTimer},
    transaction::TransactionId,
};

/// One session of a leg. Never used again within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SessionId(pub u32);

/// A dialog and what runs in it.
#[derive(Debug)]
pub(super) struct Session {
    pub id: SessionId,
    pub dialog: Dialog,
    /// The address that spoke for it: where names go, and everything if it is pinned.
    pub pin: Target,
    pub timer: SessionTimer,
    /// Whether the peer takes UPDATE.
    pub allows_update: bool,
    /// Whether the first exchange of offer and answer is complete, reliably.
    pub is_negotiated: bool,
    /// What we said last.
    pub local_sdp: Option<Body>,
    /// What the peer said last.
    pub remote_sdp: Option<Bytes>,
    /// Reliable provisional responses of the peer.
    pub received: prack::Receiver,
    /// Our own.
    pub sent: prack::Sender<Message>,
    /// Our own that wait for the one before them.
    pub waiting: Vec<Response>,
    /// The ACK that we sent last, for when the 2xx comes again.
    pub ack: Option<SentAck>,
    /// A 2xx of ours whose ACK has not come.
    pub unacknowledged: Option<Unacknowledged>,
    /// What the peer's open offer came in.
    pub their_offer: Option<TheirOffer>,
    /// An offer of ours that is open, or waits for its turn.
    pub our_offer: Option<OurOffer>,
    /// INFO requests of ours that wait for the answer to the one before them.
    pub infos: VecDeque<Body>,
    /// A BYE of either side has gone.
    pub is_over: bool,
}

/// The ACK to a 2xx.
#[derive(Debug, Clone)]
pub(super) struct SentAck {
    pub sequence: u32,
    pub message: Message,
    pub target: Target,
}

/// A 2xx of ours that is sent again until its ACK comes.
#[derive(Debug)]
pub(super) struct Unacknowledged {
    pub transaction: TransactionId,
    pub sequence: u32,
    pub response: Message,
    pub interval: Duration,
    pub again: Instant,
    pub until: Instant,
    /// The 2xx carried an offer, so the ACK must bring the answer.
    pub awaits_answer: bool,
}

/// What an open offer of the peer came in.
#[derive(Debug)]
pub(super) struct TheirOffer {
    pub carrier: Carrier,
    /// When we refuse it because the caller has not answered.
    pub until: Instant,
}

#[derive(Debug)]
pub(super) enum Carrier {
    /// The 2xx to an INVITE of ours without an offer: the answer goes into the ACK.
    Success { sequence: u32, invite: Message },
    /// A reliable provisional response: the answer goes into the PRACK.
    Provisional { rseq: u32, sequence: u32 },
    /// A re-INVITE, UPDATE or PRACK that waits for our response.
    Request { transaction: TransactionId, flow: Flow, request: Box<Message> },
}

/// An offer of ours.
#[derive(Debug)]
pub(super) struct OurOffer {
    pub sdp: Body,
    /// How often it met one of the peer.
    pub glares: u8,
    pub state: OfferState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OfferState {
    /// As soon as nothing else is open.
    Waiting,
    /// Not before this.
    Delayed(Instant),
    /// On its way in a request of ours.
    Open,
}

impl Session {
    pub fn new(id: SessionId, dialog: Dialog, pin: Target, timer: SessionTimer, random: u64) -> Self {
        Self {
            id,
            dialog,
            pin,
            timer,
            allows_update: false,
            is_negotiated: false,
            local_sdp: None,
            remote_sdp: None,
            received: prack::Receiver::default(),
            sent: prack::Sender::new(random),
            waiting: Vec::new(),
            ack: None,
            unacknowledged: None,
            their_offer: None,
            our_offer: None,
            infos: VecDeque::new(),
            is_over: false,
        }
    }

    /// The next instant at which something in it is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let unacknowledged = self.unacknowledged.as_ref().map(|one| one.again.min(one.until));
        if self.is_over {
            return unacknowledged;
        }
        let delayed = match &self.our_offer {
            Some(OurOffer { state: OfferState::Delayed(at), .. }) => Some(*at),
            _ => None,
        };
        let theirs = self.their_offer.as_ref().map(|offer| offer.until);
        [self.timer.poll_timeout(), self.sent.poll_timeout(), unacknowledged, delayed, theirs]
            .into_iter()
            .flatten()
            .min()
    }
}
