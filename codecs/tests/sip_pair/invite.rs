//! INVITEs and their ends.

use super::*;

#[test]
fn an_answered_invite_leaves_only_what_absorbs_repetitions() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut pair = Pair::over(transport);
        pair.send(A, "INVITE");
        pair.run_until(100);
        pair.respond(B, Method::Invite, 180);
        pair.run_until(5000);
        pair.respond(B, Method::Invite, 200);
        pair.run_until(100_000);
        assert_eq!(pair.carried, ["0 > INVITE", "100 < 180 INVITE", "5000 < 200 INVITE"]);
        assert_eq!(pair.told(A), ["101 180 INVITE", "5001 200 INVITE", "37001 ended"]);
        assert_eq!(pair.told(B), ["1 INVITE", "37000 ended"]);
        assert!(pair.is_idle());
    }
}

#[test]
fn a_refused_invite_is_acknowledged_by_the_layer_on_every_transport() {
    for (transport, a_ends, b_ends) in [(Transport::Udp, 32_101, 5102), (Transport::Tls, 101, 102)] {
        let mut pair = Pair::over(transport);
        pair.send(A, "INVITE");
        pair.run_until(100);
        pair.respond(B, Method::Invite, 486);
        pair.run_until(100_000);
        assert_eq!(pair.carried, ["0 > INVITE", "100 < 486 INVITE", "101 > ACK"]);
        assert_eq!(pair.told(A), ["101 486 INVITE".to_owned(), format!("{a_ends} ended")]);
        assert_eq!(pair.told(B), ["1 INVITE".to_owned(), format!("{b_ends} ended")]);
        assert!(pair.is_idle());
    }
}

#[test]
fn the_ack_of_a_failure_has_the_invites_way_and_the_responses_to() {
    let mut pair = Pair::udp();
    let branch = pair.ends[A].layer.branch();
    let mut invite = Writer::request("INVITE", "sip:b@192.0.2.2;x=1");
    invite
        .field(
            Name::Via,
            format!("SIP/2.0/UDP 192.0.2.1:5060;rport;branch={}", str::from_utf8(&branch).unwrap()),
        )
        .field(Name::MaxForwards, "9")
        .field(Name::Route, "<sip:p1;lr>, <sip:p2;lr>")
        .field(Name::Route, "<sip:p3;lr>")
        .field(Name::From, "\"A\" <sip:a@192.0.2.1>;tag=f")
        .field(Name::To, "<sip:b@192.0.2.2>")
        .field(Name::CallId, "c")
        .field(Name::Contact, "<sip:a@192.0.2.1>")
        .cseq(4711, "INVITE");
    let invite = invite.body("application/sdp", "v=0\r\n");
    let id = pair.send_it(A, &invite);
    let response = Writer::response_to(&invite, &pair.flow(B), 404, None, Some("tag")).finish();
    let flow = pair.flow(A);
    pair.ends[A].layer.receive(pair.now, flow, response);
    let transmit = pair.ends[A].layer.poll_transmit().unwrap();
    assert_eq!(transmit.transaction, Some(id));
    assert_eq!(transmit.target, Target::new(Transport::Udp, pair.ends[B].address));
    let ack = Message::parse(transmit.octets).unwrap();
    assert_eq!((ack.method(), ack.request_uri()), (Some(Method::Ack), &b"sip:b@192.0.2.2;x=1"[..]));
    assert_eq!(ack.values(Name::Via).collect::<Vec<_>>(), invite.values(Name::Via).collect::<Vec<_>>());
    assert_eq!(ack.values(Name::Route).collect::<Vec<_>>(), invite.values(Name::Route).collect::<Vec<_>>());
    for name in [Name::From, Name::CallId] {
        assert_eq!(ack.field(name), invite.field(name));
    }
    assert_eq!(ack.field(Name::To), Some(&b"<sip:b@192.0.2.2>;tag=tag"[..]));
    let cseq = ack.cseq().unwrap();
    assert_eq!((cseq.number, cseq.method), (4711, Method::Ack));
    assert_eq!((ack.body(), ack.field(Name::MaxForwards)), (&b""[..], Some(&b"70"[..])));
}

#[test]
fn an_invite_into_silence_is_sent_seven_times() {
    let mut pair = Pair::udp();
    pair.faults.lost = 100;
    pair.send(A, "INVITE");
    pair.run_until(100_000);
    let sent = [0, 500, 1500, 3500, 7500, 15_500, 31_500].map(|at| format!("{at} > INVITE"));
    assert_eq!(pair.carried, sent);
    assert_eq!(pair.told(A), ["32000 timeout", "32000 ended"]);
    assert!(pair.is_idle());
    assert_eq!(pair.ends[A].layer.counters().retransmissions, 6);
}

#[test]
fn a_slow_user_gets_a_100_sent_and_a_repeated_invite_gets_it_again() {
    let mut pair = Pair::udp();
    pair.swallows = vec![1];
    pair.send(A, "INVITE");
    pair.run_until(1000);
    assert_eq!(pair.carried, ["0 > INVITE", "201 < 100 INVITE", "500 > INVITE", "501 < 100 INVITE"]);
    assert_eq!(pair.told(A), ["502 100 INVITE"]);
    assert_eq!(pair.told(B), ["1 INVITE"]);
    assert_eq!(pair.ends[B].layer.counters().repeated_requests, 1);
}

#[test]
fn the_100_has_no_tag_and_notes_where_the_invite_came_from() {
    let mut pair = Pair::udp();
    pair.ends[A].address = "192.0.2.1:45060".parse().unwrap();
    let invite = request("INVITE", Transport::Udp, "10.0.0.1:5060".parse().unwrap(), "z9hG4bK1", 1);
    pair.arrive(B, invite.octets().clone());
    pair.now = pair.now.after(millis(200));
    pair.ends[B].layer.handle_timeout(pair.now);
    let transmit = pair.ends[B].layer.poll_transmit().unwrap();
    assert_eq!(transmit.target.remote, pair.ends[A].address);
    let trying = Message::parse(transmit.octets).unwrap();
    assert_eq!((trying.status(), trying.to().unwrap().tag()), (Some(100), None));
    let via = trying.via().unwrap();
    assert_eq!((via.received(), via.rport()), (Some("192.0.2.1".parse().unwrap()), Some(Some(45060))));
}

#[test]
fn an_invite_that_comes_again_makes_no_second_call_in_any_state() {
    let mut pair = Pair::udp();
    let invite = request("INVITE", Transport::Udp, pair.ends[A].address, "z9hG4bK1", 1).octets().clone();
    pair.arrive(B, invite.clone());
    pair.arrive(B, invite.clone());
    assert_eq!(pair.carried, [""; 0]);
    pair.respond(B, Method::Invite, 183);
    pair.arrive(B, invite.clone());
    pair.respond(B, Method::Invite, 200);
    pair.arrive(B, invite.clone());
    assert_eq!(pair.carried, ["0 < 183 INVITE", "0 < 183 INVITE", "0 < 200 INVITE"]);
    pair.run_until(31_999);
    pair.arrive(B, invite.clone());
    assert_eq!(pair.told(B), ["0 INVITE"]);
    pair.run_until(32_000);
    pair.arrive(B, invite);
    assert_eq!(pair.told(B), ["0 INVITE", "32000 ended", "32000 INVITE"]);
}

#[test]
fn a_lost_failure_is_repeated_and_acknowledged() {
    let mut pair = Pair::udp();
    pair.swallows = vec![1, 2];
    pair.send(A, "INVITE");
    pair.run_until(100);
    pair.respond(B, Method::Invite, 603);
    pair.run_until(100_000);
    // The INVITE comes again before Timer G fires, and gets the response as well.
    assert_eq!(
        pair.carried,
        ["0 > INVITE", "100 < 603 INVITE", "500 > INVITE", "600 < 603 INVITE", "601 > ACK"]
    );
    assert_eq!(pair.told(A), ["601 603 INVITE", "32601 ended"]);
    assert_eq!(pair.told(B), ["1 INVITE", "5602 ended"]);
}

#[test]
fn a_lost_ack_of_a_failure_is_sent_again_when_the_failure_comes_again() {
    let mut pair = Pair::udp();
    pair.swallows = vec![2];
    pair.send(A, "INVITE");
    pair.run_until(100);
    pair.respond(B, Method::Invite, 486);
    pair.run_until(100_000);
    assert_eq!(
        pair.carried,
        ["0 > INVITE", "100 < 486 INVITE", "101 > ACK", "600 < 486 INVITE", "601 > ACK"]
    );
    assert_eq!(pair.told(A), ["101 486 INVITE", "32101 ended"], "it is told once");
    assert_eq!(pair.told(B), ["1 INVITE", "5602 ended"]);
}

#[test]
fn a_failure_that_is_never_acknowledged_is_told() {
    let mut pair = Pair::udp();
    let invite = request("INVITE", Transport::Udp, pair.ends[A].address, "z9hG4bK1", 1);
    pair.arrive(B, invite.octets().clone());
    pair.faults.lost = 100;
    pair.respond(B, Method::Invite, 500);
    pair.run_until(100_000);
    let repeated = [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
    assert_eq!(pair.carried, repeated.map(|at| format!("{at} < 500 INVITE")));
    assert_eq!(pair.told(B), ["0 INVITE", "32000 unacknowledged", "32000 ended"]);
}

#[test]
fn a_2xx_is_repeated_by_its_user_only_and_each_one_is_told() {
    let mut pair = Pair::udp();
    pair.send(A, "INVITE");
    pair.run_until(100);
    for at in [600, 1600, 33_000] {
        pair.respond(B, Method::Invite, 200);
        pair.run_until(at);
    }
    assert_eq!(pair.told(A)[..3], ["101 200 INVITE", "601 200 INVITE", "1601 200 INVITE"]);
    let (id, invite) = pair.latest(B, Method::Invite);
    let response = Writer::response_to(&invite, &pair.flow(B), 200, None, Some("tag")).finish();
    assert_eq!(pair.ends[B].layer.respond(pair.now, id, &response), Err(CannotRespond::Ended));
}

#[test]
fn a_2xx_of_another_fork_is_told_even_after_a_failure() {
    let mut pair = Pair::udp();
    let invite = pair.request(A, "INVITE");
    let id = pair.send_it(A, &invite);
    for (status, tag) in [(180, "x"), (486, "x"), (200, "y"), (180, "z"), (200, "y")] {
        let response = Writer::response_to(&invite, &pair.flow(B), status, None, Some(tag)).finish();
        pair.arrive(A, response.octets().clone());
    }
    assert_eq!(pair.told(A), ["0 180 INVITE", "0 486 INVITE", "0 200 INVITE", "0 200 INVITE"]);
    assert_eq!(pair.carried, ["0 > INVITE", "0 > ACK"]);
    // The failure that comes again is still acknowledged.
    let response = Writer::response_to(&invite, &pair.flow(B), 486, None, Some("x")).finish();
    pair.arrive(A, response.octets().clone());
    assert_eq!(pair.carried.last().unwrap(), "0 > ACK");
    pair.faults.lost = 100;
    pair.run_until(40_000);
    assert!(matches!(pair.ends[A].events.last(), Some((32_000, Event::Ended { id: ended })) if *ended == id));
}

#[test]
fn the_ack_of_a_2xx_is_told_with_a_branch_of_its_own_and_with_the_invites() {
    let mut pair = Pair::udp();
    pair.send(A, "INVITE");
    pair.run_until(10);
    pair.respond(B, Method::Invite, 200);
    pair.run_until(20);
    let Some((_, Event::Response { response, .. })) = pair.ends[A].events.last().cloned() else { panic!() };
    let own = pair.ends[A].layer.branch();
    let invites = response.via().unwrap().branch().unwrap().to_vec();
    for branch in [&own[..], &invites] {
        let ack = ack_of_2xx(&response, Transport::Udp, pair.ends[A].address, branch);
        let target = Target::new(Transport::Udp, pair.ends[B].address);
        pair.ends[A].layer.send(target, &ack);
        pair.run_until(pair.elapsed() + 10);
    }
    assert_eq!(pair.told(B), ["1 INVITE", "21 ACK", "31 ACK"]);
}
