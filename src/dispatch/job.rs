//! What waits for a trunk: one message with the segments of it that are still to be sent.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::Room;
use crate::{
    domain::{Message, SegmentPlan, SegmentState, TrunkId},
    store::StoredMessage,
    trunk::sms::adapter::Prepared,
};

/// A segment that is still to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// Its number, from 1.
    pub segment: u8,
    /// Tries before.
    pub attempts: u16,
    /// Of these, how many the carrier refused.
    pub refused: u16,
    /// The last one was refused here, but another trunk may take it.
    pub elsewhere: bool,
}

impl Pending {
    /// A segment whose tries so far were all refused, or that had none.
    #[must_use]
    pub fn unsent(segment: u8, tries: u16) -> Self {
        Self { segment, attempts: tries, refused: tries, elsewhere: false }
    }

    /// It can't be with a carrier: each try was refused.
    #[must_use]
    pub fn is_unsent(&self) -> bool {
        self.attempts == self.refused
    }
}

/// A message on its way to a trunk.
#[derive(Debug, Clone)]
pub struct Job {
    /// What to send.
    pub message: Arc<Message>,
    /// How it is cut.
    pub plan: SegmentPlan,
    /// The cut message, where acceptance has just made it; `None` after a restart.
    pub prepared: Option<Arc<Prepared>>,
    /// The reference of its concatenation headers.
    pub reference: u16,
    /// Segments to be sent, in order.
    pub pending: VecDeque<Pending>,
    /// When it began to wait.
    pub queued: Instant,
    /// It must not leave before.
    pub not_before: Option<Timestamp>,
    /// Its place among the arrivals of its queue, from 1; 0: it has not been there yet.
    pub arrival: u64,
    /// Trunks whose carriers refused it.
    pub left_behind: Vec<TrunkId>,
    /// Its room in the backlog, given back when the last clone is gone. `None`: what is only remembered takes none.
    pub room: Option<Arc<Room>>,
}

impl Job {
    /// A message of which nothing was sent yet.
    #[must_use]
    pub fn fresh(message: Arc<Message>, prepared: Prepared, room: Room, now: Instant) -> Self {
        let (plan, reference) = (prepared.plan, prepared.reference);
        let pending = (1..=plan.segments).map(|segment| Pending::unsent(segment, 0)).collect();
        let (prepared, room) = (Some(Arc::new(prepared)), Some(Arc::new(room)));
        Self {
            message,
            plan,
            prepared,
            reference,
            pending,
            queued: now,
            not_before: None,
            arrival: 0,
            left_behind: Vec::new(),
            room,
        }
    }

    /// What a restart finds still to be sent of a message.
    #[must_use]
    pub fn resumed(stored: StoredMessage, room: Room, now: Instant) -> Self {
        let StoredMessage { message, delivery } = stored;
        let unsent =
            (1..).zip(&delivery.segments).filter(|(_, segment)| segment.state == SegmentState::Queued);
        // A try that may have reached the carrier left its mark on the message; without it, all were refused.
        let may_be_sent = delivery.possible_duplicate;
        let pending = unsent.map(|(segment, state)| {
            let unsent = Pending::unsent(segment, state.attempts);
            Pending { refused: if may_be_sent { 0 } else { unsent.refused }, ..unsent }
        });
        Self {
            plan: delivery.plan,
            prepared: None,
            reference: delivery.reference,
            message,
            pending: pending.collect(),
            queued: now,
            not_before: None,
            arrival: 0,
            left_behind: Vec::new(),
            room: Some(Arc::new(room)),
        }
    }

    /// The same, cut for another trunk, or for what its trunk has become. Only what is [whole](Self::is_whole).
    #[must_use]
    pub fn cut_anew(self, prepared: Prepared) -> Self {
        let tries = self.pending.iter().map(|pending| pending.attempts).max().unwrap_or(0);
        let pending = (1..=prepared.plan.segments).map(|segment| Pending::unsent(segment, tries)).collect();
        Self { plan: prepared.plan, pending, prepared: Some(Arc::new(prepared)), arrival: 0, ..self }
    }

    /// The same, not to leave before a time.
    #[must_use]
    pub fn not_before(self, time: Option<Timestamp>) -> Self {
        Self { not_before: time, ..self }
    }

    /// Some segment of it has left, or need not.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.pending.len() < usize::from(self.plan.segments)
    }

    /// How long it must wait from `wall` on.
    #[must_use]
    pub fn wait(&self, wall: Timestamp) -> Duration {
        let wait = self.not_before.map(|time| time.duration_since(wall));
        wait.and_then(|wait| Duration::try_from(wait).ok()).unwrap_or_default()
    }

    /// Nothing of it can be with a carrier: all of it waits here, and each try so far was refused.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.pending.len() == usize::from(self.plan.segments) && self.pending.iter().all(Pending::is_unsent)
    }
}
