//! Writes a message once, and knows its parts when it is done.

use bytes::{BufMut, BytesMut};

use super::{Field, Head, Message, Name, Span, StartLine, name::COLON, reason_phrase};
use crate::sip::Method;

/// Octets that a message has room for from the start.
const USUAL_OCTETS: usize = 1024;
/// Headers that a message has room for from the start.
const USUAL_HEADERS: usize = 24;

/// Writes one message: the start line when it is made, then headers in the order of the calls, then the body.
///
/// A value is written on one line: CR, LF and a NUL without a backslash become spaces, so that no value can begin another
/// header. Lengths
/// are the writer's own business: Content-Length is written by [`body`](Self::body) and [`finish`](Self::finish).
#[derive(Debug)]
pub struct Writer {
    out: BytesMut,
    start: StartLine,
    fields: Vec<Field>,
}

impl Writer {
    /// Begins a request.
    #[must_use]
    pub fn request(method: impl AsRef<[u8]>, uri: impl AsRef<[u8]>) -> Self {
        let method = method.as_ref();
        let mut writer = Self::begin();
        let method_octets = writer.part(method);
        writer.out.put_u8(b' ');
        let uri = writer.part(uri.as_ref());
        writer.out.put_u8(b' ');
        let version = writer.part(b"SIP/2.0");
        let line = Span { start: 0, end: writer.out.len() as u32 };
        writer.out.put_slice(b"\r\n");
        let method = Method::of(method);
        writer.start = StartLine::Request { line, method, method_octets, uri, version, well_formed: true };
        writer
    }

    /// Begins a response with a status from 100 to 699; without a reason the usual phrase is written.
    #[must_use]
    pub fn response(status: u16, reason: Option<&str>) -> Self {
        let mut writer = Self::begin();
        let version = writer.part(b"SIP/2.0");
        writer.out.put_u8(b' ');
        put_decimal(&mut writer.out, u64::from(status));
        writer.out.put_u8(b' ');
        let reason = writer.part(reason.unwrap_or_else(|| reason_phrase(status)).as_bytes());
        let line = Span { start: 0, end: writer.out.len() as u32 };
        writer.out.put_slice(b"\r\n");
        writer.start = StartLine::Response { line, version, status: Some(status), reason };
        writer
    }

    fn begin() -> Self {
        let none = Span::default();
        let start = StartLine::Response { line: none, version: none, status: None, reason: none };
        Self { out: BytesMut::with_capacity(USUAL_OCTETS), start, fields: Vec::with_capacity(USUAL_HEADERS) }
    }

    /// Writes a header.
    #[inline]
    pub fn field(&mut self, name: Name, value: impl AsRef<[u8]>) -> &mut Self {
        let value = value.as_ref();
        self.line(name, name.prefix(), |out| out.put_slice(value))
    }

    /// Writes a header whose value `write` appends.
    #[inline]
    pub fn field_with(&mut self, name: Name, write: impl FnOnce(&mut BytesMut)) -> &mut Self {
        self.line(name, name.prefix(), write)
    }

    /// Writes a header whose value is a number.
    pub fn number(&mut self, name: Name, value: impl Into<u64>) -> &mut Self {
        self.field_with(name, |out| put_decimal(out, value.into()))
    }

    /// Writes CSeq.
    pub fn cseq(&mut self, number: u32, method: impl AsRef<[u8]>) -> &mut Self {
        self.field_with(Name::CSeq, |out| {
            put_decimal(out, u64::from(number));
            out.put_u8(b' ');
            out.put_slice(method.as_ref());
        })
    }

    /// Writes a header by its name, which may be one that [`Name`] doesn't have.
    pub fn other(&mut self, label: &str, value: impl AsRef<[u8]>) -> &mut Self {
        match Name::of(label.as_bytes()) {
            Name::Other => {
                let value = value.as_ref();
                let label = format!("{label}{COLON}");
                self.line(Name::Other, &label, |out| out.put_slice(value))
            }
            name => self.field(name, value),
        }
    }

    /// Copies all lines of a header from another message, in order and with the long name.
    pub fn copy(&mut self, message: &Message, name: Name) -> &mut Self {
        for field in message.fields().filter(|field| field.name == name) {
            if name == Name::Other {
                self.other(&String::from_utf8_lossy(field.label), field.value);
            } else {
                self.field(name, field.value);
            }
        }
        self
    }

    /// Ends the headers with the body's type and length, and writes the body.
    #[must_use]
    pub fn body(mut self, content_type: impl AsRef<[u8]>, octets: impl AsRef<[u8]>) -> Message {
        self.field(Name::ContentType, content_type);
        self.end(octets.as_ref())
    }

    /// Ends the headers. There is no body.
    #[must_use]
    pub fn finish(self) -> Message {
        self.end(b"")
    }

    /// Ends the headers with the body's length, and writes the body, whose type has been written if it has one.
    pub(in crate::sip) fn end(mut self, body: &[u8]) -> Message {
        self.number(Name::ContentLength, body.len() as u64);
        self.seal();
        self.out.put_slice(b"\r\n");
        let start = self.out.len() as u32;
        self.out.put_slice(body);
        let head = Head { start: self.start, fields: self.fields, body: start };
        Message::of(self.out.freeze(), head)
    }

    /// Writes one line; `prefix` is the name, the colon and a space.
    #[inline]
    fn line(&mut self, name: Name, prefix: &str, write: impl FnOnce(&mut BytesMut)) -> &mut Self {
        let start = self.out.len();
        self.out.put_slice(prefix.as_bytes());
        let value = self.out.len();
        write(&mut self.out);
        let end = self.out.len();
        self.out.put_slice(b"\r\n");
        let span = |start: usize, end: usize| Span { start: start as u32, end: end as u32 };
        self.fields.push(Field {
            name,
            label: span(start, value.saturating_sub(COLON.len())),
            value: span(value, end),
        });
        self
    }

    /// Writes a part of the start line.
    fn part(&mut self, part: &[u8]) -> Span {
        let start = self.out.len();
        self.out.put_slice(part);
        Span { start: start as u32, end: self.out.len() as u32 }
    }

    /// Takes from the lines what was written into them and would end them: CR, LF and NUL.
    fn seal(&mut self) {
        // Every line ends with two such octets; values hardly ever have one, so one count tells.
        let ends = |octet: u8| octet <= b'\r' && octet != b'\t';
        let count = |octets: &[u8]| octets.iter().map(|&octet| u8::from(ends(octet))).sum::<u8>();
        let counted: usize = self.out.chunks(255).map(|chunk| usize::from(count(chunk))).sum();
        if counted == 2 * (1 + self.fields.len()) {
            return;
        }
        let (StartLine::Request { line, .. } | StartLine::Response { line, .. }) = self.start;
        let lines = self.fields.iter().map(|field| Span { start: field.label.start, end: field.value.end });
        for line in std::iter::once(line).chain(lines) {
            let mut before = b' ';
            for octet in &mut self.out[line.start as usize..line.end as usize] {
                // Behind a backslash a NUL is one octet of a quoted text like any other.
                let is_quoted = before == b'\\' && *octet == b'\0';
                if matches!(*octet, b'\r' | b'\n' | b'\0') && !is_quoted {
                    *octet = b' ';
                }
                before = *octet;
            }
        }
    }
}

/// Writes a number in decimal digits.
pub fn put_decimal(out: &mut BytesMut, mut number: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.put_slice(&digits[at..]);
}
