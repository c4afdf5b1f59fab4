//! Another trunk, and when there is none.

use super::*;

#[test]
fn a_fault_of_the_carrier_is_tried_on_another_trunk_and_both_are_recorded() {
    let mut bench = Bench::placed();
    bench.news(sent());
    bench.news(CallFact::AttemptFailed { cause: Cause::Timeout, evidence: Evidence::default() });
    bench.news(sent_to("UDP 192.0.2.2:5060"));
    bench.news(ended_by(Cause::Congestion, 503, HangupParty::Carrier));
    assert!(bench.seeks && bench.leg.seeks() && bench.ended.is_empty());
    assert_eq!(bench.leg.tried(), ["a".into()]);
    bench.place("b", Failover::default());
    bench.news(sent_to("TCP 198.51.100.1:5060"));
    assert_eq!(bench.states(), [CallState::Initiated], "another try is no other state");
    bench.news(ended_by(Cause::Busy, 486, HangupParty::Callee));
    assert_eq!(bench.record().state, CallState::Busy);
    let tries: Vec<_> = bench
        .record()
        .attempts
        .iter()
        .map(|one| {
            let (cause, evidence) = one.end.clone().unwrap();
            (one.placement, one.trunk_id.as_str(), one.gateway.as_str(), cause, evidence.sip_status)
        })
        .collect();
    let expected = [
        (1, "a", "UDP 192.0.2.1:5060", Cause::Timeout, None),
        (1, "a", "UDP 192.0.2.2:5060", Cause::Congestion, Some(503)),
        (2, "b", "TCP 198.51.100.1:5060", Cause::Busy, Some(486)),
    ];
    assert_eq!(tries, expected);
}

#[test]
fn a_trunk_that_could_not_send_at_all_is_recorded_too() {
    let mut bench = Bench::placed();
    bench.news(ended(Cause::Transport));
    assert!(bench.seeks);
    let now = bench.now;
    bench.step(|leg, effects| leg.give_up(now, Cause::NoRoute, effects));
    let record = bench.record();
    assert_eq!((record.cause, record.attempts.len()), (Cause::Transport, 1));
    assert_eq!((record.attempts[0].gateway.as_str(), record.trunk_id.as_ref().unwrap().as_str()), ("", "a"));
}

#[test]
fn no_other_trunk_after_ringing_was_told_unless_the_policy_says_so() {
    for fact in [CallFact::Ringing, early(b"m")] {
        let mut bench = Bench::placed();
        bench.news(sent());
        bench.news(fact);
        bench.news(ended(Cause::NetworkFailure));
        assert_eq!(bench.record().state, CallState::Failed);
    }
    let mut bench = Bench::new();
    bench.place("a", Failover { after_ringing: true, ..Failover::default() });
    bench.news(sent());
    bench.news(CallFact::Ringing);
    bench.news(ended(Cause::NetworkFailure));
    assert!(bench.seeks && bench.ended.is_empty());
}

#[test]
fn no_other_trunk_when_the_platform_gave_it_up_or_time_is_over() {
    let mut bench = Bench::placed();
    bench.news(sent());
    bench.hang_up();
    bench.news(ended(Cause::Congestion));
    assert_eq!(bench.record().cause, Cause::Cancelled);
    let mut bench = Bench::placed();
    bench.news(sent());
    bench.now = bench.now.after(60 * SECOND);
    bench.news(ended(Cause::Congestion));
    assert_eq!(bench.record().cause, Cause::Congestion);
}

#[test]
fn a_silent_trunk_may_be_left_and_what_it_says_later_moves_only_its_attempt() {
    let mut bench = Bench::new();
    let policy = Failover { post_dial_delay: Some(4 * SECOND), ..Failover::default() };
    bench.place("a", policy.clone());
    bench.news(sent());
    assert_eq!(bench.leg.poll_timeout(), Some(bench.now.mono + 4 * SECOND));
    assert!(!bench.leg.may_leave(bench.now.mono));
    bench.pass(4 * SECOND);
    assert!(bench.leg.may_leave(bench.now.mono));
    bench.step(|leg, effects| leg.leave(effects));
    assert_eq!(bench.hangups(), [HangupWhy::PostDialDelay]);
    bench.place("b", policy);
    bench.news(sent());
    bench.news_of(1, CallFact::Ringing);
    bench.news_of(1, CallFact::Answered { sdp: Some(Sdp::new(b"late")), snapshot: snapshot(9) });
    assert_eq!(bench.leg.progress().dialogs.len(), 2, "both are to be ended after a crash");
    bench.news_of(1, ended_by(Cause::Cancelled, 487, HangupParty::Carrier));
    assert_eq!(bench.leg.progress().dialogs.len(), 1);
    assert_eq!(bench.states(), [CallState::Initiated]);
    bench.news(CallFact::Ringing);
    bench.news(ended(Cause::Busy));
    let record = bench.record();
    assert_eq!(record.attempts[0].end.as_ref().unwrap().1.sip_status, Some(487));
    assert_eq!(record.cause, Cause::Busy);
}

#[test]
fn a_trunk_that_was_heard_of_is_not_left_for_silence() {
    let mut bench = Bench::new();
    bench.place("a", Failover { post_dial_delay: Some(4 * SECOND), ..Failover::default() });
    bench.news(sent());
    bench.news(CallFact::Progress);
    bench.pass(5 * SECOND);
    assert!(!bench.leg.may_leave(bench.now.mono));
    assert_eq!(bench.leg.poll_timeout(), Some(bench.now.mono + 55 * SECOND));
}
