//! What was measured of calls, for people and for programs.

use std::fmt;

use serde::Serialize;

use super::path::{Path, Played};

/// All ways, side by side.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// Processors of the machine.
    pub processors: usize,
    /// Small appends made durable one after the other on the disk of temporary files, per second.
    pub syncs_per_second: f64,
    /// A way each.
    pub ways: Vec<Way>,
}

/// One way.
#[derive(Debug, Serialize)]
pub struct Way {
    /// Which.
    pub path: Path,
    /// What was measured.
    pub subject: &'static str,
    /// Calls a second without a failed call, as far as was searched; `None`: it was not.
    pub highest_rate: Option<u32>,
    /// Its plays at the common rates.
    pub plays: Vec<Played>,
}

impl Way {
    /// A way of which nothing is known.
    #[must_use]
    pub fn new(path: Path) -> Self {
        Self { path, subject: path.subject(), highest_rate: None, plays: Vec::new() }
    }

    /// Everything that was wrong at the common rates.
    pub fn faults(&self) -> impl Iterator<Item = String> + '_ {
        let name = self.path.name();
        let faults = self.plays.iter().flat_map(|play| play.faults.iter().map(|fault| (play.rate, fault)));
        faults.map(move |(rate, fault)| format!("{name} at {rate}/s: {fault}"))
    }

    /// The middle one of the figures at a rate.
    fn middle(&self, rate: u32, figure: impl Fn(&Played) -> Option<f64>) -> Option<f64> {
        let mut figures: Vec<f64> =
            self.plays.iter().filter(|play| play.rate == rate).filter_map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "machine: {} processors, {:.0} durable appends/s",
            self.processors, self.syncs_per_second
        )?;
        let mut rates: Vec<u32> = self.ways.iter().flat_map(|way| &way.plays).map(|play| play.rate).collect();
        rates.sort_unstable();
        rates.dedup();
        for way in &self.ways {
            write!(f, "{:<36}{:<12}", way.path.name(), way.subject)?;
            if let Some(highest) = way.highest_rate {
                write!(f, "  up to {highest} calls/s")?;
            }
            for rate in &rates {
                let Some(cpu) = way.middle(*rate, |play| Some(play.cpu_seconds_per_1000)) else { continue };
                write!(f, "  at {rate}/s {cpu:.3} CPU s per 1000")?;
                if let Some(repeated) = way.middle(*rate, |play| play.repeated.map(|count| count as f64)) {
                    write!(f, ", {repeated:.0} repeated")?;
                }
                if let Some(answer) = way.middle(*rate, |play| Some(play.to_answer?.p50_ms)) {
                    let last = way.middle(*rate, |play| Some(play.to_answer?.p99_ms)).unwrap_or(answer);
                    write!(f, ", answered p50 {answer:.1} p99 {last:.1} ms")?;
                }
                if let Some(peak) = way.middle(*rate, |play| play.peak_mib) {
                    write!(f, ", {peak:.0} MiB")?;
                }
            }
            writeln!(f)?;
        }
        for fault in self.ways.iter().flat_map(Way::faults) {
            writeln!(f, "FAULT {fault}")?;
        }
        Ok(())
    }
}
