//! Messages that are lost where loss has to change nothing, and a wire that is cut for good.

use codecs::sip::{
    cause::{End, Own},
    ua::{Body, Hangup, Policy, Reliable, Response, SessionTimer},
};
use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::{
    calls::{answered, ended},
    wire::{ANSWER, Fate, OFFER, Side, Wire, lose, policy},
};

#[test]
fn a_cancelled_call_ends_alike_whichever_of_its_messages_are_lost() {
    for (from, word) in [
        (Side::Caller, "CANCEL"),
        (Side::Carrier, "200 CANCEL"),
        (Side::Carrier, "487 INVITE"),
        (Side::Caller, "ACK"),
    ] {
        let mut wire = Wire::new();
        let ours = wire.call();
        wire.run(20);
        let (now, theirs) = (wire.now(), wire.incoming().leg);
        wire.carrier.respond(now, theirs, Response::new(180)).unwrap();
        wire.run(1000);
        wire.rule = lose(from, word, 3);
        let now = wire.now();
        wire.caller.hangup(now, ours, Hangup::new(Own::HungUp)).unwrap();
        assert!(wire.is_clean(), "{word}");
        assert_eq!(ended(&wire, Side::Caller).evidence.end, End::CancelSent, "{word}");
        assert_eq!(ended(&wire, Side::Carrier).evidence.end, End::CancelReceived, "{word}");
    }
}

#[test]
fn a_cancelled_call_whose_callee_is_gone_ends_all_the_same() {
    let mut wire = Wire::new();
    let ours = wire.call();
    wire.run(20);
    let (now, theirs) = (wire.now(), wire.incoming().leg);
    wire.carrier.respond(now, theirs, Response::new(180)).unwrap();
    wire.run(1000);
    wire.rule = Box::new(|_| Fate::Lost);
    let now = wire.now();
    wire.caller.hangup(now, ours, Hangup::new(Own::HungUp)).unwrap();
    wire.run(33_000);
    let end = ended(&wire, Side::Caller).evidence;
    assert_eq!((end.end, end.own, end.answered), (End::CancelSent, Some(Own::HungUp), false));
    let now = wire.now();
    wire.carrier.hangup(now, theirs, Hangup::new(Own::HungUp)).unwrap();
    assert!(wire.is_clean());
}

#[test]
fn early_media_is_confirmed_before_the_answer_whichever_message_is_lost() {
    let reliable = || Policy { reliable: Reliable::Required, ..policy() };
    for (from, word) in [
        (Side::Carrier, "183 INVITE"),
        (Side::Caller, "PRACK"),
        (Side::Carrier, "200 PRACK"),
        (Side::Caller, "ACK"),
    ] {
        let mut wire = Wire::with(reliable(), reliable());
        wire.rule = lose(from, word, 2);
        let invite = wire.invitation(reliable());
        let ours = wire.place(invite);
        wire.run(20);
        let theirs = wire.incoming().leg;
        let now = wire.now();
        wire.carrier.respond(now, theirs, Response::new(183).with_sdp(ANSWER)).unwrap();
        let now = wire.now();
        wire.carrier.respond(now, theirs, Response::new(200)).unwrap();
        wire.run(10_000);
        let story = wire.story(Side::Caller);
        assert_eq!(story[story.len() - 2..], ["early media", "answered"], "{word}");
        let first = |word: &str| wire.ladder().iter().position(|own| own == word);
        assert!(first("<200 PRACK") < first("<200 INVITE"), "{word} {:?}", wire.ladder());
        assert_eq!(wire.story(Side::Carrier).last(), Some(&"confirmed"), "{word}");
        let now = wire.now();
        wire.caller.hangup(now, ours, Hangup::new(Own::HungUp)).unwrap();
        assert!(wire.is_clean(), "{word}");
    }
}

fn short_session() -> Policy {
    let session_timer = Some(SessionTimer { interval: Some(90), ..SessionTimer::default() });
    Policy { session_timer, ..policy() }
}

/// An answered call whose session expires after 90 s.
fn short_call() -> (Wire, codecs::sip::ua::LegId) {
    let mut wire = Wire::with(short_session(), short_session());
    let invite = wire.invitation(short_session());
    let ours = wire.place(invite);
    wire.run(20);
    let (now, theirs) = (wire.now(), wire.incoming().leg);
    wire.carrier.respond(now, theirs, Response::new(200).with_sdp(ANSWER)).unwrap();
    wire.run(1000);
    (wire, ours)
}

#[test]
fn refreshes_keep_a_session_over_a_wire_that_loses_a_tenth() {
    let (mut wire, ours) = short_call();
    let mut random = SmallRng::seed_from_u64(3);
    wire.rule = Box::new(move |_| if random.random_range(0..10) == 0 { Fate::Lost } else { Fate::Arrives });
    wire.run(1_000_000);
    let refreshes = wire.caller.counters().refreshes + wire.carrier.counters().refreshes;
    assert!(refreshes > 10, "{refreshes}");
    for side in [Side::Caller, Side::Carrier] {
        assert!(!wire.story(side).contains(&"ended"), "{:?}", wire.story(side));
    }
    wire.rule = Box::new(|_| Fate::Arrives);
    let now = wire.now();
    wire.caller.hangup(now, ours, Hangup::new(Own::HungUp)).unwrap();
    assert!(wire.is_clean());
}

#[test]
fn a_session_on_a_wire_that_is_cut_ends_on_both_sides() {
    let (mut wire, _) = short_call();
    wire.rule = Box::new(|_| Fate::Lost);
    wire.run(100_000);
    for side in [Side::Caller, Side::Carrier] {
        let end = ended(&wire, side).evidence;
        assert!(matches!(end.own, Some(Own::SessionExpired | Own::NoResponse)), "{end:?}");
    }
    assert!(wire.is_clean());
}

#[test]
fn an_offer_into_silence_ends_the_call() {
    let (mut wire, ours, theirs) = answered();
    wire.rule = Box::new(|_| Fate::Lost);
    let now = wire.now();
    wire.caller.offer(now, ours, Body::sdp(OFFER)).unwrap();
    wire.run(33_000);
    let end = ended(&wire, Side::Caller).evidence;
    assert_eq!((end.end, end.own), (End::ByeSent, Some(Own::NoResponse)));
    let now = wire.now();
    wire.carrier.hangup(now, theirs, Hangup::new(Own::HungUp)).unwrap();
    assert!(wire.is_clean());
}
