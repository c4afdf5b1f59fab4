//! Reads of committed calls, outside the committer.

use fjall::Readable;
use jiff::Timestamp;

use super::{ALIVE_KEY, CallKey, CallRequestRow, LeftCalls, OpenCall, StoredCall};
use crate::{
    domain::CallId,
    store::{
        StoreError,
        queries::get,
        rows::{Space, Spaces, call_id_of, decode, request_key},
        spans::{span_key, starts_in},
        txn::failed,
    },
};

/// The calls that the last run left open, the oldest first.
pub(super) fn left(spaces: &Spaces) -> Result<LeftCalls, StoreError> {
    let snapshot = spaces.db.snapshot();
    let mut left = LeftCalls::default();
    for row in snapshot.iter(&spaces[Space::CallOpen]) {
        let (key, row) = row.into_inner().map_err(|error| failed(&error))?;
        match decode::<OpenCall>(Space::CallOpen, &key, &row) {
            Ok(open) => left.open.push(open),
            Err(error) => {
                tracing::error!(call_id = %call_id_of(Space::CallOpen, &key)?, %error, "a call that was open can't be read: it is left as it is");
                left.damaged += 1;
            }
        }
    }
    let alive: Option<i64> = get(spaces, &snapshot, Space::Meta, ALIVE_KEY)?;
    left.alive = alive.and_then(|time| Timestamp::from_microsecond(time).ok());
    Ok(left)
}

/// A call as it is on the disk.
pub(super) fn call(spaces: &Spaces, key: &CallKey) -> Result<Option<StoredCall>, StoreError> {
    let snapshot = spaces.db.snapshot();
    let id: CallId = match key {
        CallKey::Id(id) => *id,
        CallKey::Request(request) => {
            let key = request_key(request);
            let mut known = None;
            for span in starts_in(spaces, &snapshot, Space::CallRequest)?.into_iter().rev() {
                known = get::<CallRequestRow>(spaces, &snapshot, Space::CallRequest, &span_key(span, &key))?;
                if known.is_some() {
                    break;
                }
            }
            match known {
                Some(row) => row.call_id,
                None => return Ok(None),
            }
        }
    };
    if let Some(open) = get::<OpenCall>(spaces, &snapshot, Space::CallOpen, id.octets())? {
        return Ok(Some(StoredCall::Open(Box::new(open))));
    }
    let Some(record) = get(spaces, &snapshot, Space::CallRecord, id.octets())? else { return Ok(None) };
    let ladder = get(spaces, &snapshot, Space::CallLadder, id.octets())?.unwrap_or_default();
    Ok(Some(StoredCall::Ended(Box::new((record, ladder)))))
}
