//! What a run is made of: who the two sides are, how the network is, and what happens.

use std::time::Duration;

use codecs::sip::ua::{Failover, Policy, Reliable, SessionTimer};
use proptest::prelude::*;

use crate::network::Faults;

/// The shortest session timer that there is, seconds.
pub const INTERVAL: u32 = 90;

/// What the users of one of the sides do, or the world.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// A side places a call, one of the kinds that there are.
    Invite { side: usize, kind: usize },
    /// A side places a call, and the other one answers it if it comes in soon.
    Talk { side: usize, kind: usize },
    /// Of the legs of a side that live, the n-th youngest does one of the things that its state suggests.
    Act { side: usize, nth: usize, choice: usize },
    /// A side asks whether the other one lives.
    Probe { side: usize },
    /// A connection breaks.
    Cut { nth: usize },
    /// A side crashes and comes up again, with what it stored or without.
    Crash { side: usize, forgets: bool },
    /// Nothing reaches a side for so many milliseconds.
    Deafen { side: usize, millis: u64 },
    /// Milliseconds pass.
    Pass(u64),
}

/// How one side runs its calls.
#[derive(Debug, Clone)]
pub struct Habits {
    pub policy: Policy,
    /// Room for a few calls and requests only.
    pub is_small: bool,
}

/// A run.
#[derive(Debug, Clone)]
pub struct Schedule {
    pub seed: u64,
    pub faults: Faults,
    pub sides: [Habits; 2],
    pub steps: Vec<Step>,
}

impl Schedule {
    /// Whether every answered call has a session timer.
    pub fn has_session_timers(&self) -> bool {
        self.sides.iter().all(|side| side.policy.session_timer.is_some())
    }
}

fn step() -> impl Strategy<Value = Step> {
    let (side, nth) = (0..2_usize, prop_oneof![3 => Just(0_usize), 1 => 1..3_usize]);
    prop_oneof![
        6 => (side.clone(), 0..64_usize).prop_map(|(side, kind)| Step::Invite { side, kind }),
        6 => (side.clone(), 0..64_usize).prop_map(|(side, kind)| Step::Talk { side, kind }),
        60 => (side.clone(), nth, 0..64_usize).prop_map(|(side, nth, choice)| Step::Act { side, nth, choice }),
        1 => side.clone().prop_map(|side| Step::Probe { side }),
        1 => (0..4_usize).prop_map(|nth| Step::Cut { nth }),
        1 => (side.clone(), any::<bool>()).prop_map(|(side, forgets)| Step::Crash { side, forgets }),
        1 => (side, 500..50_000_u64).prop_map(|(side, millis)| Step::Deafen { side, millis }),
        20 => (0..40_u64).prop_map(Step::Pass),
        10 => (40..600_u64).prop_map(Step::Pass),
        4 => (600..8_000_u64).prop_map(Step::Pass),
        1 => (8_000..50_000_u64).prop_map(Step::Pass),
    ]
}

fn faults() -> impl Strategy<Value = Faults> {
    let slowest = prop_oneof![3 => 1..60_u64, 1 => 60..3_000_u64];
    let rough = (0..40_u32, 0..30_u32, slowest).prop_map(|(lost, doubled, slowest)| Faults {
        lost,
        doubled,
        slowest,
    });
    prop_oneof![1 => Just(Faults { lost: 0, doubled: 0, slowest: 10 }), 1 => rough]
}

fn habits() -> impl Strategy<Value = Habits> {
    let reliable = prop_oneof![
        1 => Just(Reliable::Off),
        3 => Just(Reliable::Supported),
        1 => Just(Reliable::Required),
    ];
    let seconds = |range: std::ops::Range<u64>| prop::option::of(range.prop_map(Duration::from_secs));
    let failover =
        (prop::option::of(1..6_u64), prop::option::of(1..6_u64)).prop_map(|(first, progress)| Failover {
            statuses: vec![500],
            first_response: first.map(Duration::from_secs),
            progress: progress.map(Duration::from_secs),
        });
    let interval = prop::option::weighted(0.8, Just(INTERVAL));
    let drawn = (reliable, interval, seconds(10..60), seconds(20..120), failover, prop::bool::weighted(0.15));
    drawn.prop_map(|(reliable, interval, ring_time, answer_time, failover, is_small)| {
        let session_timer =
            interval.map(|seconds| SessionTimer { interval: Some(seconds), ..SessionTimer::default() });
        let policy =
            Policy { reliable, session_timer, ring_time, answer_time, failover, ..Policy::default() };
        Habits { policy, is_small }
    })
}

/// Any run.
pub fn schedule() -> impl Strategy<Value = Schedule> {
    let sides = (habits(), habits()).prop_map(|(one, other)| [one, other]);
    (any::<u64>(), faults(), sides, prop::collection::vec(step(), 1..100))
        .prop_map(|(seed, faults, sides, steps)| Schedule { seed, faults, sides, steps })
}
