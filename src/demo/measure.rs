//! Rates and percentiles of what was seen lately. Pure; the caller says what time it is.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Lengths of time seen in the last minute, the newest [`Self::MOST`] of them.
#[derive(Debug, Default)]
pub struct Delays {
    seen: VecDeque<(Instant, Duration)>,
}

impl Delays {
    /// Most that are remembered.
    pub const MOST: usize = 2048;
    /// How long they are remembered.
    pub const MEMORY: Duration = Duration::from_secs(60);

    /// Notes one.
    pub fn note(&mut self, now: Instant, delay: Duration) {
        self.seen.push_back((now, delay));
        if self.seen.len() > Self::MOST {
            self.seen.pop_front();
        }
    }

    /// The median and the 95th percentile. `None`: nothing was seen lately.
    #[must_use]
    pub fn percentiles(&self, now: Instant) -> Option<Percentiles> {
        let fresh = |at: &Instant| now.saturating_duration_since(*at) <= Self::MEMORY;
        let mut delays: Vec<Duration> =
            self.seen.iter().filter(|(at, _)| fresh(at)).map(|(_, delay)| *delay).collect();
        delays.sort_unstable();
        Some(Percentiles { p50: nearest_rank(&delays, 50)?, p95: nearest_rank(&delays, 95)? })
    }
}

/// Two percentiles of the same lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percentiles {
    /// Half of them took no longer.
    pub p50: Duration,
    /// 95 % of them took no longer.
    pub p95: Duration,
}

/// The smallest of `sorted` that at least `percent` (1 to 100) of them do not exceed.
fn nearest_rank(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

/// Counts per second over the last minute, from a counter that only grows.
#[derive(Debug, Default)]
pub struct PerSecond {
    before: Option<u64>,
    seconds: VecDeque<u64>,
}

impl PerSecond {
    /// Seconds that are remembered.
    pub const SECONDS: usize = 60;
    /// Seconds that the rate is the mean of.
    const RECENT: usize = 5;

    /// Notes the counter once a second. The first reading only says where it stands.
    pub fn note(&mut self, counter: u64) {
        if let Some(before) = self.before {
            self.seconds.push_back(counter.saturating_sub(before));
            if self.seconds.len() > Self::SECONDS {
                self.seconds.pop_front();
            }
        }
        self.before = Some(counter);
    }

    /// Counts of the last seconds, the oldest first.
    pub fn seconds(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.seconds.iter().copied()
    }

    /// The mean of the last few seconds.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "counts of a few seconds")]
    pub fn rate(&self) -> f64 {
        let recent = self.seconds.len().min(Self::RECENT);
        if recent == 0 {
            return 0.0;
        }
        let sum: u64 = self.seconds.iter().rev().take(recent).sum();
        sum as f64 / recent as f64
    }
}

/// A share, 0 to 1. `None`: of nothing.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "shown with one decimal")]
pub fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// A length of time in three figures or less: `8 ms`, `340 ms`, `1.2 s`, `45 s`, `3 min`.
#[must_use]
pub fn short(delay: Duration) -> String {
    let milliseconds = delay.as_millis();
    match milliseconds {
        0 if !delay.is_zero() => "<1 ms".to_owned(),
        0..1_000 => format!("{milliseconds} ms"),
        1_000..9_950 => format!("{:.1} s", delay.as_secs_f64()),
        9_950..120_000 => format!("{:.0} s", delay.as_secs_f64()),
        _ => format!("{} min", delay.as_secs() / 60),
    }
}

/// A count with its thousands apart: `1,234,567`.
#[must_use]
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milliseconds(delay: u64) -> Duration {
        Duration::from_millis(delay)
    }

    #[test]
    fn percentiles_are_lengths_that_were_seen() {
        let now = Instant::now();
        let mut delays = Delays::default();
        assert_eq!(delays.percentiles(now), None);
        delays.note(now, milliseconds(7));
        let of_one = Percentiles { p50: milliseconds(7), p95: milliseconds(7) };
        assert_eq!(delays.percentiles(now), Some(of_one));
        (1..=100).rev().for_each(|delay| delays.note(now, milliseconds(delay)));
        let of_many = Percentiles { p50: milliseconds(50), p95: milliseconds(95) };
        assert_eq!(delays.percentiles(now), Some(of_many));
    }

    #[test]
    fn what_is_older_than_a_minute_does_not_count() {
        let start = Instant::now();
        let mut delays = Delays::default();
        delays.note(start, milliseconds(900));
        delays.note(start + Duration::from_secs(30), milliseconds(1));
        let later = start + Duration::from_secs(61);
        assert_eq!(delays.percentiles(later).map(|both| both.p95), Some(milliseconds(1)));
        assert_eq!(delays.percentiles(later + Duration::from_secs(60)), None);
    }

    #[test]
    fn memory_is_bounded() {
        let now = Instant::now();
        let mut delays = Delays::default();
        (0..10_000).for_each(|delay| delays.note(now, milliseconds(delay)));
        assert_eq!(delays.seen.len(), Delays::MOST);
        let mut counts = PerSecond::default();
        (0..1_000).for_each(|counter| counts.note(counter));
        assert_eq!(counts.seconds().len(), PerSecond::SECONDS);
    }

    #[test]
    fn a_rate_is_the_mean_of_the_last_five_seconds() {
        let mut counts = PerSecond::default();
        counts.note(1_000);
        assert_eq!(counts.rate(), 0.0);
        counts.note(1_020);
        assert_eq!(counts.rate(), 20.0);
        [1_120, 1_130, 1_140, 1_150, 1_160].into_iter().for_each(|counter| counts.note(counter));
        assert_eq!(counts.rate(), 28.0);
        assert_eq!(counts.seconds().collect::<Vec<_>>(), [20, 100, 10, 10, 10, 10]);
    }

    #[test]
    fn lengths_are_short_to_read() {
        let cases = [
            (Duration::from_micros(300), "<1 ms"),
            (milliseconds(8), "8 ms"),
            (milliseconds(999), "999 ms"),
            (milliseconds(1_234), "1.2 s"),
            (milliseconds(9_960), "10 s"),
            (Duration::from_secs(119), "119 s"),
            (Duration::from_secs(200), "3 min"),
        ];
        for (delay, text) in cases {
            assert_eq!(short(delay), text);
        }
    }

    #[test]
    fn thousands_stand_apart() {
        for (count, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(count), text);
        }
    }
}
