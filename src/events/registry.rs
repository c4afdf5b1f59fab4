//! All subscriptions: created, listed, moved, deleted; their owners started when one is used.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::{
    Acks, Confirmation, Consumer, Delivered, SubscriptionError, ask,
    owner::{Command, Owner},
};
use crate::{
    domain::SubscriptionId,
    store::{Cursor, Store, StoreError, Subscription},
};

/// Requests that may wait for the registry, and commands for an owner.
const MAILBOX: usize = 256;

/// A subscription and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Its settings.
    pub subscription: Subscription,
    /// Events of the log that it has not confirmed; those that its filter leaves out are counted until they are read.
    pub backlog: u64,
    /// When the first of these was recorded.
    pub oldest_unacked_time: Option<Timestamp>,
    /// Events given up since the start.
    pub dead_letters: u64,
}

/// All subscriptions; cheap to clone.
#[derive(Clone)]
pub struct Subscriptions {
    requests: mpsc::Sender<Request>,
}

type Reply<T> = oneshot::Sender<Result<T, SubscriptionError>>;

enum Request {
    Create(Subscription, Reply<Described>),
    Get(SubscriptionId, Reply<Described>),
    List { after: String, limit: usize, reply: Reply<Vec<Described>> },
    Delete(SubscriptionId, Reply<()>),
    Owner(SubscriptionId, Reply<mpsc::Sender<Command>>),
    PlaceAt(Timestamp, Reply<u64>),
    Drain { grace: Duration, reply: oneshot::Sender<()> },
}

impl Subscriptions {
    /// Starts the registry; its task ends when the last handle is dropped.
    #[must_use]
    pub fn spawn(store: Store) -> Self {
        let (requests, mailbox) = mpsc::channel(MAILBOX);
        tokio::spawn(Registry { store, mailbox, owners: HashMap::new(), draining: false }.run());
        Self { requests }
    }

    /// Creates a subscription at the end of the log; the same again changes nothing.
    ///
    /// # Errors
    /// `Exists` when the name is taken with other settings.
    pub async fn create(&self, subscription: Subscription) -> Result<Described, SubscriptionError> {
        self.ask(|reply| Request::Create(subscription, reply)).await
    }

    /// One subscription.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, id: SubscriptionId) -> Result<Described, SubscriptionError> {
        self.ask(|reply| Request::Get(id, reply)).await
    }

    /// Up to `limit` subscriptions by name, those after `after`.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn list(&self, after: String, limit: usize) -> Result<Vec<Described>, SubscriptionError> {
        self.ask(|reply| Request::List { after, limit, reply }).await
    }

    /// Deletes a subscription, its cursor and its consumers.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete(&self, id: SubscriptionId) -> Result<(), SubscriptionError> {
        self.ask(|reply| Request::Delete(id, reply)).await
    }

    /// Moves a subscription so that the first event recorded at `time` or later comes next.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn seek(&self, id: SubscriptionId, time: Timestamp) -> Result<(), SubscriptionError> {
        let owner = self.owner(id).await?;
        let acked = self.ask(|reply| Request::PlaceAt(time, reply)).await?;
        let moved = ask(&owner, |reply| Command::Seek { acked, reply }).await;
        Ok(moved.ok_or(SubscriptionError::Draining)??)
    }

    /// A new consumer that may hold `credit` events at a time, each for `ack_deadline` or the subscription's own.
    ///
    /// # Errors
    /// `NotFound`, `Draining`.
    pub async fn attach(
        &self,
        id: SubscriptionId,
        credit: usize,
        ack_deadline: Option<Duration>,
    ) -> Result<Consumer, SubscriptionError> {
        let commands = self.owner(id).await?;
        let attached = ask(&commands, |reply| Command::Attach { credit, ack_deadline, reply }).await;
        let (key, frames) = attached.ok_or(SubscriptionError::Draining)?;
        Ok(Consumer { key, commands, frames })
    }

    /// Up to `max` events, waiting at most `wait` for the first; held until the subscription's deadline.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn pull(
        &self,
        id: SubscriptionId,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Delivered>, SubscriptionError> {
        let owner = self.owner(id).await?;
        Ok(ask(&owner, |reply| Command::Pull { max, wait, reply }).await.unwrap_or_default())
    }

    /// Confirms what was pulled; returns when that is durable.
    ///
    /// # Errors
    /// `NotFound`, `Draining`.
    pub async fn acknowledge(
        &self,
        id: SubscriptionId,
        acks: Acks,
    ) -> Result<Confirmation, SubscriptionError> {
        let owner = self.owner(id).await?;
        let confirmed = ask(&owner, |reply| Command::AckPulled { acks, reply }).await;
        Ok(confirmed.ok_or(SubscriptionError::Draining)??)
    }

    /// Tells every consumer to go, takes their confirmations for at most `grace` and saves. Then nobody can attach.
    pub async fn drain(&self, grace: Duration) {
        let (reply, answer) = oneshot::channel();
        if self.requests.send(Request::Drain { grace, reply }).await.is_ok() {
            // A dropped reply means that the registry has ended, and with it every owner.
            let _ = answer.await;
        }
    }

    async fn owner(&self, id: SubscriptionId) -> Result<mpsc::Sender<Command>, SubscriptionError> {
        self.ask(|reply| Request::Owner(id, reply)).await
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, SubscriptionError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.map_err(|_| SubscriptionError::Draining)?;
        answer.await.map_err(|_| SubscriptionError::Draining)?
    }
}

struct Registry {
    store: Store,
    mailbox: mpsc::Receiver<Request>,
    owners: HashMap<SubscriptionId, Running>,
    draining: bool,
}

struct Running {
    commands: mpsc::Sender<Command>,
    task: JoinHandle<()>,
}

impl Registry {
    async fn run(mut self) {
        while let Some(request) = self.mailbox.recv().await {
            // A reply that nobody waits for any more is no loss: each of these can be asked again.
            match request {
                Request::Create(subscription, reply) => drop(reply.send(self.create(subscription).await)),
                Request::Get(id, reply) => drop(reply.send(self.get(&id).await)),
                Request::List { after, limit, reply } => drop(reply.send(self.list(&after, limit).await)),
                Request::Delete(id, reply) => drop(reply.send(self.delete(&id).await)),
                Request::Owner(id, reply) => drop(reply.send(self.owner(&id).await)),
                Request::PlaceAt(time, reply) => drop(reply.send(self.place_at(time).await)),
                Request::Drain { grace, reply } => {
                    self.drain(grace).await;
                    let _ = reply.send(());
                }
            }
        }
    }

    async fn find(&self, id: &SubscriptionId) -> Result<Option<Subscription>, StoreError> {
        Ok(self.store.subscriptions().await?.into_iter().find(|known| known.id == *id))
    }

    async fn create(&self, subscription: Subscription) -> Result<Described, SubscriptionError> {
        if let Some(known) = self.find(&subscription.id).await? {
            if known != subscription {
                return Err(SubscriptionError::Exists(subscription.id));
            }
            return Ok(self.describe(known).await?);
        }
        let end = Cursor { acked: *self.store.last_event().borrow(), ahead: Vec::new() };
        self.store.put_subscription(subscription.clone()).await?;
        self.store.save_cursors(vec![(subscription.id.clone(), end)]).await?;
        Ok(self.describe(subscription).await?)
    }

    async fn get(&self, id: &SubscriptionId) -> Result<Described, SubscriptionError> {
        let found = self.find(id).await?.ok_or_else(|| SubscriptionError::NotFound(id.clone()))?;
        Ok(self.describe(found).await?)
    }

    async fn list(&self, after: &str, limit: usize) -> Result<Vec<Described>, SubscriptionError> {
        let mut all = self.store.subscriptions().await?;
        all.retain(|subscription| subscription.id.as_str() > after);
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all.truncate(limit);
        let mut described = Vec::with_capacity(all.len());
        for subscription in all {
            described.push(self.describe(subscription).await?);
        }
        Ok(described)
    }

    async fn delete(&mut self, id: &SubscriptionId) -> Result<(), SubscriptionError> {
        if self.find(id).await?.is_none() {
            return Err(SubscriptionError::NotFound(id.clone()));
        }
        if let Some(owner) = self.owners.remove(id) {
            // It must have ended before the cursor goes, or it could save it again.
            let _ = ask(&owner.commands, |reply| Command::Close { reply }).await;
            let _ = owner.task.await;
        }
        self.store.delete_subscription(id.clone()).await?;
        Ok(())
    }

    async fn owner(&mut self, id: &SubscriptionId) -> Result<mpsc::Sender<Command>, SubscriptionError> {
        if self.draining {
            return Err(SubscriptionError::Draining);
        }
        if let Some(running) = self.owners.get(id).filter(|running| !running.commands.is_closed()) {
            return Ok(running.commands.clone());
        }
        let found = self.find(id).await?.ok_or_else(|| SubscriptionError::NotFound(id.clone()))?;
        let cursor = self.cursor(id).await?;
        let (commands, mailbox) = mpsc::channel(MAILBOX);
        let task = tokio::spawn(Owner::new(found, cursor, self.store.clone(), mailbox).run());
        self.owners.insert(id.clone(), Running { commands: commands.clone(), task });
        Ok(commands)
    }

    /// A group without a cursor, after a power cut in the middle of its creation, begins at the first event.
    async fn cursor(&self, id: &SubscriptionId) -> Result<Cursor, StoreError> {
        Ok(self.store.cursor(id.clone()).await?.unwrap_or_default())
    }

    async fn place_at(&self, time: Timestamp) -> Result<u64, SubscriptionError> {
        Ok(self.store.sequence_at(time).await?)
    }

    async fn describe(&self, subscription: Subscription) -> Result<Described, StoreError> {
        let running = match self.owners.get(&subscription.id) {
            Some(owner) => ask(&owner.commands, |reply| Command::Describe { reply }).await,
            None => None,
        };
        let (cursor, dead_letters) = match running {
            Some(running) => running,
            None => (self.cursor(&subscription.id).await?, 0),
        };
        let last = *self.store.last_event().borrow();
        let backlog = last.saturating_sub(cursor.acked).saturating_sub(cursor.ahead.len() as u64);
        let oldest_unacked_time = match backlog {
            0 => None,
            _ => self.store.events(cursor.acked, 1).await?.events.first().map(|event| event.record_time),
        };
        Ok(Described { subscription, backlog, oldest_unacked_time, dead_letters })
    }

    async fn drain(&mut self, grace: Duration) {
        self.draining = true;
        for owner in self.owners.values() {
            let _ = owner.commands.send(Command::Drain { grace }).await;
        }
        for (_, owner) in self.owners.drain() {
            let _ = owner.task.await;
        }
    }
}
