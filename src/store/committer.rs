//! What executes verbs: it takes what waits, commits it as one group, and only then answers.
//!
//! As a thread of its own: while one group is on its way to the disk, the next one gathers. On a fast disk under light
//! load groups would be small for all that, and each commit has its price, so commits begin no sooner than an interval
//! after one another. Without a thread each verb is a group of its own, executed by its caller.

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

/// A verb on its way: executed, or told why not. What it gives back answers its caller after the commit.
pub(super) type Job = Box<dyn FnOnce(Result<&mut Verbs, StoreError>) -> Answer + Send>;
/// The answer that waits for the commit.
pub(super) type Answer = Box<dyn FnOnce(&Result<(), StoreError>)>;

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

    /// Runs until the store is closed or its last handle is gone. `interval`: least time from one commit to the next.
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Job>, interval: Duration) {
        let mut begun: Option<Instant> = None;
        while let Some(first) = jobs.blocking_recv() {
            if let Some(early) = begun.and_then(|begun| interval.checked_sub(begun.elapsed())) {
                thread::sleep(early);
            }
            begun = Some(Instant::now());
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
