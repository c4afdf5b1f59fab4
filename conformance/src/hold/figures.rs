//! What was measured of calls that are held.

use std::{
    fmt,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::rig::Rig;

/// Faults told one by one.
const TOLD: usize = 20;

/// What the daemon takes at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// When it was read.
    pub at: Instant,
    /// Octets.
    pub memory: u64,
    /// Processor time so far.
    pub cpu: Duration,
    /// That of the simulated carrier.
    pub carrier_cpu: Duration,
    /// Session refreshes that the daemon has sent so far.
    pub refreshes: u64,
    /// Those of the carrier.
    pub refreshed: u64,
}

impl Reading {
    /// Reads them now.
    ///
    /// # Errors
    /// When a process is gone.
    pub async fn of(rig: &Rig) -> Result<Self> {
        let side = |side| format!("carrierd_sip_refreshes_total{{side=\"{side}\"}}");
        let metrics = rig.metrics().await?;
        let counted = |name: &str| {
            let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
            value.unwrap_or(0)
        };
        Ok(Self {
            at: Instant::now(),
            memory: rig.daemon()?.memory()?,
            cpu: rig.daemon()?.cpu()?,
            carrier_cpu: rig.simulator.cpu()?,
            refreshes: counted(&side("us")),
            refreshed: counted(&side("peer")),
        })
    }
}

/// Everything that one run tells.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Calls that were held.
    pub calls: usize,
    /// Interval of their session timers.
    pub session: Duration,
    /// How long it took to set them up.
    pub set_up_in: Duration,
    /// How long it took to end them.
    pub hung_up_in: Duration,
    /// Before the first call.
    pub before: Reading,
    /// When all were up, and when they had been held.
    pub held: [Reading; 2],
    /// When all had ended.
    pub after: Reading,
    /// What is not as it should be.
    pub faults: Vec<String>,
}

impl Figures {
    fn octets_per_call(&self, reading: Reading) -> f64 {
        (reading.memory as f64 - self.before.memory as f64) / self.calls as f64
    }

    /// Processor seconds for 1000 calls set up, or held for a minute, or hung up.
    fn per_1000(&self, from: Reading, to: Reading) -> f64 {
        to.cpu.saturating_sub(from.cpu).as_secs_f64() * 1000.0 / self.calls as f64
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [up, held] = self.held;
        let length = held.at - up.at;
        let minutes = length.as_secs_f64() / 60.0;
        let mebi = |reading: Reading| reading.memory >> 20;
        let carrier =
            held.carrier_cpu.saturating_sub(up.carrier_cpu).as_secs_f64() * 1000.0 / self.calls as f64;
        writeln!(
            f,
            "{} calls, held for {length:.0?} with a session timer of {:?}",
            self.calls, self.session
        )?;
        writeln!(f, "set up in {:.1?}, ended in {:.1?}", self.set_up_in, self.hung_up_in)?;
        writeln!(
            f,
            "memory                {} MiB before, {} up, {} held, {} after",
            mebi(self.before),
            mebi(up),
            mebi(held),
            mebi(self.after)
        )?;
        writeln!(
            f,
            "per call              {:.0} octets up, {:.0} held",
            self.octets_per_call(up),
            self.octets_per_call(held)
        )?;
        writeln!(f, "CPU per 1000 calls    {:.3} s set up", self.per_1000(self.before, up))?;
        writeln!(f, "                      {:.4} s per minute held", self.per_1000(up, held) / minutes)?;
        writeln!(f, "                      {:.3} s ended", self.per_1000(held, self.after))?;
        writeln!(f, "the carrier           {:.4} s per minute held", carrier / minutes)?;
        writeln!(
            f,
            "refreshes             {} by us, {} by the carrier",
            held.refreshes - up.refreshes,
            held.refreshed - up.refreshed
        )?;
        self.faults.iter().take(TOLD).try_for_each(|fault| writeln!(f, "BROKEN: {fault}"))?;
        if self.faults.len() > TOLD {
            writeln!(f, "BROKEN: and {} more", self.faults.len() - TOLD)?;
        }
        writeln!(f, "{}", if self.faults.is_empty() { "none was lost" } else { "calls were lost" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_time_are_told_per_call_and_minute_and_a_lost_call_is_told() {
        let start = Instant::now();
        let reading = |minutes: u64, memory: u64, cpu: u64, refreshes: u64| Reading {
            at: start + Duration::from_secs(minutes * 60),
            memory,
            cpu: Duration::from_secs(cpu),
            carrier_cpu: Duration::ZERO,
            refreshes,
            refreshed: refreshes,
        };
        let mut figures = Figures {
            calls: 2000,
            session: Duration::from_secs(90),
            set_up_in: Duration::from_secs(20),
            hung_up_in: Duration::from_secs(20),
            before: reading(0, 10 << 20, 1, 0),
            held: [reading(1, (10 << 20) + 2_000_000, 5, 100), reading(11, (10 << 20) + 4_000_000, 25, 900)],
            after: reading(12, 11 << 20, 27, 900),
            faults: Vec::new(),
        };
        let told = figures.to_string();
        let expected =
            ["1000 octets up, 2000 held", "2.000 s set up", "1.0000 s per minute held", "1.000 s ended"];
        for words in expected.into_iter().chain(["800 by us, 800 by the carrier", "none was lost"]) {
            assert!(told.contains(words), "{words}: {told}");
        }
        figures.faults.push("one".to_owned());
        assert!(figures.to_string().ends_with("BROKEN: one\ncalls were lost\n"));
    }
}
