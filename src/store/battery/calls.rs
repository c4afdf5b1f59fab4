//! Calls: accepted once, moved, ended once, found again.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::bench::*;
use crate::{
    domain::{
        Call, CallId, CallMoved, CallProgress, CallRecord, CallState, Cause, DialogSnapshot, Event, Evidence,
        Ladder, LadderLine, Payload, RequestKey, Rung, testing,
    },
    store::{CallAccepted, CallChange, CallKey, CallNow, LeftCalls, NewCall, Retained, StoredCall},
};

const DAY: Duration = Duration::from_secs(86_400);

fn new_call(request: &str) -> NewCall {
    let call = testing::call(|call| {
        call.request_id = request.into();
        call.tenant_id = "acme".into();
        call.accept_time = now();
    });
    NewCall { call: Arc::new(call), digest: [1; 16] }
}

fn moved(call: &Call, sequence: u32, state: CallState) -> Event {
    let moved = CallMoved {
        call_id: call.id,
        request_id: call.request_id.clone(),
        sequence,
        previous: CallState::Queued,
        state,
        trunk_id: Some(trunk()),
        sdp: None,
        dtmf: String::new(),
        cause: state.is_final().then_some(Cause::Busy),
        evidence: Evidence::default(),
    };
    Event::about_call(call, Payload::Call(Box::new(moved)), now())
}

fn progress(call: &Call, state: CallState) -> CallProgress {
    let dialog = DialogSnapshot { placement: 1, trunk_id: trunk(), octets: vec![7] };
    CallProgress { state, sequence: 1, dialogs: vec![dialog], ..CallProgress::new(call.direction) }
}

fn goes_on(call: &Arc<Call>, sequence: u32, state: CallState) -> CallChange {
    CallChange {
        call: call.clone(),
        to: CallNow::Open(progress(call, state)),
        told: vec![moved(call, sequence, state)],
    }
}

fn ladder() -> Ladder {
    let rung = Rung {
        time: Timestamp::from_second(1_772_366_400).unwrap(),
        sent: true,
        remote: "UDP 192.0.2.1:5060".into(),
        line: LadderLine::Request("INVITE".into()),
        cseq: 1,
        has_sdp: true,
        note: "".into(),
        again: false,
    };
    Ladder { rungs: vec![rung], left_out: 0 }
}

fn ends(call: &Arc<Call>, sequence: u32) -> CallChange {
    let record =
        CallRecord { state: CallState::Busy, cause: Cause::Busy, sequence, ..CallRecord::of(call, now()) };
    CallChange {
        call: call.clone(),
        to: CallNow::Ended(Box::new(record)),
        told: vec![moved(call, sequence, CallState::Busy)],
    }
}

impl Bench {
    async fn accept_call(&self, new: NewCall) -> Arc<Call> {
        let call = new.call.clone();
        assert_eq!(self.store().accept_calls(vec![new]).await.unwrap(), [CallAccepted::New]);
        call
    }

    async fn record_call(&self, change: CallChange) {
        self.store().record_calls(vec![change]).await.unwrap();
    }

    async fn call(&self, id: CallId) -> Option<StoredCall> {
        self.store().stored_call(CallKey::Id(id)).await.unwrap()
    }

    fn left(&self) -> Vec<CallId> {
        let LeftCalls { open, damaged, .. } = self.store().left_calls().unwrap();
        assert_eq!(damaged, 0);
        open.iter().map(|left| left.call.id).collect()
    }
}

#[tokio::test]
async fn a_call_is_accepted_moves_and_ends_with_one_record() {
    with_a_restart_anywhere(async |bench| {
        let call = bench.accept_call(new_call("r1")).await;
        bench.step();
        assert_eq!(bench.left(), [call.id]);
        bench.record_call(goes_on(&call, 1, CallState::Initiated)).await;
        bench.step();
        let Some(StoredCall::Open(open)) = bench.call(call.id).await else { panic!("not open") };
        assert_eq!((&open.call, open.progress), (&call, progress(&call, CallState::Initiated)));
        bench.record_call(ends(&call, 2)).await;
        bench.step();
        assert!(bench.left().is_empty());
        let said = CallChange { call: call.clone(), to: CallNow::Said(Arc::new(ladder())), told: Vec::new() };
        bench.record_call(said).await;
        bench.step();
        let Some(StoredCall::Ended(ended)) = bench.call(call.id).await else { panic!("not ended") };
        assert_eq!((ended.0.call_id, ended.0.cause, &ended.1), (call.id, Cause::Busy, &ladder()));
        let log = bench.log().await;
        assert!(log.iter().all(|event| event.tenant_id.as_str() == "acme"));
        let [Payload::Call(first), Payload::Call(last), Payload::CallRecord(record)] =
            [&log[0].payload, &log[1].payload, &log[2].payload]
        else {
            panic!("other events")
        };
        assert_eq!((log.len(), first.sequence, last.sequence, record.sequence), (3, 1, 2, 2));
        assert_eq!(**record, ended.0);
    })
    .await;
}

#[tokio::test]
async fn a_request_for_a_call_seen_again_gets_its_first_answer() {
    with_a_restart_anywhere(async |bench| {
        let call = bench.accept_call(new_call("r1")).await;
        bench.step();
        let again = CallAccepted::Replayed { call_id: call.id, accept_time: call.accept_time };
        let other = NewCall { digest: [2; 16], ..new_call("r1") };
        let mut stranger = new_call("r1");
        Arc::make_mut(&mut stranger.call).tenant_id = "other".into();
        let stranger_id = stranger.call.id;
        let answers = bench.store().accept_calls(vec![new_call("r1"), other, stranger]).await.unwrap();
        assert_eq!(answers, [again.clone(), CallAccepted::Mismatch, CallAccepted::New]);
        bench.step();
        bench.record_call(ends(&call, 1)).await;
        bench.step();
        assert_eq!(bench.store().accept_calls(vec![new_call("r1")]).await.unwrap(), [again]);
        assert_eq!(bench.left(), [stranger_id]);
        let key = CallKey::Request(RequestKey { tenant_id: "acme".into(), request_id: "r1".into() });
        let by_request = bench.store().stored_call(key).await.unwrap();
        assert!(matches!(by_request, Some(StoredCall::Ended(ended)) if ended.0.call_id == call.id));
    })
    .await;
}

#[tokio::test]
async fn a_request_for_a_call_and_one_for_a_message_do_not_meet() {
    let bench = Bench::new();
    bench.accept(new("r1")).await;
    bench.accept_call(new_call("r1")).await;
}

#[tokio::test]
async fn a_request_twice_in_one_verb_is_one_call() {
    let bench = Bench::new();
    let (one, two) = (new_call("r1"), new_call("r1"));
    let id = one.call.id;
    let answers = bench.store().accept_calls(vec![one, two]).await.unwrap();
    assert_eq!(answers[0], CallAccepted::New);
    assert!(matches!(answers[1], CallAccepted::Replayed { call_id, .. } if call_id == id));
    assert_eq!(bench.left(), [id]);
}

#[tokio::test]
async fn a_call_that_came_in_is_found_after_a_crash_and_ends_once() {
    with_a_restart_anywhere(async |bench| {
        let call = new_call("").call;
        let came_in = || CallChange {
            call: call.clone(),
            to: CallNow::CameIn(progress(&call, CallState::Initiated)),
            told: vec![moved(&call, 1, CallState::Initiated)],
        };
        bench.record_call(came_in()).await;
        bench.step();
        bench.record_call(came_in()).await;
        assert_eq!(bench.left(), [call.id]);
        bench.step();
        bench.record_call(ends(&call, 2)).await;
        bench.step();
        // Whatever comes late revives nothing and tells nothing.
        bench.record_call(ends(&call, 3)).await;
        bench.record_call(goes_on(&call, 3, CallState::Ringing)).await;
        bench.step();
        assert_eq!(bench.log().await.len(), 3);
        assert!(bench.left().is_empty());
        assert!(matches!(bench.call(call.id).await, Some(StoredCall::Ended(_))));
    })
    .await;
}

#[tokio::test]
async fn what_a_crash_leaves_has_its_dialogs_and_the_last_moment_of_life() {
    let mut bench = Bench::new();
    let call = bench.accept_call(new_call("r1")).await;
    bench.record_call(goes_on(&call, 1, CallState::InProgress)).await;
    assert_eq!(bench.store().left_calls().unwrap().alive, None);
    let time = now();
    bench.store().note_calls_alive(time).await.unwrap();
    bench.restart();
    assert_eq!(bench.recovered.calls, 1);
    let left = bench.store().left_calls().unwrap();
    assert_eq!(left.alive, Some(time));
    assert_eq!(left.open[0].progress.dialogs, progress(&call, CallState::InProgress).dialogs);
}

#[tokio::test]
async fn a_full_disk_takes_no_new_call_and_answers_what_it_knows() {
    let mut bench = Bench::new();
    let call = bench.accept_call(new_call("r1")).await;
    bench.crash();
    bench.config.reserve_octets = u64::MAX;
    bench.open().unwrap();
    assert!(bench.store().accept_calls(vec![new_call("r2")]).await.is_err());
    let answers = bench.store().accept_calls(vec![new_call("r1")]).await.unwrap();
    assert!(matches!(answers[..], [CallAccepted::Replayed { .. }]));
    bench.record_call(ends(&call, 1)).await;
    assert_eq!(bench.log().await.len(), 2);
}

#[tokio::test]
async fn calls_go_with_their_day_unless_one_of_it_is_open() {
    let aged = |request: &str, age: u32| {
        let mut new = new_call(request);
        let time: Timestamp = now() - DAY * age;
        let call = Arc::make_mut(&mut new.call);
        call.id = CallId::numbered(time, u64::from(age));
        call.accept_time = time;
        new
    };
    let bench = Bench::new();
    let mut calls = Vec::new();
    for (request, age) in [("a", 200), ("b", 190), ("c", 10)] {
        let call = bench.accept_call(aged(request, age)).await;
        bench.record_call(ends(&call, 1)).await;
        calls.push(call);
    }
    let open = bench.accept_call(aged("d", 190)).await;
    let told = bench.store().retain(now()).await.unwrap();
    assert_eq!(told, Retained { days: 1, kept_open: 1, ..Retained::default() });
    assert!(bench.call(calls[0].id).await.is_none());
    for kept in [&calls[1], &calls[2], &open] {
        assert!(bench.call(kept.id).await.is_some());
    }
}
