//! Calls under fire, both ways: what was asked and told, what the carriers saw, and what the daemon says at the end.

mod evidence;
mod generator;
mod record;
mod traffic;
mod words;

use std::{
    collections::HashMap,
    fmt::Write as _,
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt, stream};
use tokio::sync::watch;
use tonic::transport::Channel;

use self::{
    evidence::Evidence,
    record::Seen,
    traffic::{CALLER, TRUNKS, Traffic, called_numbers, scripts},
};
use super::{
    ASKED_AT_ONCE, END, LIFE, Options, QUIET, Verdict, consumer, fire, told::Progress, wait_for_quiet,
};
use crate::{
    api::{self, call_service_client::CallServiceClient},
    rig::Rig,
    subject::{self, Programs},
};

/// Calls per second, where nothing else is wanted.
const RATE: u32 = 40;

/// Puts calls on the daemon while it is killed, and accounts for each.
pub(super) async fn kill_and_judge(
    options: &Options,
    seed: u64,
    programs: Programs,
    folder: &Path,
) -> Result<Verdict> {
    let record = folder.join("record.ndjson");
    let rate = options.rate.unwrap_or(RATE);
    let port = subject::free_port()?;
    let scenario = scenario_of(seed, rate, options.kills, port)?;
    let mut rig = Rig::of_texts(programs, folder, &scenario, &[1, 1], Some(&record), |carriers| {
        configuration(carriers, port)
    })?;
    rig.start_daemon()?;
    rig.wait_until_bound().await?;
    consumer::subscribe(rig.gateway()).await?;

    let traffic = Traffic::new(seed);
    let channel = rig.gateway().connect().await?;
    let (stop, stopped) = watch::channel(false);
    let (hang_up, hung_up) = watch::channel(false);
    let (progress, mut answered) = watch::channel(Progress::default());
    let (count, events) = watch::channel(0);
    let generator = tokio::spawn(generator::run(traffic, rate, channel.clone(), stopped, progress));
    let platform = channel.clone();
    let react = move |event: &api::Event| {
        for word in traffic.react(event) {
            // It ends by itself: a word is said only so often.
            drop(tokio::spawn(word.say(platform.clone())));
        }
    };
    let consumer = tokio::spawn(consumer::run(rig.gateway(), hung_up, count, react));

    let kills = fire(&mut rig, options, seed, || {
        let (answers, heard) = (answered.borrow_and_update().answered, *events.borrow());
        format!("{answers} answered, {heard} events so far")
    })
    .await?;
    stop.send_replace(true);
    let all_answered = answered.wait_for(|progress| progress.is_done);
    tokio::time::timeout(END, all_answered).await.context("not every request was answered in the end")??;
    let told = generator.await?;
    wait_for_quiet(events).await;
    wait_until_calls_are_over(channel.clone()).await?;
    let seen = wait_until_carriers_are_done(&record).await?;
    hang_up.send_replace(true);
    let heard = consumer.await?;
    let calls = ask(channel, Evidence::ids(&told, &heard)).await?;
    rig.simulator.terminate()?;

    let mut verdict = Evidence { told, heard, seen, calls, kills: kills.times.clone() }.judge();
    kills.note(&mut verdict);
    Ok(verdict)
}

/// Two carriers that treat calls by number and call themselves, until about the last kill. Calls of the second do not end
/// by themselves once they are answered, nor do many of those to either.
fn scenario_of(seed: u64, rate: u32, kills: u32, port: u16) -> Result<String> {
    let per_second = f64::from(rate) / 4.0;
    let count = (per_second * (LIFE.1.mul_f64(f64::from(kills) / 2.0)).as_secs_f64()).ceil();
    let mut text = format!("seed = {seed}\n");
    let numbers = called_numbers();
    for (index, trunk) in TRUNKS.into_iter().enumerate() {
        // A trunk knows its carrier by its address.
        let host = format!("127.0.0.{}", index + 1);
        writeln!(text, "\n[[carrier]]\nname = \"{trunk}\"\nprotocol = \"sip\"\n{}", scripts(trunk))?;
        writeln!(text, "udp = [\"{host}:0\"]\ntcp = [\"{host}:0\"]")?;
        writeln!(text, "[carrier.calls]\nper_second = {per_second:?}\ncount = {count}")?;
        writeln!(
            text,
            "target = {{ address = \"127.0.0.1:{port}\" }}\nfrom = [\"+8613800138000\"]\nto = {numbers:?}"
        )?;
        writeln!(text, "give_up = {{ from = \"1s\", to = \"12s\" }}")?;
        match index {
            0 => writeln!(text, "hold = {{ mean = \"4s\" }}")?,
            _ => writeln!(text, "script = \"restless caller\"")?,
        }
    }
    Ok(text)
}

fn configuration(carriers: &[(String, SocketAddr)], port: u16) -> Result<String> {
    let mut text = format!(
        "[calls]\nanswer_deadline = \"4s\"\n\n[sip]\nlisten = [\"udp:127.0.0.1:{port}\", \"tcp:127.0.0.1:{port}\"]\n"
    );
    for trunk in TRUNKS {
        let carrier = carriers.iter().find(|(name, _)| name == trunk);
        let (_, address) = carrier.with_context(|| format!("the simulator has no carrier {trunk}"))?;
        let (host, port) = (address.ip(), address.port());
        writeln!(text, "\n[[trunk]]\nid = \"{trunk}\"\nprotocol = \"sip\"\nmax_calls = 5000")?;
        writeln!(text, "failover_statuses = [503]")?;
        writeln!(text, "gateway = [{{ host = \"{host}\", port = {port}, transport = \"{trunk}\" }}]")?;
        writeln!(text, "callers = {{ authorisation = \"proof\", numbers = [\"{CALLER}\"] }}")?;
        writeln!(text, "probe = {{ interval = \"5s\", interval_down = \"1s\" }}")?;
    }
    Ok(text)
}

/// Waits until the daemon holds no call.
async fn wait_until_calls_are_over(channel: Channel) -> Result<()> {
    let mut client = CallServiceClient::new(channel);
    let began = Instant::now();
    loop {
        let active =
            client.list_active_calls(api::ListActiveCallsRequest::default()).await?.into_inner().calls;
        let Some(first) = active.first() else { return Ok(()) };
        ensure!(began.elapsed() < END, "calls do not end, such as {}", first.call_id);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Waits until no carrier holds a call, or nothing changes of those that it holds for longer than any of SIP's timers.
async fn wait_until_carriers_are_done(record: &Path) -> Result<Seen> {
    let mut unchanged = 0;
    let mut open = usize::MAX;
    loop {
        let seen = Seen::read(record)?;
        let now = seen.open().count();
        unchanged = if now < open { 0 } else { unchanged + 1 };
        // Two such pauses are longer than 64 times the first retransmission.
        if now == 0 || unchanged == 2 {
            return Ok(seen);
        }
        open = now;
        tokio::time::sleep(QUIET).await;
    }
}

/// Asks the daemon for every call.
async fn ask(channel: Channel, ids: impl IntoIterator<Item = String>) -> Result<HashMap<String, api::Call>> {
    let client = CallServiceClient::new(channel);
    let questions = ids.into_iter().map(|call_id| {
        let mut client = client.clone();
        async move {
            let request = api::GetCallRequest { call_id: call_id.clone(), ..Default::default() };
            match client.get_call(request).await {
                Ok(response) => Ok(response.into_inner().call.map(|call| (call_id, call))),
                Err(status) if status.code() == tonic::Code::NotFound => Ok(None),
                Err(status) => Err(status),
            }
        }
    });
    let mut answers = stream::iter(questions).buffer_unordered(ASKED_AT_ONCE);
    let mut calls = HashMap::new();
    while let Some(answer) = answers.next().await {
        calls.extend(answer?);
    }
    Ok(calls)
}
