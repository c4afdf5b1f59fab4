//! `carrierd demo`: three simulated carriers, the daemon and a traffic source in one process, to be watched.
//!
//! The one place that links the simulator. Carriers are reached over loopback TCP and the daemon through its API, as
//! in earnest.
//!
//! - `carriers`: the scenario, and the configuration with a trunk to each carrier;
//! - `traffic`: which messages are sent;
//! - `calls`: which calls are placed and taken, and what became of them;
//! - `client`: the API's consumer;
//! - `ledger`, `journal`: where every message is, also over runs;
//! - `picture`, `measure`: what is shown, as values;
//! - `view`, `plain`, `summary`: showing it;
//! - `stage`: the task that owns all of this.

mod calls;
mod carriers;
mod client;
mod journal;
mod ledger;
mod measure;
mod picture;
mod plain;
mod stage;
mod summary;
mod traffic;
mod view;

use std::{
    fs::{self, File},
    io::{IsTerminal, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use codecs::sip::Transport;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tracing_subscriber::EnvFilter;

use self::{
    carriers::{Listen, Rates, SIP},
    client::{Client, Happening},
    journal::Journal,
    picture::Setting,
    plain::Printer,
    stage::{Carried, Face, Stage},
    view::Screen,
};
use crate::{app, clock, telemetry::logs::FILTER_VARIABLE};

/// How long the daemon may take until its API answers.
const FIRST_LIGHT: Duration = Duration::from_secs(30);
/// How long a daemon that can't go on may take to say why.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Happenings that may wait.
const HAPPENINGS: usize = 256;

/// Arguments of `carrierd demo`.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// The folder of all state; made if it is missing.
    #[arg(long, value_name = "DIR", default_value = "./carrierd-demo")]
    data: PathBuf,
    /// Messages per second, about.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=5000))]
    rate: u32,
    /// Calls placed per second, about; a quarter as many come in.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=100))]
    calls: u32,
    /// Start of every random decision: what is sent and what the carriers make of it.
    #[arg(long, value_name = "N", default_value_t = 7)]
    seed: u64,
    /// The gateway listener's port on 127.0.0.1; the admin listener has the next.
    #[arg(long, value_name = "PORT", default_value_t = 7300, value_parser = clap::value_parser!(u16).range(1..=65534))]
    port_base: u16,
}

/// Runs the demo until Ctrl-C, `q` or SIGTERM, waits up to ten seconds for what is open, and prints where every
/// message is.
///
/// # Errors
/// It could not be started, or something in it failed; the message says what and what to do.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { data, rate, calls, seed, port_base } = arguments;
    let rates = Rates { messages: rate, calls };
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listen = Listen { gateway: local(port_base), admin: local(port_base + 1) };
    ensure_free(listen.gateway)?;
    ensure_free(listen.admin)?;
    fs::create_dir_all(&data)
        .with_context(|| format!("the folder {} can't be made; name another with --data", data.display()))?;
    log_to(&data.join("demo.log"))?;
    let mut stop = stops()?;

    let simulator = simulator::start(carriers::scenario(seed, rates, clock::wall())?)
        .await
        .context("the simulated carriers can't be started")?;
    let mut addresses = simulator.addresses();
    addresses.extend(simulator.sip_address(SIP, Transport::Udp).map(|address| (SIP.to_owned(), address)));
    let config = carriers::config(listen, &addresses, &data.join("store"), rate)?;
    let (end, ended) = oneshot::channel();
    // A sender that is gone means the end too.
    let ended = async { drop(ended.await) };
    let mut daemon = tokio::spawn(app::run(config, ended, std::future::pending(), mpsc::channel(1).1));
    let journal = data.join("open-messages.tsv");
    let (carried, client, happenings) = unless_ended(&mut daemon, begin(listen.gateway, &journal)).await?;
    let setting = Setting { rates, seed, folder: data.clone(), gateway: listen.gateway, admin: listen.admin };
    announce(&setting, &carried);
    let face = face()?;
    let mut stage = Stage::new(setting, carried, &journal, client, happenings, face)
        .with_context(|| format!("{} can't be written", journal.display()))?;

    let mut outcome = None;
    stage
        .play(&mut stop, async {
            outcome = Some((&mut daemon).await);
            // Told once; after that there is nothing to wait for.
        })
        .await;
    let settled = stage.settle().await;
    let ran = stage.picture.started.elapsed();
    let (ledger, picture, failure) = stage.close().await;
    let _ = end.send(());
    let outcome = match outcome {
        Some(outcome) => outcome,
        None => daemon.await,
    };
    simulator.shutdown().await;
    let summary = summary::summary(&ledger, &picture, ran, &data);
    // Nobody may read it any more, which is no failure.
    let _ = std::io::stdout().lock().write_all(summary.as_bytes());
    outcome.context("the daemon failed")??;
    if let Some(failure) = failure {
        bail!("{failure}; see {}", data.join("demo.log").display());
    }
    settled.context("the daemon could not be asked for what is open")?;
    Ok(())
}

/// Refuses a port that somebody has, before anything is started.
fn ensure_free(address: SocketAddr) -> anyhow::Result<()> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(error) => bail!(
            "the demo can't listen on {address} ({error}): end what listens there, or choose other ports, such as \
             --port-base {}",
            if address.port() < 60_000 { address.port() / 100 * 100 + 100 } else { 7400 }
        ),
    }
}

/// The log goes to a file in both views: it would disturb the one and drown the other.
fn log_to(path: &Path) -> anyhow::Result<()> {
    let file = File::options().create(true).append(true).open(path);
    let file = file.with_context(|| format!("the log {} can't be written", path.display()))?;
    let given = std::env::var(FILTER_VARIABLE).unwrap_or_default();
    let filter = if given.trim().is_empty() { "info,fjall=warn,lsm_tree=warn" } else { &given };
    let filter =
        EnvFilter::try_new(filter).with_context(|| format!("{FILTER_VARIABLE}={given:?} is no filter"))?;
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(Arc::new(file));
    lines.try_init().map_err(|error| anyhow::anyhow!("{error}"))
}

/// A message for each time that somebody asks for the end: Ctrl-C, SIGTERM, or a terminal that is closed.
fn stops() -> anyhow::Result<mpsc::Receiver<()>> {
    let watched = |kind| signal(kind).context("signals can't be watched");
    let mut interrupt = watched(SignalKind::interrupt())?;
    let mut terminate = watched(SignalKind::terminate())?;
    let mut hang_up = watched(SignalKind::hangup())?;
    let (stop, stops) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
            }
            if stop.send(()).await.is_err() {
                return;
            }
        }
    });
    Ok(stops)
}

/// What `work` comes to, or why the daemon has ended: that explains more than a call which it did not answer.
async fn unless_ended<T>(
    daemon: &mut JoinHandle<anyhow::Result<()>>,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let failed = tokio::select! {
        ended = &mut *daemon => {
            ended.context("the daemon failed")??;
            bail!("the daemon has ended by itself");
        }
        done = work => match done {
            Ok(done) => return Ok(done),
            Err(failed) => failed,
        },
    };
    if let Ok(ended) = timeout(LAST_WORDS, daemon).await {
        ended.context("the daemon failed")??;
    }
    Err(failed)
}

/// Waits until the daemon's API answers, asks what became of the last run's messages, and subscribes.
async fn begin(
    gateway: SocketAddr,
    journal: &Path,
) -> anyhow::Result<(Carried, Client, mpsc::Receiver<Happening>)> {
    let began = Instant::now();
    let channel = loop {
        match Client::connect(gateway).await {
            Ok(channel) => break channel,
            Err(error) if began.elapsed() >= FIRST_LIGHT => {
                return Err(error.context(format!("the daemon's API did not answer on {gateway}")));
            }
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    };
    let keys = Journal::read(journal)
        .with_context(|| format!("{} can't be read; remove it to go on without", journal.display()))?;
    let carried =
        Carried::look_up(&channel, keys).await.context("what the last run left can't be asked for")?;
    let (happen, happenings) = mpsc::channel(HAPPENINGS);
    let client = Client::start(channel, happen).await?;
    Ok((carried, client, happenings))
}

fn face() -> anyhow::Result<Face> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Ok(Face::Plain(Printer));
    }
    let (screen, inputs) =
        Screen::open().context("the terminal can't be switched; try `| cat` for plain lines")?;
    Ok(Face::Terminal(screen, inputs))
}

/// What somebody should know who sees the demo for the first time; in a terminal it is there again after the end.
fn announce(setting: &Setting, carried: &Carried) {
    let Setting { rates: Rates { messages, calls }, folder, gateway, admin, .. } = setting;
    let mut text = format!(
        "carrierd demo: three simulated carriers, the daemon, {messages} messages and {calls} calls per second\n\
         state    {}, with the daemon's log in demo.log\n\
         reach it {} --address http://{gateway} trunks\n         \
                  (or: events --follow; calls; call --from +861088880000 --to +8613800100001;\n         \
                  send --to +8613900001234 --text hello)\n\
         metrics  http://{admin}/metrics\n",
        folder.display(),
        carrierctl(),
    );
    if carried.count() > 0 || carried.ended > 0 {
        text.push_str(&format!("continuing: {} messages open from the last run", carried.count()));
        if carried.ended > 0 {
            text.push_str(&format!(", and {} more ended since", carried.ended));
        }
        text.push('\n');
    }
    // Nobody may read it, which the first line of the view will tell.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// How `carrierctl` is called from here.
fn carrierctl() -> String {
    let beside = std::env::current_exe().ok().map(|own| own.with_file_name("carrierctl"));
    match beside {
        Some(beside) if beside.is_file() => {
            let here = std::env::current_dir().unwrap_or_default();
            beside.strip_prefix(here).unwrap_or(&beside).display().to_string()
        }
        _ if std::env::var_os("CARGO").is_some() => "cargo run --release --bin carrierctl --".to_owned(),
        _ => "carrierctl".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_told_with_a_way_out() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = taken.local_addr().unwrap();
        let told = ensure_free(address).unwrap_err().to_string();
        assert!(told.contains(&address.to_string()) && told.contains("--port-base"), "{told}");
        drop(taken);
    }
}
