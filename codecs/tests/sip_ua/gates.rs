//! What comes before a call is taken: strangers, limits, drain, faulty requests; and what is answered outside of calls.

use codecs::sip::{
    Method,
    ua::{Event, Intake, LegEvent, Peer, Response, Source, Strangers},
};

use super::wire::{Fate, Side, TRUNK, Wire, policy};

fn request(method: &str, extra: &str) -> String {
    format!(
        "{method} sip:trunk7@198.51.100.40:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.5:5060;rport;branch=z9hG4bK{}\r\n\
         From: <sip:a@h>;tag=x1\r\nTo: <sip:b@h>\r\nCall-ID: raw\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\n\
         Contact: <sip:a@192.0.2.5:5060>\r\n{extra}Content-Length: 0\r\n\r\n",
        method.len() + extra.len()
    )
}

fn answer_to(method: &str, extra: &str) -> (Wire, super::wire::Sent) {
    let mut wire = Wire::new();
    wire.inject(Side::Carrier, &request(method, extra));
    let sent = wire.sent.last().cloned().unwrap();
    (wire, sent)
}

#[test]
fn requests_are_inspected_in_order_and_answered_with_what_helps() {
    for (method, extra, word) in [
        ("INVITE", "Require: foo\r\n", "420 INVITE"),
        ("INVITE", "Session-Expires: 60\r\nSupported: timer\r\n", "422 INVITE"),
        ("INVITE", "Accept: text/plain\r\n", "406 INVITE"),
        ("OPTIONS", "", "200 OPTIONS"),
        ("BYE", "", "481 BYE"),
        ("UPDATE", "", "481 UPDATE"),
        ("PRACK", "RAck: 1 1 INVITE\r\n", "481 PRACK"),
        ("CANCEL", "", "481 CANCEL"),
        ("MESSAGE", "", "405 MESSAGE"),
        ("NEW", "", "405 unknown"),
    ] {
        let (mut wire, sent) = answer_to(method, extra);
        let word = if method == "NEW" && sent.word() == "501 unknown" { "501 unknown" } else { word };
        assert_eq!(sent.word(), word, "{method} {extra}");
        assert!(sent.header("To").unwrap().contains(";tag="), "{}", sent.text);
        if word == "422 INVITE" {
            assert_eq!(sent.header("Min-SE"), Some("90"));
        }
        if word == "420 INVITE" {
            assert_eq!(sent.header("Unsupported"), Some("foo"));
        }
        wire.inject(Side::Carrier, &request("ACK", ""));
        assert!(wire.is_clean(), "{method} {extra}");
    }
}

#[test]
fn an_invite_within_an_unknown_dialog_gets_481_and_its_ack_nothing() {
    let (mut wire, _) = answer_to("OPTIONS", "");
    let inside = request("INVITE", "").replace("To: <sip:b@h>", "To: <sip:b@h>;tag=gone");
    wire.inject(Side::Carrier, &inside);
    assert_eq!(wire.sent.last().unwrap().word(), "481 INVITE");
    let before = wire.sent.len();
    wire.inject(Side::Carrier, &request("ACK", "").replace("To: <sip:b@h>", "To: <sip:b@h>;tag=gone"));
    assert_eq!(wire.sent.len(), before);
    assert_eq!(wire.carrier.counters().unknown_dialogs, 1);
}

fn from_elsewhere(strangers: Strangers) -> Wire {
    let mut wire = Wire::configured(|_, config| config.strangers = strangers, policy(), policy());
    wire.carrier.set_peers(Vec::new());
    wire.inject(Side::Carrier, &request("INVITE", ""));
    wire
}

#[test]
fn strangers_are_refused_or_ignored_and_told() {
    let mut wire = from_elsewhere(Strangers::Refuse);
    assert_eq!(wire.ladder(), ["<403 INVITE"]);
    assert!(matches!(wire.told[0].2, Event::Stranger { method: Method::Invite, .. }));
    assert!(wire.is_clean());
    let mut wire = from_elsewhere(Strangers::Ignore);
    assert_eq!(wire.ladder(), [""; 0]);
    assert_eq!(wire.carrier.counters().strangers, 1);
    assert!(wire.is_clean());
}

#[test]
fn what_cannot_be_read_is_answered_or_dropped_and_told() {
    let mut wire = Wire::new();
    wire.inject(Side::Carrier, "nonsense\r\n\r\n");
    wire.inject(Side::Carrier, &request("INVITE", "").replace("CSeq: 1 INVITE", "CSeq: x"));
    wire.inject(Side::Carrier, "\r\n\r\n");
    assert_eq!(wire.sent.len(), 1);
    assert!(wire.sent[0].text.starts_with("SIP/2.0 400 "), "{}", wire.sent[0].text);
    let malformed: Vec<_> = wire
        .told
        .iter()
        .filter_map(|(_, _, event)| match event {
            Event::Malformed { status, .. } => Some(*status),
            _ => None,
        })
        .collect();
    assert_eq!(malformed, [None, Some(400)]);
}

#[test]
fn a_peer_above_its_legs_or_draining_gets_503_and_its_calls_go_on() {
    let mut wire = Wire::new();
    let mut peer = Peer::new(TRUNK, std::sync::Arc::new(policy()));
    peer.sources.push(Source::address(Side::Caller.address().ip()));
    peer.legs = 1;
    wire.carrier.set_peers(vec![peer.clone()]);
    wire.call();
    wire.run(300);
    let first = wire.incoming().leg;
    wire.call();
    wire.run(300);
    let refused = wire.sent.iter().find(|sent| sent.word() == "503 INVITE").unwrap();
    assert_eq!(refused.header("Retry-After"), Some("5"));
    assert_eq!(wire.incoming().leg, first);
    let now = wire.now();
    wire.carrier.respond(now, first, Response::new(486)).unwrap();
    wire.run(100);
    wire.call();
    wire.run(300);
    assert_ne!(wire.incoming().leg, first, "the place is free again");
    peer.intake = Intake::Draining;
    peer.legs = usize::MAX;
    wire.carrier.set_peers(vec![peer]);
    wire.call();
    wire.inject(Side::Carrier, &request("OPTIONS", ""));
    assert_eq!(wire.sent.last().unwrap().word(), "503 OPTIONS");
    wire.run(300);
    assert_eq!(wire.count("<503 INVITE"), 2);
    let (now, leg) = (wire.now(), wire.incoming().leg);
    wire.carrier.respond(now, leg, Response::new(404)).unwrap();
    assert!(wire.is_clean());
}

#[test]
fn a_call_that_nobody_answers_ends_with_480() {
    let mut wire = Wire::new();
    let patient = codecs::sip::ua::Policy { answer_time: None, ..policy() };
    let invite = wire.invitation(patient);
    wire.place(invite);
    wire.run(181_000);
    assert_eq!(wire.count("<480 INVITE"), 1);
    assert!(wire.is_clean());
}

#[test]
fn the_caller_of_the_endpoint_answers_what_it_serves() {
    let mut wire = Wire::configured(|_, config| config.serves.push(Method::Register), policy(), policy());
    wire.inject(Side::Carrier, &request("REGISTER", "Expires: 60\r\n"));
    let Some((_, _, Event::Request(asked))) = wire.told.last().cloned() else { panic!() };
    assert_eq!((asked.peer, asked.request.method()), (TRUNK, Some(Method::Register)));
    let now = wire.now();
    wire.carrier.answer_request(now, asked.id, Response::new(200).with_field("Expires", "60"));
    wire.settle();
    assert_eq!(wire.sent.last().unwrap().word(), "200 REGISTER");
    assert!(wire.is_clean());
}

#[test]
fn a_field_that_would_become_another_header_is_refused() {
    let mut wire = Wire::new();
    for (name, value) in [("X-A", "1\r\nX-B: 2"), ("X A", "1"), ("", "1")] {
        let mut invite = wire.invitation(policy());
        invite.fields.push(codecs::sip::ua::Field::new(name, value));
        let now = wire.now();
        assert_eq!(wire.caller.invite(now, invite), Err(codecs::sip::ua::Refusal::BadField));
    }
    assert!(wire.is_clean());
}

#[test]
fn every_message_of_a_leg_is_told_those_after_its_end_too() {
    let mut wire = Wire::configured(|_, config| config.tells_messages = true, policy(), policy());
    wire.call();
    wire.run(300);
    let (now, leg) = (wire.now(), wire.incoming().leg);
    wire.carrier.respond(now, leg, Response::new(486)).unwrap();
    assert!(wire.is_clean());
    let refused = ["INVITE sip:", "SIP/2.0 100", "SIP/2.0 486", "ACK sip:+86"];
    assert_eq!(ladder(&wire, Side::Caller), refused);
    assert_eq!(ladder(&wire, Side::Carrier), refused);

    let mut wire = Wire::configured(|_, config| config.tells_messages = true, policy(), policy());
    let ours = wire.call();
    wire.run(300);
    let (now, leg) = (wire.now(), wire.incoming().leg);
    wire.carrier.respond(now, leg, Response::new(200).with_sdp(super::wire::ANSWER)).unwrap();
    wire.run(300);
    let now = wire.now();
    wire.caller.hangup(now, ours, codecs::sip::ua::Hangup::new(codecs::sip::cause::Own::HungUp)).unwrap();
    assert!(wire.is_clean());
    let talked = ["INVITE s", "SIP/2.0 ", "SIP/2.0 ", "ACK sip:", "BYE sip:", "SIP/2.0 "];
    for side in [Side::Caller, Side::Carrier] {
        let ladder: Vec<_> = ladder(&wire, side).iter().map(|line| line[..8].to_owned()).collect();
        assert_eq!(ladder, talked, "{side:?}");
    }
}

#[test]
fn what_is_sent_or_comes_again_is_told_again() {
    let mut wire = Wire::configured(|_, config| config.tells_messages = true, policy(), policy());
    wire.call();
    wire.run(300);
    // The carrier does not hear the ACK, and says its refusal again.
    let mut left = 1;
    wire.rule = Box::new(move |sent| match sent.word().as_str() {
        "ACK" if left > 0 => {
            left -= 1;
            Fate::Lost
        }
        _ => Fate::Arrives,
    });
    let (now, leg) = (wire.now(), wire.incoming().leg);
    wire.carrier.respond(now, leg, Response::new(486)).unwrap();
    assert!(wire.is_clean());
    let expected = ["INVITE sip:", "SIP/2.0 100", "SIP/2.0 486", "ACK sip:+86", "SIP/2.0 486", "ACK sip:+86"];
    assert_eq!(ladder(&wire, Side::Caller), expected);
}

/// How the messages begin that were told of the leg of this side.
fn ladder(wire: &Wire, of: Side) -> Vec<String> {
    wire.told
        .iter()
        .filter(|(_, side, _)| *side == of)
        .filter_map(|(_, _, event)| match event {
            Event::Leg { what: LegEvent::Message { octets, .. }, .. } => {
                Some(String::from_utf8_lossy(&octets[..11]).into_owned())
            }
            _ => None,
        })
        .collect()
}
