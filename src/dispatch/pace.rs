//! How fast an account may send: a token bucket over all its links, and pauses when the carrier says it is too much.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Longest pause after repeated throttling.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// First pause after throttling; doubles while it goes on.
const MIN_PAUSE: Duration = Duration::from_millis(500);
/// The bucket holds what this much time yields: enough to make up for a late wake-up.
const BURST: Duration = Duration::from_millis(100);
/// Carriers count per second and allow no bursts, so the bucket alone would let too much through: what it holds at first
/// comes on top of what a second yields.
const SECOND: Duration = Duration::from_secs(1);
/// What is taken within this time counts as taken together, at the last of it.
const GRAIN: Duration = Duration::from_millis(1);

/// Submits that were taken together.
#[derive(Debug, Clone, Copy)]
struct Taken {
    first: Instant,
    last: Instant,
    submits: usize,
}

/// The pace of one account, counted in submits.
#[derive(Debug, Clone)]
pub struct Pacer {
    per_second: Option<f64>,
    tokens: f64,
    refilled: Instant,
    /// What was taken in the last second, oldest first, and how much that is.
    taken: VecDeque<Taken>,
    in_a_second: usize,
    paused_until: Option<Instant>,
    pause: Duration,
}

impl Pacer {
    /// A pacer that starts with a full bucket; `None`: no limit but the carrier's own throttling.
    #[must_use]
    pub fn new(submits_per_second: Option<u32>, now: Instant) -> Self {
        let per_second = submits_per_second.map(f64::from);
        let mut pacer = Self {
            per_second,
            tokens: 0.0,
            refilled: now,
            taken: VecDeque::new(),
            in_a_second: 0,
            paused_until: None,
            pause: MIN_PAUSE,
        };
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
        self.forget_before(now);
        let left = whole(rate).saturating_sub(self.in_a_second);
        let allowed = wanted.min(whole(self.tokens)).min(left);
        self.tokens -= as_tokens(allowed);
        self.note_taken(allowed, now);
        allowed
    }

    fn forget_before(&mut self, now: Instant) {
        while let Some(oldest) = self.taken.front()
            && now.saturating_duration_since(oldest.last) >= SECOND
        {
            self.in_a_second -= oldest.submits;
            self.taken.pop_front();
        }
    }

    fn note_taken(&mut self, submits: usize, now: Instant) {
        if submits == 0 {
            return;
        }
        self.in_a_second += submits;
        match self.taken.back_mut() {
            Some(latest) if now.saturating_duration_since(latest.first) < GRAIN => {
                latest.last = now;
                latest.submits += submits;
            }
            _ => self.taken.push_back(Taken { first: now, last: now, submits }),
        }
    }

    /// Gives back what was taken and not used.
    pub fn give_back(&mut self, unused: usize) {
        if self.per_second.is_some() {
            self.tokens = (self.tokens + as_tokens(unused)).min(self.depth());
            if let Some(latest) = self.taken.back_mut() {
                let unused = unused.min(latest.submits);
                latest.submits -= unused;
                self.in_a_second -= unused;
            }
        }
    }

    /// When [`Self::take`] will allow something again, if it does not now.
    #[must_use]
    pub fn ready_at(&self, now: Instant) -> Option<Instant> {
        if let Some(until) = self.paused_until.filter(|until| now < *until) {
            return Some(until);
        }
        let rate = self.per_second?;
        let refilled =
            (self.tokens < 1.0).then(|| self.refilled + Duration::from_secs_f64((1.0 - self.tokens) / rate));
        let full = self.in_a_second >= whole(rate);
        let forgotten = self.taken.front().filter(|_| full).map(|oldest| oldest.last + SECOND);
        refilled.max(forgotten)
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
    fn no_second_has_more_than_its_rate_not_even_the_first() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Some(50), start);
        let at = |tick: u64| start + Duration::from_millis(tick);
        let taken: Vec<(u64, usize)> = (0..5000)
            .map(|tick| (tick, pacer.take(1000, at(tick))))
            .filter(|(_, taken)| *taken > 0)
            .collect();
        for (first, _) in &taken {
            let second = first..&(first + 1000);
            let sum: usize =
                taken.iter().filter(|(tick, _)| second.contains(&tick)).map(|(_, taken)| taken).sum();
            assert!(sum <= 50, "{sum} in the second from {first} ms");
        }
        assert_eq!(taken.iter().map(|(_, taken)| taken).sum::<usize>(), 250, "and none has less");
    }

    #[test]
    fn says_when_it_allows_more() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Some(50), start);
        let (mut now, mut sent) = (start, 0);
        while sent < 500 {
            sent += pacer.take(1, now);
            match pacer.ready_at(now) {
                Some(next) => now = next.max(now + Duration::from_millis(1)),
                None => assert!(pacer.clone().take(1, now) == 1),
            }
        }
        assert!((9..=10).contains(&now.duration_since(start).as_secs()), "{:?}", now.duration_since(start));
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
