//! One task per trunk: takes what waits, marks it durably as possibly sent, hands it to the links, and settles what
//! comes of it. Owns the queue, the pace and the links of its trunk.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesOrdered};
use tokio::{
    sync::{mpsc, watch},
    time::sleep_until,
};
use tracing::{error, info};

use super::{
    Backlog, Job, Orders, Pacer, Pause, Pending, TrunkQueue, Turn, Ways, duty::Standing, moving::Evacuation,
    showing::PUBLISH,
};
use crate::{
    clock,
    config::{ShareConfig, TrunkConfig},
    domain::{CarrierStatus, FailureClass, Number, SegmentState, SubmitOutcome},
    store::{Attempt, Ending, NextStep, Settled, Store, StoreError},
    telemetry::metrics::TrunkMetrics,
    trunk::{
        Answered, TrunkStatus,
        sms::{Outbound, Outcome, Pool, PoolEvent, adapter::Planner},
    },
};

/// Segments marked and handed over at once.
pub(super) const BATCH: usize = 512;
/// How often an idle trunk, which has nothing new to show, wakes all the same.
const QUIET: Duration = Duration::from_secs(60);
/// How long the rest of a long message waits when the link that has the others is full.
const FULL_LINK: Duration = Duration::from_millis(5);
/// Pause after the store refused a mark.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// What a worker needs.
pub struct WorkerParts {
    /// The trunk.
    pub config: TrunkConfig,
    /// How classes and tenants share it.
    pub shares: ShareConfig,
    /// How it cuts messages.
    pub planner: Arc<dyn Planner>,
    /// Its links.
    pub pool: Pool,
    /// Where everything becomes durable.
    pub store: Store,
    /// The ways to the other trunks.
    pub ways: Ways,
    /// New work.
    pub jobs: mpsc::Receiver<Vec<Job>>,
    /// Its backlog.
    pub backlog: Arc<Backlog>,
    /// Where its status is seen.
    pub status: watch::Sender<TrunkStatus>,
    /// Its metrics.
    pub metrics: TrunkMetrics,
    /// What it is told.
    pub orders: watch::Receiver<Orders>,
}

/// A try that is on its way.
pub(super) struct InFlight {
    pub(super) job: Job,
    /// The segment as it waited.
    pub(super) pending: Pending,
    pub(super) attempt: Attempt,
    pub(super) handed: Instant,
}

type Marked = BoxFuture<'static, (Result<Vec<Attempt>, StoreError>, Vec<InFlight>)>;
type Settling = BoxFuture<'static, (Result<Vec<Settled>, StoreError>, Vec<Next>)>;

/// What happens once a settlement is durable.
pub(super) struct Next {
    pub(super) job: Job,
    pub(super) attempt: Attempt,
    pub(super) step: NextStep,
    pub(super) delay: Duration,
    pub(super) pause: Pause,
    /// Another trunk shall take it.
    pub(super) elsewhere: bool,
    pub(super) late: bool,
    /// The segment as it waits if it is sent again, this try counted.
    pub(super) pending: Pending,
    pub(super) status: Option<CarrierStatus>,
}

/// The worker of one trunk.
pub struct Worker {
    pub(super) parts: WorkerParts,
    pub(super) queue: TrunkQueue,
    pub(super) pacer: Pacer,
    pub(super) in_flight: HashMap<u64, InFlight>,
    pub(super) unknown: HashMap<u64, InFlight>,
    pub(super) unknown_order: VecDeque<u64>,
    pub(super) next_ticket: u64,
    /// With how many segments it is about.
    pub(super) marking: Option<(Marked, usize)>,
    pub(super) settling: FuturesOrdered<Settling>,
    pub(super) answered: Answered,
    /// Recipients refused for want of room since the last submit that was taken; a few.
    pub(super) no_room: HashSet<Number>,
    pub(super) store_pause: Option<Instant>,
    pub(super) published: Instant,
    /// Something has happened that is not shown yet.
    pub(super) unshown: bool,
    pub(super) was_up: Option<bool>,
    pub(super) bound_before: usize,
    pub(super) standing: Standing,
    pub(super) evacuation: Evacuation,
}

impl Worker {
    /// A worker that has done nothing yet.
    #[must_use]
    pub fn new(parts: WorkerParts) -> Self {
        let now = clock::now().mono;
        let standing = Standing::new(parts.orders.borrow().clone());
        Self {
            pacer: Pacer::new(parts.config.submits_per_second, now),
            queue: TrunkQueue::new(parts.shares.clone(), parts.config.senders.clone()),
            standing,
            parts,
            in_flight: HashMap::new(),
            unknown: HashMap::new(),
            unknown_order: VecDeque::new(),
            next_ticket: 0,
            marking: None,
            settling: FuturesOrdered::new(),
            answered: Answered::default(),
            no_room: HashSet::new(),
            store_pause: None,
            published: now,
            unshown: true,
            was_up: None,
            bound_before: 0,
            evacuation: Evacuation::since(now),
        }
    }

    /// Works until it is told to end: the windows are empty or given up, the links have ended, everything known is settled.
    pub async fn run(mut self) {
        // It may have been told something before it began.
        self.heed(false);
        loop {
            let now = clock::now();
            self.expire(now.wall);
            self.evacuate(now.mono);
            self.mark(now.mono);
            self.obey(now.mono);
            self.publish(now.mono);
            if self.standing.duty().ends() && self.is_idle() && self.parts.pool.has_ended() {
                return self.last_words();
            }
            let wake = tokio::time::Instant::from_std(self.next_wake(now.mono));
            tokio::select! {
                biased;
                event = self.parts.pool.next() => match event {
                    PoolEvent::Outcomes(outcomes) => self.settle(outcomes),
                    PoolEvent::LinkChanged => self.link_changed().await,
                },
                Some((settled, next)) = self.settling.next(), if !self.settling.is_empty() => self.settled(settled, next),
                (marked, tries) = poll_marked(&mut self.marking), if self.marking.is_some() => self.marked(marked, tries),
                Some(jobs) = self.parts.jobs.recv(), if !self.standing.duty().ends() => self.take(jobs),
                changed = self.parts.orders.changed(), if !self.standing.deaf => self.heed(changed.is_err()),
                () = sleep_until(wake) => continue,
            }
            self.unshown = true;
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.is_empty() && self.marking.is_none() && self.settling.is_empty()
    }

    fn last_words(mut self) {
        self.publish_now();
        info!(trunk = %self.parts.config.id, queued = self.queue.len(), "ended; what is queued is durable");
    }

    fn next_wake(&self, now: Instant) -> Instant {
        let ends = self.standing.duty().ends();
        let quiet = !self.unshown && !ends && self.queue.is_empty() && self.is_idle();
        let mut wake = now + if quiet { QUIET } else { PUBLISH };
        if let Some(limit) = self.standing.wake() {
            wake = wake.min(limit.max(now));
        }
        // Without room nothing can be taken whatever is ready; a link tells when there is some.
        if self.marking.is_none() && self.standing.carries() && self.parts.pool.headroom() > 0 {
            let ready = if self.queue.is_empty() { None } else { self.pacer.ready_at(now) };
            for at in [ready, self.queue.ready_at(), self.store_pause].into_iter().flatten() {
                wake = wake.min(at.max(now + Duration::from_millis(1)));
            }
        }
        wake
    }

    fn take(&mut self, jobs: Vec<Job>) {
        let now = clock::now();
        for mut job in jobs {
            let wait = job.wait(now.wall);
            job.queued += wait;
            self.queue.push(job, wait, now.mono);
        }
    }

    /// Ends what waited past its validity.
    fn expire(&mut self, wall: jiff::Timestamp) {
        let gone = self.queue.expired(wall, BATCH);
        if gone.is_empty() {
            return;
        }
        let endings: Vec<Ending> = gone.iter().map(expiry).collect();
        drop(gone);
        let (store, metrics) = (self.parts.store.clone(), self.parts.metrics.clone());
        let end = async move {
            let ended = store.end(endings).await;
            for one in ended.iter().flatten().filter(|one| one.ended_now) {
                metrics.ended(one.state, Some(&expired()));
            }
            (ended, Vec::new())
        };
        self.settling.push_back(end.boxed());
    }

    /// Takes as much as window and pace allow and marks it durably as possibly sent.
    fn mark(&mut self, now: Instant) {
        let paused = self.store_pause.is_some_and(|until| now < until);
        if self.marking.is_some() || !self.standing.carries() || paused {
            return;
        }
        self.store_pause = None;
        let room = self.parts.pool.headroom().min(BATCH);
        if room == 0 || !self.queue.has_ready(now) {
            return;
        }
        let allowed = self.pacer.take(room, now);
        let tries = self.next_tries(allowed, now);
        self.pacer.give_back(allowed - tries.len().min(allowed));
        if tries.is_empty() {
            return;
        }
        let attempts: Vec<Attempt> = tries.iter().map(|one| one.attempt.clone()).collect();
        let (store, trunk) = (self.parts.store.clone(), self.parts.config.id.clone());
        let segments = tries.len();
        let marked = async move { (store.begin_attempts(trunk, attempts).await, tries) };
        self.marking = Some((marked.boxed(), segments));
    }

    fn next_tries(&mut self, allowed: usize, now: Instant) -> Vec<InFlight> {
        let wall = clock::wall();
        let mut tries = Vec::with_capacity(allowed);
        let (queue, pool, table) = (&mut self.queue, &self.parts.pool, self.parts.ways.router().table());
        let turn = |job: &Job| {
            // It waited longer than its window was open, or the calendar was set back. What has begun is finished.
            let opens = if job.has_begun() { None } else { table.windows().release(&job.message, wall) };
            if let Some(time) = opens {
                return Turn::Closed(now + Duration::try_from(time.duration_since(wall)).unwrap_or_default());
            }
            // Its segments stay on one link. Handed to a full one they would leave later than they are counted.
            match pool.room_for_parts(job.message.id) {
                _ if job.plan.segments < 2 => Turn::Take(1),
                0 => Turn::Wait(now + FULL_LINK),
                room => Turn::Take(room),
            }
        };
        while let Some(mut job) = queue.take(allowed - tries.len(), now, turn) {
            for pending in std::mem::take(&mut job.pending) {
                let attempt = Attempt {
                    message_id: job.message.id,
                    segment: pending.segment,
                    attempts: pending.attempts,
                    plan: job.plan,
                    submit_time: wall,
                };
                tries.push(InFlight { job: job.clone(), pending, attempt, handed: now });
            }
        }
        tries
    }

    /// The marks are durable: the segments may leave.
    fn marked(&mut self, marked: Result<Vec<Attempt>, StoreError>, tries: Vec<InFlight>) {
        self.marking = None;
        let now = clock::now().mono;
        let over = match marked {
            Ok(over) => over,
            Err(refused) => {
                error!(trunk = %self.parts.config.id, error = %refused, "the store takes no marks; nothing is sent");
                self.store_pause = Some(now + STORE_PAUSE);
                for one in tries {
                    self.put_back(one, now);
                }
                return;
            }
        };
        let mut outbound = Vec::with_capacity(tries.len());
        for mut one in tries {
            // Withdrawn, ended or told of by a late answer since it was queued.
            if over.contains(&one.attempt) {
                self.queue.answered(&one.job.message);
                continue;
            }
            let message = one.job.message.clone();
            let cut = match one.job.prepared.clone() {
                Some(cut) => Ok(cut),
                None => self.parts.planner.prepare(&message, one.job.reference).map(Arc::new),
            };
            match cut {
                // Other parts have left as it was cut before.
                Ok(cut) if cut.plan.segments != one.attempt.plan.segments => {
                    let (before, now) = (one.attempt.plan.segments, cut.plan.segments);
                    self.refuse(
                        one,
                        &format!("its trunk now cuts it into {now} segments, and some of {before} have left"),
                    );
                }
                Ok(cut) => {
                    self.next_ticket += 1;
                    one.handed = now;
                    let segment = one.attempt.segment;
                    self.in_flight.insert(self.next_ticket, one);
                    outbound.push(Outbound { ticket: self.next_ticket, message, prepared: cut, segment });
                }
                Err(error) => self.refuse(one, &error),
            }
        }
        let unsent = self.parts.pool.submit(outbound);
        let at = clock::wall();
        let never = |segment: Outbound| Outcome {
            ticket: segment.ticket,
            outcome: SubmitOutcome::NeverSent,
            late: false,
            at,
        };
        if !unsent.is_empty() {
            self.settle(unsent.into_iter().map(never).collect());
        }
    }

    fn put_back(&mut self, one: InFlight, now: Instant) {
        let mut job = one.job;
        job.pending = [one.pending].into();
        let message = job.message.clone();
        self.queue.put_back(job, now);
        self.queue.answered(&message);
    }
}

async fn poll_marked(
    marking: &mut Option<(Marked, usize)>,
) -> (Result<Vec<Attempt>, StoreError>, Vec<InFlight>) {
    match marking {
        Some((marked, _)) => marked.await,
        None => std::future::pending().await,
    }
}

fn expiry(job: &Job) -> Ending {
    Ending { message_id: job.message.id, state: SegmentState::Expired, status: expired() }
}

fn expired() -> CarrierStatus {
    CarrierStatus::ours(FailureClass::Expired, true, "its validity ended before the carrier took it")
}
