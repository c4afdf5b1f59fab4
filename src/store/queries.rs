//! Reads of committed messages, outside the committer.

use std::ops::Bound;

use fjall::{Readable, Snapshot};
use serde::de::DeserializeOwned;

use super::{
    IdQuestion, InboundPart, KnownId, MessageKey, QueuedPage, StoreError, StoredMessage, Story,
    live::is_same_person,
    rows::{
        CarrierRow, RequestRow, Space, Spaces, carrier_key, check_key, corrupt, decode, id_of, request_key,
    },
    spans::{span_key, starts_in},
    txn::failed,
};
use crate::domain::{Delivery, Message, MessageId, SegmentState, TrunkId};

/// Ids of one span looked at that begin as a report's.
const MAX_LONGER: usize = 8;
/// Open messages looked at for one page of those that are to be sent.
const MAX_OPEN_READ: usize = 10_000;

/// A message with its state.
pub(super) fn message(spaces: &Spaces, key: &MessageKey) -> Result<Option<StoredMessage>, StoreError> {
    stored(spaces, &spaces.db.snapshot(), key)
}

/// A message with its history; what is on the wire is not committed and left to the committer.
pub(super) fn story(spaces: &Spaces, key: &MessageKey) -> Result<Option<Story>, StoreError> {
    let snapshot = spaces.db.snapshot();
    let Some(stored) = stored(spaces, &snapshot, key)? else { return Ok(None) };
    let history = get(spaces, &snapshot, Space::History, stored.message.id.octets())?.unwrap_or_default();
    Ok(Some(Story { stored, history, on_wire: Vec::new() }))
}

fn stored(
    spaces: &Spaces,
    snapshot: &Snapshot,
    key: &MessageKey,
) -> Result<Option<StoredMessage>, StoreError> {
    let id = match key {
        MessageKey::Id(id) => *id,
        MessageKey::Request(request) => match known_request(spaces, snapshot, &request_key(request))? {
            Some(row) => row.message_id,
            None => return Ok(None),
        },
    };
    let Some(message) = get(spaces, snapshot, Space::Message, id.octets())? else { return Ok(None) };
    let delivery = match get::<Delivery>(spaces, snapshot, Space::Open, id.octets())? {
        Some(delivery) => Some(delivery),
        None => get(spaces, snapshot, Space::Closed, id.octets())?,
    };
    let delivery = delivery.ok_or_else(|| corrupt(Space::Closed, id.octets(), "it is missing".into()))?;
    Ok(Some(StoredMessage { message, delivery }))
}

/// What is remembered of a request: the last time that its key was used.
fn known_request(spaces: &Spaces, snapshot: &Snapshot, key: &[u8]) -> Result<Option<RequestRow>, StoreError> {
    for span in starts_in(spaces, snapshot, Space::Request)?.into_iter().rev() {
        if let Some(known) = get(spaces, snapshot, Space::Request, &span_key(span, key))? {
            return Ok(Some(known));
        }
    }
    spaces.get_former(Space::Request, key)
}

/// Open messages with a segment still to be sent, in the order of acceptance.
pub(super) fn queued(
    spaces: &Spaces,
    after: Option<MessageId>,
    limit: usize,
) -> Result<QueuedPage, StoreError> {
    let snapshot = spaces.db.snapshot();
    let from = after.map_or(Bound::Unbounded, |id| Bound::Excluded(*id.octets()));
    let mut page = QueuedPage::default();
    for (seen, row) in
        snapshot.range::<[u8; 16], _>(&spaces[Space::Open], (from, Bound::Unbounded)).enumerate()
    {
        if page.messages.len() == limit || seen == MAX_OPEN_READ {
            return Ok(page);
        }
        let (key, row) = row.into_inner().map_err(|error| failed(&error))?;
        page.next = Some(id_of(Space::Open, &key)?);
        match queued_one(spaces, &snapshot, &key, &row) {
            Ok(stored) => page.messages.extend(stored),
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(%error, "an open message can't be read: it is left as it is, and the others go on");
                page.damaged += 1;
            }
            Err(error) => return Err(error),
        }
    }
    page.next = None;
    Ok(page)
}

/// The open message of a row, if something of it is still to be sent.
fn queued_one(
    spaces: &Spaces,
    snapshot: &Snapshot,
    key: &[u8],
    row: &[u8],
) -> Result<Option<StoredMessage>, StoreError> {
    let delivery: Delivery = decode(Space::Open, key, row)?;
    if delivery.segments.iter().all(|segment| segment.state != SegmentState::Queued) {
        return Ok(None);
    }
    let message = get(spaces, snapshot, Space::Message, key)?
        .ok_or_else(|| corrupt(Space::Message, key, "it is missing".into()))?;
    Ok(Some(StoredMessage { message, delivery }))
}

/// Which ids of a trunk's segments reports without a message can mean.
pub(super) fn known_ids(
    spaces: &Spaces,
    trunk: &TrunkId,
    questions: &[IdQuestion],
) -> Result<Vec<Option<KnownId>>, StoreError> {
    let snapshot = spaces.db.snapshot();
    questions.iter().map(|question| known_id(spaces, &snapshot, trunk, question)).collect()
}

fn known_id(
    spaces: &Spaces,
    snapshot: &Snapshot,
    trunk: &TrunkId,
    question: &IdQuestion,
) -> Result<Option<KnownId>, StoreError> {
    let is_theirs = |index: CarrierRow| -> Result<bool, StoreError> {
        for (message, _) in index {
            let message: Option<Message> = get(spaces, snapshot, Space::Message, message.octets())?;
            if message.is_some_and(|message| is_same_person(&message.to, &question.recipient)) {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let spans = starts_in(spaces, snapshot, Space::Carrier)?;
    for (place, id) in question.ids.iter().enumerate() {
        let key = carrier_key(trunk, id);
        let mut index: CarrierRow = spaces.get_former(Space::Carrier, &key)?.unwrap_or_default();
        for span in &spans {
            let more: Option<CarrierRow> = get(spaces, snapshot, Space::Carrier, &span_key(*span, &key))?;
            index.extend(more.into_iter().flatten());
        }
        if is_theirs(index)? {
            return Ok(Some(KnownId::Whole(place)));
        }
    }
    let Some(beginning) = &question.beginning else { return Ok(None) };
    for span in spans.into_iter().rev() {
        let key = span_key(span, &carrier_key(trunk, beginning));
        for row in snapshot.prefix(&spaces[Space::Carrier], key).take(MAX_LONGER) {
            let (key, row) = row.into_inner().map_err(|error| failed(&error))?;
            if is_theirs(decode(Space::Carrier, &key, &row)?)? {
                return Ok(Some(KnownId::Longer));
            }
        }
    }
    Ok(None)
}

/// The parts of incoming messages that are not whole, in the order they came.
pub(super) fn inbound_parts(spaces: &Spaces) -> Result<Vec<InboundPart>, StoreError> {
    let snapshot = spaces.db.snapshot();
    snapshot
        .iter(&spaces[Space::Part])
        .map(|row| {
            let (key, row) = row.into_inner().map_err(|error| failed(&error))?;
            decode(Space::Part, &key, &row)
        })
        .collect()
}

pub(super) fn get<T: DeserializeOwned>(
    spaces: &Spaces,
    snapshot: &Snapshot,
    space: Space,
    key: &[u8],
) -> Result<Option<T>, StoreError> {
    check_key(space, key)?;
    let row = snapshot.get(&spaces[space], key).map_err(|error| failed(&error))?;
    row.map(|row| decode(space, key, &row)).transpose()
}
