//! What the targets for sessions share: a session of either side, driven by octets.
//!
//! Each operation is one octet and its arguments, so that seeds can be written by hand and a mutation stays a run. The
//! dialects' parts are in [`Subject`].
#![forbid(unsafe_code)]

mod cmpp;
mod smpp;
pub mod transactions;

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes, BytesMut};
use codecs::{
    DecodeError, DecodeErrorKind, Now, frame,
    session::{Admission, AnswerError, Config, Dialect, Event, Refusal, ReplyTo, Session, Ticket, UnitKind},
};

/// One whole unit follows: two octets of length, then the unit, of which the length is put right.
pub const UNIT: u8 = 0;
/// A piece of the stream follows: two octets of length, then octets.
pub const STREAM: u8 = 1;
/// Time passes: two octets, in units of 100 ms.
pub const TIME: u8 = 2;
/// The owner submits; one octet chooses what.
pub const SUBMIT: u8 = 3;
/// The owner answers its oldest request; one octet chooses how.
pub const ANSWER: u8 = 4;
/// The owner refuses its latest request; one octet chooses why.
pub const REFUSE: u8 = 5;
/// The driver writes some octets: two octets say how many.
pub const WRITE: u8 = 6;
/// The peer answers what was written, oldest first; one octet is added to the answer's status.
pub const PEER_ANSWERS: u8 = 7;
/// The peer binds properly.
pub const PEER_BINDS: u8 = 8;
/// The owner decides a bind; one octet chooses how.
pub const ADMIT: u8 = 9;
/// The owner unbinds.
pub const UNBIND: u8 = 10;
/// The link ends.
pub const END: u8 = 11;
/// The owner changes its window to one octet's value.
pub const WINDOW: u8 = 12;
const OPERATIONS: u8 = 13;

/// Requests of the peer that may wait.
const INBOUND_WINDOW: usize = 8;
/// The most that one unit of ours has in these runs.
const LARGEST_UNIT: usize = 512;
/// Replies that the engine gives by itself and that may wait unread, with room for unbinds and repeated probes.
const OWN_REPLIES: usize = 300;

/// A dialect with everything that a run needs to say.
pub trait Subject: Dialect + std::fmt::Debug {
    /// The side that binds, or the side that is bound to.
    fn side(binds: bool, choice: u8) -> Self;
    /// What binds prove.
    fn credentials() -> Self::Credentials;
    /// A unit that the owner may try to submit.
    fn request(choice: u8) -> Self::Pdu<'static>;
    /// A unit that the owner may answer `request` with.
    fn response(&self, request: &Self::Header, choice: u8) -> Self::Pdu<'static>;
    /// The octets of the proper answer to a unit of ours, its status raised by `status`.
    fn answer_to(unit: &[u8], status: u8) -> Option<Vec<u8>>;
}

/// A run with what is known about it.
struct Run<D: Subject> {
    session: Session<D>,
    now: Now,
    /// Octets that came and are no whole unit yet.
    unread: BytesMut,
    /// Octets that the driver wrote.
    written: BytesMut,
    requests: Vec<(ReplyTo, D::Header)>,
    submitted: u64,
    answered: usize,
    ended: HashSet<u64>,
    late: HashSet<u64>,
    is_over: bool,
}

/// Drives one session with `octets`.
///
/// # Panics
/// When the session breaks a promise: a ticket that ends twice or never, more kept than its limits allow, an event
/// after the last one, a deadline that is never served.
pub fn run<D: Subject>(octets: &[u8]) {
    let [side, window, choice, rest @ ..] = octets else { return };
    let mut rest = rest;
    let now = Now { mono: Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH };
    let config = Config {
        window: usize::from(window % 8),
        inbound_window: INBOUND_WINDOW,
        late_memory: Duration::from_secs(100),
        ..Config::default()
    };
    let session = match side % 2 {
        0 => Session::binding(config, D::side(true, *choice), D::credentials(), now),
        _ => Session::accepting(config, D::side(false, *choice), now),
    };
    let mut run = Run {
        session,
        now,
        unread: BytesMut::new(),
        written: BytesMut::new(),
        requests: Vec::new(),
        submitted: 0,
        answered: 0,
        ended: HashSet::new(),
        late: HashSet::new(),
        is_over: false,
    };
    while let Some(operation) = take(&mut rest, 1).first() {
        run.operate(operation % OPERATIONS, &mut rest);
        run.check();
    }
    run.session.handle_end(run.now);
    run.check();
    assert!(run.is_over, "the link ended and the session did not");
    assert_eq!(run.ended.len() as u64, run.submitted, "a ticket never ended");
}

/// As many octets as there are, at most `count`.
fn take<'a>(rest: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, left) = rest.split_at(count.min(rest.len()));
    *rest = left;
    taken
}

fn octet(rest: &mut &[u8]) -> u8 {
    take(rest, 1).first().copied().unwrap_or_default()
}

fn pair(rest: &mut &[u8]) -> u16 {
    u16::from_be_bytes([octet(rest), octet(rest)])
}

/// Puts the length of a unit right.
fn with_length(mut unit: Vec<u8>) -> Bytes {
    let size = unit.len() as u32;
    if let Some(length) = unit.first_chunk_mut::<4>() {
        *length = size.to_be_bytes();
    }
    unit.into()
}

impl<D: Subject> Run<D> {
    fn operate(&mut self, operation: u8, rest: &mut &[u8]) {
        match operation {
            UNIT => {
                let length = pair(rest);
                let unit = with_length(take(rest, length.into()).to_vec());
                self.session.handle_frame(self.now, unit);
            }
            STREAM => {
                let length = pair(rest);
                self.read(take(rest, length.into()));
            }
            TIME => {
                self.now = self.now.after(Duration::from_millis(100) * u32::from(pair(rest)));
                self.session.handle_timeout(self.now);
                let next = self.session.poll_timeout();
                assert!(next.is_none_or(|next| next > self.now.mono), "a deadline is never served");
            }
            SUBMIT => {
                let pdu = D::request(octet(rest));
                let room = self.session.headroom();
                let submitted = self.session.submit(self.now, Ticket(self.submitted), &pdu);
                if submitted.is_ok() {
                    assert!(room > 0);
                    self.submitted += 1;
                }
            }
            ANSWER => {
                let choice = octet(rest);
                let Some((reply, header)) = self.requests.first().copied() else { return };
                let pdu = self.session.dialect().response(&header, choice);
                let told = self.session.answer(self.now, reply, &pdu);
                if !matches!(told, Err(AnswerError::Encode(_))) {
                    self.requests.remove(0);
                    self.answered += 1;
                }
            }
            REFUSE => {
                let malformed = DecodeError { field: "unit", offset: 0, kind: DecodeErrorKind::Truncated };
                let why = match octet(rest) % 4 {
                    0 => Refusal::Overloaded,
                    1 => Refusal::WrongState,
                    2 => Refusal::UnknownCommand,
                    _ => Refusal::Malformed(malformed),
                };
                let Some((reply, _)) = self.requests.pop() else { return };
                self.session.refuse(self.now, reply, why);
                self.answered += 1;
            }
            WRITE => {
                let count = usize::from(pair(rest));
                if let Some(octets) = self.session.poll_transmit() {
                    let count = count.min(octets.len());
                    self.written.extend_from_slice(&octets[..count]);
                    octets.advance(count);
                }
            }
            PEER_ANSWERS => {
                let status = octet(rest);
                let Ok(Some(unit)) = frame::next(&mut self.written, D::LIMITS) else { return };
                if let Some(answer) = D::answer_to(&unit, status) {
                    self.session.handle_frame(self.now, with_length(answer));
                }
            }
            PEER_BINDS => {
                let side = D::side(true, octet(rest));
                let mut peer = Session::binding(Config::default(), side, D::credentials(), self.now);
                if let Some(bind) = peer.poll_transmit() {
                    self.session.handle_frame(self.now, bind.split().freeze());
                }
            }
            ADMIT => match octet(rest) {
                0 => self.session.admit(self.now, Admission::Refuse(5)),
                _ => self.session.admit(self.now, Admission::Check(&D::credentials())),
            },
            UNBIND => self.session.unbind(self.now),
            END => self.session.handle_end(self.now),
            _ => self.session.set_window(usize::from(octet(rest))),
        }
    }

    /// Reads a piece of the stream as a driver does.
    fn read(&mut self, octets: &[u8]) {
        self.unread.extend_from_slice(octets);
        while self.session.wants_input() {
            match frame::next(&mut self.unread, D::LIMITS) {
                Ok(Some(unit)) => self.session.handle_frame(self.now, unit),
                Ok(None) => {
                    return self.session.handle_partial(self.now, frame::has_partial(&self.unread));
                }
                Err(error) => {
                    return self.session.handle_framing_lost(self.now, error, &self.unread);
                }
            }
            self.check();
        }
    }

    /// Takes the events and holds the session to its promises.
    fn check(&mut self) {
        while let Some(event) = self.session.poll_event() {
            assert!(!self.is_over, "{event:?} after the end");
            match event {
                Event::Answered { ticket, .. } | Event::Unanswered { ticket, .. } => {
                    assert!(
                        ticket.0 < self.submitted && self.ended.insert(ticket.0),
                        "{ticket:?} ends twice"
                    );
                }
                Event::Late { ticket, .. } => {
                    assert!(self.ended.contains(&ticket.0) && self.late.insert(ticket.0), "{ticket:?}");
                }
                Event::Request { reply, frame } => {
                    assert!(matches!(D::kind(&frame.header), UnitKind::Request(_)));
                    self.requests.push((reply, frame.header));
                }
                Event::Closed(_) => {
                    self.is_over = true;
                    self.requests.clear();
                }
                Event::BindRequested(_) | Event::Bound(_) | Event::Notice(_) | Event::PeerUnbinding => {}
            }
        }
        assert_eq!(self.is_over, self.session.is_closed());
        assert!(self.requests.len() <= INBOUND_WINDOW, "{} requests wait", self.requests.len());
        assert_eq!(self.session.in_flight() as u64, self.submitted - self.ended.len() as u64);
        assert!(!self.is_over || self.session.poll_timeout().is_none());
        let units = self.submitted as usize + self.answered + OWN_REPLIES;
        let waiting = self.session.poll_transmit().map_or(0, |octets| octets.len());
        assert!(waiting <= units * LARGEST_UNIT, "{waiting} octets wait");
    }
}
