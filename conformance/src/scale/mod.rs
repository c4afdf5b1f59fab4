//! Scale of state: a store with many open messages and many records, and a daemon that is killed and started on it.
//!
//! Told are the time until it is ready and the memory that it takes; asked is whether it still knows every message.

mod figures;
mod fill;

use std::{
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

pub use self::figures::{Figures, Start};
use self::fill::Stock;
use crate::{
    api,
    bench::{self, Load},
    platform::Platform,
    rig::{Carrier, Protocol, Rig},
    subject::Programs,
};

/// The trunk of the rig.
const TRUNK: &str = "carrier";
/// Messages per second of ordinary traffic.
const RATE: u32 = 200;
/// How long the messages that wait to be sent may take until they are.
const RESUMED_WITHIN: Duration = Duration::from_secs(120);

/// How large the state is.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Open messages, nearly all of which wait for a report.
    #[arg(long, default_value_t = 1_000_000)]
    pub open: u64,
    /// Messages that have ended, over the last months.
    #[arg(long, default_value_t = 10_000_000)]
    pub records: u64,
    /// Seconds of ordinary traffic after the last start.
    #[arg(long, default_value_t = 60)]
    pub traffic: u32,
    /// Use the programs beside this one instead of building them.
    #[arg(long)]
    pub no_build: bool,
    /// Where store and logs lie, and stay; by default a folder that is removed afterwards.
    #[arg(long)]
    pub data: Option<std::path::PathBuf>,
}

/// Fills, kills, starts and prints; fails when a bound is broken or a message is not known any more.
///
/// # Errors
/// When the store can't be filled, or a process does not start.
pub fn run(options: &Options) -> Result<ExitCode> {
    let programs = if options.no_build { Programs::beside_us()? } else { Programs::build()? };
    let temporary = tempfile::tempdir().context("a folder for the run")?;
    let folder = options.data.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let figures = runtime.block_on(measure(options, programs, &folder))?;
    print!("{figures}");
    Ok(if figures.violations().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Fills the folder, starts the daemon on it, kills it, starts it again, and puts ordinary traffic on it.
///
/// # Errors
/// As [`run`].
pub async fn measure(options: &Options, programs: Programs, folder: &Path) -> Result<Figures> {
    let mut rig = Rig::new(programs, folder, 1, &[carrier()], "", None)?;
    let stock = Stock::new(rig.config(), options.open, options.records)?;
    let began = Instant::now();
    stock.fill(TRUNK).await?;
    let filled_in = began.elapsed();

    let first = start(&mut rig).await?;
    rig.kill_daemon()?;
    let second = start(&mut rig).await?;
    rig.wait_until_bound().await?;
    let octets_on_disk = octets_in(&folder.join("store"))?;
    let messages = (options.traffic * RATE) as usize;
    let load = Load { messages, rate: RATE, in_flight: 4096, group: 64 };
    let mut faults = bench::put_on(&load, rig.gateway()).await.with_context(|| rig.last_words())?;
    wait_until_sent(&stock, &rig).await?;
    let (memory, peak_memory) = (rig.daemon()?.memory()?, rig.daemon()?.peak_memory()?);
    rig.kill_daemon()?;
    faults.extend(stock.account_for().await?);
    Ok(Figures {
        open: options.open,
        records: options.records,
        filled_in,
        octets_on_disk,
        starts: [first, second],
        memory,
        peak_memory,
        faults,
    })
}

/// A carrier that takes everything and reports on it at once.
fn carrier() -> Carrier {
    Carrier {
        name: TRUNK,
        protocol: Protocol::Smpp34,
        links: 2,
        window: 64,
        behaviour: "answer = { delay = \"5ms\" }\nreceipts = { delay = \"20ms\", retries = 1000, on_any_link = true }".to_owned(),
        trunk: "[trunk.timers]\nreconnect_min = \"50ms\"\nreconnect_max = \"500ms\"".to_owned(),
    }
}

async fn start(rig: &mut Rig) -> Result<Start> {
    let began = Instant::now();
    rig.start_daemon()?;
    rig.wait_until_ready().await?;
    Ok(Start { ready_in: began.elapsed(), memory: rig.daemon()?.memory()? })
}

/// Waits until the messages have left that a start finds unsent.
async fn wait_until_sent(stock: &Stock, rig: &Rig) -> Result<()> {
    let platform = Platform::connect(rig.gateway()).await?;
    let began = Instant::now();
    for id in stock.unsent() {
        while platform.message(&id).await?.state == api::MessageState::Accepted as i32 {
            ensure!(
                began.elapsed() < RESUMED_WITHIN,
                "a message that waits is not sent: {}",
                rig.last_words()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(())
}

fn octets_in(folder: &Path) -> Result<u64> {
    let mut octets = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // A table may go while it is looked at.
        let Ok(about) = entry.metadata() else { continue };
        octets += if about.is_dir() { octets_in(&entry.path())? } else { about.len() };
    }
    Ok(octets)
}
