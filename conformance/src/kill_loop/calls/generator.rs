//! Asks for calls continuously, whatever happens to the daemon: what was not answered is asked again under the same key.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tonic::transport::Channel;

use super::{
    super::told::{Progress, Told},
    traffic::{Traffic, request_id},
    words::is_absence,
};
use crate::api::{self, call_service_client::CallServiceClient};

/// Requests that may be unanswered.
const UNANSWERED: usize = 512;
/// How often it looks whether it owes requests.
const TICK: Duration = Duration::from_millis(5);
/// How long a daemon that is not there is left alone.
const AGAIN: Duration = Duration::from_millis(50);
/// How long an answer may take before the request is asked again.
const PATIENCE: Duration = Duration::from_secs(15);

/// Asks for `rate` calls a second until `stop` becomes true, then only for what is unanswered until all of it is.
pub async fn run(
    traffic: Traffic,
    rate: u32,
    channel: Channel,
    stop: watch::Receiver<bool>,
    progress: watch::Sender<Progress>,
) -> Told {
    let mut told = Told::default();
    let mut asked = FuturesUnordered::new();
    let mut repeated = FuturesUnordered::new();
    let mut began = Instant::now();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let stops = *stop.borrow();
        let due = (f64::from(rate) * began.elapsed().as_secs_f64()) as usize;
        while !stops && told.made < due && asked.len() < UNANSWERED {
            asked.push(ask(traffic, told.made, Duration::ZERO, channel.clone()));
            told.made += 1;
        }
        if asked.len() >= UNANSWERED {
            // What could not be made while the daemon was away is not made up for.
            began = Instant::now() - Duration::from_secs_f64(told.made as f64 / f64::from(rate.max(1)));
        }
        let is_done = stops && asked.is_empty() && repeated.is_empty();
        progress.send_replace(Progress { answered: told.accepted.len(), is_done });
        if is_done {
            return told;
        }
        tokio::select! {
            Some(answered) = asked.next() => {
                let number = take(&mut told, answered);
                if let Some((number, after)) = number.and_then(|one| Some((one, traffic.asks_again(one)?))) {
                    told.asked_again += 1;
                    repeated.push(ask(traffic, number, after, channel.clone()));
                }
            }
            Some(answered) = repeated.next() => {
                if let Ok(Answer { number, response, .. }) = &answered
                    && !response.replayed
                {
                    told.faults.push(format!("{} was answered before and is placed again", request_id(*number)));
                }
                take(&mut told, answered);
            }
            _ = ticks.tick() => {}
        }
    }
}

/// What a request was answered in the end.
struct Answer {
    number: usize,
    response: api::CreateCallResponse,
    /// How often it had been asked without an answer.
    unanswered: u64,
}

/// A request that was refused: its number and why.
type Refused = (usize, tonic::Status);

/// Asks until there is an answer.
async fn ask(traffic: Traffic, number: usize, after: Duration, channel: Channel) -> Result<Answer, Refused> {
    sleep(after).await;
    let mut client = CallServiceClient::new(channel);
    let mut unanswered = 0;
    loop {
        match timeout(PATIENCE, client.create_call(traffic.request(number))).await {
            Ok(Ok(response)) => return Ok(Answer { number, response: response.into_inner(), unanswered }),
            Ok(Err(status)) if !is_absence(&status) => return Err((number, status)),
            Ok(Err(_)) => sleep(AGAIN).await,
            Err(_) => {}
        }
        unanswered += 1;
    }
}

/// Takes an answer down; gives the number of a request that was accepted.
fn take(told: &mut Told, answered: Result<Answer, Refused>) -> Option<usize> {
    match answered {
        Ok(Answer { number, response, unanswered }) => {
            told.asked_again += unanswered;
            told.accept(number, response.call_id, response.replayed).then_some(number)
        }
        Err((number, status)) => {
            told.faults.push(format!("{} was refused: {}", request_id(number), status.message()));
            None
        }
    }
}
