//! Open messages as the verbs hold them: taken, changed, kept; the recent ones stay decoded in memory.

use super::hashing::IdMap;
use std::sync::Arc;

use crate::domain::{Delivery, Message, MessageId, Number, SegmentState, TrunkId};

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
    /// Whether a report or request with this recipient means the same person. Empty says nothing.
    pub(super) fn is_for(&self, recipient: &Number) -> bool {
        recipient.digits().is_empty() || recipient.comparable() == self.message.to.comparable()
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

/// A trunk and a recipient in comparable form.
type Destination = (TrunkId, Box<str>);

/// Segments of open messages whose fate nobody knows, by trunk and recipient: what a report without a known id may
/// mean.
#[derive(Default)]
pub(super) struct Ambiguous {
    by_recipient: IdMap<Destination, Vec<(MessageId, u8)>>,
    keys: IdMap<MessageId, Vec<Destination>>,
    segments: u64,
}

impl Ambiguous {
    /// Segments in all.
    pub(super) fn len(&self) -> u64 {
        self.segments
    }

    /// Takes note of how a message stands now.
    pub(super) fn note(&mut self, id: MessageId, live: &Live) {
        let ambiguous = |state| state == SegmentState::Ambiguous;
        let any = live.delivery.ended.is_none()
            && live.delivery.segments.iter().any(|segment| ambiguous(segment.state));
        if !any && self.keys.is_empty() {
            return;
        }
        self.forget(id);
        if !any {
            return;
        }
        for (segment, number) in live.delivery.segments.iter().zip(1u8..) {
            let Some(trunk) = segment.trunk_id.clone().filter(|_| ambiguous(segment.state)) else { continue };
            let key = (trunk, live.message.to.comparable().into());
            self.by_recipient.entry(key.clone()).or_default().push((id, number));
            self.keys.entry(id).or_default().push(key);
            self.segments += 1;
        }
    }

    /// The segments on `trunk` that may have gone to `recipient`.
    pub(super) fn on(&self, trunk: &TrunkId, recipient: &Number) -> Vec<(MessageId, u8)> {
        if self.keys.is_empty() {
            return Vec::new();
        }
        self.by_recipient.get(&(trunk.clone(), recipient.comparable().into())).cloned().unwrap_or_default()
    }

    fn forget(&mut self, id: MessageId) {
        for key in self.keys.remove(&id).unwrap_or_default() {
            self.segments -= 1;
            if let Some(entries) = self.by_recipient.get_mut(&key) {
                if let Some(at) = entries.iter().position(|(other, _)| *other == id) {
                    entries.swap_remove(at);
                }
                if entries.is_empty() {
                    self.by_recipient.remove(&key);
                }
            }
        }
    }
}
