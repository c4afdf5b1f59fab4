//! Random schedules: calls in both directions over two carriers, which ring, answer, refuse, hold, hang up or say nothing,
//! over a network that loses and reorders; the platform says whatever it may, the daemon is drained and killed. Whatever
//! happens, a few things hold.

use std::time::Duration;

use proptest::prelude::*;

use super::{bed::Bed, carrier::Habits, check, world::Faults};
use crate::bed::{seconds, virtually};

/// Schedules of an ordinary run; `PROPTEST_CASES` asks for more.
const CASES: u32 = 24;
/// Everything has ended by then: the longest ring and call, what a session timer takes to notice a peer that is gone, and
/// the last BYE.
const RESTS: Duration = seconds(60 + 120 + 90 + 3 * 32 + 60);

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The platform asks for calls, each with so many seconds to ring and to last.
    Create {
        calls: usize,
        ring: u64,
        lasts: u64,
    },
    /// It says something about a call.
    Say {
        nth: usize,
        choice: usize,
    },
    /// A carrier calls.
    RingIn(usize),
    /// Nothing reaches a carrier for a while.
    Deafen {
        carrier: usize,
        millis: u64,
    },
    Pass {
        millis: u64,
    },
    Drain,
    Kill,
}

/// A run.
#[derive(Debug, Clone)]
struct Schedule {
    seed: u64,
    faults: Faults,
    carriers: [Habits; 2],
    steps: Vec<Step>,
}

fn step() -> impl Strategy<Value = Step> {
    let carrier = 0..2_usize;
    prop_oneof![
        6 => (1..8_usize, 5..60_u64, 5..120_u64).prop_map(|(calls, ring, lasts)| Step::Create { calls, ring, lasts }),
        4 => (0..8_usize, 0..10_usize).prop_map(|(nth, choice)| Step::Say { nth, choice }),
        3 => carrier.clone().prop_map(Step::RingIn),
        1 => (carrier, 500..40_000_u64).prop_map(|(carrier, millis)| Step::Deafen { carrier, millis }),
        8 => (1..4_000_u64).prop_map(|millis| Step::Pass { millis }),
        2 => (4_000..40_000_u64).prop_map(|millis| Step::Pass { millis }),
        1 => Just(Step::Drain),
        2 => Just(Step::Kill),
    ]
}

fn habits() -> impl Strategy<Value = Habits> {
    (20..100_u32, 1..15_000_u64, 1_000..60_000_u64, any::<bool>())
        .prop_map(|(answers, decides, talks, has_reliable)| Habits { answers, decides, talks, has_reliable })
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let faults = (0..25_u32, 0..20_u32, 1..1_000_u64).prop_map(|(lost, doubled, slowest)| Faults {
        lost,
        doubled,
        slowest,
    });
    let faults = prop_oneof![Just(Faults { lost: 0, doubled: 0, slowest: 5 }), faults];
    let carriers = (habits(), habits()).prop_map(|(one, other)| [one, other]);
    (any::<u64>(), faults, carriers, prop::collection::vec(step(), 1..40))
        .prop_map(|(seed, faults, carriers, steps)| Schedule { seed, faults, carriers, steps })
}

/// Runs a schedule and checks it.
async fn run(schedule: &Schedule) {
    let mut bed = Bed::new(schedule.seed, schedule.faults, &schedule.carriers).await;
    for step in &schedule.steps {
        match *step {
            Step::Create { calls, ring, lasts } => {
                for _ in 0..calls {
                    bed.create(seconds(ring), seconds(lasts)).await;
                }
            }
            Step::Say { nth, choice } => bed.say(nth, choice).await,
            Step::RingIn(carrier) => bed.world.ring_in(carrier),
            Step::Deafen { carrier, millis } => bed.world.deafen(carrier, Duration::from_millis(millis)),
            Step::Pass { millis } => bed.pass(Duration::from_millis(millis)).await,
            Step::Drain | Step::Kill => {
                bed.stop(matches!(step, Step::Kill)).await;
                // A process takes a moment to start.
                tokio::time::sleep(seconds(1)).await;
                bed.start();
                bed.pass(Duration::from_millis(50)).await;
            }
        }
    }
    bed.world.heal();
    bed.pass(RESTS).await;
    let (events, lines) = (bed.events().await, bed.world.lines());
    let records = check::stories(&bed.accepted, &events);
    check::limits(&lines);
    check::lost(&records, &lines);
    assert_eq!(bed.open().await, 0, "calls are still open");
    bed.end_quietly().await;
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_each_call_has_one_end_and_no_limit_is_passed(schedule in schedule()) {
        virtually(run(&schedule));
    }
}
