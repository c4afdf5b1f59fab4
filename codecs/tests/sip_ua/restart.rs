//! One side forgets everything, as a process does that crashed.

use codecs::sip::{
    cause::{End, Own},
    ua::{Body, Event, Hangup, LegEvent, Policy, Response, SessionTimer, Snapshot},
};

use super::{
    calls::{answered, ended},
    wire::{ANSWER, OFFER, Side, Wire, policy},
};

/// The latest snapshot that the caller was told.
fn snapshot(wire: &Wire) -> Snapshot {
    let latest = wire.events(Side::Caller).into_iter().rev().find_map(|event| match event {
        LegEvent::Sent { snapshot, .. }
        | LegEvent::Answered { snapshot, .. }
        | LegEvent::Snapshot(snapshot) => Some(snapshot.clone()),
        _ => None,
    });
    latest.expect("a snapshot was told")
}

#[test]
fn an_offer_of_either_side_to_one_that_forgot_the_call_ends_it() {
    for forgets in [Side::Caller, Side::Carrier] {
        let (mut wire, ours, theirs) = answered();
        wire.restart(forgets);
        let leg = if forgets == Side::Caller { theirs } else { ours };
        let now = wire.now();
        wire.endpoint(forgets.other()).offer(now, leg, Body::sdp(OFFER)).unwrap();
        wire.run(1000);
        let end = ended(&wire, forgets.other()).evidence;
        assert_eq!((end.status, end.answered), (Some(481), true));
        assert!(wire.is_clean());
    }
}

#[test]
fn a_refresh_to_one_that_forgot_the_call_ends_it() {
    let session_timer = Some(SessionTimer { interval: Some(90), ..SessionTimer::default() });
    let short = || Policy { session_timer, ..policy() };
    for forgets in [Side::Caller, Side::Carrier] {
        let mut wire = Wire::with(short(), short());
        let invite = wire.invitation(short());
        wire.place(invite);
        wire.run(20);
        let (now, theirs) = (wire.now(), wire.incoming().leg);
        wire.carrier.respond(now, theirs, Response::new(200).with_sdp(ANSWER)).unwrap();
        wire.run(20_000);
        wire.restart(forgets);
        wire.run(100_000);
        // Whether it refreshes or waits for the other side to do so.
        let end = ended(&wire, forgets.other()).evidence;
        assert!(end.status == Some(481) || end.own == Some(Own::SessionExpired), "{end:?}");
        assert!(wire.is_clean());
    }
}

#[test]
fn what_a_crash_left_of_an_answered_call_is_ended_with_bye() {
    let (mut wire, _, _) = answered();
    let stored = snapshot(&wire);
    wire.restart(Side::Caller);
    wire.told.retain(|(_, side, _)| *side != Side::Caller);
    let now = wire.now();
    let leg = wire.caller.restore(now, stored).unwrap();
    assert!(wire.is_clean());
    assert_eq!((wire.count(">BYE"), wire.count("<200 BYE")), (1, 1));
    assert_eq!(ended(&wire, Side::Caller).evidence.own, Some(Own::Lost));
    assert_eq!(ended(&wire, Side::Carrier).evidence.end, End::ByeReceived);
    let told =
        wire.told.iter().any(|(_, _, event)| matches!(event, Event::Leg { leg: told, .. } if *told == leg));
    assert!(told, "the end is that of the leg that was given out");
}

#[test]
fn what_a_crash_left_of_a_ringing_call_is_cancelled() {
    let mut wire = Wire::new();
    wire.call();
    wire.run(20);
    let (now, theirs) = (wire.now(), wire.incoming().leg);
    wire.carrier.respond(now, theirs, Response::new(180)).unwrap();
    wire.run(100);
    let stored = snapshot(&wire);
    wire.restart(Side::Caller);
    wire.told.retain(|(_, side, _)| *side != Side::Caller);
    let now = wire.now();
    wire.caller.restore(now, stored).unwrap();
    assert!(wire.is_clean());
    assert_eq!((wire.count(">CANCEL"), wire.count("<487 INVITE")), (1, 1));
    assert_eq!(ended(&wire, Side::Caller).evidence.own, Some(Own::Lost));
    assert_eq!(ended(&wire, Side::Carrier).evidence.end, End::CancelReceived);
}

#[test]
fn what_a_crash_left_of_a_call_that_was_answered_meanwhile_gets_ack_and_bye() {
    let mut wire = Wire::new();
    wire.call();
    wire.run(20);
    let (now, theirs) = (wire.now(), wire.incoming().leg);
    wire.carrier.respond(now, theirs, Response::new(180)).unwrap();
    wire.run(100);
    let stored = snapshot(&wire);
    wire.restart(Side::Caller);
    wire.told.retain(|(_, side, _)| *side != Side::Caller);
    let now = wire.now();
    wire.carrier.respond(now, theirs, Response::new(200).with_sdp(ANSWER)).unwrap();
    let now = wire.now();
    wire.caller.restore(now, stored).unwrap();
    assert!(wire.is_clean());
    assert_eq!(ended(&wire, Side::Caller).evidence.own, Some(Own::Lost));
    let end = ended(&wire, Side::Carrier).evidence;
    assert_eq!((end.end, end.answered), (End::ByeReceived, true), "{:?}", wire.ladder());
}

#[test]
fn a_side_that_was_restarted_takes_new_calls() {
    let (mut wire, ours, _) = answered();
    wire.restart(Side::Carrier);
    let now = wire.now();
    wire.caller.hangup(now, ours, Hangup::new(Own::HungUp)).unwrap();
    wire.call();
    wire.run(20);
    let (now, theirs) = (wire.now(), wire.incoming().leg);
    wire.carrier.respond(now, theirs, Response::new(486)).unwrap();
    assert!(wire.is_clean());
    assert_eq!((wire.count("<481 BYE"), wire.count("<486 INVITE")), (1, 1));
}
