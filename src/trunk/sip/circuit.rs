//! Whether a gateway fails calls one after the other, and how long it is left alone then. Pure.
//!
//! A gateway that answers OPTIONS may still fail every call. After so many failures in a row its circuit opens: it comes
//! last for a while. Then one call tries it; if that fails too it is left alone for twice as long, up to a limit. A call that
//! gets anywhere closes the circuit.

use std::time::{Duration, Instant};

use crate::config::CircuitConfig;

/// A gateway's circuit.
#[derive(Debug, Clone)]
pub(super) struct Circuit {
    config: CircuitConfig,
    /// Failures in a row.
    failures: u32,
    /// How long it stays open the next time.
    pause: Duration,
    open_until: Option<Instant>,
}

impl Circuit {
    /// One that is closed.
    pub fn new(config: CircuitConfig) -> Self {
        Self { config, failures: 0, pause: config.pause, open_until: None }
    }

    /// Changes when it opens. One that is open stays so until its time.
    pub fn reconfigure(&mut self, config: CircuitConfig) {
        if self.config != config {
            (self.config, self.pause) = (config, config.pause);
        }
    }

    /// A call got somewhere, whatever became of it there.
    pub fn succeeded(&mut self) {
        (self.failures, self.pause, self.open_until) = (0, self.config.pause, None);
    }

    /// The gateway failed a call.
    pub fn failed(&mut self, now: Instant) {
        // What was on its way when it opened is no news.
        if self.open_until.is_some_and(|until| now < until) && self.failures >= self.config.failures {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if self.config.failures > 0 && self.failures >= self.config.failures {
            self.open_until = Some(now + self.pause);
            self.pause = (self.pause * 2).min(self.config.longest_pause);
        }
    }

    /// A call tries the gateway although it failed so often: the next ones wait for what becomes of it.
    pub fn tried(&mut self, now: Instant) {
        if self.open_until.is_some_and(|until| until <= now) {
            // Failing, it counts as one more; the time of its trial is no part of the pause.
            self.failures = self.config.failures.saturating_sub(1);
            self.open_until = Some(now + self.config.pause);
        }
    }

    /// Until when it is left alone.
    pub fn open_until(&self, now: Instant) -> Option<Instant> {
        self.open_until.filter(|until| now < *until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn circuit(failures: u32) -> Circuit {
        Circuit::new(CircuitConfig { failures, pause: 10 * SECOND, longest_pause: 30 * SECOND })
    }

    #[allow(clippy::disallowed_methods, reason = "the one reading from which virtual time goes on")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_longer_each_time_a_trial_fails() {
        let (mut circuit, mut now) = (circuit(3), start());
        circuit.failed(now);
        circuit.failed(now);
        circuit.succeeded();
        for _ in 0..2 {
            circuit.failed(now);
            assert_eq!(circuit.open_until(now), None);
        }
        for pause in [10, 20, 30, 30] {
            circuit.failed(now);
            // Calls that were on their way change nothing.
            circuit.failed(now);
            assert_eq!(circuit.open_until(now), Some(now + pause * SECOND));
            now += pause * SECOND;
            assert_eq!(circuit.open_until(now), None);
            circuit.tried(now);
            assert!(circuit.open_until(now).is_some(), "one call tries it");
        }
        circuit.succeeded();
        assert_eq!(circuit.open_until(now), None);
        for _ in 0..3 {
            circuit.failed(now);
        }
        assert_eq!(circuit.open_until(now), Some(now + 10 * SECOND));
    }

    #[test]
    fn none_opens_where_none_shall() {
        let (mut circuit, now) = (circuit(0), start());
        for _ in 0..100 {
            circuit.failed(now);
        }
        assert_eq!(circuit.open_until(now), None);
    }
}
