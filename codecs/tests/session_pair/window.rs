//! How many requests may be in flight, their numbers, and which may be sent at all.

use super::*;

#[test]
fn never_more_requests_are_in_flight_than_the_window_allows() {
    let mut pair = Pair::bound(Config { window: 3, ..Config::default() }, Config::default());
    let mut ticket = 0;
    for _ in 0..20 {
        while pair.us.session.headroom() > 0 {
            pair.submit(ticket, b"");
            ticket += 1;
        }
        assert_eq!(pair.us.session.in_flight(), 3);
        let refused = pair.us.session.submit(pair.now, Ticket(999), &request(SUBMIT, b""));
        assert_eq!(refused, Err(SubmitError::WindowFull));
        pair.run_for(millis(20));
    }
    assert_eq!(ticket, 60);
    assert_eq!(pair.us.seen.len(), 60);
    pair.us.session.set_window(0);
    assert_eq!(pair.us.session.window(), 1);
}

#[test]
fn answers_in_any_order_find_their_requests() {
    let (mut session, now) = binder(Config::default(), 99);
    let sequences: Vec<u16> = (0..5).map(|ticket| submit(&mut session, now, ticket)).collect();
    for ticket in [3, 0, 4, 2, 1] {
        session.handle_frame(now, unit(SUBMIT | RESPONSE, sequences[ticket], ticket as u8, b""));
    }
    let answered: Vec<Seen> = [3, 0, 4, 2, 1].map(|ticket| Seen::Answered(ticket, ticket as u8)).to_vec();
    assert_eq!(events(&mut session), answered);
    assert_eq!(session.in_flight(), 0);
}

#[test]
fn sequences_wrap_past_those_in_flight_and_those_overdue() {
    let config = Config { response_timeout: seconds(5), late_memory: seconds(60), ..Config::default() };
    let (mut session, now) = binder(config, 6);
    assert_eq!(submit(&mut session, now, 1), 2);
    session.handle_timeout(now.after(seconds(5)));
    let now = now.after(seconds(6));
    assert_eq!(submit(&mut session, now, 2), 3);
    let passed: Vec<u16> = (10..16)
        .map(|ticket| {
            let sequence = submit(&mut session, now, ticket);
            session.handle_frame(now, unit(SUBMIT | RESPONSE, sequence, OK, b""));
            sequence
        })
        .collect();
    assert_eq!(passed, [4, 5, 6, 1, 4, 5]);
    // Once nobody waits for an answer to 2 it is free again.
    let now = now.after(seconds(60));
    session.handle_frame(now, unit(SUBMIT | RESPONSE, 3, OK, b""));
    assert_eq!([20, 21, 22].map(|ticket| submit(&mut session, now, ticket)), [6, 1, 2]);
}

#[test]
fn with_every_number_in_use_an_overdue_one_goes_first_and_one_in_flight_never() {
    let config = Config { response_timeout: seconds(5), ..Config::default() };
    let (mut session, now) = binder(config, 3);
    submit(&mut session, now, 1);
    session.handle_timeout(now.after(seconds(5)));
    let now = now.after(seconds(6));
    assert_eq!([2, 3].map(|ticket| submit(&mut session, now, ticket)), [3, 1]);
    assert_eq!(submit(&mut session, now, 4), 2);
    assert_eq!(session.submit(now, Ticket(5), &request(SUBMIT, b"")), Err(SubmitError::WindowFull));
    session.handle_frame(now, unit(SUBMIT | RESPONSE, 2, OK, b""));
    assert_eq!(events(&mut session), [Seen::Unanswered(1, Unanswered::TimedOut), Seen::Answered(4, OK)]);
}

#[test]
fn a_request_may_only_travel_its_own_way() {
    let (mut transmitter, now) = binder_for(Config::default(), 99, Direction::ToCarrier);
    submit(&mut transmitter, now, 1);
    transmitter.submit(now, Ticket(2), &request(DATA, b"")).unwrap();
    octets(&mut transmitter);
    for command in [DELIVER, PROBE, UNBIND, BIND, NOTICE, SUBMIT | RESPONSE] {
        let refused = transmitter.submit(now, Ticket(3), &request(command, b""));
        assert_eq!(refused, Err(SubmitError::WrongDirection));
    }
    assert_eq!((octets(&mut transmitter), transmitter.in_flight()), (Bytes::new(), 2));
    transmitter.handle_frame(now, unit(DELIVER, 5, OK, b""));
    transmitter.handle_frame(now, unit(SUBMIT, 6, OK, b""));
    assert_eq!(
        sent(&mut transmitter),
        [(DELIVER | RESPONSE, 5, WRONG_STATE), (SUBMIT | RESPONSE, 6, WRONG_STATE)]
    );

    let (mut receiver, now) = binder_for(Config::default(), 99, Direction::FromCarrier);
    let refused = receiver.submit(now, Ticket(1), &request(SUBMIT, b""));
    assert_eq!(refused, Err(SubmitError::WrongDirection));
    receiver.handle_frame(now, unit(DELIVER, 5, OK, b""));
    assert!(matches!(events(&mut receiver)[..], [Seen::Request(_, DELIVER, _)]));
}

#[test]
fn a_request_that_does_not_encode_leaves_the_session_as_it_was() {
    let (mut session, now) = binder(Config::default(), 99);
    let refused = session.submit(now, Ticket(1), &request(SUBMIT, &[0; BODY + 1]));
    assert!(matches!(refused, Err(SubmitError::Encode(error)) if error.max == BODY));
    assert_eq!((octets(&mut session), session.in_flight()), (Bytes::new(), 0));
    assert_eq!(events(&mut session), []);
}
