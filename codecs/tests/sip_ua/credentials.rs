//! Challenges of gateways that know nothing of each other.

use codecs::sip::{
    Target, Transport,
    ua::{
        Event, OutsideOutcome, Registration,
        registration::{Outcome, Settings, State},
    },
};

use crate::{
    calls::ended,
    wire::{ANSWER, Fate, Side, TRUNK, Wire, policy},
};

/// Answers the INVITE that went out last, as the gateway that it went to.
fn answer(wire: &mut Wire, status: &str, fields: &str, body: &[u8]) {
    answer_to(wire, "INVITE", status, fields, body);
}

fn answer_to(wire: &mut Wire, method: &str, status: &str, fields: &str, body: &[u8]) {
    let invite = wire.sent.iter().rev().find(|sent| sent.word() == method).unwrap();
    let [via, from, to, call_id, cseq] =
        ["Via", "From", "To", "Call-ID", "CSeq"].map(|name| invite.header(name).unwrap());
    let body = std::str::from_utf8(body).unwrap();
    let text = format!(
        "SIP/2.0 {status}\r\nVia: {via}\r\nFrom: {from}\r\nTo: {to};tag=g\r\nCall-ID: {call_id}\r\nCSeq: {cseq}\r\n\
         {fields}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    wire.run(50);
    wire.inject(Side::Caller, &text);
}

fn challenge(nonce: &str) -> String {
    format!("WWW-Authenticate: Digest realm=\"ims.example\", nonce=\"{nonce}\", qop=\"auth\"\r\n")
}

/// Nonce and count of the credentials in the INVITE that went out last.
fn used(wire: &Wire) -> Option<(String, String)> {
    let invite = wire.sent.iter().rev().find(|sent| sent.word() == "INVITE").unwrap();
    let value = invite.header("Authorization")?;
    let part =
        |name: &str| value.split(name).nth(1).unwrap().trim_matches('"').split(['"', ',']).next().unwrap();
    Some((part("nonce=").to_owned(), part("nc=").to_owned()))
}

/// A call to two gateways, of which nothing reaches a real one.
fn placed() -> Wire {
    let mut wire = Wire::new();
    wire.rule = Box::new(|_| Fate::Lost);
    let mut invite = wire.invitation(policy());
    invite.targets.push(Target::new(Transport::Udp, "198.51.100.41:5060".parse().unwrap()));
    wire.place(invite);
    wire
}

#[test]
fn the_next_gateway_may_challenge_with_a_nonce_of_its_own() {
    let mut wire = placed();
    assert_eq!(used(&wire), None);
    answer(&mut wire, "401 Unauthorized", &challenge("one"), b"");
    assert_eq!(used(&wire), Some(("one".into(), "00000001".into())));
    answer(&mut wire, "503 Service Unavailable", "", b"");
    // What the first gateway gave is tried with the second, which has never seen it and does not call it stale.
    assert_eq!(used(&wire), Some(("one".into(), "00000002".into())));
    answer(&mut wire, "401 Unauthorized", &challenge("two"), b"");
    assert_eq!(used(&wire), Some(("two".into(), "00000001".into())));
    let fields = "Contact: <sip:198.51.100.41>\r\nContent-Type: application/sdp\r\n";
    answer(&mut wire, "200 OK", fields, ANSWER);
    assert!(wire.story(Side::Caller).contains(&"answered"), "{:?}", wire.story(Side::Caller));
}

#[test]
fn a_gateway_that_refuses_what_answered_its_own_challenge_ends_the_call() {
    let mut wire = placed();
    for nonce in ["one", "two"] {
        answer(&mut wire, "401 Unauthorized", &challenge(nonce), b"");
    }
    let end = ended(&wire, Side::Caller).evidence;
    assert_eq!((end.status, wire.count(">INVITE")), (Some(401), 2));
}

/// Sends what a registration asks for, and tells it what came of it.
fn pump(wire: &mut Wire, registration: &mut Registration) {
    for (_, _, event) in std::mem::take(&mut wire.told) {
        let Event::Outside { outcome, .. } = event else { continue };
        let outcome = match &outcome {
            OutsideOutcome::Response(response) => Outcome::Response(response),
            OutsideOutcome::Challenged => Outcome::Challenged,
            OutsideOutcome::Unauthorized(_) => Outcome::Unauthorized,
            OutsideOutcome::Nothing => Outcome::Nothing,
        };
        registration.handle_outcome(wire.now(), outcome);
    }
    let now = wire.now();
    if let Some(register) = registration.poll_request(now) {
        let target = Target::new(Transport::Udp, Side::Carrier.address());
        wire.caller.register(now, TRUNK, target, &register, Vec::new()).unwrap();
        wire.settle();
    }
}

#[test]
fn a_challenged_registration_goes_out_once_more_and_no_number_is_used_twice() {
    let mut wire = Wire::new();
    wire.rule = Box::new(|_| Fate::Lost);
    let contact = "sip:trunk7@192.0.2.5:5060";
    let settings = Settings::new("sip:ims.example", "sip:861088880000@ims.example", contact);
    let mut registration = Registration::new(settings, 0, 7, wire.now());
    pump(&mut wire, &mut registration);
    answer_to(&mut wire, "REGISTER", "401 Unauthorized", &challenge("one"), b"");
    pump(&mut wire, &mut registration);
    let bound = format!("Contact: <{contact}>;expires=60\r\n");
    answer_to(&mut wire, "REGISTER", "200 OK", &bound, b"");
    pump(&mut wire, &mut registration);
    assert_eq!(registration.state(), State::Registered);
    // The refresh, at half of the minute, uses the credentials at once.
    wire.run(34_000);
    pump(&mut wire, &mut registration);
    let sent: Vec<_> = wire.sent.iter().filter(|sent| sent.word() == "REGISTER").collect();
    let numbers: Vec<_> = sent.iter().map(|sent| sent.header("CSeq").unwrap()).collect();
    assert_eq!(numbers, ["1 REGISTER", "2 REGISTER", "3 REGISTER"]);
    let ids: std::collections::HashSet<_> = sent.iter().map(|sent| sent.header("Call-ID").unwrap()).collect();
    assert_eq!(ids.len(), 1);
    assert!(sent[2].header("Authorization").unwrap().contains("nc=00000002"));
}
