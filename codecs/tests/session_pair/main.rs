//! Two sessions on an emulated wire, in virtual time; and one session against units made by hand.
#![allow(clippy::unwrap_used, reason = "a test may panic, in what it shares with others too")]

mod answers;
mod bind;
mod link;
mod peer;
mod probe;
#[allow(dead_code, reason = "every test file uses its part")]
#[path = "../support/tiny.rs"]
mod tiny;
mod unbind;
mod window;
#[allow(dead_code, reason = "every test file uses its part")]
#[path = "../support/wire.rs"]
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
