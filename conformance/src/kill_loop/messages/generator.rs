//! Submits continuously, whatever happens to the daemon: what was not answered is asked again under the same key.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use anyhow::Result;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use tokio::sync::watch;

use super::{
    super::told::{Progress, Told},
    traffic::{Traffic, number_of},
};
use crate::{
    api::{self, submit_result::Outcome},
    bench::open_submits,
    rig::Gateway,
};

/// Requests per frame, at most.
const GROUP: usize = 64;
/// Requests that may be unanswered.
const UNANSWERED: usize = 4096;
/// How often it looks whether it owes requests.
const TICK: Duration = Duration::from_millis(5);
/// How long a daemon that is not there is left alone.
const AGAIN: Duration = Duration::from_millis(50);
/// How long an open stream may leave a request unanswered before it is asked again over another.
const PATIENCE: Duration = Duration::from_secs(15);
/// One answered request in so many is asked once more, to see the same answer.
const ASKED_TWICE: u32 = 50;

/// gRPC codes after which the same request is asked again.
const AGAIN_CODES: [tonic::Code; 3] =
    [tonic::Code::ResourceExhausted, tonic::Code::Unavailable, tonic::Code::DeadlineExceeded];

/// Submits `rate` requests a second until `stop` becomes true, then only what is unanswered until all of it is.
pub async fn run(
    traffic: Traffic,
    rate: u32,
    gateway: Gateway,
    stop: watch::Receiver<bool>,
    progress: watch::Sender<Progress>,
) -> Told {
    let mut generator = Generator {
        traffic,
        rate,
        began: Instant::now(),
        stop,
        progress,
        told: Told::default(),
        unanswered: BTreeSet::new(),
        rng: SmallRng::seed_from_u64(0),
    };
    while !generator.is_done() {
        // A stream that breaks says nothing of the requests on it: they are asked again over the next.
        if generator.use_stream(gateway).await.is_err() {
            tokio::time::sleep(AGAIN).await;
        }
    }
    generator.progress.send_replace(Progress { answered: generator.told.accepted.len(), is_done: true });
    generator.told
}

struct Generator {
    traffic: Traffic,
    rate: u32,
    began: Instant,
    stop: watch::Receiver<bool>,
    progress: watch::Sender<Progress>,
    told: Told,
    unanswered: BTreeSet<usize>,
    rng: SmallRng,
}

impl Generator {
    fn is_done(&self) -> bool {
        *self.stop.borrow() && self.unanswered.is_empty()
    }

    async fn use_stream(&mut self, gateway: Gateway) -> Result<()> {
        let (requests, mut results) = open_submits(gateway.connect().await?).await?;
        let mut ticks = tokio::time::interval(TICK);
        let mut credit = 0_usize;
        // What the last stream left open comes first.
        let mut to_send: BTreeSet<usize> = self.unanswered.clone();
        self.told.asked_again += to_send.len() as u64;
        let mut last = Instant::now();
        while !self.is_done() {
            self.make_more(&mut to_send);
            while credit > 0 && !to_send.is_empty() {
                let Ok(place) = requests.try_reserve() else { break };
                let group: Vec<usize> = to_send.iter().copied().take(GROUP.min(credit)).collect();
                credit -= group.len();
                to_send.retain(|number| !group.contains(number));
                let requests = group.into_iter().map(|number| self.traffic.request(number)).collect();
                place.send(api::StreamSubmitMessagesRequest { requests });
            }
            tokio::select! {
                frame = results.message() => {
                    let Some(frame) = frame? else { anyhow::bail!("the stream ended") };
                    last = Instant::now();
                    credit += frame.credit as usize;
                    self.take(frame, &mut to_send);
                }
                _ = ticks.tick() => {
                    if self.unanswered.is_empty() {
                        last = Instant::now();
                    }
                    anyhow::ensure!(last.elapsed() < PATIENCE, "no answer in {PATIENCE:?}");
                }
            }
        }
        Ok(())
    }

    fn make_more(&mut self, to_send: &mut BTreeSet<usize>) {
        if *self.stop.borrow() {
            return;
        }
        let due = (f64::from(self.rate) * self.began.elapsed().as_secs_f64()) as usize;
        while self.told.made < due && self.unanswered.len() < UNANSWERED {
            self.unanswered.insert(self.told.made);
            to_send.insert(self.told.made);
            self.told.made += 1;
        }
        if self.unanswered.len() >= UNANSWERED {
            // What could not be made while the daemon was away is not made up for.
            self.began =
                Instant::now() - Duration::from_secs_f64(self.told.made as f64 / f64::from(self.rate.max(1)));
        }
    }

    fn take(&mut self, frame: api::StreamSubmitMessagesResponse, to_send: &mut BTreeSet<usize>) {
        for result in frame.results {
            let Some(number) = number_of(&result.request_id).filter(|number| *number < self.told.made) else {
                self.told.faults.push(format!("an answer to a request never made: {}", result.request_id));
                continue;
            };
            match result.outcome {
                Some(Outcome::Response(response)) => self.accepted(number, response, to_send),
                Some(Outcome::Error(error)) if AGAIN_CODES.contains(&tonic::Code::from(error.code)) => {
                    self.told.asked_again += 1;
                    to_send.insert(number);
                }
                Some(Outcome::Error(error)) => {
                    self.told.faults.push(format!("{} was refused: {}", result.request_id, error.message));
                    self.unanswered.remove(&number);
                }
                None => {
                    self.told.faults.push(format!("{} has an answer without an outcome", result.request_id))
                }
            }
        }
        self.progress.send_replace(Progress { answered: self.told.accepted.len(), is_done: false });
    }

    fn accepted(
        &mut self,
        number: usize,
        response: api::SubmitMessageResponse,
        to_send: &mut BTreeSet<usize>,
    ) {
        self.unanswered.remove(&number);
        let api::SubmitMessageResponse { message_id, replayed, .. } = response;
        if self.told.accept(number, message_id, replayed)
            && !replayed
            && self.rng.random_ratio(1, ASKED_TWICE)
        {
            self.unanswered.insert(number);
            to_send.insert(number);
            self.told.asked_again += 1;
        }
    }
}
