//! A process that has as many requests out as it may: what ends something goes out all the same, a little later.

use codecs::sip::{
    Target, Transport,
    cause::{End, Own},
    transaction::Limits,
    ua::{Failover, Hangup, LegId, Policy, Response},
};

use std::time::Duration;

use super::{
    calls::ended,
    wire::{ANSWER, Side, Wire, policy},
};

/// The caller has room for one call's INVITE and no more.
fn crowded(answers: bool) -> (Wire, LegId) {
    let limits = Limits { clients: 1, reserve: 0, ..Limits::default() };
    let change = move |side, config: &mut codecs::sip::ua::Config| {
        if side == Side::Caller {
            config.transactions.limits = limits;
        }
    };
    let mut wire = Wire::configured(change, policy(), policy());
    let ours = wire.call();
    wire.run(300);
    let (now, theirs) = (wire.now(), wire.incoming().leg);
    let response = if answers { Response::new(200).with_sdp(ANSWER) } else { Response::new(180) };
    wire.carrier.respond(now, theirs, response).unwrap();
    wire.run(100);
    (wire, ours)
}

#[test]
fn a_bye_goes_out_as_soon_as_there_is_room() {
    let (mut wire, ours) = crowded(true);
    let now = wire.now();
    wire.caller.hangup(now, ours, Hangup::new(Own::HungUp)).unwrap();
    wire.run(100);
    assert_eq!(wire.count(">BYE"), 0, "the INVITE still collects answers");
    assert!(wire.is_clean());
    assert_eq!(wire.count(">BYE"), 1);
    assert_eq!(ended(&wire, Side::Carrier).evidence.end, End::ByeReceived);
}

#[test]
fn a_cancel_goes_out_as_soon_as_there_is_room() {
    let limits = Limits { clients: 2, reserve: 0, ..Limits::default() };
    let change = move |side, config: &mut codecs::sip::ua::Config| {
        if side == Side::Caller {
            config.transactions.limits = limits;
        }
    };
    let mut wire = Wire::configured(change, policy(), policy());
    let first = wire.call();
    let second = wire.call();
    wire.run(300);
    let now = wire.now();
    wire.caller.hangup(now, second, Hangup::new(Own::HungUp)).unwrap();
    wire.run(5000);
    assert_eq!(wire.count(">CANCEL"), 0);
    // One of both is over, and its room is free in half a minute.
    let (now, theirs) = (wire.now(), LegId(1));
    wire.carrier.respond(now, theirs, Response::new(486)).unwrap();
    wire.run(40_000);
    assert_eq!(wire.count(">CANCEL"), 1);
    assert!(wire.is_clean());
    assert!(first < second && wire.count("<487 INVITE") == 1);
}

#[test]
fn one_host_at_two_places_is_no_loop_after_a_cancel() {
    let failover = Failover { progress: Some(Duration::from_secs(2)), ..Failover::default() };
    let mut wire = Wire::new();
    let mut invite = wire.invitation(Policy { failover, ..policy() });
    let again = Target::new(Transport::Udp, Side::Carrier.address());
    invite.targets.push(again);
    // The CANCEL of the first is late.
    wire.rule = super::wire::delay(Side::Caller, "CANCEL", 400);
    wire.place(invite);
    wire.run(3200);
    assert_eq!((wire.count("<482 INVITE"), wire.count("<487 INVITE")), (0, 1));
    let (now, theirs) = (wire.now(), wire.incoming().leg);
    wire.carrier.respond(now, theirs, Response::new(200).with_sdp(ANSWER)).unwrap();
    wire.run(1000);
    assert_eq!(wire.story(Side::Caller).last(), Some(&"answered"));
}

#[test]
fn a_caller_that_gave_one_way_up_is_taken_by_another() {
    let mut wire = Wire::new();
    wire.call();
    wire.run(300);
    let invite = wire.sent[0].text.clone();
    let cancel = invite.replace("INVITE", "CANCEL");
    let (cancel, _) = cancel.split_once("Content-Type").unwrap();
    wire.inject(Side::Carrier, &format!("{cancel}Content-Length: 0\r\n\r\n"));
    wire.run(50);
    assert_eq!(wire.count("<487 INVITE"), 1);
    wire.inject(Side::Carrier, &invite.replace("z9hG4bK", "z9hG4bKother"));
    wire.run(300);
    assert_eq!((wire.count("<482 INVITE"), wire.incoming().leg), (0, LegId(2)));
}
