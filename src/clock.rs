//! The only reader of the clocks.

use codecs::Now;
use jiff::Timestamp;

/// Both clocks, read once.
#[must_use]
pub fn now() -> Now {
    // tokio's clock, so that a test with paused time drives the machines' timers too.
    Now { mono: tokio::time::Instant::now().into_std(), wall: wall() }
}

/// The calendar clock alone, to the microsecond: what the store keeps, so that an answer is the same when it is given
/// again.
#[must_use]
pub fn wall() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}
