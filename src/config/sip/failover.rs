//! Reads `failover_statuses`, `[trunk.failover]` and `[trunk.circuit]`: when a call is tried elsewhere, and when a gateway
//! is left alone.

use std::time::Duration;

use super::{CircuitConfig, SipFailoverConfig};
use crate::config::{quantity, section::Section};

const SHORT: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
/// Whoever says so was reached, or does not exist: another gateway can't help.
const ENDS: [u16; 8] = [404, 480, 484, 486, 487, 600, 603, 604];

/// Where a gateway is overloaded, broken or cut off, another may not be.
pub(super) fn statuses(section: &mut Section<'_>) -> Vec<u16> {
    let found = section.numbers("failover_statuses", 400..=699, "as SIP numbers statuses").optional();
    let statuses = found.unwrap_or_else(|| vec![500, 502, 503, 504]);
    if let Some(status) = statuses.iter().find(|status| ENDS.contains(status)) {
        let what = format!(
            "{status} is not allowed: the number was reached or does not exist, so another gateway can't help"
        );
        section.note("failover_statuses", what);
    }
    statuses
}

/// Reads `[trunk.failover]`; `no_progress` is the trunk's own timer.
pub(super) fn read(mut section: Section<'_>, no_progress: Option<Duration>) -> SipFailoverConfig {
    let failover = SipFailoverConfig {
        // Whoever hears it ring waits for an answer, and a second phone call to the callee is worse than none.
        after_ringing: section.flag("after_ringing").or(false),
        // What three carriers can't reach a fourth one will hardly.
        max_trunks: section.number("max_trunks", 1..=100, "trunks").or(3),
        post_dial_delay: section.duration("post_dial_delay", SHORT, 300 * SECOND).optional().or(no_progress),
    };
    section.finish();
    failover
}

/// Reads `[trunk.circuit]`.
pub(super) fn circuit(mut section: Section<'_>) -> CircuitConfig {
    let circuit = CircuitConfig {
        // A few failures happen on the best of days; ten in a row do not.
        failures: section.number("failures", 0..=1_000_000, "calls").or(10),
        pause: section.duration("pause", SHORT, HOUR).or(10 * SECOND),
        longest_pause: section.duration("longest_pause", SHORT, HOUR).or(300 * SECOND),
    };
    if section.is_sound() && circuit.longest_pause < circuit.pause {
        let (longest, pause) = (quantity::written(circuit.longest_pause), quantity::written(circuit.pause));
        section.note("longest_pause", format!("{longest} is not allowed: no less than pause, {pause}"));
    }
    section.finish();
    circuit
}
