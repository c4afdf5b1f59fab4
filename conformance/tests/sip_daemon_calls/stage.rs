//! Plays the rows of a table: a SIPp for each gateway, one daemon with a trunk for each row, all calls at once.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, ensure};
use conformance::{
    api::{CallMessage, CallStateEvent, SdpKind},
    call_subject::{CALLER, CallSubject, sip_trunk_over},
    calls::{Calls, SDP, call_to},
    loopback::{Transport, free_port},
    sipp::{Play, Sipp},
};

use crate::{
    row::{Gateway, Row, Step},
    told,
};

/// Whom the daemon calls.
pub const CALLEE: &str = "+8613800138000";
/// How long one call, or one thing in it, may take: a session that runs out takes a minute, a slow machine another.
const WITHIN: Duration = Duration::from_secs(180);
/// How long SIPp may take after the call's end.
pub const AFTER: Duration = Duration::from_secs(60);
/// How often messages are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Plays every row over each of its transports, and fails with all that went wrong.
pub async fn play(rows: &[Row]) {
    if !Sipp::is_here_or_skip() {
        return;
    }
    let mut scenes = Vec::new();
    for row in rows {
        for transport in row.over {
            scenes.push(Scene::set(row, *transport).unwrap());
        }
    }
    let trunks: String = scenes.iter().enumerate().map(|(index, scene)| scene.trunk(index)).collect();
    let subject = CallSubject::start(&trunks).await.unwrap();
    let calls = subject.calls().await.unwrap();
    let count = scenes.len();
    let played = scenes.into_iter().enumerate().map(|(index, scene)| scene.play(calls.clone(), index));
    let played = futures_util::future::join_all(played).await;
    let failed: Vec<_> = played.into_iter().filter_map(Result::err).map(|told| format!("{told:#}")).collect();
    assert!(failed.is_empty(), "{} of {count} calls failed:\n{}", failed.len(), failed.join("\n\n"));
    assert_eq!(calls.audit().unwrap(), (count, 0));
    subject.stop().unwrap();
}

/// A row with its carrier.
struct Scene<'a> {
    row: &'a Row,
    transport: Transport,
    addresses: Vec<SocketAddr>,
    carriers: Vec<Sipp>,
}

impl<'a> Scene<'a> {
    fn set(row: &'a Row, transport: Transport) -> Result<Self> {
        let (mut addresses, mut carriers) = (Vec::new(), Vec::new());
        for gateway in row.gateways {
            let (scenario, values, counts_repeats) = match gateway {
                Gateway::Plays(scenario, values) => (scenario, *values, false),
                Gateway::Counts(scenario) => (scenario, &[] as _, true),
                Gateway::Nobody => {
                    addresses.push(SocketAddr::from(([127, 0, 0, 1], free_port()?)));
                    continue;
                }
            };
            let scenario = format!("uas/{scenario}");
            let play = Play { counts_repeats, ..Play::once(&scenario, transport).with(values) };
            let carrier = Sipp::answer(&play)?;
            addresses.push(carrier.address());
            carriers.push(carrier);
        }
        Ok(Self { row, transport, addresses, carriers })
    }

    fn trunk(&self, index: usize) -> String {
        let transport = if self.transport == Transport::Udp { "udp" } else { "tcp" };
        let further = format!("probe = {{ interval = \"0s\" }}\n{}", self.row.trunk);
        sip_trunk_over(&trunk_id(index), &self.addresses, transport, &further)
    }

    async fn play(self, calls: Calls, index: usize) -> Result<()> {
        let Self { row, transport, carriers, .. } = self;
        let called = call(row, &calls, &trunk_id(index)).await;
        let judged = tokio::task::spawn_blocking(move || {
            carriers.into_iter().try_for_each(|carrier| carrier.finish(AFTER))
        });
        let judged = judged.await?;
        let what = format!("{:?} over {transport:?}", row.gateways);
        match (called, judged) {
            (Ok(()), judged) => judged.context(what),
            (called, Ok(())) => called.context(what),
            (Err(told), Err(carrier)) => Err(told.context(format!("{carrier:#}")).context(what)),
        }
    }
}

fn trunk_id(index: usize) -> String {
    format!("row-{index}")
}

async fn call(row: &Row, calls: &Calls, trunk_id: &str) -> Result<()> {
    let id = calls.create(call_to(CALLEE, CALLER, trunk_id)).await?;
    let mut version = 1;
    for step in row.steps {
        take(*step, calls, &id, &mut version).await.with_context(|| format!("at {step:?}"))?;
    }
    let ended = calls.ended_within(&id, WITHIN).await?;
    let told: Vec<_> = ended.events.iter().map(told::event).collect();
    let record = told::record(&ended.record);
    let (_, messages) = calls.get(&id).await?;
    let ladder: Vec<_> = messages.iter().map(rung).collect();
    ensure!(
        told == row.told && record == row.record,
        "told   {told:?}\nwanted {:?}\nrecord {record}\nwanted {}\nreasons {:?}\nladder {ladder:#?}",
        row.told,
        row.record,
        ended.record.raw_reasons
    );
    Ok(())
}

async fn take(step: Step, calls: &Calls, id: &str, version: &mut u32) -> Result<()> {
    match step {
        Step::Until(state) => drop(calls.state(id, state).await?),
        Step::HangUp => calls.hang_up(id).await?,
        Step::Press(digits) => calls.press(id, digits).await?,
        Step::Offer(direction) => calls.offer(id, &session(version, direction)).await?,
        Step::Changed(times) => until_told(calls, id, SdpKind::Changed, times).await?,
        Step::Refused(times) => until_told(calls, id, SdpKind::Refused, times).await?,
        Step::Accept(times, direction) => {
            until_told(calls, id, SdpKind::Offer, times).await?;
            calls.accept_offer(id, &session(version, direction)).await?;
        }
        Step::Refuse(times) => {
            until_told(calls, id, SdpKind::Offer, times).await?;
            calls.refuse_offer(id, 0).await?;
        }
        Step::Sent(method, times) => {
            let is_it =
                |message: &&CallMessage| message.sent && message.sip_status == 0 && message.method == method;
            until_said(calls, id, |messages| messages.iter().filter(is_it).count() >= times).await?;
        }
        Step::Heard(status, method) => {
            let is_it = |message: &CallMessage| {
                !message.sent && message.sip_status == status && message.method == method
            };
            until_said(calls, id, |messages| messages.iter().any(is_it)).await?;
        }
    }
    Ok(())
}

/// Waits for so many events with a description of this kind.
async fn until_told(calls: &Calls, id: &str, kind: SdpKind, times: usize) -> Result<()> {
    let seen = std::cell::Cell::new(0);
    // Each look begins at the first event.
    let nth = |event: &CallStateEvent| {
        if event.call_sequence == 1 {
            seen.set(0);
        }
        seen.set(seen.get() + usize::from(event.sdp_kind() == kind));
        (seen.get() == times).then_some(())
    };
    calls.event(id, kind.as_str_name(), nth).await
}

/// Waits until the messages of a call are as wanted.
async fn until_said(calls: &Calls, id: &str, wanted: impl Fn(&[CallMessage]) -> bool) -> Result<()> {
    let look = async {
        loop {
            let (_, messages) = calls.get(id).await?;
            if wanted(&messages) {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(WITHIN, look).await.context("no such message")?
}

/// The platform's session, changed.
fn session(version: &mut u32, direction: &str) -> String {
    *version += 1;
    SDP.replace("4711 1 ", &format!("4711 {version} ")).replace("a=sendrecv", &format!("a={direction}"))
}

fn rung(message: &CallMessage) -> String {
    let way = if message.sent { "->" } else { "<-" };
    let status = if message.sip_status > 0 { format!("{} to ", message.sip_status) } else { String::new() };
    format!("{way} {status}{} {} {}", message.sequence_number, message.method, message.note)
}
