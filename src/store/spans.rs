//! Spans: stretches of days that keys without an order of their own lie in, so that they can go as a whole.
//!
//! A key of a request or a carrier's id says nothing of its time. So it begins with the first day of the span in which it
//! was written. A span is as long as the life of its rows, and the next one begins with the first row behind it: all that
//! is alive lies in the last two, so a look-up probes two places, not one for each day.

use std::time::Duration;

use fjall::{Readable, Slice, Snapshot, UserKey};
use jiff::Timestamp;

use super::{
    StoreError,
    rows::{Space, Spaces, corrupt},
    txn::failed,
};

/// Keys of up to this length are put together without memory of their own.
const SHORT_OCTETS: usize = 64;
const DAY: Duration = Duration::from_secs(86_400);

/// Days since 1970, UTC.
pub(super) fn day_of(time: Timestamp) -> u32 {
    u32::try_from(time.as_second() / DAY.as_secs() as i64).unwrap_or(0)
}

/// Whole days that hold a duration, one at least.
pub(super) fn days_in(life: Duration) -> u32 {
    u32::try_from(life.as_secs().div_ceil(DAY.as_secs())).unwrap_or(u32::MAX).max(1)
}

/// A key within a span.
pub(super) fn span_key(span: u32, key: &[u8]) -> UserKey {
    let span = span.to_be_bytes();
    // Nearly all keys are short, and this is done several times for each message.
    let mut octets = [0; SHORT_OCTETS];
    match octets.get_mut(..span.len() + key.len()) {
        Some(octets) => {
            octets[..span.len()].copy_from_slice(&span);
            octets[span.len()..].copy_from_slice(key);
            Slice::from(&*octets)
        }
        None => Slice::from([span.as_slice(), key].concat()),
    }
}

/// The spans of one keyspace. Owned by the committer.
#[derive(Default)]
pub(super) struct Spans {
    /// Days that a row is known at least, and that a span takes.
    life: u32,
    /// First days, the newest last.
    starts: Vec<u32>,
}

impl Spans {
    /// Finds the spans that an earlier run left.
    pub(super) fn read(spaces: &Spaces, space: Space, life: Duration) -> Result<Self, StoreError> {
        Ok(Self { life: days_in(life), starts: starts_in(spaces, &spaces.db.snapshot(), space)? })
    }

    /// The span that is written in at `now`; a new one if the last is full.
    pub(super) fn written_at(&mut self, now: Timestamp) -> u32 {
        let today = day_of(now);
        match self.starts.last() {
            // A clock that was set back goes on in the last one.
            Some(last) if today < last.saturating_add(self.life) => *last,
            _ => {
                let first = first_alive(&self.starts, self.life, today);
                self.starts.drain(..first);
                self.starts.push(today);
                today
            }
        }
    }

    /// The spans in which rows may lie that are alive at `now`, the newest first: two at most.
    pub(super) fn alive_at(&self, now: Timestamp) -> impl Iterator<Item = u32> + use<'_> {
        self.starts[first_alive(&self.starts, self.life, day_of(now))..].iter().rev().copied()
    }
}

/// The place of the first span that is alive: the last one, and any whose successor began less than a life ago.
pub(super) fn first_alive(starts: &[u32], life: u32, today: u32) -> usize {
    let over = starts.iter().skip(1).take_while(|next| next.saturating_add(life) <= today).count();
    over.min(starts.len().saturating_sub(1))
}

/// The first days of the spans that have rows, the oldest first.
pub(super) fn starts_in(spaces: &Spaces, snapshot: &Snapshot, space: Space) -> Result<Vec<u32>, StoreError> {
    let mut starts = Vec::new();
    let mut from = Some(0u32);
    while let Some(span) = from {
        let Some(row) = snapshot.range(&spaces[space], span.to_be_bytes()..).next() else { break };
        let key = row.key().map_err(|error| failed(&error))?;
        let start = key.first_chunk::<4>().map(|start| u32::from_be_bytes(*start));
        let start = start.ok_or_else(|| corrupt(space, &key, "its key has no span".into()))?;
        starts.push(start);
        from = start.checked_add(1);
    }
    Ok(starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: u32) -> Timestamp {
        Timestamp::from_second(i64::from(day) * 86_400 + 3600).unwrap()
    }

    #[test]
    fn what_is_alive_lies_in_two_spans_and_is_known_for_its_whole_life() {
        let mut spans = Spans { life: 7, starts: Vec::new() };
        let mut written = Vec::new();
        for day in (100..200).chain([230, 231, 260]) {
            let alive: Vec<u32> = spans.alive_at(at(day)).collect();
            assert!(alive.len() <= 2, "{alive:?}");
            for (past, span) in &written {
                assert!(day - past >= 7 || alive.contains(span), "day {past} is not known on day {day}");
            }
            written.push((day, spans.written_at(at(day))));
        }
        assert_eq!(spans.starts, [230, 260]);
    }

    #[test]
    fn a_key_of_any_length_begins_with_its_span() {
        for length in [1, 59, 60, 61, 500] {
            let key = span_key(7, &vec![b'k'; length]);
            assert_eq!((&key[..4], key.len()), (&[0, 0, 0, 7][..], 4 + length));
            assert!(key[4..].iter().all(|octet| *octet == b'k'));
        }
    }

    #[test]
    fn a_clock_set_back_goes_on_in_the_last_span() {
        let mut spans = Spans { life: 3, starts: vec![50] };
        assert_eq!(spans.written_at(at(40)), 50);
        assert_eq!(spans.alive_at(at(40)).collect::<Vec<_>>(), [50]);
    }

    #[test]
    fn a_life_is_counted_in_whole_days() {
        let hours = |hours: u64| days_in(Duration::from_secs(hours * 3600));
        assert_eq!((hours(0), hours(24), hours(25), hours(96)), (1, 1, 2, 4));
    }
}
