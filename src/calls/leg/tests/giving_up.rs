//! Calls that somebody or the time gives up.

use super::*;

#[test]
fn a_call_given_up_before_it_left_ends_at_once() {
    let mut bench = Bench::new();
    bench.hang_up();
    let record = bench.record();
    assert_eq!((record.state, record.cause), (CallState::Canceled, Cause::Cancelled));
    assert!(bench.orders.is_empty() && record.attempts.is_empty() && record.trunk_id.is_none());
}

#[test]
fn a_call_given_up_on_its_trunk_waits_for_the_trunks_word_and_is_canceled() {
    let mut bench = Bench::placed();
    bench.news(sent());
    bench.news(CallFact::Ringing);
    bench.hang_up();
    bench.hang_up();
    assert_eq!(bench.hangups(), [HangupWhy::Platform("done".into())], "one order, not two");
    assert!(bench.ended.is_empty());
    bench.news(ended_by(Cause::NoAnswer, 487, HangupParty::Carrier));
    let record = bench.record();
    assert_eq!((record.state, record.cause), (CallState::Canceled, Cause::Cancelled));
    assert_eq!((record.evidence.sip_status, record.hangup_party), (Some(487), HangupParty::Platform));
}

#[test]
fn after_the_ring_time_the_trunk_hangs_up_and_nobody_answered() {
    for (rings, cause, state) in
        [(true, Cause::NoAnswer, CallState::NoAnswer), (false, Cause::Timeout, CallState::Failed)]
    {
        let mut bench = Bench::placed();
        bench.news(sent());
        if rings {
            bench.news(CallFact::Ringing);
        }
        assert_eq!(bench.leg.poll_timeout(), Some(bench.now.mono + 60 * SECOND));
        assert!(!bench.pass(60 * SECOND));
        assert_eq!(bench.hangups(), [HangupWhy::RingTimeout]);
        bench.news(ended(Cause::Cancelled));
        assert_eq!((bench.record().state, bench.record().cause), (state, cause));
    }
}

#[test]
fn the_ring_time_counts_from_the_acceptance_and_covers_the_wait_for_a_trunk() {
    let mut bench = Bench::new();
    bench.now = bench.now.after(20 * SECOND);
    bench.place("a", Failover::default());
    assert!(matches!(&bench.orders[0], CallOrder::Place(place) if place.ring_left == 40 * SECOND));
    assert_eq!(bench.leg.poll_timeout(), Some(bench.now.mono + 40 * SECOND));
}

#[test]
fn a_call_that_found_no_place_in_time_says_why() {
    let mut bench = Bench::new();
    assert!(bench.pass(60 * SECOND), "whoever knows what it waited for says so");
    let now = bench.now;
    bench.step(|leg, effects| leg.give_up(now, Cause::Congestion, effects));
    let record = bench.record();
    assert_eq!((record.state, record.cause), (CallState::Failed, Cause::Congestion));
    assert_eq!(record.hangup_party, HangupParty::Platform);
}

#[test]
fn a_call_is_cleared_when_it_has_lasted_as_long_as_it_may() {
    let mut bench = Bench::answered();
    assert_eq!(bench.leg.poll_timeout(), Some(bench.now.mono + 3600 * SECOND));
    bench.pass(3600 * SECOND);
    assert_eq!(bench.hangups(), [HangupWhy::MaxDuration]);
    bench.news(ended(Cause::Normal));
    let record = bench.record();
    assert_eq!((record.state, record.cause), (CallState::Completed, Cause::MaxDuration));
    assert_eq!(record.talk_duration, 3600 * SECOND);
}

#[test]
fn a_trunk_that_never_says_that_it_ended_is_not_waited_for_without_end() {
    let mut bench = Bench::answered();
    bench.hang_up();
    bench.pass(LAST_WORD - SECOND);
    assert!(bench.ended.is_empty());
    bench.pass(SECOND);
    assert_eq!(bench.record().cause, Cause::Normal);
    bench.news(ended(Cause::Normal));
    bench.record();
}
