//! Field parsers shared by the protocols: fixed and C-octet strings, integers, and where a fault was.
//!
//! Every parser is a nom parser over the rest of one complete unit. A [`Fault`] remembers how much was left, from
//! which [`finish`] computes the offset; so parsers never carry a position.

use bytes::{BufMut, BytesMut};
use nom::Err;

use crate::error::{DecodeError, DecodeErrorKind, EncodeError};

/// What every field parser returns.
pub type Parsed<'a, T> = nom::IResult<&'a [u8], T, Fault>;

/// A refusal inside a unit, before its offset is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    field: &'static str,
    left: usize,
    kind: DecodeErrorKind,
}

impl Fault {
    /// A refusal of `field`, which starts where `rest` does.
    #[must_use]
    pub fn new(rest: &[u8], field: &'static str, kind: DecodeErrorKind) -> Self {
        Self { field, left: rest.len(), kind }
    }

    /// The same as a nom error, for use in parsers.
    pub fn err<T>(rest: &[u8], field: &'static str, kind: DecodeErrorKind) -> Result<T, Err<Self>> {
        Err(Err::Error(Self::new(rest, field, kind)))
    }

    /// The error with its offset, `unit` being the whole unit.
    #[must_use]
    pub fn at(self, unit: &[u8]) -> DecodeError {
        DecodeError { field: self.field, offset: unit.len().saturating_sub(self.left), kind: self.kind }
    }
}

impl<'a> nom::error::ParseError<&'a [u8]> for Fault {
    fn from_error_kind(rest: &'a [u8], _: nom::error::ErrorKind) -> Self {
        Self::new(rest, "unit", DecodeErrorKind::Truncated)
    }
    fn append(_: &'a [u8], _: nom::error::ErrorKind, first: Self) -> Self {
        first
    }
}

/// Ends a parse of `unit`: the value, or the fault with its offset.
///
/// # Errors
/// Whatever the parser refused.
#[inline]
pub fn finish<T>(unit: &[u8], parsed: Parsed<'_, T>) -> Result<T, DecodeError> {
    match parsed {
        Ok((_, value)) => Ok(value),
        Err(Err::Error(fault) | Err::Failure(fault)) => Err(fault.at(unit)),
        // Parsers here work on complete units and never ask for more.
        Err(Err::Incomplete(_)) => Err(Fault::new(&[], "unit", DecodeErrorKind::Truncated).at(unit)),
    }
}

macro_rules! integer {
    ($(#[$doc:meta])* $name:ident, $type:ty) => {
        $(#[$doc])*
        #[inline]
        pub fn $name(field: &'static str) -> impl Fn(&[u8]) -> Parsed<'_, $type> {
            move |rest| match rest.split_first_chunk() {
                Some((octets, rest)) => Ok((rest, <$type>::from_be_bytes(*octets))),
                None => Fault::err(rest, field, DecodeErrorKind::Truncated),
            }
        }
    };
}
integer!(/// One octet.
    u8, u8);
integer!(/// Two octets, most significant first.
    u16, u16);
integer!(/// Four octets, most significant first.
    u32, u32);
integer!(/// Four octets, two's complement, most significant first.
    i32, i32);
integer!(/// Eight octets, most significant first.
    u64, u64);

/// Exactly `count` octets, whatever they are.
#[inline]
pub fn take<'a>(field: &'static str, count: usize) -> impl Fn(&'a [u8]) -> Parsed<'a, &'a [u8]> {
    move |rest| match rest.split_at_checked(count) {
        Some((octets, rest)) => Ok((rest, octets)),
        None => Fault::err(rest, field, DecodeErrorKind::PastEnd { claimed: count, left: rest.len() }),
    }
}

/// A C-octet string of at most `max` octets, its NUL included. The value is without the NUL.
#[inline]
pub fn c_string<'a>(field: &'static str, max: usize) -> impl Fn(&'a [u8]) -> Parsed<'a, &'a [u8]> {
    move |rest| {
        let window = &rest[..rest.len().min(max)];
        match find_nul(window) {
            Some(end) => Ok((&rest[end + 1..], &rest[..end])),
            None if rest.len() < max => Fault::err(rest, field, DecodeErrorKind::Truncated),
            None => Fault::err(rest, field, DecodeErrorKind::MissingNul { max }),
        }
    }
}

/// A fixed field of `size` octets, cut at the first NUL (if there is one) and freed of trailing spaces.
#[inline]
pub fn fixed<'a>(field: &'static str, size: usize) -> impl Fn(&'a [u8]) -> Parsed<'a, &'a [u8]> {
    move |rest| match rest.split_at_checked(size) {
        Some((octets, rest)) => Ok((rest, trim(octets))),
        None => Fault::err(rest, field, DecodeErrorKind::Truncated),
    }
}

/// The text of a fixed field: up to the first NUL, without trailing spaces.
#[must_use]
#[inline]
pub fn trim(field: &[u8]) -> &[u8] {
    let end = find_nul(field).unwrap_or(field.len());
    field[..end].trim_ascii_end()
}

/// Where the first NUL is. Looks at eight octets at a time: fields are short, but every unit has many of them.
#[inline]
fn find_nul(octets: &[u8]) -> Option<usize> {
    const LOWEST: u64 = 0x0101_0101_0101_0101;
    const HIGHEST: u64 = 0x8080_8080_8080_8080;
    let (words, tail) = octets.as_chunks();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // Sets the highest bit of the first zero octet, and of none before it.
        let zeros = word.wrapping_sub(LOWEST) & !word & HIGHEST;
        if zeros != 0 {
            return Some(index * 8 + zeros.trailing_zeros() as usize / 8);
        }
    }
    tail.iter().position(|&octet| octet == 0).map(|at| words.len() * 8 + at)
}

/// Writes a C-octet string and its NUL; `max` counts the NUL.
///
/// # Errors
/// When the value and its NUL are longer than `max`, or the value has a NUL inside (told as length 0 of max 0).
pub fn put_c_string(
    out: &mut BytesMut,
    field: &'static str,
    value: &[u8],
    max: usize,
) -> Result<(), EncodeError> {
    if value.len() >= max {
        return Err(EncodeError { field, octets: value.len(), max: max - 1 });
    }
    if find_nul(value).is_some() {
        return Err(EncodeError { field, octets: 0, max: 0 });
    }
    out.put_slice(value);
    out.put_u8(0);
    Ok(())
}

/// Writes a fixed field, padded with NUL on the right.
///
/// # Errors
/// When the value is longer than the field.
pub fn put_fixed(
    out: &mut BytesMut,
    field: &'static str,
    value: &[u8],
    size: usize,
) -> Result<(), EncodeError> {
    if value.len() > size {
        return Err(EncodeError { field, octets: value.len(), max: size });
    }
    out.put_slice(value);
    out.put_bytes(0, size - value.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_the_first_nul(octets in prop::collection::vec(prop_oneof![Just(0), Just(1), Just(0x80), any::<u8>()], 0..40)) {
            prop_assert_eq!(find_nul(&octets), octets.iter().position(|&octet| octet == 0));
        }
    }
}
