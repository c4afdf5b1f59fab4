//! Fields that hold a number.

use bytes::{BufMut, BytesMut};

use super::{Field, Size, every, too_wide};
use crate::{
    cmpp::{MsgId, Version},
    error::EncodeError,
    octets::{self, Parsed},
};

/// One octet, or none.
pub(in crate::cmpp) struct Octet(pub Size);

impl<'a> Field<'a> for Octet {
    type Value = u8;

    fn read(&self, name: &'static str, version: Version, rest: &'a [u8]) -> Parsed<'a, u8> {
        if self.0.of(version) == 0 { Ok((rest, 0)) } else { octets::u8(name)(rest) }
    }

    fn put(
        &self,
        name: &'static str,
        version: Version,
        value: &u8,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        match self.0.of(version) {
            0 if *value == 0 => {}
            0 => return too_wide(name, 1, 0),
            _ => out.put_u8(*value),
        }
        Ok(())
    }

    #[cfg(feature = "serde")]
    fn dump<M: serde::ser::SerializeMap>(
        &self,
        name: &'static str,
        value: &u8,
        map: &mut M,
    ) -> Result<(), M::Error> {
        map.serialize_entry(name, value)
    }
}

/// One octet at the end of a unit that some peers leave out: then 0.
pub(in crate::cmpp) struct TailOctet;

impl<'a> Field<'a> for TailOctet {
    type Value = u8;

    fn read(&self, name: &'static str, version: Version, rest: &'a [u8]) -> Parsed<'a, u8> {
        if rest.is_empty() { Ok((rest, 0)) } else { Octet(every(1)).read(name, version, rest) }
    }

    fn put(
        &self,
        name: &'static str,
        version: Version,
        value: &u8,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        Octet(every(1)).put(name, version, value, out)
    }

    #[cfg(feature = "serde")]
    fn dump<M: serde::ser::SerializeMap>(
        &self,
        name: &'static str,
        value: &u8,
        map: &mut M,
    ) -> Result<(), M::Error> {
        map.serialize_entry(name, value)
    }
}

/// The version octet of a login, which dumps as `0x30`.
pub(in crate::cmpp) struct VersionOctet;

impl<'a> Field<'a> for VersionOctet {
    type Value = u8;

    fn read(&self, name: &'static str, _: Version, rest: &'a [u8]) -> Parsed<'a, u8> {
        octets::u8(name)(rest)
    }

    fn put(&self, _: &'static str, _: Version, value: &u8, out: &mut BytesMut) -> Result<(), EncodeError> {
        out.put_u8(*value);
        Ok(())
    }

    #[cfg(feature = "serde")]
    fn dump<M: serde::ser::SerializeMap>(
        &self,
        name: &'static str,
        value: &u8,
        map: &mut M,
    ) -> Result<(), M::Error> {
        map.serialize_entry(name, &format!("{value:#04x}"))
    }
}

/// Two octets.
pub(in crate::cmpp) struct Short;

impl<'a> Field<'a> for Short {
    type Value = u16;

    fn read(&self, name: &'static str, _: Version, rest: &'a [u8]) -> Parsed<'a, u16> {
        octets::u16(name)(rest)
    }

    fn put(&self, _: &'static str, _: Version, value: &u16, out: &mut BytesMut) -> Result<(), EncodeError> {
        out.put_u16(*value);
        Ok(())
    }

    #[cfg(feature = "serde")]
    fn dump<M: serde::ser::SerializeMap>(
        &self,
        name: &'static str,
        value: &u16,
        map: &mut M,
    ) -> Result<(), M::Error> {
        map.serialize_entry(name, value)
    }
}

/// A number of four octets, or of one, or none.
pub(in crate::cmpp) struct Number(pub Size);

impl<'a> Field<'a> for Number {
    type Value = u32;

    fn read(&self, name: &'static str, version: Version, rest: &'a [u8]) -> Parsed<'a, u32> {
        match self.0.of(version) {
            0 => Ok((rest, 0)),
            1 => octets::u8(name)(rest).map(|(rest, value)| (rest, u32::from(value))),
            _ => octets::u32(name)(rest),
        }
    }

    fn put(
        &self,
        name: &'static str,
        version: Version,
        value: &u32,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        match (self.0.of(version), u8::try_from(*value)) {
            (0, Ok(0)) => {}
            (1, Ok(value)) => out.put_u8(value),
            (4, _) => out.put_u32(*value),
            (width, _) => return too_wide(name, 4, width),
        }
        Ok(())
    }

    #[cfg(feature = "serde")]
    fn dump<M: serde::ser::SerializeMap>(
        &self,
        name: &'static str,
        value: &u32,
        map: &mut M,
    ) -> Result<(), M::Error> {
        map.serialize_entry(name, value)
    }
}

/// A signed number of four octets.
pub(in crate::cmpp) struct Signed;

impl<'a> Field<'a> for Signed {
    type Value = i32;

    fn read(&self, name: &'static str, _: Version, rest: &'a [u8]) -> Parsed<'a, i32> {
        octets::i32(name)(rest)
    }

    fn put(&self, _: &'static str, _: Version, value: &i32, out: &mut BytesMut) -> Result<(), EncodeError> {
        out.put_i32(*value);
        Ok(())
    }

    #[cfg(feature = "serde")]
    fn dump<M: serde::ser::SerializeMap>(
        &self,
        name: &'static str,
        value: &i32,
        map: &mut M,
    ) -> Result<(), M::Error> {
        map.serialize_entry(name, value)
    }
}

/// A Msg_Id.
pub(in crate::cmpp) struct Id;

impl<'a> Field<'a> for Id {
    type Value = MsgId;

    fn read(&self, name: &'static str, _: Version, rest: &'a [u8]) -> Parsed<'a, MsgId> {
        octets::u64(name)(rest).map(|(rest, id)| (rest, MsgId(id)))
    }

    fn put(&self, _: &'static str, _: Version, value: &MsgId, out: &mut BytesMut) -> Result<(), EncodeError> {
        out.put_u64(value.0);
        Ok(())
    }

    #[cfg(feature = "serde")]
    fn dump<M: serde::ser::SerializeMap>(
        &self,
        name: &'static str,
        value: &MsgId,
        map: &mut M,
    ) -> Result<(), M::Error> {
        map.serialize_entry(name, value)
    }
}
