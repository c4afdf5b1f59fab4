//! Calls that go as they should: answered, refused, given up; both sides hang up.

use codecs::sip::{
    cause::{End, Own},
    ua::{Ended, Hangup, LegEvent, Response},
};

use super::wire::{ANSWER, OFFER, Side, Wire, policy};

/// The end that a side was told, which is its only one and its last word.
pub fn ended(wire: &Wire, side: Side) -> Ended {
    let events = wire.events(side);
    let ends = events.iter().filter(|event| matches!(event, LegEvent::Ended(_))).count();
    assert_eq!(ends, 1, "{:?}", wire.story(side));
    match events.last() {
        Some(LegEvent::Ended(ended)) => (**ended).clone(),
        other => panic!("{other:?}"),
    }
}

/// A call that rings and is answered.
pub fn answered() -> (Wire, codecs::sip::ua::LegId, codecs::sip::ua::LegId) {
    let mut wire = Wire::new();
    let ours = wire.call();
    wire.run(300);
    let theirs = wire.incoming().leg;
    let now = wire.now();
    wire.carrier.respond(now, theirs, Response::new(180)).unwrap();
    wire.run(1000);
    let now = wire.now();
    wire.carrier.respond(now, theirs, Response::new(200).with_sdp(ANSWER)).unwrap();
    wire.run(1000);
    (wire, ours, theirs)
}

#[test]
fn a_call_rings_is_answered_and_the_caller_hangs_up() {
    let (mut wire, ours, _) = answered();
    assert_eq!(wire.incoming().sdp.as_deref(), Some(OFFER));
    assert_eq!(wire.sent[0].body().as_bytes(), OFFER, "untouched");
    wire.run(60_000);
    let now = wire.now();
    wire.caller.hangup(now, ours, Hangup::new(Own::HungUp)).unwrap();
    assert!(wire.is_clean());
    assert_eq!(
        wire.ladder(),
        [">INVITE", "<100 INVITE", "<180 INVITE", "<200 INVITE", ">ACK", ">BYE", "<200 BYE"]
    );
    assert_eq!(wire.story(Side::Caller), ["sent", "progress", "ringing", "answered", "ended"]);
    assert_eq!(wire.story(Side::Carrier), ["answered", "confirmed", "ended"]);
    let end = ended(&wire, Side::Caller).evidence;
    assert_eq!((end.end, end.own, end.answered), (End::ByeSent, Some(Own::HungUp), true));
    assert_eq!(end.ringing.map(|time| time.as_millis()), Some(1000));
    let end = ended(&wire, Side::Carrier).evidence;
    assert_eq!((end.end, end.q850()), (End::ByeReceived, Some(16)));
    let LegEvent::Answered { sdp, .. } = wire.events(Side::Caller)[3] else { panic!() };
    assert_eq!(sdp.as_deref(), Some(ANSWER));
}

#[test]
fn the_callee_hangs_up() {
    let (mut wire, _, theirs) = answered();
    let now = wire.now();
    wire.carrier.hangup(now, theirs, Hangup::new(Own::HungUp)).unwrap();
    assert!(wire.is_clean());
    assert_eq!(ended(&wire, Side::Caller).evidence.end, End::ByeReceived);
    assert_eq!(ended(&wire, Side::Carrier).evidence.end, End::ByeSent);
    assert_eq!((wire.count("<BYE"), wire.count(">200 BYE")), (1, 1));
}

#[test]
fn a_refusal_brings_its_evidence() {
    let mut wire = Wire::new();
    wire.call();
    wire.run(300);
    let now = wire.now();
    let refusal = Response::new(486)
        .with_field("Reason", "Q.850;cause=17;text=\"User busy\"")
        .with_field("Retry-After", "60");
    wire.carrier.respond(now, wire.incoming().leg, refusal).unwrap();
    assert!(wire.is_clean());
    assert_eq!(wire.ladder(), [">INVITE", "<100 INVITE", "<486 INVITE", ">ACK"]);
    let end = ended(&wire, Side::Caller);
    assert_eq!((end.evidence.status, end.evidence.q850()), (Some(486), Some(17)));
    assert_eq!(end.evidence.phrase, "Busy Here");
    assert_eq!(end.retry_after, Some(60));
    assert_eq!(ended(&wire, Side::Carrier).evidence.end, End::FinalSent);
}

#[test]
fn silence_ends_after_timer_b_with_seven_sendings() {
    let mut wire = Wire::new();
    wire.rule = Box::new(|_| super::wire::Fate::Lost);
    wire.call();
    assert!(wire.is_clean());
    let instants: Vec<_> = wire.sent.iter().map(|sent| sent.at).collect();
    assert_eq!(instants, [0, 500, 1500, 3500, 7500, 15_500, 31_500]);
    let end = ended(&wire, Side::Caller).evidence;
    assert_eq!((end.end, end.own), (End::Nothing, Some(Own::NoResponse)));
    assert_eq!(wire.told.last().unwrap().0, 32_000);
}

#[test]
fn a_ring_time_ends_the_call_with_cancel() {
    let mut wire = Wire::new();
    let patient = codecs::sip::ua::Policy { ring_time: Some(std::time::Duration::from_secs(20)), ..policy() };
    let invite = wire.invitation(patient);
    wire.place(invite);
    wire.run(300);
    let now = wire.now();
    wire.carrier.respond(now, wire.incoming().leg, Response::new(180)).unwrap();
    assert!(wire.is_clean());
    assert_eq!(
        wire.ladder(),
        [">INVITE", "<100 INVITE", "<180 INVITE", ">CANCEL", "<200 CANCEL", "<487 INVITE", ">ACK"]
    );
    let end = ended(&wire, Side::Caller).evidence;
    assert_eq!((end.end, end.own), (End::CancelSent, Some(Own::RingTimeOver)));
    assert_eq!(ended(&wire, Side::Carrier).evidence.end, End::CancelReceived);
}
