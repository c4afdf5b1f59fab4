//! Every rule of a call's states.

use codecs::Now;
use jiff::Timestamp;

use super::*;
use crate::{
    domain::{CallId, HangupParty, LadderLine, Rung, testing},
    trunk::calls::{CallSlots, Incoming},
};

const SECOND: Duration = Duration::from_secs(1);

/// A leg with a clock, and what it has told.
struct Bench {
    leg: Leg,
    now: Now,
    told: Vec<CallMoved>,
    orders: Vec<CallOrder>,
    ended: Vec<CallRecord>,
    ladder: Ladder,
    seeks: bool,
}

impl Bench {
    fn new() -> Self {
        Self::asking(|_| {})
    }

    fn asking(change: impl FnOnce(&mut Call)) -> Self {
        let call = testing::call(change);
        let now = Now { mono: Instant::now(), wall: call.accept_time };
        let leg = Leg::outgoing(Arc::new(call), Sdp::new(b"v=0"), now);
        Self::of(leg, now)
    }

    fn of(leg: Leg, now: Now) -> Self {
        let (told, orders, ended) = (Vec::new(), Vec::new(), Vec::new());
        Self { leg, now, told, orders, ended, ladder: Ladder::default(), seeks: false }
    }

    /// A call that a trunk has been told to place.
    fn placed() -> Self {
        let mut bench = Self::new();
        bench.place("a", Failover::default());
        bench
    }

    fn answered() -> Self {
        let mut bench = Self::placed();
        bench.news(sent());
        bench.news(CallFact::Answered { sdp: Some(Sdp::new(b"answer")), snapshot: snapshot(2) });
        bench
    }

    fn incoming() -> (Self, CallId) {
        let now = Now { mono: Instant::now(), wall: Timestamp::from_second(1_772_366_400).unwrap() };
        let incoming = Incoming {
            trunk: "a".into(),
            gateway: "UDP 192.0.2.1:5060".into(),
            caller: testing::number("13800138000"),
            callee: testing::number("4001234567"),
            sdp: Some(Sdp::new(b"offer")),
            sip_call_id: "in@192.0.2.1".into(),
            headers: Vec::new(),
            slot: CallSlots::new(None).take().unwrap(),
            snapshot: snapshot(1),
        };
        let id = CallId::fresh();
        let rules = IncomingRules { answer_deadline: 20 * SECOND, max_duration: 3600 * SECOND };
        let mut effects = Effects::default();
        let leg = Leg::incoming(id, &incoming, Some("acme".into()), rules, now, &mut effects);
        assert!(matches!(&effects.told[..], [(Told::Inbound(call), _)] if call.sequence == 1));
        let mut bench = Self::of(leg, now);
        bench.orders.extend(effects.orders);
        (bench, id)
    }

    fn place(&mut self, trunk: &str, failover: Failover) {
        let now = self.now;
        self.step(|leg, effects| leg.place(trunk.into(), Arc::new(failover), now, effects));
        self.seeks = false;
    }

    fn news(&mut self, fact: CallFact) {
        let number = self.leg.placed;
        self.news_of(number, fact);
    }

    fn news_of(&mut self, number: u16, fact: CallFact) {
        let news = CallNews { placement: self.leg.placement(number), at: self.now, fact };
        self.step(|leg, effects| leg.apply(news, effects));
    }

    fn hang_up(&mut self) {
        let now = self.now;
        self.step(|leg, effects| leg.hang_up(HangupWhy::Platform("done".into()), now, effects));
    }

    /// Lets time pass; `true`: it had to be given up.
    fn pass(&mut self, time: Duration) -> bool {
        self.now = self.now.after(time);
        let now = self.now;
        let mut gave_up = false;
        self.step(|leg, effects| gave_up = leg.handle_timeout(now, effects));
        gave_up
    }

    fn step<T>(&mut self, change: impl FnOnce(&mut Leg, &mut Effects) -> T) -> T {
        let mut effects = Effects::default();
        let result = change(&mut self.leg, &mut effects);
        assert!(effects.told.is_empty() || effects.changed, "what is told is durable");
        for (told, time) in effects.told {
            let Told::Moved(moved) = told else { panic!("another call") };
            assert_eq!(time, self.now.wall);
            self.told.push(*moved);
        }
        self.orders.extend(effects.orders);
        self.seeks |= effects.seeks;
        if let Some(ended) = effects.ended {
            self.ladder = ended.1;
            self.ended.push(ended.0);
        }
        result
    }

    fn states(&self) -> Vec<CallState> {
        self.told.iter().map(|moved| moved.state).collect()
    }

    fn hangups(&self) -> Vec<HangupWhy> {
        let hangup = |order: &CallOrder| match order {
            CallOrder::Hangup { why, .. } => Some(why.clone()),
            _ => None,
        };
        self.orders.iter().filter_map(hangup).collect()
    }

    /// The one record, after checking what holds of every call that ended.
    #[track_caller]
    fn record(&self) -> &CallRecord {
        let [record] = &self.ended[..] else { panic!("{} records", self.ended.len()) };
        let last = self.told.last().unwrap();
        let first = if self.leg.call.direction == CallDirection::Inbound { 2 } else { 1 };
        for (place, moved) in self.told.iter().enumerate() {
            assert_eq!(moved.sequence as usize, place + first, "no gaps");
            assert_eq!(moved.state.is_final(), place + 1 == self.told.len(), "one final event, the last");
        }
        assert_eq!(
            (last.state, last.cause, last.sequence),
            (record.state, Some(record.cause), record.sequence)
        );
        record
    }
}

fn snapshot(octet: u8) -> Bytes {
    Bytes::copy_from_slice(&[octet])
}

fn sent() -> CallFact {
    sent_to("UDP 192.0.2.1:5060")
}

fn sent_to(gateway: &str) -> CallFact {
    CallFact::Sent { gateway: gateway.into(), sip_call_id: "x@here".into(), snapshot: snapshot(1) }
}

fn ended(cause: Cause) -> CallFact {
    CallFact::Ended { cause, evidence: Evidence::default(), retry_after: None }
}

fn ended_by(cause: Cause, status: u16, party: HangupParty) -> CallFact {
    let evidence = Evidence { sip_status: Some(status), released_by: Some(party), ..Evidence::default() };
    CallFact::Ended { cause, evidence, retry_after: None }
}

fn early(sdp: &[u8]) -> CallFact {
    CallFact::EarlyMedia { sdp: Some(Sdp::new(sdp)) }
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

#[test]
fn what_happens_in_a_session_is_told_and_leaves_the_state() {
    let mut bench = Bench::answered();
    bench.news(CallFact::SessionOffer { sdp: Some(Sdp::new(b"hold")) });
    let refused = bench.step(|leg, effects| leg.offer(Sdp::new(b"x"), effects));
    assert_eq!(refused, Err(WrongState::OfferWaits));
    bench.step(|leg, effects| leg.reply(Ok(Sdp::new(b"held")), effects)).unwrap();
    let again = bench.step(|leg, effects| leg.reply(Err(488), effects));
    assert_eq!(again, Err(WrongState::NotOffered));
    bench.step(|leg, effects| leg.offer(Sdp::new(b"x"), effects)).unwrap();
    bench.news(CallFact::OfferFailed { status: 488 });
    bench.news(CallFact::SessionChanged { sdp: Sdp::new(b"new") });
    bench.news(CallFact::Dtmf { digits: "5".into(), duration: None });
    bench.step(|leg, effects| leg.press("1#".into(), effects)).unwrap();
    let told = &bench.told[2..];
    assert!(told.iter().all(|moved| moved.state == CallState::InProgress && moved.previous == moved.state));
    let roles: Vec<_> = told.iter().map(|moved| moved.sdp.as_ref().map(|(role, _)| *role)).collect();
    assert_eq!(roles, [Some(SdpRole::Offer), Some(SdpRole::Refused), Some(SdpRole::Changed), None]);
    assert_eq!((told[1].evidence.sip_status, told[3].dtmf.as_str()), (Some(488), "5"));
    let orders: Vec<_> = bench.orders[1..].iter().map(std::mem::discriminant).collect();
    assert_eq!(orders.len(), 3);
    assert!(matches!(&bench.orders[1], CallOrder::AcceptOffer { sdp, .. } if sdp.octets() == b"held"));
    assert!(matches!(&bench.orders[3], CallOrder::Dtmf { digits, .. } if digits == "1#"));
}

#[test]
fn words_about_a_session_need_one() {
    let mut bench = Bench::placed();
    bench.news(sent());
    let word = |bench: &mut Bench| bench.step(|leg, effects| leg.press("1".into(), effects));
    assert_eq!(word(&mut bench), Err(WrongState::NotAnswered));
    let answer = bench.step(|leg, effects| leg.answer(Sdp::new(b"x"), effects));
    assert_eq!(answer, Err(WrongState::NotIncoming));
}

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

#[test]
fn the_newest_snapshot_of_each_placement_is_kept_and_goes_with_its_end() {
    let mut bench = Bench::placed();
    bench.news(sent());
    bench.news(CallFact::Snapshot(snapshot(5)));
    bench.news(CallFact::Answered { sdp: None, snapshot: snapshot(6) });
    let dialogs = &bench.leg.progress().dialogs;
    assert_eq!(dialogs.len(), 1);
    assert_eq!((dialogs[0].octets.as_slice(), dialogs[0].trunk_id.as_str()), (&[6][..], "a"));
    bench.news(ended(Cause::Normal));
    assert!(bench.leg.progress().dialogs.is_empty());
}

#[test]
fn the_ladder_goes_with_the_record_and_moves_nothing() {
    let mut bench = Bench::placed();
    let rung = || Rung {
        time: Timestamp::UNIX_EPOCH,
        sent: true,
        remote: "UDP 192.0.2.1:5060".into(),
        line: LadderLine::Request("INVITE".into()),
        cseq: 1,
        has_sdp: true,
        note: "".into(),
        again: false,
    };
    bench.leg.note_message(rung());
    assert!(bench.told.is_empty() && bench.leg.ladder().rungs.len() == 1);
    bench.news(ended(Cause::Busy));
    assert_eq!(bench.ladder.rungs, [rung()]);
}
