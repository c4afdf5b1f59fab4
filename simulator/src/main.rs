//! `carrier-sim`: runs the carriers of one scenario file, checks one, or puts load on a carrier.
#![forbid(unsafe_code)]

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use clap::{Parser, Subcommand};
use simulator::{CarrierStats, Scenario, Simulator, load};
use tokio::signal::unix::{SignalKind, signal};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Simulated SMPP, CMPP and SIP carriers.
#[derive(Parser)]
#[command(name = "carrier-sim", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the carriers of a scenario until interrupted.
    Run {
        /// The scenario file.
        scenario: PathBuf,
        /// Use this seed instead of the scenario's.
        #[arg(long)]
        seed: Option<u64>,
        /// Write what is seen to this file instead of the scenario's, one JSON object a line.
        #[arg(long)]
        record: Option<PathBuf>,
        /// Print each carrier's counters every second, on the standard error stream.
        #[arg(long)]
        stats: bool,
        /// Worker threads.
        #[arg(long, default_value_t = 1)]
        threads: usize,
    },
    /// Check a scenario file without running it.
    Check {
        /// The scenario file.
        scenario: PathBuf,
    },
    /// Put calls on whoever takes them and measure that.
    ///
    /// Each call is INVITE with a session description, whatever comes of it, and once it is answered BYE. To load a
    /// daemon, its trunk must know 127.0.0.1 as a gateway or source, and its platform must answer; to load a simulated
    /// carrier, run one with a scenario in another process:
    ///
    ///     carrier-sim run scenario.toml
    ///     carrier-sim call --to 127.0.0.1:5060 --rate 500 --calls 10000
    ///
    /// Prints one JSON object when all calls are over, or 40 s after they should be. Ends with 1 if a call failed.
    #[command(verbatim_doc_comment)]
    Call {
        #[command(flatten)]
        load: load::CallLoad,
        /// Worker threads.
        #[arg(long, default_value_t = 1)]
        threads: usize,
    },
    /// Put load on a carrier and measure it.
    Load {
        #[command(flatten)]
        load: load::Load,
        /// Worker threads.
        #[arg(long, default_value_t = 1)]
        threads: usize,
    },
}

fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    match Arguments::parse().command {
        Command::Check { scenario } => {
            Scenario::load(scenario)?;
            Ok(())
        }
        Command::Run { scenario, seed, record, stats, threads } => {
            let mut scenario = Scenario::load(scenario)?;
            scenario.seed = seed.unwrap_or(scenario.seed);
            scenario.record = record.or(scenario.record);
            runtime(threads)?.block_on(run(scenario, stats))
        }
        Command::Call { load, threads } => {
            let report = runtime(threads)?.block_on(load::call(load))?;
            println!("{}", serde_json::to_string(&report)?);
            anyhow::ensure!(report.failed == 0, "{} calls failed", report.failed);
            Ok(())
        }
        Command::Load { load, threads } => {
            let report = runtime(threads)?.block_on(load::run(load))?;
            println!("{}", serde_json::to_string(&report)?);
            Ok(())
        }
    }
}

fn runtime(threads: usize) -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads.max(1)).enable_all().build()
}

async fn run(scenario: Scenario, stats: bool) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM can't be watched")?;
    let simulator = simulator::start(scenario).await?;
    let sip = simulator.sip_addresses();
    for (carrier, listen) in simulator.addresses() {
        let mut line = serde_json::json!({ "carrier": carrier, "listen": listen.to_string() });
        for (transport, address) in sip.iter().filter(|(name, _)| *name == carrier).flat_map(|(_, all)| all) {
            line[transport.parameter()] = address.to_string().into();
        }
        println!("{line}");
    }
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("the interrupt can't be watched")?,
        _ = terminate.recv() => {}
        () = print_stats(&simulator), if stats => {}
    }
    simulator.shutdown().await;
    Ok(())
}

/// Prints counters and rates every second, for as long as it is polled.
async fn print_stats(simulator: &Simulator) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    let mut before: Vec<(String, CarrierStats)> = simulator.stats();
    loop {
        ticks.tick().await;
        let now = simulator.stats();
        for ((name, now), (_, before)) in now.iter().zip(&before) {
            eprintln!(
                "{name}: links {}, submits {}/s, receipts {}/s, mo {}/s; accepted {}, refused {}, silent {}, \
                 receipts sent {} acked {}, mo sent {} acked {}, redelivered {}, early {}, lost {}; cpu {:.2} s",
                now.links_bound,
                now.submits - before.submits,
                now.receipts_sent - before.receipts_sent,
                now.mo_sent - before.mo_sent,
                now.accepted,
                now.refused,
                now.silent,
                now.receipts_sent,
                now.receipts_acked,
                now.mo_sent,
                now.mo_acked,
                now.redelivered,
                now.early,
                now.lost,
                load::cpu_seconds().unwrap_or(0.0),
            );
        }
        for (name, now) in simulator.call_stats() {
            eprintln!(
                "{name}: open {}, in {}, out {}, answered {}, unanswered {}, completed {}; messages in {} out {}, \
                 swallowed {}, datagrams lost {}, unreadable {}; cpu {:.2} s",
                now.open,
                now.calls_in,
                now.calls_out,
                now.answered,
                now.unanswered,
                now.completed,
                now.messages_in,
                now.messages_out,
                now.swallowed,
                now.datagrams_lost,
                now.unreadable,
                load::cpu_seconds().unwrap_or(0.0),
            );
        }
        before = now;
    }
}
