//! What calls see of SIP, as data: orders go in, facts come out. No SIP message and no dialog passes here, and the trunk's
//! side has never heard of a store.
//!
//! A call is put on a trunk as a [`Placement`]; on another trunk it is another placement of the same call, and the first
//! may not have ended yet. Each placement ends in exactly one [`CallFact::Ended`], whatever crosses on the wire, and
//! nothing comes after it but rungs of the ladder.
//!
//! # Back-pressure
//! Both channels are bounded. A driver whose facts find no room keeps them in its endpoint, and goes on taking orders: so
//! neither side ever waits for the other to wait for it. Calls hand over few orders for each call, and calls are bounded.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use codecs::Now;
use tokio::sync::mpsc;

use crate::domain::{Call, CallId, Cause, Evidence, Number, Rung, Sdp, TrunkId};

/// One call on one trunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Placement {
    /// The call.
    pub call: CallId,
    /// Which of the call's placements it is, from 1. Incoming calls have only one.
    pub number: u16,
}

/// What calls want of a trunk.
#[derive(Debug, Clone)]
pub enum CallOrder {
    /// Call somebody.
    Place(Box<Place>),
    /// Tell an incoming call's carrier that it rings. With a session description: early media.
    Ring {
        /// The call.
        placement: Placement,
        /// What the caller hears meanwhile.
        sdp: Option<Sdp>,
    },
    /// Answer an incoming call.
    Answer {
        /// The call.
        placement: Placement,
        /// The answer to the caller's offer, or the offer, if the INVITE had none.
        sdp: Sdp,
    },
    /// Refuse an incoming call.
    Reject {
        /// The call.
        placement: Placement,
        /// 300 to 699.
        status: u16,
    },
    /// End it with the request that its state asks for: CANCEL, BYE, or a wait for what allows one of them.
    Hangup {
        /// The call.
        placement: Placement,
        /// Why; decides the Reason header.
        why: HangupWhy,
    },
    /// Offer the peer another session.
    Offer {
        /// The call.
        placement: Placement,
        /// The offer.
        sdp: Sdp,
    },
    /// Answer the peer's [`CallFact::SessionOffer`].
    AcceptOffer {
        /// The call.
        placement: Placement,
        /// The answer.
        sdp: Sdp,
    },
    /// Refuse the peer's [`CallFact::SessionOffer`]; the session stays as it was.
    RefuseOffer {
        /// The call.
        placement: Placement,
        /// 488 as a rule.
        status: u16,
    },
    /// Press keys, by INFO.
    Dtmf {
        /// The call.
        placement: Placement,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        digits: String,
    },
    /// End what a crash left open, from the snapshot that it left. No fact tells of it.
    End {
        /// The call, for the log.
        call: CallId,
        /// The trunk whose snapshot it is.
        trunk: TrunkId,
        /// As [`CallFact::Sent`], [`CallFact::Snapshot`] or [`CallFact::Answered`] gave it.
        snapshot: Bytes,
    },
}

/// A call to be placed.
#[derive(Debug, Clone)]
pub struct Place {
    /// Which placement this is.
    pub placement: Placement,
    /// On which trunk.
    pub trunk: TrunkId,
    /// What was asked. The caller's numbers were found among the trunk's permitted ones, and the headers among those that
    /// it allows: nothing else of a request sets who calls.
    pub call: Arc<Call>,
    /// The offer.
    pub sdp: Sdp,
    /// How long it may ring from now on; calls hang up then.
    pub ring_left: Duration,
}

/// Why a call is hung up by us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HangupWhy {
    /// The platform said so; its words.
    Platform(String),
    /// Nobody answered in time.
    RingTimeout,
    /// Nothing was heard for as long as the trunk may take: another trunk is tried.
    PostDialDelay,
    /// It has lasted as long as it may.
    MaxDuration,
    /// The daemon ends.
    Drain,
}

/// Something that happened to a placement.
#[derive(Debug)]
pub struct CallNews {
    /// Which.
    pub placement: Placement,
    /// When, as read for the octets that it comes from.
    pub at: Now,
    /// What.
    pub fact: CallFact,
}

/// What happened.
#[derive(Debug)]
pub enum CallFact {
    /// Somebody calls. The placement's call id is fresh.
    Incoming(Box<Incoming>),
    /// An INVITE left for a gateway: the first of the placement, or the next after an [`CallFact::AttemptFailed`].
    Sent {
        /// Transport and address of the gateway.
        gateway: String,
        /// The Call-ID on the wire.
        sip_call_id: String,
        /// What suffices to cancel it after a crash.
        snapshot: Bytes,
    },
    /// The first provisional response beyond 100: the callee's side was reached.
    Progress,
    /// 180, received or sent. May be told more than once.
    Ringing,
    /// A session description before the answer, received or sent. May be told more than once.
    EarlyMedia {
        /// The peer's description; `None`: it is our own, which an incoming call hears.
        sdp: Option<Sdp>,
    },
    /// 2xx, received or sent.
    Answered {
        /// The peer's description; `None`: it came before, or the peer answers our offer in its ACK.
        sdp: Option<Sdp>,
        /// What suffices to end the dialog after a crash.
        snapshot: Bytes,
    },
    /// What suffices to end it has changed; replaces the former snapshot of this placement.
    Snapshot(Bytes),
    /// The peer offers another session: answer with [`CallOrder::AcceptOffer`] or [`CallOrder::RefuseOffer`]. Refreshes
    /// that change nothing are answered by the trunk.
    SessionOffer {
        /// The offer; `None`: the peer asks us to make one.
        sdp: Option<Sdp>,
    },
    /// The session is now as the peer describes it here: our offer was accepted, or our answer to its own has arrived.
    SessionChanged {
        /// The peer's description.
        sdp: Sdp,
    },
    /// The peer took its offer back, or waited for the answer too long; the session stays as it was.
    OfferWithdrawn,
    /// Our offer was refused; the session stays as it was.
    OfferFailed {
        /// The peer's status; 0: none came.
        status: u16,
    },
    /// The peer pressed keys.
    Dtmf {
        /// Which.
        digits: String,
        /// How long each, where it was said.
        duration: Option<Duration>,
    },
    /// A gateway did not take it; another one of the same trunk is tried next.
    AttemptFailed {
        /// What that would have meant.
        cause: Cause,
        /// What was said.
        evidence: Evidence,
    },
    /// A message left or came.
    Message(Box<Rung>),
    /// It is over. Exactly once for each placement.
    Ended {
        /// Why.
        cause: Cause,
        /// What was said.
        evidence: Evidence,
        /// The carrier asks for a pause: Retry-After of a 503.
        retry_after: Option<Duration>,
    },
}

/// Somebody calls.
#[derive(Debug)]
pub struct Incoming {
    /// Where it came in.
    pub trunk: TrunkId,
    /// Transport and address that it came from.
    pub gateway: String,
    /// Who calls, as the carrier asserts it, in the platform's form.
    pub caller: Number,
    /// Who is called, in the platform's form.
    pub callee: Number,
    /// The offer; `None`: the INVITE has none, and we are to make one.
    pub sdp: Option<Sdp>,
    /// The Call-ID on the wire.
    pub sip_call_id: String,
    /// Headers that the trunk lets through.
    pub headers: Vec<(String, String)>,
    /// Its place among the trunk's concurrent calls.
    pub slot: CallSlot,
    /// What suffices to end it after a crash.
    pub snapshot: Bytes,
}

/// The side of the boundary that calls hold.
#[derive(Debug)]
pub struct CallSide {
    /// What they want.
    pub orders: mpsc::Sender<CallOrder>,
    /// What they are told.
    pub news: mpsc::Receiver<CallNews>,
}

/// The side of the boundary that the driver holds.
#[derive(Debug)]
pub struct TrunkSide {
    /// What it is to do.
    pub orders: mpsc::Receiver<CallOrder>,
    /// What it tells.
    pub news: mpsc::Sender<CallNews>,
}

/// Both sides; each channel holds `room` entries.
#[must_use]
pub fn boundary(room: usize) -> (CallSide, TrunkSide) {
    let (give, take) = mpsc::channel(room);
    let (tell, hear) = mpsc::channel(room);
    (CallSide { orders: give, news: hear }, TrunkSide { orders: take, news: tell })
}

/// A trunk's places for concurrent calls, in both directions. Clones share them.
#[derive(Debug, Clone)]
pub struct CallSlots(Arc<Places>);

#[derive(Debug)]
struct Places {
    limit: AtomicUsize,
    taken: AtomicUsize,
}

impl CallSlots {
    /// As many places as the carrier allows; `None`: as many as are wanted.
    #[must_use]
    pub fn new(limit: Option<usize>) -> Self {
        let limit = limit.unwrap_or(usize::MAX);
        Self(Arc::new(Places { limit: AtomicUsize::new(limit), taken: AtomicUsize::new(0) }))
    }

    /// Takes a place, if one is free. It is free again when the slot is dropped.
    #[must_use]
    pub fn take(&self) -> Option<CallSlot> {
        let limit = self.0.limit.load(Ordering::Relaxed);
        let one_more = |taken: usize| (taken < limit).then_some(taken + 1);
        let taken = self.0.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more);
        taken.ok().map(|_| CallSlot(self.0.clone()))
    }

    /// Places taken now.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.0.taken.load(Ordering::Acquire)
    }

    /// Changes how many there are. Calls beyond a lower limit go on.
    pub fn set_limit(&self, limit: Option<usize>) {
        self.0.limit.store(limit.unwrap_or(usize::MAX), Ordering::Relaxed);
    }
}

/// A place among a trunk's concurrent calls, from the INVITE to the end of the dialog.
#[derive(Debug)]
pub struct CallSlot(Arc<Places>);

impl Drop for CallSlot {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_free_again_when_it_is_dropped() {
        let slots = CallSlots::new(Some(2));
        let (first, second) = (slots.take().unwrap(), slots.take().unwrap());
        assert!(slots.take().is_none());
        drop(first);
        assert!(slots.take().is_some());
        assert_eq!(slots.taken(), 1);
        drop(second);
        assert_eq!(slots.taken(), 0);
    }

    #[test]
    fn a_lower_limit_takes_no_slot_away_and_gives_none_out() {
        let slots = CallSlots::new(None);
        let held: Vec<_> = (0..3).filter_map(|_| slots.take()).collect();
        slots.set_limit(Some(2));
        assert!(slots.take().is_none());
        assert_eq!(slots.taken(), held.len());
        drop(held);
        assert!(slots.take().is_some());
    }
}
