//! Calls, measured: the daemon beside a stateful proxy and beside bare SIP on the same machine, in one run and in turns.
//!
//! For each way of a call: the highest rate at which none fails, and the processor time of the one process in its middle
//! at rates that are the same for all. The daemon has its durable store, its events are followed and acked, and every
//! call must come to exactly one final event and one record.

mod figures;
mod generator;
mod ledger;
mod path;
mod search;

use std::{process::ExitCode, time::Duration};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use self::{
    figures::{Figures, Way},
    path::{Pace, Path, Stage},
    search::Search,
};
use super::floor;
use crate::{loopback::is_installed, subject::Programs};

/// How calls are measured.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Which ways a call takes, in this order in each round.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["direct", "proxy", "outgoing", "incoming"])]
    pub paths: Vec<Path>,
    /// The common rates, calls per second.
    #[arg(long, value_delimiter = ',', default_values_t = [500, 1000])]
    pub rates: Vec<u32>,
    /// How long calls are placed at a common rate.
    #[arg(long, default_value_t = 20)]
    pub seconds: u32,
    /// Rounds: each plays every way once at every common rate. The middle one is told.
    #[arg(long, default_value_t = 3)]
    pub rounds: u32,
    /// How long the subject is measured on after its calls, seconds: the last of SIP's timers takes 32.
    #[arg(long, default_value_t = 33)]
    pub rest: u32,
    /// Do not search for the highest rates.
    #[arg(long)]
    pub no_search: bool,
    /// Where the search begins, calls per second.
    #[arg(long, default_value_t = 500)]
    pub from: u32,
    /// Where it ends.
    #[arg(long, default_value_t = 20_000)]
    pub most: u32,
    /// How long each rate is tried.
    #[arg(long, default_value_t = 8)]
    pub search_seconds: u32,
    /// Processes of Kamailio that read datagrams.
    #[arg(long, default_value_t = 2)]
    pub workers: usize,
    /// Use the programs beside this one instead of building them.
    #[arg(long)]
    pub no_build: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// How exact a highest rate is.
const PRECISION: f64 = 0.08;

/// Measures and prints; fails when a call failed at a common rate.
///
/// # Errors
/// When a foreign program is missing, a process does not start or a stream breaks.
pub fn run(options: &Options) -> Result<ExitCode> {
    for program in options.paths.iter().flat_map(|path| path.needs()) {
        ensure!(is_installed(program), "{program} is missing: run conformance/peers/setup.sh");
    }
    let programs = if options.no_build { Programs::beside_us()? } else { Programs::build()? };
    let folder = tempfile::tempdir().context("a folder for the run")?;
    // One thread: what the generator takes is taken from the others.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stage = Stage { programs: &programs, workers: options.workers, folder: folder.path() };
    let syncs_per_second = floor::syncs_per_second(folder.path())?;
    let ways = runtime.block_on(measure(options, &stage))?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let figures = Figures { processors, syncs_per_second, ways };
    if options.json {
        println!("{}", serde_json::to_string(&figures)?);
    } else {
        print!("{figures}");
    }
    let is_well = figures.ways.iter().all(|way| way.faults().next().is_none());
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn measure(options: &Options, stage: &Stage<'_>) -> Result<Vec<Way>> {
    let mut ways: Vec<Way> = options.paths.iter().map(|path| Way::new(*path)).collect();
    let rest = Duration::from_secs(options.rest.into());
    for _ in 0..options.rounds {
        for rate in &options.rates {
            for way in &mut ways {
                let pace = Pace { rate: *rate, seconds: options.seconds, rest };
                let played = stage.play(way.path, pace).await?;
                eprintln!("{}: {}", way.path.name(), serde_json::to_string(&played)?);
                way.plays.push(played);
            }
        }
    }
    if !options.no_search {
        for way in &mut ways {
            way.highest_rate = Some(search(options, stage, way.path).await?);
        }
    }
    Ok(ways)
}

async fn search(options: &Options, stage: &Stage<'_>, path: Path) -> Result<u32> {
    let mut search = Search::new(options.from, options.most, PRECISION);
    while let Some(rate) = search.next() {
        let pace = Pace { rate, seconds: options.search_seconds, rest: Duration::ZERO };
        let played = stage.play(path, pace).await?;
        eprintln!("{}: {}", path.name(), serde_json::to_string(&played)?);
        search.note(played.went_well());
    }
    Ok(search.best())
}
