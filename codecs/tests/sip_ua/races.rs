//! Messages that cross or get lost: RFC 5407's races and practice's, by name.

use codecs::sip::{
    cause::{End, Own},
    ua::{Hangup, LegEvent, Response},
};

use super::{
    calls::{answered, ended},
    wire::{ANSWER, Fate, Side, Wire, delay, lose},
};

fn hang_up(wire: &mut Wire, side: Side, leg: codecs::sip::ua::LegId) {
    let now = wire.now();
    wire.endpoint(side).hangup(now, leg, Hangup::new(Own::HungUp)).unwrap();
    wire.settle();
}

/// A call that rings at the carrier.
fn ringing() -> (Wire, codecs::sip::ua::LegId, codecs::sip::ua::LegId) {
    let mut wire = Wire::new();
    let ours = wire.call();
    wire.run(300);
    let theirs = wire.incoming().leg;
    let now = wire.now();
    wire.carrier.respond(now, theirs, Response::new(180)).unwrap();
    wire.run(100);
    (wire, ours, theirs)
}

fn answer(wire: &mut Wire, leg: codecs::sip::ua::LegId) {
    let now = wire.now();
    wire.carrier.respond(now, leg, Response::new(200).with_sdp(ANSWER)).unwrap();
    wire.settle();
}

#[test]
fn cancel_crosses_200_to_invite() {
    let (mut wire, ours, theirs) = ringing();
    answer(&mut wire, theirs);
    hang_up(&mut wire, Side::Caller, ours);
    assert!(wire.is_clean());
    assert_eq!(
        wire.ladder()[3..],
        ["<200 INVITE", ">CANCEL", ">ACK", ">BYE", "<200 CANCEL", "<200 BYE"].map(String::from).to_vec()[..]
    );
    assert_eq!(wire.story(Side::Caller), ["sent", "progress", "ringing", "answered", "ended"]);
    let end = ended(&wire, Side::Caller).evidence;
    assert_eq!((end.end, end.own, end.answered), (End::CancelSent, Some(Own::HungUp), true));
    assert_eq!(ended(&wire, Side::Carrier).evidence.end, End::ByeReceived);
}

#[test]
fn a_cancel_waits_for_a_provisional_response() {
    let mut wire = Wire::new();
    let ours = wire.call();
    hang_up(&mut wire, Side::Caller, ours);
    assert_eq!(wire.ladder(), [">INVITE"]);
    assert!(wire.is_clean());
    assert_eq!(wire.ladder(), [">INVITE", "<100 INVITE", ">CANCEL", "<200 CANCEL", "<487 INVITE", ">ACK"]);
    assert_eq!(wire.sent[2].header("Reason"), Some("Q.850;cause=16"));
    assert_eq!(wire.sent[2].header("Via"), wire.sent[0].header("Via"));
    assert_eq!(ended(&wire, Side::Carrier).evidence.q850(), Some(16));
}

#[test]
fn a_final_response_comes_before_any_cancel_could_be_sent() {
    let mut wire = Wire::new();
    let ours = wire.call();
    hang_up(&mut wire, Side::Caller, ours);
    wire.run(15);
    let theirs = wire.incoming().leg;
    answer(&mut wire, theirs);
    assert!(wire.is_clean());
    assert_eq!(wire.ladder(), [">INVITE", "<200 INVITE", ">ACK", ">BYE", "<200 BYE"]);
    assert!(ended(&wire, Side::Caller).evidence.answered);
}

#[test]
fn cancel_reaches_the_uas_after_its_200_is_lost() {
    let (mut wire, ours, theirs) = ringing();
    wire.rule = lose(Side::Carrier, "200 INVITE", 1);
    answer(&mut wire, theirs);
    wire.run(100);
    hang_up(&mut wire, Side::Caller, ours);
    assert!(wire.is_clean());
    assert_eq!(wire.count("<487 INVITE"), 0);
    assert_eq!(wire.count("<200 INVITE"), 2);
    assert_eq!(ended(&wire, Side::Caller).evidence.end, End::CancelSent);
}

#[test]
fn a_repeated_invite_after_the_2xx_is_absorbed() {
    let (mut wire, ours, _) = answered();
    let invite = wire.sent[0].text.clone();
    let before = wire.sent.len();
    wire.inject(Side::Carrier, &invite);
    assert_eq!(wire.sent.len(), before);
    hang_up(&mut wire, Side::Caller, ours);
    assert!(wire.is_clean());
}

#[test]
fn a_lost_2xx_is_sent_again() {
    let (mut wire, ours, theirs) = ringing();
    wire.rule = lose(Side::Carrier, "200 INVITE", 2);
    answer(&mut wire, theirs);
    wire.run(3000);
    let instants: Vec<_> =
        wire.sent.iter().filter(|sent| sent.word() == "200 INVITE").map(|sent| sent.at - 400).collect();
    assert_eq!(instants, [0, 500, 1500]);
    assert_eq!(wire.count(">ACK"), 1);
    hang_up(&mut wire, Side::Caller, ours);
    assert!(wire.is_clean());
}

#[test]
fn a_lost_ack_is_sent_again_with_the_same_octets() {
    let (mut wire, ours, theirs) = ringing();
    wire.rule = lose(Side::Caller, "ACK", 2);
    answer(&mut wire, theirs);
    wire.run(5000);
    let acks: Vec<_> = wire.sent.iter().filter(|sent| sent.word() == "ACK").collect();
    assert_eq!(acks.len(), 3);
    assert!(acks.iter().all(|ack| ack.text == acks[0].text));
    assert_eq!(wire.story(Side::Carrier), ["answered", "confirmed"]);
    hang_up(&mut wire, Side::Caller, ours);
    assert!(wire.is_clean());
}

#[test]
fn without_any_ack_the_callee_ends_with_bye() {
    let (mut wire, _, theirs) = ringing();
    wire.rule = lose(Side::Caller, "ACK", usize::MAX);
    answer(&mut wire, theirs);
    assert!(wire.is_clean());
    assert_eq!(wire.count("<200 INVITE"), 11);
    assert_eq!(wire.count("<BYE"), 1);
    let end = ended(&wire, Side::Carrier).evidence;
    assert_eq!((end.end, end.own), (End::ByeSent, Some(Own::NoResponse)));
    assert_eq!(ended(&wire, Side::Caller).evidence.end, End::ByeReceived);
}

#[test]
fn a_bye_arrives_before_the_ack() {
    let (mut wire, ours, theirs) = ringing();
    wire.rule = delay(Side::Caller, "ACK", 200);
    answer(&mut wire, theirs);
    wire.run(50);
    hang_up(&mut wire, Side::Caller, ours);
    assert!(wire.is_clean());
    assert_eq!((wire.count("<200 INVITE"), wire.count("<200 BYE")), (1, 1));
    assert_eq!(ended(&wire, Side::Carrier).evidence.end, End::ByeReceived);
}

#[test]
fn the_callee_waits_for_the_ack_before_its_bye() {
    let (mut wire, _, theirs) = ringing();
    wire.rule = delay(Side::Caller, "ACK", 300);
    answer(&mut wire, theirs);
    hang_up(&mut wire, Side::Carrier, theirs);
    wire.run(200);
    assert_eq!(wire.count("<BYE"), 0);
    assert!(wire.is_clean());
    assert_eq!((wire.count("<BYE"), wire.count(">200 BYE")), (1, 1));
    assert_eq!(ended(&wire, Side::Carrier).evidence.end, End::ByeSent);
}

#[test]
fn both_sides_say_bye() {
    let (mut wire, ours, theirs) = answered();
    hang_up(&mut wire, Side::Caller, ours);
    hang_up(&mut wire, Side::Carrier, theirs);
    assert!(wire.is_clean());
    assert_eq!((wire.count("<200 BYE"), wire.count(">200 BYE")), (1, 1));
    assert_eq!(ended(&wire, Side::Caller).evidence.end, End::ByeSent);
    assert_eq!(ended(&wire, Side::Carrier).evidence.end, End::ByeSent);
}

#[test]
fn a_lost_bye_is_sent_again_and_a_bye_that_nobody_answers_ends_too() {
    let (mut wire, ours, _) = answered();
    wire.rule = lose(Side::Caller, "BYE", 3);
    hang_up(&mut wire, Side::Caller, ours);
    wire.run(10_000);
    assert_eq!((wire.count(">BYE"), wire.count("<200 BYE")), (4, 1));
    assert!(wire.is_clean());

    let (mut wire, ours, theirs) = answered();
    wire.rule = Box::new(|_| Fate::Lost);
    hang_up(&mut wire, Side::Caller, ours);
    hang_up(&mut wire, Side::Carrier, theirs);
    assert!(wire.is_clean());
    assert_eq!(wire.count(">BYE"), 11);
}

#[test]
fn an_ack_after_the_end_and_a_180_after_the_200_do_nothing() {
    let (mut wire, ours, _) = answered();
    let ringing = wire.sent.iter().find(|sent| sent.word() == "180 INVITE").unwrap().text.clone();
    let ack = wire.sent.iter().find(|sent| sent.word() == "ACK").unwrap().text.clone();
    let before = wire.told.len();
    wire.inject(Side::Caller, &ringing);
    assert_eq!(wire.told.len(), before);
    hang_up(&mut wire, Side::Caller, ours);
    wire.run(1000);
    let before = (wire.told.len(), wire.sent.len());
    wire.inject(Side::Carrier, &ack);
    assert_eq!((wire.told.len(), wire.sent.len()), before);
    assert!(wire.is_clean());
}

#[test]
fn a_second_fork_that_answers_gets_ack_and_bye() {
    let (mut wire, ours, theirs) = ringing();
    let now = wire.now();
    let mut other = Response::new(183);
    other.fork = 1;
    wire.carrier.respond(now, theirs, other).unwrap();
    answer(&mut wire, theirs);
    let now = wire.now();
    let mut other = Response::new(200).with_sdp(ANSWER);
    other.fork = 2;
    wire.carrier.respond(now, theirs, other).unwrap();
    wire.run(1000);
    assert_eq!((wire.count(">ACK"), wire.count(">BYE"), wire.count("<200 BYE")), (2, 1, 1));
    let bye = wire.sent.iter().find(|sent| sent.word() == "BYE").unwrap();
    assert_eq!(bye.header("Reason"), Some("SIP;cause=200;text=\"Call completed elsewhere\""));
    let answers =
        wire.events(Side::Caller).iter().filter(|one| matches!(one, LegEvent::Answered { .. })).count();
    assert_eq!(answers, 1);
    hang_up(&mut wire, Side::Caller, ours);
    assert!(wire.is_clean());
    assert_eq!(ended(&wire, Side::Carrier).evidence.end, End::ByeReceived);
}

#[test]
fn ringing_and_early_media_come_in_either_order_and_once() {
    for statuses in [[180, 183], [183, 180]] {
        let mut wire = Wire::new();
        let ours = wire.call();
        wire.run(300);
        let leg = wire.incoming().leg;
        for status in statuses.into_iter().chain(statuses) {
            let now = wire.now();
            let mut response = Response::new(status);
            response.reliability = codecs::sip::ua::Reliability::Unreliable;
            if status == 183 {
                response = response.with_sdp(ANSWER);
            }
            wire.carrier.respond(now, leg, response).unwrap();
            wire.run(50);
        }
        let story = wire.story(Side::Caller);
        let times = |word| story.iter().filter(|own| **own == word).count();
        assert_eq!((times("ringing"), times("early media")), (1, 1), "{story:?}");
        hang_up(&mut wire, Side::Caller, ours);
        assert!(wire.is_clean());
    }
}

#[test]
fn a_request_for_a_dialog_that_is_gone_gets_481() {
    let (mut wire, ours, _) = answered();
    hang_up(&mut wire, Side::Caller, ours);
    let bye = wire.sent.iter().find(|sent| sent.word() == "BYE").unwrap().text.clone();
    assert!(wire.is_clean());
    let before = wire.sent.len();
    wire.inject(Side::Carrier, &bye);
    assert_eq!(wire.sent[before].word(), "481 BYE");
}

#[test]
fn a_reinvite_that_lets_a_bye_go_is_answered_481() {
    let (mut wire, ours, theirs) = ringing();
    wire.rule = lose(Side::Caller, "ACK", usize::MAX);
    answer(&mut wire, theirs);
    wire.run(50);
    // The callee's BYE waits for the ACK; the re-INVITE says as much.
    hang_up(&mut wire, Side::Carrier, theirs);
    let now = wire.now();
    wire.caller.offer(now, ours, codecs::sip::ua::Body::sdp(ANSWER)).unwrap();
    wire.run(50);
    assert_eq!((wire.count("<BYE"), wire.count("<481 INVITE"), wire.count("<200 INVITE")), (1, 1, 1));
    assert!(wire.is_clean());
}

#[test]
fn a_bye_that_waited_for_an_ack_in_vain_still_says_why() {
    let (mut wire, _, theirs) = ringing();
    wire.rule = lose(Side::Caller, "ACK", usize::MAX);
    answer(&mut wire, theirs);
    hang_up(&mut wire, Side::Carrier, theirs);
    wire.run(33_000);
    assert_eq!(ended(&wire, Side::Carrier).evidence.own, Some(Own::HungUp));
    assert!(wire.is_clean());
}

#[test]
fn a_callee_whose_request_meets_nobody_waits_for_its_ack_all_the_same() {
    let (mut wire, _, theirs) = ringing();
    wire.rule = lose(Side::Caller, "ACK", usize::MAX);
    answer(&mut wire, theirs);
    wire.run(50);
    let now = wire.now();
    let body =
        codecs::sip::ua::Body { content_type: "application/dtmf-relay".into(), octets: "Signal=5".into() };
    wire.carrier.info(now, theirs, body).unwrap();
    wire.settle();
    wire.restart(Side::Caller);
    wire.run(100);
    assert_eq!((wire.count(">481 INFO"), wire.count("<BYE")), (1, 0));
    wire.run(33_000);
    assert_eq!(wire.count("<BYE"), 1);
    assert!(wire.is_clean());
}

#[test]
fn a_fork_that_speaks_again_after_its_early_dialog_was_lost_is_ended_with_a_number_of_its_own() {
    let mut wire = Wire::new();
    wire.call();
    wire.run(300);
    let theirs = wire.incoming().leg;
    // Its PRACK finds nobody, so the caller gives the call up, and then it answers.
    wire.rule = Box::new(|sent| match (sent.from, sent.word().as_str()) {
        (Side::Caller, "PRACK" | "CANCEL") => Fate::Lost,
        (Side::Carrier, "200 INVITE") => Fate::Late(1500),
        _ => Fate::Arrives,
    });
    let now = wire.now();
    let ringing = Response { reliability: codecs::sip::ua::Reliability::Reliable, ..Response::new(180) };
    wire.carrier.respond(now, theirs, ringing).unwrap();
    wire.run(31_500);
    answer(&mut wire, theirs);
    wire.run(5000);
    let numbers: Vec<_> = wire
        .sent
        .iter()
        .filter(|sent| matches!(sent.word().as_str(), "PRACK" | "BYE") && sent.from == Side::Caller)
        .map(|sent| sent.header("CSeq").unwrap().to_owned())
        .collect();
    assert_eq!((numbers.first().unwrap().as_str(), numbers.last().unwrap().as_str()), ("2 PRACK", "3 BYE"));
    assert!(wire.is_clean());
}
