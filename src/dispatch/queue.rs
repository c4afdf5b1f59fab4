//! What waits for one trunk: codes before all else, the rest by shares of class and tenant, retries in their time,
//! expiry even when nothing moves.
//!
//! Within the flow of one tenant and class the order is priority, then arrival. A job keeps its arrival when it comes
//! back, so what was refused or never left goes before what came later. Of a sender number that stands in line only the
//! head takes part in this.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{
    Job, Shares,
    lines::{Lines, Standing},
};
use crate::{
    config::{SenderRule, ShareConfig},
    domain::{Category, Message, MessageId, Number, TenantId},
};

/// Place in a flow: priority (higher first), then arrival.
type Place = (Reverse<u8>, u64, MessageId);

/// The class of codes; it shares with nobody.
const CODES: usize = 0;
/// Jobs that one turn puts off, at most.
const POSTPONED: usize = 1024;
/// Recipients that are held back at a time; more of them mean that it is not about recipients.
const HELD: usize = 10_000;

/// Jobs of one trunk. Every job is in it once: ready, waiting for its time, or behind another one of its sender.
#[derive(Debug)]
pub struct TrunkQueue {
    jobs: HashMap<MessageId, Waiting>,
    classes: [Class; 4],
    /// Which class but the codes' goes next.
    turns: Shares<usize>,
    weights: ShareConfig,
    later: BTreeSet<(Instant, u64, MessageId)>,
    lines: Lines,
    expiry: BTreeSet<(Timestamp, MessageId)>,
    /// Those that are ready or behind, the oldest first.
    by_arrival: BTreeMap<u64, MessageId>,
    arrivals: u64,
    /// Recipients that the carrier has no room for, and until when.
    held: HashMap<Number, Instant>,
}

#[derive(Debug)]
struct Waiting {
    job: Job,
    spot: Spot,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spot {
    Ready,
    /// Until it is ready.
    Later(Instant),
    /// Another one of its sender goes first.
    Behind,
}

/// What a job may have of its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// At most so many of its segments.
    Take(usize),
    /// Nothing before then.
    Wait(Instant),
    /// Nothing before then, and only from then on does it count as waiting for us.
    Closed(Instant),
}

/// The flows of one class.
#[derive(Debug, Default)]
struct Class {
    turns: Shares<TenantId>,
    ready: HashMap<TenantId, BTreeSet<Place>>,
}

impl TrunkQueue {
    /// An empty queue with these weights, and these rules for sender numbers.
    #[must_use]
    pub fn new(weights: ShareConfig, senders: Vec<SenderRule>) -> Self {
        Self {
            jobs: HashMap::new(),
            classes: Default::default(),
            turns: Shares::default(),
            weights,
            later: BTreeSet::new(),
            lines: Lines::new(senders),
            expiry: BTreeSet::new(),
            by_arrival: BTreeMap::new(),
            arrivals: 0,
            held: HashMap::new(),
        }
    }

    /// Changes the weights, for what is taken from now on.
    pub fn set_weights(&mut self, weights: ShareConfig) {
        self.weights = weights;
    }

    /// Jobs that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Puts a job in, to be taken at once or after `delay`. A job of the same message takes up its segments.
    pub fn push(&mut self, mut job: Job, delay: Duration, now: Instant) {
        let id = job.message.id;
        if let Some(waiting) = self.jobs.get_mut(&id) {
            waiting.job.pending.extend(job.pending);
            waiting.job.pending.make_contiguous().sort_by_key(|pending| pending.segment);
            return;
        }
        if job.arrival == 0 {
            self.arrivals += 1;
            job.arrival = self.arrivals;
        }
        let spot = if delay.is_zero() { self.spot(&job, now) } else { Spot::Later(now + delay) };
        self.place(job, spot);
    }

    /// Puts back what was taken and not served: it has its old place again, and its tenant did not have its turn.
    pub fn put_back(&mut self, job: Job, now: Instant) {
        let (class, tenant, cost) = (class(job.message.category), &job.message.tenant_id, job.pending.len());
        self.classes[class].turns.refund(tenant, cost, self.weights.of_tenant(tenant));
        self.turns.refund(&class, cost, self.weights.of_class(job.message.category));
        self.push(job, Duration::ZERO, now);
    }

    /// Takes the job whose turn it is, with at most `segments` of its segments; the rest of them keep their place. `turn`
    /// says what a job may have of its turn; those for recipients that are held wait too.
    pub fn take(&mut self, segments: usize, now: Instant, turn: impl Fn(&Job) -> Turn) -> Option<Job> {
        if segments == 0 {
            return None;
        }
        self.ripen(now);
        // A turn does a bounded amount of work, even when a window closes over a long queue.
        for _ in 0..POSTPONED {
            let id = self.next()?;
            let job = &mut self.jobs.get_mut(&id)?.job;
            let segments = match turn(job) {
                Turn::Take(most) => segments.min(most.max(1)),
                Turn::Wait(until) => {
                    self.postpone(id, until, true);
                    continue;
                }
                Turn::Closed(until) => {
                    job.queued = until;
                    self.postpone(id, until, false);
                    continue;
                }
            };
            if let Some(until) = self.held.get(&job.message.to).copied().filter(|until| now < *until) {
                self.postpone(id, until, true);
                continue;
            }
            let whole = job.pending.len() <= segments;
            let job = if whole {
                self.pull(id)?
            } else {
                let rest = job.pending.split_off(segments);
                let part = job.clone();
                job.pending = rest;
                part
            };
            self.charge(&job);
            self.lines.taken(&job, whole, now);
            if !whole && self.lines.concern(&job.message) {
                // Its number may have to wait before the rest.
                let rest = self.pull(id)?;
                let spot = self.spot(&rest, now);
                self.place(rest, spot);
            }
            self.follow(&job.message);
            return Some(job);
        }
        None
    }

    /// A segment that was taken is answered, or came back. Call it once its job waits again, if it does.
    pub fn answered(&mut self, message: &Message) {
        if self.lines.concern(message) {
            self.lines.answered(message, self.jobs.contains_key(&message.id));
            self.follow(message);
        }
    }

    /// Removes a job, e.g. because its message ended.
    pub fn remove(&mut self, id: MessageId) -> Option<Job> {
        let job = self.pull(id)?;
        self.lines.leave(&job);
        self.follow(&job.message);
        Some(job)
    }

    /// Removes the jobs whose validity has ended, at most `limit`.
    pub fn expired(&mut self, wall: Timestamp, limit: usize) -> Vec<Job> {
        let mut gone = Vec::new();
        while gone.len() < limit
            && let Some((_, id)) = self.expiry.first().copied().filter(|(time, _)| *time <= wall)
        {
            gone.extend(self.remove(id));
        }
        gone
    }

    /// The carrier has no room for one recipient: what waits for it waits until `until`, everything else goes on.
    pub fn hold(&mut self, recipient: &Number, until: Instant, now: Instant) {
        if self.held.len() >= HELD {
            self.held.retain(|_, until| now < *until);
        }
        if self.held.len() < HELD {
            self.held.insert(recipient.clone(), until);
        }
    }

    /// Jobs that wait for no time of their own, in the order in which they came, at most `limit` of those after `arrival`.
    pub fn arrived_after(&self, arrival: u64, limit: usize) -> Vec<(u64, MessageId)> {
        let later = self.by_arrival.range(arrival + 1..);
        later.take(limit).map(|(arrival, id)| (*arrival, *id)).collect()
    }

    /// One that waits.
    #[must_use]
    pub fn get(&self, id: MessageId) -> Option<&Job> {
        self.jobs.get(&id).map(|waiting| &waiting.job)
    }

    /// When a job that waits for its time is ready.
    #[must_use]
    pub fn ready_at(&self) -> Option<Instant> {
        self.later.first().map(|(at, _, _)| *at)
    }

    /// Something could be taken now.
    #[must_use]
    pub fn has_ready(&mut self, now: Instant) -> bool {
        self.ripen(now);
        self.next().is_some()
    }

    /// Since when the job waits that came first of those that could be taken.
    #[must_use]
    pub fn oldest(&self) -> Option<Instant> {
        let (_, id) = self.by_arrival.first_key_value()?;
        self.jobs.get(id).map(|waiting| waiting.job.queued)
    }

    /// Whose turn it is.
    fn next(&self) -> Option<MessageId> {
        let of_class = |class: usize| {
            let tenant = self.classes[class].turns.first()?;
            self.classes[class].ready.get(tenant)?.first().map(|(_, _, id)| *id)
        };
        of_class(CODES).or_else(|| of_class(*self.turns.first()?))
    }

    fn enlist(&mut self, job: &Job) {
        self.by_arrival.insert(job.arrival, job.message.id);
        let (class, tenant) = (class(job.message.category), &job.message.tenant_id);
        let flows = &mut self.classes[class];
        match flows.ready.get_mut(tenant) {
            Some(flow) => drop(flow.insert(place_of(job))),
            None => drop(flows.ready.insert(tenant.clone(), BTreeSet::from([place_of(job)]))),
        }
        flows.turns.enter(tenant);
        if class != CODES {
            self.turns.enter(&class);
        }
    }

    fn delist(&mut self, job: &Job) {
        self.by_arrival.remove(&job.arrival);
        let (class, tenant) = (class(job.message.category), &job.message.tenant_id);
        let flows = &mut self.classes[class];
        let Some(flow) = flows.ready.get_mut(tenant) else { return };
        flow.remove(&place_of(job));
        if flow.is_empty() {
            flows.ready.remove(tenant);
            flows.turns.leave(tenant);
            if flows.ready.is_empty() {
                self.turns.leave(&class);
            }
        }
    }

    fn charge(&mut self, job: &Job) {
        let (class, tenant, cost) = (class(job.message.category), &job.message.tenant_id, job.pending.len());
        self.classes[class].turns.charge(tenant, cost, self.weights.of_tenant(tenant));
        self.turns.charge(&class, cost, self.weights.of_class(job.message.category));
    }

    fn postpone(&mut self, id: MessageId, until: Instant, begun: bool) {
        let Some(job) = self.pull(id) else { return };
        self.lines.put_off(&job.message, begun);
        self.follow(&job.message);
        self.place(job, Spot::Later(until));
    }

    fn ripen(&mut self, now: Instant) {
        while let Some((_, _, id)) = self.later.first().copied().filter(|(at, _, _)| *at <= now) {
            let Some(job) = self.pull(id) else { continue };
            let spot = self.spot(&job, now);
            self.place(job, spot);
        }
    }

    /// Where a job waits that is ready as far as it is concerned.
    fn spot(&mut self, job: &Job, now: Instant) -> Spot {
        match self.lines.enter(job, now) {
            Standing::First => Spot::Ready,
            Standing::Until(at) => Spot::Later(at),
            Standing::Behind => Spot::Behind,
        }
    }

    /// The next one of a sender moves up where the head of its line is free.
    fn follow(&mut self, message: &Message) {
        let Some((id, next)) = self.lines.follow(message) else { return };
        let Some(job) = self.pull(id) else { return };
        self.place(job, next.map_or(Spot::Ready, Spot::Later));
    }

    fn place(&mut self, job: Job, spot: Spot) {
        let id = job.message.id;
        match spot {
            Spot::Ready => self.enlist(&job),
            Spot::Later(at) => drop(self.later.insert((at, job.arrival, id))),
            Spot::Behind => drop(self.by_arrival.insert(job.arrival, id)),
        }
        self.expiry.insert((job.message.expire_time, id));
        self.jobs.insert(id, Waiting { job, spot });
    }

    fn pull(&mut self, id: MessageId) -> Option<Job> {
        let Waiting { job, spot } = self.jobs.remove(&id)?;
        match spot {
            Spot::Ready => self.delist(&job),
            Spot::Later(at) => drop(self.later.remove(&(at, job.arrival, id))),
            Spot::Behind => drop(self.by_arrival.remove(&job.arrival)),
        }
        self.expiry.remove(&(job.message.expire_time, id));
        Some(job)
    }
}

fn place_of(job: &Job) -> Place {
    (Reverse(job.message.priority), job.arrival, job.message.id)
}

/// The class of a category: its place in `classes`.
fn class(category: Category) -> usize {
    match category {
        Category::Otp => CODES,
        Category::Interactive => 1,
        Category::Notification => 2,
        Category::Marketing => 3,
    }
}

#[cfg(test)]
mod tests;
