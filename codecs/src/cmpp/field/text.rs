//! Fields that hold octets of a fixed size.

use bytes::{BufMut, BytesMut};

#[cfg(feature = "serde")]
use super::hexadecimal;
use super::{Field, Size, too_wide};
use crate::{
    cmpp::Version,
    error::{DecodeErrorKind, EncodeError},
    octets::{self, Fault, Parsed},
};

/// An Octet String: the value without its padding.
pub(in crate::cmpp) struct Text(pub Size);

impl<'a> Field<'a> for Text {
    type Value = &'a [u8];

    fn read(&self, name: &'static str, version: Version, rest: &'a [u8]) -> Parsed<'a, &'a [u8]> {
        octets::fixed(name, self.0.of(version))(rest)
    }

    fn put(
        &self,
        name: &'static str,
        version: Version,
        value: &&'a [u8],
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        octets::put_fixed(out, name, value, self.0.of(version))
    }

    #[cfg(feature = "serde")]
    fn dump<M: serde::ser::SerializeMap>(
        &self,
        name: &'static str,
        value: &&'a [u8],
        map: &mut M,
    ) -> Result<(), M::Error> {
        map.serialize_entry(name, &String::from_utf8_lossy(value))
    }
}

/// An Octet String at the end of a unit that some peers cut short or leave out: then empty.
pub(in crate::cmpp) struct TailText(pub Size);

impl<'a> Field<'a> for TailText {
    type Value = &'a [u8];

    fn read(&self, name: &'static str, version: Version, rest: &'a [u8]) -> Parsed<'a, &'a [u8]> {
        if rest.len() < self.0.of(version) {
            return Ok((&[], &[]));
        }
        Text(self.0).read(name, version, rest)
    }

    fn put(
        &self,
        name: &'static str,
        version: Version,
        value: &&'a [u8],
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        Text(self.0).put(name, version, value, out)
    }

    #[cfg(feature = "serde")]
    fn dump<M: serde::ser::SerializeMap>(
        &self,
        name: &'static str,
        value: &&'a [u8],
        map: &mut M,
    ) -> Result<(), M::Error> {
        Text(self.0).dump(name, value, map)
    }
}

/// An Octet String that ends some octets before the end, whatever its size: the number in a report.
pub(in crate::cmpp) struct TextBefore {
    /// Its size when we write it.
    pub size: Size,
    /// Octets that follow it.
    pub octets_after: usize,
}

impl<'a> Field<'a> for TextBefore {
    type Value = &'a [u8];

    fn read(&self, name: &'static str, _: Version, rest: &'a [u8]) -> Parsed<'a, &'a [u8]> {
        match rest.len().checked_sub(self.octets_after) {
            Some(size) => octets::fixed(name, size)(rest),
            None => Fault::err(rest, name, DecodeErrorKind::Truncated),
        }
    }

    fn put(
        &self,
        name: &'static str,
        version: Version,
        value: &&'a [u8],
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        Text(self.size).put(name, version, value, out)
    }

    #[cfg(feature = "serde")]
    fn dump<M: serde::ser::SerializeMap>(
        &self,
        name: &'static str,
        value: &&'a [u8],
        map: &mut M,
    ) -> Result<(), M::Error> {
        Text(self.size).dump(name, value, map)
    }
}

/// Reserved octets at the end of a unit, kept as they are; zero when a peer cuts them short or leaves them out.
pub(in crate::cmpp) struct Reserved<const N: usize>(pub Size);

impl<'a, const N: usize> Field<'a> for Reserved<N> {
    type Value = [u8; N];

    fn read(&self, _: &'static str, version: Version, rest: &'a [u8]) -> Parsed<'a, [u8; N]> {
        if self.0.of(version) == 0 {
            return Ok((rest, [0; N]));
        }
        match rest.split_first_chunk() {
            Some((octets, rest)) => Ok((rest, *octets)),
            None => Ok((&[], [0; N])),
        }
    }

    fn put(
        &self,
        name: &'static str,
        version: Version,
        value: &[u8; N],
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        match self.0.of(version) {
            0 if *value == [0; N] => {}
            0 => return too_wide(name, N, 0),
            _ => out.put_slice(value),
        }
        Ok(())
    }

    #[cfg(feature = "serde")]
    fn dump<M: serde::ser::SerializeMap>(
        &self,
        name: &'static str,
        value: &[u8; N],
        map: &mut M,
    ) -> Result<(), M::Error> {
        map.serialize_entry(name, &hexadecimal(value))
    }
}

/// An MD5 digest.
pub(in crate::cmpp) struct Digest;

impl<'a> Field<'a> for Digest {
    type Value = [u8; 16];

    fn read(&self, name: &'static str, _: Version, rest: &'a [u8]) -> Parsed<'a, [u8; 16]> {
        match rest.split_first_chunk() {
            Some((octets, rest)) => Ok((rest, *octets)),
            None => Fault::err(rest, name, DecodeErrorKind::Truncated),
        }
    }

    fn put(
        &self,
        _: &'static str,
        _: Version,
        value: &[u8; 16],
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        out.put_slice(value);
        Ok(())
    }

    #[cfg(feature = "serde")]
    fn dump<M: serde::ser::SerializeMap>(
        &self,
        name: &'static str,
        value: &[u8; 16],
        map: &mut M,
    ) -> Result<(), M::Error> {
        map.serialize_entry(name, &hexadecimal(value))
    }
}
