//! Answers that come late, twice, to nothing or as something else.

use super::*;

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
