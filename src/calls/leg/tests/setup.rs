//! From the acceptance to the answer, and to the end.

use super::*;

#[test]
fn an_invite_that_is_sent_again_with_credentials_is_the_same_attempt() {
    let mut bench = Bench::placed();
    bench.news(sent());
    bench.news(sent());
    bench.news(CallFact::AttemptFailed { cause: Cause::Congestion, evidence: Evidence::default() });
    bench.news(sent_to("UDP 192.0.2.2:5060"));
    bench.news(ended(Cause::Busy));
    let tried: Vec<_> = bench.record().attempts.iter().map(|one| one.gateway.clone()).collect();
    assert_eq!(tried, ["UDP 192.0.2.1:5060", "UDP 192.0.2.2:5060"]);
}

#[test]
fn a_call_is_placed_rings_is_answered_and_cleared() {
    let mut bench = Bench::placed();
    assert!(matches!(&bench.orders[..], [CallOrder::Place(place)] if place.ring_left == 60 * SECOND));
    bench.news(sent());
    bench.now = bench.now.after(2 * SECOND);
    bench.news(CallFact::Progress);
    bench.news(CallFact::Ringing);
    bench.now = bench.now.after(5 * SECOND);
    bench.news(CallFact::Answered { sdp: Some(Sdp::new(b"answer")), snapshot: snapshot(2) });
    bench.now = bench.now.after(Duration::from_millis(61_001));
    bench.news(ended_by(Cause::Normal, 200, HangupParty::Callee));
    use CallState::{Completed, InProgress, Initiated, Ringing};
    assert_eq!(bench.states(), [Initiated, Ringing, InProgress, Completed]);
    let previous: Vec<_> = bench.told.iter().map(|moved| moved.previous).collect();
    assert_eq!(previous, [CallState::Queued, Initiated, Ringing, InProgress]);
    assert_eq!(bench.told[2].sdp, Some((SdpRole::Answer, Some(Sdp::new(b"answer")))));
    let record = bench.record();
    assert_eq!((record.cause, record.hangup_party), (Cause::Normal, HangupParty::Callee));
    assert_eq!(record.post_dial_delay, Some(2 * SECOND));
    assert_eq!(record.ring_duration, Some(5 * SECOND));
    assert_eq!((record.talk_duration.as_millis(), record.billable_seconds()), (61_001, 62));
    assert_eq!((record.sip_call_id.as_str(), record.trunk_id.as_ref().unwrap().as_str()), ("x@here", "a"));
    assert!(bench.leg.poll_timeout().is_none());
}

#[test]
fn ringing_and_early_media_are_two_facts_in_any_order_each_told_once() {
    use CallState::{EarlyMedia, Initiated, Ringing};
    for (facts, states) in [
        (vec![CallFact::Ringing, early(b"m")], [Initiated, Ringing, EarlyMedia]),
        (vec![early(b"m"), CallFact::Ringing], [Initiated, EarlyMedia, Ringing]),
    ] {
        let mut bench = Bench::placed();
        bench.news(sent());
        facts.into_iter().for_each(|fact| bench.news(fact));
        for again in [CallFact::Ringing, early(b"m"), CallFact::Progress, CallFact::Ringing] {
            bench.news(again);
        }
        assert_eq!(bench.states(), states);
        let times = bench.leg.progress().times;
        assert!(times.ring.is_some() && times.early_media.is_some() && times.first_response.is_some());
    }
}

#[test]
fn a_description_that_changes_before_the_answer_is_told_and_the_state_stays() {
    let mut bench = Bench::placed();
    bench.news(sent());
    bench.news(early(b"one"));
    bench.news(CallFact::Ringing);
    bench.news(early(b"two"));
    bench.news(early(b"two"));
    let last = bench.told.last().unwrap();
    assert_eq!((bench.told.len(), last.previous, last.state), (4, CallState::Ringing, CallState::Ringing));
    assert_eq!(last.sdp, Some((SdpRole::Early, Some(Sdp::new(b"two")))));
    assert_eq!(bench.leg.remote(), Some(&Sdp::new(b"two")));
}

#[test]
fn a_late_provisional_response_makes_no_event() {
    let mut bench = Bench::answered();
    let before = bench.told.len();
    bench.news(CallFact::Progress);
    bench.news(CallFact::Ringing);
    bench.news(early(b"late"));
    bench.news(CallFact::Answered { sdp: Some(Sdp::new(b"again")), snapshot: snapshot(3) });
    assert_eq!(bench.told.len(), before);
    assert_eq!(bench.leg.remote(), Some(&Sdp::new(b"answer")));
    assert_eq!(bench.leg.progress().times.ring, None);
}

#[test]
fn an_answer_that_crosses_our_hangup_is_told_and_then_the_end() {
    let mut bench = Bench::placed();
    bench.news(sent());
    bench.hang_up();
    bench.news(CallFact::Answered { sdp: None, snapshot: snapshot(2) });
    bench.news(ended(Cause::Cancelled));
    use CallState::{Completed, InProgress, Initiated};
    assert_eq!(bench.states(), [Initiated, InProgress, Completed]);
    let record = bench.record();
    assert_eq!((record.talk_duration, record.hangup_party), (Duration::ZERO, HangupParty::Platform));
}

#[test]
fn nothing_comes_after_the_end() {
    let mut bench = Bench::answered();
    bench.news(ended(Cause::Normal));
    for fact in [ended(Cause::Busy), CallFact::Ringing, sent(), CallFact::SessionOffer { sdp: None }] {
        bench.news(fact);
    }
    bench.hang_up();
    assert!(!bench.pass(10_000 * SECOND));
    assert_eq!(bench.step(|leg, effects| leg.press("1".into(), effects)), Err(WrongState::Ended));
    bench.record();
    assert!(bench.hangups().is_empty());
}
