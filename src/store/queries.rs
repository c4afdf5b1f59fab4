//! Reads of committed messages, outside the committer.

use std::ops::Bound;

use fjall::{Readable, Snapshot};
use serde::de::DeserializeOwned;

use super::{
    IdQuestion, InboundPart, KnownId, MessageKey, StoreError, StoredMessage, Story,
    live::is_same_person,
    rows::{
        CarrierRow, RequestRow, Space, Spaces, carrier_key, check_key, corrupt, decode, id_of, request_key,
    },
    txn::failed,
};
use crate::domain::{Delivery, Message, MessageId, SegmentState, TrunkId};

/// Ids looked at that begin as a report's.
const MAX_LONGER: usize = 8;

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
        MessageKey::Request(request) => {
            match get::<RequestRow>(spaces, snapshot, Space::Request, &request_key(request))? {
                Some(row) => row.message_id,
                None => return Ok(None),
            }
        }
    };
    let Some(message) = get(spaces, snapshot, Space::Message, id.octets())? else { return Ok(None) };
    let delivery = match get::<Delivery>(spaces, snapshot, Space::Open, id.octets())? {
        Some(delivery) => Some(delivery),
        None => get(spaces, snapshot, Space::Closed, id.octets())?,
    };
    let delivery = delivery.ok_or_else(|| corrupt(Space::Closed, id.octets(), "it is missing".into()))?;
    Ok(Some(StoredMessage { message, delivery }))
}

/// Open messages with a segment still to be sent, in the order of acceptance.
pub(super) fn queued(
    spaces: &Spaces,
    after: Option<MessageId>,
    limit: usize,
) -> Result<Vec<StoredMessage>, StoreError> {
    let snapshot = spaces.db.snapshot();
    let from = after.map_or(Bound::Unbounded, |id| Bound::Excluded(*id.octets()));
    let mut found = Vec::new();
    for row in snapshot.range::<[u8; 16], _>(&spaces[Space::Open], (from, Bound::Unbounded)) {
        if found.len() == limit {
            break;
        }
        let (key, row) = row.into_inner().map_err(|error| failed(&error))?;
        let delivery: Delivery = decode(Space::Open, &key, &row)?;
        if delivery.segments.iter().any(|segment| segment.state == SegmentState::Queued) {
            let id = id_of(Space::Open, &key)?;
            let message = get(spaces, &snapshot, Space::Message, id.octets())?
                .ok_or_else(|| corrupt(Space::Message, id.octets(), "it is missing".into()))?;
            found.push(StoredMessage { message, delivery });
        }
    }
    Ok(found)
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
    for (place, id) in question.ids.iter().enumerate() {
        let index: Option<CarrierRow> = get(spaces, snapshot, Space::Carrier, &carrier_key(trunk, id))?;
        if is_theirs(index.unwrap_or_default())? {
            return Ok(Some(KnownId::Whole(place)));
        }
    }
    let Some(beginning) = &question.beginning else { return Ok(None) };
    let longer = snapshot.prefix(&spaces[Space::Carrier], carrier_key(trunk, beginning));
    for row in longer.take(MAX_LONGER) {
        let (key, row) = row.into_inner().map_err(|error| failed(&error))?;
        if is_theirs(decode(Space::Carrier, &key, &row)?)? {
            return Ok(Some(KnownId::Longer));
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

fn get<T: DeserializeOwned>(
    spaces: &Spaces,
    snapshot: &Snapshot,
    space: Space,
    key: &[u8],
) -> Result<Option<T>, StoreError> {
    check_key(space, key)?;
    let row = snapshot.get(&spaces[space], key).map_err(|error| failed(&error))?;
    row.map(|row| decode(space, key, &row)).transpose()
}
