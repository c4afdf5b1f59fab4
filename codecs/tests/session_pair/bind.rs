//! Binding, and what may come before it.

use super::*;

#[test]
fn binds_and_carries_requests_both_ways() {
    let mut pair = Pair::new(Config::default(), Config::default());
    pair.run_for(seconds(1));
    assert_eq!(pair.us.seen, [Seen::Bound(BOUND)]);
    assert_eq!(pair.peer.seen, [Seen::BindRequested, Seen::Bound(BOUND)]);
    assert_eq!(pair.peer.session.bound(), Some(BOUND));

    pair.submit(7, b"to the carrier");
    let deliver = request(DELIVER, b"from the carrier");
    pair.peer.session.submit(pair.now, Ticket(8), &deliver).unwrap();
    pair.run_for(seconds(1));
    assert_eq!(pair.us.seen[1..].len(), 2);
    assert!(pair.us.seen.contains(&Seen::Answered(7, OK)));
    assert!(pair.peer.seen.contains(&Seen::Answered(8, OK)));
    assert_eq!(pair.us.requests()[0].1, b"from the carrier");
    assert_eq!(pair.peer.requests()[0].1, b"to the carrier");
    assert_eq!(pair.us.session.last_round_trip(), Some(millis(20)));
}

#[test]
fn a_wrong_password_ends_both_sides() {
    let wrong = Login { password: b"\x02wrong", ..LOGIN };
    let mut pair = Pair::with(Config::default(), Config::default(), wrong, 99);
    pair.run_for(seconds(1));
    assert!(pair.us.is_closed_as(refused_with(BAD_PASSWORD)));
    assert!(pair.peer.is_closed_as(refused_with(BAD_PASSWORD)));
}

#[test]
fn a_bind_may_be_refused_with_any_status() {
    let now = beginning();
    let mut session = Session::<Tiny>::accepting(Config::default(), Tiny::counting_to(9), now);
    session.handle_frame(now, bind_unit(5));
    session.admit(now, Admission::Refuse(u32::from(ALREADY_BOUND)));
    assert_eq!(sent(&mut session), [(BIND | RESPONSE, 5, ALREADY_BOUND)]);
    assert!(session.is_closed());
    session.admit(now, Admission::Check(&LOGIN));
    assert_eq!(events(&mut session).len(), 2);
    assert_eq!(octets(&mut session), Bytes::new());
}

#[test]
fn a_bind_that_takes_too_long_ends_either_side() {
    let (now, config) = (beginning(), Config::default());
    let mut binder = Session::<Tiny>::binding(config.clone(), Tiny::counting_to(9), LOGIN, now);
    let mut idle = Session::<Tiny>::accepting(config.clone(), Tiny::counting_to(9), now);
    let mut undecided = Session::<Tiny>::accepting(config.clone(), Tiny::counting_to(9), now);
    undecided.handle_frame(now, bind_unit(1));
    for session in [&mut binder, &mut idle, &mut undecided] {
        assert_eq!(session.poll_timeout(), Some(now.mono + config.bind_timeout));
        session.handle_timeout(now.after(config.bind_timeout - millis(1)));
        assert!(!session.is_closed());
        session.handle_timeout(now.after(config.bind_timeout));
        assert_eq!(events(session).last(), Some(&Seen::Closed(CloseReason::BindTimeout)));
        assert_eq!(session.poll_timeout(), None);
    }
}

#[test]
fn a_request_in_the_same_read_as_the_bind_response_follows_bound() {
    let now = beginning();
    let mut session = Session::<Tiny>::binding(Config::default(), Tiny::counting_to(9), LOGIN, now);
    session.handle_frame(now, unit(BIND | RESPONSE, 1, OK, b""));
    session.handle_frame(now, unit(DELIVER, 70, OK, b"early"));
    let seen = events(&mut session);
    assert_eq!(seen[0], Seen::Bound(BOUND));
    assert!(matches!(&seen[1], Seen::Request(_, DELIVER, body) if body == b"early"));
}

#[test]
fn a_bind_answered_by_a_nack_is_refused_whatever_its_status_says() {
    let malformed = |value| {
        let kind = DecodeErrorKind::Value(value);
        let class = BindRefusal::Malformed(DecodeError { field: "command_id", offset: 4, kind });
        CloseReason::Refused(BindRefused { status: 0, class, version: None })
    };
    for (answer, reason) in [
        (unit(NACK, 1, UNKNOWN_COMMAND, b""), refused_with(UNKNOWN_COMMAND)),
        (unit(NACK, 1, OK, b""), malformed(NACK)),
    ] {
        let now = beginning();
        let mut session = Session::<Tiny>::binding(Config::default(), Tiny::counting_to(9), LOGIN, now);
        session.handle_frame(now, answer);
        assert_eq!(events(&mut session), [Seen::Closed(reason)]);
    }
}

#[test]
fn a_bind_response_of_another_sequence_binds_nothing() {
    let now = beginning();
    let mut session = Session::<Tiny>::binding(Config::default(), Tiny::counting_to(9), LOGIN, now);
    session.handle_frame(now, unit(BIND | RESPONSE, 2, OK, b""));
    assert_eq!(events(&mut session), []);
    assert_eq!(session.counters().stray_responses, 1);
}

#[test]
fn credentials_that_fit_no_bind_end_the_session_unsent() {
    let password: &'static [u8] = &[b'x'; BODY + 1];
    let login = Login { password, ..LOGIN };
    let mut session = Session::<Tiny>::binding(Config::default(), Tiny::counting_to(9), login, beginning());
    assert_eq!(events(&mut session), [Seen::Closed(refused_with(0))]);
    assert_eq!(octets(&mut session), Bytes::new());
}

#[test]
fn before_the_bind_requests_are_refused_and_probes_answered() {
    let now = beginning();
    let mut session = Session::<Tiny>::accepting(Config::default(), Tiny::counting_to(9), now);
    session.handle_frame(now, unit(SUBMIT, 3, OK, b""));
    session.handle_frame(now, unit(PROBE, 4, OK, b""));
    session.handle_frame(now, unit(NOTICE, 5, OK, b""));
    session.handle_frame(now, unit(UNBIND, 6, OK, b""));
    session.handle_frame(now, bind_unit(7));
    session.handle_frame(now, unit(DATA, 8, OK, b""));
    session.admit(now, Admission::Check(&LOGIN));
    assert_eq!(
        sent(&mut session),
        [
            (SUBMIT | RESPONSE, 3, WRONG_STATE),
            (PROBE | RESPONSE, 4, OK),
            (UNBIND | RESPONSE, 6, WRONG_STATE),
            (DATA | RESPONSE, 8, WRONG_STATE),
            (BIND | RESPONSE, 7, OK),
        ]
    );
    assert_eq!(events(&mut session), [Seen::BindRequested, Seen::Bound(BOUND)]);
    assert_eq!(session.counters().refused_requests, 4);
}

#[test]
fn a_strict_protocol_closes_on_anything_before_the_bind() {
    let now = beginning();
    for early in [PROBE, SUBMIT, NOTICE, UNBIND, 0x77, NACK, SUBMIT | RESPONSE] {
        let mut accepting = Session::<Tiny<true>>::accepting(Config::default(), Tiny::counting_to(9), now);
        let mut binding = Session::<Tiny<true>>::binding(Config::default(), Tiny::counting_to(9), LOGIN, now);
        octets(&mut binding);
        for session in [&mut accepting, &mut binding] {
            session.handle_frame(now, unit(early, 1, OK, b""));
            assert_eq!(events(session), [Seen::Closed(CloseReason::Misbehaved)], "{early:#x}");
            assert_eq!(octets(session), Bytes::new());
        }
    }
}

#[test]
fn a_second_bind_is_refused_and_changes_nothing() {
    let (mut session, now) = acceptor(Config::default());
    session.handle_frame(now, bind_unit(10));
    assert_eq!(sent(&mut session), [(BIND | RESPONSE, 10, ALREADY_BOUND)]);
    assert_eq!(events(&mut session), []);
    assert!(session.is_bound());
}

#[test]
fn an_outbind_is_told_and_a_bind_may_follow_it() {
    let now = beginning();
    let mut carrier = Session::<Tiny>::accepting(Config::default(), Tiny::counting_to(9), now);
    assert_eq!(carrier.notify(now, &request(NOTICE, b"")), Err(SubmitError::NotBound));
    carrier.notify(now, &request(OUTBIND, b"")).unwrap();
    assert_eq!(sent(&mut carrier), [(OUTBIND, 2, OK)]);

    let mut esme = Session::<Tiny>::binding(Config::default(), Tiny::counting_to(9), LOGIN, now);
    esme.handle_frame(now, unit(OUTBIND, 2, OK, b""));
    esme.handle_frame(now, unit(BIND | RESPONSE, 1, OK, b""));
    assert_eq!(events(&mut esme), [Seen::Notice(OUTBIND), Seen::Bound(BOUND)]);
}
