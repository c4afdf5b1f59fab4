//! Mid-call: offers in both directions and where they meet, reliable provisional responses, session timers, INFO.

use codecs::sip::{
    cause::{End, Own},
    ua::{Body, Hangup, LegEvent, LegId, Policy, Reliability, Reliable, Response, SessionTimer},
};

use super::{
    calls::{answered, ended},
    wire::{ANSWER, OFFER, Side, Wire, lose, policy},
};

const HOLD: &[u8] = b"v=0\r\no=- 7001 2 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 30000 RTP/AVP 8\r\na=sendonly\r\n";
const HELD: &[u8] = b"v=0\r\no=carrier 5501 2 IN IP4 198.51.100.40\r\ns=-\r\nc=IN IP4 198.51.100.40\r\nt=0 0\r\nm=audio 41000 RTP/AVP 8\r\na=recvonly\r\n";

fn end(mut wire: Wire, ours: LegId) {
    let now = wire.now();
    wire.caller.hangup(now, ours, Hangup::new(Own::HungUp)).unwrap();
    assert!(wire.is_clean());
}

#[test]
fn a_reinvite_is_offered_and_answered_in_both_directions() {
    for side in [Side::Caller, Side::Carrier] {
        let (mut wire, ours, theirs) = answered();
        let (asks, answers) = if side == Side::Caller { (ours, theirs) } else { (theirs, ours) };
        let now = wire.now();
        wire.endpoint(side).offer(now, asks, Body::sdp(HOLD)).unwrap();
        wire.run(50);
        let Some(LegEvent::SessionOffer { sdp }) = wire.events(side.other()).last().copied() else {
            panic!()
        };
        assert_eq!(&sdp[..], HOLD);
        let now = wire.now();
        wire.endpoint(side.other()).accept_offer(now, answers, Body::sdp(HELD)).unwrap();
        wire.run(50);
        let Some(LegEvent::SessionChanged { sdp }) = wire.events(side).last().copied() else { panic!() };
        assert_eq!(&sdp[..], HELD);
        end(wire, ours);
    }
}

#[test]
fn a_refused_reinvite_leaves_the_session_as_it_was() {
    let (mut wire, ours, theirs) = answered();
    let now = wire.now();
    wire.caller.offer(now, ours, Body::sdp(HOLD)).unwrap();
    assert_eq!(wire.caller.offer(now, ours, Body::sdp(HOLD)), Err(codecs::sip::ua::Refusal::OfferOpen));
    wire.run(50);
    let now = wire.now();
    wire.carrier.refuse_offer(now, theirs, 488).unwrap();
    wire.run(50);
    assert!(matches!(wire.events(Side::Caller).last(), Some(LegEvent::OfferFailed { status: 488 })));
    end(wire, ours);
}

#[test]
fn offers_that_meet_get_491_and_both_come_through_in_the_end() {
    let (mut wire, ours, theirs) = answered();
    let now = wire.now();
    wire.caller.offer(now, ours, Body::sdp(HOLD)).unwrap();
    wire.carrier.offer(now, theirs, Body::sdp(HELD)).unwrap();
    wire.settle();
    let met = wire.clock;
    wire.run(60);
    assert_eq!((wire.count(">491 INVITE"), wire.count("<491 INVITE")), (1, 1));
    let mut answers = 0;
    for _ in 0..600 {
        wire.run(10);
        for (side, leg) in [(Side::Caller, ours), (Side::Carrier, theirs)] {
            let now = wire.now();
            if wire.endpoint(side).accept_offer(now, leg, Body::sdp(ANSWER)).is_ok() {
                answers += 1;
            }
        }
    }
    assert_eq!(answers, 2);
    for side in [Side::Caller, Side::Carrier] {
        assert_eq!(wire.story(side).iter().filter(|name| **name == "changed").count(), 1);
    }
    // Who made the Call-ID waits longer.
    let again = |wire: &Wire, side| {
        let of = |sent: &&super::wire::Sent| sent.from == side && sent.word() == "INVITE" && sent.at > met;
        wire.sent.iter().find(of).unwrap().at - met
    };
    assert!((2100..=4100).contains(&again(&wire, Side::Caller)));
    assert!(again(&wire, Side::Carrier) <= 2100);
    end(wire, ours);
}

#[test]
fn an_offer_that_nobody_answers_is_refused_in_time() {
    let (mut wire, ours, _) = answered();
    let now = wire.now();
    wire.caller.offer(now, ours, Body::sdp(HOLD)).unwrap();
    wire.run(11_000);
    assert_eq!(wire.count("<500 INVITE"), 1);
    assert!(
        wire.story(Side::Carrier).contains(&"withdrawn"),
        "whoever was asked hears that it need not answer"
    );
    end(wire, ours);
}

#[test]
fn a_lost_ack_to_a_reinvite_is_sent_again() {
    let (mut wire, ours, theirs) = answered();
    let now = wire.now();
    wire.caller.offer(now, ours, Body::sdp(HOLD)).unwrap();
    wire.run(50);
    wire.rule = lose(Side::Caller, "ACK", 1);
    let now = wire.now();
    wire.carrier.accept_offer(now, theirs, Body::sdp(HELD)).unwrap();
    wire.run(2000);
    assert_eq!(wire.count("<200 INVITE"), 3);
    assert_eq!(wire.story(Side::Caller).iter().filter(|name| **name == "changed").count(), 1);
    end(wire, ours);
}

#[test]
fn an_invite_without_an_offer_is_answered_in_the_ack() {
    let mut wire = Wire::new();
    let mut invite = wire.invitation(policy());
    invite.body = None;
    let ours = wire.place(invite);
    wire.run(300);
    assert_eq!(wire.incoming().sdp, None);
    let (now, theirs) = (wire.now(), wire.incoming().leg);
    wire.carrier.respond(now, theirs, Response::new(200).with_sdp(ANSWER)).unwrap();
    wire.run(100);
    assert_eq!(wire.count(">ACK"), 0);
    let now = wire.now();
    wire.caller.accept_offer(now, ours, Body::sdp(OFFER)).unwrap();
    wire.run(100);
    assert_eq!(wire.story(Side::Caller), ["sent", "progress", "answered", "offer"]);
    assert_eq!(wire.story(Side::Carrier), ["answered", "changed", "confirmed"]);
    end(wire, ours);
}

#[test]
fn an_answer_without_sdp_is_acknowledged_and_ended() {
    let mut wire = Wire::new();
    wire.call();
    wire.run(300);
    let now = wire.now();
    wire.carrier.respond(now, wire.incoming().leg, Response::new(200)).unwrap();
    assert!(wire.is_clean());
    assert_eq!((wire.count(">ACK"), wire.count(">BYE")), (1, 1));
    assert_eq!(ended(&wire, Side::Caller).evidence.own, Some(Own::Media));
}

#[test]
fn a_preview_stands_when_the_200_has_no_sdp_and_gives_way_when_it_has() {
    for last in [None, Some(HELD)] {
        let mut wire = Wire::new();
        let ours = wire.call();
        wire.run(300);
        let theirs = wire.incoming().leg;
        let now = wire.now();
        let mut early = Response::new(183).with_sdp(ANSWER);
        early.reliability = Reliability::Unreliable;
        wire.carrier.respond(now, theirs, early).unwrap();
        wire.run(300);
        let now = wire.now();
        let mut answer = Response::new(200);
        answer.body = last.map(Body::sdp);
        wire.carrier.respond(now, theirs, answer).unwrap();
        wire.run(100);
        let Some(LegEvent::Answered { sdp, .. }) = wire.events(Side::Caller).last().copied() else {
            panic!()
        };
        assert_eq!(sdp.as_deref(), Some(last.unwrap_or(ANSWER)));
        end(wire, ours);
    }
}

#[test]
fn reliable_responses_go_one_at_a_time_and_the_200_waits_for_their_prack() {
    let mut wire = Wire::new();
    let ours = wire.call();
    wire.run(300);
    let theirs = wire.incoming().leg;
    wire.rule = lose(Side::Caller, "PRACK", 1);
    let now = wire.now();
    wire.carrier.respond(now, theirs, Response::new(183).with_sdp(ANSWER)).unwrap();
    let mut ringing = Response::new(180);
    ringing.reliability = Reliability::Reliable;
    wire.carrier.respond(now, theirs, ringing).unwrap();
    wire.carrier.respond(now, theirs, Response::new(200)).unwrap();
    wire.run(400);
    assert_eq!((wire.count("<183 INVITE"), wire.count("<180 INVITE"), wire.count("<200 INVITE")), (1, 0, 0));
    wire.run(2000);
    let reliable: Vec<_> = wire
        .sent
        .iter()
        .filter_map(|sent| sent.header("RSeq"))
        .map(|number| number.parse::<u32>().unwrap())
        .collect();
    assert_eq!(reliable[0] + 1, *reliable.last().unwrap());
    assert_eq!(wire.count("<200 INVITE"), 1);
    let Some(LegEvent::Answered { sdp, .. }) = wire.events(Side::Caller).last().copied() else { panic!() };
    assert_eq!(sdp.as_deref(), Some(ANSWER));
    end(wire, ours);
}

#[test]
fn a_reliable_response_that_nobody_confirms_ends_the_call_with_504() {
    let mut wire = Wire::new();
    wire.call();
    wire.run(300);
    wire.rule = lose(Side::Caller, "PRACK", usize::MAX);
    let now = wire.now();
    wire.carrier.respond(now, wire.incoming().leg, Response::new(183).with_sdp(ANSWER)).unwrap();
    assert!(wire.is_clean());
    assert_eq!(wire.count("<183 INVITE"), 7);
    assert_eq!(ended(&wire, Side::Carrier).evidence.own, Some(Own::NoResponse));
}

#[test]
fn demanding_100rel_of_a_carrier_without_it_is_taken_back_after_420() {
    let ours = Policy { reliable: Reliable::Required, ..policy() };
    let theirs = Policy { reliable: Reliable::Off, ..policy() };
    let mut wire = Wire::with(ours.clone(), theirs);
    let invite = wire.invitation(ours);
    wire.place(invite);
    wire.run(300);
    assert_eq!(wire.ladder(), [">INVITE", "<420 INVITE", ">ACK", ">INVITE", "<100 INVITE"]);
    assert_eq!(wire.sent[3].header("Supported"), Some("timer"));
    assert_eq!(wire.sent[3].header("CSeq"), Some("2 INVITE"));
}

#[test]
fn too_short_a_session_is_raised_after_422() {
    let timer = |interval, min_se| Policy {
        session_timer: Some(SessionTimer { interval: Some(interval), min_se, ..SessionTimer::default() }),
        ..policy()
    };
    let mut wire = Wire::with(timer(100, 90), timer(1800, 600));
    let invite = wire.invitation(timer(100, 90));
    wire.place(invite);
    wire.run(300);
    assert_eq!(wire.ladder(), [">INVITE", "<422 INVITE", ">ACK", ">INVITE", "<100 INVITE"]);
    assert_eq!(wire.sent[3].header("Session-Expires"), Some("600"));
    assert_eq!(wire.sent[3].header("Min-SE"), Some("600"));
}

#[test]
fn sessions_are_refreshed_for_as_long_as_the_call_lasts() {
    let (mut wire, ours, _) = answered();
    wire.run(3 * 3600 * 1000);
    assert_eq!(wire.count(">UPDATE"), 12);
    assert_eq!(wire.count("<200 UPDATE"), 12);
    assert!(!wire.story(Side::Caller).contains(&"ended"));
    end(wire, ours);
}

#[test]
fn a_session_that_nobody_refreshes_is_ended_by_the_watcher() {
    let (mut wire, ..) = answered();
    wire.rule = Box::new(|_| super::wire::Fate::Lost);
    wire.run(1_900_000);
    let end = ended(&wire, Side::Carrier).evidence;
    assert_eq!((end.end, end.own), (End::ByeSent, Some(Own::SessionExpired)));
    // The refresher noticed earlier that nobody answers.
    assert_eq!(ended(&wire, Side::Caller).evidence.own, Some(Own::NoResponse));
    assert!(wire.is_clean());
}

#[test]
fn digits_keep_their_order_though_the_network_loses_one() {
    let (mut wire, ours, _) = answered();
    wire.rule = lose(Side::Caller, "INFO", 1);
    let now = wire.now();
    for digit in ['1', '2', '3'] {
        let body = Body {
            content_type: "application/dtmf-relay".into(),
            octets: format!("Signal={digit}\r\nDuration=160\r\n").into(),
        };
        wire.caller.info(now, ours, body).unwrap();
    }
    wire.run(5_000);
    let digit = |event: &LegEvent| if let LegEvent::Dtmf { digit, .. } = event { Some(*digit) } else { None };
    let arrived: Vec<_> = wire.events(Side::Carrier).into_iter().filter_map(digit).collect();
    assert_eq!(arrived, b"123");
    end(wire, ours);
}

#[test]
fn digits_arrive_by_info_and_transfers_are_refused_but_told() {
    let (mut wire, ours, _) = answered();
    let now = wire.now();
    let body =
        Body { content_type: "application/dtmf-relay".into(), octets: "Signal=5\r\nDuration=160\r\n".into() };
    wire.caller.info(now, ours, body).unwrap();
    wire.run(50);
    assert!(matches!(
        wire.events(Side::Carrier).last(),
        Some(LegEvent::Dtmf { digit: b'5', duration_ms: Some(160) })
    ));
    assert!(matches!(wire.events(Side::Caller).last(), Some(LegEvent::InfoAnswered { status: 200 })));
    let info = wire.sent.iter().find(|sent| sent.word() == "INFO").unwrap().text.clone();
    let (head, _) = info.split_once("Max-Forwards").unwrap();
    let head = head.replace("INFO", "REFER").replace("CSeq: 2", "CSeq: 3").replace("z9hG4bK", "z9hG4bKr");
    wire.inject(
        Side::Carrier,
        &format!("{head}Refer-To: <sip:x@y>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"),
    );
    assert_eq!(wire.sent.last().unwrap().word(), "603 REFER");
    assert!(matches!(wire.events(Side::Carrier).last(), Some(LegEvent::TransferAsked { .. })));
    let (now, theirs) = (wire.now(), wire.incoming().leg);
    wire.carrier.hangup(now, theirs, Hangup::new(Own::HungUp)).unwrap();
    assert!(wire.is_clean());
}

#[test]
fn a_200_that_waited_for_a_prack_is_forgotten_once_the_call_is_over() {
    let mut wire = Wire::new();
    let ours = wire.call();
    wire.run(300);
    let theirs = wire.incoming().leg;
    wire.rule = super::wire::delay(Side::Caller, "PRACK", 500);
    let now = wire.now();
    wire.carrier.respond(now, theirs, Response::new(183).with_sdp(ANSWER)).unwrap();
    wire.carrier.respond(now, theirs, Response::new(200)).unwrap();
    wire.run(100);
    // The CANCEL overtakes the PRACK.
    let now = wire.now();
    wire.caller.hangup(now, ours, Hangup::new(Own::HungUp)).unwrap();
    assert!(wire.is_clean());
    assert_eq!((wire.count("<487 INVITE"), wire.count("<200 INVITE")), (1, 0));
    assert_eq!(wire.story(Side::Carrier), ["ended"]);
}
