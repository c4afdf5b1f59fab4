//! Fields that come with a count before them.

use bytes::{BufMut, BytesMut};

#[cfg(feature = "serde")]
use super::hexadecimal;
use super::{Field, Size, too_wide};
use crate::{
    cmpp::{Recipients, Version},
    error::{DecodeErrorKind, EncodeError},
    octets::{self, Fault, Parsed},
};

/// DestUsr_tl and the numbers it counts.
pub(in crate::cmpp) struct Numbers {
    /// Octets of each number.
    pub width: Size,
    /// How many there may be.
    pub most: Size,
}

impl<'a> Field<'a> for Numbers {
    type Value = Recipients<'a>;

    fn read(&self, name: &'static str, version: Version, rest: &'a [u8]) -> Parsed<'a, Recipients<'a>> {
        let (numbers, count) = octets::u8("DestUsr_tl")(rest)?;
        if count == 0 || usize::from(count) > self.most.of(version) {
            return Fault::err(rest, "DestUsr_tl", DecodeErrorKind::Value(u32::from(count)));
        }
        let width = self.width.of(version);
        match numbers.split_at_checked(usize::from(count) * width) {
            Some((numbers, rest)) => Ok((rest, Recipients::wire(numbers, width))),
            None => Fault::err(numbers, name, DecodeErrorKind::Truncated),
        }
    }

    fn put(
        &self,
        name: &'static str,
        version: Version,
        value: &Recipients<'a>,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        let most = self.most.of(version);
        match u8::try_from(value.len()) {
            Ok(count) if count > 0 && usize::from(count) <= most => out.put_u8(count),
            _ => return too_wide("DestUsr_tl", value.len(), most),
        }
        value.iter().try_for_each(|number| octets::put_fixed(out, name, number, self.width.of(version)))
    }

    #[cfg(feature = "serde")]
    fn dump<M: serde::ser::SerializeMap>(
        &self,
        name: &'static str,
        value: &Recipients<'a>,
        map: &mut M,
    ) -> Result<(), M::Error> {
        map.serialize_entry("DestUsr_tl", &value.len())?;
        let numbers: Vec<_> = value.iter().map(String::from_utf8_lossy).collect();
        map.serialize_entry(name, &numbers)
    }
}

/// Msg_Length and the octets it counts.
pub(in crate::cmpp) struct Content;

impl<'a> Field<'a> for Content {
    type Value = &'a [u8];

    fn read(&self, _: &'static str, _: Version, rest: &'a [u8]) -> Parsed<'a, &'a [u8]> {
        let (content, length) = octets::u8("Msg_Length")(rest)?;
        let claimed = usize::from(length);
        match content.split_at_checked(claimed) {
            Some((content, rest)) => Ok((rest, content)),
            None => {
                let kind = DecodeErrorKind::PastEnd { claimed, left: content.len() };
                Fault::err(rest, "Msg_Length", kind)
            }
        }
    }

    fn put(
        &self,
        name: &'static str,
        _: Version,
        value: &&'a [u8],
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        match u8::try_from(value.len()) {
            Ok(length) => out.put_u8(length),
            Err(_) => return too_wide(name, value.len(), usize::from(u8::MAX)),
        }
        out.put_slice(value);
        Ok(())
    }

    #[cfg(feature = "serde")]
    fn dump<M: serde::ser::SerializeMap>(
        &self,
        name: &'static str,
        value: &&'a [u8],
        map: &mut M,
    ) -> Result<(), M::Error> {
        map.serialize_entry("Msg_Length", &value.len())?;
        map.serialize_entry(name, &hexadecimal(value))
    }
}
