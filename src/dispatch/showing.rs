//! What a worker shows of its trunk: status, metrics, and an event when it comes up or goes down.

use std::time::{Duration, Instant};

use tracing::warn;

use super::{Duty, Orders, worker::Worker};
use crate::{
    clock,
    config::TrunkConfig,
    domain::{Event, Payload, TrunkMoved},
    telemetry::metrics::seconds,
    trunk::{Limits, LinkStatus, TrunkState, TrunkStatus},
};

/// How often the trunk's status is published, at most.
pub(super) const PUBLISH: Duration = Duration::from_millis(200);

impl Worker {
    pub(super) async fn link_changed(&mut self) {
        let bound = self.parts.pool.bound();
        if bound > self.bound_before {
            self.parts.metrics.reconnects.increment(u64::try_from(bound - self.bound_before).unwrap_or(0));
        }
        self.bound_before = bound;
        let up = bound > 0;
        self.note_links(clock::now().mono);
        if self.was_up != Some(up) {
            let first_down = self.was_up.is_none() && !up;
            self.was_up = Some(up);
            if !up {
                let reason = self.parts.pool.last_error().map(|error| error.raw_text).unwrap_or_default();
                warn!(trunk = %self.parts.config.id, reason, "no link is bound; messages wait");
            }
            if !first_down {
                self.tell().await;
            }
        }
        self.publish_now();
    }

    async fn tell(&mut self) {
        let bound = u32::try_from(self.parts.pool.bound()).unwrap_or(u32::MAX);
        let moved = TrunkMoved {
            trunk_id: self.parts.config.id.clone(),
            bound_links: bound,
            wanted_links: u32::try_from(self.parts.pool.wanted()).unwrap_or(u32::MAX),
            status: if bound == 0 { self.parts.pool.last_error() } else { None },
        };
        let event = Event::of(Payload::Trunk(moved), clock::wall());
        if let Err(failed) = self.parts.store.append_events(vec![event]).await {
            warn!(trunk = %self.parts.config.id, error = %failed, "the trunk's change could not be told");
        }
    }

    pub(super) fn publish(&mut self, now: Instant) {
        if now.saturating_duration_since(self.published) >= PUBLISH {
            self.published = now;
            self.unshown = false;
            self.show();
        }
    }

    pub(super) fn publish_now(&mut self) {
        self.published = clock::now().mono;
        self.unshown = false;
        self.show();
    }

    fn show(&self) {
        let bound = self.parts.pool.bound();
        let wanted = self.parts.pool.wanted();
        let now = clock::now().mono;
        let oldest = self.queue.oldest().map(|since| now.saturating_duration_since(since));
        let metrics = &self.parts.metrics;
        metrics.queue.set(gauge(self.queue.len()));
        metrics.oldest.set(oldest.map_or(0.0, seconds));
        metrics.bound.set(gauge(bound));
        metrics.wanted.set(gauge(wanted));
        metrics.in_flight.set(gauge(self.parts.pool.in_flight()));
        metrics.window.set(gauge(self.parts.pool.window()));
        metrics.need_a_person.set(gauge(self.parts.pool.in_need_of_a_person()));
        let rests = self.parts.pool.rests();
        let state = match (self.standing.duty(), bound) {
            (Duty::Rest { .. }, _) if rests && self.standing.orders.operator != Duty::Carry => {
                TrunkState::Disabled
            }
            (Duty::Hold | Duty::Rest { .. } | Duty::End { .. }, _) => TrunkState::Draining,
            (Duty::Carry, 0) => TrunkState::Down,
            (Duty::Carry, bound) if bound < wanted => TrunkState::Degraded,
            (Duty::Carry, _) => TrunkState::Up,
        };
        let Orders { number, wanted, limits, configured, .. } = &self.standing.orders;
        self.parts.status.send_modify(|status| {
            status.state = state;
            if status.wanted != *wanted {
                status.wanted = wanted.clone();
            }
            (status.limits, status.configured) = (*limits, *configured);
            status.obeys = *number;
            status.rests = rests && self.is_idle();
            status.unanswered = u64::try_from(self.unanswered()).unwrap_or(u64::MAX);
            status.abandoned = self.standing.abandoned;
            status.links = self.parts.pool.links();
            status.queue_depth = u64::try_from(self.queue.len()).unwrap_or(u64::MAX);
            status.oldest_queued = oldest;
            status.answered = self.answered;
        });
    }
}

#[allow(clippy::cast_precision_loss, reason = "a gauge")]
fn gauge(value: usize) -> f64 {
    value as f64
}

/// What a trunk shows before its worker has done anything; `links` are those of its pool.
#[must_use]
pub fn initial_status(config: &TrunkConfig, links: Vec<LinkStatus>) -> TrunkStatus {
    let limits = Limits::of(config);
    let blank =
        TrunkStatus::blank(config.id.clone(), config.protocol.name(), config.operator.clone(), limits);
    TrunkStatus { links, ..blank }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{config, trunk::sms};

    const TWO_LINKS: &str = r#"
allow_literal_secrets = true
store = { path = "unused" }
[[trunk]]
id = "ismg"
protocol = "cmpp30"
hosts = ["127.0.0.1:1"]
links = 2
[trunk.account]
source_addr = "901234"
shared_secret = "literal:s"
service_id = "YZM"
access_number = "1069"
"#;

    #[tokio::test]
    async fn every_wanted_link_is_shown_before_one_was_tried() {
        let config = config::parse(TWO_LINKS, "test", &|_| None).expect("a configuration");
        let trunk = &config.trunks[0];
        let dialer: Arc<dyn sms::Dialer> = Arc::new(sms::Tcp);
        let open = sms::open(trunk, config.messages.max_segments, 1, &dialer, sms::Wish::Bound);
        let status = initial_status(trunk, open.pool.links());
        assert_eq!((status.state, status.links.len()), (TrunkState::Down, 2));
        assert!(status.links.iter().all(|link| link.bound_since.is_none()));
    }
}
