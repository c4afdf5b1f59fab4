//! Kills the daemon at random moments under load, again and again, then accounts for every message and every report.
//!
//! The simulator's record is the witness of what reached the carriers; the events and `GetMessage` are what the
//! platform is told. `verdict` compares them.

mod consumer;
mod generator;
mod record;
mod traffic;
mod verdict;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use clap::Args;
use futures_util::{StreamExt, stream};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use tokio::sync::watch;

use self::{
    record::Seen,
    traffic::{TENANT, TRUNKS, Traffic, request_id},
    verdict::{Evidence, Verdict},
};
use crate::{
    api::{self, get_message_request::Key, sms_service_client::SmsServiceClient},
    rig::{Carrier, Gateway, Protocol, Rig},
    subject::Programs,
};

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
    /// Start of every random decision; by default drawn, and printed.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Requests per second.
    #[arg(long, default_value_t = 500)]
    pub rate: u32,
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
    let judged = runtime.block_on(kill_and_judge(options, seed, programs, &folder));
    let is_sound = judged.as_ref().is_ok_and(|verdict| verdict.violations.is_empty());
    if !is_sound && options.data.is_none() {
        println!("store, record and log are kept in {}", temporary.keep().display());
    }
    let verdict = judged?;
    print!("{verdict}");
    println!("seed {seed}");
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A seed that is no other run's.
fn drawn_seed() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::from(since.subsec_nanos()) ^ since.as_secs().wrapping_mul(1_000_003)
}

async fn kill_and_judge(options: &Options, seed: u64, programs: Programs, folder: &Path) -> Result<Verdict> {
    let record = folder.join("record.ndjson");
    // The report window stays far away: what is not known stays open and is told so.
    let messages = "orphan_hold = \"8s\"";
    let mut rig = Rig::new(programs, folder, seed, &carriers(), messages, Some(&record))?;
    rig.start_daemon()?;
    rig.wait_until_bound().await?;
    consumer::subscribe(rig.gateway()).await?;

    let traffic = Traffic::new(seed);
    let (stop, stopped) = watch::channel(false);
    let (hang_up, hung_up) = watch::channel(false);
    let (progress, mut answered) = watch::channel(generator::Progress::default());
    let (count, events) = watch::channel(0);
    let generator = tokio::spawn(generator::run(traffic, options.rate, rig.gateway(), stopped, progress));
    let consumer = tokio::spawn(consumer::run(rig.gateway(), hung_up, count));

    let began = Instant::now();
    let mut rng = SmallRng::seed_from_u64(seed);
    for kill in 1..=options.kills {
        // A long log takes a while to read again: without waiting, a late daemon would never come to work. One in four
        // is still hit while it recovers.
        if !rng.random_ratio(1, HIT_EARLY) {
            rig.wait_until_bound().await?;
        }
        tokio::time::sleep(rng.random_range(LIFE.0..LIFE.1)).await;
        rig.kill_daemon()?;
        rig.start_daemon()?;
        let (answers, heard) = (answered.borrow_and_update().answered, *events.borrow());
        println!("kill {kill:>3}: {answers} answered, {heard} events so far");
    }
    let killed_for = began.elapsed();
    rig.wait_until_bound().await?;
    stop.send_replace(true);
    let all_answered = answered.wait_for(|progress| progress.is_done);
    tokio::time::timeout(END, all_answered).await.context("not every request was answered in the end")??;
    let told = generator.await?;
    wait_for_quiet(events).await;
    let messages = ask(rig.gateway(), told.made).await?;
    hang_up.send_replace(true);
    let heard = consumer.await?;
    rig.simulator.terminate()?;

    let seen = Seen::read(&record)?;
    let mut verdict = Evidence { traffic, told, heard, seen, messages }.judge();
    verdict.note("kills", u64::from(options.kills));
    verdict.note("seconds under fire", killed_for.as_secs());
    Ok(verdict)
}

/// One carrier per protocol. Both refuse some and leave some unanswered; receipts survive every loss of a link.
fn carriers() -> [Carrier; 2] {
    let behaviour = |refusal: u32| {
        format!(
            "answer = {{ delay = {{ from = \"1ms\", to = \"60ms\" }}, silence = 0.01 }}\n\
             receipts = {{ delay = {{ mean = \"300ms\" }}, retries = 1000, on_any_link = true, states = [\n\
             {{ stat = \"DELIVRD\", weight = 9 }}, {{ stat = \"UNDELIV\", weight = 1 }} ] }}\n\
             refuse = [{{ on = \"submit\", ratio = 0.02, status = {refusal} }}]"
        )
    };
    let timers = "[trunk.timers]\nresponse = \"3s\"\nreconnect_min = \"50ms\"\nreconnect_max = \"500ms\"";
    let carrier = |name, protocol, refusal| Carrier {
        name,
        protocol,
        links: 2,
        window: 64,
        behaviour: behaviour(refusal),
        trunk: timers.to_owned(),
    };
    // SMPP 3.4 ESME_RINVDSTADR; CMPP 3.0 CMPP_SUBMIT_RESP Result 4, a wrong message length: neither helps to repeat.
    [carrier(TRUNKS[0], Protocol::Smpp34, 0x0B), carrier(TRUNKS[1], Protocol::Cmpp30, 4)]
}

async fn wait_for_quiet(mut events: watch::Receiver<usize>) {
    let began = Instant::now();
    while began.elapsed() < END {
        if !matches!(tokio::time::timeout(QUIET, events.changed()).await, Ok(Ok(()))) {
            return;
        }
    }
}

/// Asks the daemon for every message.
async fn ask(gateway: Gateway, made: usize) -> Result<HashMap<usize, api::Message>> {
    let client = SmsServiceClient::new(gateway.connect().await?);
    let questions = (0..made).map(|number| {
        let mut client = client.clone();
        async move {
            let key = api::RequestKey { tenant_id: TENANT.to_owned(), request_id: request_id(number) };
            let answer = client.get_message(api::GetMessageRequest { key: Some(Key::RequestKey(key)) }).await;
            match answer {
                Ok(response) => Ok(response.into_inner().message.map(|message| (number, message))),
                Err(status) if status.code() == tonic::Code::NotFound => Ok(None),
                Err(status) => Err(status),
            }
        }
    });
    let mut answers = stream::iter(questions).buffer_unordered(ASKED_AT_ONCE);
    let mut messages = HashMap::with_capacity(made);
    while let Some(answer) = answers.next().await {
        messages.extend(answer?);
    }
    Ok(messages)
}
