//! Many calls held at once: set up at a rate, half of them by each side, kept alive by session timers, and hung up at the
//! end, half by each side.
//!
//! Told are memory and processor time of the daemon; asked is whether every call lived until it was hung up.

mod figures;

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use futures_util::{StreamExt, stream};
use tokio::time::{interval, sleep, timeout};

pub use self::figures::{Figures, Reading};
use crate::{
    api::CallState,
    call_subject::CALLER,
    calls::{Calls, SDP, call_to},
    rig::Rig,
    subject::{self, Programs},
};

/// The trunk of the rig.
const TRUNK: &str = "carrier";
/// How often it is looked whether all is well.
const LOOK: Duration = Duration::from_secs(2);
/// How much longer than planned calls may take to be set up, or to end.
const LATE: Duration = Duration::from_secs(120);
/// Requests that may be unanswered.
const UNANSWERED: usize = 64;

/// How many calls are held, and how.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Calls in all; half of them are placed by each side.
    #[arg(long, default_value_t = 10_000)]
    pub calls: usize,
    /// Seconds for which all of them are held.
    #[arg(long, default_value_t = 600)]
    pub seconds: u64,
    /// Calls set up and hung up per second, both sides together.
    #[arg(long, default_value_t = 100)]
    pub rate: u32,
    /// Interval of the session timers, seconds, at least 90. Whoever placed a call refreshes it at half of that.
    #[arg(long, default_value_t = 90)]
    pub session: u32,
    /// Use the programs beside this one instead of building them.
    #[arg(long)]
    pub no_build: bool,
    /// Where store and logs lie, and stay; by default a folder that is removed afterwards.
    #[arg(long)]
    pub data: Option<PathBuf>,
}

/// Holds and prints; fails when a call was not set up, or did not live until it was hung up.
///
/// # Errors
/// When a process does not start, or calls can't be set up.
pub fn run(options: &Options) -> Result<ExitCode> {
    let programs = if options.no_build { Programs::beside_us()? } else { Programs::build()? };
    let temporary = tempfile::tempdir().context("a folder for the run")?;
    let folder = options.data.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let figures = runtime.block_on(hold(options, programs, &folder))?;
    print!("{figures}");
    Ok(if figures.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Sets calls up, holds them and hangs them up.
///
/// # Errors
/// As [`run`].
pub async fn hold(options: &Options, programs: Programs, folder: &Path) -> Result<Figures> {
    ensure!(options.rate >= 2 && options.calls >= 2, "at least two calls, and two a second");
    let port = subject::free_port()?;
    let scenario = scenario_of(options, port)?;
    let mut rig = Rig::of_texts(programs, folder, &scenario, &[1], None, |carriers| {
        let (_, address) = carriers.first().context("the simulator has no carrier")?;
        configuration(options, *address, port)
    })?;
    rig.start_daemon()?;
    rig.wait_until_bound().await?;
    let calls = Calls::follow(rig.gateway()).await?;

    let mut faults = Vec::new();
    let before = Reading::of(&rig).await?;
    let began = Instant::now();
    let placed = set_up(options, &calls).await.with_context(|| rig.last_words())?;
    let set_up_in = began.elapsed();
    println!("{} calls are up after {set_up_in:.1?}", options.calls);

    let held = [Reading::of(&rig).await?, keep(options, &rig, &calls).await?];
    let (in_progress, others) = active(&calls).await?;
    if in_progress != options.calls || others > 0 {
        faults.push(format!(
            "{in_progress} calls were answered at the end, {others} not, of {}",
            options.calls
        ));
    }
    let began = Instant::now();
    hang_up(options, &calls, placed).await.with_context(|| rig.last_words())?;
    let hung_up_in = began.elapsed();
    faults.extend(look_at_ends(options, &calls)?);
    let after = Reading::of(&rig).await?;
    Ok(Figures {
        calls: options.calls,
        session: Duration::from_secs(options.session.into()),
        set_up_in,
        hung_up_in,
        before,
        held,
        after,
        faults,
    })
}

/// How long the carrier's calls last: from their answer until all are up, and have been held, and were looked at.
fn length(options: &Options) -> Duration {
    planned(options) + Duration::from_secs(options.seconds) + LATE
}

/// How long it takes to set all calls up, or to hang them up.
fn planned(options: &Options) -> Duration {
    Duration::from_secs_f64(options.calls as f64 / f64::from(options.rate))
}

fn scenario_of(options: &Options, port: u16) -> Result<String> {
    let mut text = format!("[[carrier]]\nname = \"{TRUNK}\"\nprotocol = \"sip\"\nudp = [\"127.0.0.1:0\"]\n");
    // What becomes of single messages does not matter, and there are hundreds of thousands.
    writeln!(text, "record_messages = false\ncapacity = {}", options.calls * 2)?;
    writeln!(text, "session = {{ expires = \"{}s\" }}", options.session)?;
    writeln!(text, "[carrier.calls]\nper_second = {:?}", f64::from(options.rate) / 2.0)?;
    writeln!(text, "count = {}\ntarget = {{ address = \"127.0.0.1:{port}\" }}", options.calls / 2)?;
    writeln!(
        text,
        "from = [\"+8613800138000\"]\nto = [\"{CALLER}\"]\nhold = \"{}s\"",
        length(options).as_secs()
    )?;
    Ok(text)
}

fn configuration(options: &Options, carrier: std::net::SocketAddr, port: u16) -> Result<String> {
    let most = options.calls * 2;
    let mut text = format!("[calls]\nmax_open = {most}\n\n[sip]\nlisten = [\"udp:127.0.0.1:{port}\"]\n\n");
    writeln!(text, "[[trunk]]\nid = \"{TRUNK}\"\nprotocol = \"sip\"\nmax_calls = {most}")?;
    writeln!(text, "gateway = [{{ host = \"{}\", port = {} }}]", carrier.ip(), carrier.port())?;
    writeln!(text, "callers = {{ authorisation = \"hold\", numbers = [\"{CALLER}\"] }}")?;
    writeln!(
        text,
        "session_timer = {{ use = \"offer\", expires = \"{}s\", least = \"90s\" }}",
        options.session
    )?;
    Ok(text)
}

/// Sets all calls up, and gives those that the platform placed.
async fn set_up(options: &Options, calls: &Calls) -> Result<Vec<String>> {
    let incoming = options.calls / 2;
    let answer = async {
        for _ in 0..incoming {
            let call = calls.incoming(|_| true).await?;
            calls.answer(&call.call_id, SDP).await?;
        }
        anyhow::Ok(())
    };
    let (placed, ()) = tokio::try_join!(place(options, calls, options.calls - incoming), answer)?;
    let is_up = async {
        while active(calls).await? != (options.calls, 0) {
            sleep(LOOK).await;
        }
        anyhow::Ok(())
    };
    if let Ok(up) = timeout(LATE, is_up).await {
        return up.map(|()| placed);
    }
    let (in_progress, others) = active(calls).await?;
    bail!("{in_progress} calls were answered in time and {others} were not, of {}", options.calls)
}

/// Places calls at half the rate.
async fn place(options: &Options, calls: &Calls, count: usize) -> Result<Vec<String>> {
    let mut ticks = interval(Duration::from_secs_f64(2.0 / f64::from(options.rate)));
    let mut placed = Vec::with_capacity(count);
    for number in 0..count {
        ticks.tick().await;
        placed.push(calls.create(call_to(&format!("+86138{number:08}"), CALLER, TRUNK)).await?);
    }
    Ok(placed)
}

/// Lets time pass, and gives what is read at its end.
async fn keep(options: &Options, rig: &Rig, calls: &Calls) -> Result<Reading> {
    let began = Instant::now();
    let length = Duration::from_secs(options.seconds);
    let mut told = 0;
    while began.elapsed() < length {
        sleep(LOOK.min(length - began.elapsed())).await;
        let minutes = began.elapsed().as_secs() / 60;
        if minutes > told {
            told = minutes;
            let (ended, open) = calls.audit()?;
            println!("held for {minutes} min: {open} calls are open, {ended} have ended");
        }
    }
    Reading::of(rig).await
}

/// Hangs up what the platform placed, and waits until the carrier has hung up the rest.
async fn hang_up(options: &Options, calls: &Calls, placed: Vec<String>) -> Result<()> {
    let mut ticks = interval(Duration::from_secs_f64(1.0 / f64::from(options.rate)));
    let hang_ups = stream::iter(placed).map(|call_id| async move { calls.hang_up(&call_id).await });
    let mut hang_ups = hang_ups.buffer_unordered(UNANSWERED);
    while let Some(heard) = hang_ups.next().await {
        heard?;
        ticks.tick().await;
    }
    let are_over = async {
        while calls.audit()?.0 < options.calls {
            sleep(LOOK).await;
        }
        anyhow::Ok(())
    };
    let within = planned(options) + LATE + LATE;
    timeout(within, are_over).await.with_context(|| format!("not every call has ended in {within:?}"))?
}

/// Calls that are answered now, and those that are not.
async fn active(calls: &Calls) -> Result<(usize, usize)> {
    let active = calls.active().await?;
    let in_progress = active.iter().filter(|call| call.state() == CallState::InProgress).count();
    Ok((in_progress, active.len() - in_progress))
}

/// What is wrong with calls that have ended.
fn look_at_ends(options: &Options, calls: &Calls) -> Result<Vec<String>> {
    let (ended, open) = calls.audit()?;
    let mut faults = Vec::new();
    if (ended, open) != (options.calls, 0) {
        faults.push(format!("{ended} calls have ended and {open} have not, of {}", options.calls));
    }
    for record in calls.records() {
        let talked =
            record.talk_duration.and_then(|talked| Duration::try_from(talked).ok()).unwrap_or_default();
        if record.final_state() != CallState::Completed || talked.as_secs() < options.seconds {
            let (id, state, cause) =
                (&record.call_id, record.final_state().as_str_name(), record.cause().as_str_name());
            faults.push(format!("{id} is {state}, {cause}, after {talked:.0?}"));
        }
    }
    Ok(faults)
}
