//! What waits for one trunk: by class and priority, retries in their time, expiry even when nothing moves.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;

use crate::{
    domain::{Category, Message, MessageId, SegmentPlan},
    trunk::sms::adapter::Prepared,
};

/// A segment that is still to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// Its number, from 1.
    pub segment: u8,
    /// Tries before.
    pub attempts: u16,
}

/// A message on its way to a trunk.
#[derive(Debug, Clone)]
pub struct Job {
    /// What to send.
    pub message: Arc<Message>,
    /// How it is cut.
    pub plan: SegmentPlan,
    /// The cut message, where acceptance has just made it; `None` after a restart.
    pub prepared: Option<Arc<Prepared>>,
    /// The reference of its concatenation headers.
    pub reference: u16,
    /// Segments to be sent, in order.
    pub pending: VecDeque<Pending>,
    /// When it began to wait.
    pub queued: Instant,
    /// It must not leave before.
    pub not_before: Option<Timestamp>,
}

impl Job {
    /// A message of which nothing was sent yet.
    #[must_use]
    pub fn fresh(message: Arc<Message>, prepared: Prepared, now: Instant) -> Self {
        let (plan, reference) = (prepared.plan, prepared.reference);
        let pending = (1..=plan.segments).map(|segment| Pending { segment, attempts: 0 }).collect();
        Self {
            message,
            plan,
            prepared: Some(Arc::new(prepared)),
            reference,
            pending,
            queued: now,
            not_before: None,
        }
    }

    /// The same, not to leave before a time.
    #[must_use]
    pub fn not_before(self, time: Option<Timestamp>) -> Self {
        Self { not_before: time, ..self }
    }

    /// Some segment of it has left, or need not.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.pending.len() < usize::from(self.plan.segments)
    }

    /// How long it must wait from `wall` on.
    #[must_use]
    pub fn wait(&self, wall: Timestamp) -> Duration {
        let wait = self.not_before.map(|time| time.duration_since(wall));
        wait.and_then(|wait| Duration::try_from(wait).ok()).unwrap_or_default()
    }
}

/// Place in the queue: class, then priority (higher first), then order of arrival.
type Place = (u8, Reverse<u32>, u64);

/// Jobs of one trunk. Every job is in it once: ready, or waiting for its time.
#[derive(Debug, Default)]
pub struct TrunkQueue {
    jobs: HashMap<MessageId, (Place, Job)>,
    ready: BinaryHeap<Reverse<(Place, MessageId)>>,
    later: BinaryHeap<Reverse<(Instant, MessageId)>>,
    expiry: BinaryHeap<Reverse<(Timestamp, MessageId)>>,
    arrivals: u64,
}

impl TrunkQueue {
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
    pub fn push(&mut self, job: Job, delay: Duration, now: Instant) {
        let id = job.message.id;
        if let Some((_, waiting)) = self.jobs.get_mut(&id) {
            waiting.pending.extend(job.pending);
            waiting.pending.make_contiguous().sort_by_key(|pending| pending.segment);
            return;
        }
        self.arrivals += 1;
        let priority = Reverse(u32::from(job.message.priority));
        let place = (class(job.message.category), priority, self.arrivals);
        self.expiry.push(Reverse((job.message.expire_time, id)));
        self.jobs.insert(id, (place, job));
        if delay.is_zero() {
            self.ready.push(Reverse((place, id)));
        } else {
            self.later.push(Reverse((now + delay, id)));
        }
    }

    /// Puts back what was just taken, in front of its class: it was refused, not served.
    pub fn push_front(&mut self, job: Job, now: Instant) {
        let id = job.message.id;
        self.push(job, Duration::ZERO, now);
        if let Some((place, _)) = self.jobs.get_mut(&id) {
            place.2 = 0;
            let place = *place;
            self.ready.push(Reverse((place, id)));
        }
    }

    /// Takes the job that is first in line now.
    pub fn pop(&mut self, now: Instant) -> Option<Job> {
        self.ripen(now);
        while let Some(Reverse((place, id))) = self.ready.pop() {
            // Entries of jobs that were moved or removed are skipped here rather than searched for.
            if self.jobs.get(&id).is_some_and(|(current, _)| *current == place) {
                return self.jobs.remove(&id).map(|(_, job)| job);
            }
        }
        None
    }

    /// Removes a job, e.g. because its message ended.
    pub fn remove(&mut self, id: MessageId) -> Option<Job> {
        self.jobs.remove(&id).map(|(_, job)| job)
    }

    /// Removes the jobs whose validity has ended, at most `limit`.
    pub fn expired(&mut self, wall: Timestamp, limit: usize) -> Vec<Job> {
        let mut gone = Vec::new();
        while gone.len() < limit && self.expiry.peek().is_some_and(|Reverse((time, _))| *time <= wall) {
            if let Some(Reverse((_, id))) = self.expiry.pop() {
                gone.extend(self.remove(id));
            }
        }
        gone
    }

    /// When a job that waits for its time is ready.
    #[must_use]
    pub fn ready_at(&self) -> Option<Instant> {
        self.later.peek().map(|Reverse((at, _))| *at)
    }

    /// When the next job expires.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expiry.peek().map(|Reverse((at, _))| *at)
    }

    /// Something could be taken now.
    #[must_use]
    pub fn has_ready(&mut self, now: Instant) -> bool {
        self.ripen(now);
        !self.ready.is_empty()
    }

    /// Since when the first in line waits.
    #[must_use]
    pub fn oldest(&self) -> Option<Instant> {
        let Reverse((_, id)) = self.ready.peek()?;
        self.jobs.get(id).map(|(_, job)| job.queued)
    }

    fn ripen(&mut self, now: Instant) {
        while self.later.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            let Some(Reverse((_, id))) = self.later.pop() else { break };
            if let Some((place, _)) = self.jobs.get(&id) {
                self.ready.push(Reverse((*place, id)));
            }
        }
        // Expiry entries of jobs long gone would add up under steady traffic; rebuild when they outnumber the jobs.
        if self.expiry.len() > 1024 && self.expiry.len() > self.jobs.len() * 4 {
            let jobs = &self.jobs;
            self.expiry.retain(|Reverse((_, id))| jobs.contains_key(id));
        }
    }
}

/// Codes go first, always; then what a person waits for; advertising last.
fn class(category: Category) -> u8 {
    match category {
        Category::Otp => 0,
        Category::Interactive => 1,
        Category::Notification => 2,
        Category::Marketing => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing;

    fn job(category: Category, priority: u8) -> Job {
        let message = testing::message(|message| {
            message.category = category;
            message.priority = priority;
        });
        let plan = SegmentPlan { encoding: None, segments: 1, units: 1 };
        let parts = vec![b"hello".to_vec()];
        let prepared = Prepared { plan, data_coding: 0, has_header: false, parts, reference: 0 };
        Job::fresh(Arc::new(message), prepared, Instant::now())
    }

    #[test]
    fn codes_go_first_then_priority_then_arrival() {
        let now = Instant::now();
        let mut queue = TrunkQueue::default();
        let jobs = [
            job(Category::Marketing, 9),
            job(Category::Notification, 0),
            job(Category::Notification, 5),
            job(Category::Otp, 0),
            job(Category::Otp, 0),
        ];
        for job in &jobs {
            queue.push(job.clone(), Duration::ZERO, now);
        }
        let order: Vec<_> = std::iter::from_fn(|| queue.pop(now)).map(|job| job.message.id).collect();
        let wanted: Vec<_> = [3, 4, 2, 1, 0].map(|index| jobs[index].message.id).to_vec();
        assert_eq!(order, wanted);
    }

    #[test]
    fn a_retry_waits_for_its_time_and_a_refused_job_goes_first() {
        let now = Instant::now();
        let mut queue = TrunkQueue::default();
        let (first, second) = (job(Category::Otp, 0), job(Category::Otp, 0));
        queue.push(first.clone(), Duration::from_secs(1), now);
        assert!(queue.pop(now).is_none());
        assert_eq!(queue.ready_at(), Some(now + Duration::from_secs(1)));
        queue.push(second.clone(), Duration::ZERO, now);
        let taken = queue.pop(now).unwrap();
        assert_eq!(taken.message.id, second.message.id);
        queue.push_front(taken, now);
        let later = now + Duration::from_secs(2);
        assert_eq!(queue.pop(later).unwrap().message.id, second.message.id);
        assert_eq!(queue.pop(later).unwrap().message.id, first.message.id);
        assert!(queue.is_empty());
    }

    #[test]
    fn expires_what_waits_too_long() {
        let now = Instant::now();
        let mut queue = TrunkQueue::default();
        let job = job(Category::Otp, 0);
        let expire = job.message.expire_time;
        queue.push(job, Duration::from_secs(9), now);
        assert!(queue.expired(expire - Duration::from_secs(1), 10).is_empty());
        assert_eq!(queue.expired(expire, 10).len(), 1);
        assert!(queue.is_empty() && queue.pop(now + Duration::from_secs(10)).is_none());
    }

    #[test]
    fn segments_of_one_message_wait_together() {
        let now = Instant::now();
        let mut queue = TrunkQueue::default();
        let mut one = job(Category::Otp, 0);
        let mut two = one.clone();
        one.pending = [Pending { segment: 2, attempts: 1 }].into();
        two.pending = [Pending { segment: 1, attempts: 0 }].into();
        queue.push(one, Duration::ZERO, now);
        queue.push(two, Duration::ZERO, now);
        let job = queue.pop(now).unwrap();
        assert_eq!(job.pending.iter().map(|pending| pending.segment).collect::<Vec<_>>(), [1, 2]);
        assert!(queue.pop(now).is_none());
    }
}
