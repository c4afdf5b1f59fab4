//! How many transactions there may be, and what is over.

use super::*;

fn limited() -> Pair {
    let limits = Limits { clients: 2, servers: 2, reserve: 1 };
    Pair::new(Config { limits, ..Config::default() }, Transport::Udp, 7)
}

/// A request inside a dialog.
fn bye(number: u32) -> Message {
    message(&format!(
        "BYE sip:b@h SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKbye{number}\n\
         From: <sip:a@h>;tag=f{number}\nTo: <sip:b@h>;tag=t\nCall-ID: c{number}\nCSeq: 1 BYE\n\n"
    ))
}

#[test]
fn our_requests_above_the_limit_are_refused_but_calls_can_still_be_ended() {
    let mut pair = limited();
    pair.faults.lost = 100;
    let target = Target::new(Transport::Udp, pair.ends[B].address);
    let invite = pair.request(A, "INVITE");
    let id = pair.send_it(A, &invite);
    pair.send(A, "OPTIONS");
    let refused = pair.request(A, "INVITE");
    let now = pair.now;
    assert_eq!(pair.ends[A].layer.request(now, &refused, target.clone()), Err(RequestError::Full));
    let ringing = Writer::response_to(&invite, &pair.flow(B), 180, None, Some("t")).finish();
    pair.arrive(A, ringing.octets().clone());
    let layer = &mut pair.ends[A].layer;
    layer.request(now, &bye(1), target.clone()).unwrap();
    assert_eq!(layer.request(now, &bye(2), target.clone()), Err(RequestError::Full));
    assert_eq!(layer.cancel(now, id, None), Err(NoCancel::Full));
    assert_eq!(layer.clients(), 3);
    pair.run_until(32_000);
    let layer = &mut pair.ends[A].layer;
    assert_eq!(layer.clients(), 1, "the INVITE goes on");
    assert!(layer.cancel(pair.now, id, None).is_ok());
    assert_eq!(pair.ends[A].layer.request(pair.now, &refused, target), Err(RequestError::Full));
}

#[test]
fn requests_of_peers_above_the_limit_are_told_and_nothing_is_kept_of_them() {
    let mut pair = limited();
    let from = pair.ends[A].address;
    let invite = |number: u32| request("INVITE", Transport::Udp, from, format!("z9hG4bK{number}"), number);
    for number in [1, 2, 3, 3, 1] {
        pair.arrive(B, invite(number).octets().clone());
    }
    assert_eq!(pair.told(B), ["0 INVITE", "0 INVITE", "0 overflow INVITE", "0 overflow INVITE"]);
    // What belongs to a call still fits.
    let cancel = request("CANCEL", Transport::Udp, from, "z9hG4bK2", 2);
    pair.arrive(B, cancel.octets().clone());
    assert_eq!(pair.told(B)[4], "0 CANCEL of one");
    pair.arrive(B, bye(1).octets().clone());
    assert_eq!(pair.told(B)[5], "0 overflow BYE");
    let layer = &pair.ends[B].layer;
    assert_eq!((layer.servers(), layer.counters().overflows), (3, 3));
    // An overflow is answered outside of transactions, and its ACK is nobody's.
    let flow = pair.flow(B);
    let refusal = Writer::response_to(&invite(3), &flow, 503, None, Some("t")).finish();
    pair.ends[B].layer.send(way_back(&invite(3), &flow), &refusal);
    let transmit = pair.ends[B].layer.poll_transmit().unwrap();
    assert_eq!((transmit.target.remote, transmit.transaction), (from, None));
}

#[test]
fn what_begins_no_transaction_is_refused() {
    let mut pair = limited();
    let target = Target::new(Transport::Udp, pair.ends[B].address);
    let options = pair.request(A, "OPTIONS");
    let response = Writer::response_to(&options, &pair.flow(B), 200, None, None).finish();
    let ack = pair.request(A, "ACK");
    let cancel = pair.request(A, "CANCEL");
    let no_branch = message("BYE sip:b@h SIP/2.0\nVia: SIP/2.0/UDP h\nCSeq: 1 BYE\n\n");
    let layer = &mut pair.ends[A].layer;
    for unfit in [response, ack, cancel, no_branch] {
        assert_eq!(layer.request(pair.now, &unfit, target.clone()), Err(RequestError::Unfit));
    }
    layer.request(pair.now, &options, target.clone()).unwrap();
    assert_eq!(layer.request(pair.now, &options, target), Err(RequestError::BranchInUse));
}

#[test]
fn numbers_of_transactions_are_never_used_again() {
    let mut pair = Pair::over(Transport::Tcp);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..1000 {
        let id = pair.send(A, "OPTIONS");
        pair.run_until(pair.elapsed() + 1);
        let theirs = pair.respond(B, Method::Options, 200);
        pair.run_until(pair.elapsed() + 1);
        assert!(seen.insert((A, id)) && seen.insert((B, theirs)));
        // A number of one that is over finds nothing, whoever has its place now.
        pair.ends[A].layer.unreachable(id);
        pair.ends[B].layer.unreachable(theirs);
    }
    assert!(
        pair.ends
            .iter()
            .all(|end| end.events.iter().all(|(_, event)| !matches!(event, Event::Unreachable { .. })))
    );
    assert!(pair.is_idle());
}
