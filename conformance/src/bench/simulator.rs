//! The simulator alone, under its own loader: it must never be what limits a measurement.

use std::{
    fs,
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde_json::Value;

use crate::{
    rig::Protocol,
    subject::{Programs, Subject},
};

/// How the simulator is measured.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Messages in all.
    #[arg(long, default_value_t = 200_000)]
    pub messages: u64,
    /// Links of the loader.
    #[arg(long, default_value_t = 2)]
    pub links: u32,
    /// Unanswered submits per link.
    #[arg(long, default_value_t = 256)]
    pub window: u32,
    /// What it speaks.
    #[arg(long, value_enum, default_value = "smpp34")]
    pub protocol: Protocol,
    /// Use the programs beside this one instead of building them.
    #[arg(long)]
    pub no_build: bool,
}

/// Runs one carrier on one thread, loads it, and prints what came of it; fails when a receipt is missing.
///
/// # Errors
/// When a process does not start or fails.
pub fn run(options: &Options) -> Result<ExitCode> {
    let programs = if options.no_build { Programs::beside_us()? } else { Programs::build()? };
    let folder = tempfile::tempdir().context("a folder for the run")?;
    let scenario = folder.path().join("scenario.toml");
    let protocol = options.protocol.name();
    fs::write(
        &scenario,
        format!(
            "[[carrier]]\nname = \"carrier\"\nprotocol = \"{protocol}\"\nwindow = {0}\nsubmit_window = {0}\n\
             [[carrier.account]]\nsystem_id = \"901234\"\npassword = \"s3cret\"\n",
            options.window
        ),
    )?;
    let (simulator, listening) = Subject::simulator(&programs.simulator, &scenario, 1, None)?;
    let before = simulator.cpu()?;
    let loaded = Command::new(&programs.simulator)
        .args(["load", "--to", &listening[0].1.to_string(), "--protocol", protocol])
        .args(["--account", "901234", "--password", "s3cret", "--links", &options.links.to_string()])
        .args(["--window", &options.window.to_string(), "--messages", &options.messages.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .context("carrier-sim load can't be started")?;
    ensure!(loaded.status.success(), "carrier-sim load: {}", loaded.status);
    let report: Value = serde_json::from_slice(&loaded.stdout).context("carrier-sim's own words")?;
    let cpu = simulator.cpu()?.saturating_sub(before).as_secs_f64();
    println!("loader                          {report}");
    println!(
        "simulator                       {:.4} CPU s per 1000",
        cpu * 1e3 / options.messages.max(1) as f64
    );
    println!(
        "simulator                       {:.0} messages per CPU second",
        options.messages as f64 / cpu.max(1e-9)
    );
    let (accepted, deliveries) = (report["accepted"].as_u64(), report["deliveries"].as_u64());
    let complete = accepted == Some(options.messages) && deliveries == Some(options.messages);
    if !complete {
        println!("FAULT not every message was accepted and reported");
    }
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
