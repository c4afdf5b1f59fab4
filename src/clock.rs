//! The only reader of the clocks.
//!
//! tokio's clock drives every timer, so a runtime whose clock is paused runs the daemon in virtual time. Its calendar
//! must move along then: [`follow_runtime`] sees to that, for one thread, since a paused runtime has only one. Everybody
//! else reads the system's calendar, with every step that it is given.

use std::{cell::Cell, marker::PhantomData};

use codecs::Now;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::domain::{CallId, MessageId};

thread_local! {
    static VIRTUAL: Cell<Option<Virtual>> = const { Cell::new(None) };
}

/// A calendar that moves with the runtime's clock.
#[derive(Clone, Copy)]
struct Virtual {
    start: Instant,
    wall: Timestamp,
    ids: u64,
}

/// While it lives, the calendar of this thread follows the runtime's clock.
#[must_use = "the calendar is the system's again when this is dropped"]
pub struct Following {
    /// Bound to its thread.
    _here: PhantomData<*const ()>,
}

/// Lets this thread's calendar read `wall` now and move with the runtime's clock from here on. Fresh ids are counted
/// then, not drawn, so that the same run gives the same ids. For tests in virtual time.
pub fn follow_runtime(wall: Timestamp) -> Following {
    VIRTUAL.set(Some(Virtual { start: Instant::now(), wall, ids: 0 }));
    Following { _here: PhantomData }
}

impl Drop for Following {
    fn drop(&mut self) {
        VIRTUAL.set(None);
    }
}

/// Both clocks, read once.
#[must_use]
pub fn now() -> Now {
    // tokio's clock, so that a test with paused time drives the machines' timers too.
    Now { mono: Instant::now().into_std(), wall: wall() }
}

/// The calendar clock alone, to the microsecond: what the store keeps, so that an answer is the same when it is given
/// again.
#[must_use]
pub fn wall() -> Timestamp {
    let now = match VIRTUAL.get() {
        None => Timestamp::now(),
        Some(followed) => followed.wall(),
    };
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

/// A fresh id of the present time, later than all before it on this clock.
#[must_use]
pub fn fresh_id() -> MessageId {
    counted().map_or_else(MessageId::fresh, |(time, number)| MessageId::numbered(time, number))
}

/// A fresh id for a call, by the same rules.
#[must_use]
pub fn fresh_call_id() -> CallId {
    counted().map_or_else(CallId::fresh, |(time, number)| CallId::numbered(time, number))
}

/// What a followed calendar makes the next id from.
fn counted() -> Option<(Timestamp, u64)> {
    let mut followed = VIRTUAL.get()?;
    followed.ids += 1;
    VIRTUAL.set(Some(followed));
    Some((followed.wall(), followed.ids))
}

impl Virtual {
    fn wall(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.start.elapsed()).unwrap_or(SignedDuration::MAX);
        self.wall.saturating_add(passed).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_followed_clock_moves_with_the_runtime_and_only_while_it_is_followed() {
        let start: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let following = follow_runtime(start);
        let first = fresh_id();
        assert_eq!(wall(), start);
        tokio::time::sleep(Duration::from_secs(86_400)).await;
        assert_eq!(wall(), "2026-03-02T00:00:00Z".parse().unwrap());
        let ids = [first, fresh_id(), fresh_id()];
        assert!(ids.is_sorted() && ids[0] != ids[1] && ids[1] != ids[2]);
        drop(following);
        let again = follow_runtime(start);
        assert_eq!(fresh_id(), first, "the same run gives the same ids");
        drop(again);
        assert!(wall().duration_since(Timestamp::now()).abs() < SignedDuration::from_hours(1));
    }
}
