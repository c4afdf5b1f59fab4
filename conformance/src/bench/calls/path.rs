//! The ways of a call that are measured beside each other, and one play of each: everything in it is started anew.

use std::{
    fs,
    net::SocketAddr,
    path::Path as File,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;

use super::generator::{CALLEE, CALLER, Generator};
use crate::{
    bench::figures::Latency,
    daemon::Daemon,
    kamailio::{Kamailio, Proxy},
    loopback::{Transport, free_port},
    sipp::{Counts, Play, Sipp},
    subject::{Programs, Subject},
};

/// How long the last calls of a load may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Calls that somebody answers who is not told how many there will be.
const MANY: u32 = i32::MAX as u32;

/// A way of a call. Each call is INVITE, 100, 180, 200, ACK, BYE, 200, over UDP, and lasts no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Path {
    /// sipp calls sipp. Measured: the one that answers.
    Direct,
    /// sipp calls sipp through Kamailio as a stateful proxy with Record-Route.
    Proxy,
    /// The platform calls sipp through the daemon, and hangs up.
    Outgoing,
    /// sipp calls the platform through the daemon, and hangs up.
    Incoming,
    /// As outgoing, and the simulator answers instead of sipp.
    Simulated,
    /// The simulator's own load, answered by the simulator. Measured: the one that answers.
    Simulator,
}

impl Path {
    /// What is measured.
    #[must_use]
    pub fn subject(self) -> &'static str {
        match self {
            Self::Direct => "sipp (UAS)",
            Self::Proxy => "Kamailio",
            Self::Outgoing | Self::Incoming | Self::Simulated => "carrierd",
            Self::Simulator => "carrier-sim",
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "sipp > sipp",
            Self::Proxy => "sipp > Kamailio > sipp",
            Self::Outgoing => "platform > carrierd > sipp",
            Self::Incoming => "sipp > carrierd > platform",
            Self::Simulated => "platform > carrierd > carrier-sim",
            Self::Simulator => "carrier-sim > carrier-sim",
        }
    }

    /// Programs of others that it needs.
    #[must_use]
    pub fn needs(self) -> &'static [&'static str] {
        match self {
            Self::Direct | Self::Outgoing | Self::Incoming => &["sipp"],
            Self::Proxy => &["sipp", "kamailio"],
            Self::Simulated | Self::Simulator => &[],
        }
    }
}

/// One play.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Calls a second.
    pub rate: u32,
    /// How long calls are placed.
    pub seconds: u32,
    /// How long the subject is measured on after the last call, so that what calls leave behind counts too.
    pub rest: Duration,
}

impl Pace {
    fn calls(self) -> u32 {
        self.rate.saturating_mul(self.seconds)
    }
}

/// What came of a play.
#[derive(Debug, Clone, Serialize)]
pub struct Played {
    /// Calls a second, asked for.
    pub rate: u32,
    /// Calls.
    pub calls: u32,
    /// Calls that failed, and whatever else was wrong.
    pub failed: usize,
    /// From the first call to the end of the last, seconds.
    pub seconds: f64,
    /// Messages that sipp sent again, where it called.
    pub repeated: Option<usize>,
    /// Processor seconds of the subject per 1000 calls.
    pub cpu_seconds_per_1000: f64,
    /// The most memory that the daemon held.
    pub peak_mib: Option<f64>,
    /// Request for a call to its reply: it is durable.
    pub to_accept: Option<Latency>,
    /// Request for a call to the event of its answer.
    pub to_answer: Option<Latency>,
    /// What was wrong.
    pub faults: Vec<String>,
}

impl Played {
    /// No call failed, and they went as fast as asked.
    #[must_use]
    pub fn went_well(&self) -> bool {
        // The last calls may take a while; a second for it and a twentieth of the time.
        let due = f64::from(self.calls) / f64::from(self.rate.max(1));
        self.failed == 0 && self.seconds <= due * 1.05 + 1.0
    }

    fn of(pace: Pace, cpu: Duration, took: Duration) -> Self {
        Self {
            rate: pace.rate,
            calls: pace.calls(),
            failed: 0,
            seconds: took.as_secs_f64(),
            repeated: None,
            cpu_seconds_per_1000: cpu.as_secs_f64() * 1e3 / f64::from(pace.calls().max(1)),
            peak_mib: None,
            to_accept: None,
            to_answer: None,
            faults: Vec::new(),
        }
    }

    fn counted(pace: Pace, cpu: Duration, counts: &Counts) -> Self {
        let missing = (pace.calls() as usize).saturating_sub(counts.good + counts.failed);
        let failed = counts.failed + missing;
        let faults = if failed > 0 { vec![format!("{failed} calls of sipp failed")] } else { Vec::new() };
        Self { failed, faults, repeated: Some(counts.repeated), ..Self::of(pace, cpu, counts.took) }
    }
}

/// What plays need.
#[derive(Debug)]
pub struct Stage<'a> {
    /// Ours.
    pub programs: &'a Programs,
    /// Processes of Kamailio that read datagrams.
    pub workers: usize,
    /// For files of a play.
    pub folder: &'a File,
}

impl Stage<'_> {
    /// Plays calls on a way.
    ///
    /// # Errors
    /// When a process does not start, or a stream breaks.
    pub async fn play(&self, path: Path, pace: Pace) -> Result<Played> {
        let played = match path {
            Path::Direct => direct(pace).await,
            Path::Proxy => self.proxy(pace).await,
            Path::Outgoing => {
                let callee = answering()?;
                self.outgoing(pace, callee.address()).await
            }
            Path::Incoming => self.incoming(pace).await,
            Path::Simulated => {
                let (_carrier, address) = self.carrier()?;
                self.outgoing(pace, address).await
            }
            Path::Simulator => self.simulator(pace).await,
        };
        played.with_context(|| format!("{} at {} calls/s", path.name(), pace.rate))
    }

    async fn proxy(&self, pace: Pace) -> Result<Played> {
        let callee = answering()?;
        let proxy = Kamailio::start(&Proxy { workers: Some(self.workers), ..Proxy::to(callee.address()) })?;
        let before = proxy.cpu()?;
        let counts = load(pace, proxy.address()).await?;
        tokio::time::sleep(pace.rest).await;
        Ok(Played::counted(pace, proxy.cpu()?.saturating_sub(before), &counts))
    }

    async fn outgoing(&self, pace: Pace, carrier: SocketAddr) -> Result<Played> {
        let daemon = Daemon::start(&self.programs.daemon, &configuration(free_port()?, carrier)).await?;
        let generator = Generator::open(daemon.gateway()).await?;
        let before = daemon.subject().cpu()?;
        let run = generator.run(pace.calls() as usize, Some(pace.rate)).await;
        let run = run.with_context(|| daemon.last_words())?;
        tokio::time::sleep(pace.rest).await;
        let cpu = daemon.subject().cpu()?.saturating_sub(before);
        Ok(Played {
            failed: run.failed,
            peak_mib: Some(peak_mib(&daemon)?),
            to_accept: Some(Latency::of(&run.to_accept)),
            to_answer: Some(Latency::of(&run.to_answer)),
            faults: run.faults,
            ..Played::of(pace, cpu, run.ended_in)
        })
    }

    async fn incoming(&self, pace: Pace) -> Result<Played> {
        let port = free_port()?;
        let nobody = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let daemon = Daemon::start(&self.programs.daemon, &configuration(port, nobody)).await?;
        let generator = Generator::open(daemon.gateway()).await?;
        let before = daemon.subject().cpu()?;
        let load = load(pace, SocketAddr::from(([127, 0, 0, 1], port)));
        let (counts, run) = tokio::join!(load, generator.run(pace.calls() as usize, None));
        let (counts, run) = (counts?, run.with_context(|| daemon.last_words())?);
        tokio::time::sleep(pace.rest).await;
        let cpu = daemon.subject().cpu()?.saturating_sub(before);
        let called = Played::counted(pace, cpu, &counts);
        Ok(Played {
            failed: called.failed + run.failed,
            peak_mib: Some(peak_mib(&daemon)?),
            faults: [called.faults, run.faults].concat(),
            ..called
        })
    }

    /// A simulated carrier that answers every call.
    fn carrier(&self) -> Result<(Subject, SocketAddr)> {
        let scenario = self.folder.join("calls.toml");
        fs::write(
            &scenario,
            "[[carrier]]\nname = \"carrier\"\nprotocol = \"sip\"\nrecord_messages = false\ncapacity = 100000\n",
        )?;
        let (carrier, listening) = Subject::simulator(&self.programs.simulator, &scenario, 1, None)?;
        Ok((carrier, listening[0].1))
    }

    async fn simulator(&self, pace: Pace) -> Result<Played> {
        let (carrier, address) = self.carrier()?;
        let before = carrier.cpu()?;
        let mut command = Command::new(&self.programs.simulator);
        command
            .args(["call", "--to", &address.to_string(), "--from", CALLER, "--number", CALLEE])
            .args(["--rate", &pace.rate.to_string(), "--calls", &pace.calls().to_string()])
            .stderr(Stdio::inherit());
        let output = tokio::task::spawn_blocking(move || command.output()).await?;
        let output = output.context("carrier-sim call can't be started")?;
        let report: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("carrier-sim call's own words ({})", output.status))?;
        let failed = report["failed"].as_u64().context("how many calls failed")?;
        let took = Duration::from_secs_f64(report["seconds"].as_f64().unwrap_or(0.0));
        tokio::time::sleep(pace.rest).await;
        let cpu = carrier.cpu()?.saturating_sub(before);
        let faults = if failed > 0 { vec![report.to_string()] } else { Vec::new() };
        Ok(Played { failed: failed as usize, faults, ..Played::of(pace, cpu, took) })
    }
}

async fn direct(pace: Pace) -> Result<Played> {
    let callee = answering()?;
    let before = callee.cpu()?;
    let counts = load(pace, callee.address()).await?;
    tokio::time::sleep(pace.rest).await;
    Ok(Played::counted(pace, callee.cpu()?.saturating_sub(before), &counts))
}

/// sipp that answers every call.
fn answering() -> Result<Sipp> {
    Sipp::answer_load(&Play { calls: MANY, ..Play::once("load/uas", Transport::Udp) })
}

/// Calls of sipp.
async fn load(pace: Pace, to: SocketAddr) -> Result<Counts> {
    let play = Play { calls: pace.calls(), rate: pace.rate, ..Play::once("load/uac", Transport::Udp) };
    let sipp = Sipp::load(&play, to)?;
    let within = Duration::from_secs(pace.seconds.into()) * 2 + PATIENCE;
    tokio::task::spawn_blocking(move || sipp.finish_load(within)).await?
}

fn peak_mib(daemon: &Daemon) -> Result<f64> {
    Ok(daemon.subject().peak_memory()? as f64 / f64::from(1 << 20))
}

/// One trunk to `carrier`, with room for whatever rate is tried: a call's transactions live on for 32 s after it.
fn configuration(port: u16, carrier: SocketAddr) -> String {
    let (host, gateway) = (carrier.ip(), carrier.port());
    format!(
        "[calls]\nmax_open = 100000\n\n[sip]\nlisten = [\"udp:127.0.0.1:{port}\"]\n\n\
         [sip.limits]\ntransactions = 1000000\n\n\
         [[trunk]]\nid = \"carrier\"\nprotocol = \"sip\"\nmax_calls = 100000\n\
         gateway = [{{ host = \"{host}\", port = {gateway}, transport = \"udp\" }}]\n\
         callers = {{ authorisation = \"bench\", numbers = [\"{CALLER}\"] }}\nprobe = {{ interval = \"0s\" }}\n"
    )
}
