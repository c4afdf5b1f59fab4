//! How much waits for a trunk: counted where requests are accepted, given back where they leave.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Messages that wait for a trunk, counted where requests are accepted and where they leave.
#[derive(Debug, Default)]
pub struct Backlog(AtomicUsize);

impl Backlog {
    /// Reserves room for one message; `false` when there are `max` already.
    #[must_use]
    pub fn reserve(&self, max: usize) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| {
                (waiting < max).then_some(waiting + 1)
            })
            .is_ok()
    }

    /// Takes room even where there is none: for what a restart finds.
    pub fn force(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Gives room back.
    pub fn release(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// Messages waiting or on the wire.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
