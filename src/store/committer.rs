//! The thread that executes verbs: it takes what waits, commits it as one group, and only then answers.
//!
//! While one group is on its way to the disk, the next one gathers. On a fast disk under light load groups would be
//! small for all that, and each commit has its price, so commits begin no sooner than an interval after one another.

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

/// The thread's own state.
pub(super) struct Committer {
    pub(super) verbs: Verbs,
    pub(super) jobs: mpsc::Receiver<Job>,
    pub(super) last_event: watch::Sender<u64>,
    pub(super) closed: Arc<AtomicBool>,
    /// Least time from one commit to the next.
    pub(super) interval: Duration,
}

impl Committer {
    /// Runs until the store is closed or its last handle is gone.
    pub(super) fn run(mut self) {
        let mut state = Ok(());
        let mut begun: Option<Instant> = None;
        while let Some(first) = self.jobs.blocking_recv() {
            if let Some(early) = begun.and_then(|begun| self.interval.checked_sub(begun.elapsed())) {
                thread::sleep(early);
            }
            begun = Some(Instant::now());
            self.turn(first, &mut state);
            if self.verbs.closing {
                self.closed.store(true, Ordering::Release);
                break;
            }
        }
        if state.is_ok()
            && let Err(error) = self.verbs.txn.spaces().db.persist(PersistMode::SyncAll)
        {
            tracing::error!(%error, "the store's journal could not be written at its close");
        }
    }

    fn turn(&mut self, first: Job, state: &mut Result<(), StoreError>) {
        let mut answers = Vec::new();
        self.verbs.begin_group();
        let mut next = Some(first);
        while let Some(job) = next {
            answers.push(job(state.clone().map(|()| &mut self.verbs)));
            let full = answers.len() >= GROUP_VERBS || self.verbs.txn.octets() >= GROUP_OCTETS;
            next = if full || self.verbs.closing { None } else { self.jobs.try_recv().ok() };
        }
        if state.is_ok() {
            *state = self.verbs.commit();
            if let Err(error) = state {
                self.verbs.gauges.failed.store(true, Ordering::Relaxed);
                tracing::error!(%error, "a commit failed: the store takes nothing more");
            }
        }
        if state.is_ok() {
            let sequence = self.verbs.sequence;
            self.last_event.send_if_modified(|last| std::mem::replace(last, sequence) != sequence);
        }
        for answer in answers {
            answer(state);
        }
    }
}
