//! One account at one carrier: its rules, its links, and what waits to be delivered to it.
//!
//! Links of the account share this; each call locks for a few moves in memory and never across an await.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::sync::Notify;

use super::{
    deliveries::{Deliveries, For, LinkId, Pressure},
    message::Delivery,
};
use crate::{
    behaviour::Behaviour,
    stats::{Counters, count_many},
};

/// One account at one carrier.
#[derive(Debug)]
pub struct Account {
    /// SMPP system_id, CMPP Source_Addr.
    pub name: String,
    shared: Mutex<Shared>,
}

#[derive(Debug)]
struct Shared {
    behaviour: Behaviour,
    deliveries: Deliveries,
    /// When the place of each link is free again; `None`: it is still there.
    links: Vec<Option<Instant>>,
}

impl Account {
    pub fn new(name: String, behaviour: Behaviour) -> Self {
        let deliveries = Deliveries::new(behaviour.receipts().pending);
        Self { name, shared: Mutex::new(Shared { behaviour, deliveries, links: Vec::new() }) }
    }

    /// Asks the account's rules.
    pub fn decide<T>(&self, ask: impl FnOnce(&mut Behaviour) -> T) -> T {
        ask(&mut self.lock().behaviour)
    }

    /// Takes one more link, unless there are `most` already.
    pub fn take_link(&self, now: Instant, most: usize) -> bool {
        let mut shared = self.lock();
        shared.links.retain(|until| until.is_none_or(|until| now < until));
        let has_room = shared.links.len() < most;
        if has_room {
            shared.links.push(None);
        }
        has_room
    }

    /// Gives the place of a link back, at `from`.
    pub fn free_link(&self, from: Instant) {
        let mut shared = self.lock();
        if let Some(link) = shared.links.iter_mut().find(|until| until.is_none()) {
            *link = Some(from);
        }
    }

    /// A link may receive from now on.
    pub fn attach(&self, link: LinkId, wake: Arc<Notify>) {
        self.lock().deliveries.attach(link, wake);
    }

    /// A link may not receive any more.
    pub fn detach(&self, link: LinkId) {
        self.lock().deliveries.detach(link);
    }

    /// Adds a delivery; see [`Deliveries::add`].
    pub fn add(
        &self,
        counters: &Counters,
        whom: For,
        by: Option<LinkId>,
        now: Instant,
        due: Instant,
        delivery: Box<Delivery>,
    ) {
        let pressure = self.lock().deliveries.add(whom, by, now, due, delivery);
        note(counters, pressure);
    }

    /// Gives a delivery back; see [`Deliveries::put_back`].
    pub fn put_back(&self, counters: &Counters, delivery: Box<Delivery>) {
        let pressure = self.lock().deliveries.put_back(delivery);
        note(counters, pressure);
    }

    /// Takes the next delivery that is due.
    pub fn next(&self, link: LinkId, now: Instant) -> Option<Box<Delivery>> {
        self.lock().deliveries.next(link, now)
    }

    /// When [`Account::next`] may have something that it has not now.
    pub fn deadline(&self, link: LinkId) -> Option<Instant> {
        self.lock().deliveries.deadline(link)
    }

    /// What a task left half done when it panicked is still a queue.
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn note(counters: &Counters, pressure: Pressure) {
    count_many(&counters.early, pressure.early);
    count_many(&counters.lost, pressure.lost);
}
