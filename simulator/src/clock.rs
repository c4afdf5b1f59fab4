//! The only reader of the clocks.

use codecs::Now;

/// Reads both clocks. The monotonic one is the runtime's, so that a test may pause it.
pub fn now() -> Now {
    Now { mono: tokio::time::Instant::now().into_std(), wall: jiff::Timestamp::now() }
}
