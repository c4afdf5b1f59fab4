//! What the four machines share: the words in which they say what to do, and a sending that repeats.

use std::time::{Duration, Instant};

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

    /// Serves every deadline on time for `span` after `start`; gives what it asked for and when, in milliseconds.
    pub fn serve(
        start: Instant,
        span: Duration,
        mut next: impl FnMut(Option<Instant>) -> (Action, Option<Instant>),
    ) -> Vec<(u64, Action)> {
        let mut asked = Vec::new();
        let (_, mut deadline) = next(None);
        while let Some(at) = deadline.filter(|at| *at <= start + span) {
            let (action, following) = next(Some(at));
            assert!(following.is_none_or(|following| following > at), "a deadline that is not served");
            asked.push(((at - start).as_millis() as u64, action));
            deadline = following;
        }
        asked
    }

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
