//! Reads of committed messages, outside the committer.

use std::ops::Bound;

use fjall::{Readable, Snapshot};
use serde::de::DeserializeOwned;

use super::{
    InboundPart, MessageKey, StoreError, StoredMessage, Story,
    live::is_same_person,
    rows::{
        CarrierRow, RequestRow, Space, Spaces, carrier_key, check_key, corrupt, decode, id_of, request_key,
    },
    txn::failed,
};
use crate::domain::{CarrierId, Delivery, Message, MessageId, Number, SegmentState, TrunkId};

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

/// For each recipient with ids: the place of the first id that a segment to that recipient has on a trunk.
pub(super) fn known_ids(
    spaces: &Spaces,
    trunk: &TrunkId,
    asked: &[(Number, Vec<CarrierId>)],
) -> Result<Vec<Option<usize>>, StoreError> {
    let snapshot = spaces.db.snapshot();
    let is_of = |id: &CarrierId, recipient: &Number| -> Result<bool, StoreError> {
        let index: Option<CarrierRow> = get(spaces, &snapshot, Space::Carrier, &carrier_key(trunk, id))?;
        for (message, _) in index.unwrap_or_default() {
            let message: Option<Message> = get(spaces, &snapshot, Space::Message, message.octets())?;
            if message.is_some_and(|message| is_same_person(&message.to, recipient)) {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let mut found = Vec::with_capacity(asked.len());
    for (recipient, ids) in asked {
        let mut place = None;
        for (at, id) in ids.iter().enumerate() {
            if is_of(id, recipient)? {
                place = Some(at);
                break;
            }
        }
        found.push(place);
    }
    Ok(found)
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
