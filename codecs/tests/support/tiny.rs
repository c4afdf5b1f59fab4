//! A protocol for testing the session engine: small, regular, and none of the real ones.
//!
//! A unit is a length (4 octets), a command (2, bit 15 in responses), a sequence (2), a status (1) and a body.

use bytes::{BufMut, Bytes, BytesMut};
use codecs::{
    DecodeError, DecodeErrorKind, EncodeError, Now,
    frame::{self, Limits},
    session::{BindRefusal, BindRefused, Bound, Dialect, Direction, Refusal, UnitKind},
};

pub const BIND: u32 = 0x01;
pub const SUBMIT: u32 = 0x02;
pub const DELIVER: u32 = 0x03;
pub const DATA: u32 = 0x04;
pub const NOTICE: u32 = 0x05;
pub const OUTBIND: u32 = 0x06;
pub const PROBE: u32 = 0x07;
pub const UNBIND: u32 = 0x08;
pub const NACK: u32 = RESPONSE;
pub const RESPONSE: u32 = 0x8000_0000;

pub const OK: u8 = 0;
pub const MALFORMED: u8 = 2;
pub const UNKNOWN_COMMAND: u8 = 3;
pub const WRONG_STATE: u8 = 4;
pub const ALREADY_BOUND: u8 = 5;
pub const BAD_PASSWORD: u8 = 14;
pub const OVERLOADED: u8 = 0x58;

/// The longest body.
pub const BODY: usize = 200;

/// Lenient or strict before the bind, with or without a link test.
#[derive(Debug)]
pub struct Tiny<const STRICT: bool = false, const PROBES: bool = true> {
    last: u16,
    highest: u16,
}

impl<const STRICT: bool, const PROBES: bool> Tiny<STRICT, PROBES> {
    /// Counts from 1 to `highest`, then from 1 again.
    pub fn counting_to(highest: u16) -> Self {
        Self { last: 0, highest }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Pdu<'a> {
    pub command: u32,
    pub status: u8,
    pub body: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub command: u32,
    pub sequence: u16,
}

#[derive(Debug, Clone, Copy)]
pub struct Login {
    pub traffic: Direction,
    pub password: &'static [u8],
}

pub const LOGIN: Login = Login { traffic: Direction::Either, password: b"secret" };

/// Any unit, as its octets.
pub fn unit(command: u32, sequence: u16, status: u8, body: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    write(&Pdu { command, status, body }, sequence, &mut out).unwrap();
    out.freeze()
}

/// A request without a status.
pub fn request(command: u32, body: &[u8]) -> Pdu<'_> {
    Pdu { command, status: OK, body }
}

/// The positive response to a request of `command`.
pub fn response(command: u32, body: &[u8]) -> Pdu<'_> {
    Pdu { command: command | RESPONSE, status: OK, body }
}

/// The bind that proves [`LOGIN`], for any traffic.
pub fn bind_unit(sequence: u16) -> Bytes {
    unit(BIND, sequence, OK, b"\x02secret")
}

pub fn status_of(octets: &[u8]) -> u8 {
    octets.get(8).copied().unwrap_or(0xFF)
}

pub fn body_of(octets: &[u8]) -> &[u8] {
    octets.get(9..).unwrap_or_default()
}

/// Takes a stream apart into (command, sequence, status, body); a unit that is not whole is left out.
pub fn units(stream: &[u8]) -> Vec<(u32, u16, u8, Vec<u8>)> {
    let mut stream = BytesMut::from(stream);
    let mut found = Vec::new();
    while let Some(octets) = frame::next(&mut stream, <Tiny as Dialect>::LIMITS).unwrap() {
        let header = read(&octets).unwrap();
        found.push((header.command, header.sequence, status_of(&octets), body_of(&octets).to_vec()));
    }
    found
}

fn write(pdu: &Pdu<'_>, sequence: u16, out: &mut BytesMut) -> Result<(), EncodeError> {
    if pdu.body.len() > BODY {
        return Err(EncodeError { field: "body", octets: pdu.body.len(), max: BODY });
    }
    frame::write(out, |out| {
        out.put_u16((pdu.command & 0x7FFF) as u16 | ((pdu.command >> 16) & 0x8000) as u16);
        out.put_u16(sequence);
        out.put_u8(pdu.status);
        out.extend_from_slice(pdu.body);
        Ok(())
    })
}

fn read(octets: &[u8]) -> Result<Header, DecodeError> {
    let Some(fixed) = octets.first_chunk::<8>() else {
        return Err(DecodeError { field: "header", offset: 0, kind: DecodeErrorKind::Truncated });
    };
    let raw = u32::from(u16::from_be_bytes([fixed[4], fixed[5]]));
    let command = (raw & 0x7FFF) | ((raw & 0x8000) << 16);
    Ok(Header { command, sequence: u16::from_be_bytes([fixed[6], fixed[7]]) })
}

fn refused(status: u8) -> BindRefused {
    BindRefused { status: u32::from(status), class: BindRefusal::Credentials, version: None }
}

impl<const STRICT: bool, const PROBES: bool> Dialect for Tiny<STRICT, PROBES> {
    type Pdu<'a> = Pdu<'a>;
    type Header = Header;
    type Sequence = u16;
    type Credentials = Login;

    const NAME: &'static str = "tiny";
    const LIMITS: Limits = Limits { min: 8, max: 9 + BODY };
    const STRICT_BEFORE_BIND: bool = STRICT;

    fn header(unit: &[u8]) -> Result<Header, DecodeError> {
        read(unit)
    }

    fn kind(header: &Header) -> UnitKind {
        let is_response = header.command & RESPONSE != 0;
        match (header.command & !RESPONSE, is_response) {
            (0, true) => UnitKind::Nack,
            (BIND, false) => UnitKind::Bind,
            (BIND, true) => UnitKind::BindResponse,
            (SUBMIT, false) => UnitKind::Request(Direction::ToCarrier),
            (DELIVER, false) => UnitKind::Request(Direction::FromCarrier),
            (DATA, false) => UnitKind::Request(Direction::Either),
            (SUBMIT | DELIVER | DATA, true) => UnitKind::Response,
            (NOTICE, false) => UnitKind::Notice,
            (OUTBIND, false) => UnitKind::Outbind,
            (PROBE, false) => UnitKind::Probe,
            (PROBE, true) => UnitKind::ProbeResponse,
            (UNBIND, false) => UnitKind::Unbind,
            (UNBIND, true) => UnitKind::UnbindResponse,
            (_, false) => UnitKind::UnknownRequest,
            (_, true) => UnitKind::UnknownResponse,
        }
    }

    fn command(header: &Header) -> u32 {
        header.command
    }

    fn sequence(header: &Header) -> u16 {
        header.sequence
    }

    fn command_of(pdu: &Pdu<'_>) -> u32 {
        pdu.command
    }

    fn next_sequence(&mut self, _now: Now) -> u16 {
        self.last = if self.last >= self.highest { 1 } else { self.last + 1 };
        self.last
    }

    fn encode(&self, pdu: &Pdu<'_>, sequence: u16, out: &mut BytesMut) -> Result<(), EncodeError> {
        write(pdu, sequence, out)
    }

    fn bind<'a>(&mut self, with: &'a Login, _now: Now) -> Pdu<'a> {
        // The traffic stands before the password, so both passwords of these tests are spelled with it.
        let body: &[u8] = match (with.traffic, with.password) {
            (Direction::ToCarrier, b"secret") => b"\x00secret",
            (Direction::FromCarrier, b"secret") => b"\x01secret",
            (Direction::Either, b"secret") => b"\x02secret",
            _ => with.password,
        };
        request(BIND, body)
    }

    fn bound(&mut self, with: &Login, response: &[u8]) -> Result<Bound, BindRefused> {
        match status_of(response) {
            OK => Ok(Bound { version: 1, traffic: with.traffic, unproven: false }),
            status => Err(refused(status)),
        }
    }

    fn verify(&mut self, with: &Login, bind: &[u8], _now: Now) -> Result<Bound, BindRefused> {
        match body_of(bind).split_first() {
            Some((traffic, password)) if password == with.password => Ok(Bound {
                version: 1,
                traffic: [Direction::ToCarrier, Direction::FromCarrier, Direction::Either]
                    [usize::from(*traffic)],
                unproven: false,
            }),
            _ => Err(refused(BAD_PASSWORD)),
        }
    }

    fn bind_response<'a>(
        &'a self,
        _with: Option<&'a Login>,
        _bind: &'a [u8],
        verdict: Result<(), u32>,
    ) -> Pdu<'a> {
        let status = verdict.err().map_or(OK, |status| status as u8);
        Pdu { command: BIND | RESPONSE, status, body: b"" }
    }

    fn probe(&self) -> Option<Pdu<'static>> {
        PROBES.then(|| request(PROBE, b""))
    }

    fn unbind(&self) -> Pdu<'static> {
        request(UNBIND, b"")
    }

    fn acknowledge(&self, request: &Header) -> Pdu<'static> {
        response(request.command, b"")
    }

    fn refuse(&self, request: &Header, why: Refusal) -> Option<Pdu<'static>> {
        let status = match why {
            Refusal::Malformed(_) => MALFORMED,
            Refusal::UnknownCommand => {
                return Some(Pdu { command: NACK, status: UNKNOWN_COMMAND, body: b"" });
            }
            Refusal::WrongState => WRONG_STATE,
            Refusal::AlreadyBound => ALREADY_BOUND,
            Refusal::Overloaded => OVERLOADED,
        };
        Some(Pdu { command: request.command | RESPONSE, status, body: b"" })
    }

    fn framing_lost(&self, stream: &[u8]) -> Option<(Pdu<'static>, u16)> {
        let sequence = stream.get(6..8).map_or(0, |octets| u16::from_be_bytes([octets[0], octets[1]]));
        Some((Pdu { command: NACK, status: MALFORMED, body: b"" }, sequence))
    }
}
