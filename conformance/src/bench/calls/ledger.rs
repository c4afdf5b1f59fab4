//! Every call's account: what the events told of it, and what they should have told.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use hdrhistogram::Histogram;

use crate::api::{self, event::Payload, stream_events_response::Frame as Told};
use crate::bench::account::{Faults, histogram, note};

/// What is to be done about an event.
#[derive(Debug, PartialEq, Eq)]
pub enum Due {
    /// A call was answered: hang it up.
    Hangup(String),
    /// Somebody calls: ring and answer.
    Answer(String),
}

/// What was told of one call.
#[derive(Debug, Default)]
struct Account {
    /// The sequence of its final event; 0: none yet.
    ended: u64,
    /// The sequence of its record; 0: none yet.
    recorded: u64,
}

/// All calls of a load.
pub struct Ledger {
    calls: usize,
    accounts: HashMap<String, Account>,
    /// When each call of ours was asked for.
    asked: Vec<Instant>,
    /// Calls that will never be told of, because they were refused.
    refused: usize,
    completed: usize,
    last_end: Instant,
    to_accept: Histogram<u64>,
    to_answer: Histogram<u64>,
    faults: Faults,
}

/// What came of a load.
pub struct Run {
    /// First call to the last final event.
    pub ended_in: Duration,
    /// Request to reply, microseconds.
    pub to_accept: Histogram<u64>,
    /// Request to the event that tells the answer, microseconds.
    pub to_answer: Histogram<u64>,
    /// How many faults there were.
    pub failed: usize,
    /// What was wrong, as far as it is told in full.
    pub faults: Vec<String>,
}

impl Ledger {
    /// An account for so many calls.
    pub fn new(calls: usize) -> Result<Self> {
        let now = Instant::now();
        Ok(Self {
            calls,
            accounts: HashMap::with_capacity(calls),
            asked: Vec::with_capacity(calls),
            refused: 0,
            completed: 0,
            last_end: now,
            to_accept: histogram()?,
            to_answer: histogram()?,
            faults: Faults::default(),
        })
    }

    /// Every call is accounted for.
    pub fn is_complete(&self) -> bool {
        self.completed + self.refused >= self.calls
    }

    /// Calls asked for so far.
    pub fn asked(&self) -> usize {
        self.asked.len()
    }

    /// A call is asked for now; gives its number.
    pub fn ask(&mut self) -> usize {
        self.asked.push(Instant::now());
        self.asked.len() - 1
    }

    /// What came of the request.
    pub fn answered(&mut self, number: usize, outcome: Result<(), tonic::Status>) {
        match outcome {
            Ok(()) => note(&mut self.to_accept, self.asked[number].elapsed()),
            Err(status) => {
                self.refused += 1;
                self.faults.note(format!("call {number} was refused: {}", status.message()));
            }
        }
    }

    /// A word about a call was refused.
    pub fn contradicted(&mut self, status: &tonic::Status) {
        self.faults.note(format!("a word about a call was refused: {}", status.message()));
    }

    /// Takes a frame of events; gives what is to be done and, in `owed`, what is to be acked.
    pub fn take(&mut self, frame: api::StreamEventsResponse, owed: &mut Vec<String>) -> Result<Vec<Due>> {
        let batch = match frame.frame {
            Some(Told::Batch(batch)) => batch,
            Some(Told::Closing(closing)) => bail!("the daemon closes: {}", closing.reason),
            Some(Told::AckConfirmation(_)) | None => return Ok(Vec::new()),
        };
        let mut due = Vec::new();
        for event in batch.events {
            owed.push(event.event_id);
            match event.payload {
                Some(Payload::CallState(moved)) => due.extend(self.moved(event.sequence, moved)),
                Some(Payload::CallRecord(record)) => self.recorded(event.sequence, record.call_id),
                Some(Payload::InboundCall(call)) => due.push(Due::Answer(call.call_id)),
                _ => {}
            }
        }
        Ok(due)
    }

    fn moved(&mut self, sequence: u64, moved: api::CallStateEvent) -> Option<Due> {
        if moved.state() == api::CallState::InProgress {
            // Those that came in are hung up by who called.
            let asked = number_of(&moved.request_id).and_then(|number| self.asked.get(number))?;
            note(&mut self.to_answer, asked.elapsed());
            return Some(Due::Hangup(moved.call_id));
        }
        if !moved.r#final {
            return None;
        }
        if moved.state() != api::CallState::Completed {
            let (state, cause) = (moved.state().as_str_name(), moved.cause().as_str_name());
            self.faults.note(format!("call {} ended as {state}, {cause}", moved.call_id));
        }
        let account = self.accounts.entry(moved.call_id).or_default();
        let is_new = account.ended == 0;
        if is_new {
            account.ended = sequence;
        } else if account.ended != sequence {
            self.faults.note("a call has two final events".to_owned());
        }
        self.completed += usize::from(is_new && account.recorded != 0);
        None
    }

    fn recorded(&mut self, sequence: u64, call_id: String) {
        let account = self.accounts.entry(call_id).or_default();
        let is_new = account.recorded == 0;
        if is_new {
            account.recorded = sequence;
            self.last_end = Instant::now();
        } else if account.recorded != sequence {
            self.faults.note("a call has two records".to_owned());
        }
        self.completed += usize::from(is_new && account.ended != 0);
    }

    /// Ends the account; what is missing is a fault.
    pub fn close(mut self) -> Run {
        let missing = self.calls - self.completed.min(self.calls) - self.refused.min(self.calls);
        if missing > 0 {
            self.faults.note(format!("{missing} calls have no final event with a record"));
        }
        let began = self.asked.first().copied().unwrap_or(self.last_end);
        Run {
            ended_in: self.last_end.saturating_duration_since(began),
            to_accept: self.to_accept,
            to_answer: self.to_answer,
            failed: self.faults.count(),
            faults: self.faults.into_told(),
        }
    }
}

/// The key of a call of ours.
pub fn request_id(number: usize) -> String {
    format!("bench-{number}")
}

fn number_of(request_id: &str) -> Option<usize> {
    request_id.strip_prefix("bench-")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(sequence: u64, payload: Payload) -> api::StreamEventsResponse {
        let event = api::Event {
            event_id: format!("0-{sequence}"),
            sequence,
            payload: Some(payload),
            ..Default::default()
        };
        api::StreamEventsResponse { frame: Some(Told::Batch(api::EventBatch { events: vec![event] })) }
    }

    fn moved(state: api::CallState) -> Payload {
        Payload::CallState(api::CallStateEvent {
            call_id: "c".into(),
            request_id: request_id(0),
            state: state.into(),
            r#final: state != api::CallState::InProgress,
            ..Default::default()
        })
    }

    fn record() -> Payload {
        Payload::CallRecord(api::CallRecord { call_id: "c".into(), ..Default::default() })
    }

    #[test]
    fn a_call_is_good_with_one_final_event_and_one_record() {
        let (mut ledger, mut owed) = (Ledger::new(1).unwrap(), Vec::new());
        ledger.ask();
        let due = ledger.take(frame(1, moved(api::CallState::InProgress)), &mut owed).unwrap();
        assert_eq!(due, [Due::Hangup("c".into())]);
        for _ in 0..2 {
            ledger.take(frame(2, moved(api::CallState::Completed)), &mut owed).unwrap();
        }
        assert!(!ledger.is_complete());
        for _ in 0..2 {
            ledger.take(frame(3, record()), &mut owed).unwrap();
        }
        assert!(ledger.is_complete());
        let run = ledger.close();
        assert_eq!((run.failed, run.faults.len(), owed.len()), (0, 0, 5));
    }

    #[test]
    fn what_is_told_twice_missing_or_bad_is_a_fault() {
        let (mut ledger, mut owed) = (Ledger::new(2).unwrap(), Vec::new());
        ledger.ask();
        ledger.ask();
        for sequence in [1, 2] {
            ledger.take(frame(sequence, moved(api::CallState::Failed)), &mut owed).unwrap();
        }
        for sequence in [3, 4] {
            ledger.take(frame(sequence, record()), &mut owed).unwrap();
        }
        // Two that failed, a second end, a second record, one call that is missing.
        assert_eq!(ledger.close().failed, 5);
    }
}
