//! Durable state: the domain's verbs, each atomic, each durable before it returns.
//!
//! One committer thread owns the engine. It takes the verbs that wait, runs them one after the other against one
//! transaction, commits the group with one fsync, and only then answers them all. So verbs are serial, groups form by
//! themselves while the disk works, and nobody is told of anything that a power cut could undo.
//!
//! Without the thread ([`Committing::ByCaller`]) each verb is a group of its own, executed and committed where it is called,
//! and a read happens where it is asked for. Nothing else differs. That is for virtual time: a paused clock runs on as soon
//! as every task waits, and it does not see that a thread works for one of them.
//!
//! # How much it takes
//! Nothing in memory grows with the messages that are open or on record: `store.cache` for blocks that were read,
//! 164 MiB at most for tables that are being filled and about as much again while they are written, 32 MiB for open messages used
//! last, and what the engine keeps of the tables that are on the disk. Beside it stand reports that wait for their match,
//! for `orphan_hold` at most, and about 300 octets for each try whose fate nobody knows.
//!
//! Opening reads the engine's journals again (at most 128 MiB), and what may have been on the wire, is in doubt or waits
//! for a match. Open messages are neither read nor counted; those that are to be sent are read in pages once the daemon
//! serves. With a million open messages and ten million records (5 GB) a start after a kill took 0.4 s on two cores, with
//! 73 MiB, and after traffic the daemon had taken 205 MiB; on two cores that had four times as much to do it was 9 s, 83
//! and 244 MiB, most of it spent on journals that the engine had not merged yet.
//!
//! Leaves to others: when to send (`dispatch`), what a status means (`trunk`), who listens (`events`).

mod accept;
mod api;
mod attempts;
#[cfg(test)]
mod battery;
mod calls;
mod committer;
mod doubts;
mod events;
mod hashing;
mod history;
mod inbound;
mod live;
mod queries;
mod recovery;
mod reports;
mod retain;
mod room;
mod rows;
mod spans;
mod subscriptions;
mod sweep;
mod trunks;
mod txn;
mod usage;
mod verbs;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

pub use api::*;
pub use calls::*;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

use self::{
    committer::{Committer, Job, WAITING},
    retain::Lives,
    rows::Spaces,
    usage::Gauges,
    verbs::Verbs,
};
use crate::{
    config::{MessageConfig, StoreConfig},
    domain::{Event, MessageId, Report, SubscriptionId, TrunkId, Wanted},
};

/// A handle to the store. Clones share it; when the last is gone, or after [`close`](Self::close), the folder is free.
///
/// A verb whose future is dropped may still happen.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    /// `None` only while the handle is being dropped.
    engine: Option<Engine>,
    spaces: Arc<Spaces>,
    gauges: Arc<Gauges>,
    lives: Lives,
    last_event: watch::Receiver<u64>,
    closed: Arc<AtomicBool>,
}

/// Who executes verbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Committing {
    /// A thread of the store, which gathers what several callers want into one commit.
    #[default]
    ByThread,
    /// Each caller, with a commit of its own; nobody else needs to run for a verb or a read to be done. Blocks the caller's
    /// thread while the disk works.
    ByCaller,
}

enum Engine {
    Thread {
        jobs: mpsc::Sender<Job>,
        thread: Mutex<Option<JoinHandle<()>>>,
    },
    /// `None` once the store is closed.
    Caller(Mutex<Option<Box<Committer>>>),
}

impl Store {
    /// Opens the folder, or makes it, and resolves what may have been on the wire when the last process ended. Blocks.
    ///
    /// # Errors
    /// [`StoreError::Open`] if the folder can't be used, [`StoreError::Corrupt`] if what was on the wire, in doubt or parked
    /// can't be read back, [`StoreError::Failed`] if the disk fails. Open messages are not read here.
    pub fn open(config: &StoreConfig, messages: &MessageConfig) -> Result<(Self, Recovered), StoreError> {
        Self::open_with(config, messages, Committing::ByThread)
    }

    /// The same, with a choice of who executes the verbs.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(
        config: &StoreConfig,
        messages: &MessageConfig,
        committing: Committing,
    ) -> Result<(Self, Recovered), StoreError> {
        let (verbs, recovered) = recovery::open(config, messages)?;
        let (tell, last_event) = watch::channel(verbs.sequence);
        let closed = Arc::<AtomicBool>::default();
        let (spaces, gauges) = (verbs.txn.spaces().clone(), verbs.gauges.clone());
        let committer = Committer::new(verbs, tell, closed.clone());
        let engine = Some(match committing {
            Committing::ByThread => Engine::start(committer, config.commit_interval)?,
            Committing::ByCaller => Engine::Caller(Mutex::new(Some(Box::new(committer)))),
        });
        let inner = Inner { engine, spaces, gauges, lives: Lives::new(config, messages), last_event, closed };
        Ok((Self { inner: Arc::new(inner) }, recovered))
    }

    /// Accepts messages, each once per request key. Answers in the order of the arguments.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] if one of them is new and the disk is below its reserve; those before it that were seen
    /// before are not answered either. As for all verbs, [`StoreError::Failed`], [`StoreError::Closed`], and
    /// [`StoreError::Corrupt`] if a row can't be read back: then what came before it in the same call may have happened.
    pub async fn accept(&self, messages: Vec<NewMessage>) -> Result<Vec<Accepted>, StoreError> {
        self.call(move |verbs| verbs.accept(messages)).await
    }

    /// Marks tries as possibly on the wire, before they are handed to a link. Gives back those that must not be made any
    /// more, because their message has ended or their segment was told of meanwhile: they are not marked.
    ///
    /// # Errors
    /// As [`accept`](Self::accept), but never for want of room.
    pub async fn begin_attempts(
        &self,
        trunk: TrunkId,
        attempts: Vec<Attempt>,
    ) -> Result<Vec<Attempt>, StoreError> {
        self.call(move |verbs| verbs.begin_attempts(&trunk, attempts)).await
    }

    /// Takes down outcomes, with the event if the message ends and with any report that waited for the carrier's id.
    /// Answers in the order of the arguments.
    ///
    /// # Errors
    /// As [`begin_attempts`](Self::begin_attempts).
    pub async fn settle(
        &self,
        trunk: TrunkId,
        settlements: Vec<Settlement>,
    ) -> Result<Vec<Settled>, StoreError> {
        self.call(move |verbs| verbs.settle(&trunk, settlements)).await
    }

    /// Applies reports to the segments that they mean, parks those whose submit may not be answered yet, and tells those
    /// that can't be read, or that name no id and fit nothing, as orphans. Answers in the order of the arguments.
    ///
    /// # Errors
    /// As [`begin_attempts`](Self::begin_attempts).
    pub async fn apply_reports(
        &self,
        trunk: TrunkId,
        reports: Vec<Report>,
    ) -> Result<Vec<ReportFate>, StoreError> {
        self.call(move |verbs| verbs.apply_reports(&trunk, reports)).await
    }

    /// Keeps parts of incoming messages, and tells those that are whole.
    ///
    /// # Errors
    /// As [`begin_attempts`](Self::begin_attempts).
    pub async fn record_inbound(&self, changes: Vec<InboundChange>) -> Result<(), StoreError> {
        self.call(move |verbs| verbs.record_inbound(changes)).await
    }

    /// The parts that wait for their message to be whole, in the order they came.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Failed`], [`StoreError::Closed`].
    pub async fn inbound_parts(&self) -> Result<Vec<InboundPart>, StoreError> {
        self.read(queries::inbound_parts).await
    }

    /// Withdraws a message of which nothing can have left.
    ///
    /// # Errors
    /// As [`begin_attempts`](Self::begin_attempts).
    pub async fn withdraw(&self, id: MessageId) -> Result<Withdrawn, StoreError> {
        self.call(move |verbs| verbs.withdraw(id)).await
    }

    /// Ends messages by our own decision, as far as they have not left: what the carrier may have is the carrier's to end.
    /// Answers in the order of the arguments.
    ///
    /// # Errors
    /// As [`begin_attempts`](Self::begin_attempts).
    pub async fn end(&self, endings: Vec<Ending>) -> Result<Vec<Settled>, StoreError> {
        self.call(move |verbs| verbs.end(endings)).await
    }

    /// Ends what time alone ends: report windows, and parked reports that nobody claimed. Looks at `limit` rows of each.
    ///
    /// # Errors
    /// As [`begin_attempts`](Self::begin_attempts).
    pub async fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        self.call(move |verbs| verbs.sweep(now, limit)).await
    }

    /// A message with its state.
    ///
    /// # Errors
    /// As [`inbound_parts`](Self::inbound_parts).
    pub async fn message(&self, key: MessageKey) -> Result<Option<StoredMessage>, StoreError> {
        self.read(move |spaces| queries::message(spaces, &key)).await
    }

    /// A message with all that is known of what happened to it.
    ///
    /// # Errors
    /// As [`inbound_parts`](Self::inbound_parts).
    pub async fn story(&self, key: MessageKey) -> Result<Option<Story>, StoreError> {
        let Some(mut story) = self.read(move |spaces| queries::story(spaces, &key)).await? else {
            return Ok(None);
        };
        // Only the committer knows what is on the wire, and only of a queued segment it can know anything.
        if story.has_queued() {
            let id = story.stored.message.id;
            story.on_wire = self.call(move |verbs| Ok(verbs.on_wire(id))).await?;
        }
        Ok(Some(story))
    }

    /// Open messages with a segment still to be sent, in the order of their ids, after one of them or from the first. A page
    /// may hold fewer than `limit`, even none, and not be the last: it looks at a bounded number of open messages. Those
    /// that can't be read are told in the log and counted, and stop nothing.
    ///
    /// # Errors
    /// As [`inbound_parts`](Self::inbound_parts).
    pub async fn queued(&self, after: Option<MessageId>, limit: usize) -> Result<QueuedPage, StoreError> {
        self.read(move |spaces| queries::queued(spaces, after, limit)).await
    }

    /// Which ids of a trunk's segments reports without a message can mean. Answers in the order of the arguments.
    ///
    /// # Errors
    /// As [`inbound_parts`](Self::inbound_parts).
    pub async fn known_ids(
        &self,
        trunk: TrunkId,
        questions: Vec<IdQuestion>,
    ) -> Result<Vec<Option<KnownId>>, StoreError> {
        self.read(move |spaces| queries::known_ids(spaces, &trunk, &questions)).await
    }

    /// Appends events that belong to no message: trunks that came up or went down.
    ///
    /// # Errors
    /// As [`begin_attempts`](Self::begin_attempts).
    pub async fn append_events(&self, events: Vec<Event>) -> Result<(), StoreError> {
        self.call(move |verbs| verbs.append_events(events)).await
    }

    /// At most `limit` events after a place in the log.
    ///
    /// # Errors
    /// As [`inbound_parts`](Self::inbound_parts).
    pub async fn events(&self, after: u64, limit: usize) -> Result<EventPage, StoreError> {
        self.read(move |spaces| events::page(spaces, after, limit)).await
    }

    /// Sequence of the last event recorded before `time`; 0 if there is none.
    ///
    /// # Errors
    /// As [`inbound_parts`](Self::inbound_parts).
    pub async fn sequence_at(&self, time: Timestamp) -> Result<u64, StoreError> {
        self.read(move |spaces| events::sequence_at(spaces, time)).await
    }

    /// Sequence of the last durable event; changes when there are new ones.
    #[must_use]
    pub fn last_event(&self) -> watch::Receiver<u64> {
        self.inner.last_event.clone()
    }

    /// Makes a consumer group, or changes it.
    ///
    /// # Errors
    /// As [`begin_attempts`](Self::begin_attempts).
    pub async fn put_subscription(&self, subscription: Subscription) -> Result<(), StoreError> {
        self.call(move |verbs| verbs.put_subscription(&subscription)).await
    }

    /// All consumer groups, by name.
    ///
    /// # Errors
    /// As [`inbound_parts`](Self::inbound_parts).
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, StoreError> {
        self.read(subscriptions::all).await
    }

    /// Removes a consumer group with its cursor. `false`: there was none.
    ///
    /// # Errors
    /// As [`begin_attempts`](Self::begin_attempts).
    pub async fn delete_subscription(&self, id: SubscriptionId) -> Result<bool, StoreError> {
        self.call(move |verbs| verbs.delete_subscription(&id)).await
    }

    /// Saves what consumer groups have confirmed; a group that is gone is passed over.
    ///
    /// # Errors
    /// As [`begin_attempts`](Self::begin_attempts).
    pub async fn save_cursors(&self, cursors: Vec<(SubscriptionId, Cursor)>) -> Result<(), StoreError> {
        self.call(move |verbs| verbs.save_cursors(cursors)).await
    }

    /// What a consumer group has confirmed; `None` before its first confirmation.
    ///
    /// # Errors
    /// As [`inbound_parts`](Self::inbound_parts).
    pub async fn cursor(&self, id: SubscriptionId) -> Result<Option<Cursor>, StoreError> {
        self.read(move |spaces| subscriptions::cursor(spaces, &id)).await
    }

    /// Keeps what an operator wants of a trunk.
    ///
    /// # Errors
    /// As [`begin_attempts`](Self::begin_attempts).
    pub async fn want(&self, trunk: TrunkId, wanted: Wanted) -> Result<(), StoreError> {
        self.call(move |verbs| verbs.want(&trunk, &wanted)).await
    }

    /// What operators want of trunks. Reads on the caller's thread: a daemon asks once, before it starts any.
    ///
    /// # Errors
    /// As [`inbound_parts`](Self::inbound_parts).
    pub fn wanted(&self) -> Result<Vec<(TrunkId, Wanted)>, StoreError> {
        trunks::wanted(&self.inner.spaces)
    }

    /// What the store counts. The free space is looked at when something is accepted or swept.
    #[must_use]
    pub fn usage(&self) -> StoreUsage {
        self.inner.gauges.usage(*self.inner.last_event.borrow())
    }

    /// Executes what waits, flushes, and ends the committer. Later verbs are refused; the folder is free when the last
    /// handle is dropped.
    pub async fn close(&self) {
        let closing = self.call(|verbs| {
            verbs.closing = true;
            Ok(())
        });
        // Already closed or failed: only the thread's end is left to wait for.
        let _ = closing.await;
        match &self.inner.engine {
            Some(Engine::Caller(committer)) => drop(lock(committer).take()),
            _ => {
                let inner = self.inner.clone();
                // An error here means that the runtime ends: dropping the handle waits then.
                let _ = tokio::task::spawn_blocking(move || inner.join()).await;
            }
        }
    }

    /// Has a verb executed and waits for its commit.
    async fn call<T: Send + 'static>(
        &self,
        verb: impl FnOnce(&mut Verbs) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |verbs| {
            let result = verbs.and_then(verb);
            Box::new(move |committed| {
                // The caller may have gone; what it asked for happened all the same.
                let _ = answer.send(committed.clone().and(result));
            })
        });
        match self.inner.engine.as_ref().ok_or(StoreError::Closed)? {
            Engine::Thread { jobs, .. } => jobs.send(job).await.map_err(|_| self.inner.gone())?,
            Engine::Caller(committer) => match lock(committer).as_mut() {
                Some(committer) => committer.turn(job, || None),
                None => return Err(StoreError::Closed),
            },
        }
        answered.await.map_err(|_| self.inner.gone())?
    }

    /// Reads committed rows where blocking does not matter.
    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Spaces) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if self.inner.closed.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        if let Some(Engine::Caller(_)) = self.inner.engine {
            return query(&self.inner.spaces);
        }
        let spaces = self.inner.spaces.clone();
        tokio::task::spawn_blocking(move || query(&spaces))
            .await
            .unwrap_or_else(|error| Err(StoreError::Failed(format!("a read ended early: {error}"))))
    }
}

impl Inner {
    /// Why the committer does not answer.
    fn gone(&self) -> StoreError {
        if self.closed.load(Ordering::Acquire) {
            StoreError::Closed
        } else {
            StoreError::Failed("its thread has ended".into())
        }
    }

    fn join(&self) {
        let Some(Engine::Thread { thread, .. }) = &self.engine else { return };
        let thread = lock(thread).take();
        ended(thread);
    }
}

impl Engine {
    fn start(committer: Committer, interval: Duration) -> Result<Self, StoreError> {
        let (jobs, waiting) = mpsc::channel(WAITING);
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || committer.run(waiting, interval))
            .map_err(|error| StoreError::Failed(format!("its thread can't be started: {error}")))?;
        Ok(Self::Thread { jobs, thread: Mutex::new(Some(thread)) })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ended(thread: Option<JoinHandle<()>>) {
    if thread.is_some_and(|thread| thread.join().is_err()) {
        tracing::error!("the store's thread ended in a panic");
    }
}

impl Drop for Inner {
    /// Waits for the commit under way, so that the folder is free afterwards.
    fn drop(&mut self) {
        if let Some(Engine::Thread { jobs, thread }) = self.engine.take() {
            // Without a sender the thread ends.
            drop(jobs);
            ended(lock(&thread).take());
        }
    }
}
