//! Calls that come in.

use super::*;

#[test]
fn an_incoming_call_rings_is_answered_and_cleared_by_the_caller() {
    let (mut bench, id) = Bench::incoming();
    assert_eq!(bench.leg.call().id, id);
    bench.step(|leg, effects| leg.ring_back(None, effects)).unwrap();
    bench.news(CallFact::Ringing);
    bench.step(|leg, effects| leg.answer(Sdp::new(b"answer"), effects)).unwrap();
    let twice = bench.step(|leg, effects| leg.answer(Sdp::new(b"answer"), effects));
    assert_eq!(twice, Err(WrongState::Answered));
    assert!(!bench.pass(20 * SECOND), "it was answered in time");
    bench.news(CallFact::Answered { sdp: None, snapshot: snapshot(2) });
    bench.news(ended_by(Cause::Normal, 200, HangupParty::Caller));
    use CallState::{Completed, InProgress, Ringing};
    assert_eq!(bench.states(), [Ringing, InProgress, Completed]);
    assert_eq!((bench.record().hangup_party, bench.record().sequence), (HangupParty::Caller, 4));
    assert_eq!(bench.record().sip_call_id, "in@192.0.2.1");
}

#[test]
fn an_incoming_call_that_nobody_answers_is_refused_at_its_deadline() {
    let (mut bench, _) = Bench::incoming();
    assert_eq!(bench.leg.poll_timeout(), Some(bench.now.mono + 20 * SECOND));
    bench.pass(20 * SECOND);
    assert!(matches!(bench.orders[..], [CallOrder::Reject { status: 480, .. }]));
    let late = bench.step(|leg, effects| leg.answer(Sdp::new(b"late"), effects));
    assert_eq!(late, Err(WrongState::Ended));
    bench.news(ended(Cause::Unreachable));
    assert_eq!((bench.record().state, bench.record().cause), (CallState::NoAnswer, Cause::NoAnswer));
}

#[test]
fn an_incoming_call_is_rejected_hung_up_or_given_up_by_the_caller() {
    let (mut bench, _) = Bench::incoming();
    let now = bench.now;
    bench.step(|leg, effects| leg.reject(486, now, effects)).unwrap();
    assert!(matches!(bench.orders[..], [CallOrder::Reject { status: 486, .. }]));
    bench.news(ended(Cause::Busy));
    assert_eq!(bench.record().state, CallState::Rejected);

    let (mut bench, _) = Bench::incoming();
    bench.hang_up();
    assert!(matches!(bench.orders[..], [CallOrder::Reject { status: 603, .. }]));

    let (mut bench, _) = Bench::incoming();
    bench.step(|leg, effects| leg.answer(Sdp::new(b"answer"), effects)).unwrap();
    bench.hang_up();
    assert_eq!(bench.hangups().len(), 1, "its answer has left: BYE, not a refusal");

    let (mut bench, _) = Bench::incoming();
    bench.news(ended_by(Cause::Cancelled, 487, HangupParty::Caller));
    assert_eq!(
        (bench.record().state, bench.record().hangup_party),
        (CallState::Canceled, HangupParty::Caller)
    );
}

#[test]
fn an_incoming_call_that_fails_is_not_placed_anywhere() {
    let (mut bench, _) = Bench::incoming();
    bench.news(ended(Cause::NetworkFailure));
    assert!(!bench.seeks);
    assert_eq!(bench.record().state, CallState::Failed);
}
