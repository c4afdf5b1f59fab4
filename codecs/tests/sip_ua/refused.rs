//! Requests that are refused at first and go out again changed, or later, or not at all.

use codecs::sip::{
    cause::{End, Own},
    ua::{Body, Hangup, LegEvent, Policy, Response, SessionTimer},
};

use super::{
    calls::{answered, ended},
    wire::{ANSWER, OFFER, Side, Wire, lose, policy},
};

const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"ims.example\", nonce=\"n1\", qop=\"auth\"\r\n";
const OF_PROXY: &str = "Proxy-Authenticate: Digest realm=\"ims.example\", nonce=\"n2\", qop=\"auth\"\r\n";

/// Answers the request of the caller that went out last under this word, as somebody on the way does.
fn refuse(wire: &mut Wire, method: &str, status: &str, fields: &str) {
    let of = |sent: &&super::wire::Sent| sent.from == Side::Caller && sent.word() == method;
    let request = wire.sent.iter().rev().find(of).unwrap();
    let [via, from, to, call_id, cseq] =
        ["Via", "From", "To", "Call-ID", "CSeq"].map(|name| request.header(name).unwrap());
    let to = if to.contains(";tag=") { to.to_owned() } else { format!("{to};tag=proxy") };
    let text = format!(
        "SIP/2.0 {status}\r\nVia: {via}\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq}\r\n\
         {fields}Content-Length: 0\r\n\r\n"
    );
    wire.inject(Side::Caller, &text);
}

/// The last request of the caller with this method.
fn last<'a>(wire: &'a Wire, method: &str) -> &'a super::wire::Sent {
    let of = |sent: &&super::wire::Sent| sent.from == Side::Caller && sent.word() == method;
    wire.sent.iter().rev().find(of).unwrap()
}

fn number(sent: &super::wire::Sent) -> u32 {
    sent.header("CSeq").unwrap().split_once(' ').unwrap().0.parse().unwrap()
}

#[test]
fn a_challenged_bye_goes_out_again_with_credentials() {
    for (status, challenge, header) in [
        ("401 Unauthorized", CHALLENGE, "Authorization"),
        ("407 Proxy Authentication Required", OF_PROXY, "Proxy-Authorization"),
    ] {
        let (mut wire, ours, _) = answered();
        wire.rule = lose(Side::Caller, "BYE", 1);
        let now = wire.now();
        wire.caller.hangup(now, ours, Hangup::new(Own::HungUp)).unwrap();
        wire.settle();
        let first = number(last(&wire, "BYE"));
        refuse(&mut wire, "BYE", status, challenge);
        let again = last(&wire, "BYE");
        assert!(again.header(header).unwrap().contains("realm=\"ims.example\""));
        assert_eq!(number(again), first + 1);
        assert!(wire.is_clean());
        assert_eq!(ended(&wire, Side::Carrier).evidence.end, End::ByeReceived);
    }
}

#[test]
fn a_challenged_reinvite_goes_out_again_with_its_offer() {
    let (mut wire, ours, theirs) = answered();
    wire.rule = lose(Side::Caller, "INVITE", 1);
    let now = wire.now();
    wire.caller.offer(now, ours, Body::sdp(OFFER)).unwrap();
    wire.settle();
    refuse(&mut wire, "INVITE", "407 Proxy Authentication Required", OF_PROXY);
    // The refusal is acknowledged, and what comes again is no new offer.
    assert_eq!(last(&wire, "ACK").header("CSeq"), Some("2 ACK"));
    let again = last(&wire, "INVITE");
    assert_eq!((number(again), again.body().as_bytes()), (3, OFFER));
    assert!(again.header("Proxy-Authorization").is_some());
    wire.run(50);
    let now = wire.now();
    // To the callee nothing has changed, so nobody is asked there.
    assert!(wire.carrier.accept_offer(now, theirs, Body::sdp(ANSWER)).is_err());
    wire.run(50);
    assert!(matches!(wire.events(Side::Caller).last(), Some(LegEvent::SessionChanged { .. })));
    assert_eq!(
        last(&wire, "ACK").header("Proxy-Authorization"),
        last(&wire, "INVITE").header("Proxy-Authorization")
    );
    let now = wire.now();
    wire.caller.hangup(now, ours, Hangup::new(Own::HungUp)).unwrap();
    assert!(wire.is_clean());
}

#[test]
fn a_challenged_refresh_keeps_the_session_alive() {
    let session_timer = Some(SessionTimer { interval: Some(90), ..SessionTimer::default() });
    let short = || Policy { session_timer, ..policy() };
    let mut wire = Wire::with(short(), short());
    let invite = wire.invitation(short());
    let ours = wire.place(invite);
    wire.run(300);
    let (now, theirs) = (wire.now(), wire.incoming().leg);
    wire.carrier.respond(now, theirs, Response::new(200).with_sdp(ANSWER)).unwrap();
    wire.run(1000);
    wire.rule = lose(Side::Caller, "UPDATE", 1);
    while wire.count(">UPDATE") == 0 {
        wire.run(100);
    }
    refuse(&mut wire, "UPDATE", "401 Unauthorized", CHALLENGE);
    assert!(last(&wire, "UPDATE").header("Authorization").is_some());
    wire.run(200_000);
    assert!(!wire.story(Side::Caller).contains(&"ended") && !wire.story(Side::Carrier).contains(&"ended"));
    let now = wire.now();
    wire.caller.hangup(now, ours, Hangup::new(Own::HungUp)).unwrap();
    assert!(wire.is_clean());
}

#[test]
fn a_challenged_prack_goes_out_again_for_the_same_response() {
    let mut wire = Wire::new();
    let ours = wire.call();
    wire.run(300);
    let (now, theirs) = (wire.now(), wire.incoming().leg);
    wire.rule = lose(Side::Caller, "PRACK", 1);
    wire.carrier.respond(now, theirs, Response::new(183).with_sdp(ANSWER)).unwrap();
    while wire.count(">PRACK") == 0 {
        wire.run(1);
    }
    let rack = last(&wire, "PRACK").header("RAck").unwrap().to_owned();
    refuse(&mut wire, "PRACK", "401 Unauthorized", CHALLENGE);
    let again = last(&wire, "PRACK");
    assert_eq!(again.header("RAck"), Some(&*rack));
    assert!(again.header("Authorization").is_some());
    let now = wire.now();
    wire.carrier.respond(now, theirs, Response::new(200)).unwrap();
    wire.run(500);
    assert_eq!(wire.story(Side::Carrier), ["answered", "confirmed"]);
    let now = wire.now();
    wire.caller.hangup(now, ours, Hangup::new(Own::HungUp)).unwrap();
    assert!(wire.is_clean());
}

#[test]
fn a_tel_uri_that_is_not_taken_goes_out_again_as_a_sip_uri() {
    let mut wire = Wire::new();
    wire.rule = lose(Side::Caller, "INVITE", 1);
    let mut invite = wire.invitation(policy());
    invite.request_uri = "tel:+8613800138000;npdi;rn=+861380".into();
    wire.place(invite);
    refuse(&mut wire, "INVITE", "416 Unsupported URI Scheme", "");
    let again = last(&wire, "INVITE");
    let line = again.text.split("\r\n").next().unwrap();
    assert_eq!(line, "INVITE sip:+8613800138000;npdi;rn=+861380@ims.example;user=phone SIP/2.0");
    assert_eq!(again.header("CSeq"), Some("2 INVITE"));
    wire.run(300);
    // Nothing is left to be changed then.
    let (now, theirs) = (wire.now(), wire.incoming().leg);
    wire.carrier.respond(now, theirs, Response::new(416)).unwrap();
    assert!(wire.is_clean());
    assert_eq!(ended(&wire, Side::Caller).evidence.status, Some(416));
}

#[test]
fn a_body_that_is_too_large_or_of_no_use_is_not_sent_again() {
    for (status, field, retry_after) in [
        ("413 Request Entity Too Large", "Retry-After: 30\r\n", Some(30)),
        ("415 Unsupported Media Type", "Accept: application/isup\r\n", None),
    ] {
        let mut wire = Wire::new();
        wire.rule = lose(Side::Caller, "INVITE", 1);
        wire.call();
        refuse(&mut wire, "INVITE", status, field);
        assert!(wire.is_clean());
        assert_eq!(wire.count(">INVITE"), 1);
        // Whoever placed it hears when to come again.
        let end = ended(&wire, Side::Caller);
        assert_eq!((end.evidence.end, end.retry_after), (End::FinalReceived, retry_after));
    }
}

#[test]
fn a_reinvite_without_a_final_response_is_cancelled_and_does_not_outlive_its_call() {
    for hangs_up in [false, true] {
        let (mut wire, ours, _) = answered();
        wire.rule = Box::new(|sent| match sent.word().as_str() {
            "INVITE" | "CANCEL" | "BYE" => super::wire::Fate::Lost,
            _ => super::wire::Fate::Arrives,
        });
        let now = wire.now();
        wire.caller.offer(now, ours, Body::sdp(OFFER)).unwrap();
        wire.settle();
        refuse(&mut wire, "INVITE", "100 Trying", "");
        if hangs_up {
            let now = wire.now();
            wire.caller.hangup(now, ours, Hangup::new(Own::HungUp)).unwrap();
        }
        wire.run(33_000);
        assert!(wire.count(">CANCEL") > 0);
        wire.run(120_000);
        assert_eq!(wire.story(Side::Caller).last(), Some(&"ended"));
        assert!(wire.caller.is_idle());
    }
}

#[test]
fn an_offer_that_the_peer_cannot_take_now_ends_the_call() {
    let (mut wire, ours, _) = answered();
    wire.rule = lose(Side::Caller, "INVITE", 1);
    let now = wire.now();
    wire.caller.offer(now, ours, Body::sdp(OFFER)).unwrap();
    wire.settle();
    // RFC 5057: of an INVITE, 480 is the end of the call.
    refuse(&mut wire, "INVITE", "480 Temporarily Unavailable", "");
    assert!(wire.is_clean());
    assert_eq!(ended(&wire, Side::Caller).evidence.status, Some(480));
    assert_eq!(wire.count(">BYE"), 1);
}
