//! What the store counts, as plain numbers for metrics.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use super::StoreUsage;

/// Commits whose times are remembered.
const REMEMBERED: usize = 1024;

/// Written by the committer, read by anybody.
#[derive(Default)]
pub(super) struct Gauges {
    pub(super) free: AtomicU64,
    pub(super) open: AtomicU64,
    pub(super) parked: AtomicU64,
    pub(super) doubts: AtomicU64,
    pub(super) commits: AtomicU64,
    pub(super) rows: AtomicU64,
    pub(super) failed: AtomicBool,
    times: Mutex<VecDeque<Duration>>,
}

impl Gauges {
    pub(super) fn committed(&self, rows: usize, took: Duration) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        if times.len() == REMEMBERED {
            times.pop_front();
        }
        times.push_back(took);
    }

    pub(super) fn usage(&self, last_sequence: u64) -> StoreUsage {
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let last = times.back().copied().unwrap_or_default();
        let mut sorted: Vec<Duration> = times.iter().copied().collect();
        drop(times);
        sorted.sort_unstable();
        let at = |per_mille: usize| {
            let index = (sorted.len() * per_mille / 1000).min(sorted.len().saturating_sub(1));
            sorted.get(index).copied().unwrap_or_default()
        };
        StoreUsage {
            free_octets: self.free.load(Ordering::Relaxed),
            open: self.open.load(Ordering::Relaxed),
            parked: self.parked.load(Ordering::Relaxed),
            doubts: self.doubts.load(Ordering::Relaxed),
            last_sequence,
            commits: self.commits.load(Ordering::Relaxed),
            rows: self.rows.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            commit_last: last,
            commit_p50: at(500),
            commit_p99: at(990),
            commit_max: at(1000),
        }
    }
}
