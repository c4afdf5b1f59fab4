//! Unbinding, from either side.

use super::*;

#[test]
fn unbinding_waits_for_what_is_in_flight() {
    let mut pair = Pair::bound(Config::default(), Config::default());
    pair.peer.answers = false;
    pair.submit(1, b"");
    pair.run_for(seconds(1));
    pair.us.session.unbind(pair.now);
    pair.us.session.unbind(pair.now);
    assert!(!pair.us.session.is_bound() && pair.us.session.headroom() == 0);
    let refused = pair.us.session.submit(pair.now, Ticket(2), &request(SUBMIT, b""));
    assert_eq!(refused, Err(SubmitError::NotBound));
    pair.run_for(seconds(1));
    assert!(pair.peer.session.is_bound(), "the unbind waits for the answer");

    let deliver = request(DELIVER, b"meanwhile");
    pair.peer.session.submit(pair.now, Ticket(3), &deliver).unwrap();
    let (reply, _) = pair.peer.requests()[0].clone();
    pair.peer.session.answer(pair.now, reply, &response(SUBMIT, b"")).unwrap();
    pair.run_for(seconds(1));
    assert_eq!(
        pair.us.seen[0].clone(),
        Seen::Request(pair.us.requests()[0].0, DELIVER, b"meanwhile".to_vec())
    );
    assert_eq!(pair.us.seen[1..], [Seen::Answered(1, OK), Seen::Closed(CloseReason::Unbound)]);
    assert_eq!(
        pair.peer.seen[1..],
        [Seen::Answered(3, OK), Seen::PeerUnbinding, Seen::Closed(CloseReason::Unbound)]
    );
}

#[test]
fn unbinding_does_not_wait_for_ever() {
    let (mut session, now) = binder(Config::default(), 99);
    submit(&mut session, now, 1);
    octets(&mut session);
    session.unbind(now);
    assert_eq!(octets(&mut session), Bytes::new());
    session.handle_timeout(now.after(seconds(5)));
    assert_eq!(sent(&mut session), [(UNBIND, 3, OK)]);
    assert_eq!(session.poll_timeout(), Some(now.after(seconds(10)).mono));
    session.handle_timeout(now.after(seconds(10)));
    assert_eq!(
        events(&mut session),
        [Seen::Unanswered(1, Unanswered::LinkLost), Seen::Closed(CloseReason::Unbound)]
    );
}

#[test]
fn a_peers_unbind_waits_for_the_answers_it_is_owed() {
    let (mut session, now) = acceptor(Config::default());
    session.submit(now, Ticket(1), &request(DELIVER, b"sent")).unwrap();
    octets(&mut session);
    session.handle_frame(now, unit(SUBMIT, 1, OK, b""));
    session.handle_frame(now, unit(UNBIND, 2, OK, b""));
    session.handle_frame(now, unit(SUBMIT, 3, OK, b""));
    session.handle_frame(now, unit(PROBE, 4, OK, b""));
    let seen = events(&mut session);
    let [Seen::Request(reply, ..), Seen::PeerUnbinding] = seen[..] else { panic!("{seen:?}") };
    assert_eq!(session.submit(now, Ticket(2), &request(DELIVER, b"")), Err(SubmitError::NotBound));
    assert_eq!(sent(&mut session), [(SUBMIT | RESPONSE, 3, WRONG_STATE), (PROBE | RESPONSE, 4, OK)]);

    session.answer(now, reply, &response(SUBMIT, b"")).unwrap();
    assert_eq!(sent(&mut session), [(SUBMIT | RESPONSE, 1, OK), (UNBIND | RESPONSE, 2, OK)]);
    assert_eq!(
        events(&mut session),
        [Seen::Unanswered(1, Unanswered::LinkLost), Seen::Closed(CloseReason::Unbound)]
    );
    assert_eq!(session.answer(now, reply, &response(SUBMIT, b"")), Err(AnswerError::Closed));
}

#[test]
fn a_peers_unbind_is_answered_in_the_end_even_when_its_requests_are_not() {
    let (mut session, now) = acceptor(Config::default());
    session.handle_frame(now, unit(SUBMIT, 1, OK, b""));
    session.handle_frame(now, unit(UNBIND, 2, OK, b""));
    assert_eq!(octets(&mut session), Bytes::new());
    session.handle_timeout(now.after(seconds(5)));
    assert_eq!(sent(&mut session), [(UNBIND | RESPONSE, 2, OK)]);
    assert!(session.is_closed());
}

#[test]
fn unbinds_that_cross_are_both_answered() {
    let mut pair = Pair::bound(Config::default(), Config::default());
    pair.us.session.unbind(pair.now);
    pair.peer.session.unbind(pair.now);
    pair.run_for(seconds(1));
    assert_eq!(pair.us.seen, [Seen::Closed(CloseReason::Unbound)]);
    assert_eq!(pair.peer.seen, [Seen::Closed(CloseReason::Unbound)]);
}

#[test]
fn requests_nobody_took_are_never_sent_when_the_peer_unbinds() {
    let (mut session, now) = binder(Config::default(), 99);
    for ticket in 1..=4 {
        submit(&mut session, now, ticket);
    }
    let one = 9 + 8;
    session.handle_frame(now, unit(PROBE, 1, OK, b""));
    submit(&mut session, now, 5);
    let mut stream = session.poll_transmit().unwrap().split_to(one + 3).to_vec();
    session.handle_frame(now, unit(UNBIND, 2, OK, b""));
    let ended = |ticket, cause| Seen::Unanswered(ticket, cause);
    assert_eq!(
        events(&mut session),
        [
            Seen::PeerUnbinding,
            ended(1, Unanswered::LinkLost),
            ended(2, Unanswered::LinkLost),
            ended(3, Unanswered::NeverSent),
            ended(4, Unanswered::NeverSent),
            ended(5, Unanswered::NeverSent),
            Seen::Closed(CloseReason::Unbound),
        ]
    );
    stream.extend_from_slice(&octets(&mut session));
    let commands: Vec<(u32, u16)> = units(&stream).into_iter().map(|unit| (unit.0, unit.1)).collect();
    assert_eq!(commands, [(SUBMIT, 2), (SUBMIT, 3), (PROBE | RESPONSE, 1), (UNBIND | RESPONSE, 2)]);
}

#[test]
fn unbinding_before_the_bind_just_ends() {
    let now = beginning();
    let mut session = Session::<Tiny>::binding(Config::default(), Tiny::counting_to(9), LOGIN, now);
    session.unbind(now);
    assert_eq!(events(&mut session), [Seen::Closed(CloseReason::Unbound)]);
    assert!(session.poll_transmit().is_none());
}

#[test]
fn a_peer_that_closes_instead_of_answering_the_unbind_has_left_in_good_order() {
    let (mut session, now) = binder(Config::default(), 99);
    session.unbind(now);
    session.handle_end(now);
    assert_eq!(events(&mut session), [Seen::Closed(CloseReason::Unbound)]);
}
