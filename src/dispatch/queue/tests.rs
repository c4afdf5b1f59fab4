use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{
    dispatch::{Backlog, Pending},
    domain::{SegmentPlan, testing},
    trunk::sms::adapter::Prepared,
};

const AT_ONCE: usize = usize::MAX;

fn job_of(tenant: &str, category: Category, priority: u8, segments: u8) -> Job {
    let message = testing::message(|message| {
        message.tenant_id = tenant.into();
        message.category = category;
        message.priority = priority;
    });
    let plan = SegmentPlan { encoding: None, segments, units: 1 };
    let parts = vec![b"hello".to_vec(); usize::from(segments)];
    let prepared = Prepared { plan, data_coding: 0, has_header: false, parts, reference: 0 };
    let room = Arc::new(Backlog::new(1, 1)).force(&message.tenant_id);
    Job::fresh(Arc::new(message), prepared, room, Instant::now())
}

fn job(category: Category, priority: u8) -> Job {
    job_of("tenant", category, priority, 1)
}

fn queue() -> TrunkQueue {
    TrunkQueue::new(ShareConfig::default(), Vec::new())
}

#[test]
fn codes_go_first_then_priority_then_arrival() {
    let now = Instant::now();
    let mut queue = queue();
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
    let order: Vec<_> = std::iter::from_fn(|| queue.take(AT_ONCE, now, |_| Turn::Take(AT_ONCE)))
        .map(|job| job.message.id)
        .collect();
    let place = |index: usize| order.iter().position(|id| *id == jobs[index].message.id).unwrap();
    assert_eq!([place(3), place(4)], [0, 1]);
    assert!(place(2) < place(1));
}

#[test]
fn classes_share_by_their_weights_and_a_light_one_never_starves() {
    let now = Instant::now();
    let mut queue = queue();
    for _ in 0..200 {
        queue.push(job(Category::Marketing, 0), Duration::ZERO, now);
        queue.push(job(Category::Notification, 0), Duration::ZERO, now);
    }
    let weights = ShareConfig::default();
    let (notices, adverts) = (weights.notification as usize, weights.marketing as usize);
    let rounds = 100 / (notices + adverts);
    let taken: Vec<_> = (0..rounds * (notices + adverts))
        .map(|_| queue.take(AT_ONCE, now, |_| Turn::Take(AT_ONCE)).unwrap())
        .collect();
    let marketing = taken.iter().filter(|job| job.message.category == Category::Marketing).count();
    assert!(marketing.abs_diff(rounds * adverts) <= 1, "{marketing}");
}

#[test]
fn tenants_share_by_their_weights_counted_in_segments() {
    let now = Instant::now();
    let mut weights = ShareConfig::default();
    weights.tenants.insert("heavy".into(), 3);
    let mut queue = TrunkQueue::new(weights, Vec::new());
    for _ in 0..400 {
        queue.push(job_of("heavy", Category::Marketing, 0, 4), Duration::ZERO, now);
        queue.push(job_of("light", Category::Marketing, 0, 1), Duration::ZERO, now);
    }
    let mut served = HashMap::<String, usize>::new();
    for _ in 0..300 {
        let job = queue.take(AT_ONCE, now, |_| Turn::Take(AT_ONCE)).unwrap();
        *served.entry(job.message.tenant_id.to_string()).or_default() += job.pending.len();
    }
    let share = served["heavy"] as f64 / served["light"] as f64;
    assert!((2.85..=3.15).contains(&share), "{share}");
}

#[test]
fn a_retry_waits_for_its_time_and_what_comes_back_has_its_old_place() {
    let now = Instant::now();
    let mut queue = queue();
    let jobs = [job(Category::Otp, 0), job(Category::Otp, 0), job(Category::Otp, 0)];
    queue.push(jobs[0].clone(), Duration::from_secs(1), now);
    assert!(queue.take(AT_ONCE, now, |_| Turn::Take(AT_ONCE)).is_none());
    assert_eq!(queue.ready_at(), Some(now + Duration::from_secs(1)));
    queue.push(jobs[1].clone(), Duration::ZERO, now);
    let second = queue.take(AT_ONCE, now, |_| Turn::Take(AT_ONCE)).unwrap();
    queue.push(jobs[2].clone(), Duration::ZERO, now);
    queue.put_back(second, now);
    let later = now + Duration::from_secs(2);
    for job in &jobs {
        assert_eq!(queue.take(AT_ONCE, later, |_| Turn::Take(AT_ONCE)).unwrap().message.id, job.message.id);
    }
    assert!(queue.is_empty());
}

#[test]
fn what_was_not_served_costs_its_tenant_no_turn() {
    let now = Instant::now();
    let mut queue = queue();
    queue.push(job_of("one", Category::Marketing, 0, 1), Duration::ZERO, now);
    queue.push(job_of("two", Category::Marketing, 0, 1), Duration::ZERO, now);
    let refused = queue.take(AT_ONCE, now, |_| Turn::Take(AT_ONCE)).unwrap();
    let id = refused.message.id;
    queue.put_back(refused, now);
    assert_eq!(queue.take(AT_ONCE, now, |_| Turn::Take(AT_ONCE)).unwrap().message.id, id);
}

#[test]
fn a_long_message_is_taken_in_portions_and_keeps_its_place() {
    let now = Instant::now();
    let mut queue = queue();
    let (long, short) = (job_of("tenant", Category::Otp, 0, 5), job(Category::Otp, 0));
    queue.push(long.clone(), Duration::ZERO, now);
    queue.push(short.clone(), Duration::ZERO, now);
    let taken: Vec<Vec<u8>> = (0..3)
        .map(|_| {
            queue
                .take(2, now, |_| Turn::Take(AT_ONCE))
                .unwrap()
                .pending
                .iter()
                .map(|pending| pending.segment)
                .collect()
        })
        .collect();
    assert_eq!(taken, [vec![1, 2], vec![3, 4], vec![5]]);
    assert_eq!(queue.take(2, now, |_| Turn::Take(AT_ONCE)).unwrap().message.id, short.message.id);
}

#[test]
fn a_recipient_without_room_holds_nobody_else_up() {
    let now = Instant::now();
    let mut queue = queue();
    let full = job(Category::Otp, 0);
    let mut other = job(Category::Otp, 0);
    Arc::make_mut(&mut other.message).to = Number::parse("13900139000").unwrap();
    queue.push(full.clone(), Duration::ZERO, now);
    queue.push(other.clone(), Duration::ZERO, now);
    queue.hold(&full.message.to, now + Duration::from_secs(30), now);
    assert_eq!(queue.take(AT_ONCE, now, |_| Turn::Take(AT_ONCE)).unwrap().message.id, other.message.id);
    assert!(queue.take(AT_ONCE, now, |_| Turn::Take(AT_ONCE)).is_none());
    assert_eq!(queue.ready_at(), Some(now + Duration::from_secs(30)));
    let later = now + Duration::from_secs(30);
    assert_eq!(queue.take(AT_ONCE, later, |_| Turn::Take(AT_ONCE)).unwrap().message.id, full.message.id);
}

#[test]
fn expires_what_waits_too_long() {
    let now = Instant::now();
    let mut queue = queue();
    let job = job(Category::Otp, 0);
    let expire = job.message.expire_time;
    queue.push(job, Duration::from_secs(9), now);
    assert!(queue.expired(expire - Duration::from_secs(1), 10).is_empty());
    assert_eq!(queue.expired(expire, 10).len(), 1);
    assert!(
        queue.is_empty()
            && queue.take(AT_ONCE, now + Duration::from_secs(10), |_| Turn::Take(AT_ONCE)).is_none()
    );
}

#[test]
fn segments_of_one_message_wait_together() {
    let now = Instant::now();
    let mut queue = queue();
    let mut one = job(Category::Otp, 0);
    let mut two = one.clone();
    one.pending = [Pending::unsent(2, 1)].into();
    two.pending = [Pending::unsent(1, 0)].into();
    queue.push(one, Duration::ZERO, now);
    queue.push(two, Duration::ZERO, now);
    let job = queue.take(AT_ONCE, now, |_| Turn::Take(AT_ONCE)).unwrap();
    assert_eq!(job.pending.iter().map(|pending| pending.segment).collect::<Vec<_>>(), [1, 2]);
    assert!(queue.take(AT_ONCE, now, |_| Turn::Take(AT_ONCE)).is_none());
}

/// What a random run does next.
#[derive(Debug, Clone)]
enum Step {
    Push { tenant: u8, category: u8, segments: u8, delay: u64 },
    Take { segments: usize, back: bool },
    Remove(usize),
    Hold,
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3u8, 0..4u8, 1..5u8, 0..3u64)
            .prop_map(|(tenant, category, segments, delay)| Step::Push { tenant, category, segments, delay }),
        4 => (1..6usize, any::<bool>()).prop_map(|(segments, back)| Step::Take { segments, back }),
        1 => any::<usize>().prop_map(Step::Remove),
        1 => Just(Step::Hold),
        1 => (0..3u64).prop_map(Step::Pass),
    ]
}

proptest! {
    /// Whatever happens, each segment is taken exactly once, and the indexes agree with the jobs.
    #[test]
    fn nothing_is_lost_or_taken_twice(steps in prop::collection::vec(step(), 1..120)) {
        let categories = [Category::Otp, Category::Notification, Category::Interactive, Category::Marketing];
        let mut now = Instant::now();
        let mut queue = queue();
        let mut left = HashMap::<MessageId, usize>::new();
        for step in steps {
            match step {
                Step::Push { tenant, category, segments, delay } => {
                    let job = job_of(&tenant.to_string(), categories[usize::from(category)], 0, segments);
                    left.insert(job.message.id, usize::from(segments));
                    queue.push(job, Duration::from_secs(delay), now);
                }
                Step::Take { segments, back } => {
                    let Some(job) = queue.take(segments, now, |_| Turn::Take(AT_ONCE)) else { continue };
                    prop_assert!(job.pending.len() <= segments);
                    if back {
                        queue.put_back(job, now);
                    } else {
                        *left.get_mut(&job.message.id).unwrap() -= job.pending.len();
                    }
                }
                Step::Remove(index) => {
                    let mut ids: Vec<_> = queue.jobs.keys().copied().collect();
                    ids.sort();
                    if let Some(id) = ids.get(index % ids.len().max(1)) {
                        queue.remove(*id);
                        left.remove(id);
                    }
                }
                Step::Hold => {
                    let recipient = Number::parse("13800138000").unwrap();
                    queue.hold(&recipient, now + Duration::from_secs(1), now);
                }
                Step::Pass(seconds) => now += Duration::from_secs(seconds),
            }
            let ready: usize = queue.classes.iter().flat_map(|class| class.ready.values()).map(BTreeSet::len).sum();
            prop_assert_eq!(ready + queue.later.len(), queue.jobs.len());
            prop_assert_eq!(queue.expiry.len(), queue.jobs.len());
            prop_assert_eq!(queue.by_arrival.len(), ready);
        }
        now += Duration::from_secs(10);
        while let Some(job) = queue.take(AT_ONCE, now, |_| Turn::Take(AT_ONCE)) {
            *left.get_mut(&job.message.id).unwrap() -= job.pending.len();
        }
        prop_assert!(queue.is_empty() && left.values().all(|segments| *segments == 0));
    }
}
