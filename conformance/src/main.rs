//! The conformance program: tells how far the project agrees with the outside world.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use conformance::{bench, hold, kill_loop, scale};

/// The generator must not be what a measurement measures.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(about = "Tells how far this project agrees with the outside world")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Judges all vectors and prints the counts per protocol as Markdown. Vectors from the field are judged too when
    /// CARRIERD_FIELD_VECTORS names their folder.
    Report,
    /// Measures the whole path: generator, daemon with its durable store, simulator, events, acks.
    Bench(bench::Options),
    /// Measures calls: the daemon beside Kamailio and bare SIPp, in turns.
    BenchCalls(bench::CallOptions),
    /// Measures the simulator alone, under its own loader.
    BenchSim(bench::SimulatorOptions),
    /// Kills the daemon again and again under load, then accounts for every message and every report, or for every call.
    KillLoop(kill_loop::Options),
    /// Holds many calls at once, and tells what that takes of memory and processor.
    Hold(hold::Options),
    /// Fills a store with open messages and records, kills and starts the daemon on it, and tells time and memory.
    Scale(scale::Options),
    /// Serves a bare gRPC stream: what `bench` compares with.
    #[command(hide = true)]
    BareStream {
        #[arg(long)]
        listen: std::net::SocketAddr,
    },
}

fn main() -> Result<ExitCode> {
    match Arguments::parse().command {
        Command::Report => {
            let (text, agreed) = conformance::report::markdown()?;
            print!("{text}");
            Ok(if agreed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Bench(options) => bench::run(&options),
        Command::BenchCalls(options) => bench::run_calls(&options),
        Command::BenchSim(options) => bench::run_simulator(&options),
        Command::KillLoop(options) => kill_loop::run(&options),
        Command::Hold(options) => hold::run(&options),
        Command::Scale(options) => scale::run(&options),
        Command::BareStream { listen } => bench::serve_bare_stream(listen).map(|()| ExitCode::SUCCESS),
    }
}
