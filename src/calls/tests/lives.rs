//! Calls from their request to their record.

use std::time::Duration;

use tokio::time::sleep;

use super::bench::*;
use crate::{
    calls::*,
    domain::{CallState, Category, Cause, Sdp, testing},
    store::CallKey,
    trunk::calls::{CallFact, CallOrder, HangupWhy},
};

#[tokio::test(start_paused = true)]
async fn a_call_goes_from_request_to_record() {
    let mut bench = Bench::new(Setup::default());
    let answer = bench.create(asked("r1")).await.unwrap();
    let place = bench.place().await;
    assert_eq!((place.placement.call, place.trunk.as_str()), (answer.call_id, "a"));
    assert_eq!((place.sdp.octets(), bench.slots_taken()), (&b"v=0"[..], 1));
    bench.tell(place.placement, sent()).await;
    bench.tell(place.placement, CallFact::Ringing).await;
    sleep(4 * SECOND).await;
    bench.tell(place.placement, answered()).await;
    sleep(30 * SECOND).await;
    let KnownCall::Open(open, remote, _) = bench.known(answer.call_id).await else { panic!("ended") };
    assert_eq!((open.progress.state, remote), (CallState::InProgress, Some(Sdp::new(b"answer"))));
    bench.tell(place.placement, ended(Cause::Normal)).await;
    let story = bench.story(answer.call_id).await;
    use CallState::{Completed, InProgress, Initiated, Ringing};
    assert_eq!(story.states(), [Initiated, Ringing, InProgress, Completed]);
    let record = story.record();
    assert_eq!((record.talk_duration, record.ring_duration), (30 * SECOND, Some(4 * SECOND)));
    assert!(matches!(bench.known(answer.call_id).await, KnownCall::Ended(_)));
    assert_eq!((bench.slots_taken(), bench.open_on_disk()), (0, 0));
    assert!(bench.calls().list(CallFilter { limit: 10, ..CallFilter::default() }).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_same_request_is_one_call_and_another_under_its_key_is_refused() {
    let mut bench = Bench::new(Setup::default());
    let first = bench.create(asked("r1")).await.unwrap();
    let again = bench.create(asked("r1")).await.unwrap();
    assert_eq!((again.call_id, again.accept_time, again.replayed), (first.call_id, first.accept_time, true));
    let other = CallRequest { digest: [2; 16], ..asked("r1") };
    assert!(matches!(bench.create(other).await, Err(CallRefused::KeyReused)));
    bench.place().await;
    assert!(bench.any_order().await.is_none());
    // Also when it would be refused now.
    bench.set_refusing(true);
    assert!(bench.create(asked("r1")).await.unwrap().replayed);
    assert!(matches!(bench.create(asked("r2")).await, Err(CallRefused::Draining)));
}

#[tokio::test(start_paused = true)]
async fn only_numbers_and_headers_that_a_trunk_permits_come_through() {
    let bench = Bench::new(Setup::default());
    let foreign = asked_as("r1", |call| call.caller = testing::number("10086"));
    assert!(matches!(
        bench.create(foreign).await,
        Err(CallRefused::CallerNotAllowed { field: "caller", .. })
    ));
    let shown = asked_as("r2", |call| call.display_caller = Some(testing::number("10086")));
    assert!(matches!(
        bench.create(shown).await,
        Err(CallRefused::CallerNotAllowed { field: "display_caller", .. })
    ));
    let header = |name: &str| vec![(name.to_owned(), "1".to_owned())];
    let refused = asked_as("r3", |call| call.headers = header("X-Other"));
    assert!(matches!(bench.create(refused).await, Err(CallRefused::HeaderNotAllowed { .. })));
    bench.create(asked_as("r4", |call| call.headers = header("x-order"))).await.unwrap();
    let nowhere = asked_as("r5", |call| call.trunk_ids = vec!["z".into()]);
    assert!(matches!(bench.create(nowhere).await, Err(CallRefused::UnknownTrunk(_))));
    assert_eq!(bench.open_on_disk(), 1);
}

#[tokio::test(start_paused = true)]
async fn as_many_calls_are_open_as_may_be_and_the_next_is_told_to_wait() {
    let mut bench = Bench::new(Setup { max_open: 2, ..Setup::default() });
    let first = bench.placed("r1").await;
    bench.placed("r2").await;
    assert!(matches!(bench.create(asked("r3")).await, Err(CallRefused::Full { max: 2 })));
    bench.tell(first, ended(Cause::Busy)).await;
    settle().await;
    bench.placed("r3").await;
}

#[tokio::test(start_paused = true)]
async fn calls_wait_for_a_slot_in_order_and_the_better_category_first() {
    let mut bench = Bench::new(Setup { max_calls: Some(1), ..Setup::default() });
    let first = bench.placed("r1").await;
    let two = bench.create(asked("r2")).await.unwrap();
    let three = bench.create(asked("r3")).await.unwrap();
    let code = bench.create(asked_as("r4", |call| call.category = Category::Otp)).await.unwrap();
    assert!(bench.any_order().await.is_none());
    let mut on = first;
    for next in [code, two, three] {
        bench.tell(on, ended(Cause::Busy)).await;
        on = bench.place().await.placement;
        assert_eq!(on.call, next.call_id);
    }
    assert_eq!(bench.slots_taken(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_finds_no_slot_in_its_ring_time_ends_and_so_does_one_whose_trunk_is_down() {
    let mut bench = Bench::new(Setup { max_calls: Some(1), ..Setup::default() });
    bench.placed("r1").await;
    let waits = bench.create(asked("r2")).await.unwrap();
    sleep(59 * SECOND).await;
    assert!(bench.story(waits.call_id).await.moves.is_empty());
    sleep(2 * SECOND).await;
    let story = bench.story(waits.call_id).await;
    assert_eq!((story.record().state, story.record().cause), (CallState::Failed, Cause::Congestion));

    bench.set_down(&["a"]);
    let waits = bench.create(asked("r3")).await.unwrap();
    sleep(61 * SECOND).await;
    assert_eq!(bench.story(waits.call_id).await.record().cause, Cause::Transport);
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_a_trunk_that_comes_up() {
    let mut bench = Bench::new(Setup::default());
    bench.set_down(&["a"]);
    let waits = bench.create(asked("r1")).await.unwrap();
    sleep(10 * SECOND).await;
    assert!(bench.any_order().await.is_none());
    bench.set_down(&[]);
    let place = bench.place().await;
    assert_eq!(place.placement.call, waits.call_id);
    assert!(place.ring_left < 51 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn calls_leave_no_faster_than_the_carrier_allows() {
    let mut bench = Bench::new(Setup { calls_per_second: Some(10), ..Setup::default() });
    for number in 0..30 {
        bench.create(asked(&format!("r{number}"))).await.unwrap();
    }
    let begin = tokio::time::Instant::now();
    let mut times = Vec::new();
    for _ in 0..30 {
        bench.place().await;
        times.push(begin.elapsed());
    }
    for (place, time) in times.iter().enumerate() {
        let within = times.iter().filter(|other| **other >= *time && **other < *time + SECOND).count();
        assert!(within <= 10, "{within} in the second from {time:?} on, the {place}th");
    }
    assert!((2 * SECOND..4 * SECOND).contains(times.last().unwrap()), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_asks_for_a_pause_gets_one_and_the_call_goes_elsewhere() {
    let mut bench = Bench::new(Setup { trunks: vec!["a", "b"], ..Setup::default() });
    let first = bench.placed("r1").await;
    bench.tell(first, sent()).await;
    bench.tell(first, busy_here(Some(5 * SECOND))).await;
    let second = bench.place().await;
    assert_eq!((second.placement.number, second.trunk.as_str()), (2, "b"));
    // What comes meanwhile goes to the other one too, and afterwards to the first again.
    bench.create(asked("r2")).await.unwrap();
    assert_eq!(bench.place().await.trunk.as_str(), "b");
    sleep(6 * SECOND).await;
    bench.create(asked("r3")).await.unwrap();
    assert_eq!(bench.place().await.trunk.as_str(), "a");
    bench.tell(second.placement, ended(Cause::Busy)).await;
    let story = bench.story(first.call).await;
    assert_eq!((story.record().state, story.record().attempts.len()), (CallState::Busy, 2));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_failed_on_every_trunk_ends_as_on_the_last() {
    let mut bench = Bench::new(Setup { trunks: vec!["a", "b"], ..Setup::default() });
    let first = bench.placed("r1").await;
    bench.tell(first, ended(Cause::Transport)).await;
    let second = bench.place().await;
    bench.tell(second.placement, ended(Cause::NetworkFailure)).await;
    let story = bench.story(first.call).await;
    assert_eq!(
        (story.record().cause, story.record().trunk_id.clone()),
        (Cause::NetworkFailure, Some("b".into()))
    );
}

#[tokio::test(start_paused = true)]
async fn a_silent_trunk_is_left_for_one_that_has_room() {
    let failover = Failover { post_dial_delay: Some(4 * SECOND), ..Failover::default() };
    let mut bench = Bench::new(Setup { trunks: vec!["a", "b"], failover, ..Setup::default() });
    bench.set_down(&["b"]);
    let first = bench.placed("r1").await;
    bench.tell(first, sent()).await;
    sleep(6 * SECOND).await;
    assert!(bench.any_order().await.is_none(), "no other has room, so it stays");
    bench.set_down(&[]);
    assert!(
        matches!(bench.order().await, CallOrder::Hangup { placement, why: HangupWhy::PostDialDelay } if placement == first)
    );
    let second = bench.place().await.placement;
    bench.tell(second, sent()).await;
    bench.tell(second, answered()).await;
    bench.tell(first, ended(Cause::Cancelled)).await;
    bench.tell(second, ended(Cause::Normal)).await;
    let story = bench.story(first.call).await;
    assert_eq!(story.states(), [CallState::Initiated, CallState::InProgress, CallState::Completed]);
    assert_eq!(story.record().attempts[0].end.as_ref().unwrap().0, Cause::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_call_is_hung_up_in_every_state_and_one_that_has_ended_stays() {
    let mut bench = Bench::new(Setup { max_calls: Some(1), ..Setup::default() });
    let on = bench.placed("r1").await;
    let waits = bench.create(asked("r2")).await.unwrap().call_id;
    let hang_up = || Word::HangUp("enough".into());
    assert_eq!(bench.say(waits, hang_up()).await.unwrap(), CallState::Canceled);
    assert_eq!(bench.story(waits).await.record().cause, Cause::Cancelled);
    bench.tell(on, sent()).await;
    bench.tell(on, answered()).await;
    settle().await;
    assert_eq!(bench.say(on.call, hang_up()).await.unwrap(), CallState::InProgress);
    assert!(
        matches!(bench.order().await, CallOrder::Hangup { why: HangupWhy::Platform(why), .. } if why == "enough")
    );
    bench.tell(on, ended(Cause::Normal)).await;
    settle().await;
    assert_eq!(bench.say(on.call, hang_up()).await.unwrap(), CallState::Completed);
    let late = bench.say(on.call, Word::Press("1".into())).await;
    assert!(matches!(late, Err(WordRefused::State(WrongState::Ended))));
    let stranger = bench.say(crate::domain::CallId::fresh(), hang_up()).await;
    assert!(matches!(stranger, Err(WordRefused::NotFound(_))));
}

#[tokio::test(start_paused = true)]
async fn an_incoming_call_is_told_once_it_is_durable_and_answered() {
    let mut bench = Bench::new(Setup::default());
    let on = bench.ring_in().await.unwrap();
    settle().await;
    assert_eq!(bench.open_on_disk(), 1);
    let story = bench.story(on.call).await;
    assert_eq!((story.inbound.len(), story.inbound[0].sdp.clone()), (1, Some(Sdp::new(b"offer"))));
    bench.say(on.call, Word::Ring(None)).await.unwrap();
    assert!(matches!(bench.order().await, CallOrder::Ring { sdp: None, .. }));
    bench.say(on.call, Word::Answer(Sdp::new(b"answer"))).await.unwrap();
    assert!(matches!(bench.order().await, CallOrder::Answer { sdp, .. } if sdp.octets() == b"answer"));
    bench.tell(on, answered()).await;
    bench.tell(on, ended(Cause::Normal)).await;
    let story = bench.story(on.call).await;
    assert_eq!(story.states(), [CallState::InProgress, CallState::Completed]);
    assert_eq!((story.record().sequence, bench.slots_taken()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn an_incoming_call_that_nobody_answers_or_has_no_room_is_refused() {
    let mut bench = Bench::new(Setup { max_open: 1, ..Setup::default() });
    let on = bench.ring_in().await.unwrap();
    let beyond = bench.ring_in().await.unwrap();
    assert!(
        matches!(bench.order().await, CallOrder::Reject { placement, status: 503 } if placement == beyond)
    );
    assert!(matches!(bench.order().await, CallOrder::Reject { placement, status: 480 } if placement == on));
    bench.tell(on, ended(Cause::Unreachable)).await;
    assert_eq!(bench.story(on.call).await.record().state, CallState::NoAnswer);
    assert!(bench.story(beyond.call).await.inbound.is_empty());
    bench.set_refusing(true);
    settle().await;
    bench.ring_in().await.unwrap();
    assert!(matches!(bench.order().await, CallOrder::Reject { status: 503, .. }));
}

#[tokio::test(start_paused = true)]
async fn a_crash_leaves_calls_that_the_next_start_ends_on_the_wire_and_as_lost() {
    let mut bench = Bench::new(Setup { max_calls: Some(2), ..Setup::default() });
    let talks = bench.placed("r1").await;
    bench.tell(talks, sent()).await;
    bench.tell(talks, answered()).await;
    let calls = bench.placed("r2").await;
    bench.tell(calls, sent()).await;
    let waits = bench.create(asked("r3")).await.unwrap().call_id;
    sleep(60 * SECOND + Duration::from_millis(500)).await;
    bench.crash().await;
    sleep(600 * SECOND).await;
    bench.start();
    let mut ended_on_wire = Vec::new();
    while let Some(CallOrder::End { call, snapshot, .. }) = bench.any_order().await {
        ended_on_wire.push((call, snapshot));
    }
    assert_eq!(ended_on_wire.len(), 2, "{ended_on_wire:?}");
    assert!(ended_on_wire.iter().any(|(call, snapshot)| *call == talks.call && snapshot[..] == *b"dialog"));
    assert!(ended_on_wire.iter().any(|(call, snapshot)| *call == calls.call && snapshot[..] == *b"invite"));
    let story = bench.story(talks.call).await;
    let record = story.record();
    assert_eq!((record.state, record.cause), (CallState::Lost, Cause::Lost));
    // It was answered at once and held for a minute and half a second, and then nobody was there for ten minutes.
    assert!((59 * SECOND..=61 * SECOND).contains(&record.talk_duration), "{:?}", record.talk_duration);
    let unknown = record.latest_end.unwrap().duration_since(record.end_time).unsigned_abs();
    assert!((600 * SECOND..=602 * SECOND).contains(&unknown), "{unknown:?}");
    assert_eq!(bench.story(calls.call).await.record().state, CallState::Lost);
    assert_eq!(bench.story(waits).await.record().state, CallState::Failed, "it had ended before");
    assert_eq!(bench.open_on_disk(), 0);
    assert!(matches!(bench.calls().get(CallKey::Id(talks.call)).await.unwrap(), Some(KnownCall::Ended(_))));
    bench.crash().await;
    bench.start();
    assert!(bench.any_order().await.is_none());
    bench.story(talks.call).await.record();
}

#[tokio::test(start_paused = true)]
async fn the_end_lets_calls_end_by_themselves_and_hangs_up_the_rest() {
    let mut bench = Bench::new(Setup::default());
    let (short, long) = (bench.placed("r1").await, bench.placed("r2").await);
    for on in [short, long] {
        bench.tell(on, sent()).await;
        bench.tell(on, answered()).await;
    }
    bench.calls().end(10 * SECOND).await;
    bench.tell(short, ended(Cause::Normal)).await;
    sleep(9 * SECOND).await;
    assert!(bench.any_order().await.is_none());
    assert!(
        matches!(bench.order().await, CallOrder::Hangup { placement, why: HangupWhy::Drain } if placement == long)
    );
    bench.tell(long, ended(Cause::Normal)).await;
    assert!(bench.is_ended().await);
    for on in [short, long] {
        assert_eq!(bench.story(on.call).await.record().state, CallState::Completed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_boundary_without_room_holds_nobody_up() {
    let mut bench = Bench::new(Setup { room: 1, ..Setup::default() });
    for number in 0..20 {
        bench.create(asked(&format!("r{number}"))).await.unwrap();
    }
    let mut placements = Vec::new();
    for _ in 0..20 {
        placements.push(bench.place().await.placement);
    }
    for on in &placements {
        bench.tell(*on, sent()).await;
        bench.tell(*on, ended(Cause::Busy)).await;
    }
    for on in placements {
        assert_eq!(bench.story(on.call).await.record().state, CallState::Busy);
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_were_left_are_told_as_lost_without_a_trunk_too() {
    let mut bench = Bench::new(Setup::default());
    let on = bench.placed("r1").await;
    bench.tell(on, sent()).await;
    settle().await;
    bench.crash().await;
    bench.start_without_trunks().await;
    assert_eq!(bench.story(on.call).await.record().state, CallState::Lost);
    assert_eq!(bench.open_on_disk(), 0);
}
