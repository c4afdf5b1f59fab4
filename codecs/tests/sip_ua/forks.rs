//! One INVITE, several callees that ring.

use codecs::sip::{
    cause::{End, Own},
    ua::{Hangup, LegEvent, LegId, Response},
};

use super::{
    calls::ended,
    wire::{ANSWER, Side, Wire},
};

fn by(fork: u8, status: u16) -> Response {
    Response { fork, ..Response::new(status) }
}

/// A call that three callees ring for.
fn ringing() -> (Wire, LegId, LegId) {
    let mut wire = Wire::new();
    let ours = wire.call();
    wire.run(20);
    let theirs = wire.incoming().leg;
    for fork in 0..3 {
        let now = wire.now();
        wire.carrier.respond(now, theirs, by(fork, 180)).unwrap();
    }
    wire.run(500);
    (wire, ours, theirs)
}

#[test]
fn of_two_callees_that_answer_at_once_one_is_kept_and_the_other_ended() {
    let (mut wire, ours, theirs) = ringing();
    for fork in [2, 0] {
        let now = wire.now();
        wire.carrier.respond(now, theirs, by(fork, 200).with_sdp(ANSWER)).unwrap();
    }
    let now = wire.now();
    assert!(wire.carrier.respond(now, theirs, by(0, 200)).is_err(), "it has answered");
    wire.run(1000);
    assert_eq!((wire.count("<180 INVITE"), wire.count("<200 INVITE"), wire.count(">ACK")), (3, 2, 2));
    assert_eq!((wire.count(">BYE"), wire.count("<200 BYE")), (1, 1));
    assert_eq!(wire.story(Side::Caller), ["sent", "ringing", "answered"]);
    assert_eq!(wire.story(Side::Carrier), ["answered", "confirmed"], "the first to answer still talks");
    let now = wire.now();
    wire.carrier.hangup(now, theirs, Hangup::new(Own::HungUp)).unwrap();
    assert!(wire.is_clean());
    assert_eq!(ended(&wire, Side::Caller).evidence.end, End::ByeReceived);
    assert_eq!(wire.count("<BYE"), 1);
    assert!(wire.caller.hangup(wire.start, ours, Hangup::new(Own::HungUp)).is_err());
}

#[test]
fn two_answers_that_are_lost_come_again_and_end_alike() {
    let (mut wire, ours, theirs) = ringing();
    wire.rule = super::wire::lose(Side::Carrier, "200 INVITE", 5);
    for fork in [0, 1] {
        let now = wire.now();
        wire.carrier.respond(now, theirs, by(fork, 200).with_sdp(ANSWER)).unwrap();
    }
    wire.run(10_000);
    let answers = wire.events(Side::Caller);
    let answers = answers.iter().filter(|event| matches!(event, LegEvent::Answered { .. })).count();
    assert_eq!((answers, wire.count(">ACK"), wire.count(">BYE")), (1, 2, 1));
    let now = wire.now();
    // The callee whose 2xx arrived first is the one that is kept, and need not be the one that the carrier keeps.
    _ = wire.caller.hangup(now, ours, Hangup::new(Own::HungUp));
    assert!(wire.is_clean());
    ended(&wire, Side::Caller);
    ended(&wire, Side::Carrier);
}

#[test]
fn one_cancel_ends_all_callees() {
    let (mut wire, ours, _) = ringing();
    let now = wire.now();
    wire.caller.hangup(now, ours, Hangup::new(Own::HungUp)).unwrap();
    assert!(wire.is_clean());
    assert_eq!((wire.count(">CANCEL"), wire.count("<487 INVITE"), wire.count(">BYE")), (1, 1, 0));
    assert_eq!(ended(&wire, Side::Caller).evidence.end, End::CancelSent);
    assert_eq!(ended(&wire, Side::Carrier).evidence.end, End::CancelReceived);
}
