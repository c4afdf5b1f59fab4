//! One dialog's side of a call between two dialogs: the other's description said in this dialog's words.
//!
//! Who controls a call from the middle passes descriptions from one dialog to the other. Each dialog has its own `o=` line
//! with its own version, its own number and order of streams, and its own meanings of dynamic payload types.

use std::net::IpAddr;

use bytes::Bytes;
use thiserror::Error;

use super::{
    Sdp,
    parse::{Line, Media, attribute, payload_type},
    write::Writer,
};

/// The first dynamic payload type: those below it have a meaning that no description can change.
const FIRST_DYNAMIC: u8 = 96;

/// Streams of one dialog; a description with more is not passed on.
const MOST_STREAMS: usize = 32;

/// What a description is in the dialog that it is cast for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// An offer: it may bring more streams than the dialog had.
    Offer,
    /// The answer to the offer that [`Cast::received`] last noted: it has that offer's streams.
    Answer,
}

/// What becomes of ICE, DTLS and key attributes, which are passed on together or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// They are passed on.
    Keep,
    /// They are left out.
    Remove,
}

/// Why a description can't be said in another dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CastError {
    /// A dynamic payload type had another meaning in this dialog before, and it keeps that for ever.
    #[error("payload type {payload} meant something else in this dialog")]
    PayloadReused {
        /// Which.
        payload: u8,
    },
    /// It has more than 32 streams.
    #[error("too many streams")]
    TooManyStreams,
}

/// What one dialog has said and heard of its session.
#[derive(Debug, Clone)]
pub struct Cast {
    /// The `o=` line up to the version.
    origin: String,
    version: u64,
    /// The `o=` line behind the version.
    address: String,
    last: Option<Bytes>,
    streams: Vec<Stream>,
}

/// A place for a stream, which stays for the life of the dialog.
#[derive(Debug, Clone)]
struct Stream {
    kind: Vec<u8>,
    protocol: Vec<u8>,
    format: Vec<u8>,
    /// Dynamic payload types and what they mean here, in lower case.
    meanings: Vec<(u8, Vec<u8>)>,
}

impl Cast {
    /// A dialog in which no description was sent. `id` and `address` stand in every `o=` line of ours from now on.
    #[must_use]
    pub fn new(id: u64, address: IpAddr) -> Self {
        let family = if address.is_ipv4() { "IP4" } else { "IP6" };
        Self {
            // RFC 8866 §5.2 has both numbers in 64 bits; many peers read them as signed.
            origin: format!("- {}", id >> 1),
            version: 1,
            address: format!("IN {family} {address}"),
            last: None,
            streams: Vec::new(),
        }
    }

    /// The description that we sent last.
    #[must_use]
    pub fn last(&self) -> Option<&Bytes> {
        self.last.as_ref()
    }

    /// Notes a description that the peer of this dialog sent, so that the next one of ours fits it.
    ///
    /// # Errors
    /// When it has too many streams.
    pub fn received(&mut self, sdp: &Sdp<'_>) -> Result<(), CastError> {
        if sdp.media().len() > MOST_STREAMS {
            return Err(CastError::TooManyStreams);
        }
        for (index, media) in sdp.media().enumerate() {
            self.place(index, &media);
        }
        Ok(())
    }

    /// Says the other dialog's description in this one. The same description again is the same octets, version included.
    ///
    /// # Errors
    /// When a payload type would change its meaning, or there are too many streams; nothing has changed then.
    pub fn recast(&mut self, other: &Sdp<'_>, role: Role, keys: Keys) -> Result<Bytes, CastError> {
        let mut next = self.clone();
        let mut left: Vec<Option<Media<'_>>> = other.media().map(Some).collect();
        let mut chosen: Vec<Option<Media<'_>>> = Vec::with_capacity(left.len());
        for stream in &self.streams {
            let fits = |media: &Option<Media<'_>>| media.is_some_and(|media| stream.is_of(&media));
            chosen.push(left.iter().position(fits).and_then(|index| left[index].take()));
        }
        let known = chosen.len();
        if role == Role::Offer {
            chosen.extend(left.into_iter().flatten().map(Some));
        }
        if chosen.len() > MOST_STREAMS {
            return Err(CastError::TooManyStreams);
        }
        for (index, media) in chosen.iter().enumerate() {
            let Some(media) = media else { continue };
            if let Some(payload) = next.streams.get(index).and_then(|stream| stream.contradiction(media)) {
                return Err(CastError::PayloadReused { payload });
            }
            next.place(index, media);
        }
        // In a session that runs, a stream that the dialog never had is not opened behind its back.
        let is_open = |index: usize| self.streams.is_empty() || index < known;

        let unchanged = next.write(other, &chosen, is_open, keys);
        let sdp = match &self.last {
            Some(last) if *last != unchanged => {
                next.version += 1;
                next.write(other, &chosen, is_open, keys)
            }
            _ => unchanged,
        };
        next.last = Some(sdp.clone());
        *self = next;
        Ok(sdp)
    }

    fn write(
        &self,
        other: &Sdp<'_>,
        chosen: &[Option<Media<'_>>],
        is_open: impl Fn(usize) -> bool,
        keys: Keys,
    ) -> Bytes {
        let keep = |line: &Line<'_>| keys == Keys::Keep || !is_key(line);
        let session = other.session_lines();
        let mut writer = Writer::new();
        writer.line(b'o', format!("{} {} {}", self.origin, self.version, self.address).as_bytes());
        writer.line(b's', b"-");
        writer
            .lines(b'c', session, keep)
            .lines(b'b', session, keep)
            .line(b't', b"0 0")
            .lines(b'a', session, keep);
        for (index, stream) in self.streams.iter().enumerate().take(chosen.len()) {
            match &chosen[index] {
                Some(media) if is_open(index) && media.port() != Some(0) => _ = writer.stream(media, keep),
                _ => _ = writer.closed(&stream.kind, &stream.protocol, &stream.format),
            }
        }
        writer.finish()
    }

    /// Notes what stands in a place, and which dynamic payload types mean what there.
    fn place(&mut self, index: usize, media: &Media<'_>) {
        let format = media.formats().next().unwrap_or_default().to_vec();
        let (kind, protocol) = (media.kind().to_vec(), media.protocol().to_vec());
        match self.streams.get_mut(index) {
            // A place that is used anew for something else begins anew.
            Some(stream) if !stream.is_of(media) => {
                *stream = Stream { kind, protocol, format, meanings: Vec::new() };
            }
            Some(stream) => (stream.protocol, stream.format) = (protocol, format),
            None => self.streams.push(Stream { kind, protocol, format, meanings: Vec::new() }),
        }
        let Some(stream) = self.streams.get_mut(index) else { return };
        for (payload, meaning) in meanings(media) {
            if stream.meaning(payload).is_none() {
                stream.meanings.push((payload, meaning));
            }
        }
    }
}

impl Stream {
    fn is_of(&self, media: &Media<'_>) -> bool {
        self.kind.eq_ignore_ascii_case(media.kind())
    }

    fn meaning(&self, payload: u8) -> Option<&[u8]> {
        self.meanings.iter().find(|(own, _)| *own == payload).map(|(_, meaning)| meaning.as_slice())
    }

    /// A payload type that means something else in `media` than it meant here before.
    fn contradiction(&self, media: &Media<'_>) -> Option<u8> {
        if !self.is_of(media) {
            return None;
        }
        let contradicts = |payload, meaning: &[u8]| self.meaning(payload).is_some_and(|own| own != meaning);
        meanings(media).find(|(payload, meaning)| contradicts(*payload, meaning)).map(|(payload, _)| payload)
    }
}

/// The dynamic payload types of a stream and what its `rtpmap` lines make of them.
fn meanings<'a>(media: &Media<'a>) -> impl Iterator<Item = (u8, Vec<u8>)> + use<'a> {
    let own = *media;
    media.formats().filter_map(move |format| {
        let payload = payload_type(format).filter(|payload| *payload >= FIRST_DYNAMIC)?;
        let codec = own.codec(format)?;
        let mut meaning = codec.name.to_ascii_lowercase();
        meaning.extend_from_slice(format!("/{}/{}", codec.clock, codec.channels).as_bytes());
        Some((payload, meaning))
    })
}

/// Whether a line belongs to ICE, DTLS or the exchange of keys.
fn is_key(line: &Line<'_>) -> bool {
    if line.kind == b'k' {
        return true;
    }
    let Some((name, _)) = attribute(line) else { return false };
    name.starts_with(b"ice-")
        || [
            &b"candidate"[..],
            b"remote-candidates",
            b"end-of-candidates",
            b"fingerprint",
            b"setup",
            b"tls-id",
            b"crypto",
            b"key-mgmt",
        ]
        .contains(&name)
}

#[cfg(test)]
#[path = "cast_tests.rs"]
mod tests;
