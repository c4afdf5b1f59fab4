//! Writes descriptions: every line in its place, each ended by CRLF.

use bytes::{BufMut, Bytes, BytesMut};

/// A description in the making.
#[derive(Debug)]
pub(super) struct Writer(BytesMut);

impl Writer {
    /// Begins with the version line.
    pub fn new() -> Self {
        let mut writer = Self(BytesMut::with_capacity(512));
        writer.line(b'v', b"0");
        writer
    }

    /// Writes one line. An octet that would end it becomes a `?`: leaving it out would make other words of what is left.
    pub fn line(&mut self, kind: u8, value: &[u8]) -> &mut Self {
        self.0.reserve(value.len() + 4);
        self.0.put_slice(&[kind, b'=']);
        let start = self.0.len();
        self.0.put_slice(value);
        for octet in &mut self.0[start..] {
            if matches!(octet, b'\r' | b'\n' | 0) {
                *octet = b'?';
            }
        }
        self.0.put_slice(b"\r\n");
        self
    }

    /// Writes a stream that is refused or removed. A word that was missing becomes `-`, so that the others stay in place.
    pub fn closed(&mut self, kind: &[u8], protocol: &[u8], format: &[u8]) -> &mut Self {
        let words = [kind, b"0", protocol, format].map(|word| if word.is_empty() { b"-" } else { word });
        self.line(b'm', &words.join(&b' '))
    }

    pub fn finish(self) -> Bytes {
        self.0.freeze()
    }
}
