//! Targets tried one after the other, credentials, and requests outside calls.

use std::time::Duration;

use codecs::sip::{
    Target, Transport,
    cause::{End, Own},
    ua::{
        AttemptFailure, Event, Failover, LegEvent, Options, OutsideOutcome, Policy, Response,
        registration::Register,
    },
};

use super::{
    calls::ended,
    wire::{ANSWER, Fate, Side, TRUNK, Wire, policy},
};

/// A call with two targets, of which the first is nobody.
fn two_targets(failover: Failover) -> Wire {
    let mut wire = Wire::new();
    let mut invite = wire.invitation(Policy { failover, ..policy() });
    invite.targets.insert(0, Target::new(Transport::Udp, "203.0.113.9:5060".parse().unwrap()));
    wire.place(invite);
    wire
}

#[test]
fn a_silent_target_is_given_up_for_the_next_one_with_the_same_identity() {
    let mut wire = two_targets(Failover::default());
    wire.run(7000);
    assert!(matches!(
        wire.events(Side::Caller)[1],
        LegEvent::Attempt { failure: AttemptFailure::Silence, .. }
    ));
    let invites: Vec<_> = wire.sent.iter().filter(|sent| sent.word() == "INVITE").collect();
    let (first, last) = (invites[0], invites[invites.len() - 1]);
    for name in ["Call-ID", "CSeq", "From"] {
        assert_eq!(first.header(name), last.header(name));
    }
    assert_ne!(first.header("Via"), last.header("Via"));
    assert_eq!(last.at, 6000);
    let (now, leg) = (wire.now(), wire.incoming().leg);
    wire.carrier.respond(now, leg, Response::new(486)).unwrap();
    assert!(wire.is_clean());
    assert_eq!(ended(&wire, Side::Caller).evidence.status, Some(486));
}

#[test]
fn a_target_that_refuses_is_followed_only_where_the_policy_says_so() {
    for (status, statuses, attempts) in
        [(503, vec![], 2), (500, vec![], 1), (500, vec![500], 2), (486, vec![500], 1)]
    {
        let mut wire = Wire::new();
        let failover = Failover { statuses, ..Failover::default() };
        let mut invite = wire.invitation(Policy { failover, ..policy() });
        let again = invite.targets[0].clone();
        invite.targets.push(again);
        wire.place(invite);
        wire.run(50);
        let (now, leg) = (wire.now(), wire.incoming().leg);
        wire.carrier.respond(now, leg, Response::new(status)).unwrap();
        wire.run(50);
        assert_eq!(wire.count(">INVITE"), attempts, "{status}");
        if attempts == 2 {
            let (now, leg) = (wire.now(), wire.incoming().leg);
            wire.carrier.respond(now, leg, Response::new(404)).unwrap();
        }
        assert!(wire.is_clean());
    }
}

#[test]
fn a_target_that_rang_is_the_last() {
    let mut wire = Wire::new();
    let mut invite = wire.invitation(policy());
    let again = invite.targets[0].clone();
    invite.targets.push(again);
    wire.place(invite);
    wire.run(50);
    let (now, leg) = (wire.now(), wire.incoming().leg);
    wire.carrier.respond(now, leg, Response::new(180)).unwrap();
    wire.carrier.respond(now, leg, Response::new(503)).unwrap();
    assert!(wire.is_clean());
    assert_eq!(wire.count(">INVITE"), 1);
}

#[test]
fn a_late_answer_of_a_target_that_was_given_up_gets_ack_and_bye() {
    let mut wire = Wire::new();
    let failover = Failover { first_response: Some(Duration::from_secs(1)), ..Failover::default() };
    let mut invite = wire.invitation(Policy { failover, ..policy() });
    invite.targets.push(Target::new(Transport::Udp, "203.0.113.9:5060".parse().unwrap()));
    // The first target hears the call and is not heard for a while.
    wire.rule = Box::new(|sent| if sent.word() == "200 INVITE" { Fate::Late(1500) } else { Fate::Arrives });
    wire.place(invite);
    wire.run(50);
    let (now, leg) = (wire.now(), wire.incoming().leg);
    wire.carrier.respond(now, leg, Response::new(200).with_sdp(ANSWER)).unwrap();
    wire.run(4000);
    assert_eq!((wire.count(">ACK"), wire.count(">BYE")), (wire.count("<200 INVITE"), 1));
    assert!(!wire.story(Side::Caller).contains(&"answered"));
    assert!(wire.is_clean());
    assert_eq!(ended(&wire, Side::Carrier).evidence.end, End::ByeReceived);
    assert_eq!(ended(&wire, Side::Caller).evidence.own, Some(Own::NoResponse));
}

#[test]
fn a_target_that_says_no_more_than_100_is_cancelled_for_the_next_one() {
    let mut wire = Wire::new();
    let failover = Failover { progress: Some(Duration::from_secs(3)), ..Failover::default() };
    let mut invite = wire.invitation(Policy { failover, ..policy() });
    invite.targets.push(Target::new(Transport::Udp, "203.0.113.9:5060".parse().unwrap()));
    wire.place(invite);
    wire.run(3300);
    assert_eq!((wire.count(">CANCEL"), wire.count("<487 INVITE"), wire.count(">INVITE")), (1, 1, 2));
    assert_eq!(ended(&wire, Side::Carrier).evidence.end, End::CancelReceived);
    assert_eq!(wire.story(Side::Caller), ["sent", "progress", "attempt", "sent"]);
    assert!(wire.is_clean());
    assert_eq!(ended(&wire, Side::Caller).evidence.own, Some(Own::NoResponse));
}

#[test]
fn an_unreachable_target_is_left_at_once() {
    let mut wire = Wire::new();
    let mut invite = wire.invitation(policy());
    let good = invite.targets[0].clone();
    invite.targets.push(good);
    let now = wire.now();
    wire.caller.invite(now, invite).unwrap();
    let transmit = wire.caller.poll_transmit().unwrap();
    wire.caller.unreachable(now, transmit.transaction.unwrap());
    wire.run(50);
    assert!(matches!(
        wire.events(Side::Caller)[1],
        LegEvent::Attempt { failure: AttemptFailure::Unreachable, .. }
    ));
    let (now, leg) = (wire.now(), wire.incoming().leg);
    wire.carrier.respond(now, leg, Response::new(486)).unwrap();
    assert!(wire.is_clean());
}

#[test]
fn credentials_that_are_refused_end_the_call() {
    let mut wire = Wire::new();
    wire.call();
    for _ in 0..2 {
        wire.run(50);
        let challenge = "Digest realm=\"ims.example\", nonce=\"n1\", algorithm=SHA-256, qop=\"auth\"";
        let (now, leg) = (wire.now(), wire.incoming().leg);
        let response = Response::new(401).with_field("WWW-Authenticate", challenge);
        wire.carrier.respond(now, leg, response).unwrap();
    }
    assert!(wire.is_clean());
    assert_eq!(wire.count(">INVITE"), 2);
    assert_eq!(ended(&wire, Side::Caller).evidence.status, Some(401));
}

#[test]
fn a_register_is_challenged_and_comes_again_with_the_next_number() {
    let mut wire =
        Wire::configured(|_, config| config.serves.push(codecs::sip::Method::Register), policy(), policy());
    let register = Register {
        request_uri: "sip:ims.example".into(),
        address_of_record: "sip:+861088880000@ims.example".into(),
        contact: "sip:trunk7@192.0.2.5:5060".into(),
        expires: 3600,
        sequence: 5,
    };
    let now = wire.now();
    let target = Target::new(Transport::Udp, Side::Carrier.address());
    let id = wire.caller.register(now, TRUNK, target, &register, Vec::new()).unwrap();
    for answer in [
        Response::new(401).with_field("WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\", qop=\"auth\""),
        Response::new(200).with_field("Expires", "1800"),
    ] {
        wire.run(50);
        let asked = wire.told.iter().rev().find_map(|(_, _, event)| match event {
            Event::Request(asked) => Some(asked.id),
            _ => None,
        });
        let now = wire.now();
        wire.carrier.answer_request(now, asked.unwrap(), answer);
    }
    wire.run(50);
    let outcomes: Vec<_> = wire
        .told
        .iter()
        .filter_map(|(_, _, event)| match event {
            Event::Outside { id: own, outcome, .. } if *own == id => Some(match outcome {
                OutsideOutcome::Response(response) => format!("{}", response.status().unwrap()),
                other => format!("{other:?}"),
            }),
            _ => None,
        })
        .collect();
    assert_eq!(outcomes, ["Challenged", "200"]);
    let sent: Vec<_> = wire.sent.iter().filter(|sent| sent.word() == "REGISTER").collect();
    assert_eq!((sent[0].header("CSeq"), sent[1].header("CSeq")), (Some("5 REGISTER"), Some("6 REGISTER")));
    assert_eq!(sent[0].header("Call-ID"), sent[1].header("Call-ID"));
    assert!(sent[1].header("Authorization").is_some());
    assert!(wire.is_clean());
}

#[test]
fn a_probe_says_whether_the_target_lives() {
    for lives in [true, false] {
        let mut wire = Wire::new();
        if !lives {
            wire.rule = Box::new(|_| Fate::Lost);
        }
        let now = wire.now();
        let options = Options {
            peer: TRUNK,
            target: Target::new(Transport::Udp, Side::Carrier.address()),
            uri: "sip:198.51.100.40".into(),
            from: "<sip:trunk7@ims.example>".into(),
            contact_user: "trunk7".into(),
        };
        wire.caller.probe(now, options).unwrap();
        assert!(wire.is_clean());
        let Some((_, _, Event::Outside { outcome, .. })) = wire.told.last() else { panic!() };
        assert_eq!(matches!(outcome, OutsideOutcome::Response(_)), lives);
    }
}
