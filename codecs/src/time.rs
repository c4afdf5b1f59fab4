//! The time as an argument.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// One reading of both clocks, taken once per wake-up by the driver.
///
/// `mono` drives timers. `wall` is only for what a protocol writes on the wire: login stamps, validity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The monotonic clock.
    pub mono: Instant,
    /// The calendar clock, UTC.
    pub wall: Timestamp,
}

impl Now {
    /// The same reading, `by` later on both clocks: how tests let virtual time pass.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        let wall = self.wall.checked_add(by).unwrap_or(Timestamp::MAX);
        Self { mono: self.mono + by, wall }
    }
}
