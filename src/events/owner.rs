//! The task that owns one subscription while it is in use: its leases, its consumers, its place in the log.
//!
//! A confirmation is told only after the cursor with it is durable. One save is in flight at most; what is confirmed
//! meanwhile goes into the next, so the disk sets the size of the groups. Any failure of the store ends the task and
//! every stream with it: consumers come back and hear again what was not confirmed.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, oneshot},
    time,
};

use super::{
    Acks, Confirmation, Frame, SubscriptionError,
    feed::{Feed, Filter, Reading},
    lease::{Acked, ConsumerKey, Delivered, Leases},
};
use crate::{
    clock,
    domain::EventId,
    store::{Cursor, Store, StoreError, Subscription},
    telemetry::metrics::RedeliveryMetrics,
};

/// Events in one frame.
pub const BATCH: usize = 256;
/// Most events that one consumer may hold.
pub const MAX_CREDIT: usize = 10_000;
/// Pulls that may wait at once; more are answered empty.
const MAX_PULLS: usize = 256;
/// Frames that may wait for a consumer that reads slowly.
pub const FRAMES: usize = 16;
/// When a consumer whose frames are full is tried again.
const STALLED: Duration = Duration::from_millis(10);
/// How long a cursor that moved without a confirmation may stay unsaved.
const LAZY_SAVE: Duration = Duration::from_secs(1);

/// What the owner is asked for.
pub enum Command {
    /// A stream begins.
    Attach {
        credit: usize,
        ack_deadline: Option<Duration>,
        reply: oneshot::Sender<(ConsumerKey, mpsc::Receiver<Frame>)>,
    },
    /// A stream grants credit.
    Grant { key: ConsumerKey, credit: usize },
    /// A stream confirms.
    Ack { key: ConsumerKey, acks: Acks },
    /// A stream has ended.
    Detach { key: ConsumerKey },
    /// A pull, answered with events, or empty when `wait` has passed.
    Pull { max: usize, wait: Duration, reply: oneshot::Sender<Vec<Delivered>> },
    /// A confirmation of what was pulled.
    AckPulled { acks: Acks, reply: oneshot::Sender<Result<Confirmation, StoreError>> },
    /// Go to another place in the log.
    Seek { acked: u64, reply: oneshot::Sender<Result<(), StoreError>> },
    /// How far it is.
    Describe { reply: oneshot::Sender<(Cursor, u64)> },
    /// The subscription is being deleted: end now, save nothing.
    Close { reply: oneshot::Sender<()> },
    /// Deliver nothing more, take confirmations for at most `grace`, save and end.
    Drain { grace: Duration },
}

struct Attached {
    frames: mpsc::Sender<Frame>,
    /// Durable, not told yet because the frames are full.
    confirmation: Confirmation,
}

struct Pull {
    max: usize,
    deadline: Instant,
    reply: oneshot::Sender<Vec<Delivered>>,
}

/// Who waits for a save.
enum Waiter {
    Stream(ConsumerKey, Confirmation),
    Pulled(oneshot::Sender<Result<Confirmation, StoreError>>, Confirmation),
    Seek(oneshot::Sender<Result<(), StoreError>>),
}

type Saving = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// The owner of one subscription.
pub struct Owner {
    subscription: Subscription,
    store: Store,
    feed: Feed,
    filter: Filter,
    leases: Leases,
    commands: mpsc::Receiver<Command>,
    consumers: BTreeMap<ConsumerKey, Attached>,
    next_key: u64,
    pulls: Vec<Pull>,
    reading: Option<Reading>,
    saving: Option<Saving>,
    /// Wait for the save in flight.
    saved: Vec<Waiter>,
    /// Wait for the next one.
    unsaved: Vec<Waiter>,
    saved_revision: u64,
    last_save: Instant,
    told_dead_letters: u64,
    metrics: RedeliveryMetrics,
    drain_until: Option<Instant>,
}

/// What a turn waits for.
enum Wake {
    Commands(usize),
    Page(Result<crate::store::EventPage, StoreError>),
    Saved(Result<(), StoreError>),
    Other,
}

impl Owner {
    /// Goes on from the stored cursor.
    pub fn new(
        subscription: Subscription,
        cursor: Cursor,
        store: Store,
        commands: mpsc::Receiver<Command>,
    ) -> Self {
        let deadline = Duration::from_millis(subscription.ack_deadline_ms);
        let metrics = RedeliveryMetrics::new(subscription.id.as_str());
        Self {
            feed: Feed::new(store.clone()),
            filter: Filter::new(&subscription),
            leases: Leases::new(cursor, deadline, subscription.max_delivery_attempts),
            subscription,
            store,
            commands,
            consumers: BTreeMap::new(),
            next_key: ConsumerKey::PULL.0 + 1,
            pulls: Vec::new(),
            reading: None,
            saving: None,
            saved: Vec::new(),
            unsaved: Vec::new(),
            saved_revision: 0,
            last_save: now(),
            told_dead_letters: 0,
            metrics,
            drain_until: None,
        }
    }

    /// Runs until the subscription is deleted, drained, forgotten by all, or the store fails.
    pub async fn run(mut self) {
        if let Err(error) = self.serve().await {
            tracing::error!(subscription = %self.subscription.id, %error, "a subscription stopped");
            self.fail(&error);
        }
    }

    async fn serve(&mut self) -> Result<(), StoreError> {
        let mut batch = Vec::with_capacity(64);
        loop {
            let now = now();
            self.hand_out(now);
            self.begin_read();
            self.begin_save(now);
            if self.is_drained(now) {
                return Ok(());
            }
            let timeout = self.next_timeout(now);
            let reads = self.reading.is_some();
            let wake = tokio::select! {
                count = self.commands.recv_many(&mut batch, 64) => Wake::Commands(count),
                page = poll(&mut self.reading) => Wake::Page(page),
                result = poll(&mut self.saving) => Wake::Saved(result),
                () = self.feed.news(), if !reads => Wake::Other,
                () = sleep_until(timeout) => Wake::Other,
            };
            match wake {
                Wake::Commands(0) => return self.finish().await,
                Wake::Commands(_) => {
                    for command in batch.drain(..) {
                        if self.handle(command).await {
                            return Ok(());
                        }
                    }
                }
                Wake::Page(page) => {
                    self.reading = None;
                    self.take_in(page?);
                }
                Wake::Saved(result) => {
                    self.saving = None;
                    result?;
                    self.tell_saved();
                }
                Wake::Other => {}
            }
        }
    }

    /// Yes: the owner ends now.
    async fn handle(&mut self, command: Command) -> bool {
        match command {
            Command::Attach { credit, ack_deadline, reply } => self.attach(credit, ack_deadline, reply),
            Command::Grant { key, credit } => self.leases.grant(key, credit, MAX_CREDIT),
            Command::Ack { key, acks } => {
                let (confirmation, durable) = self.acknowledge(&acks, Some(key));
                if !durable {
                    self.unsaved.push(Waiter::Stream(key, confirmation));
                } else if let Some(consumer) = self.consumers.get_mut(&key) {
                    consumer.confirmation.append(confirmation);
                }
            }
            Command::Detach { key } => self.detach(key),
            Command::Pull { max, wait, reply } => {
                if self.pulls.len() < MAX_PULLS && self.drain_until.is_none() {
                    let max = max.clamp(1, BATCH);
                    self.pulls.push(Pull { max, deadline: now() + wait, reply });
                }
            }
            Command::AckPulled { acks, reply } => {
                let (confirmation, durable) = self.acknowledge(&acks, None);
                if durable {
                    let _ = reply.send(Ok(confirmation));
                } else {
                    self.unsaved.push(Waiter::Pulled(reply, confirmation));
                }
            }
            Command::Seek { acked, reply } => {
                // A page that was asked for at the old place must not be taken in at the new one.
                self.reading = None;
                self.feed.note_progress(true);
                self.leases.seek(acked);
                self.unsaved.push(Waiter::Seek(reply));
            }
            Command::Describe { reply } => {
                let _ = reply.send((self.leases.cursor(), self.leases.dead_letters()));
            }
            Command::Close { reply } => {
                if let Some(saving) = self.saving.take() {
                    let _ = saving.await;
                }
                self.say_closing("the subscription was deleted", Duration::ZERO);
                let _ = reply.send(());
                return true;
            }
            Command::Drain { grace } => {
                self.drain_until = Some(now() + grace);
                self.pulls.clear();
                self.say_closing("the daemon is draining: reconnect elsewhere", grace);
            }
        }
        false
    }

    fn attach(
        &mut self,
        credit: usize,
        ack_deadline: Option<Duration>,
        reply: oneshot::Sender<(ConsumerKey, mpsc::Receiver<Frame>)>,
    ) {
        let key = ConsumerKey(self.next_key);
        self.next_key += 1;
        let (frames, receiver) = mpsc::channel(FRAMES);
        if self.drain_until.is_some() || reply.send((key, receiver)).is_err() {
            return;
        }
        let deadline = ack_deadline.unwrap_or(Duration::from_millis(self.subscription.ack_deadline_ms));
        self.leases.attach(key, credit.min(MAX_CREDIT), deadline);
        self.consumers.insert(key, Attached { frames, confirmation: Confirmation::default() });
    }

    fn detach(&mut self, key: ConsumerKey) {
        self.consumers.remove(&key);
        self.leases.detach(key);
    }

    /// Applies a batch; yes: nothing of it needs a save before it is told.
    fn acknowledge(&mut self, acks: &Acks, by: Option<ConsumerKey>) -> (Confirmation, bool) {
        let now = now();
        let mut confirmation = Confirmation::default();
        for id in &acks.ack {
            match self.leases.ack(id.sequence) {
                Acked::Now | Acked::Before => confirmation.confirmed.push(*id),
                Acked::NotDelivered => confirmation.expired.push(*id),
            }
        }
        let lost = |held: bool, id: &EventId| (!held).then_some(*id);
        for id in &acks.nack {
            confirmation.expired.extend(lost(self.leases.nack(id.sequence, by, now), id));
        }
        for id in &acks.extend {
            confirmation.expired.extend(lost(self.leases.extend(id.sequence, by, now), id));
        }
        let all_saved = self.saving.is_none() && self.leases.revision() == self.saved_revision;
        let durable = confirmation.confirmed.is_empty() || all_saved;
        (confirmation, durable)
    }

    fn hand_out(&mut self, now: Instant) {
        self.leases.handle_timeout(now);
        let gone: Vec<ConsumerKey> = self
            .consumers
            .iter()
            .filter(|(_, consumer)| consumer.frames.is_closed())
            .map(|(key, _)| *key)
            .collect();
        for key in gone {
            self.detach(key);
        }
        for consumer in self.consumers.values_mut() {
            consumer.tell_confirmation();
        }
        if self.drain_until.is_none() {
            self.serve_pulls(now);
            self.serve_consumers(now);
        }
        let dead_letters = self.leases.dead_letters();
        if dead_letters > self.told_dead_letters {
            let count = dead_letters - self.told_dead_letters;
            tracing::warn!(subscription = %self.subscription.id, count, "events were given up as dead letters");
            self.metrics.dead_letters.increment(count);
            self.told_dead_letters = dead_letters;
        }
    }

    fn serve_pulls(&mut self, now: Instant) {
        let mut waiting = Vec::new();
        for pull in std::mem::take(&mut self.pulls) {
            if pull.reply.is_closed() {
                continue;
            }
            let events = self.take(ConsumerKey::PULL, pull.max, now);
            let nothing_comes = self.reading.is_none() && !self.may_read();
            if events.is_empty() && (now < pull.deadline || !nothing_comes) {
                waiting.push(pull);
            } else if let Err(unsent) = pull.reply.send(events) {
                for delivered in unsent {
                    self.leases.nack(delivered.event.id.sequence, Some(ConsumerKey::PULL), now);
                }
            }
        }
        self.pulls = waiting;
    }

    /// Shares what waits out among the consumers that can take it, a fair part each per turn.
    fn serve_consumers(&mut self, now: Instant) {
        let able = |owner: &Self, key: &ConsumerKey, consumer: &Attached| {
            owner.leases.free_credit(*key) > 0 && consumer.frames.capacity() > 0
        };
        while self.leases.waiting() > 0 {
            let keys: Vec<ConsumerKey> = self
                .consumers
                .iter()
                .filter(|(key, consumer)| able(self, key, consumer))
                .map(|(key, _)| *key)
                .collect();
            if keys.is_empty() {
                return;
            }
            let part = self.leases.waiting().div_ceil(keys.len()).clamp(1, BATCH);
            for key in keys {
                let events = self.take(key, part, now);
                let Some(consumer) = self.consumers.get(&key) else { continue };
                if !events.is_empty() && consumer.frames.try_send(Frame::Events(events)).is_err() {
                    // It left between the two lines above; its events wait again once it is detached.
                    self.detach(key);
                }
            }
        }
    }

    fn take(&mut self, key: ConsumerKey, max: usize, now: Instant) -> Vec<Delivered> {
        let events = self.leases.take(key, max, now);
        let again = events.iter().filter(|delivered| delivered.attempt > 1).count();
        self.metrics.redeliveries.increment(again as u64);
        events
    }

    /// Whether the log has more than was read.
    fn may_read(&self) -> bool {
        self.leases.room() > 0 && self.feed.has_more(self.leases.read_after())
    }

    fn begin_read(&mut self) {
        let asked =
            !self.pulls.is_empty() || self.consumers.keys().any(|key| self.leases.free_credit(*key) > 0);
        if self.reading.is_none() && self.drain_until.is_none() && asked && self.leases.waiting() < BATCH {
            self.reading = self.feed.read(self.leases.read_after(), self.leases.room());
        }
    }

    fn take_in(&mut self, page: crate::store::EventPage) {
        let before = self.leases.read_after();
        let wall = clock::wall();
        self.leases.handle_page(page, |event| self.filter.wants(event, wall));
        self.feed.note_progress(self.leases.read_after() > before);
    }

    fn begin_save(&mut self, now: Instant) {
        let moved = self.leases.revision() != self.saved_revision;
        let lazy = moved && (now >= self.last_save + LAZY_SAVE || self.drain_until.is_some());
        if self.saving.is_some() || (self.unsaved.is_empty() && !lazy) {
            return;
        }
        self.saved = std::mem::take(&mut self.unsaved);
        self.saved_revision = self.leases.revision();
        self.last_save = now;
        let (store, id, cursor) = (self.store.clone(), self.subscription.id.clone(), self.leases.cursor());
        self.saving = Some(Box::pin(async move { store.save_cursors(vec![(id, cursor)]).await }));
    }

    fn tell_saved(&mut self) {
        for waiter in std::mem::take(&mut self.saved) {
            match waiter {
                Waiter::Stream(key, confirmation) => {
                    if let Some(consumer) = self.consumers.get_mut(&key) {
                        consumer.confirmation.append(confirmation);
                    }
                }
                Waiter::Pulled(reply, confirmation) => {
                    let _ = reply.send(Ok(confirmation));
                }
                Waiter::Seek(reply) => {
                    let _ = reply.send(Ok(()));
                }
            }
        }
    }

    fn is_drained(&self, now: Instant) -> bool {
        let saved = self.saving.is_none()
            && self.leases.revision() == self.saved_revision
            && self.consumers.values().all(|consumer| consumer.confirmation.is_empty());
        self.drain_until.is_some_and(|until| now >= until || (saved && self.consumers.is_empty()))
    }

    /// Nobody asks any more: what is confirmed is saved before the end.
    async fn finish(&mut self) -> Result<(), StoreError> {
        if let Some(saving) = self.saving.take() {
            saving.await?;
        }
        if self.leases.revision() != self.saved_revision {
            self.store.save_cursors(vec![(self.subscription.id.clone(), self.leases.cursor())]).await?;
        }
        Ok(())
    }

    fn next_timeout(&self, now: Instant) -> Option<Instant> {
        let stalled = self.consumers.iter().any(|(key, consumer)| {
            let blocked = consumer.frames.capacity() == 0;
            blocked
                && (!consumer.confirmation.is_empty()
                    || (self.leases.waiting() > 0 && self.leases.free_credit(*key) > 0))
        });
        let moved = self.leases.revision() != self.saved_revision && self.saving.is_none();
        [
            self.leases.poll_timeout(),
            self.pulls.iter().map(|pull| pull.deadline).filter(|deadline| *deadline > now).min(),
            stalled.then(|| now + STALLED),
            moved.then(|| self.last_save + LAZY_SAVE),
            self.drain_until,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn say_closing(&mut self, reason: &'static str, grace: Duration) {
        for consumer in self.consumers.values() {
            let _ = consumer.frames.try_send(Frame::Closing { reason, grace });
        }
    }

    fn fail(&mut self, error: &StoreError) {
        for consumer in self.consumers.values() {
            let _ = consumer.frames.try_send(Frame::Failed(SubscriptionError::Store(error.clone())));
        }
        for waiter in self.saved.drain(..).chain(self.unsaved.drain(..)) {
            match waiter {
                Waiter::Stream(..) => {}
                Waiter::Pulled(reply, _) => drop(reply.send(Err(error.clone()))),
                Waiter::Seek(reply) => drop(reply.send(Err(error.clone()))),
            }
        }
    }
}

impl Attached {
    fn tell_confirmation(&mut self) {
        if !self.confirmation.is_empty()
            && let Ok(place) = self.frames.try_reserve()
        {
            place.send(Frame::Confirmed(std::mem::take(&mut self.confirmation)));
        }
    }
}

fn now() -> Instant {
    time::Instant::now().into_std()
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// The result of a future that may be there; never, if it is not.
async fn poll<T>(future: &mut Option<Pin<Box<dyn Future<Output = T> + Send>>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
