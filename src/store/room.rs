//! How much room is left on the store's disk.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use super::{StoreError, usage::Gauges};

/// How long a look at the disk is good for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Watches the disk and decides whether anything new may be accepted.
pub(super) struct Room {
    path: PathBuf,
    reserve: u64,
    gauges: Arc<Gauges>,
    looked: Option<Instant>,
}

impl Room {
    pub(super) fn new(path: PathBuf, reserve: u64, gauges: Arc<Gauges>) -> Self {
        Self { path, reserve, gauges, looked: None }
    }

    /// Looks at the disk, at most once a second. A disk that can't be looked at keeps the figure it had.
    pub(super) fn look(&mut self) -> u64 {
        if self.looked.is_none_or(|at| at.elapsed() >= LOOK_EVERY) {
            self.looked = Some(Instant::now());
            if let Ok(disk) = rustix::fs::statvfs(&self.path) {
                self.gauges.free.store(disk.f_bavail.saturating_mul(disk.f_frsize), Ordering::Relaxed);
            }
        }
        self.gauges.free.load(Ordering::Relaxed)
    }

    /// Refuses anything new below the reserve.
    pub(super) fn check(&mut self) -> Result<(), StoreError> {
        let free = self.look();
        if free < self.reserve { Err(StoreError::DiskFull { free, reserve: self.reserve }) } else { Ok(()) }
    }
}
