//! How many submits one link may have unanswered now, inside what the carrier agreed to: a pure value that learns from
//! answers.
//!
//! # Why
//! The carrier's limit is a promise, so a fresh link begins with all of it and needs no slow start. Less is taken only
//! when the carrier asks for less: halved when it throttles, reports its queue full, answers nothing or says that it
//! is congested, then one more for each allowance of good answers while they come as fast as before. One overload
//! makes many bad answers, so all requests that were sent before a cut count as that one cut: at most one cut per
//! round trip.

use std::time::{Duration, Instant};

use crate::domain::{Reaction, SubmitOutcome};

/// Slower than the floor by this factor and by [`SLACK`] is no longer flat.
const FLAT: f64 = 1.5;
/// What a network's jitter may add before it means anything.
const SLACK: Duration = Duration::from_millis(20);
/// How long the lowest round trip counts, at least; at most twice as long.
const FLOOR_SPAN: Duration = Duration::from_secs(60);

/// What an answer says about the carrier's load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It took the submit, or refused it for what it is.
    Served,
    /// Too fast.
    Throttled,
    /// No room: for one recipient, or, if it is said of several in a row, for the account.
    Full,
    /// No answer in time.
    Silence,
}

impl Sign {
    /// What an answer says, by what it asks of us.
    #[must_use]
    pub fn of(outcome: &SubmitOutcome) -> Self {
        match outcome {
            SubmitOutcome::Refused { reaction: Reaction::SlowDown, .. } => Self::Throttled,
            SubmitOutcome::Refused { reaction: Reaction::NoRoom(_), .. } => Self::Full,
            _ => Self::Served,
        }
    }
}

/// What came of one submit, as far as the window is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feedback {
    /// What it says about the load.
    pub sign: Sign,
    /// SMPP 5.0 congestion_state, 0 to 100.
    pub congestion: Option<u8>,
    /// How long the submit waited for its answer, or for none.
    pub waited: Duration,
}

/// The allowance of one link.
#[derive(Debug, Clone)]
pub struct Window {
    limit: usize,
    allowed: usize,
    good: usize,
    fulls: u32,
    cut_at: Option<Instant>,
    smoothed: Option<Duration>,
    floor: Floor,
}

impl Window {
    /// The window of a fresh link: all of `limit`, at least 1.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let limit = limit.max(1);
        Self {
            limit,
            allowed: limit,
            good: 0,
            fulls: 0,
            cut_at: None,
            smoothed: None,
            floor: Floor::default(),
        }
    }

    /// Changes the limit. A window that was at its limit stays there; one that was cut goes on growing.
    pub fn set_limit(&mut self, limit: usize) {
        let limit = limit.max(1);
        let was_full = self.allowed >= self.limit;
        self.limit = limit;
        self.allowed = if was_full { limit } else { self.allowed.min(limit) };
    }

    /// Submits that may be unanswered now, 1 to the limit.
    #[must_use]
    pub fn allowed(&self) -> usize {
        self.allowed
    }

    /// The smoothed round trip.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.smoothed
    }

    /// When the carrier last asked for less.
    #[must_use]
    pub fn cut_at(&self) -> Option<Instant> {
        self.cut_at
    }

    /// Learns from what came of a submit.
    pub fn handle(&mut self, now: Instant, feedback: Feedback) {
        if feedback.sign != Sign::Silence {
            self.measure(now, feedback.waited);
        }
        self.fulls = if feedback.sign == Sign::Full { self.fulls.saturating_add(1) } else { 0 };
        let is_bad = match feedback.sign {
            Sign::Throttled | Sign::Silence => true,
            // One alone may be about its recipient only.
            Sign::Full => self.fulls > 1,
            Sign::Served => false,
        };
        match feedback.congestion {
            _ if is_bad => self.cut(now, feedback.waited, self.allowed / 2),
            Some(100..) => self.cut(now, feedback.waited, self.allowed / 2),
            Some(91..=99) => self.cut(now, feedback.waited, self.allowed - self.allowed.div_ceil(8)),
            Some(80..=90) => {}
            _ if feedback.sign == Sign::Served && self.is_flat() => self.grow(),
            _ => {}
        }
    }

    fn cut(&mut self, now: Instant, waited: Duration, to: usize) {
        if self.cut_at.is_some_and(|cut| now.saturating_duration_since(cut) < waited) {
            return;
        }
        self.cut_at = Some(now);
        self.allowed = to.max(1);
        self.good = 0;
    }

    fn grow(&mut self) {
        self.good += 1;
        if self.good >= self.allowed {
            self.good = 0;
            self.allowed = (self.allowed + 1).min(self.limit);
        }
    }

    fn measure(&mut self, now: Instant, round_trip: Duration) {
        self.floor.note(now, round_trip);
        self.smoothed = Some(match self.smoothed {
            Some(before) => (before * 7 + round_trip) / 8,
            None => round_trip,
        });
    }

    fn is_flat(&self) -> bool {
        match (self.smoothed, self.floor.get()) {
            (Some(now), Some(floor)) => now <= floor.mul_f64(FLAT) + SLACK,
            _ => true,
        }
    }
}

/// The lowest of the last while: of this span and of the one before.
#[derive(Debug, Clone, Default)]
struct Floor {
    since: Option<Instant>,
    lowest: Option<Duration>,
    before: Option<Duration>,
}

impl Floor {
    fn note(&mut self, now: Instant, round_trip: Duration) {
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) >= FLOOR_SPAN {
            self.since = Some(now);
            self.before = self.lowest.take();
        }
        self.lowest = Some(self.lowest.map_or(round_trip, |lowest| lowest.min(round_trip)));
    }

    fn get(&self) -> Option<Duration> {
        [self.lowest, self.before].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn served(waited: Duration) -> Feedback {
        Feedback { sign: Sign::Served, congestion: None, waited }
    }

    fn sign(sign: Sign, waited: Duration) -> Feedback {
        Feedback { sign, congestion: None, waited }
    }

    /// A window, and the clock that its answers move.
    struct Rig {
        window: Window,
        now: Instant,
    }

    impl Rig {
        fn new(limit: usize) -> Self {
            Self { window: Window::new(limit), now: crate::clock::now().mono }
        }

        fn after(&mut self, passed: Duration, feedback: Feedback) -> usize {
            self.now += passed;
            self.window.handle(self.now, feedback);
            self.window.allowed()
        }

        fn many(&mut self, count: usize, passed: Duration, feedback: Feedback) {
            for _ in 0..count {
                self.after(passed, feedback);
            }
        }
    }

    #[test]
    fn a_fresh_link_has_all_that_the_carrier_agreed_to() {
        assert_eq!(Window::new(16).allowed(), 16);
        assert_eq!(Window::new(0).allowed(), 1);
    }

    #[test]
    fn a_storm_of_throttle_answers_is_one_cut_per_round_trip() {
        let mut rig = Rig::new(16);
        assert_eq!(rig.after(100 * MS, sign(Sign::Throttled, 50 * MS)), 8);
        for _ in 0..7 {
            assert_eq!(rig.after(5 * MS, sign(Sign::Throttled, 50 * MS)), 8, "sent before the cut");
        }
        assert_eq!(rig.after(50 * MS, sign(Sign::Throttled, 50 * MS)), 4);
        for _ in 0..5 {
            rig.after(100 * MS, sign(Sign::Throttled, 50 * MS));
        }
        assert_eq!(rig.window.allowed(), 1);
    }

    #[test]
    fn comes_back_by_one_for_each_allowance_of_good_answers() {
        let mut rig = Rig::new(8);
        rig.after(100 * MS, sign(Sign::Throttled, 50 * MS));
        let seen: Vec<_> = (0..26).map(|_| rig.after(10 * MS, served(50 * MS))).collect();
        assert_eq!(seen[2..4], [4, 5]);
        assert_eq!(seen[7..9], [5, 6]);
        assert_eq!(seen[25], 8);
        assert_eq!((0..100).map(|_| rig.after(10 * MS, served(50 * MS))).max(), Some(8), "the limit");
    }

    #[test]
    fn holds_while_answers_come_slowly_and_grows_once_they_are_quick_again() {
        let mut rig = Rig::new(8);
        rig.many(20, 10 * MS, served(50 * MS));
        rig.after(100 * MS, sign(Sign::Throttled, 50 * MS));
        // The first few still count as flat: the round trip is smoothed.
        rig.many(6, 10 * MS, served(400 * MS));
        let held = rig.window.allowed();
        (0..100).for_each(|_| assert_eq!(rig.after(10 * MS, served(400 * MS)), held));
        rig.many(60, 10 * MS, served(50 * MS));
        assert_eq!(rig.window.allowed(), 8);
    }

    #[test]
    fn a_carrier_that_stays_slower_is_the_new_floor_after_a_while() {
        let mut rig = Rig::new(8);
        rig.after(10 * MS, served(50 * MS));
        rig.after(10 * MS, sign(Sign::Silence, 50 * MS));
        rig.many(200, 1000 * MS, served(400 * MS));
        assert_eq!(rig.window.allowed(), 8);
    }

    #[test]
    fn one_full_queue_may_be_a_recipients_two_in_a_row_are_the_accounts() {
        let mut rig = Rig::new(8);
        for _ in 0..10 {
            assert_eq!(rig.after(100 * MS, sign(Sign::Full, 50 * MS)), 8);
            assert_eq!(rig.after(100 * MS, served(50 * MS)), 8);
        }
        rig.after(100 * MS, sign(Sign::Full, 50 * MS));
        assert_eq!(rig.after(100 * MS, sign(Sign::Full, 50 * MS)), 4);
    }

    #[test]
    fn timeouts_of_one_silence_are_one_cut() {
        let mut rig = Rig::new(16);
        let seconds = Duration::from_secs;
        (0..16).for_each(|_| assert_eq!(rig.after(MS, sign(Sign::Silence, seconds(30))), 8));
        assert_eq!(rig.after(seconds(31), sign(Sign::Silence, seconds(30))), 4);
    }

    #[test]
    fn congestion_state_halves_shrinks_holds_or_lets_grow() {
        let state = |congestion| Feedback { congestion: Some(congestion), ..served(50 * MS) };
        let after = |congestion| {
            let mut rig = Rig::new(32);
            rig.after(100 * MS, sign(Sign::Throttled, 50 * MS));
            rig.many(16, 100 * MS, state(congestion));
            rig.window.allowed()
        };
        assert_eq!(after(0), 17);
        assert_eq!(after(79), 17);
        assert_eq!(after(80), 16);
        assert_eq!(after(90), 16);
        assert_eq!(after(100), 1);
        let mut rig = Rig::new(32);
        assert_eq!([(); 3].map(|()| rig.after(100 * MS, state(95))), [28, 24, 21]);
        assert_eq!(rig.after(100 * MS, state(100)), 10);
        assert_eq!(rig.after(10 * MS, state(100)), 10, "sent before the cut");
    }

    fn any_feedback() -> impl Strategy<Value = (u64, Feedback)> {
        let signs = vec![Sign::Served, Sign::Throttled, Sign::Full, Sign::Silence];
        (0..200_u64, prop::sample::select(signs), prop::option::of(0..=100_u8), 0..2000_u64).prop_map(
            |(passed, sign, congestion, waited)| {
                (passed, Feedback { sign, congestion, waited: Duration::from_millis(waited) })
            },
        )
    }

    proptest! {
        #[test]
        fn stays_between_one_and_the_limit_and_moves_in_small_steps_or_halves(
            limit in 1..200_usize,
            turns in prop::collection::vec(any_feedback(), 0..300),
        ) {
            let mut rig = Rig::new(limit);
            for (passed, feedback) in turns {
                let before = rig.window.allowed();
                let after = rig.after(Duration::from_millis(passed), feedback);
                prop_assert!((1..=limit).contains(&after));
                prop_assert!(after <= before + 1);
                prop_assert!(after >= before / 2);
            }
        }
    }
}
