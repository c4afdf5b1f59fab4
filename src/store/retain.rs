//! Retention: what is over goes in whole days.
//!
//! The rows of a message or a call begin with its id, and so with the day of its acceptance; events are numbered in the order of time;
//! requests and carrier ids lie in [spans](super::spans). So whatever is over is a stretch of keys, and the engine drops
//! every table that lies in it, without reading or rewriting it. Only the tables at the edges hold other rows too: from
//! them the stretch's rows are removed one by one.
//!
//! Nothing says how far a drop has come, and nothing needs to: it begins with the first row that is there. So a kill at
//! any point leaves a folder that opens, and the next pass goes on. The message itself goes first: without it, its other
//! rows are not looked at.
//!
//! # Why
//! A keyspace for each day and kind would be dropped as simply. But of 1,100 keyspaces with a hundred rows each, half a
//! year of six kinds, the engine's opening alone took 4.6 s, half of what a start may take (0.4 s for 200); each new one
//! held the committer up for 44 ms; and every look-up would have to find its keyspace first.

use std::{ops::Range, time::Duration};

use fjall::{AbstractTree, Readable, Slice, Snapshot};
use jiff::Timestamp;

use super::{
    Cursor, Retained, Store, StoreError, Subscription, events,
    rows::{Space, Spaces, id_of, number_key},
    spans::{day_of, days_in, first_alive, starts_in},
    subscriptions,
    sweep::{accepted_at, first_at},
    txn::failed,
    verbs::Verbs,
};
use crate::config::{MessageConfig, StoreConfig};

/// What goes by the day of its acceptance.
struct Kind {
    /// What is known of one, in the order in which it goes.
    rows: &'static [Space],
    /// Where one lies that has not ended, and keeps its whole day.
    open: Space,
}

const KINDS: [Kind; 2] = [
    Kind { rows: &[Space::Message, Space::Closed, Space::History], open: Space::Open },
    Kind { rows: &[Space::CallRecord, Space::CallLadder], open: Space::CallOpen },
];
/// Rows removed in one commit.
const ROWS_AT_ONCE: usize = 500;
const DAY_MILLIS: i64 = 86_400_000;

/// How long what is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lives {
    pub(super) records: Duration,
    pub(super) events: Duration,
    pub(super) requests: Duration,
    pub(super) carrier_ids: Duration,
}

impl Lives {
    pub(super) fn new(store: &StoreConfig, messages: &MessageConfig) -> Self {
        Self {
            records: store.retention.records,
            events: store.retention.events,
            requests: store.retention.requests,
            // A report may come that late after the answer that named the id, and a while after its message was given up.
            carrier_ids: messages.report_window + Duration::from_secs(86_400),
        }
    }
}

impl Store {
    /// Drops what is over at `now`: days of ended messages, request keys, carrier ids, and events that every group has
    /// confirmed. May take long; what is kept is used as ever meanwhile.
    ///
    /// # Errors
    /// As [`begin_attempts`](Self::begin_attempts). What is left goes the next time.
    pub async fn retain(&self, now: Timestamp) -> Result<Retained, StoreError> {
        let lives = self.inner.lives;
        let Over { stretches, told } = self.read(move |spaces| over(spaces, lives, now)).await?;
        for stretch in stretches {
            let whole = stretch.clone();
            self.read(move |spaces| drop_tables(spaces, &whole)).await?;
            self.remove_left(stretch).await?;
        }
        Ok(told)
    }

    /// Removes the rows of a stretch that lie in tables with others.
    pub(super) async fn remove_left(&self, mut stretch: Stretch) -> Result<(), StoreError> {
        loop {
            let rest = stretch.clone();
            let keys = self.read(move |spaces| left(spaces, &rest)).await?;
            let Some(last) = keys.last().cloned() else { return Ok(()) };
            let space = stretch.space;
            self.call(move |verbs| {
                verbs.remove_over(space, keys);
                Ok(())
            })
            .await?;
            // Behind it: what was removed would be passed over again and again.
            stretch.keys.start = last;
        }
    }
}

/// A stretch of keys of one keyspace.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    pub(super) space: Space,
    pub(super) keys: Range<Slice>,
}

/// What is over at one time.
#[derive(Debug, Default)]
pub(super) struct Over {
    pub(super) stretches: Vec<Stretch>,
    pub(super) told: Retained,
}

/// Finds what is over.
pub(super) fn over(spaces: &Spaces, lives: Lives, now: Timestamp) -> Result<Over, StoreError> {
    let snapshot = spaces.db.snapshot();
    let mut over = Over::default();
    for kind in &KINDS {
        days_over(spaces, &snapshot, kind, day_of(now - lives.records), &mut over)?;
    }
    let kinds = [
        (Space::Request, lives.requests),
        (Space::Carrier, lives.carrier_ids),
        (Space::CallRequest, lives.requests),
    ];
    for (space, life) in kinds {
        let starts = starts_in(spaces, &snapshot, space)?;
        let first = first_alive(&starts, days_in(life), day_of(now));
        if first > 0 {
            let key = |start: u32| Slice::from(start.to_be_bytes());
            over.stretches.push(Stretch { space, keys: key(starts[0])..key(starts[first]) });
            over.told.spans += first as u64;
        }
    }
    events_over(spaces, lives, now, &mut over)?;
    Ok(over)
}

/// Days before `until` on which everything of a kind has ended.
fn days_over(
    spaces: &Spaces,
    snapshot: &Snapshot,
    kind: &Kind,
    until: u32,
    over: &mut Over,
) -> Result<(), StoreError> {
    let mut day = 0;
    loop {
        let key = day_key(day);
        let mut next: Option<u32> = None;
        for space in kind.rows {
            let found = first_day(spaces, snapshot, *space, key.clone())?;
            next = next.into_iter().chain(found).min();
        }
        let Some(found) = next.filter(|found| *found < until) else { return Ok(()) };
        if first_day(spaces, snapshot, kind.open, day_key(found))? == Some(found) {
            over.told.kept_open += 1;
        } else {
            let keys = day_key(found)..day_key(found + 1);
            let stretch = |space: &Space| Stretch { space: *space, keys: keys.clone() };
            over.stretches.extend(kind.rows.iter().map(stretch));
            over.told.days += 1;
        }
        day = found + 1;
    }
}

/// The day of the first row in `space` from `key` on.
fn first_day(
    spaces: &Spaces,
    snapshot: &Snapshot,
    space: Space,
    key: Slice,
) -> Result<Option<u32>, StoreError> {
    let Some(row) = snapshot.range(&spaces[space], key..).next() else { return Ok(None) };
    let key = row.key().map_err(|error| failed(&error))?;
    let day = accepted_at(id_of(space, &key)?) / DAY_MILLIS;
    Ok(Some(u32::try_from(day).unwrap_or(u32::MAX)))
}

fn day_key(day: u32) -> Slice {
    Slice::from(first_at(i64::from(day) * DAY_MILLIS).octets())
}

/// The first moment of a time's day. Events too go by the day: an hour's would hardly ever fill a table.
fn day_begin(time: Timestamp) -> Timestamp {
    Timestamp::from_second(i64::from(day_of(time)) * DAY_MILLIS / 1000).unwrap_or(Timestamp::MIN)
}

/// Events that everybody has confirmed, or that are as old as records may be; never the last, whose number goes on.
fn events_over(spaces: &Spaces, lives: Lives, now: Timestamp, over: &mut Over) -> Result<(), StoreError> {
    let (Some(first), Some(last)) = (events::first(spaces)?, events::last(spaces)?) else { return Ok(()) };
    let mut upto = events::sequence_at(spaces, day_begin(now - lives.events))?;
    for subscription in subscriptions::all(spaces)? {
        upto = upto.min(confirmed(spaces, &subscription, now)?);
    }
    let upto =
        upto.max(events::sequence_at(spaces, day_begin(now - lives.records))?).min(last.id.sequence - 1);
    if first.id.sequence <= upto {
        over.stretches.push(Stretch { space: Space::Event, keys: number_key(0)..number_key(upto + 1) });
        over.told.events = upto + 1 - first.id.sequence;
    }
    Ok(())
}

/// Up to where a group needs no event any more: it has confirmed it, or does not want it because of its age.
fn confirmed(spaces: &Spaces, subscription: &Subscription, now: Timestamp) -> Result<u64, StoreError> {
    let Cursor { acked, .. } = subscriptions::cursor(spaces, &subscription.id)?.unwrap_or_default();
    if subscription.retention_seconds == 0 {
        return Ok(acked);
    }
    let kept = now.checked_sub(Duration::from_secs(subscription.retention_seconds)).unwrap_or(Timestamp::MIN);
    Ok(acked.max(events::sequence_at(spaces, kept)?))
}

/// Drops the tables that lie in a stretch as a whole. Waits for a merge of tables that is under way.
pub(super) fn drop_tables(spaces: &Spaces, stretch: &Stretch) -> Result<(), StoreError> {
    let Stretch { space, keys } = stretch;
    let dropped = spaces[*space].tree.drop_range::<Slice, _>(keys.clone());
    dropped.map_err(|error| {
        StoreError::Failed(format!("old tables of {} can't be dropped: {error}", space.name()))
    })
}

/// The first keys of a stretch that are left.
pub(super) fn left(spaces: &Spaces, stretch: &Stretch) -> Result<Vec<Slice>, StoreError> {
    let rows = spaces.db.snapshot().range(&spaces[stretch.space], stretch.keys.clone());
    rows.take(ROWS_AT_ONCE).map(|row| row.key().map_err(|error| failed(&error))).collect()
}

impl Verbs {
    /// Removes rows that are over.
    pub(super) fn remove_over(&mut self, space: Space, keys: Vec<Slice>) {
        for key in keys {
            self.txn.remove(space, key);
        }
    }
}
