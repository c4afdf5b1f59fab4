//! The whole path, measured: generator → gRPC stream → daemon with its durable store → simulator with a receipt for
//! each message → event stream → ack; and, in the same run, what the machine itself can do.
//!
//! The loop is closed: every message must come back as exactly one final event.

mod account;
mod calls;
mod events;
mod figures;
mod floor;
mod load;
mod simulator;

use std::{process::ExitCode, time::Duration};

use anyhow::{Context as _, Result};
use clap::Args;

pub use calls::{Options as CallOptions, run as run_calls};
pub use floor::serve as serve_bare_stream;
pub use load::{Load, open_submits};
pub use simulator::{Options as SimulatorOptions, run as run_simulator};

use self::figures::{Figures, Latency, Machine, Processes};
use crate::{
    rig::{Carrier, Gateway, Protocol, Rig},
    subject::{self, Programs},
};

/// How the whole path is measured.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Messages in all.
    #[arg(long, default_value_t = 100_000)]
    pub messages: usize,
    /// Messages per second; 0: as fast as they go.
    #[arg(long, default_value_t = 0)]
    pub rate: u32,
    /// Messages that may be on their way, submit to final event.
    #[arg(long, default_value_t = 8192)]
    pub in_flight: usize,
    /// Requests per frame of the submit stream, at most.
    #[arg(long, default_value_t = 128)]
    pub group: usize,
    /// Links to the carrier.
    #[arg(long, default_value_t = 2)]
    pub links: u32,
    /// Unanswered submits per link.
    #[arg(long, default_value_t = 512)]
    pub window: u32,
    /// What the carrier speaks.
    #[arg(long, value_enum, default_value = "smpp34")]
    pub protocol: Protocol,
    /// How long the carrier takes to answer, milliseconds.
    #[arg(long, default_value_t = 20)]
    pub answer_ms: u32,
    /// How long a receipt takes after the answer, milliseconds.
    #[arg(long, default_value_t = 30)]
    pub receipt_ms: u32,
    /// Use the programs beside this one instead of building them.
    #[arg(long)]
    pub no_build: bool,
    /// Where store and logs lie; by default a folder that is removed afterwards.
    #[arg(long)]
    pub data: Option<std::path::PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Measures and prints; fails when a message did not come back exactly once.
///
/// # Errors
/// When a process does not start or the path breaks.
pub fn run(options: &Options) -> Result<ExitCode> {
    let programs = if options.no_build { Programs::beside_us()? } else { Programs::build()? };
    let temporary = tempfile::tempdir().context("a folder for the run")?;
    let folder = options.data.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder)?;
    // One thread: what the generator takes is taken from the daemon and the simulator.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let figures = runtime.block_on(async {
        let machine = Machine {
            syncs_per_second: floor::syncs_per_second(&folder)?,
            bare_stream: floor::bare_stream(options.messages, options.group, options.in_flight).await?,
        };
        measure(options, programs, &folder, machine).await
    })?;
    if options.json {
        println!("{}", serde_json::to_string(&figures)?);
    } else {
        print!("{figures}");
    }
    Ok(if figures.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Puts a load on a daemon and says what did not come back as it should.
///
/// # Errors
/// When a stream breaks, or nothing happens for half a minute.
pub async fn put_on(load: &Load, gateway: Gateway) -> Result<Vec<String>> {
    Ok(load::run(load, gateway).await?.faults)
}

async fn measure(
    options: &Options,
    programs: Programs,
    folder: &std::path::Path,
    machine: Machine,
) -> Result<Figures> {
    let carrier = Carrier {
        name: "carrier",
        protocol: options.protocol,
        links: options.links,
        window: options.window,
        behaviour: format!(
            "answer = {{ delay = \"{}ms\" }}\nreceipts = {{ delay = \"{}ms\" }}",
            options.answer_ms, options.receipt_ms
        ),
        trunk: String::new(),
    };
    let mut rig = Rig::new(programs, folder, 1, &[carrier], "", None)?;
    rig.start_daemon()?;
    rig.wait_until_bound().await?;
    let before = (rig.daemon()?.cpu()?, rig.simulator.cpu()?, subject::own_cpu()?);
    let load = Load {
        messages: options.messages,
        rate: options.rate,
        in_flight: options.in_flight,
        group: options.group,
    };
    let run = load::run(&load, rig.gateway()).await.with_context(|| rig.last_words())?;
    let used = |after: Duration, before: Duration| after.saturating_sub(before);
    let processes = Processes {
        daemon: used(rig.daemon()?.cpu()?, before.0),
        simulator: used(rig.simulator.cpu()?, before.1),
        generator: used(subject::own_cpu()?, before.2),
        daemon_peak_octets: rig.daemon()?.peak_memory()?,
    };
    Ok(Figures::new(
        options.messages,
        machine,
        &processes,
        (run.accepted_in, run.completed_in),
        (Latency::of(&run.to_accept), Latency::of(&run.to_event)),
        run.faults,
    ))
}
