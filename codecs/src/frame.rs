//! Framing by a leading four-octet length that counts itself: the same in SMPP, CMPP, SGIP and SMGP.

use bytes::{Buf, Bytes, BytesMut};

use crate::error::{DecodeError, DecodeErrorKind};

/// What a unit's length may be. Checked on the first four octets, before anything is buffered for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The size of the protocol's header, octets.
    pub min: usize,
    /// The largest unit taken, octets.
    pub max: usize,
}

/// Takes the next whole unit off the front of `buffer`, or `None` when more octets are needed.
///
/// # Errors
/// A length outside `limits`: the stream can't be read on and must be closed.
pub fn next(buffer: &mut BytesMut, limits: Limits) -> Result<Option<Bytes>, DecodeError> {
    let Some(length) = buffer.first_chunk().map(|octets| u32::from_be_bytes(*octets)) else {
        return Ok(None);
    };
    let size = usize::try_from(length).unwrap_or(usize::MAX);
    if size < limits.min || size > limits.max {
        return Err(DecodeError {
            field: "command_length",
            offset: 0,
            kind: DecodeErrorKind::UnitLength(length),
        });
    }
    if buffer.len() < size {
        buffer.reserve(size - buffer.len());
        return Ok(None);
    }
    Ok(Some(buffer.split_to(size).freeze()))
}

/// Writes a unit: leaves room for the length, runs `body`, then fills the length in.
///
/// # Errors
/// Whatever `body` refuses; `out` is then as it was before.
pub fn write<E>(out: &mut BytesMut, body: impl FnOnce(&mut BytesMut) -> Result<(), E>) -> Result<(), E> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    if let Err(refused) = body(out) {
        out.truncate(start);
        return Err(refused);
    }
    let length = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// Octets of a unit that has begun but is not whole yet. A driver closes a peer that leaves one so for too long.
#[must_use]
pub fn has_partial(buffer: &BytesMut) -> bool {
    buffer.has_remaining()
}
