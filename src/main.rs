//! The daemon's entry point: arguments, configuration, log, runtime, exit code.
#![forbid(unsafe_code)]

use std::{env, future::Future, io, path::PathBuf, process::ExitCode};

use carrierd::{
    config::{self, Config},
    telemetry::logs::{self, LogFormat},
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use mimalloc::MiMalloc;
use profiles::{SHIPPED, shipped};
use tokio::{
    runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, watch},
};

/// Many small allocations on several threads: measurably cheaper than with the system's allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// It failed while it ran.
const FAILED: u8 = 1;
/// The configuration or the arguments are wrong; clap ends with the same.
const MISUSED: u8 = 2;

#[derive(Parser)]
#[command(version, about = "Carries messages between a cloud-communications platform and its carriers")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the daemon until SIGINT or SIGTERM, then drains it; a second one ends it at once. SIGHUP
    /// reads the configuration again.
    Run(Run),
    /// Checks a configuration and its secrets, and starts nothing.
    Check(Check),
    /// Shows the profiles of kinds of carriers that a trunk can name, to choose from or to copy.
    #[command(subcommand)]
    Profile(Profile),
    /// Runs the daemon between two simulated carriers and a traffic source, to be watched. Needs nothing else.
    #[cfg(feature = "demo")]
    Demo(carrierd::demo::Arguments),
}

#[derive(Args)]
struct Run {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// How log lines are written. What is logged: the variable CARRIERD_LOG, such as "info,carrierd::trunk=debug".
    #[arg(long, value_enum, default_value_t = Format::Text)]
    log: Format,
}

#[derive(Args)]
struct Check {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

#[derive(Subcommand)]
enum Profile {
    /// Lists the shipped ones.
    List,
    /// Prints one as a file: redirect it, change it, and name it in a trunk as profile = "file:PATH".
    Show {
        /// Its name, as listed.
        name: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One object per line.
    Json,
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run(arguments) => run(&arguments),
        Command::Check(arguments) => check(&arguments),
        Command::Profile(arguments) => profile(&arguments),
        #[cfg(feature = "demo")]
        Command::Demo(arguments) => demo(arguments),
    }
}

#[cfg(feature = "demo")]
fn demo(arguments: carrierd::demo::Arguments) -> ExitCode {
    let runtime = runtime::Builder::new_multi_thread().enable_all().build().map_err(anyhow::Error::from);
    match runtime.and_then(|runtime| runtime.block_on(carrierd::demo::run(arguments))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("carrierd demo: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

fn run(arguments: &Run) -> ExitCode {
    let config = match config::load(&arguments.config) {
        Ok(config) => config,
        Err(error) => return misused(&error),
    };
    let format = match arguments.log {
        Format::Text => LogFormat::Text,
        Format::Json => LogFormat::Json,
    };
    let filter = env::var(logs::FILTER_VARIABLE).ok();
    if let Err(error) = logs::init(format, filter.as_deref()) {
        return misused(&error);
    }
    match run_until_signalled(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // `{:#}` joins the causes; the log has it in the format that its reader expects.
            tracing::error!("carrierd ends: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

fn check(arguments: &Check) -> ExitCode {
    match config::load(&arguments.config) {
        Ok(config) => {
            println!("{} is fine: {}", arguments.config.display(), summary(&config));
            ExitCode::SUCCESS
        }
        Err(error) => misused(&error),
    }
}

fn profile(arguments: &Profile) -> ExitCode {
    match arguments {
        Profile::List => {
            for profile in SHIPPED {
                println!("{:<20} {}", profile.name, profile.about());
            }
        }
        Profile::Show { name } => match shipped(name) {
            Some(profile) => print!("{}", profile.text),
            None => return misused(&format!("no profile {name:?} is shipped: see carrierd profile list")),
        },
    }
    ExitCode::SUCCESS
}

fn summary(config: &Config) -> String {
    let trunks = config.trunks.len() + config.sip_trunks.len();
    let routes = config.routes.len() + config.call_routes.len();
    format!(
        "{}, {}, store in {}",
        counted(trunks, "trunk"),
        counted(routes, "route"),
        config.store.path.display()
    )
}

fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn misused(error: &impl std::fmt::Display) -> ExitCode {
    eprintln!("{error}");
    ExitCode::from(MISUSED)
}

fn run_until_signalled(config: Config) -> anyhow::Result<()> {
    runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        // Before anything starts: a signal in the middle of the start must not kill the process half-way.
        let (first, second) = Signals::catch()?.split();
        carrierd::run(config, first, second, hang_ups()?).await
    })
}

/// A message for each SIGHUP, which asks for the configuration to be read again.
fn hang_ups() -> io::Result<mpsc::Receiver<()>> {
    let mut hang_up = signal(SignalKind::hangup())?;
    let (tell, told) = mpsc::channel(1);
    tokio::spawn(async move {
        while hang_up.recv().await.is_some() {
            tracing::info!(signal = "SIGHUP", "asked to read the configuration again");
            // Asked again while it does, it is asked once.
            if let Err(mpsc::error::TrySendError::Closed(())) = tell.try_send(()) {
                return;
            }
        }
    });
    Ok(told)
}

/// The signals that ask for the end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn catch() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The first of them, which asks for a drain, and the second, for the end at once.
    fn split(mut self) -> (impl Future<Output = ()>, impl Future<Output = ()>) {
        let (tell, mut asked) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                let name = tokio::select! {
                    _ = self.interrupt.recv() => "SIGINT",
                    _ = self.terminate.recv() => "SIGTERM",
                };
                tracing::info!(signal = name, "asked to end");
                tell.send_modify(|times| *times += 1);
            }
        });
        let mut again = asked.clone();
        let first = async move { drop(asked.wait_for(|times| *times >= 1).await) };
        (first, async move { drop(again.wait_for(|times| *times >= 2).await) })
    }
}
