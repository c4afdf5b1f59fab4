//! Requests of the peer, and what a hostile one can do with them.

use super::*;

#[test]
fn requests_beyond_the_inbound_window_are_refused_until_some_are_answered() {
    let (mut session, now) = acceptor(Config { inbound_window: 2, ..Config::default() });
    assert!(session.wants_input());
    for sequence in 1..=3 {
        session.handle_frame(now, unit(SUBMIT, sequence, OK, &[sequence as u8]));
    }
    assert!(!session.wants_input());
    assert_eq!(sent(&mut session), [(SUBMIT | RESPONSE, 3, OVERLOADED)]);
    let seen = events(&mut session);
    let [Seen::Request(first, ..), Seen::Request(second, ..)] = seen[..] else { panic!("{seen:?}") };
    assert_ne!(first, second);

    session.answer(now, first, &response(SUBMIT, b"")).unwrap();
    assert!(!session.wants_input(), "the peer can't have seen the answer yet");
    assert_eq!(sent(&mut session), [(SUBMIT | RESPONSE, 1, OK)]);
    assert!(session.wants_input());
    assert_eq!(session.answer(now, first, &response(SUBMIT, b"")), Err(AnswerError::UnknownReply));
}

#[test]
fn the_owner_may_refuse_and_a_refusal_without_words_drops_the_request() {
    let (mut session, now) = acceptor(Config::default());
    session.handle_frame(now, unit(SUBMIT, 1, OK, b""));
    session.handle_frame(now, unit(SUBMIT, 2, OK, b""));
    let seen = events(&mut session);
    let [Seen::Request(first, ..), Seen::Request(second, ..)] = seen[..] else { panic!("{seen:?}") };
    let error = DecodeError { field: "body", offset: 9, kind: DecodeErrorKind::Truncated };
    session.refuse(now, first, Refusal::Malformed(error));
    session.refuse(now, first, Refusal::Malformed(error));
    let too_long = response(SUBMIT, &[0; BODY + 1]);
    assert!(matches!(session.answer(now, second, &too_long), Err(AnswerError::Encode(_))));
    session.refuse(now, second, Refusal::Overloaded);
    assert_eq!(sent(&mut session), [(SUBMIT | RESPONSE, 1, MALFORMED), (SUBMIT | RESPONSE, 2, OVERLOADED)]);
    assert_eq!((session.counters().malformed_units, session.counters().refused_requests), (1, 2));
}

#[test]
fn unknown_commands_are_refused_and_unreadable_headers_counted() {
    let (mut session, now) = acceptor(Config::default());
    session.handle_frame(now, unit(0x77, 6, OK, b""));
    session.handle_frame(now, Bytes::from_static(b"short"));
    assert_eq!(sent(&mut session), [(NACK, 6, UNKNOWN_COMMAND)]);
    assert_eq!((session.counters().unknown_commands, session.counters().malformed_units), (1, 1));
    assert!(session.is_bound());
    session.notify(now, &request(NOTICE, b"")).unwrap();
    assert_eq!(session.notify(now, &request(SUBMIT, b"")), Err(SubmitError::WrongDirection));
    assert_eq!(units(&octets(&mut session)).len(), 1);
}

#[test]
fn a_peer_that_reads_nothing_cannot_make_replies_pile_up() {
    let (mut session, now) = acceptor(Config::default());
    for sequence in 0..10_000 {
        session.handle_frame(now, unit(PROBE, sequence, OK, b""));
        session.handle_frame(now, unit(0x77, sequence, OK, b""));
    }
    let waiting = octets(&mut session);
    assert!(units(&waiting).len() < 1000);
    assert_eq!(session.counters().withheld_replies as usize + units(&waiting).len(), 20_000);
    session.handle_frame(now, unit(PROBE, 7, OK, b""));
    assert_eq!(sent(&mut session), [(PROBE | RESPONSE, 7, OK)]);
}
