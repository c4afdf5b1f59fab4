//! Two SMPP sessions that are bound to each other, and a driver's part of both links, without sockets.

use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use codecs::{
    Now, frame,
    session::{Admission, Config, Dialect, Event, ReplyTo, Session, Ticket},
    smpp::*,
};

/// One end of a link with the octets it has read.
pub struct End {
    pub session: Session<Smpp>,
    unread: BytesMut,
}

impl End {
    /// Moves what the other end wants to send into the octets read here, as a socket would.
    pub fn read_from(&mut self, other: &mut Self) {
        while let Some(octets) = other.session.poll_transmit() {
            self.unread.extend_from_slice(octets);
            octets.advance(octets.len());
        }
    }

    /// The next unit that was read.
    pub fn next_unit(&mut self) -> Option<Bytes> {
        frame::next(&mut self.unread, Smpp::LIMITS).unwrap()
    }

    /// Hands every unit that was read to the session.
    pub fn handle_units(&mut self, now: Now) {
        while let Some(unit) = self.next_unit() {
            self.session.handle_frame(now, unit);
        }
    }

    /// Takes every event: answers requests with `response`, and counts the answers to requests of our own.
    pub fn react(&mut self, now: Now, response: &Pdu<'_>) -> usize {
        let mut answered = 0;
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Request { reply, .. } => self.session.answer(now, reply, response).unwrap(),
                Event::Answered { .. } => answered += 1,
                other => unreachable!("{other:?}"),
            }
        }
        answered
    }

    /// The handle of the request that is the next event.
    pub fn next_request(&mut self) -> ReplyTo {
        match self.session.poll_event() {
            Some(Event::Request { reply, .. }) => reply,
            other => unreachable!("{other:?}"),
        }
    }
}

/// An ESME and a message centre, bound as transceiver for 3.4, each with a window of `window` requests.
pub struct Link {
    pub now: Now,
    pub esme: End,
    pub centre: End,
}

impl Link {
    pub fn bound(window: usize) -> Self {
        let now = beginning();
        let config = Config { window, ..Config::default() };
        let credentials =
            Credentials { system_id: "esme01".into(), password: "pa55word".into(), ..Credentials::default() };
        let dialect = Smpp::new(BindMode::Transceiver, Version::V34);
        let esme = Session::binding(config.clone(), dialect, credentials.clone(), now);
        let centre = Session::accepting(config, Smpp::server("SMSC1", Version::V34), now);
        let end = |session| End { session, unread: BytesMut::with_capacity(1 << 16) };
        let mut link = Self { now, esme: end(esme), centre: end(centre) };
        link.carry();
        link.centre.session.admit(now, Admission::Check(&credentials));
        link.carry();
        for end in [&mut link.esme, &mut link.centre] {
            assert!(end.session.is_bound());
            while end.session.poll_event().is_some() {}
        }
        link
    }

    /// Carries everything that waits, first from the ESME, then to it.
    pub fn carry(&mut self) {
        let Self { now, esme, centre } = self;
        centre.read_from(esme);
        centre.handle_units(*now);
        esme.read_from(centre);
        esme.handle_units(*now);
    }

    /// Fills both windows, carries everything, answers everything. Gives the requests that were answered.
    pub fn round(&mut self, traffic: &Traffic<'_>) -> usize {
        let Self { now, esme, centre } = self;
        for (end, request) in [(&mut *esme, &traffic.submit), (&mut *centre, &traffic.deliver)] {
            for ticket in 0..end.session.headroom() {
                end.session.submit(*now, Ticket(ticket as u64), request).unwrap();
            }
        }
        self.carry();
        let Self { now, esme, centre } = self;
        let mut answered = centre.react(*now, &traffic.submit_resp);
        answered += esme.react(*now, &traffic.deliver_resp);
        self.carry();
        answered += self.centre.react(self.now, &traffic.submit_resp);
        answered + self.esme.react(self.now, &traffic.deliver_resp)
    }
}

/// What goes over the link: a request each way, and its answer.
pub struct Traffic<'a> {
    pub submit: Pdu<'a>,
    pub submit_resp: Pdu<'a>,
    pub deliver: Pdu<'a>,
    pub deliver_resp: Pdu<'a>,
}

impl<'a> Traffic<'a> {
    /// Of whole units.
    pub fn of_units([submit, submit_resp, deliver, deliver_resp]: [&'a [u8]; 4]) -> Self {
        let pdu = |unit| Pdu::decode(unit).unwrap().1;
        Self {
            submit: pdu(submit),
            submit_resp: pdu(submit_resp),
            deliver: pdu(deliver),
            deliver_resp: pdu(deliver_resp),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "virtual time has to count from some instant")]
fn beginning() -> Now {
    Now { mono: Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH }
}
