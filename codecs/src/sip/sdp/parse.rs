//! Reads a description line by line, and refuses only what is none.

use thiserror::Error;

use super::{Codec, Connection, Direction, Origin, codec};

/// The longest description that is read, in octets.
const MOST_OCTETS: usize = 64 * 1024;

/// The most lines that are read.
const MOST_LINES: usize = 2048;

/// The static payload types and dynamic ones together.
const PAYLOAD_TYPES: u8 = 128;

/// Why octets are no description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SdpError {
    /// The first line is not `v=`.
    #[error("the first line is not v=")]
    NotSdp,
    /// It has more than 64 KiB or 2048 lines.
    #[error("it is too large")]
    TooLarge,
}

/// One line: its letter and what follows the `=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// The letter.
    pub kind: u8,
    /// The value, without the end of the line.
    pub value: &'a [u8],
}

/// A description as it came.
///
/// Lines may end with CRLF or LF, the last one with nothing. Their order is not judged; a line without `x=` is passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sdp<'a> {
    lines: Vec<Line<'a>>,
    /// Where each `m=` line stands.
    media: Vec<usize>,
}

/// One stream of a description: its `m=` line and what follows up to the next one.
#[derive(Debug, Clone, Copy)]
pub struct Media<'a> {
    session: &'a [Line<'a>],
    lines: &'a [Line<'a>],
}

/// The formats of an `m=` line, in order.
#[derive(Debug, Clone)]
pub struct Formats<'a>(std::slice::Split<'a, u8, fn(&u8) -> bool>);

impl<'a> Sdp<'a> {
    /// Reads a description.
    ///
    /// # Errors
    /// When the octets are no description at all, or too many.
    pub fn parse(octets: &'a [u8]) -> Result<Self, SdpError> {
        if octets.len() > MOST_OCTETS {
            return Err(SdpError::TooLarge);
        }
        let mut sdp = Self { lines: Vec::with_capacity(24), media: Vec::with_capacity(2) };
        for line in octets.split(|octet| *octet == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let &[kind, b'=', ref value @ ..] = line else {
                match sdp.lines.is_empty() && !line.trim_ascii().is_empty() {
                    true => return Err(SdpError::NotSdp),
                    false => continue,
                }
            };
            if sdp.lines.is_empty() && kind != b'v' {
                return Err(SdpError::NotSdp);
            }
            if sdp.lines.len() == MOST_LINES {
                return Err(SdpError::TooLarge);
            }
            if kind == b'm' {
                sdp.media.push(sdp.lines.len());
            }
            sdp.lines.push(Line { kind, value });
        }
        if sdp.lines.is_empty() { Err(SdpError::NotSdp) } else { Ok(sdp) }
    }

    /// The lines before the first stream.
    #[must_use]
    pub fn session_lines(&self) -> &[Line<'a>] {
        &self.lines[..self.media.first().copied().unwrap_or(self.lines.len())]
    }

    /// The streams, in order.
    #[must_use]
    pub fn media(&self) -> impl ExactSizeIterator<Item = Media<'_>> + DoubleEndedIterator + Clone {
        (0..self.media.len()).map(|index| {
            let end = self.media.get(index + 1).copied().unwrap_or(self.lines.len());
            Media { session: self.session_lines(), lines: &self.lines[self.media[index]..end] }
        })
    }

    /// Who made it, and its version; `None` if the line is missing or has fewer than six words.
    #[must_use]
    pub fn origin(&self) -> Option<Origin<'a>> {
        Origin::parse(value(self.session_lines(), b'o')?)
    }

    /// The session's name, which may be empty.
    #[must_use]
    pub fn name(&self) -> Option<&'a [u8]> {
        value(self.session_lines(), b's')
    }

    /// The address that holds for streams without one of their own.
    #[must_use]
    pub fn connection(&self) -> Option<Connection<'a>> {
        Connection::parse(value(self.session_lines(), b'c')?)
    }

    /// The direction that holds for streams without one of their own.
    #[must_use]
    pub fn direction(&self) -> Option<Direction> {
        direction(self.session_lines())
    }

    /// The value of an attribute of the session; empty if it has none.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&'a [u8]> {
        attributes(self.session_lines(), name).next()
    }
}

impl<'a> Media<'a> {
    /// The `m=` line and all that belongs to it.
    #[must_use]
    pub fn lines(&self) -> &'a [Line<'a>] {
        self.lines
    }

    /// `audio`, `video` and others.
    #[must_use]
    pub fn kind(&self) -> &'a [u8] {
        self.words().next().unwrap_or_default()
    }

    /// The word that should be the port, with the number of ports behind it if one was given.
    #[must_use]
    pub fn port_octets(&self) -> &'a [u8] {
        self.words().nth(1).unwrap_or_default()
    }

    /// The port; 0: the stream is refused or removed. `None`: what stands there is no port.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        let port = self.port_octets().split(|octet| *octet == b'/').next()?;
        std::str::from_utf8(port).ok()?.parse().ok()
    }

    /// The protocol, e.g. `RTP/AVP`.
    #[must_use]
    pub fn protocol(&self) -> &'a [u8] {
        self.words().nth(2).unwrap_or_default()
    }

    /// The formats, the one the sender likes best first.
    #[must_use]
    pub fn formats(&self) -> Formats<'a> {
        let mut words = self.words();
        words.nth(2);
        words
    }

    /// The address, its own or the session's. Of several lines the first counts.
    #[must_use]
    pub fn connection(&self) -> Option<Connection<'a>> {
        self.own_connection().or_else(|| Connection::parse(value(self.session, b'c')?))
    }

    /// The address of its own, if it has one.
    #[must_use]
    pub fn own_connection(&self) -> Option<Connection<'a>> {
        Connection::parse(value(self.lines, b'c')?)
    }

    /// Which way media flow, seen from the sender: its own word, else the session's, else both ways.
    #[must_use]
    pub fn direction(&self) -> Direction {
        direction(self.lines).or_else(|| direction(self.session)).unwrap_or(Direction::SendRecv)
    }

    /// The value of an attribute of its own; empty if it has none.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&'a [u8]> {
        attributes(self.lines, name).next()
    }

    /// The packet time that the sender wishes, milliseconds. Of several the last counts.
    #[must_use]
    pub fn packet_time(&self) -> Option<u32> {
        let value = attributes(self.lines, "ptime").last()?;
        std::str::from_utf8(value.trim_ascii()).ok()?.parse().ok()
    }

    /// What a payload type means here: by its `rtpmap`, else by the table of static ones.
    #[must_use]
    pub fn codec(&self, format: &[u8]) -> Option<Codec<'a>> {
        let payload = payload_type(format)?;
        let mapped = attributes(self.lines, "rtpmap").find_map(|value| Codec::parse(value, payload));
        mapped.or_else(|| codec::of_static(payload))
    }

    /// The codecs of the formats that are payload types with a meaning, in order.
    pub fn codecs(&self) -> impl Iterator<Item = Codec<'a>> + use<'a> {
        let own = *self;
        self.formats().filter_map(move |format| own.codec(format))
    }

    /// The format parameters of a payload type.
    #[must_use]
    pub fn parameters(&self, payload: u8) -> Option<&'a [u8]> {
        attributes(self.lines, "fmtp").find_map(|value| {
            let (format, parameters) = codec::split_word(value);
            (payload_type(format) == Some(payload)).then_some(parameters)
        })
    }

    fn words(&self) -> Formats<'a> {
        let value = self.lines.first().map_or(&b""[..], |line| line.value);
        Formats(value.split(|octet| *octet == b' '))
    }
}

impl<'a> Iterator for Formats<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.0.by_ref().find(|word| !word.is_empty())
    }
}

/// The payload type that a format is, 0 to 127.
pub(super) fn payload_type(format: &[u8]) -> Option<u8> {
    std::str::from_utf8(format).ok()?.parse().ok().filter(|payload| *payload < PAYLOAD_TYPES)
}

/// Name and value of an attribute line.
pub(super) fn attribute<'a>(line: &Line<'a>) -> Option<(&'a [u8], &'a [u8])> {
    if line.kind != b'a' {
        return None;
    }
    match line.value.iter().position(|octet| *octet == b':') {
        Some(colon) => Some((&line.value[..colon], &line.value[colon + 1..])),
        None => Some((line.value.trim_ascii(), b"")),
    }
}

fn attributes<'a: 'b, 'b>(lines: &'b [Line<'a>], name: &'b str) -> impl Iterator<Item = &'a [u8]> + 'b {
    lines.iter().filter_map(attribute).filter(move |(own, _)| *own == name.as_bytes()).map(|(_, value)| value)
}

fn value<'a>(lines: &[Line<'a>], kind: u8) -> Option<&'a [u8]> {
    lines.iter().find(|line| line.kind == kind).map(|line| line.value)
}

fn direction(lines: &[Line<'_>]) -> Option<Direction> {
    lines.iter().filter_map(attribute).find_map(|(name, _)| Direction::of(name))
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
