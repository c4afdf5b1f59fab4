//! Whether a target lives: which OPTIONS to send when, and what is evidence (up, down).
//!
//! It sends nothing itself. [`Probe::poll_request`] says when an OPTIONS is due; its outcome comes back with
//! [`Probe::handle_outcome`], and what calls see of the target with [`Probe::handle_traffic`]. At most one request is out.

use std::time::{Duration, Instant};

use crate::{Now, sip::random::Random};

/// What fails at one time is one failure: calls that time out together count once.
const ONE_FAILURE: Duration = Duration::from_secs(1);

/// The longest wait before the first request, so that targets are not all asked at once.
const FIRST: Duration = Duration::from_secs(1);

/// How a target is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The time between two requests while it lives.
    pub interval: Duration,
    /// The time between two requests while it is down.
    pub down_interval: Duration,
    /// How far both vary, percent of them.
    pub jitter_percent: u32,
    /// Failures in a row that make it down; at least 1.
    pub misses: u32,
    /// Successes in a row that bring it up again; at least 1.
    pub recoveries: u32,
}

impl Default for Settings {
    /// Every 30 s, give or take a tenth; down after three misses, then every 10 s, up after two successes.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(30),
            down_interval: Duration::from_secs(10),
            jitter_percent: 10,
            misses: 3,
            recoveries: 2,
        }
    }
}

/// What came of a request: an OPTIONS of ours, or what calls sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The status of a response.
    Status(u16),
    /// Nothing came, or the target could not be reached.
    Nothing,
}

/// What is known of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Nothing yet. It may be used.
    Unknown,
    /// It lives.
    Up,
    /// It does not.
    Down,
}

/// Watches one target.
#[derive(Debug)]
pub struct Probe {
    settings: Settings,
    random: Random,
    state: State,
    /// Successes or failures in a row that speak against the state.
    against: u32,
    last_failure: Option<Instant>,
    is_out: bool,
    due: Instant,
    event: Option<State>,
}

impl Outcome {
    /// Any response shows that a SIP stack lives there, but 503 and 408.
    fn is_alive(self) -> bool {
        !matches!(self, Self::Nothing | Self::Status(408 | 503))
    }
}

impl Probe {
    /// Begins: the first request is due within a second.
    #[must_use]
    pub fn new(settings: Settings, seed: u64, now: Now) -> Self {
        let mut random = Random::new(seed);
        let due = now.mono + random.within(FIRST.min(settings.interval));
        Self {
            settings,
            random,
            state: State::Unknown,
            against: 0,
            last_failure: None,
            is_out: false,
            due,
            event: None,
        }
    }

    /// What is known.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether an OPTIONS is to be sent now. After `true` its outcome must be told.
    #[must_use]
    pub fn poll_request(&mut self, now: Now) -> bool {
        let is_due = !self.is_out && self.due <= now.mono;
        self.is_out |= is_due;
        is_due
    }

    /// When to ask again.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        (!self.is_out).then_some(self.due)
    }

    /// The state that it changed to, once.
    pub fn poll_event(&mut self) -> Option<State> {
        self.event.take()
    }

    /// Takes what came of the OPTIONS that is out.
    pub fn handle_outcome(&mut self, now: Now, outcome: Outcome) {
        if std::mem::take(&mut self.is_out) {
            self.weigh(now, outcome);
            self.schedule(now);
        }
    }

    /// Takes what calls see: an INVITE that was answered is as good as a probe, and one that was not as bad.
    pub fn handle_traffic(&mut self, now: Now, outcome: Outcome) {
        let before = self.state;
        self.weigh(now, outcome);
        // While calls show that it lives nobody needs to ask.
        if before != self.state || (outcome.is_alive() && self.state == State::Up) {
            self.schedule(now);
        }
    }

    fn weigh(&mut self, now: Now, outcome: Outcome) {
        if outcome.is_alive() == (self.state == State::Up) && self.state != State::Unknown {
            self.against = 0;
            return;
        }
        if !outcome.is_alive() {
            if self.last_failure.is_some_and(|last| now.mono < last + ONE_FAILURE) {
                return;
            }
            self.last_failure = Some(now.mono);
        }
        self.against += 1;
        let (next, needed) = match (outcome.is_alive(), self.state) {
            (true, State::Unknown) => (State::Up, 1),
            (true, _) => (State::Up, self.settings.recoveries),
            (false, _) => (State::Down, self.settings.misses),
        };
        if self.against >= needed {
            (self.state, self.against, self.event) = (next, 0, Some(next));
        }
    }

    fn schedule(&mut self, now: Now) {
        let middle = match self.state {
            State::Down => self.settings.down_interval,
            State::Unknown | State::Up => self.settings.interval,
        };
        self.due = now.mono + self.random.around(middle, self.settings.jitter_percent.min(100));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIVE: Outcome = Outcome::Status(200);

    #[allow(clippy::disallowed_methods, reason = "the one reading from which virtual time goes on")]
    fn start() -> Now {
        Now { mono: Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH }
    }

    /// Lets time pass to the next request, answers it, and says how long that took.
    fn turn(probe: &mut Probe, now: &mut Now, outcome: Outcome) -> Duration {
        let wait = probe.poll_timeout().unwrap().saturating_duration_since(now.mono);
        *now = now.after(wait);
        assert!(probe.poll_request(*now), "a request is due");
        assert!(!probe.poll_request(*now) && probe.poll_timeout().is_none(), "one at a time");
        probe.handle_outcome(*now, outcome);
        wait
    }

    fn up(now: &mut Now) -> Probe {
        let mut probe = Probe::new(Settings::default(), 7, *now);
        turn(&mut probe, now, ALIVE);
        assert_eq!(probe.poll_event(), Some(State::Up));
        probe
    }

    fn seconds(range: std::ops::RangeInclusive<u64>, wait: Duration) -> bool {
        (Duration::from_secs(*range.start())..=Duration::from_secs(*range.end())).contains(&wait)
    }

    #[test]
    fn asks_within_a_second_and_then_every_thirty_give_or_take_three() {
        let mut now = start();
        let mut probe = Probe::new(Settings::default(), 7, now);
        assert_eq!(probe.state(), State::Unknown);
        assert!(turn(&mut probe, &mut now, ALIVE) <= FIRST);
        let waits: Vec<_> = (0..50).map(|_| turn(&mut probe, &mut now, ALIVE)).collect();
        assert!(waits.iter().all(|wait| seconds(27..=33, *wait)), "{waits:?}");
        assert!(waits.iter().collect::<std::collections::HashSet<_>>().len() > 40);
        assert_eq!((probe.poll_event(), probe.poll_event()), (Some(State::Up), None));
    }

    #[test]
    fn three_misses_in_a_row_make_it_down_and_two_answers_up() {
        let mut now = start();
        let mut probe = up(&mut now);
        for outcome in [Outcome::Nothing, Outcome::Status(503), ALIVE, Outcome::Status(408), Outcome::Nothing]
        {
            turn(&mut probe, &mut now, outcome);
            assert_eq!((probe.state(), probe.poll_event()), (State::Up, None));
        }
        turn(&mut probe, &mut now, Outcome::Nothing);
        assert_eq!((probe.state(), probe.poll_event()), (State::Down, Some(State::Down)));
        for outcome in [Outcome::Nothing, ALIVE, Outcome::Nothing, ALIVE] {
            assert!(seconds(9..=11, turn(&mut probe, &mut now, outcome)));
            assert_eq!((probe.state(), probe.poll_event()), (State::Down, None));
        }
        turn(&mut probe, &mut now, ALIVE);
        assert_eq!(probe.poll_event(), Some(State::Up));
        assert!(seconds(27..=33, turn(&mut probe, &mut now, ALIVE)));
    }

    #[test]
    fn any_response_shows_a_living_stack_but_two() {
        for status in [200, 404, 405, 403, 481, 483, 488, 501, 401, 500, 603] {
            assert!(Outcome::Status(status).is_alive(), "{status}");
        }
        for outcome in [Outcome::Status(503), Outcome::Status(408), Outcome::Nothing] {
            assert!(!outcome.is_alive(), "{outcome:?}");
        }
    }

    #[test]
    fn a_target_that_never_answered_is_down_after_three_misses() {
        let mut now = start();
        let mut probe = Probe::new(Settings::default(), 7, now);
        for _ in 0..2 {
            turn(&mut probe, &mut now, Outcome::Nothing);
            assert_eq!(probe.state(), State::Unknown);
        }
        turn(&mut probe, &mut now, Outcome::Nothing);
        assert_eq!(probe.poll_event(), Some(State::Down));
    }

    #[test]
    fn calls_are_evidence_both_ways() {
        let mut now = start();
        let mut probe = up(&mut now);
        // Answered calls put the next request off.
        for _ in 0..20 {
            now = now.after(Duration::from_secs(10));
            assert!(!probe.poll_request(now));
            probe.handle_traffic(now, Outcome::Status(486));
        }
        // A burst of calls that fail together is one failure; three in three seconds are three.
        for _ in 0..100 {
            probe.handle_traffic(now, Outcome::Status(503));
        }
        assert_eq!(probe.state(), State::Up);
        for _ in 0..2 {
            now = now.after(Duration::from_secs(1));
            probe.handle_traffic(now, Outcome::Nothing);
        }
        assert_eq!((probe.state(), probe.poll_event()), (State::Down, Some(State::Down)));
        assert!(probe.poll_timeout().unwrap() <= now.mono + Duration::from_secs(11));
        probe.handle_traffic(now, ALIVE);
        probe.handle_traffic(now, ALIVE);
        assert_eq!(probe.poll_event(), Some(State::Up));
    }

    #[test]
    fn an_outcome_that_nobody_waits_for_changes_nothing() {
        let mut now = start();
        let mut probe = up(&mut now);
        let due = probe.poll_timeout();
        for _ in 0..5 {
            probe.handle_outcome(now.after(Duration::from_secs(5)), Outcome::Nothing);
        }
        assert_eq!((probe.state(), probe.poll_timeout()), (State::Up, due));
    }
}
