//! What a user remembers of one leg, and what holds of everything that it is told.

use bytes::Bytes;
use codecs::sip::ua::{LegEvent, Snapshot};

/// One leg, as its user knows it.
#[derive(Debug, Default)]
pub struct Account {
    pub is_incoming: bool,
    /// It was taken up from a snapshot.
    pub is_restored: bool,
    pub call_id: Bytes,
    pub has_ended: bool,
    pub is_answered: bool,
    is_confirmed: bool,
    has_rung: bool,
    sent: usize,
    told: Vec<u16>,
    /// What it takes to end it after a crash.
    pub snapshot: Option<Snapshot>,
    /// What we offered, while it is open.
    offered: Option<Bytes>,
    /// What the peer offered, while it is open.
    asked: Option<Bytes>,
    /// What the last exchange in mid-call agreed on: ours, and the peer's.
    pub agreed: Option<(Bytes, Bytes)>,
}

impl Account {
    pub fn incoming(call_id: Bytes) -> Self {
        Self { is_incoming: true, call_id, ..Self::default() }
    }

    pub fn restored(snapshot: Snapshot) -> Self {
        let call_id = snapshot.call_id().clone();
        Self { is_restored: true, call_id, snapshot: Some(snapshot), ..Self::default() }
    }

    /// Whether an exchange of offer and answer is open.
    pub fn is_exchanging(&self) -> bool {
        self.offered.is_some() || self.asked.is_some()
    }

    /// Whether the peer waits for our answer.
    pub fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// Our offer was taken.
    pub fn offers(&mut self, sdp: Bytes) {
        self.offered = Some(sdp);
    }

    /// Our answer was taken; without one, our refusal.
    pub fn replies(&mut self, answer: Option<Bytes>) {
        if let (Some(theirs), Some(ours), true) = (self.asked.take(), answer, self.is_answered) {
            self.agreed = Some((ours, theirs));
        }
    }

    /// Something is told of it.
    pub fn tell(&mut self, what: &LegEvent) {
        if matches!(what, LegEvent::Message { .. }) {
            return;
        }
        assert!(!self.has_ended, "told after the end");
        match what {
            LegEvent::Sent { call_id, snapshot, .. } => {
                assert!(!self.is_incoming && !self.is_answered);
                assert!(self.call_id.is_empty() || self.call_id == *call_id, "one call, one Call-ID");
                self.call_id = call_id.clone();
                self.snapshot = Some(snapshot.clone());
                self.sent += 1;
            }
            LegEvent::Attempt { .. } => assert!(self.sent > 0 && !self.is_answered),
            LegEvent::Progress(progress) => {
                self.early();
                assert!(!self.told.contains(&progress.status), "told before");
                self.told.push(progress.status);
            }
            LegEvent::Ringing(_) => {
                self.early();
                assert!(!std::mem::replace(&mut self.has_rung, true), "it rings once");
            }
            LegEvent::EarlyMedia { .. } => self.early(),
            LegEvent::Answered { snapshot, .. } => {
                assert!(!std::mem::replace(&mut self.is_answered, true), "answered once");
                assert!(self.is_incoming || self.sent > 0);
                assert!(snapshot.is_answered());
                self.snapshot = Some(snapshot.clone());
            }
            LegEvent::Confirmed => {
                assert!(self.is_incoming && self.is_answered);
                assert!(!std::mem::replace(&mut self.is_confirmed, true), "confirmed once");
            }
            LegEvent::Snapshot(snapshot) => {
                assert!(self.is_answered && snapshot.is_answered());
                self.snapshot = Some(snapshot.clone());
            }
            LegEvent::SessionOffer { sdp } => self.asked = Some(sdp.clone()),
            LegEvent::OfferWithdrawn => self.asked = None,
            LegEvent::SessionChanged { sdp } => {
                if let (Some(ours), true) = (self.offered.take(), self.is_answered) {
                    self.agreed = Some((ours, sdp.clone()));
                }
            }
            LegEvent::OfferFailed { .. } => {
                assert!(self.offered.take().is_some(), "nothing was offered");
            }
            LegEvent::InfoAnswered { .. } => assert!(self.is_answered),
            // These may overtake the answer.
            LegEvent::Dtmf { .. } | LegEvent::Info { .. } | LegEvent::TransferAsked { .. } => {}
            LegEvent::Ended(ended) => {
                assert_eq!(ended.evidence.answered, self.is_answered || self.snapshot_was_answered());
                self.has_ended = true;
            }
            LegEvent::Message { .. } => {}
        }
    }

    fn snapshot_was_answered(&self) -> bool {
        self.is_restored && self.snapshot.as_ref().is_some_and(Snapshot::is_answered)
    }

    fn early(&self) {
        assert!(!self.is_incoming && self.sent > 0, "of a call of ours that was sent");
        assert!(!self.is_answered, "states do not go back");
    }
}
