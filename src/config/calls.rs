//! `[calls]`: what holds for all calls.

use std::time::Duration;

use super::{quantity, section::Section};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// What holds for all calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallConfig {
    /// How long a call that names no time may wait and ring, from its acceptance to the answer. Default 60 s.
    pub ring_timeout: Duration,
    /// The longest that a request may name. Default 3 min.
    pub max_ring_timeout: Duration,
    /// How long a call may last from its answer on: the longest that a request may name, too. Default 4 h.
    pub max_duration: Duration,
    /// How long the platform may take to answer an incoming call before it is refused. Default 30 s.
    pub answer_deadline: Duration,
    /// Most calls that are open at once, those that wait included. Default 20,000.
    pub max_open: usize,
}

impl Default for CallConfig {
    fn default() -> Self {
        Self {
            // As long as most carriers let a phone ring.
            ring_timeout: 60 * SECOND,
            // Timer C of RFC 3261: past it a proxy may give up by itself.
            max_ring_timeout: 180 * SECOND,
            // A call that nobody ended costs until somebody does.
            max_duration: 4 * HOUR,
            answer_deadline: 30 * SECOND,
            // About 10 KiB of memory each.
            max_open: 20_000,
        }
    }
}

/// Reads the section.
pub(super) fn read(mut section: Section<'_>) -> CallConfig {
    let defaults = CallConfig::default();
    let config = CallConfig {
        ring_timeout: section.duration("ring_timeout", SECOND, HOUR).or(defaults.ring_timeout),
        max_ring_timeout: section.duration("max_ring_timeout", SECOND, HOUR).or(defaults.max_ring_timeout),
        max_duration: section.duration("max_duration", SECOND, 24 * HOUR).or(defaults.max_duration),
        answer_deadline: section
            .duration("answer_deadline", SECOND, 180 * SECOND)
            .or(defaults.answer_deadline),
        max_open: section.number("max_open", 1..=1_000_000, "calls").or(defaults.max_open),
    };
    if section.is_sound() && config.max_ring_timeout < config.ring_timeout {
        let (max, default) =
            (quantity::written(config.max_ring_timeout), quantity::written(config.ring_timeout));
        let what = format!("{max} is not allowed: no less than ring_timeout, {default}");
        section.note("max_ring_timeout", what);
    }
    section.finish();
    config
}
