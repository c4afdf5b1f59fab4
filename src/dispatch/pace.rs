//! How fast an account may send, over all its links: an even flow within the carrier's limit, less when the carrier
//! throttles, and slowly more again.
//!
//! Two rules hold at once. In no second, wherever it begins, are there more submits than the limit: carriers count per
//! second, and we do not know where their seconds begin. And submits flow evenly: at most a tenth of a second's worth
//! at once.
//!
//! When the carrier throttles, the whole account pauses, longer each time that it goes on, and then sends at half the
//! speed. It recovers quickly up to nine tenths of the speed at which it was throttled, and slowly beyond. An account
//! without a limit learns one so, and forgets it when it has not been throttled for a while.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// First pause after throttling; doubles while it goes on.
const MIN_PAUSE: Duration = Duration::from_millis(500);
/// Longest pause after repeated throttling.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// What may leave at once: so much time's worth.
const BURST: f64 = 0.1;
const SECOND: Duration = Duration::from_secs(1);
/// Traffic no faster than this was not throttled for its speed, so nothing slower is learned from it.
const TRICKLE: f64 = 20.0;
/// Part of the speed that remains after throttling.
const SLOWED: f64 = 0.5;
/// Part of the speed at which the carrier throttled up to which the recovery is quick.
const NEAR: f64 = 0.9;
/// Recovery per second, as parts of the speed at which the carrier throttled: far from it and near it.
const QUICK: f64 = 0.1;
const SLOW: f64 = 0.01;
/// An account without a limit forgets what it learned after so long without throttling.
const FORGET: Duration = Duration::from_secs(60);

/// The pace of one account, counted in submits.
#[derive(Debug, Clone)]
pub struct Pacer {
    limit: Option<f64>,
    tokens: f64,
    refilled: Instant,
    /// What left within the last second: when, and how many.
    recent: VecDeque<(Instant, usize)>,
    in_recent: usize,
    pause: Duration,
    paused_until: Option<Instant>,
    slowed: Option<Slowed>,
}

/// After throttling.
#[derive(Debug, Clone, Copy)]
struct Slowed {
    /// Submits per second, now.
    rate: f64,
    /// The speed at which the carrier throttled.
    throttled_at: f64,
    since: Instant,
    recovered: Instant,
}

impl Pacer {
    /// A pacer that may send at once; `None`: no limit but the carrier's own throttling.
    #[must_use]
    pub fn new(submits_per_second: Option<u32>, now: Instant) -> Self {
        let mut pacer = Self {
            limit: submits_per_second.map(f64::from),
            tokens: 0.0,
            refilled: now,
            recent: VecDeque::new(),
            in_recent: 0,
            pause: MIN_PAUSE,
            paused_until: None,
            slowed: None,
        };
        pacer.tokens = pacer.rate().map_or(0.0, depth);
        pacer
    }

    /// Submits per second that may leave now; `None`: no limit.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        let slowed = self.slowed.map(|slowed| slowed.rate);
        match (self.limit, slowed) {
            (Some(limit), Some(slowed)) => Some(limit.min(slowed)),
            (limit, slowed) => limit.or(slowed),
        }
    }

    /// Changes the limit. What was learned from the carrier's throttling stays.
    pub fn set_limit(&mut self, submits_per_second: Option<u32>, now: Instant) {
        self.advance(now);
        self.limit = submits_per_second.map(f64::from);
        self.tokens = self.rate().map_or(0.0, |rate| self.tokens.min(depth(rate)));
    }

    /// Until when the account pauses.
    #[must_use]
    pub fn paused_until(&self, now: Instant) -> Option<Instant> {
        self.paused_until.filter(|until| now < *until)
    }

    /// Submits that may leave now, at most `wanted`; they count as sent.
    pub fn take(&mut self, wanted: usize, now: Instant) -> usize {
        self.advance(now);
        if self.paused_until(now).is_some() {
            return 0;
        }
        let allowed = match self.rate() {
            None => wanted,
            Some(rate) => wanted.min(whole(self.tokens)).min(per_second(rate).saturating_sub(self.in_recent)),
        };
        if allowed > 0 {
            self.tokens -= as_tokens(allowed);
            self.in_recent += allowed;
            self.recent.push_back((now, allowed));
        }
        allowed
    }

    /// Gives back what the last [`Self::take`] allowed and nobody used.
    pub fn give_back(&mut self, unused: usize) {
        let Some((_, last)) = self.recent.back_mut().filter(|_| unused > 0) else { return };
        let unused = unused.min(*last);
        *last -= unused;
        self.in_recent -= unused;
        self.tokens += as_tokens(unused);
    }

    /// When [`Self::take`] will allow something again, if it does not now.
    #[must_use]
    pub fn ready_at(&self, now: Instant) -> Option<Instant> {
        if let Some(until) = self.paused_until(now) {
            return Some(until);
        }
        let rate = self.rate()?;
        let token =
            (self.tokens < 1.0).then(|| self.refilled + Duration::from_secs_f64((1.0 - self.tokens) / rate));
        let full = self.in_recent >= per_second(rate);
        let slot = if full { self.recent.front().map(|(at, _)| *at + SECOND) } else { None };
        token.into_iter().chain(slot).max()
    }

    /// The carrier says that it is too much. Says whether that is news: answers to what was on the wire by then are not.
    pub fn throttled(&mut self, now: Instant) -> bool {
        self.advance(now);
        if self.paused_until(now).is_some() {
            return false;
        }
        // Throttled again right after a pause: that one was too short.
        let again = self.paused_until.is_some_and(|until| now < until + self.pause);
        self.pause = if again { (self.pause * 2).min(MAX_PAUSE) } else { MIN_PAUSE };
        self.paused_until = Some(now + self.pause);
        // The speed of the last second says more than the limit, which may never have been reached.
        let speed = as_tokens(self.in_recent).max(TRICKLE);
        let speed = self.rate().map_or(speed, |rate| speed.min(rate));
        let rate = (speed * SLOWED).max(1.0);
        self.slowed = Some(Slowed { rate, throttled_at: speed, since: now, recovered: now + self.pause });
        // The first after the pause leaves at once and tells.
        self.tokens = 1.0;
        true
    }

    /// Moves everything that time moves.
    fn advance(&mut self, now: Instant) {
        while let Some((at, submits)) = self.recent.front().copied()
            && now.saturating_duration_since(at) >= SECOND
        {
            self.recent.pop_front();
            self.in_recent -= submits;
        }
        self.recover(now);
        let elapsed = now.saturating_duration_since(self.refilled).as_secs_f64();
        self.refilled = now;
        if let Some(rate) = self.rate() {
            // While a full second holds us up nothing is saved for a burst at its end.
            let most = if self.in_recent < per_second(rate) { depth(rate) } else { 1.0 };
            self.tokens = (self.tokens + elapsed * rate).min(most);
        }
    }

    fn recover(&mut self, now: Instant) {
        let limit = self.limit;
        let Some(slowed) = &mut self.slowed else { return };
        let mut seconds = now.saturating_duration_since(slowed.recovered).as_secs_f64();
        slowed.recovered = slowed.recovered.max(now);
        let near = slowed.throttled_at * NEAR;
        if slowed.rate < near {
            let quick = ((near - slowed.rate) / (slowed.throttled_at * QUICK)).min(seconds);
            slowed.rate += quick * slowed.throttled_at * QUICK;
            seconds -= quick;
        }
        slowed.rate += seconds * slowed.throttled_at * SLOW;
        let over = match limit {
            Some(limit) => slowed.rate >= limit,
            None => now.saturating_duration_since(slowed.since) >= FORGET,
        };
        if over {
            self.slowed = None;
        }
    }
}

/// What the bucket holds.
fn depth(rate: f64) -> f64 {
    (rate * BURST).max(1.0)
}

/// Whole submits of one second; at least one, or nothing would ever leave.
fn per_second(rate: f64) -> usize {
    whole(rate).max(1)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates and buckets hold 0 to a few million"
)]
fn whole(tokens: f64) -> usize {
    // Times are whole nanoseconds, so a token that is due may lack a billionth.
    (tokens + 1e-6).max(0.0) as usize
}

#[allow(clippy::cast_precision_loss, reason = "at most a few million")]
fn as_tokens(submits: usize) -> f64 {
    submits as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TICK: Duration = Duration::from_millis(10);

    fn run(pacer: &mut Pacer, from: Instant, ticks: u32) -> usize {
        (0..ticks).map(|tick| pacer.take(1000, from + TICK * tick)).sum()
    }

    #[test]
    fn sends_evenly_and_never_more_than_a_tenth_of_a_second_at_once() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Some(100), start);
        assert_eq!(pacer.take(1000, start), 10);
        assert_eq!(pacer.take(1000, start), 0);
        assert_eq!(pacer.take(1000, start + TICK * 5), 5);
        assert_eq!(pacer.take(1000, start + Duration::from_secs(60)), 10);
    }

    #[test]
    fn over_a_minute_it_yields_its_rate() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Some(37), start);
        let sent = run(&mut pacer, start, 6000);
        assert!((37 * 59..=37 * 60).contains(&sent), "{sent}");
    }

    #[test]
    fn what_was_not_used_may_leave_later() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Some(100), start);
        assert_eq!(pacer.take(10, start), 10);
        pacer.give_back(4);
        assert_eq!(pacer.take(10, start), 4);
    }

    proptest! {
        /// However it is asked: no second has more than the limit, and it says truly when it will allow more.
        #[test]
        fn no_second_has_more_than_the_limit(
            rate in 1u32..300,
            asks in prop::collection::vec((1u64..400, 1usize..200), 1..200),
        ) {
            let start = Instant::now();
            let mut pacer = Pacer::new(Some(rate), start);
            let mut sent: Vec<(Instant, usize)> = Vec::new();
            let mut now = start;
            for (pause, wanted) in asks {
                now += Duration::from_millis(pause);
                let allowed = pacer.take(wanted, now);
                sent.push((now, allowed));
                if allowed < wanted {
                    let at = pacer.ready_at(now).unwrap();
                    now = now.max(at);
                    let more = pacer.take(1, now);
                    prop_assert_eq!(more, 1);
                    sent.push((now, more));
                }
            }
            for (index, (from, _)) in sent.iter().enumerate() {
                let within: usize = sent[index..].iter().take_while(|(at, _)| *at - *from < SECOND).map(|(_, n)| n).sum();
                prop_assert!(within <= usize::try_from(rate).unwrap(), "{within} in a second of {rate}");
            }
        }
    }

    #[test]
    fn pauses_longer_while_the_carrier_goes_on_throttling() {
        let start = Instant::now();
        let mut pacer = Pacer::new(None, start);
        assert!(pacer.throttled(start));
        assert!(!pacer.throttled(start));
        assert_eq!(pacer.ready_at(start), Some(start + MIN_PAUSE));
        assert_eq!(pacer.take(5, start + MIN_PAUSE / 2), 0);
        assert_eq!(pacer.take(5, start + MIN_PAUSE), 1);
        assert!(pacer.throttled(start + MIN_PAUSE));
        assert_eq!(pacer.take(5, start + MIN_PAUSE * 2), 0);
        assert_eq!(pacer.take(5, start + MIN_PAUSE * 3), 1);
        // It went well for a while: the next pause is a short one again.
        let later = start + Duration::from_secs(20);
        assert!(pacer.throttled(later));
        assert_eq!(pacer.ready_at(later), Some(later + MIN_PAUSE));
    }

    #[test]
    fn recovers_quickly_up_to_where_it_was_throttled_and_slowly_beyond() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Some(100), start);
        run(&mut pacer, start, 200);
        let now = start + TICK * 199;
        pacer.throttled(now);
        let rate = |pacer: &mut Pacer, seconds: u64| {
            pacer.advance(now + MIN_PAUSE + Duration::from_secs(seconds));
            pacer.rate().unwrap().round()
        };
        assert_eq!(rate(&mut pacer, 0), 50.0);
        assert_eq!(rate(&mut pacer, 2), 70.0);
        assert_eq!(rate(&mut pacer, 4), 90.0);
        assert_eq!(rate(&mut pacer, 9), 95.0);
        assert_eq!(rate(&mut pacer, 14), 100.0);
    }

    #[test]
    fn an_account_without_a_limit_learns_one_and_forgets_it() {
        let start = Instant::now();
        let mut pacer = Pacer::new(None, start);
        assert_eq!(pacer.take(400, start), 400);
        pacer.throttled(start);
        assert_eq!(pacer.rate(), Some(200.0));
        pacer.advance(start + FORGET);
        assert_eq!(pacer.rate(), None);
    }
}
