//! Lines as the queue shows them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use proptest::prelude::*;

use crate::{
    config::{SenderRule, ShareConfig},
    dispatch::{Backlog, Job, Pending, TrunkQueue, Turn},
    domain::{Category, MessageId, SegmentPlan, Sender, testing},
    trunk::sms::adapter::Prepared,
};

fn job(sender: &str, category: Category, segments: u8) -> Job {
    let message = testing::message(|message| {
        message.sender = Sender::parse(sender).unwrap();
        message.category = category;
    });
    let plan = SegmentPlan { encoding: None, segments, units: 1 };
    let parts = vec![b"hello".to_vec(); usize::from(segments)];
    let prepared = Prepared { plan, data_coding: 0, has_header: false, parts, reference: 0 };
    let room = Arc::new(Backlog::new(1, 1)).force(&message.tenant_id);
    Job::fresh(Arc::new(message), prepared, room, Instant::now())
}

fn queue(submits_per_second: Option<u32>, in_order: bool) -> TrunkQueue {
    let rule = SenderRule { prefix: "1069".into(), submits_per_second, in_order };
    TrunkQueue::new(ShareConfig::default(), vec![rule])
}

/// What can be taken at a time, whole.
fn taken(queue: &mut TrunkQueue, now: Instant) -> Vec<Job> {
    std::iter::from_fn(|| queue.take(usize::MAX, now, |_| Turn::Take(usize::MAX))).collect()
}

fn ids(jobs: &[Job]) -> Vec<MessageId> {
    jobs.iter().map(|job| job.message.id).collect()
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn in_order_one_message_of_a_number_is_out_until_all_of_it_is_answered() {
    let now = Instant::now();
    let mut queue = queue(None, true);
    let jobs = [
        job("10690001", Category::Marketing, 2),
        job("10690001", Category::Otp, 1),
        job("10690002", Category::Marketing, 1),
        job("555", Category::Marketing, 1),
        job("555", Category::Marketing, 1),
    ];
    jobs.iter().for_each(|job| queue.push(job.clone(), Duration::ZERO, now));
    let mut first = ids(&taken(&mut queue, now));
    first.sort();
    let mut wanted = ids(&[jobs[0].clone(), jobs[2].clone(), jobs[3].clone(), jobs[4].clone()]);
    wanted.sort();
    assert_eq!(first, wanted, "each number its first, and those without a rule all");
    queue.answered(&jobs[0].message);
    assert!(taken(&mut queue, now).is_empty(), "one of its two segments is not answered");
    queue.answered(&jobs[0].message);
    assert_eq!(ids(&taken(&mut queue, now)), [jobs[1].message.id]);
}

#[test]
fn in_order_the_rest_waits_for_what_comes_back() {
    let now = Instant::now();
    let mut queue = queue(None, true);
    let (first, second) = (job("10690001", Category::Otp, 1), job("10690001", Category::Otp, 1));
    queue.push(first.clone(), Duration::ZERO, now);
    queue.push(second.clone(), Duration::ZERO, now);
    let out = taken(&mut queue, now).remove(0);
    queue.push(Job { pending: [Pending::unsent(1, 1)].into(), ..out }, millis(900), now);
    queue.answered(&first.message);
    assert!(taken(&mut queue, now + millis(899)).is_empty());
    assert_eq!(ids(&taken(&mut queue, now + millis(900))), [first.message.id]);
    queue.answered(&first.message);
    assert_eq!(ids(&taken(&mut queue, now + millis(900))), [second.message.id]);
}

#[test]
fn what_ends_or_may_not_leave_yet_keeps_nobody_waiting() {
    let now = Instant::now();
    let mut queue = queue(None, true);
    let jobs = [(); 3].map(|()| job("10690001", Category::Marketing, 1));
    jobs.iter().for_each(|job| queue.push(job.clone(), Duration::ZERO, now));
    queue.remove(jobs[0].message.id).unwrap();
    let opens = now + millis(500);
    let closed = |job: &Job| match job.message.id == jobs[1].message.id {
        true => Turn::Closed(opens),
        false => Turn::Take(1),
    };
    assert_eq!(queue.take(1, now, closed).unwrap().message.id, jobs[2].message.id);
    queue.answered(&jobs[2].message);
    assert_eq!(ids(&taken(&mut queue, opens)), [jobs[1].message.id]);
    assert!(queue.is_empty());
}

#[test]
fn a_number_keeps_its_limit_and_its_codes_go_first() {
    let now = Instant::now();
    let mut queue = queue(Some(10), false);
    let adverts = [2, 1, 1].map(|segments| job("10690001", Category::Marketing, segments));
    adverts.iter().for_each(|job| queue.push(job.clone(), Duration::ZERO, now));
    let code = job("10690001", Category::Otp, 1);
    let other = job("10690002", Category::Marketing, 1);
    assert_eq!(ids(&taken(&mut queue, now)), [adverts[0].message.id]);
    queue.push(code.clone(), Duration::ZERO, now);
    queue.push(other.clone(), Duration::ZERO, now);
    assert_eq!(ids(&taken(&mut queue, now)), [other.message.id], "another number has its own limit");
    assert!(taken(&mut queue, now + millis(199)).is_empty(), "two segments of ten in a second take so long");
    // The second advert was next already when the code came.
    assert_eq!(ids(&taken(&mut queue, now + millis(200))), [adverts[1].message.id]);
    assert_eq!(ids(&taken(&mut queue, now + millis(300))), [code.message.id]);
    assert!(taken(&mut queue, now + millis(399)).is_empty());
    assert_eq!(ids(&taken(&mut queue, now + millis(400))), [adverts[2].message.id]);
}

#[test]
fn the_rest_of_a_long_message_waits_for_its_number_too() {
    let now = Instant::now();
    let mut queue = queue(Some(10), false);
    let long = job("10690001", Category::Notification, 3);
    queue.push(long.clone(), Duration::ZERO, now);
    let segments = |job: Job| job.pending.iter().map(|pending| pending.segment).collect::<Vec<_>>();
    assert_eq!(queue.take(1, now, |_| Turn::Take(9)).map(segments), Some(vec![1]));
    assert!(queue.take(9, now + millis(99), |_| Turn::Take(9)).is_none());
    assert_eq!(queue.take(9, now + millis(100), |_| Turn::Take(9)).map(segments), Some(vec![2, 3]));
    assert!(queue.is_empty());
}

/// What a random run does next.
#[derive(Debug, Clone)]
enum Step {
    Push { sender: usize, segments: u8, delay: u64 },
    Take { segments: usize, wait: bool },
    Answer { index: usize, again: bool },
    Remove(usize),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3usize, 1..4u8, 0..300u64)
            .prop_map(|(sender, segments, delay)| Step::Push { sender, segments, delay: delay.saturating_sub(200) }),
        6 => (1..4usize, prop::bool::weighted(0.1)).prop_map(|(segments, wait)| Step::Take { segments, wait }),
        6 => (any::<usize>(), prop::bool::weighted(0.3)).prop_map(|(index, again)| Step::Answer { index, again }),
        1 => any::<usize>().prop_map(Step::Remove),
        3 => (0..200u64).prop_map(Step::Pass),
    ]
}

/// A run over a queue: what is out, one entry for each segment.
struct Run {
    queue: TrunkQueue,
    now: Instant,
    out: Vec<(Job, Pending)>,
    waiting: Vec<MessageId>,
}

impl Run {
    fn take(&mut self, segments: usize, turn: impl Fn(&Job) -> Turn) -> bool {
        let Some(job) = self.queue.take(segments, self.now, turn) else { return false };
        self.waiting.retain(|id| self.queue.get(*id).is_some());
        for pending in &job.pending {
            self.out.push((job.clone(), *pending));
        }
        true
    }

    fn answer(&mut self, index: usize, again: bool) {
        let (mut job, pending) = self.out.swap_remove(index % self.out.len());
        let message = job.message.clone();
        if again {
            job.pending = [pending].into();
            self.queue.push(job, millis(50), self.now);
            self.waiting.push(message.id);
        }
        self.queue.answered(&message);
    }

    /// All that is out of a number with a rule is of one message.
    fn is_in_order(&self) -> bool {
        self.out.iter().all(|(one, _)| {
            let number = one.message.sender.as_str();
            let same = |other: &Job| number != "555" && other.message.sender.as_str() == number;
            self.out.iter().all(|(other, _)| !same(other) || one.message.id == other.message.id)
        })
    }
}

proptest! {
    #[test]
    fn nothing_is_stuck_in_a_line(
        steps in prop::collection::vec(step(), 0..80),
        limit in prop::option::of(1..20u32),
        in_order: bool,
    ) {
        let (queue, now) = (queue(limit, in_order), Instant::now());
        let mut run = Run { queue, now, out: Vec::new(), waiting: Vec::new() };
        for step in steps {
            match step {
                Step::Push { sender, segments, delay } => {
                    let job = job(["10690001", "10690002", "555"][sender], Category::Marketing, segments);
                    run.waiting.push(job.message.id);
                    run.queue.push(job, millis(delay), run.now);
                }
                Step::Take { segments, wait } => {
                    let later = run.now + millis(30);
                    run.take(segments, |_| if wait { Turn::Wait(later) } else { Turn::Take(segments) });
                }
                Step::Answer { index, again } if !run.out.is_empty() => run.answer(index, again),
                Step::Remove(index) if !run.waiting.is_empty() => {
                    let id = run.waiting.swap_remove(index % run.waiting.len());
                    run.queue.remove(id);
                    // Its message has ended: what is out of it is not followed any more.
                    run.out.retain(|(job, _)| job.message.id != id);
                }
                Step::Answer { .. } | Step::Remove(_) => {}
                Step::Pass(time) => run.now += millis(time),
            }
            prop_assert!(!in_order || run.is_in_order());
        }
        for _ in 0..2000 {
            run.now += millis(100);
            while run.take(9, |_| Turn::Take(9)) {}
            while !run.out.is_empty() {
                run.answer(0, false);
            }
        }
        prop_assert!(run.queue.is_empty(), "{} wait for ever", run.queue.len());
    }
}
