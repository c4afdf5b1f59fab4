//! Where offers and answers may travel (RFC 6337): in reliable provisional responses, PRACK, UPDATE, and their answers.

use codecs::sip::ua::{Body, Hangup, LegEvent, LegId, Refusal, Reliability, Response};

use super::{
    calls::answered,
    wire::{ANSWER, OFFER, Sent, Side, Wire, policy},
};

const HOLD: &[u8] = b"v=0\r\no=- 7001 2 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 30000 RTP/AVP 8\r\na=sendonly\r\n";
const HELD: &[u8] = b"v=0\r\no=carrier 5501 2 IN IP4 198.51.100.40\r\ns=-\r\nc=IN IP4 198.51.100.40\r\nt=0 0\r\nm=audio 41000 RTP/AVP 8\r\na=recvonly\r\n";

fn reliably(status: u16) -> Response {
    Response { reliability: Reliability::Reliable, ..Response::new(status) }
}

/// A call with or without an offer that came in.
fn placed(offer: Option<&'static [u8]>) -> (Wire, LegId, LegId) {
    let mut wire = Wire::new();
    let mut invite = wire.invitation(policy());
    invite.body = offer.map(Body::sdp);
    let ours = wire.place(invite);
    wire.run(300);
    let theirs = wire.incoming().leg;
    (wire, ours, theirs)
}

/// The caller and the callee in an early dialog whose first exchange is done.
fn early() -> (Wire, LegId, LegId) {
    let (mut wire, ours, theirs) = placed(Some(OFFER));
    let now = wire.now();
    wire.carrier.respond(now, theirs, reliably(183).with_sdp(ANSWER)).unwrap();
    wire.run(100);
    (wire, ours, theirs)
}

fn offered(wire: &Wire, side: Side) -> Vec<u8> {
    let offer = wire.events(side).into_iter().rev().find_map(|event| match event {
        LegEvent::SessionOffer { sdp } => Some(sdp.to_vec()),
        _ => None,
    });
    offer.expect("an offer was told")
}

fn changed(wire: &Wire, side: Side) -> Vec<u8> {
    match wire.events(side).last() {
        Some(LegEvent::SessionChanged { sdp }) => sdp.to_vec(),
        other => panic!("{other:?}"),
    }
}

fn last<'a>(wire: &'a Wire, word: &str) -> &'a Sent {
    wire.sent.iter().rev().find(|sent| sent.word() == word).unwrap()
}

fn end(mut wire: Wire, ours: LegId) {
    let now = wire.now();
    wire.caller.hangup(now, ours, Hangup::new(codecs::sip::cause::Own::HungUp)).unwrap();
    assert!(wire.is_clean());
}

#[test]
fn the_answer_may_come_in_a_reliable_response_and_is_not_repeated() {
    let (mut wire, ours, theirs) = early();
    let now = wire.now();
    wire.carrier.respond(now, theirs, Response::new(200)).unwrap();
    wire.run(100);
    let Some(LegEvent::Answered { sdp, .. }) = wire.events(Side::Caller).last().copied() else { panic!() };
    assert_eq!((sdp.as_deref(), last(&wire, "200 INVITE").body()), (Some(ANSWER), ""));
    end(wire, ours);
}

#[test]
fn an_offer_in_a_reliable_response_is_answered_in_its_prack() {
    let (mut wire, ours, theirs) = placed(None);
    let now = wire.now();
    wire.carrier.respond(now, theirs, reliably(183).with_sdp(ANSWER)).unwrap();
    wire.run(100);
    assert_eq!((offered(&wire, Side::Caller), wire.count(">PRACK")), (ANSWER.to_vec(), 0));
    // The 2xx waits for it.
    let now = wire.now();
    wire.carrier.respond(now, theirs, Response::new(200)).unwrap();
    wire.run(100);
    assert_eq!(wire.count("<200 INVITE"), 0);
    let now = wire.now();
    wire.caller.accept_offer(now, ours, Body::sdp(OFFER)).unwrap();
    wire.run(100);
    assert_eq!(last(&wire, "PRACK").body().as_bytes(), OFFER);
    assert_eq!(wire.story(Side::Carrier), ["changed", "answered", "confirmed"]);
    assert_eq!(last(&wire, "ACK").body(), "");
    end(wire, ours);
}

#[test]
fn an_offer_in_a_reliable_response_that_is_refused_ends_the_call() {
    let (mut wire, ours, theirs) = placed(None);
    let now = wire.now();
    wire.carrier.respond(now, theirs, reliably(183).with_sdp(ANSWER)).unwrap();
    wire.run(100);
    let now = wire.now();
    wire.caller.refuse_offer(now, ours, 488).unwrap();
    assert!(wire.is_clean());
    assert_eq!((wire.count(">PRACK"), wire.count(">CANCEL"), wire.count("<487 INVITE")), (1, 1, 1));
}

#[test]
fn an_offer_in_a_prack_is_answered_in_its_200() {
    let (mut wire, ours, theirs) = placed(Some(OFFER));
    wire.rule = super::wire::lose(Side::Caller, "PRACK", usize::MAX);
    let now = wire.now();
    wire.carrier.respond(now, theirs, reliably(183).with_sdp(ANSWER)).unwrap();
    wire.run(15);
    // We put no offer there ourselves; carriers do.
    let prack = last(&wire, "PRACK").text.clone();
    let (head, _) = prack.split_once("Content-Length").unwrap();
    let length = HOLD.len();
    let hold = String::from_utf8(HOLD.to_vec()).unwrap();
    wire.inject(
        Side::Carrier,
        &format!("{head}Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{hold}"),
    );
    assert_eq!((offered(&wire, Side::Carrier), wire.count("<200 PRACK")), (HOLD.to_vec(), 0));
    let now = wire.now();
    wire.carrier.accept_offer(now, theirs, Body::sdp(HELD)).unwrap();
    wire.run(50);
    assert_eq!(last(&wire, "200 PRACK").body().as_bytes(), HELD);
    end(wire, ours);
}

#[test]
fn an_update_carries_an_offer_in_an_early_dialog_of_either_side() {
    for side in [Side::Caller, Side::Carrier] {
        let (mut wire, ours, theirs) = early();
        let (asks, answers) = if side == Side::Caller { (ours, theirs) } else { (theirs, ours) };
        let now = wire.now();
        wire.endpoint(side).offer(now, asks, Body::sdp(HOLD)).unwrap();
        wire.run(50);
        assert_eq!(offered(&wire, side.other()), HOLD);
        let update = last(&wire, "UPDATE");
        assert_eq!((update.from, update.header("Session-Expires")), (side, None));
        let now = wire.now();
        wire.endpoint(side.other()).accept_offer(now, answers, Body::sdp(HELD)).unwrap();
        wire.run(50);
        assert_eq!(changed(&wire, side), HELD);
        // Nothing is kept alive that was not answered.
        assert_eq!(last(&wire, "200 UPDATE").header("Session-Expires"), None);
        let now = wire.now();
        wire.carrier.respond(now, theirs, Response::new(200)).unwrap();
        wire.run(100);
        assert!(last(&wire, "200 INVITE").header("Session-Expires").is_some());
        end(wire, ours);
    }
}

#[test]
fn an_update_is_refused_with_488_and_changes_nothing() {
    let (mut wire, ours, theirs) = early();
    let now = wire.now();
    wire.caller.offer(now, ours, Body::sdp(HOLD)).unwrap();
    wire.run(50);
    let now = wire.now();
    wire.carrier.refuse_offer(now, theirs, 488).unwrap();
    wire.run(50);
    assert!(matches!(wire.events(Side::Caller).last(), Some(LegEvent::OfferFailed { status: 488 })));
    end(wire, ours);
}

#[test]
fn before_the_first_exchange_is_done_reliably_no_offer_goes_out() {
    let (mut wire, ours, theirs) = placed(Some(OFFER));
    let early = Response { reliability: Reliability::Unreliable, ..Response::new(183).with_sdp(ANSWER) };
    let now = wire.now();
    wire.carrier.respond(now, theirs, early).unwrap();
    wire.run(100);
    let now = wire.now();
    for (side, leg) in [(Side::Caller, ours), (Side::Carrier, theirs)] {
        assert_eq!(wire.endpoint(side).offer(now, leg, Body::sdp(HOLD)), Err(Refusal::WrongState));
    }
    end(wire, ours);
}

#[test]
fn an_offer_of_a_2xx_has_its_answer_before_another_one_is_made() {
    let (mut wire, ours, theirs) = placed(None);
    let now = wire.now();
    wire.carrier.respond(now, theirs, Response::new(200).with_sdp(ANSWER)).unwrap();
    assert_eq!(wire.carrier.offer(now, theirs, Body::sdp(HELD)), Err(Refusal::OfferOpen));
    wire.run(100);
    let now = wire.now();
    wire.caller.accept_offer(now, ours, Body::sdp(OFFER)).unwrap();
    wire.run(100);
    let now = wire.now();
    wire.carrier.offer(now, theirs, Body::sdp(HELD)).unwrap();
    end(wire, ours);
}

#[test]
fn a_2xx_whose_offer_is_not_answered_any_more_is_acknowledged_before_the_bye() {
    let (mut wire, ours, theirs) = placed(None);
    let now = wire.now();
    wire.carrier.respond(now, theirs, Response::new(200).with_sdp(ANSWER)).unwrap();
    wire.run(100);
    let before = wire.sent.len();
    let now = wire.now();
    wire.caller.hangup(now, ours, Hangup::new(codecs::sip::cause::Own::HungUp)).unwrap();
    assert!(wire.is_clean());
    assert_eq!(wire.ladder()[before..before + 2], [">ACK", ">BYE"]);
}

#[test]
fn an_update_without_an_offer_is_answered_at_once_whoever_sends_it() {
    let (mut wire, ours, _) = answered();
    let ack = last(&wire, "ACK").text.clone();
    let update = ack.replace("ACK", "UPDATE").replace("CSeq: 1", "CSeq: 2").replace("z9hG4bK", "z9hG4bKu");
    wire.inject(Side::Carrier, &update.replacen("Max-", "Contact: <sip:new@192.0.2.5:5060>\r\nMax-", 1));
    assert_eq!((wire.count("<200 UPDATE"), last(&wire, "200 UPDATE").body()), (1, ""));
    // It told where its sender is now.
    assert_eq!(wire.story(Side::Carrier).last(), Some(&"snapshot"));
    let now = wire.now();
    wire.caller.hangup(now, ours, Hangup::new(codecs::sip::cause::Own::HungUp)).unwrap();
    wire.run(1000);
    assert_eq!(wire.story(Side::Caller).last(), Some(&"ended"));
}
