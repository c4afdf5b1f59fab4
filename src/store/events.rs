//! The log of events: appended by the committer, read by anybody.

use std::ops::Bound;

use fjall::Readable;
use jiff::Timestamp;

use super::{
    EventPage, StoreError,
    rows::{Space, Spaces, decode, number_key, number_of},
    txn::failed,
    verbs::Verbs,
};
use crate::domain::Event;

impl Verbs {
    pub(super) fn append_events(&mut self, events: Vec<Event>) -> Result<(), StoreError> {
        events.into_iter().try_for_each(|event| self.tell(event))
    }
}

/// Events after a place in the log.
pub(super) fn page(spaces: &Spaces, after: u64, limit: usize) -> Result<EventPage, StoreError> {
    // A snapshot: of a group that is just being committed, a bare range would show some rows and not others.
    let snapshot = spaces.db.snapshot();
    let mut page = EventPage { events: Vec::with_capacity(limit.min(1024)), upto: after };
    let from = (Bound::Excluded(number_key(after)), Bound::Unbounded);
    for row in snapshot.range(&spaces[Space::Event], from).take(limit) {
        let (key, row) = row.into_inner().map_err(|error| failed(&error))?;
        page.upto = number_of(Space::Event, &key)?;
        page.events.push(decode(Space::Event, &key, &row)?);
    }
    Ok(page)
}

/// The first event that is left, if there is any.
pub(super) fn first(spaces: &Spaces) -> Result<Option<Event>, StoreError> {
    end_of(spaces.db.snapshot().first_key_value(&spaces[Space::Event]))
}

/// The last event, if there is any.
pub(super) fn last(spaces: &Spaces) -> Result<Option<Event>, StoreError> {
    end_of(spaces.db.snapshot().last_key_value(&spaces[Space::Event]))
}

/// Sequence of the last event recorded before `time`; 0 if there is none. Times of recording never go back.
pub(super) fn sequence_at(spaces: &Spaces, time: Timestamp) -> Result<u64, StoreError> {
    let snapshot = spaces.db.snapshot();
    let events = &spaces[Space::Event];
    let (Some(first), Some(last)) =
        (end_of(snapshot.first_key_value(events))?, end_of(snapshot.last_key_value(events))?)
    else {
        return Ok(0);
    };
    // The first sequence not recorded before `time` lies in low..=high.
    let (mut low, mut high) = (first.id.sequence, last.id.sequence + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let key = number_key(middle);
        let before = match snapshot.get(events, &key).map_err(|error| failed(&error))? {
            Some(row) => decode::<Event>(Space::Event, &key, &row)?.record_time < time,
            None => true,
        };
        if before { low = middle + 1 } else { high = middle }
    }
    Ok(low - 1)
}

fn end_of(row: Option<fjall::Guard>) -> Result<Option<Event>, StoreError> {
    let Some(row) = row else { return Ok(None) };
    let (key, row) = row.into_inner().map_err(|error| failed(&error))?;
    decode(Space::Event, &key, &row).map(Some)
}
