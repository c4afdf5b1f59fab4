//! Where messages go, and what happens when they can't.

use super::*;

fn flow(transport: Transport) -> Flow {
    let connection = (transport != Transport::Udp).then_some(ConnectionId(3));
    let (local, remote) = ("192.0.2.2:5060".parse().unwrap(), "198.51.100.7:40000".parse().unwrap());
    Flow { transport, local, remote, connection }
}

#[test]
fn responses_go_where_the_top_via_says() {
    for (via, transport, remote) in [
        ("UDP 10.0.0.1:5070;rport", Transport::Udp, "198.51.100.7:40000"),
        ("UDP 10.0.0.1:5070;rport=7", Transport::Udp, "198.51.100.7:40000"),
        ("UDP 10.0.0.1:5070", Transport::Udp, "198.51.100.7:5070"),
        ("UDP 10.0.0.1", Transport::Udp, "198.51.100.7:5060"),
        ("UDP 198.51.100.7:5080", Transport::Udp, "198.51.100.7:5080"),
        ("UDP 198.51.100.7:5080;received=203.0.113.9", Transport::Udp, "198.51.100.7:5080"),
        ("UDP gw.example;maddr=203.0.113.5;rport", Transport::Udp, "203.0.113.5:5060"),
        ("UDP gw.example:5090;maddr=203.0.113.5", Transport::Udp, "203.0.113.5:5090"),
        ("UDP gw.example:5090;maddr=a.name.example", Transport::Udp, "198.51.100.7:5090"),
        ("TCP 10.0.0.1:5070;rport", Transport::Tcp, "198.51.100.7:5070"),
        ("TCP gw.example", Transport::Tcp, "198.51.100.7:5060"),
        ("TLS gw.example", Transport::Tls, "198.51.100.7:5061"),
        ("TLS gw.example:5090;maddr=203.0.113.5", Transport::Tls, "198.51.100.7:5090"),
    ] {
        let request = message(&format!("OPTIONS sip:h SIP/2.0\nVia: SIP/2.0/{via};branch=z9hG4bK1\n\n"));
        let flow = flow(transport);
        let target = way_back(&request, &flow);
        assert_eq!(target, Target { remote: remote.parse().unwrap(), ..Target::from(flow) }, "{via}");
        assert_eq!((target.local, target.connection), (Some(flow.local), flow.connection));
    }
    let no_via = message("OPTIONS sip:h SIP/2.0\nTo: <sip:h>\n\n");
    assert_eq!(way_back(&no_via, &flow(Transport::Tcp)), Target::from(flow(Transport::Tcp)));
}

#[test]
fn a_request_that_cannot_be_sent_ends_and_a_response_that_cannot_does_not() {
    let mut pair = Pair::udp();
    let id = pair.send(A, "INVITE");
    pair.run_until(1);
    pair.ends[A].layer.unreachable(id);
    let (theirs, _) = pair.latest(B, Method::Invite);
    pair.respond(B, Method::Invite, 200);
    pair.ends[B].layer.unreachable(theirs);
    pair.run_until(10);
    assert_eq!(pair.told(A), ["1 unreachable", "1 ended"]);
    assert_eq!(pair.told(B), ["1 INVITE", "1 unreachable"]);
    assert_eq!(pair.ends[A].layer.counters().stray_responses, 1);
    pair.respond(B, Method::Invite, 200);
    pair.run_until(40_000);
    assert!(pair.is_idle());
}

#[test]
fn an_ack_that_cannot_be_sent_ends_its_invite_after_the_final_response_was_told() {
    let mut pair = Pair::udp();
    let id = pair.send(A, "INVITE");
    pair.run_until(1);
    pair.respond(B, Method::Invite, 486);
    pair.run_until(3);
    pair.ends[A].layer.unreachable(id);
    pair.flush();
    assert_eq!(pair.told(A), ["2 486 INVITE", "3 unreachable", "3 ended"]);
}

#[test]
fn a_lost_connection_fails_the_requests_on_it_that_nothing_came_for() {
    let mut pair = Pair::over(Transport::Tcp);
    let remote = pair.ends[B].address;
    let options = pair.send(A, "OPTIONS");
    let silent = pair.send(A, "INVITE");
    let ringing = pair.request(A, "INVITE");
    let ringing_id = pair.send_it(A, &ringing);
    let response = Writer::response_to(&ringing, &pair.flow(B), 180, None, Some("t")).finish();
    pair.arrive(A, response.octets().clone());
    // One that prefers a connection of the peer, and one that goes elsewhere.
    let on_three = pair.request(A, "INFO");
    let elsewhere = pair.request(A, "INFO");
    let layer = &mut pair.ends[A].layer;
    let target = Target { connection: Some(ConnectionId(3)), ..Target::new(Transport::Tcp, remote) };
    let on_three = layer.request(pair.now, &on_three, target).unwrap();
    let other = Target::new(Transport::Tcp, "192.0.2.77:5060".parse().unwrap());
    layer.request(pair.now, &elsewhere, other).unwrap();

    let failed = |layer: &mut Transactions| -> Vec<_> {
        std::iter::from_fn(|| layer.poll_event())
            .filter_map(|event| match event {
                Event::Unreachable { id } => Some(id),
                _ => None,
            })
            .collect()
    };
    layer.connection_lost(Some(ConnectionId(4)), Transport::Tls, remote);
    assert_eq!(failed(layer), []);
    layer.connection_lost(Some(ConnectionId(4)), Transport::Tcp, remote);
    assert_eq!(failed(layer), [options, silent]);
    layer.connection_lost(Some(ConnectionId(3)), Transport::Tcp, "192.0.2.2:40000".parse().unwrap());
    assert_eq!(failed(layer), [on_three]);
    assert_eq!(layer.clients(), 2);
    // The call that rings may still be answered over a new connection.
    let response = Writer::response_to(&ringing, &pair.flow(B), 200, None, Some("t")).finish();
    pair.arrive(A, response.octets().clone());
    assert!(matches!(pair.ends[A].events.last(), Some((_, Event::Response { id, .. })) if *id == ringing_id));
}

#[test]
fn lost_connections_leave_udp_alone() {
    let mut pair = Pair::udp();
    pair.send(A, "OPTIONS");
    let remote = pair.ends[B].address;
    pair.ends[A].layer.connection_lost(None, Transport::Udp, remote);
    pair.flush();
    assert_eq!(pair.told(A), [""; 0]);
}

#[test]
fn all_timers_can_be_configured() {
    let timers = Timers::from_estimates(millis(100), millis(400), millis(1000));
    let mut pair = Pair::new(Config { timers, ..Config::default() }, Transport::Udp, 7);
    pair.faults.lost = 100;
    pair.send(A, "OPTIONS");
    pair.run_until(20_000);
    assert_eq!(pair.carried[..6], [0, 100, 300, 700, 1100, 1500].map(|at| format!("{at} > OPTIONS")));
    assert_eq!(pair.told(A), ["6400 timeout", "6400 ended"]);
}
