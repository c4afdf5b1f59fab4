//! Two endpoints and a network that loses, doubles, delays, reorders and breaks, in virtual time. Their users do whatever
//! users may do, peers vanish, and processes crash and come up again from what they stored. Whatever happens: what goes
//! over the wire is in order, each leg is told in order and ends once, both sides of a call agree on its session, and
//! once the users have had their say nothing is left anywhere.
#![allow(clippy::unwrap_used, reason = "a test may panic, in what it shares with others too")]

mod account;
mod network;
mod rules;
mod schedule;
mod side;

use std::time::{Duration, Instant};

use codecs::Now;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};

use self::{
    network::Network,
    schedule::{Schedule, Step, schedule},
    side::{Side, Tally},
};

/// Schedules of an ordinary run; `PROPTEST_CASES` asks for more.
const CASES: u32 = 250;
/// Longer than a session timer takes to notice that a peer has gone, and than its BYE may take.
const SETTLES: u64 = 200_000;
/// Longer than any chain of timers once everybody has hung up: an ACK, a BYE, and repetitions of both.
const RESTS: u64 = 400_000;

struct Run {
    now: Now,
    schedule: Schedule,
    network: Network,
    sides: [Side; 2],
    crashes: u64,
}

impl Run {
    fn new(now: Now, schedule: &Schedule) -> Self {
        let seed = schedule.seed;
        let side = |number: usize| Side::new(number, &schedule.sides[number], seed ^ number as u64);
        Self {
            now,
            network: Network::new(schedule.faults, seed, now.mono),
            sides: [side(0), side(1)],
            schedule: schedule.clone(),
            crashes: 0,
        }
    }

    fn step(&mut self, step: Step) {
        let now = self.now;
        match step {
            Step::Invite { side, kind } => self.sides[side].invite(now, kind),
            Step::Talk { side, kind } => {
                self.sides[side].invite(now, kind);
                self.pass(2 * self.schedule.faults.slowest);
                self.sides[1 - side].answer(self.now);
                self.pass(2 * self.schedule.faults.slowest);
            }
            Step::Act { side, nth, choice } => self.sides[side].act(now, nth, choice),
            Step::Probe { side } => self.sides[side].probe(now),
            Step::Cut { nth } => self.network.cut(now.mono, nth),
            Step::Crash { side, forgets } => {
                self.crashes += 1;
                self.network.crash(now.mono, side);
                let seed = self.schedule.seed ^ (self.crashes << 1 | side as u64);
                self.sides[side].crash(now, seed, forgets);
            }
            Step::Deafen { side, millis } => {
                self.network.deafen(now.mono, side, Duration::from_millis(millis));
            }
            Step::Pass(millis) => self.pass(millis),
        }
        self.settle();
    }

    fn settle(&mut self) {
        for side in &mut self.sides {
            side.settle(self.now, &mut self.network);
        }
    }

    fn pass(&mut self, millis: u64) {
        let until = self.now.after(Duration::from_millis(millis));
        for served in 0.. {
            assert!(served < 1_000_000, "a deadline that has passed is never served");
            self.settle();
            let due = self.sides.iter().filter_map(|side| side.endpoint.poll_timeout());
            let next = due.chain(self.network.next()).min();
            let Some(next) = next.filter(|next| *next <= until.mono) else { break };
            self.now = self.now.after(next.saturating_duration_since(self.now.mono));
            while let Some((to, arrival)) = self.network.pop(self.now.mono) {
                self.sides[to].receive(self.now, arrival);
                self.settle();
            }
            for side in &mut self.sides {
                side.endpoint.handle_timeout(self.now);
            }
        }
        self.now = until;
    }

    fn finish(&mut self) -> (Vec<String>, Vec<Tally>) {
        self.network.heal(self.now.mono);
        self.pass(SETTLES);
        self.check_talks();
        // New calls may come in for as long as messages travel and are repeated.
        for _ in 0..3 {
            self.sides.iter_mut().for_each(|side| side.hang_up_all(self.now));
            self.pass(40_000);
        }
        self.pass(RESTS);
        self.sides.iter().for_each(Side::check_end);
        let log = self.sides.iter().flat_map(|side| side.log.clone()).collect();
        (log, self.sides.iter().map(Side::tally).collect())
    }

    /// Whoever talks still talks with somebody, and both mean the same session.
    fn check_talks(&self) {
        let talks =
            |side: usize| self.sides[side].legs.values().filter(|one| one.is_answered && !one.has_ended);
        for side in [0, 1] {
            for one in talks(side) {
                let other = talks(1 - side).find(|other| other.call_id == one.call_id);
                let Some(other) = other else {
                    assert!(!self.schedule.has_session_timers(), "side {side} talks to nobody: {one:?}");
                    continue;
                };
                if let (Some((ours, theirs)), Some(agreed)) = (&one.agreed, &other.agreed)
                    && !one.is_exchanging()
                    && !other.is_exchanging()
                {
                    assert_eq!((theirs, ours), (&agreed.0, &agreed.1), "the sides mean different sessions");
                }
            }
        }
    }
}

/// The moment at which every run begins.
#[expect(clippy::disallowed_methods, reason = "virtual time has to count from some instant")]
fn beginning() -> Now {
    Now { mono: Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH }
}

fn run(start: Now, schedule: &Schedule) -> (Vec<String>, Vec<Tally>) {
    let mut run = Run::new(start, schedule);
    schedule.steps.iter().for_each(|step| run.step(*step));
    run.finish()
}

#[expect(clippy::disallowed_methods, reason = "proptest's own variable, which its own default would read")]
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES)
}

proptest! {
    #![proptest_config(Config { cases: cases(), failure_persistence: None, ..Config::default() })]

    #[test]
    fn whatever_happens_every_leg_ends_once_and_nothing_is_left(schedule in schedule()) {
        run(beginning(), &schedule);
    }
}

#[test]
fn the_same_schedule_gives_the_same_run_and_schedules_reach_what_they_are_for() {
    let mut runner = TestRunner::deterministic();
    let mut all = Tally::default();
    for _ in 0..100 {
        let schedule = schedule().new_tree(&mut runner).unwrap().current();
        let start = beginning();
        let (log, tallies) = run(start, &schedule);
        assert_eq!(run(start, &schedule).0, log);
        for one in tallies {
            all.answered += one.answered;
            all.cancelled += one.cancelled;
            all.changed += one.changed;
            all.restored += one.restored;
            all.refused_as_full += one.refused_as_full;
            all.glares += one.glares;
            all.refreshes += one.refreshes;
            all.failovers += one.failovers;
            all.challenges += one.challenges;
            all.repeated += one.repeated;
        }
    }
    let reached = [all.answered, all.cancelled, all.changed, all.restored, all.refused_as_full];
    let counted = [all.glares, all.refreshes, all.failovers, all.challenges, all.repeated];
    assert!(reached.iter().all(|one| *one > 2) && counted.iter().all(|one| *one > 2), "{all:?}");
}
