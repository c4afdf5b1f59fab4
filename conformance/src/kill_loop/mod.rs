//! Kills the daemon at random moments under load, again and again, then accounts for every message and every report, or
//! for every call.
//!
//! The simulator's record is the witness of what reached the carriers; the events and what the daemon answers at the end
//! are what the platform is told. `messages` and `calls` compare them; what is common to both is here.

mod calls;
mod consumer;
mod messages;
mod told;
mod verdict;

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use clap::Args;
use jiff::Timestamp;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use tokio::sync::watch;

pub use self::verdict::Verdict;
use crate::{rig::Rig, subject::Programs};

/// How long a daemon lives at least and at most, once it serves, before it is killed.
const LIFE: (Duration, Duration) = (Duration::from_millis(150), Duration::from_millis(2500));
/// One kill in so many may come before the daemon serves.
const HIT_EARLY: u32 = 4;
/// The end has come when there has been no event for so long: longer than every timer of the run.
const QUIET: Duration = Duration::from_secs(25);
/// How long the end may take.
const END: Duration = Duration::from_secs(300);
/// Questions asked at once.
const ASKED_AT_ONCE: usize = 64;

/// How the daemon is killed.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// How often.
    #[arg(long, default_value_t = 50)]
    pub kills: u32,
    /// With calls, both ways, instead of messages.
    #[arg(long)]
    pub calls: bool,
    /// Start of every random decision; by default drawn, and printed.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Requests per second; by default 500 messages, or 40 calls. Carriers call half as often.
    #[arg(long)]
    pub rate: Option<u32>,
    /// Use the programs beside this one instead of building them.
    #[arg(long)]
    pub no_build: bool,
    /// Where store, record and logs lie, and stay; by default a folder that is removed when all is well.
    #[arg(long)]
    pub data: Option<PathBuf>,
}

/// Kills, judges and prints; fails when a promise was broken.
///
/// # Errors
/// When a process does not start, or the daemon ends of itself.
pub fn run(options: &Options) -> Result<ExitCode> {
    let programs = if options.no_build { Programs::beside_us()? } else { Programs::build()? };
    let seed = options.seed.unwrap_or_else(drawn_seed);
    println!("seed {seed}");
    let temporary = tempfile::tempdir().context("a folder for the run")?;
    let folder = options.data.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let judged = runtime.block_on(async {
        match options.calls {
            true => calls::kill_and_judge(options, seed, programs, &folder).await,
            false => messages::kill_and_judge(options, seed, programs, &folder).await,
        }
    });
    let is_sound = judged.as_ref().is_ok_and(|verdict| verdict.violations.is_empty());
    if !is_sound && options.data.is_none() {
        println!("store, record and log are kept in {}", temporary.keep().display());
    }
    let verdict = judged?;
    print!("{verdict}");
    let (calls, rate) = (if options.calls { " --calls" } else { "" }, options.rate);
    let rate = rate.map(|rate| format!(" --rate {rate}")).unwrap_or_default();
    println!("again: kill-loop{calls} --seed {seed} --kills {}{rate}", options.kills);
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A seed that is no other run's.
fn drawn_seed() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::from(since.subsec_nanos()) ^ since.as_secs().wrapping_mul(1_000_003)
}

/// When the daemon was killed.
#[derive(Debug, Default)]
struct Kills {
    /// The moments, first to last: each was dead by then.
    times: Vec<Timestamp>,
    lasted: Duration,
}

impl Kills {
    fn note(&self, verdict: &mut Verdict) {
        verdict.note("kills", self.times.len() as u64);
        verdict.note("seconds under fire", self.lasted.as_secs());
    }
}

/// Kills the daemon as often as is wanted, and starts it again each time. `progress` says how far the load has come.
async fn fire(
    rig: &mut Rig,
    options: &Options,
    seed: u64,
    mut progress: impl FnMut() -> String,
) -> Result<Kills> {
    let began = Instant::now();
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut times = Vec::new();
    for kill in 1..=options.kills {
        // A long log takes a while to read again: without waiting, a late daemon would never come to work. One in four
        // is still hit while it recovers.
        if !rng.random_ratio(1, HIT_EARLY) {
            rig.wait_until_bound().await?;
        }
        tokio::time::sleep(rng.random_range(LIFE.0..LIFE.1)).await;
        rig.kill_daemon()?;
        times.push(Timestamp::now());
        rig.start_daemon()?;
        println!("kill {kill:>3}: {}", progress());
    }
    rig.wait_until_bound().await?;
    Ok(Kills { times, lasted: began.elapsed() })
}

/// Waits until no event has come for a while.
async fn wait_for_quiet(mut events: watch::Receiver<usize>) {
    let began = Instant::now();
    while began.elapsed() < END {
        if !matches!(tokio::time::timeout(QUIET, events.changed()).await, Ok(Ok(()))) {
            return;
        }
    }
}
