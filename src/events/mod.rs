//! Who listens: subscriptions, what each has confirmed, and the sharing out of events among its consumers.
//!
//! A subscription in use has one task that owns it (`owner`); the registry task knows them all, and is the only one to
//! create, move and delete subscriptions. Leaves to others: keeping the log and the cursors (`store`), the wire
//! (`grpc`).

mod feed;
mod lag;
mod lease;
mod owner;
mod registry;
#[cfg(test)]
mod tests;

use std::time::Duration;

use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

pub use lag::watch as watch_lag;
pub use lease::{ConsumerKey, Delivered};
pub use owner::{BATCH, MAX_CREDIT};
pub use registry::{Described, Subscriptions};

use crate::{
    domain::{EventId, SubscriptionId},
    store::StoreError,
};
use owner::Command;

/// Why a subscription can't do what was asked.
#[derive(Debug, Clone, Error)]
pub enum SubscriptionError {
    /// There is none of this name.
    #[error("there is no subscription {0}: create it first")]
    NotFound(SubscriptionId),
    /// There is one of this name with other settings.
    #[error("subscription {0} exists with other settings: use the same settings or delete it first")]
    Exists(SubscriptionId),
    /// We are ending.
    #[error("the daemon is draining: reconnect elsewhere")]
    Draining,
    /// The store can't do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a consumer says of events it was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acks {
    /// Done with: never again.
    pub ack: Vec<EventId>,
    /// Could not be handled: again, after a rest.
    pub nack: Vec<EventId>,
    /// Still at work: a whole deadline more.
    pub extend: Vec<EventId>,
}

/// What became of [`Acks`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Confirmation {
    /// Durable: these do not come again.
    pub confirmed: Vec<EventId>,
    /// Not held, so nothing was done for them.
    pub expired: Vec<EventId>,
}

impl Confirmation {
    /// There is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.confirmed.is_empty() && self.expired.is_empty()
    }

    fn append(&mut self, mut other: Self) {
        self.confirmed.append(&mut other.confirmed);
        self.expired.append(&mut other.expired);
    }
}

/// What a consumer is told.
#[derive(Debug)]
pub enum Frame {
    /// Events, at most [`BATCH`].
    Events(Vec<Delivered>),
    /// A durable confirmation.
    Confirmed(Confirmation),
    /// No more events come; confirmations are taken for `grace`.
    Closing {
        /// Why.
        reason: &'static str,
        /// How long.
        grace: Duration,
    },
    /// It ends here.
    Failed(SubscriptionError),
}

/// One consumer of a subscription. Dropped, what it held goes to the others.
pub struct Consumer {
    key: ConsumerKey,
    commands: mpsc::Sender<Command>,
    frames: mpsc::Receiver<Frame>,
}

impl Consumer {
    /// Lets more events come.
    pub async fn grant(&self, credit: usize) {
        // A failed send means that the owner has ended, which `next_frame` tells.
        let _ = self.commands.send(Command::Grant { key: self.key, credit }).await;
    }

    /// Confirms, refuses or extends; [`Frame::Confirmed`] answers.
    pub async fn acknowledge(&self, acks: Acks) {
        let _ = self.commands.send(Command::Ack { key: self.key, acks }).await;
    }

    /// What comes next; `None`: it has ended.
    pub async fn next_frame(&mut self) -> Option<Frame> {
        self.frames.recv().await
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // With a full mailbox the owner is awake and finds the closed frames by itself.
        let _ = self.commands.try_send(Command::Detach { key: self.key });
    }
}

async fn ask<T>(
    commands: &mpsc::Sender<Command>,
    command: impl FnOnce(oneshot::Sender<T>) -> Command,
) -> Option<T> {
    let (reply, answer) = oneshot::channel();
    commands.send(command(reply)).await.ok()?;
    answer.await.ok()
}
