//! The recorder behind the metrics: gathers them, and writes them as Prometheus reads them. Who may ask is left to
//! `admin`.

use std::{sync::OnceLock, time::Duration};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use thiserror::Error;
use tokio::{task::JoinHandle, time};

use super::metrics;

/// Between two upkeeps. Each moves what histograms gathered into buckets; without them that would wait in memory for
/// somebody to ask.
const UPKEEP: Duration = Duration::from_secs(5);

/// The metrics can't be gathered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("metrics can't be gathered: {0}")]
pub struct ExporterError(String);

/// The process's metrics. While one of these lives, its task keeps them in order.
#[derive(Debug)]
pub struct Exporter {
    handle: PrometheusHandle,
    upkeep: JoinHandle<()>,
}

/// Starts gathering, inside a runtime. A process has one recorder, so all exporters of a process show the same.
///
/// # Errors
/// Somebody else's recorder is there.
pub fn install() -> Result<Exporter, ExporterError> {
    static RECORDER: OnceLock<Result<PrometheusHandle, ExporterError>> = OnceLock::new();
    let recorder = RECORDER.get_or_init(|| record().map_err(|error| ExporterError(error.to_string())));
    let handle = recorder.clone()?;
    let upkeep = tokio::spawn(keep_up(handle.clone()));
    Ok(Exporter { handle, upkeep })
}

impl Exporter {
    /// All metrics in Prometheus's text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// [`Exporter::render`] for those who outlive this exporter.
    pub fn renderer(&self) -> impl Fn() -> String + Send + Sync + 'static {
        let handle = self.handle.clone();
        move || handle.render()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.upkeep.abort();
    }
}

fn record() -> Result<PrometheusHandle, BuildError> {
    let handle = builder()?.install_recorder()?;
    metrics::describe();
    Ok(handle)
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    // A histogram that nobody gave buckets becomes a summary, which can't be added up over instances.
    metrics::HISTOGRAMS.iter().try_fold(PrometheusBuilder::new(), |builder, (name, buckets)| {
        builder.set_buckets_for_metric(Matcher::Full((*name).to_owned()), buckets)
    })
}

async fn keep_up(handle: PrometheusHandle) {
    let mut ticks = time::interval(UPKEEP);
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        handle.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::{CarrierStatus, Category, EventKind, FailureClass, MessageState};

    /// Touches every metric once, against a recorder of its own.
    fn rendered() -> String {
        let recorder = builder().unwrap().build_recorder();
        ::metrics::with_local_recorder(&recorder, || {
            metrics::describe();
            metrics::accepted(Category::Otp, 3);
            metrics::refused("NO_ROUTE");
            let trunk = metrics::TrunkMetrics::new("cmcc-bj-1");
            trunk.submits_ok.increment(1);
            trunk.response.record(0.02);
            trunk.report_delay.record(40.0);
            let status = CarrierStatus::ours(FailureClass::Expired, true, "");
            trunk.ended(MessageState::Expired, Some(&status));
            trunk.ambiguous();
            trunk.reconnects.increment(1);
            metrics::link_fault("cmcc-bj-1", "stray_answer", 2);
            trunk.queue.set(7.0);
            metrics::LagMetrics::new("billing").set(2, Duration::from_secs(9));
            metrics::RedeliveryMetrics::new("billing").redeliveries.increment(1);
            let store = metrics::StoreMetrics::new();
            store.appended(EventKind::MessageState, 2);
            store.commit_seconds.record(0.003);
            store.batch_rows.record(100.0);
            store.free_bytes.set(1e9);
        });
        recorder.handle().run_upkeep();
        recorder.handle().render()
    }

    #[test]
    fn counters_gauges_and_histograms_come_out_as_prometheus_reads_them() {
        let text = rendered();
        for line in [
            "# TYPE carrierd_sms_accepted_total counter",
            "carrierd_sms_accepted_total{category=\"otp\"} 3",
            "carrierd_sms_submits_total{trunk=\"cmcc-bj-1\",result=\"ok\"} 1",
            "carrierd_queue_messages{trunk=\"cmcc-bj-1\"} 7",
            "# TYPE carrierd_sms_report_delay_seconds histogram",
            "carrierd_sms_report_delay_seconds_bucket{trunk=\"cmcc-bj-1\",le=\"30\"} 0",
            "carrierd_sms_report_delay_seconds_bucket{trunk=\"cmcc-bj-1\",le=\"60\"} 1",
            "carrierd_sms_submit_response_seconds_bucket{trunk=\"cmcc-bj-1\",le=\"0.025\"} 1",
            "carrierd_store_commit_seconds_bucket{le=\"0.005\"} 1",
            "carrierd_store_batch_rows_bucket{le=\"128\"} 1",
            "carrierd_events_appended_total{kind=\"message_state\"} 2",
            "carrierd_event_backlog{subscription=\"billing\"} 2",
            "carrierd_event_oldest_unacked_age_seconds{subscription=\"billing\"} 9",
            "carrierd_event_redeliveries_total{subscription=\"billing\"} 1",
            "carrierd_link_reconnects_total{trunk=\"cmcc-bj-1\"} 1",
            "carrierd_link_faults_total{trunk=\"cmcc-bj-1\",kind=\"stray_answer\"} 2",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} is missing:\n{text}");
        }
        assert!(text.contains("carrierd_build_info{version=\""), "{text}");
        assert!(!text.contains(" summary"), "a histogram has no buckets:\n{text}");
    }

    #[test]
    fn every_metric_that_comes_out_is_described() {
        let text = rendered();
        let named = |kind: &str| -> BTreeSet<String> {
            let lines = text.lines().filter_map(|line| line.strip_prefix(kind));
            lines.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
        };
        assert_eq!(named("# TYPE "), named("# HELP "));
    }

    #[tokio::test]
    async fn exporters_of_one_process_show_the_same() {
        let (one, other) = (install().unwrap(), install().unwrap());
        let renderer = one.renderer();
        drop(one);
        for text in [other.render(), renderer()] {
            assert!(text.contains("carrierd_build_info"), "{text}");
        }
    }
}
