//! Tests of the link, and silence.

use super::*;

#[test]
fn an_idle_link_is_tested_from_both_ends_and_stays() {
    let mut pair = Pair::bound(Config::default(), Config { probe_after: seconds(45), ..Config::default() });
    pair.run_for(seconds(3600));
    assert!(pair.us.session.is_bound() && pair.peer.session.is_bound());
    assert_eq!((pair.us.seen.len(), pair.peer.seen.len()), (0, 0));
    assert!(pair.us.session.counters().probes_sent > 100);
    assert_eq!(pair.us.session.counters().probes_missed, 0);
    assert_eq!(pair.us.session.counters().stray_responses, 0);
    // Every probe of ours is heard by the peer, so it never has to ask itself.
    assert_eq!(pair.peer.session.counters().probes_sent, 0);
}

#[test]
fn a_probe_passes_the_full_window_and_is_repeated_unchanged_until_the_peer_counts_as_dead() {
    let config = Config { window: 1, response_timeout: seconds(600), ..Config::default() };
    let (mut session, now) = binder(config, 99);
    submit(&mut session, now, 1);
    octets(&mut session);
    let mut probes = Vec::new();
    for at in [30, 40, 50] {
        assert_eq!(session.poll_timeout(), Some(now.after(seconds(at)).mono));
        session.handle_timeout(now.after(seconds(at)));
        probes.push(octets(&mut session));
    }
    assert_eq!(units(&probes[0]), [(PROBE, 3, OK, vec![])]);
    assert!(probes.iter().all(|probe| *probe == probes[0]));
    session.handle_timeout(now.after(seconds(60)));
    assert_eq!(
        events(&mut session),
        [Seen::Unanswered(1, Unanswered::LinkLost), Seen::Closed(CloseReason::ProbeTimeout)]
    );
    assert_eq!((session.counters().probes_sent, session.counters().probes_missed), (3, 3));
    assert_eq!(octets(&mut session), Bytes::new());
}

#[test]
fn any_unit_proves_that_the_peer_lives() {
    let (mut session, mut now) = binder(Config::default(), 99);
    for _ in 0..20 {
        now = now.after(seconds(30));
        session.handle_timeout(now);
        assert_eq!(units(&octets(&mut session))[0].0, PROBE);
        now = now.after(seconds(10));
        session.handle_timeout(now);
        now = now.after(seconds(9));
        session.handle_frame(now, unit(NOTICE, 1, OK, b""));
        assert_eq!(session.poll_timeout(), Some(now.after(seconds(30)).mono));
        octets(&mut session);
    }
    assert!(session.is_bound());
}

#[test]
fn a_peer_that_fell_silent_loses_the_link_on_both_ends() {
    let mut pair = Pair::bound(Config::default(), Config::default());
    pair.submit(1, b"");
    pair.run_for(millis(5));
    pair.peer.writes = false;
    pair.us.writes = false;
    pair.run_for(seconds(61));
    assert!(pair.us.is_closed_as(CloseReason::ProbeTimeout));
    assert!(pair.peer.is_closed_as(CloseReason::ProbeTimeout));
    assert_eq!(pair.us.seen[0], Seen::Unanswered(1, Unanswered::LinkLost));
}

#[test]
fn a_repeated_probe_may_be_answered_as_often_as_it_was_sent() {
    let (mut session, now) = binder(Config::default(), 99);
    session.handle_timeout(now.after(seconds(30)));
    session.handle_timeout(now.after(seconds(40)));
    for _ in 0..3 {
        session.handle_frame(now.after(seconds(41)), unit(PROBE | RESPONSE, 2, OK, b""));
    }
    assert_eq!(session.counters().stray_responses, 1);
}

#[test]
fn silence_does_not_count_while_we_do_not_listen() {
    let config = Config { inbound_window: 1, ..Config::default() };
    let (mut session, now) = binder(config, 99);
    session.handle_frame(now, unit(DELIVER, 1, OK, b""));
    let Some(Seen::Request(reply, ..)) = events(&mut session).pop() else { panic!("no request") };
    assert!(!session.wants_input());
    assert_eq!(session.poll_timeout(), None);
    let now = now.after(seconds(3600));
    session.handle_timeout(now);
    assert!(session.is_bound());
    session.answer(now, reply, &response(DELIVER, b"")).unwrap();
    octets(&mut session);
    assert!(session.wants_input());
    assert_eq!(session.poll_timeout(), Some(now.after(seconds(30)).mono));
}

#[test]
fn a_protocol_without_a_link_test_unbinds_when_idle() {
    let now = beginning();
    let mut session =
        Session::<Tiny<false, false>>::binding(Config::default(), Tiny::counting_to(99), LOGIN, now);
    session.handle_frame(now, unit(BIND | RESPONSE, 1, OK, b""));
    session.submit(now, Ticket(1), &request(SUBMIT, b"")).unwrap();
    session.handle_timeout(now.after(seconds(30)));
    assert!(session.is_bound());
    session.handle_frame(now.after(seconds(31)), unit(SUBMIT | RESPONSE, 2, OK, b""));
    octets(&mut session);
    session.handle_timeout(now.after(seconds(61)));
    assert_eq!(units(&octets(&mut session)), [(UNBIND, 3, OK, vec![])]);
}
