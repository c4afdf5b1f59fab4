//! What became of every call: each one that was accepted or came in is in exactly one place, ended or still open.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Instant,
};

use jiff::Timestamp;

use crate::{
    demo::{
        measure::{Delays, PerSecond, share},
        picture::{Line, Tone, between, reason},
    },
    domain::mask,
    grpc::api::{self, CallCause, CallState},
};

/// Calls that are listed at most.
const LISTED: usize = 100;

/// How many calls are where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CallTotals {
    /// Open since an earlier run, or ended since.
    pub carried: u64,
    /// Placed in this run and accepted.
    pub placed: u64,
    /// Came in in this run.
    pub inbound: u64,
    /// Not accepted: they count nowhere else.
    pub refused: u64,
    /// Ended after an answer.
    pub completed: u64,
    /// Ended without one.
    pub unanswered: u64,
    /// Open when a daemon ended: how they ended is not known.
    pub lost: u64,
    /// Not ended.
    pub open: u64,
}

impl CallTotals {
    /// All that ended.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.completed + self.unanswered + self.lost
    }

    /// All that are to be accounted for.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.carried + self.placed + self.inbound
    }

    /// Every call is accounted for.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.all() == self.ended() + self.open
    }

    /// Of those that ended and are known of, the share that was answered.
    #[must_use]
    pub fn answer_ratio(&self) -> Option<f64> {
        share(self.completed, self.completed + self.unanswered)
    }
}

/// A call that was seen, for the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its id.
    pub call_id: String,
    /// When it was placed, or came in.
    pub since: Timestamp,
    /// The other side's number, masked.
    pub who: String,
    /// It came in.
    pub inbound: bool,
    /// Its state.
    pub state: CallState,
    /// Why it ended; unspecified: it has not.
    pub cause: CallCause,
    /// When it was answered.
    pub answered: Option<Timestamp>,
}

/// All calls of this run, and those that an earlier one left open.
#[derive(Debug, Default)]
pub struct CallLedger {
    totals: CallTotals,
    /// Placed, and neither answered for nor heard of yet: whom they call, and since when.
    offered: HashMap<String, (String, Timestamp)>,
    open: HashMap<String, Seen>,
    /// The newest, by id, open or ended.
    newest: VecDeque<Seen>,
    causes: BTreeMap<&'static str, u64>,
    begun: u64,
    /// Calls begun, second by second.
    pub rate: PerSecond,
    /// From being placed to the answer.
    pub answers: Delays,
}

impl CallLedger {
    /// How many calls are where.
    #[must_use]
    pub fn totals(&self) -> CallTotals {
        self.totals
    }

    /// Nothing is open, and nothing waits to be accepted.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.open.is_empty() && self.offered.is_empty()
    }

    /// The ids of those that are open.
    #[must_use]
    pub fn open(&self) -> Vec<String> {
        self.open.keys().cloned().collect()
    }

    /// The newest calls, the newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Seen> {
        self.newest.iter()
    }

    /// Why calls ended, the most frequent first.
    #[must_use]
    pub fn causes(&self) -> Vec<(&'static str, u64)> {
        let mut causes: Vec<_> = self.causes.iter().map(|(cause, count)| (*cause, *count)).collect();
        causes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        causes
    }

    /// A second has passed.
    pub fn note_second(&mut self) {
        self.rate.note(self.begun);
    }

    /// A call is about to be placed.
    pub fn offered(&mut self, request: &api::CreateCallRequest, at: Timestamp) {
        let callee = request.call.as_ref().map_or("", |call| call.callee.as_str());
        self.offered.insert(request.request_id.clone(), (mask(callee), at));
    }

    /// The daemon has answered for it. The event of its end may have come before.
    pub fn answered_for(&mut self, request_id: &str, call_id: Result<&str, ()>) {
        let Some((who, since)) = self.offered.remove(request_id) else { return };
        match call_id {
            Ok(call_id) => self.begin(call_id, who, since, false),
            Err(()) => self.totals.refused += 1,
        }
    }

    /// Somebody calls. Gives back its line.
    pub fn came_in(&mut self, inbound: &api::InboundCall, at: Timestamp) -> Option<Line> {
        if self.open.contains_key(&inbound.call_id) {
            return None;
        }
        self.begin(&inbound.call_id, mask(&inbound.caller), at, true);
        Some(Line {
            at,
            tone: Tone::Inbound,
            who: mask(&inbound.caller),
            what: "calls".to_owned(),
            trunk: inbound.trunk_id.clone(),
            reason: format!("to {}", mask(&inbound.callee)),
            segments: 0,
            took: None,
        })
    }

    /// A call moved. Gives back the line of its end.
    pub fn moved(&mut self, moved: &api::CallStateEvent, at: Timestamp, now: Instant) -> Option<Line> {
        if !self.open.contains_key(&moved.call_id) {
            match self.offered.remove(&moved.request_id) {
                Some((who, since)) => self.begin(&moved.call_id, who, since, false),
                None => self.carry(moved, at),
            }
        }
        let state = moved.state();
        let seen = self.open.get_mut(&moved.call_id)?;
        if state == CallState::InProgress && seen.answered.is_none() {
            seen.answered = Some(at);
            if let Some(delay) = between(seen.since, at) {
                self.answers.note(now, delay);
            }
        }
        seen.state = state;
        seen.cause = moved.cause();
        let seen = seen.clone();
        if let Some(listed) = self.newest.iter_mut().find(|listed| listed.call_id == seen.call_id) {
            listed.clone_from(&seen);
        }
        moved.r#final.then(|| self.end(&seen, moved, at))
    }

    /// A call that the daemon is asked for at the end.
    pub fn look(&mut self, call: &api::Call, at: Timestamp, now: Instant) {
        let record = call.record.clone().unwrap_or_default();
        let moved = api::CallStateEvent {
            call_id: call.call_id.clone(),
            state: call.state().into(),
            r#final: record.cause() != CallCause::Unspecified,
            status: call.status.clone(),
            cause: record.cause,
            ..api::CallStateEvent::default()
        };
        self.moved(&moved, at, now);
    }

    fn begin(&mut self, call_id: &str, who: String, since: Timestamp, inbound: bool) {
        self.begun += 1;
        if inbound {
            self.totals.inbound += 1;
        } else {
            self.totals.placed += 1;
        }
        let state = if inbound { CallState::Initiated } else { CallState::Queued };
        self.list(Seen {
            call_id: call_id.to_owned(),
            since,
            who,
            inbound,
            state,
            cause: CallCause::Unspecified,
            answered: None,
        });
    }

    /// A call of an earlier run, or of somebody else.
    fn carry(&mut self, moved: &api::CallStateEvent, at: Timestamp) {
        self.totals.carried += 1;
        self.list(Seen {
            call_id: moved.call_id.clone(),
            since: at,
            who: "another's".to_owned(),
            inbound: moved.request_id.is_empty(),
            state: moved.previous_state(),
            cause: CallCause::Unspecified,
            answered: None,
        });
    }

    fn list(&mut self, seen: Seen) {
        self.totals.open += 1;
        self.newest.push_front(seen.clone());
        self.newest.truncate(LISTED);
        self.open.insert(seen.call_id.clone(), seen);
    }

    fn end(&mut self, seen: &Seen, moved: &api::CallStateEvent, at: Timestamp) -> Line {
        self.open.remove(&seen.call_id);
        let state = moved.state();
        let totals = &mut self.totals;
        totals.open -= 1;
        let (counter, tone) = match state {
            CallState::Completed => (&mut totals.completed, Tone::Good),
            CallState::Lost => (&mut totals.lost, Tone::Bad),
            CallState::Failed => (&mut totals.unanswered, Tone::Bad),
            _ => (&mut totals.unanswered, Tone::Odd),
        };
        *counter += 1;
        *self.causes.entry(cause_name(moved.cause())).or_default() += 1;
        let words = match reason(moved.status.as_ref()).as_str() {
            "" => cause_name(moved.cause()).to_owned(),
            words => words.to_owned(),
        };
        let talked = seen.answered.and_then(|answered| between(answered, at));
        Line {
            at,
            tone,
            who: seen.who.clone(),
            what: state_name(state).to_owned(),
            trunk: moved.trunk_id.clone(),
            reason: if talked.is_some() { format!("talked, {words}") } else { words },
            segments: 0,
            took: talked.or_else(|| between(seen.since, at)),
        }
    }
}

/// A state in a word.
#[must_use]
pub fn state_name(state: CallState) -> &'static str {
    match state {
        CallState::Unspecified => "offered",
        CallState::Queued => "queued",
        CallState::Initiated => "calling",
        CallState::Ringing => "ringing",
        CallState::EarlyMedia => "early media",
        CallState::InProgress => "talking",
        CallState::Completed => "completed",
        CallState::Busy => "busy",
        CallState::NoAnswer => "no answer",
        CallState::Rejected => "rejected",
        CallState::Canceled => "canceled",
        CallState::Failed => "failed",
        CallState::Bridged => "bridged",
        CallState::Lost => "lost",
    }
}

/// A cause in a word.
#[must_use]
fn cause_name(cause: CallCause) -> &'static str {
    match cause {
        CallCause::Unspecified => "open",
        CallCause::Normal => "normal",
        CallCause::Cancelled => "cancelled",
        CallCause::NoAnswer => "no answer",
        CallCause::Busy => "busy",
        CallCause::Rejected => "rejected",
        CallCause::Unallocated => "no such number",
        CallCause::Unreachable => "unreachable",
        CallCause::Suspended => "suspended",
        CallCause::InvalidNumber => "invalid number",
        CallCause::Barred => "barred",
        CallCause::AuthFailed => "auth failed",
        CallCause::NoRoute => "no route",
        CallCause::Congestion => "congestion",
        CallCause::NetworkFailure => "network failure",
        CallCause::Timeout => "no response",
        CallCause::Transport => "no connection",
        CallCause::Media => "media",
        CallCause::Protocol => "protocol",
        CallCause::Redirected => "redirected",
        CallCause::Elsewhere => "elsewhere",
        CallCause::SessionExpired => "session expired",
        CallCause::MediaTimeout => "media timeout",
        CallCause::MaxDuration => "max duration",
        CallCause::Lost => "lost",
        CallCause::Unknown => "unknown",
    }
}

#[cfg(test)]
pub mod tests {
    use std::time::Duration;

    use super::*;

    const AT: Timestamp = Timestamp::UNIX_EPOCH;

    fn later(seconds: i64) -> Timestamp {
        AT + jiff::SignedDuration::from_secs(seconds)
    }

    fn moved(call: &str, request: &str, state: CallState, cause: CallCause) -> api::CallStateEvent {
        api::CallStateEvent {
            call_id: call.into(),
            request_id: request.into(),
            state: state.into(),
            r#final: cause != CallCause::Unspecified,
            cause: cause.into(),
            trunk_id: "sip".into(),
            ..Default::default()
        }
    }

    fn place(ledger: &mut CallLedger, request: &str) {
        let call = api::CallRequest { callee: "+8613800138000".into(), ..Default::default() };
        let request = api::CreateCallRequest { request_id: request.into(), call: Some(call) };
        ledger.offered(&request, AT);
    }

    /// A ledger with something of everything.
    pub fn sample(now: Instant) -> CallLedger {
        let mut ledger = CallLedger::default();
        ledger.note_second();
        for (number, state, cause) in [
            (1, CallState::Completed, CallCause::Normal),
            (2, CallState::Completed, CallCause::Normal),
            (3, CallState::Busy, CallCause::Busy),
            (4, CallState::Ringing, CallCause::Unspecified),
        ] {
            let (call, request) = (format!("c{number}"), format!("r{number}"));
            place(&mut ledger, &request);
            ledger.answered_for(&request, Ok(&call));
            if state == CallState::Completed {
                let answered = moved(&call, &request, CallState::InProgress, CallCause::Unspecified);
                ledger.moved(&answered, later(2), now);
            }
            ledger.moved(&moved(&call, &request, state, cause), later(9), now);
        }
        ledger.note_second();
        ledger
    }

    #[test]
    fn a_call_is_open_until_it_ends_and_its_line_says_how() {
        let mut ledger = CallLedger::default();
        let now = Instant::now();
        place(&mut ledger, "r1");
        assert!(!ledger.is_settled() && ledger.totals() == CallTotals::default());
        ledger.answered_for("r1", Ok("c1"));
        let answered = moved("c1", "r1", CallState::InProgress, CallCause::Unspecified);
        assert_eq!(ledger.moved(&answered, later(3), now), None);
        assert_eq!(ledger.totals(), CallTotals { placed: 1, open: 1, ..CallTotals::default() });
        let line = ledger
            .moved(&moved("c1", "r1", CallState::Completed, CallCause::Normal), later(10), now)
            .expect("its end");
        assert_eq!((line.what.as_str(), line.took), ("completed", Some(Duration::from_secs(7))));
        assert!(line.who.contains("****") && line.tone == Tone::Good, "{line:?}");
        assert_eq!(ledger.totals(), CallTotals { placed: 1, completed: 1, ..CallTotals::default() });
        assert_eq!(ledger.answers.percentiles(now).map(|both| both.p50), Some(Duration::from_secs(3)));
        assert!(ledger.is_settled());
    }

    #[test]
    fn an_event_that_outruns_the_answer_counts_once() {
        let mut ledger = CallLedger::default();
        let now = Instant::now();
        place(&mut ledger, "r1");
        ledger.moved(&moved("c1", "r1", CallState::Failed, CallCause::NoRoute), AT, now);
        ledger.answered_for("r1", Ok("c1"));
        assert_eq!(ledger.totals(), CallTotals { placed: 1, unanswered: 1, ..CallTotals::default() });
        place(&mut ledger, "r2");
        ledger.answered_for("r2", Err(()));
        assert_eq!(ledger.totals().refused, 1);
        assert!(ledger.totals().is_balanced());
    }

    #[test]
    fn a_call_that_an_earlier_run_left_is_told_as_lost() {
        let mut ledger = CallLedger::default();
        let lost = moved("c0", "old", CallState::Lost, CallCause::Lost);
        let line = ledger.moved(&lost, AT, Instant::now()).expect("its end");
        assert_eq!((line.what.as_str(), line.tone), ("lost", Tone::Bad));
        assert_eq!(ledger.totals(), CallTotals { carried: 1, lost: 1, ..CallTotals::default() });
        assert_eq!(ledger.totals().answer_ratio(), None, "nobody knows");
    }

    #[test]
    fn causes_and_the_answer_ratio_are_those_of_ended_calls() {
        let ledger = sample(Instant::now());
        assert_eq!(ledger.causes(), [("normal", 2), ("busy", 1)]);
        let ratio = ledger.totals().answer_ratio().expect("some ended");
        assert!((ratio - 2.0 / 3.0).abs() < 1e-9);
        let newest: Vec<_> = ledger.newest().map(|seen| (seen.call_id.as_str(), seen.state)).collect();
        assert_eq!(newest[..2], [("c4", CallState::Ringing), ("c3", CallState::Busy)]);
        assert!(ledger.totals().is_balanced());
    }
}
