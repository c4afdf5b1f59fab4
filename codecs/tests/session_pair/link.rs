//! The link: cut, out of step, or in pieces of any size.

use super::*;

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
