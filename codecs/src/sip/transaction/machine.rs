//! What the four machines share: the words in which they say what to do, and a sending that repeats.

use std::time::{Duration, Instant};

use super::timers::Timers;

/// What a machine asks of its layer after one input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing; the input may have changed the state.
    Nothing,
    /// Send the request, or the latest response, again; or the response that was handed in.
    Send,
    /// Send a 100 made from the request.
    SendTrying,
    /// Send the ACK of the final response.
    Acknowledge,
    /// Tell the user what came.
    Tell,
    /// Tell the user what came and send the ACK.
    TellAndAcknowledge,
    /// Tell the user that the time is over.
    TellTimeout,
    /// Tell the user that what was sent did not leave or arrive.
    TellUnreachable,
    /// Tell the user that no ACK came.
    TellUnacknowledged,
}

/// What all four machines do, whatever else each of them hears.
pub(super) trait Timed {
    /// A deadline may have passed.
    fn handle_timeout(&mut self, now: Instant, timers: &Timers) -> Action;

    /// What was sent last did not leave or arrive.
    fn handle_unreachable(&mut self) -> Action;

    /// When to call [`Timed::handle_timeout`] next.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Says whether there is a final response, or never will be one.
    fn is_final(&self) -> bool;

    /// Says whether it is over.
    fn is_terminated(&self) -> bool;
}

/// What is sent again and again, at growing intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Repetition {
    /// When next.
    pub at: Instant,
    interval: Duration,
}

impl Repetition {
    /// Begins with something that was sent just now.
    pub fn begin(now: Instant, interval: Duration) -> Self {
        Self { at: now + interval, interval }
    }

    /// Says whether it is time.
    pub fn is_due(&self, now: Instant) -> bool {
        self.at <= now
    }

    /// Was sent once more; waits for twice as long as before, but not longer than `most`.
    pub fn double(&mut self, now: Instant, most: Duration) {
        self.repeat_after(now, self.interval.saturating_mul(2).min(most));
    }

    /// Was sent once more; waits for `interval`. Counted from when it was due, unless that would be past: a driver that
    /// wakes a little late shall not shift the instants, and one that slept shall not cause a burst.
    pub fn repeat_after(&mut self, now: Instant, interval: Duration) {
        self.interval = interval;
        let on_time = self.at + interval;
        self.at = if on_time > now { on_time } else { now + interval };
    }
}

/// The earlier of a repetition's next sending and another instant.
pub(super) fn earlier(repetition: Option<Repetition>, other: Instant) -> Instant {
    repetition.map_or(other, |repetition| repetition.at.min(other))
}

#[cfg(test)]
pub(super) mod virtual_time {
    //! What the machines' tests share.

    use super::*;

    /// Some instant, at which the test begins.
    #[expect(clippy::disallowed_methods, reason = "virtual time has to count from some instant")]
    pub fn beginning() -> Instant {
        Instant::now()
    }

    pub fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// A machine and when it began.
    pub struct Run<M> {
        pub start: Instant,
        pub timers: Timers,
        pub machine: M,
    }

    impl<M: Timed> Run<M> {
        pub fn begin(make: impl FnOnce(Instant, &Timers) -> M) -> Self {
            let (start, timers) = (beginning(), Timers::default());
            Self { start, timers, machine: make(start, &timers) }
        }

        /// Serves every deadline on time until `until` milliseconds after the start; gives what each asked for and when.
        pub fn serve(&mut self, until: u64) -> Vec<(u64, Action)> {
            let mut asked = Vec::new();
            while let Some(at) = self.machine.poll_timeout().filter(|at| *at <= self.start + millis(until)) {
                let action = self.machine.handle_timeout(at, &self.timers);
                let next = self.machine.poll_timeout();
                assert!(next.is_none_or(|next| next > at), "a deadline that is not served");
                asked.push(((at - self.start).as_millis() as u64, action));
            }
            asked
        }
    }

    /// Longer than any timer, in milliseconds.
    pub const FOREVER: u64 = 600_000;

    #[test]
    fn a_late_wake_up_neither_shifts_the_instants_nor_causes_a_burst() {
        let start = beginning();
        let mut repetition = Repetition::begin(start, millis(500));
        repetition.double(start + millis(510), millis(4000));
        assert_eq!(repetition.at, start + millis(1500));
        repetition.double(start + millis(9000), millis(4000));
        assert_eq!(repetition.at, start + millis(11_000));
        repetition.double(start + millis(11_000), millis(3000));
        assert_eq!(repetition.at, start + millis(14_000));
    }
}
