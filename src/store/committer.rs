//! What executes verbs: it takes what waits, commits it as one group, and only then answers.
//!
//! As a thread of its own: while one group is on its way to the disk, the next one gathers. On a fast disk under light
//! load groups would be small for all that, and each commit has its price, so commits are spaced: on the average they begin
//! no sooner than an interval after one another. A few may follow each other at once: what comes seldom, like ten answers
//! every 50 ms, waits for nothing. Without a thread each verb is a group of its own, executed by its caller.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use fjall::PersistMode;
use tokio::sync::{mpsc, watch};

use super::{StoreError, verbs::Verbs};

/// Verbs that may wait for the thread.
pub(super) const WAITING: usize = 1024;
/// Verbs of one group.
const GROUP_VERBS: usize = 256;
/// Octets of one group, about.
const GROUP_OCTETS: usize = 8 * 1024 * 1024;

/// Commits that may follow each other at once after a rest.
const BURST: u32 = 4;

/// A verb on its way: executed, or told why not. What it gives back answers its caller after the commit.
pub(super) type Job = Box<dyn FnOnce(Result<&mut Verbs, StoreError>) -> Answer + Send>;
/// The answer that waits for the commit.
pub(super) type Answer = Box<dyn FnOnce(&Result<(), StoreError>)>;

/// When commits may begin: an interval apart on the average, a burst at once.
struct Spacing {
    interval: Duration,
    /// The next one's place, were they spread evenly.
    even: Option<Instant>,
}

impl Spacing {
    fn new(interval: Duration) -> Self {
        Self { interval, even: None }
    }

    /// How long the next one has to wait, counted as begun then.
    fn next(&mut self, now: Instant) -> Duration {
        let even = self.even.map_or(now, |even| even.max(now));
        self.even = Some(even + self.interval);
        even.saturating_duration_since(now + self.interval * (BURST - 1))
    }
}

/// The engine's one owner.
pub(super) struct Committer {
    verbs: Verbs,
    /// `Err` once a commit has failed: nothing is executed any more.
    state: Result<(), StoreError>,
    last_event: watch::Sender<u64>,
    closed: Arc<AtomicBool>,
}

impl Committer {
    pub(super) fn new(verbs: Verbs, last_event: watch::Sender<u64>, closed: Arc<AtomicBool>) -> Self {
        Self { verbs, state: Ok(()), last_event, closed }
    }

    /// Runs until the store is closed or its last handle is gone. `interval`: between commits, on the average.
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Job>, interval: Duration) {
        let mut spacing = Spacing::new(interval);
        while let Some(first) = jobs.blocking_recv() {
            let early = spacing.next(Instant::now());
            if !early.is_zero() {
                thread::sleep(early);
            }
            self.turn(first, || jobs.try_recv().ok());
            if self.verbs.closing {
                break;
            }
        }
    }

    /// Executes a verb and those that wait behind it, commits them together, and answers.
    pub(super) fn turn(&mut self, first: Job, mut waiting: impl FnMut() -> Option<Job>) {
        let mut answers = Vec::new();
        self.verbs.begin_group();
        let mut next = Some(first);
        while let Some(job) = next {
            answers.push(job(self.state.clone().map(|()| &mut self.verbs)));
            let full = answers.len() >= GROUP_VERBS || self.verbs.txn.octets() >= GROUP_OCTETS;
            next = if full || self.verbs.closing { None } else { waiting() };
        }
        if self.state.is_ok() {
            self.state = self.verbs.commit();
            if let Err(error) = &self.state {
                self.verbs.gauges.failed.store(true, Ordering::Relaxed);
                tracing::error!(%error, "a commit failed: the store takes nothing more");
            }
        }
        if self.state.is_ok() {
            let sequence = self.verbs.sequence;
            self.last_event.send_if_modified(|last| std::mem::replace(last, sequence) != sequence);
        }
        if self.verbs.closing {
            self.closed.store(true, Ordering::Release);
        }
        for answer in answers {
            answer(&self.state);
        }
    }
}

impl Drop for Committer {
    /// What was committed is on the disk already; the journal's own end is written too.
    fn drop(&mut self) {
        if self.state.is_ok()
            && let Err(error) = self.verbs.txn.spaces().db.persist(PersistMode::SyncAll)
        {
            tracing::error!(%error, "the store's journal could not be written at its close");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(2);

    /// When each of `count` commits begins if every one is wanted at once.
    fn begin_at(spacing: &mut Spacing, start: Instant, count: usize) -> Vec<Duration> {
        let mut now = start;
        (0..count)
            .map(|_| {
                now += spacing.next(now);
                now - start
            })
            .collect()
    }

    #[test]
    fn a_few_commits_follow_at_once_and_the_rest_keep_their_interval() {
        let (start, mut spacing) = (crate::clock::now().mono, Spacing::new(INTERVAL));
        let millis = |times: Vec<Duration>| times.iter().map(Duration::as_millis).collect::<Vec<_>>();
        assert_eq!(millis(begin_at(&mut spacing, start, 7)), [0, 0, 0, 0, 2, 4, 6]);
        // A rest of two intervals gives two of them back.
        let later = start + Duration::from_millis(10);
        assert_eq!(millis(begin_at(&mut spacing, later, 4)), [0, 0, 2, 4]);
        let rested = later + Duration::from_secs(1);
        assert_eq!(millis(begin_at(&mut spacing, rested, 5)), [0, 0, 0, 0, 2]);
    }

    #[test]
    fn without_an_interval_nothing_waits() {
        let (start, mut spacing) = (crate::clock::now().mono, Spacing::new(Duration::ZERO));
        assert!(begin_at(&mut spacing, start, 50).iter().all(Duration::is_zero));
    }
}
