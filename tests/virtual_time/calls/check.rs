//! What holds of every run: of what the platform is told, of what carriers see, and of both together.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::{Duration, Instant},
};

use carrierd::domain::{CallId, CallMoved, CallRecord, CallState, Event, Payload};
use codecs::sip::Method;

use super::{
    bed::{CALLS, RATE},
    world::Line,
};

/// How long an INVITE without any response counts as a call, and one that was cancelled without its end.
const FORGOTTEN: Duration = Duration::from_secs(32);

/// What was told of one call.
#[derive(Debug, Default)]
struct Story {
    inbound: usize,
    moves: Vec<CallMoved>,
    records: Vec<CallRecord>,
}

/// Each call has one end and one record, and is told in order.
pub fn stories(accepted: &[CallId], events: &[Event]) -> Vec<CallRecord> {
    let mut stories: BTreeMap<CallId, Story> = BTreeMap::new();
    for (event, sequence) in events.iter().zip(1_u64..) {
        assert_eq!(event.id.sequence, sequence, "the log has a gap");
        match &event.payload {
            Payload::Call(moved) => stories.entry(moved.call_id).or_default().moves.push((**moved).clone()),
            Payload::InboundCall(call) => stories.entry(call.call_id).or_default().inbound += 1,
            Payload::CallRecord(record) => {
                stories.entry(record.call_id).or_default().records.push((**record).clone());
            }
            _ => {}
        }
    }
    for id in accepted {
        assert!(stories.contains_key(id), "{id} was accepted, and nothing is told of it");
    }
    let accepted: BTreeSet<_> = accepted.iter().collect();
    for (id, story) in &stories {
        let is_ours = usize::from(!accepted.contains(id));
        assert_eq!(story.inbound, is_ours, "{id} begins once: {story:?}");
        check_moves(story);
    }
    stories.into_values().flat_map(|story| story.records).collect()
}

fn check_moves(story: &Story) {
    let mut before = None;
    for (moved, sequence) in story.moves.iter().zip(1 + story.inbound as u32..) {
        assert_eq!(moved.sequence, sequence, "numbers have gaps: {story:?}");
        assert!(before.is_none_or(|before| before == moved.previous), "{story:?}");
        assert!(rank(moved.previous) <= rank(moved.state), "a state goes back: {story:?}");
        before = Some(moved.state);
    }
    let last = story.moves.last().expect("an end");
    assert!(last.state.is_final() && story.moves.iter().filter(|moved| moved.state.is_final()).count() == 1);
    let [record] = &story.records[..] else { panic!("{} records: {story:?}", story.records.len()) };
    let told = (last.state, last.cause, last.sequence);
    assert_eq!(told, (record.state, Some(record.cause), record.sequence), "{story:?}");
    let answered = story.moves.iter().any(|moved| moved.state == CallState::InProgress);
    assert_eq!(record.times.answer.is_some(), answered, "{story:?}");
}

/// Ringing and early media are two facts, in either order.
fn rank(state: CallState) -> usize {
    match state {
        CallState::Queued => 0,
        CallState::Initiated => 1,
        CallState::Ringing | CallState::EarlyMedia => 2,
        CallState::InProgress => 3,
        _ => 4,
    }
}

/// A call as the wire shows it.
#[derive(Debug, Clone, Copy)]
struct Seen {
    life: u32,
    heard: bool,
    since: Instant,
    cancelled: Option<Instant>,
}

/// No carrier is sent more calls in a second, or at once, than its contract allows.
pub fn limits(lines: &[Line]) {
    let mut begun: HashMap<usize, Vec<(Instant, u32)>> = HashMap::new();
    let mut open: HashMap<usize, BTreeMap<String, Seen>> = HashMap::new();
    let mut seen = BTreeSet::new();
    for line in lines {
        let open = open.entry(line.carrier).or_default();
        open.retain(|_, one| {
            let is_over = |since: Instant| line.at.duration_since(since) >= FORGOTTEN;
            one.life == line.life && (one.heard || !is_over(one.since)) && !one.cancelled.is_some_and(is_over)
        });
        let message = &line.message;
        let call_id = call_id(line);
        let cseq = message.cseq().expect("a CSeq");
        match (message.status(), cseq.method, line.is_sent) {
            (None, Method::Invite, true) if message.to().is_ok_and(|to| to.tag().is_none()) => {
                if !seen.insert(call_id.clone()) {
                    continue;
                }
                let begun = begun.entry(line.carrier).or_default();
                begun.push((line.at, line.life));
                let within = |one: &&(Instant, u32)| {
                    one.1 == line.life && line.at.duration_since(one.0) < Duration::from_secs(1)
                };
                let most = begun.iter().filter(within).count();
                assert!(most <= RATE, "{most} calls in a second to carrier {}", line.carrier);
                let one = Seen { life: line.life, heard: false, since: line.at, cancelled: None };
                open.insert(call_id, one);
                assert!(open.len() <= CALLS, "{} calls at once with carrier {}", open.len(), line.carrier);
            }
            (None, Method::Cancel, true) => {
                if let Some(one) = open.get_mut(&call_id) {
                    one.cancelled.get_or_insert(line.at);
                }
            }
            (None, Method::Bye, _) => _ = open.remove(&call_id),
            // Of the first INVITE, not of one in mid-call.
            (Some(300..), Method::Invite, false)
                if cseq.number == 1 && message.to().is_ok_and(|to| to.tag().is_some()) =>
            {
                open.remove(&call_id);
            }
            (Some(_), Method::Invite, false) => {
                if let Some(one) = open.get_mut(&call_id) {
                    one.heard = true;
                }
            }
            // An answer of ours to a call that came in.
            (Some(200..300), Method::Invite, true) if seen.insert(call_id.clone()) => {
                let one = Seen { life: line.life, heard: true, since: line.at, cancelled: None };
                open.insert(call_id, one);
                assert!(open.len() <= CALLS, "{} calls at once with carrier {}", open.len(), line.carrier);
            }
            _ => {}
        }
    }
}

/// What a crash left open was ended on the wire, where its state was durable and nobody had ended it before.
pub fn lost(records: &[CallRecord], lines: &[Line]) {
    for record in records.iter().filter(|record| record.state == CallState::Lost) {
        let of_call: Vec<_> = lines.iter().filter(|line| call_id(line) == record.sip_call_id).collect();
        let Some(first) = of_call.first() else { continue };
        let (before, after): (Vec<&Line>, Vec<&Line>) =
            of_call.iter().copied().partition(|line| line.life == first.life);
        let is = |line: &Line, method| line.message.method() == Some(method);
        let method = if record.times.answer.is_some() { Method::Bye } else { Method::Cancel };
        let was_over = before.iter().any(|line| {
            let is_final = line.message.status().is_some_and(|status| status >= 200) && !line.is_sent;
            is(line, Method::Bye) || (method == Method::Cancel && is_final)
        });
        // Nobody but its caller cancels a call that came in.
        let is_theirs = method == Method::Cancel && !first.is_sent;
        // It had ended there, and waited for another trunk.
        let waited = record.attempts.last().is_some_and(|attempt| attempt.end.is_some());
        if was_over || is_theirs || (method == Method::Cancel && waited) {
            continue;
        }
        assert!(after.iter().any(|line| line.is_sent && is(line, method)), "no {method} for {record:?}");
    }
}

fn call_id(line: &Line) -> String {
    String::from_utf8_lossy(line.message.call_id().expect("a Call-ID")).into_owned()
}
