//! Open messages as the verbs hold them: taken, changed, kept; the recent ones stay decoded in memory.

use super::hashing::IdMap;
use std::sync::Arc;

use crate::domain::{Delivery, Message, MessageId, Number, SegmentState};

/// Memory for one of the two generations, octets.
const GENERATION_OCTETS: usize = 16 * 1024 * 1024;
/// What a message takes beside its texts, octets, about.
const LIVE_OCTETS: usize = 1024;

/// A message with its state, in a verb's hands.
pub(super) struct Live {
    pub(super) message: Arc<Message>,
    pub(super) delivery: Delivery,
    /// Its row lies in `closed`.
    pub(super) closed: bool,
}

impl Live {
    /// Whether a report or request with this recipient means the same person.
    pub(super) fn is_for(&self, recipient: &Number) -> bool {
        is_same_person(&self.message.to, recipient)
    }

    pub(super) fn segment_state(&self, number: u8) -> Option<SegmentState> {
        let index = usize::from(number).checked_sub(1)?;
        self.delivery.segments.get(index).map(|segment| segment.state)
    }

    fn octets(&self) -> usize {
        let content = match &self.message.content {
            crate::domain::Content::Text(text) => text.len(),
            crate::domain::Content::Binary(binary) => binary.data.len(),
        };
        let labels: usize =
            self.message.labels.iter().map(|(name, value)| name.len() + value.len() + 48).sum();
        LIVE_OCTETS + content + labels + self.delivery.segments.len() * size_of::<crate::domain::Segment>()
    }
}

/// Whether the recipient that a carrier names can be that of a message. Empty says nothing.
pub(super) fn is_same_person(to: &Number, named: &Number) -> bool {
    named.digits().is_empty() || named.comparable() == to.comparable()
}

/// The open messages used last, in two generations: when the young one is full it becomes the old one, and what was
/// not used since is forgotten. Only a copy of the rows: losing an entry costs a read.
#[derive(Default)]
pub(super) struct Cache {
    young: IdMap<MessageId, Box<Live>>,
    old: IdMap<MessageId, Box<Live>>,
    young_octets: usize,
}

impl Cache {
    pub(super) fn peek(&self, id: MessageId) -> Option<&Live> {
        self.young.get(&id).or_else(|| self.old.get(&id)).map(Box::as_ref)
    }

    pub(super) fn take(&mut self, id: MessageId) -> Option<Box<Live>> {
        if let Some(live) = self.young.remove(&id) {
            self.young_octets = self.young_octets.saturating_sub(live.octets());
            return Some(live);
        }
        self.old.remove(&id)
    }

    pub(super) fn keep(&mut self, id: MessageId, live: Box<Live>) {
        self.young_octets += live.octets();
        self.young.insert(id, live);
        if self.young_octets > GENERATION_OCTETS {
            self.old = std::mem::take(&mut self.young);
            self.young_octets = 0;
        }
    }
}
