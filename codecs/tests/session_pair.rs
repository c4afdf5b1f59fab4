//! Two sessions on an emulated wire, in virtual time; and one session against units made by hand.
#![allow(clippy::unwrap_used, reason = "a test may panic, in what it shares with others too")]

#[allow(dead_code, reason = "every test file uses its part")]
#[path = "support/tiny.rs"]
mod tiny;
#[allow(dead_code, reason = "every test file uses its part")]
#[path = "support/wire.rs"]
mod wire;

use bytes::{Buf, Bytes};
use codecs::{
    DecodeError, DecodeErrorKind, Now,
    session::{
        Admission, AnswerError, BindRefusal, BindRefused, Bound, CloseReason, Config, Direction, Refusal,
        Session, SubmitError, Ticket, Unanswered,
    },
};
use tiny::*;
use wire::*;

const BOUND: Bound = Bound { version: 1, traffic: Direction::Either, unproven: false };

fn refused_with(status: u8) -> CloseReason {
    let class = BindRefusal::Credentials;
    CloseReason::Refused(BindRefused { status: u32::from(status), class, version: None })
}

/// A session that has bound; its bind took sequence 1.
fn binder(config: Config, highest: u16) -> (Session<Tiny>, Now) {
    binder_for(config, highest, Direction::Either)
}

fn binder_for(config: Config, highest: u16, traffic: Direction) -> (Session<Tiny>, Now) {
    let now = beginning();
    let login = Login { traffic, ..LOGIN };
    let mut session = Session::binding(config, Tiny::counting_to(highest), login, now);
    assert_eq!(units(&octets(&mut session))[0].0, BIND);
    session.handle_frame(now, unit(BIND | RESPONSE, 1, OK, b""));
    assert_eq!(events(&mut session), [Seen::Bound(Bound { traffic, ..BOUND })]);
    (session, now)
}

/// A session that was bound to, for `config`.
fn acceptor(config: Config) -> (Session<Tiny>, Now) {
    let now = beginning();
    let mut session = Session::accepting(config, Tiny::counting_to(0x7FFF), now);
    session.handle_frame(now, bind_unit(9));
    session.admit(now, Admission::Check(&LOGIN));
    assert_eq!(events(&mut session), [Seen::BindRequested, Seen::Bound(BOUND)]);
    assert_eq!(units(&octets(&mut session)), [(BIND | RESPONSE, 9, OK, vec![])]);
    (session, now)
}

fn submit(session: &mut Session<Tiny>, now: Now, ticket: u64) -> u16 {
    session.submit(now, Ticket(ticket), &request(SUBMIT, &ticket.to_be_bytes())).unwrap()
}

fn sent(session: &mut Session<Tiny>) -> Vec<(u32, u16, u8)> {
    units(&octets(session))
        .into_iter()
        .map(|(command, sequence, status, _)| (command, sequence, status))
        .collect()
}

// Binding.

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

// The window, and answers in it.

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
fn a_late_answer_is_told_as_late_and_only_once() {
    let config = Config { response_timeout: seconds(5), late_memory: seconds(60), ..Config::default() };
    let (mut session, now) = binder(config, 99);
    let [first, second] = [1, 2].map(|ticket| submit(&mut session, now, ticket));
    let now = now.after(seconds(5));
    assert_eq!(session.poll_timeout(), Some(now.mono));
    session.handle_timeout(now);
    let timed_out = |ticket| Seen::Unanswered(ticket, Unanswered::TimedOut);
    assert_eq!(events(&mut session), [timed_out(1), timed_out(2)]);
    assert_eq!(session.in_flight(), 0);

    session.handle_frame(now.after(seconds(59)), unit(SUBMIT | RESPONSE, first, OK, b""));
    session.handle_frame(now.after(seconds(59)), unit(SUBMIT | RESPONSE, first, OK, b""));
    session.handle_frame(now.after(seconds(60)), unit(SUBMIT | RESPONSE, second, OK, b""));
    assert_eq!(events(&mut session), [Seen::Late(1, OK)]);
    assert_eq!((session.counters().late_responses, session.counters().stray_responses), (1, 2));
}

#[test]
fn duplicates_and_unknown_sequences_are_counted_and_dropped() {
    let (mut session, now) = binder(Config::default(), 99);
    let sequence = submit(&mut session, now, 1);
    for sequence in [sequence, sequence, 77, 1] {
        session.handle_frame(now, unit(SUBMIT | RESPONSE, sequence, OK, b""));
    }
    session.handle_frame(now, unit(PROBE | RESPONSE, 50, OK, b""));
    session.handle_frame(now, unit(UNBIND | RESPONSE, 51, OK, b""));
    session.handle_frame(now, unit(BIND | RESPONSE, 1, OK, b""));
    session.handle_frame(now, unit(NACK, 0, OK, b""));
    assert_eq!(events(&mut session), [Seen::Answered(1, OK)]);
    assert_eq!(session.counters().stray_responses, 7);
}

#[test]
fn an_answer_of_another_command_leaves_the_outcome_unknown() {
    let (mut session, now) = binder(Config::default(), 99);
    let sequence = submit(&mut session, now, 1);
    session.handle_frame(now, unit(0x77 | RESPONSE, sequence, OK, b""));
    assert_eq!(session.counters().unknown_commands, 1);
    session.handle_frame(now, unit(DATA | RESPONSE, sequence, OK, b""));
    assert_eq!(events(&mut session), [Seen::Unanswered(1, Unanswered::Mismatched)]);
    assert_eq!(session.counters().mismatched_responses, 1);
    session.handle_frame(now, unit(SUBMIT | RESPONSE, sequence, OK, b""));
    assert_eq!(events(&mut session), [Seen::Late(1, OK)]);
}

#[test]
fn a_nack_answers_whatever_has_its_sequence() {
    let (mut session, now) = binder(Config::default(), 99);
    let sequence = submit(&mut session, now, 1);
    session.handle_frame(now, unit(NACK, sequence, UNKNOWN_COMMAND, b""));
    assert_eq!(events(&mut session), [Seen::Answered(1, UNKNOWN_COMMAND)]);
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

// Probes.

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

// Requests of the peer.

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

// The end.

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
fn a_lost_link_tells_which_requests_were_handed_over_whole() {
    let (mut session, now) = binder(Config::default(), 99);
    for ticket in 1..=3 {
        submit(&mut session, now, ticket);
    }
    let one = 9 + 8;
    session.poll_transmit().unwrap().advance(2 * one - 1);
    session.handle_end(now);
    assert_eq!(
        events(&mut session),
        [
            Seen::Unanswered(1, Unanswered::LinkLost),
            Seen::Unanswered(2, Unanswered::NeverSent),
            Seen::Unanswered(3, Unanswered::NeverSent),
            Seen::Closed(CloseReason::LinkLost),
        ]
    );
    assert!(session.poll_transmit().is_none());
    session.handle_end(now);
    session.handle_frame(now, unit(PROBE, 1, OK, b""));
    session.handle_timeout(now.after(seconds(999)));
    assert_eq!(events(&mut session), []);
    assert!(session.poll_transmit().is_none() && !session.wants_input());
}

#[test]
fn a_link_that_is_cut_ends_both_sides_with_what_they_had_in_flight() {
    let mut pair = Pair::bound(Config::default(), Config::default());
    pair.peer.answers = false;
    pair.submit(1, b"");
    pair.run_for(seconds(1));
    pair.us.writes = false;
    pair.submit(2, b"");
    pair.cut();
    assert_eq!(
        pair.us.seen,
        [
            Seen::Unanswered(1, Unanswered::LinkLost),
            Seen::Unanswered(2, Unanswered::NeverSent),
            Seen::Closed(CloseReason::LinkLost),
        ]
    );
    assert!(pair.peer.is_closed_as(CloseReason::LinkLost));
}

#[test]
fn lost_framing_is_said_to_the_peer_and_ends_the_session() {
    let (mut session, now) = binder(Config::default(), 99);
    submit(&mut session, now, 1);
    let error = DecodeError { field: "command_length", offset: 0, kind: DecodeErrorKind::UnitLength(3) };
    session.handle_framing_lost(now, error, &[0, 0, 0, 3, 0, 2, 0x12, 0x34]);
    assert_eq!(sent(&mut session), [(NACK, 0x1234, MALFORMED)]);
    assert_eq!(
        events(&mut session),
        [Seen::Unanswered(1, Unanswered::NeverSent), Seen::Closed(CloseReason::FramingLost(error)),]
    );
}

#[test]
fn a_unit_that_stays_incomplete_ends_the_session() {
    let config = Config { partial_timeout: seconds(20), ..Config::default() };
    let (mut session, now) = binder(config, 99);
    session.handle_partial(now, true);
    session.handle_partial(now.after(seconds(5)), true);
    assert_eq!(session.poll_timeout(), Some(now.after(seconds(20)).mono));
    session.handle_partial(now.after(seconds(6)), false);
    session.handle_timeout(now.after(seconds(20)));
    session.handle_partial(now.after(seconds(21)), true);
    // The unit became whole; the next one has begun.
    session.handle_frame(now.after(seconds(25)), unit(NOTICE, 1, OK, b""));
    session.handle_partial(now.after(seconds(25)), true);
    session.handle_timeout(now.after(seconds(41)));
    assert!(session.is_bound());
    session.handle_timeout(now.after(seconds(45)));
    assert_eq!(events(&mut session).last(), Some(&Seen::Closed(CloseReason::PartialTimeout)));
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

// The wire.

#[test]
fn however_writes_are_split_or_glued_the_events_are_the_same() {
    let run = |pieces| {
        let mut pair = Pair::new(Config { window: 4, ..Config::default() }, Config::default());
        pair.pieces = pieces;
        pair.run_for(seconds(1));
        for round in 0..5 {
            for ticket in 0..4 {
                pair.submit(round * 4 + ticket, &vec![ticket as u8; 1 + 40 * ticket as usize]);
            }
            pair.peer.session.submit(pair.now, Ticket(round), &request(DELIVER, b"mo")).unwrap();
            pair.run_for(seconds(2));
        }
        pair.us.session.unbind(pair.now);
        pair.run_for(seconds(2));
        (pair.us.seen, pair.peer.seen)
    };
    let whole = run(usize::MAX);
    assert_eq!(whole.0.last(), Some(&Seen::Closed(CloseReason::Unbound)));
    assert_eq!(whole.0.iter().filter(|event| matches!(event, Seen::Answered(..))).count(), 20);
    for pieces in [1, 2, 3, 7, 8, 9, 50] {
        assert_eq!(run(pieces), whole, "in pieces of {pieces}");
    }
}
