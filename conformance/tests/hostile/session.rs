use std::{collections::HashSet, time::Instant};

use allocation_counter::measure;
use bytes::{Bytes, BytesMut};
use codecs::{
    Now,
    cmpp::{self, AccountPadding, Cmpp},
    frame,
    session::{Admission, Config, Dialect, Event, Session},
    smpp::{self, BindMode, Smpp},
};
use conformance::vector::Vector;

use super::{mutations, truncations};

/// What a session may come to hold beside the buffer for one unit: its tables, and its own answers.
const SESSION: u64 = 16 << 10;

/// A protocol with both of its sides.
struct Sides<D: Dialect> {
    esme: fn() -> D,
    carrier: fn() -> D,
    credentials: fn() -> D::Credentials,
    now: Now,
}

impl<D: Dialect> Sides<D> {
    /// Hands the octets over as a driver does, and takes what the session says.
    fn hear(&self, session: &mut Session<D>, octets: &[u8]) {
        let mut buffer = BytesMut::from(octets);
        while session.wants_input() {
            match frame::next(&mut buffer, D::LIMITS) {
                Ok(Some(unit)) => session.handle_frame(self.now, unit),
                Ok(None) => break,
                Err(error) => session.handle_framing_lost(self.now, error, &buffer),
            }
            while let Some(event) = session.poll_event() {
                if let Event::BindRequested(_) = event {
                    session.admit(self.now, Admission::Check(&(self.credentials)()));
                }
            }
        }
        session.handle_partial(self.now, frame::has_partial(&buffer));
    }

    /// What `session` has to say.
    fn sent(session: &mut Session<D>) -> Bytes {
        session.poll_transmit().map(|octets| octets.split().freeze()).unwrap_or_default()
    }

    /// The sessions that a peer may find: each side before the bind and after it.
    fn sessions(&self) -> [Session<D>; 4] {
        let carrier = || Session::accepting(Config::default(), (self.carrier)(), self.now);
        let esme = || {
            let (esme, credentials) = ((self.esme)(), (self.credentials)());
            Session::binding(Config::default(), esme, credentials, self.now)
        };
        let (mut bound, mut accepted) = (esme(), carrier());
        self.hear(&mut accepted, &Self::sent(&mut bound));
        self.hear(&mut bound, &Self::sent(&mut accepted));
        assert!(bound.is_bound() && accepted.is_bound());
        [carrier(), esme(), accepted, bound]
    }

    /// Lets every session hear the octets, and end.
    fn survive(&self, octets: &[u8]) {
        for mut session in self.sessions() {
            let held = measure(|| {
                self.hear(&mut session, octets);
                session.handle_end(self.now);
            })
            .bytes_max;
            let most = SESSION + 2 * D::LIMITS.max as u64;
            assert!(held <= most, "{held} octets held for {octets:02x?}");
            assert!(session.is_closed());
        }
    }

    fn judge(&self, vectors: &[Vector], header: usize) {
        let mut commands = HashSet::new();
        for vector in vectors {
            truncations(&vector.octets).for_each(|cut| self.survive(cut));
            // A session reads headers, so one unit of each command is enough, and binds to their end.
            if !commands.insert(vector.octets.get(4..8)) {
                continue;
            }
            let is_bind =
                vector.operation.to_lowercase().contains("bind") || vector.operation.contains("CONNECT");
            let most = if is_bind { usize::MAX } else { header };
            mutations(&vector.octets, most, |mutated| self.survive(mutated));
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "virtual time starts somewhere")]
fn now() -> Now {
    Now { mono: Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH }
}

#[test]
fn an_smpp_session_survives_every_truncation_and_every_wrong_octet_that_it_reads() {
    let sides = Sides::<Smpp> {
        esme: || Smpp::new(BindMode::Transceiver, smpp::Version::V50),
        carrier: || Smpp::server("SMSC1", smpp::Version::V50),
        credentials: || smpp::Credentials {
            system_id: "esme01".into(),
            password: "pa55word".into(),
            ..smpp::Credentials::default()
        },
        now: now(),
    };
    sides.judge(&super::smpp::vectors(), smpp::Header::SIZE);
}

#[test]
fn a_cmpp_session_survives_every_truncation_and_every_wrong_octet_that_it_reads() {
    let sides = Sides::<Cmpp> {
        esme: || Cmpp::new(cmpp::Version::V30),
        carrier: || Cmpp::server(cmpp::Version::V30),
        credentials: || cmpp::Credentials {
            source_addr: b"901234".to_vec(),
            shared_secret: b"s3cr3t!".to_vec(),
            padding: AccountPadding::default(),
        },
        now: now(),
    };
    sides.judge(&super::cmpp::vectors(), cmpp::Header::SIZE);
}
