//! Messages under fire: what was asked and told, what the carriers saw, and what the daemon says at the end.

mod evidence;
mod generator;
mod record;
mod traffic;

use std::{collections::HashMap, path::Path};

use anyhow::{Context as _, Result};
use futures_util::{StreamExt, stream};
use tokio::sync::watch;

use self::{
    evidence::Evidence,
    record::Seen,
    traffic::{TENANT, TRUNKS, Traffic, request_id},
};
use super::{ASKED_AT_ONCE, END, Options, Verdict, consumer, fire, told::Progress, wait_for_quiet};
use crate::{
    api::{self, get_message_request::Key, sms_service_client::SmsServiceClient},
    rig::{Carrier, Gateway, Protocol, Rig},
    subject::Programs,
};

/// Requests per second, where nothing else is wanted.
const RATE: u32 = 500;

/// Puts messages on the daemon while it is killed, and accounts for each.
pub(super) async fn kill_and_judge(
    options: &Options,
    seed: u64,
    programs: Programs,
    folder: &Path,
) -> Result<Verdict> {
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
    let (progress, mut answered) = watch::channel(Progress::default());
    let (count, events) = watch::channel(0);
    let generator =
        tokio::spawn(generator::run(traffic, options.rate.unwrap_or(RATE), rig.gateway(), stopped, progress));
    let consumer = tokio::spawn(consumer::run(rig.gateway(), hung_up, count, |_| {}));

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
    let messages = ask(rig.gateway(), told.made).await?;
    hang_up.send_replace(true);
    let heard = consumer.await?;
    rig.simulator.terminate()?;

    let seen = Seen::read(&record)?;
    let mut verdict = Evidence { traffic, told, heard, seen, messages }.judge();
    kills.note(&mut verdict);
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
