//! CANCEL and what it crosses.

use super::*;

/// An INVITE of the first end that rings at the second, and its CANCEL.
fn cancelled(reason: Option<&[u8]>) -> Pair {
    let mut pair = Pair::udp();
    let id = pair.send(A, "INVITE");
    pair.run_until(10);
    pair.respond(B, Method::Invite, 180);
    pair.run_until(1000);
    pair.ends[A].layer.cancel(pair.now, id, reason).unwrap();
    pair.flush();
    pair
}

#[test]
fn a_cancel_is_told_with_its_invite_and_both_are_answered() {
    let mut pair = cancelled(None);
    pair.run_until(1001);
    let (invite, _) = pair.latest(B, Method::Invite);
    let cancel = pair.ends[B].events.iter().find_map(|(_, event)| match event {
        Event::Request { cancels, request, .. } if request.method() == Some(Method::Cancel) => *cancels,
        _ => None,
    });
    assert_eq!(cancel, Some(invite));
    pair.respond(B, Method::Cancel, 200);
    pair.respond(B, Method::Invite, 487);
    pair.run_until(100_000);
    assert_eq!(pair.carried[2..], ["1000 > CANCEL", "1001 < 200 CANCEL", "1001 < 487 INVITE", "1002 > ACK"]);
    let told = ["11 180 INVITE", "1002 200 CANCEL", "1002 487 INVITE", "6002 ended", "33002 ended"];
    assert_eq!(pair.told(A), told);
    assert!(pair.is_idle());
}

#[test]
fn a_cancel_has_the_invites_identity_and_nothing_that_asks_for_extensions() {
    let mut pair = Pair::udp();
    let branch = pair.ends[A].layer.branch();
    let mut invite = Writer::request("INVITE", "sip:b@192.0.2.2");
    invite
        .field(
            Name::Via,
            format!("SIP/2.0/UDP 192.0.2.1:5060;rport;branch={}", str::from_utf8(&branch).unwrap()),
        )
        .field(Name::Route, "<sip:p1;lr>")
        .field(Name::From, "<sip:a@192.0.2.1>;tag=f")
        .field(Name::To, "<sip:b@192.0.2.2>")
        .field(Name::CallId, "c")
        .field(Name::Require, "100rel")
        .field(Name::ProxyRequire, "sec-agree")
        .cseq(5, "INVITE");
    let invite = invite.finish();
    let id = pair.send_it(A, &invite);
    pair.run_until(1);
    pair.respond(B, Method::Invite, 180);
    pair.run_until(2);
    pair.ends[A].layer.cancel(pair.now, id, Some(b"SIP;cause=487")).unwrap();
    let transmit = pair.ends[A].layer.poll_transmit().unwrap();
    assert_eq!(transmit.target, Target::new(Transport::Udp, pair.ends[B].address));
    let cancel = Message::parse(transmit.octets).unwrap();
    assert_eq!((cancel.method(), cancel.request_uri()), (Some(Method::Cancel), invite.request_uri()));
    for name in [Name::Via, Name::Route, Name::From, Name::To, Name::CallId] {
        assert_eq!(cancel.values(name).collect::<Vec<_>>(), invite.values(name).collect::<Vec<_>>());
    }
    assert_eq!(cancel.cseq().unwrap().number, 5);
    assert_eq!(cancel.field(Name::Reason), Some(&b"SIP;cause=487"[..]));
    assert_eq!((cancel.field(Name::Require), cancel.field(Name::ProxyRequire)), (None, None));
}

#[test]
fn a_cancel_is_refused_before_a_provisional_response_and_after_the_final_one_and_twice() {
    let mut pair = Pair::udp();
    let id = pair.send(A, "INVITE");
    assert_eq!(pair.ends[A].layer.cancel(pair.now, id, None), Err(NoCancel::TooEarly));
    pair.run_until(10);
    pair.respond(B, Method::Invite, 180);
    pair.run_until(20);
    assert!(pair.ends[A].layer.cancel(pair.now, id, None).is_ok());
    assert_eq!(pair.ends[A].layer.cancel(pair.now, id, None), Err(NoCancel::TooLate));
    pair.run_until(30);
    pair.respond(B, Method::Invite, 200);
    pair.run_until(40);
    assert_eq!(pair.ends[A].layer.cancel(pair.now, id, None), Err(NoCancel::TooLate));
    let options = pair.send(A, "OPTIONS");
    assert_eq!(pair.ends[A].layer.cancel(pair.now, options, None), Err(NoCancel::NoInvite));
    pair.run_until(100_000);
    assert_eq!(pair.ends[A].layer.cancel(pair.now, id, None), Err(NoCancel::NoInvite));
}

#[test]
fn a_200_that_crosses_the_cancel_is_told() {
    let mut pair = cancelled(None);
    pair.respond(B, Method::Invite, 200);
    pair.run_until(1001);
    pair.respond(B, Method::Cancel, 200);
    pair.run_until(100_000);
    assert_eq!(pair.told(A)[1..3], ["1001 200 INVITE", "1002 200 CANCEL"]);
    assert!(pair.is_idle());
}

#[test]
fn a_lost_cancel_is_repeated() {
    let mut pair = Pair::udp();
    pair.swallows = vec![2];
    let id = pair.send(A, "INVITE");
    pair.run_until(10);
    pair.respond(B, Method::Invite, 180);
    pair.run_until(1000);
    pair.ends[A].layer.cancel(pair.now, id, None).unwrap();
    pair.run_until(1600);
    assert_eq!(pair.carried[2..], ["1000 > CANCEL", "1500 > CANCEL"]);
    assert_eq!(pair.told(B), ["1 INVITE", "1501 CANCEL of one"]);
}

#[test]
fn an_invite_whose_cancel_meets_silence_is_given_up() {
    let mut pair = cancelled(None);
    pair.faults.lost = 100;
    pair.run_until(100_000);
    assert_eq!(
        pair.told(A)[1..],
        ["33000 timeout", "33000 ended", "33000 timeout", "33000 ended"],
        "the CANCEL and the INVITE"
    );
    assert_eq!(pair.ends[A].layer.clients(), 0);
}

#[test]
fn a_cancel_of_nothing_is_told_as_such() {
    let mut pair = Pair::udp();
    let invite = request("INVITE", Transport::Udp, pair.ends[A].address, "z9hG4bK1", 1);
    let cancel = request("CANCEL", Transport::Udp, pair.ends[A].address, "z9hG4bK1", 1);
    pair.arrive(B, cancel.octets().clone());
    assert_eq!(pair.told(B), ["0 CANCEL"]);
    pair.respond(B, Method::Cancel, 481);
    // An INVITE that its CANCEL overtook is a new one.
    pair.arrive(B, invite.octets().clone());
    pair.arrive(B, cancel.octets().clone());
    assert_eq!(pair.told(B), ["0 CANCEL", "0 INVITE"]);
    assert_eq!(pair.carried, ["0 < 481 CANCEL", "0 < 481 CANCEL"]);
}

#[test]
fn a_cancel_after_the_final_response_still_finds_its_invite() {
    let mut pair = Pair::udp();
    let invite = request("INVITE", Transport::Udp, pair.ends[A].address, "z9hG4bK1", 1);
    pair.arrive(B, invite.octets().clone());
    pair.respond(B, Method::Invite, 200);
    let cancel = request("CANCEL", Transport::Udp, pair.ends[A].address, "z9hG4bK1", 1);
    pair.arrive(B, cancel.octets().clone());
    assert_eq!(pair.told(B), ["0 INVITE", "0 CANCEL of one"]);
}

#[test]
fn an_invite_of_a_process_before_us_is_taken_up_to_be_cancelled() {
    let mut pair = Pair::udp();
    let invite = pair.request(A, "INVITE");
    pair.arrive(B, invite.octets().clone());
    let target = Target::new(Transport::Udp, pair.ends[B].address);
    let layer = &mut pair.ends[A].layer;
    let id = layer.resume(pair.now, &invite, target.clone()).unwrap();
    assert_eq!(layer.resume(pair.now, &invite, target.clone()), Err(RequestError::BranchInUse));
    assert!(layer.poll_transmit().is_none() && layer.poll_timeout().is_none());
    layer.cancel(pair.now, id, None).unwrap();
    let options = pair.request(A, "OPTIONS");
    assert_eq!(pair.ends[A].layer.resume(pair.now, &options, target), Err(RequestError::Unfit));
    pair.run_until(10);
    pair.respond(B, Method::Cancel, 200);
    pair.respond(B, Method::Invite, 487);
    pair.run_until(100_000);
    assert_eq!(pair.told(B)[..2], ["0 INVITE", "1 CANCEL of one"]);
    assert_eq!(pair.told(A)[..2], ["11 200 CANCEL", "11 487 INVITE"]);
    assert_eq!(pair.carried.last().unwrap(), "11 > ACK");
    assert!(pair.is_idle());
}
