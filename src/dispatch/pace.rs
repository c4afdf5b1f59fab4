//! How fast an account may send: a token bucket over all its links, and pauses when the carrier says it is too much.

use std::time::{Duration, Instant};

/// Longest pause after repeated throttling.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// First pause after throttling; doubles while it goes on.
const MIN_PAUSE: Duration = Duration::from_millis(500);
/// The bucket holds what this much time yields: carriers count per second and allow no bursts.
const BURST: Duration = Duration::from_millis(100);

/// The pace of one account, counted in submits.
#[derive(Debug, Clone)]
pub struct Pacer {
    per_second: Option<f64>,
    tokens: f64,
    refilled: Instant,
    paused_until: Option<Instant>,
    pause: Duration,
}

impl Pacer {
    /// A pacer that starts with a full bucket; `None`: no limit but the carrier's own throttling.
    #[must_use]
    pub fn new(submits_per_second: Option<u32>, now: Instant) -> Self {
        let per_second = submits_per_second.map(f64::from);
        let mut pacer = Self { per_second, tokens: 0.0, refilled: now, paused_until: None, pause: MIN_PAUSE };
        pacer.tokens = pacer.depth();
        pacer
    }

    /// Submits that may leave now, at most `wanted`; they count as sent.
    pub fn take(&mut self, wanted: usize, now: Instant) -> usize {
        if self.paused_until.is_some_and(|until| now < until) {
            return 0;
        }
        self.paused_until = None;
        let Some(rate) = self.per_second else { return wanted };
        let elapsed = now.saturating_duration_since(self.refilled).as_secs_f64();
        self.refilled = now;
        self.tokens = (self.tokens + elapsed * rate).min(self.depth());
        let allowed = wanted.min(whole(self.tokens));
        self.tokens -= as_tokens(allowed);
        allowed
    }

    /// Gives back what was taken and not used.
    pub fn give_back(&mut self, unused: usize) {
        if self.per_second.is_some() {
            self.tokens = (self.tokens + as_tokens(unused)).min(self.depth());
        }
    }

    /// When [`Self::take`] will allow something again, if it does not now.
    #[must_use]
    pub fn ready_at(&self, now: Instant) -> Option<Instant> {
        if let Some(until) = self.paused_until.filter(|until| now < *until) {
            return Some(until);
        }
        let rate = self.per_second?;
        (self.tokens < 1.0).then(|| self.refilled + Duration::from_secs_f64((1.0 - self.tokens) / rate))
    }

    /// The carrier says it is too much: the whole account pauses, longer each time it happens again.
    pub fn throttled(&mut self, now: Instant) {
        if self.paused_until.is_some_and(|until| now < until) {
            return;
        }
        self.paused_until = Some(now + self.pause);
        self.pause = (self.pause * 2).min(MAX_PAUSE);
    }

    /// The carrier took a submit: the next pause is a short one again.
    pub fn accepted(&mut self) {
        self.pause = MIN_PAUSE;
    }

    fn depth(&self) -> f64 {
        self.per_second.map_or(0.0, |rate| (rate * BURST.as_secs_f64()).max(1.0))
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the bucket holds 0 to a few thousand"
)]
fn whole(tokens: f64) -> usize {
    tokens.max(0.0) as usize
}

#[allow(clippy::cast_precision_loss, reason = "at most a few thousand")]
fn as_tokens(submits: usize) -> f64 {
    submits as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sends_evenly_and_never_more_than_a_tenth_of_a_second_at_once() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Some(100), start);
        assert_eq!(pacer.take(1000, start), 10);
        assert_eq!(pacer.take(1000, start), 0);
        assert_eq!(pacer.take(1000, start + Duration::from_millis(50)), 5);
        assert_eq!(pacer.take(1000, start + Duration::from_secs(60)), 10);
    }

    #[test]
    fn over_a_minute_it_yields_its_rate() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Some(37), start);
        let sent: usize =
            (0..6000).map(|tick| pacer.take(1000, start + Duration::from_millis(tick * 10))).sum();
        assert!((37 * 59..=37 * 61).contains(&sent), "{sent}");
    }

    #[test]
    fn pauses_longer_while_the_carrier_goes_on_throttling() {
        let start = Instant::now();
        let mut pacer = Pacer::new(None, start);
        pacer.throttled(start);
        assert_eq!(pacer.ready_at(start), Some(start + MIN_PAUSE));
        assert_eq!(pacer.take(5, start + MIN_PAUSE / 2), 0);
        assert_eq!(pacer.take(5, start + MIN_PAUSE), 5);
        pacer.throttled(start + MIN_PAUSE);
        assert_eq!(pacer.take(5, start + MIN_PAUSE * 2), 0);
        assert_eq!(pacer.take(5, start + MIN_PAUSE * 3), 5);
        pacer.accepted();
        pacer.throttled(start + MIN_PAUSE * 4);
        assert_eq!(pacer.take(5, start + MIN_PAUSE * 5), 5);
    }

    #[test]
    fn gives_back_what_was_not_used() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Some(50), start);
        assert_eq!(pacer.take(5, start), 5);
        pacer.give_back(3);
        assert_eq!(pacer.take(5, start), 3);
    }
}
