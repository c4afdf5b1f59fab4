//! Two sessions and the wire between them, in virtual time.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use codecs::{
    Now, frame,
    session::{Admission, Bound, CloseReason, Config, Dialect, Event, ReplyTo, Session, Ticket, Unanswered},
};
use jiff::Timestamp;

use crate::tiny::{Header, LOGIN, Login, Pdu, Tiny, body_of, response, status_of};

/// An event, reduced to what tests compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    BindRequested,
    Bound(Bound),
    Answered(u64, u8),
    Unanswered(u64, Unanswered),
    Late(u64, u8),
    Request(ReplyTo, u32, Vec<u8>),
    Notice(u32),
    PeerUnbinding,
    Closed(CloseReason),
}

/// The moment at which every test begins.
#[expect(clippy::disallowed_methods, reason = "virtual time has to count from some instant")]
pub fn beginning() -> Now {
    Now { mono: Instant::now(), wall: Timestamp::UNIX_EPOCH }
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Takes every event that waits.
pub fn events<const S: bool, const P: bool>(session: &mut Session<Tiny<S, P>>) -> Vec<Seen> {
    std::iter::from_fn(|| session.poll_event()).map(seen).collect()
}

/// Takes every octet that waits.
pub fn octets<D: Dialect>(session: &mut Session<D>) -> Bytes {
    session.poll_transmit().map(|waiting| waiting.split().freeze()).unwrap_or_default()
}

fn seen<D: Dialect<Header = Header>>(event: Event<D>) -> Seen {
    match event {
        Event::BindRequested(_) => Seen::BindRequested,
        Event::Bound(bound) => Seen::Bound(bound),
        Event::Answered { ticket, response } => Seen::Answered(ticket.0, status_of(&response.octets)),
        Event::Unanswered { ticket, cause } => Seen::Unanswered(ticket.0, cause),
        Event::Late { ticket, response } => Seen::Late(ticket.0, status_of(&response.octets)),
        Event::Request { reply, frame } => {
            Seen::Request(reply, frame.header.command, body_of(&frame.octets).to_vec())
        }
        Event::Notice(frame) => Seen::Notice(frame.header.command),
        Event::PeerUnbinding => Seen::PeerUnbinding,
        Event::Closed(reason) => Seen::Closed(reason),
    }
}

/// One end of the link with what a driver would hold.
pub struct End {
    pub session: Session<Tiny>,
    pub seen: Vec<Seen>,
    /// Whether requests of the peer are answered positively at once.
    pub answers: bool,
    /// Whether what the session wants to send is taken.
    pub writes: bool,
    admits: Login,
    arriving: VecDeque<(Instant, Bytes)>,
    buffer: BytesMut,
}

impl End {
    fn new(session: Session<Tiny>) -> Self {
        Self {
            session,
            seen: Vec::new(),
            answers: true,
            writes: true,
            admits: LOGIN,
            arriving: VecDeque::new(),
            buffer: BytesMut::new(),
        }
    }

    fn read(&mut self, now: Now) {
        while self.arriving.front().is_some_and(|(at, _)| *at <= now.mono) {
            let Some((_, chunk)) = self.arriving.pop_front() else { break };
            self.buffer.extend_from_slice(&chunk);
        }
        while self.session.wants_input() {
            match frame::next(&mut self.buffer, Tiny::<false, true>::LIMITS) {
                Ok(Some(unit)) => self.session.handle_frame(now, unit),
                Ok(None) => {
                    self.session.handle_partial(now, frame::has_partial(&self.buffer));
                    break;
                }
                Err(error) => self.session.handle_framing_lost(now, error, &self.buffer),
            }
            self.react(now);
        }
    }

    /// What an owner does at once: admits, and answers.
    fn react(&mut self, now: Now) {
        while let Some(event) = self.session.poll_event().map(seen) {
            match &event {
                Seen::BindRequested => self.session.admit(now, Admission::Check(&self.admits)),
                Seen::Request(reply, command, body) if self.answers => {
                    self.session.answer(now, *reply, &response(*command, body)).unwrap();
                }
                _ => {}
            }
            self.seen.push(event);
        }
    }

    /// The handles of the requests seen, oldest first.
    pub fn requests(&self) -> Vec<(ReplyTo, Vec<u8>)> {
        let request = |event: &Seen| match event {
            Seen::Request(reply, _, body) => Some((*reply, body.clone())),
            _ => None,
        };
        self.seen.iter().filter_map(request).collect()
    }

    pub fn is_closed_as(&self, reason: CloseReason) -> bool {
        self.seen.last() == Some(&Seen::Closed(reason))
    }
}

/// A binding and an accepting session with a wire between them.
pub struct Pair {
    pub now: Now,
    pub us: End,
    pub peer: End,
    /// How long every octet takes.
    pub latency: Duration,
    /// Into how many octets at most each write is split; the pieces arrive one after the other.
    pub pieces: usize,
}

impl Pair {
    pub fn new(ours: Config, theirs: Config) -> Self {
        Self::with(ours, theirs, LOGIN, 0x7FFF)
    }

    /// As [`Pair::new`], binding with `login` and counting our sequences up to `highest`.
    pub fn with(ours: Config, theirs: Config, login: Login, highest: u16) -> Self {
        let now = beginning();
        Self {
            now,
            us: End::new(Session::binding(ours, Tiny::counting_to(highest), login, now)),
            peer: End::new(Session::accepting(theirs, Tiny::counting_to(0x7FFF), now)),
            latency: millis(10),
            pieces: usize::MAX,
        }
    }

    /// A pair that is bound.
    pub fn bound(ours: Config, theirs: Config) -> Self {
        let mut pair = Self::new(ours, theirs);
        pair.run_for(seconds(1));
        assert!(pair.us.session.is_bound() && pair.peer.session.is_bound());
        pair.us.seen.clear();
        pair.peer.seen.clear();
        pair
    }

    pub fn submit(&mut self, ticket: u64, body: &[u8]) -> u16 {
        let pdu = Pdu { command: crate::tiny::SUBMIT, status: 0, body };
        self.us.session.submit(self.now, Ticket(ticket), &pdu).unwrap()
    }

    /// Lets everything happen that happens within `time`.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now.after(time);
        for step in 0.. {
            assert!(step < 1_000_000, "a deadline that has passed is never served");
            self.exchange();
            let next = [&self.us, &self.peer]
                .into_iter()
                .flat_map(|end| [end.session.poll_timeout(), end.arriving.front().map(|(at, _)| *at)])
                .flatten()
                .min();
            let Some(next) = next.filter(|next| *next <= end.mono) else { break };
            self.now = self.now.after(next.saturating_duration_since(self.now.mono));
            for end in [&mut self.us, &mut self.peer] {
                end.session.handle_timeout(self.now);
                end.react(self.now);
            }
        }
        self.now = end;
    }

    /// The link ends for both.
    pub fn cut(&mut self) {
        for end in [&mut self.us, &mut self.peer] {
            end.arriving.clear();
            end.session.handle_end(self.now);
            end.react(self.now);
        }
    }

    fn exchange(&mut self) {
        for _ in 0..2 {
            Self::carry(self.now, self.latency, self.pieces, &mut self.us, &mut self.peer);
            Self::carry(self.now, self.latency, self.pieces, &mut self.peer, &mut self.us);
            self.us.read(self.now);
            self.us.react(self.now);
            self.peer.read(self.now);
            self.peer.react(self.now);
        }
    }

    fn carry(now: Now, latency: Duration, pieces: usize, from: &mut End, to: &mut End) {
        if !from.writes {
            return;
        }
        let mut sent = octets(&mut from.session);
        let mut at = now.mono + latency;
        if let Some((last, _)) = to.arriving.back() {
            at = at.max(*last);
        }
        while !sent.is_empty() {
            to.arriving.push_back((at, sent.split_to(pieces.min(sent.len()))));
            at += Duration::from_micros(1);
        }
    }
}
