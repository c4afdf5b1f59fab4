//! The generator: submits in groups as credit and rate allow, acks every event, and accounts for each message.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use hdrhistogram::Histogram;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Streaming, transport::Channel};

use super::{
    account::{Faults, histogram, note},
    events::{FRAMES, send_acks, subscribe},
};
use crate::{
    api::{
        self, sms_service_client::SmsServiceClient, stream_events_response::Frame as Told,
        submit_result::Outcome,
    },
    rig::{Gateway, SENDER},
};

/// How long nothing at all may happen.
const STALL: Duration = Duration::from_secs(30);
/// How long surplus events are waited for.
const SURPLUS: Duration = Duration::from_millis(500);
/// How often a paced generator looks whether it owes messages.
const TICK: Duration = Duration::from_millis(2);
/// Whose messages they are. Those of others are none of this load's business.
const TENANT: &str = "bench";

/// How much, how fast.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Messages in all.
    pub messages: usize,
    /// Per second; 0: as fast as they go.
    pub rate: u32,
    /// Messages that may be on their way.
    pub in_flight: usize,
    /// Requests per frame, at most.
    pub group: usize,
}

/// What came of it.
pub struct Run {
    /// First submit to last acceptance.
    pub accepted_in: Duration,
    /// First submit to last final event.
    pub completed_in: Duration,
    /// Microseconds.
    pub to_accept: Histogram<u64>,
    /// Microseconds.
    pub to_event: Histogram<u64>,
    /// What was wrong.
    pub faults: Vec<String>,
}

/// Puts the load on and waits until every message has come back.
///
/// # Errors
/// When a stream breaks, or nothing happens for half a minute.
pub async fn run(load: &Load, gateway: Gateway) -> Result<Run> {
    let channel = gateway.connect().await?;
    let (acks, mut events) = subscribe(channel, &[TENANT], &[api::EventKind::MessageState]).await?;
    let (requests, mut results) = open_submits(gateway.connect().await?).await?;
    let mut ledger = Ledger::new(load)?;
    let mut owed = Vec::new();
    let mut ticks = tokio::time::interval(TICK);
    while !ledger.is_complete() {
        while let Some(group) = ledger.next_group() {
            match requests.try_reserve() {
                Ok(place) => place.send(ledger.make(group)),
                Err(_) => break,
            }
        }
        send_acks(&acks, &mut owed);
        tokio::select! {
            result = results.message() => {
                let frame = result.context("the submit stream")?.context("the submit stream ended")?;
                ledger.take_results(frame);
            }
            told = events.message() => {
                let frame = told.context("the event stream")?.context("the event stream ended")?;
                ledger.take_events(frame, &mut owed)?;
            }
            _ = ticks.tick(), if load.rate > 0 || !owed.is_empty() => {}
            () = tokio::time::sleep(STALL) => bail!("nothing happened for {STALL:?}: {}", ledger.progress()),
        }
    }
    let ended = tokio::time::Instant::now() + SURPLUS;
    while let Ok(told) = tokio::time::timeout_at(ended, events.message()).await {
        ledger.take_events(told?.context("the event stream ended")?, &mut owed)?;
    }
    send_acks(&acks, &mut owed);
    Ok(ledger.close())
}

type Submits = (mpsc::Sender<api::StreamSubmitMessagesRequest>, Streaming<api::StreamSubmitMessagesResponse>);

/// Opens a submit stream.
///
/// # Errors
/// When the daemon refuses it.
pub async fn open_submits(channel: Channel) -> Result<Submits> {
    let (requests, stream) = mpsc::channel(FRAMES);
    let results = SmsServiceClient::new(channel).stream_submit_messages(ReceiverStream::new(stream)).await?;
    Ok((requests, results.into_inner()))
}

/// Every message's account.
struct Ledger {
    load: Load,
    began: Instant,
    sent: Vec<Instant>,
    accepted: usize,
    completed: usize,
    /// The sequence of each message's final event; 0: none yet.
    finals: Vec<u64>,
    credit: usize,
    last_accept: Instant,
    last_event: Instant,
    to_accept: Histogram<u64>,
    to_event: Histogram<u64>,
    faults: Faults,
}

impl Ledger {
    fn new(load: &Load) -> Result<Self> {
        let now = Instant::now();
        Ok(Self {
            load: *load,
            began: now,
            sent: Vec::with_capacity(load.messages),
            accepted: 0,
            completed: 0,
            finals: vec![0; load.messages],
            credit: 0,
            last_accept: now,
            last_event: now,
            to_accept: histogram()?,
            to_event: histogram()?,
            faults: Faults::default(),
        })
    }

    fn is_complete(&self) -> bool {
        self.completed >= self.load.messages
    }

    /// How many requests may go now; `None`: none.
    fn next_group(&self) -> Option<usize> {
        let rate = u64::from(self.load.rate);
        let due = match rate {
            0 => self.load.messages,
            _ => usize::try_from(rate as u128 * self.began.elapsed().as_micros() / 1_000_000)
                .unwrap_or(usize::MAX),
        };
        let sent = self.sent.len();
        let on_their_way = sent - self.completed.min(sent);
        let room = [
            due.min(self.load.messages).saturating_sub(sent),
            self.load.in_flight.saturating_sub(on_their_way),
            self.credit,
            self.load.group,
        ];
        room.into_iter().min().filter(|count| *count > 0)
    }

    fn make(&mut self, count: usize) -> api::StreamSubmitMessagesRequest {
        let now = Instant::now();
        if self.sent.is_empty() {
            self.began = now;
        }
        let first = self.sent.len();
        self.sent.resize(first + count, now);
        self.credit -= count;
        api::StreamSubmitMessagesRequest { requests: (first..first + count).map(request).collect() }
    }

    fn take_results(&mut self, frame: api::StreamSubmitMessagesResponse) {
        self.credit += frame.credit as usize;
        let now = Instant::now();
        for result in frame.results {
            match (index(&result.request_id), result.outcome) {
                (Some(index), Some(Outcome::Response(_))) if index < self.sent.len() => {
                    self.accepted += 1;
                    self.last_accept = now;
                    note(&mut self.to_accept, now - self.sent[index]);
                }
                (_, Some(Outcome::Error(error))) => {
                    // It will have no event: it counts as done, badly.
                    self.completed += 1;
                    self.faults.note(format!("{} was refused: {}", result.request_id, error.message));
                }
                _ => self
                    .faults
                    .note(format!("an answer to a request that was not made: {}", result.request_id)),
            }
        }
    }

    fn take_events(&mut self, frame: api::StreamEventsResponse, owed: &mut Vec<String>) -> Result<()> {
        let batch = match frame.frame {
            Some(Told::Batch(batch)) => batch,
            Some(Told::Closing(closing)) => bail!("the daemon closes: {}", closing.reason),
            Some(Told::AckConfirmation(_)) | None => return Ok(()),
        };
        let now = Instant::now();
        for event in batch.events {
            owed.push(event.event_id);
            let Some(api::event::Payload::MessageState(moved)) = event.payload else { continue };
            if !moved.r#final {
                continue;
            }
            let Some(index) = index(&moved.request_id).filter(|index| *index < self.sent.len()) else {
                self.faults.note(format!("an event about a message that was not sent: {}", moved.request_id));
                continue;
            };
            if moved.state() != api::MessageState::Delivered {
                self.faults.note(format!("{} ended as {}", moved.request_id, moved.state().as_str_name()));
            }
            match self.finals[index] {
                0 => {
                    self.finals[index] = event.sequence;
                    self.completed += 1;
                    self.last_event = now;
                    note(&mut self.to_event, now - self.sent[index]);
                }
                first if first != event.sequence => {
                    self.faults.note(format!(
                        "{} has two final events, {first} and {}",
                        moved.request_id, event.sequence
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn progress(&self) -> String {
        let faults = self.faults.told().join("; ");
        let (sent, accepted, completed) = (self.sent.len(), self.accepted, self.completed);
        format!("{sent} submitted, {accepted} accepted, {completed} completed; {faults}")
    }

    fn close(self) -> Run {
        Run {
            accepted_in: self.last_accept - self.began,
            completed_in: self.last_event - self.began,
            to_accept: self.to_accept,
            to_event: self.to_event,
            faults: self.faults.into_told(),
        }
    }
}

/// The request of a number: a notification of ordinary length, each text and recipient its own.
pub fn request(number: usize) -> api::SubmitMessageRequest {
    let text = format!("Your parcel {number} has arrived. Pick it up at the counter before Friday evening.");
    api::SubmitMessageRequest {
        request_id: format!("bench-{number}"),
        message: Some(api::OutboundMessage {
            tenant_id: TENANT.to_owned(),
            to: format!("138{:08}", number % 100_000_000),
            sender: SENDER.to_owned(),
            content: Some(api::outbound_message::Content::Text(text)),
            category: api::MessageCategory::Notification as i32,
            report_requested: true,
            ..Default::default()
        }),
        validate_only: false,
    }
}

fn index(request_id: &str) -> Option<usize> {
    request_id.strip_prefix("bench-")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(messages: usize) -> Ledger {
        Ledger::new(&Load { messages, rate: 0, in_flight: 4, group: 3 }).unwrap()
    }

    fn accepted(number: usize, credit: u32) -> api::StreamSubmitMessagesResponse {
        let outcome = Some(Outcome::Response(api::SubmitMessageResponse::default()));
        let results = vec![api::SubmitResult { request_id: format!("bench-{number}"), outcome }];
        api::StreamSubmitMessagesResponse { results, credit, closing: None }
    }

    fn ended(number: usize, sequence: u64) -> api::StreamEventsResponse {
        let moved = api::MessageStateEvent {
            request_id: format!("bench-{number}"),
            state: api::MessageState::Delivered as i32,
            r#final: true,
            ..Default::default()
        };
        let payload = Some(api::event::Payload::MessageState(moved));
        let event = api::Event { event_id: format!("0-{sequence}"), sequence, payload, ..Default::default() };
        api::StreamEventsResponse { frame: Some(Told::Batch(api::EventBatch { events: vec![event] })) }
    }

    #[test]
    fn sends_no_more_than_credit_group_and_in_flight_allow() {
        let mut ledger = ledger(10);
        assert_eq!(ledger.next_group(), None);
        ledger.credit = 5;
        assert_eq!(ledger.next_group(), Some(3));
        assert_eq!(ledger.make(3).requests.len(), 3);
        assert_eq!(ledger.next_group(), Some(1));
        ledger.make(1);
        assert_eq!(ledger.next_group(), None);
        ledger.take_events(ended(0, 1), &mut Vec::new()).unwrap();
        assert_eq!(ledger.next_group(), Some(1));
    }

    #[test]
    fn a_second_final_event_is_a_fault_and_a_repeated_one_is_not() {
        let mut ledger = ledger(1);
        ledger.take_results(api::StreamSubmitMessagesResponse { results: vec![], credit: 1, closing: None });
        ledger.make(1);
        ledger.take_results(accepted(0, 1));
        let mut owed = Vec::new();
        ledger.take_events(ended(0, 7), &mut owed).unwrap();
        ledger.take_events(ended(0, 7), &mut owed).unwrap();
        assert!(ledger.faults.count() == 0 && ledger.is_complete());
        ledger.take_events(ended(0, 8), &mut owed).unwrap();
        assert_eq!((ledger.faults.count(), owed.len()), (1, 3));
    }
}
