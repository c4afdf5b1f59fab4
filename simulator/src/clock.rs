//! The only reader of the clocks.

use codecs::Now;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Both clocks of a scenario. The monotonic one is the runtime's, so that a test may pause it.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// What the calendar read at some time; `None`: it is the system's.
    epoch: Option<(Instant, Timestamp)>,
}

impl Clock {
    /// The system's calendar.
    pub const SYSTEM: Self = Self { epoch: None };

    /// The calendar reads `epoch` now and moves with the runtime's clock, or it is the system's.
    pub fn new(epoch: Option<Timestamp>) -> Self {
        Self { epoch: epoch.map(|epoch| (Instant::now(), epoch)) }
    }

    /// Reads both.
    pub fn now(&self) -> Now {
        let mono = Instant::now();
        let wall = match self.epoch {
            None => Timestamp::now(),
            Some((start, epoch)) => {
                let passed = SignedDuration::try_from(mono - start).unwrap_or(SignedDuration::MAX);
                epoch.saturating_add(passed).unwrap_or(Timestamp::MAX)
            }
        };
        Now { mono: mono.into_std(), wall }
    }
}
