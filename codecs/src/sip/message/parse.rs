//! Finds the parts of a message.

use nom::bytes::complete::take_while;
use thiserror::Error;

use super::{
    Field, Head, Name, Span, StartLine,
    grammar::{Parsed, is_digit, is_token, refuse, trim},
};
use crate::sip::Method;

/// Why octets are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ParseError {
    /// The first line is empty, or doesn't end.
    #[error("there is no start line")]
    StartLine,
    /// No empty line ends the headers.
    #[error("the headers don't end")]
    HeaderEnd,
    /// More octets than any transport brings.
    #[error("the message is too long")]
    TooLong,
}

/// Headers that a message has room for from the start: most have fewer.
const USUAL_HEADERS: usize = 24;

impl Head {
    /// Finds the parts of the head that `octets` begin with.
    pub(in crate::sip) fn parse(octets: &[u8]) -> Result<Self, ParseError> {
        if u32::try_from(octets.len()).is_err() {
            return Err(ParseError::TooLong);
        }
        let whole = Whole(octets);
        let (mut rest, first) = line(octets).map_err(|_| ParseError::StartLine)?;
        if first.is_empty() {
            return Err(ParseError::StartLine);
        }
        let start = whole.start_line(first);
        let mut fields = Vec::with_capacity(USUAL_HEADERS);
        loop {
            let (after, text) = folded_line(rest).map_err(|_| ParseError::HeaderEnd)?;
            rest = after;
            if text.is_empty() {
                break;
            }
            fields.push(whole.field(text));
        }
        Ok(Self { start, fields, body: (octets.len() - rest.len()) as u32 })
    }
}

/// The line up to the next CRLF, which is left out. Bare CR and LF end no line.
#[inline]
fn line(rest: &[u8]) -> Parsed<'_, &[u8]> {
    let mut from = 0;
    while let Some(found) = memchr::memchr(b'\r', &rest[from..]) {
        let at = from + found;
        if rest.get(at + 1) == Some(&b'\n') {
            return Ok((&rest[at + 2..], &rest[..at]));
        }
        from = at + 1;
    }
    refuse()
}

/// A line and those that continue it.
#[inline]
fn folded_line(rest: &[u8]) -> Parsed<'_, &[u8]> {
    let (mut after, first) = line(rest)?;
    if first.is_empty() {
        return Ok((after, first));
    }
    while let [b' ' | b'\t', ..] = after {
        (after, _) = line(after)?;
    }
    Ok((after, &rest[..rest.len() - after.len() - 2]))
}

/// All octets of the message, to turn parts of it into spans.
struct Whole<'a>(&'a [u8]);

impl<'a> Whole<'a> {
    /// Where a part of the octets is.
    #[inline]
    fn span(&self, part: &'a [u8]) -> Span {
        let start = part.as_ptr() as usize - self.0.as_ptr() as usize;
        Span { start: start as u32, end: (start + part.len()) as u32 }
    }

    /// Any line can be told apart into a method, a URI and a version, if need be empty ones.
    fn start_line(&self, line: &'a [u8]) -> StartLine {
        let (first, rest) = cut(line);
        if first.len() > 4 && first[..4].eq_ignore_ascii_case(b"SIP/") {
            let (code, reason) = cut(rest);
            return StartLine::Response {
                line: self.span(line),
                version: self.span(first),
                status: status(code),
                reason: self.span(reason),
            };
        }
        let middle = trim(rest);
        let (uri, version) = match memchr::memrchr(b' ', middle) {
            Some(at) => (trim(&middle[..at]), &middle[at + 1..]),
            None => (middle, &middle[middle.len()..]),
        };
        let is_token =
            matches!(take_while::<_, _, ()>(is_token)(first), Ok(([], token)) if !token.is_empty());
        let well_formed = is_token
            && first.len() + uri.len() + version.len() + 2 == line.len()
            && !uri.is_empty()
            && uri.iter().all(u8::is_ascii_graphic)
            && is_version(version);
        StartLine::Request {
            line: self.span(line),
            method: Method::of(first),
            method_octets: self.span(first),
            uri: self.span(uri),
            version: self.span(version),
            well_formed,
        }
    }

    /// A line without a name and a colon becomes a header without a name: its value is the whole line.
    #[inline]
    fn field(&self, line: &'a [u8]) -> Field {
        let end = line.iter().position(|&octet| !is_token(octet)).unwrap_or(line.len());
        let (label, rest) = line.split_at(end);
        let blanks = rest.iter().position(|&octet| octet != b' ' && octet != b'\t').unwrap_or(rest.len());
        match rest[blanks..].split_first() {
            Some((b':', value)) if !label.is_empty() => {
                Field { name: Name::of(label), label: self.span(label), value: self.span(trim(value)) }
            }
            _ => Field { name: Name::Other, label: self.span(&line[..0]), value: self.span(line) },
        }
    }
}

/// Up to the first space, and what follows it.
#[inline]
fn cut(line: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b' ', line) {
        Some(at) => (&line[..at], &line[at + 1..]),
        None => (line, &line[line.len()..]),
    }
}

fn status(code: &[u8]) -> Option<u16> {
    match *code {
        [first @ b'1'..=b'6', second, third] if is_digit(second) && is_digit(third) => {
            Some([first, second, third].iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0')))
        }
        _ => None,
    }
}

/// `SIP/` and two numbers: of whatever version.
fn is_version(version: &[u8]) -> bool {
    let Some((name, numbers)) = version.split_at_checked(4) else { return false };
    let mut parts = numbers.split(|&octet| octet == b'.');
    let mut number =
        || parts.next().is_some_and(|part| !part.is_empty() && part.iter().all(|&octet| is_digit(octet)));
    name.eq_ignore_ascii_case(b"SIP/") && number() && number() && parts.next().is_none()
}
