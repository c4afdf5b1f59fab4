//! What was measured, for people and for programs.

use std::{fmt, time::Duration};

use hdrhistogram::Histogram;
use serde::Serialize;

/// What the machine itself can do.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Machine {
    /// Small appends made durable one after the other on the store's disk, per second.
    pub syncs_per_second: f64,
    /// A bare tonic stream with the same frames.
    pub bare_stream: BareStream,
}

/// A bare tonic stream: requests in, results out, nothing in between.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct BareStream {
    /// Requests per second.
    pub per_second: f64,
    /// Processor seconds of the serving process per 1000 requests.
    pub cpu_seconds_per_1000: f64,
}

/// What the processes took.
#[derive(Debug, Clone, Copy)]
pub struct Processes {
    /// Processor time of the daemon alone.
    pub daemon: Duration,
    /// Processor time of the simulator.
    pub simulator: Duration,
    /// Processor time of this program.
    pub generator: Duration,
    /// The most memory that the daemon held, octets.
    pub daemon_peak_octets: u64,
}

/// Quantiles, milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Latency {
    /// Half took no longer.
    pub p50_ms: f64,
    /// All but one in a hundred took no longer.
    pub p99_ms: f64,
    /// All but one in a thousand took no longer.
    pub p999_ms: f64,
}

impl Latency {
    /// The quantiles of a histogram of microseconds.
    #[must_use]
    pub fn of(micros: &Histogram<u64>) -> Self {
        let at = |quantile| micros.value_at_quantile(quantile) as f64 / 1e3;
        Self { p50_ms: at(0.5), p99_ms: at(0.99), p999_ms: at(0.999) }
    }
}

/// Everything that one run tells.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    messages: usize,
    machine: Machine,
    accepted_per_second: f64,
    completed_per_second: f64,
    daemon_cpu_seconds_per_1000: f64,
    simulator_cpu_seconds_per_1000: f64,
    generator_cpu_seconds_per_1000: f64,
    submit_to_accept: Latency,
    submit_to_event: Latency,
    daemon_peak_mib: f64,
    /// What was wrong; empty: every message came back exactly once.
    pub faults: Vec<String>,
}

impl Figures {
    /// Puts the parts together. `spans` and `latencies` are those of acceptance and of the final event.
    #[must_use]
    pub fn new(
        messages: usize,
        machine: Machine,
        processes: &Processes,
        spans: (Duration, Duration),
        latencies: (Latency, Latency),
        faults: Vec<String>,
    ) -> Self {
        let thousands = messages.max(1) as f64 / 1e3;
        let per_second = |span: Duration| messages as f64 / span.as_secs_f64().max(1e-9);
        Self {
            messages,
            machine,
            accepted_per_second: per_second(spans.0),
            completed_per_second: per_second(spans.1),
            daemon_cpu_seconds_per_1000: processes.daemon.as_secs_f64() / thousands,
            simulator_cpu_seconds_per_1000: processes.simulator.as_secs_f64() / thousands,
            generator_cpu_seconds_per_1000: processes.generator.as_secs_f64() / thousands,
            submit_to_accept: latencies.0,
            submit_to_event: latencies.1,
            daemon_peak_mib: processes.daemon_peak_octets as f64 / f64::from(1 << 20),
            faults,
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = self.machine.bare_stream;
        let latency =
            |l: Latency| format!("p50 {:.1} ms, p99 {:.1} ms, p999 {:.1} ms", l.p50_ms, l.p99_ms, l.p999_ms);
        let rows = [
            ("machine: durable small appends", format!("{:.0} /s", self.machine.syncs_per_second)),
            (
                "machine: bare tonic stream",
                format!("{:.0} /s, {:.4} CPU s per 1000", bare.per_second, bare.cpu_seconds_per_1000),
            ),
            ("messages", self.messages.to_string()),
            ("accepted", format!("{:.0} /s", self.accepted_per_second)),
            ("completed", format!("{:.0} /s", self.completed_per_second)),
            ("daemon", format!("{:.4} CPU s per 1000", self.daemon_cpu_seconds_per_1000)),
            ("simulator", format!("{:.4} CPU s per 1000", self.simulator_cpu_seconds_per_1000)),
            ("generator", format!("{:.4} CPU s per 1000", self.generator_cpu_seconds_per_1000)),
            ("submit to accept", latency(self.submit_to_accept)),
            ("submit to final event", latency(self.submit_to_event)),
            ("daemon's peak memory", format!("{:.0} MiB", self.daemon_peak_mib)),
        ];
        for (name, value) in rows {
            writeln!(f, "{name:<32}{value}")?;
        }
        for fault in &self.faults {
            writeln!(f, "FAULT {fault}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_per_message_and_per_second() {
        let second = Duration::from_secs(1);
        let processes = Processes {
            daemon: second / 2,
            simulator: second / 4,
            generator: second / 10,
            daemon_peak_octets: 3 << 20,
        };
        let bare_stream = BareStream { per_second: 1.0, cpu_seconds_per_1000: 1.0 };
        let machine = Machine { syncs_per_second: 1.0, bare_stream };
        let mut micros = Histogram::new(3).unwrap();
        (1..=1000).for_each(|value| micros.record(value * 1000).unwrap());
        let latency = Latency::of(&micros);
        let figures =
            Figures::new(10_000, machine, &processes, (second, 2 * second), (latency, latency), vec![]);
        assert!((figures.accepted_per_second - 10_000.0).abs() < 1e-6);
        assert!((figures.completed_per_second - 5000.0).abs() < 1e-6);
        assert!((figures.daemon_cpu_seconds_per_1000 - 0.05).abs() < 1e-9);
        assert!((figures.daemon_peak_mib - 3.0).abs() < 1e-9);
        assert!((latency.p50_ms - 500.0).abs() < 1.0 && (latency.p99_ms - 990.0).abs() < 1.0);
        assert!(figures.to_string().contains("0.0500 CPU s per 1000"));
    }
}
