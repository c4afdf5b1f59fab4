//! What a carrier says against its protocol on one connection: counted, and told in the log.

use codecs::session::{CloseReason, Counters};
use tracing::{debug, info};

use crate::telemetry::metrics;

/// What was told so far of one connection.
pub struct Faults {
    trunk: String,
    link: u32,
    told: [u64; KINDS.len()],
}

/// Kinds as the metric names them, in the order of [`seen`].
const KINDS: [&str; 10] = [
    "malformed",
    "unreadable_answer",
    "mismatched_answer",
    "stray_answer",
    "late_answer",
    "unknown_command",
    "misplaced_request",
    "unread_replies",
    "framing_lost",
    "unfinished",
];

/// `unreadable`: answers to submits whose body says nothing. `reason`: why the session is over, if it is.
fn seen(counters: &Counters, unreadable: u64, reason: Option<&CloseReason>) -> [u64; KINDS.len()] {
    let out_of_turn = matches!(reason, Some(CloseReason::Misbehaved));
    [
        counters.malformed_units,
        unreadable,
        counters.mismatched_responses,
        counters.stray_responses,
        counters.late_responses,
        counters.unknown_commands,
        counters.misplaced_requests + u64::from(out_of_turn),
        counters.withheld_replies,
        u64::from(matches!(reason, Some(CloseReason::FramingLost(_)))),
        u64::from(matches!(reason, Some(CloseReason::PartialTimeout))),
    ]
}

impl Faults {
    /// Of a fresh connection.
    pub fn new(trunk: &str, link: u32) -> Self {
        Self { trunk: trunk.to_owned(), link, told: [0; KINDS.len()] }
    }

    /// Tells what came since the last time. All arguments are of the whole connection; see [`seen`].
    pub fn tell(&mut self, counters: &Counters, unreadable: u64, reason: Option<&CloseReason>) {
        let seen = seen(counters, unreadable, reason);
        if seen == self.told {
            return;
        }
        let (trunk, link) = (self.trunk.as_str(), self.link);
        for ((kind, told), seen) in KINDS.into_iter().zip(&mut self.told).zip(seen) {
            let times = seen.saturating_sub(*told);
            if times == 0 {
                continue;
            }
            metrics::link_fault(trunk, kind, times);
            // One line for each kind: a carrier that goes on like this must not fill the log.
            if *told == 0 {
                info!(
                    trunk,
                    link, kind, "the carrier broke the protocol; more of this kind are only counted"
                );
            } else {
                debug!(trunk, link, kind, times, "the carrier broke the protocol");
            }
            *told = seen;
        }
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn each_fault_is_counted_once_however_often_it_is_asked() {
        let recorder = PrometheusBuilder::new().build_recorder();
        ::metrics::with_local_recorder(&recorder, || {
            let mut faults = Faults::new("carrier", 0);
            let mut counters = Counters { stray_responses: 2, ..Counters::default() };
            faults.tell(&counters, 0, None);
            faults.tell(&counters, 0, None);
            counters.stray_responses = 3;
            faults.tell(&counters, 1, None);
            faults.tell(&counters, 1, Some(&CloseReason::Misbehaved));
        });
        let text = recorder.handle().render();
        let shown: Vec<_> =
            text.lines().filter(|line| line.starts_with("carrierd_link_faults_total")).collect();
        for (kind, times) in [("stray_answer", 3), ("unreadable_answer", 1), ("misplaced_request", 1)] {
            let line = format!("carrierd_link_faults_total{{trunk=\"carrier\",kind=\"{kind}\"}} {times}");
            assert!(shown.contains(&line.as_str()), "{line} is missing: {shown:?}");
        }
        assert_eq!(shown.len(), 3, "nothing else: {shown:?}");
    }
}
