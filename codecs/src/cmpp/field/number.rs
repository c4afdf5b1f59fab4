//! Fields that hold a number, most significant octet first.

use bytes::{BufMut, BytesMut};

use super::{Field, Size, every, too_wide};
use crate::{
    cmpp::{MsgId, Version},
    error::{DecodeErrorKind, EncodeError},
    octets::{Fault, Parsed},
};

/// One octet, or none.
pub(in crate::cmpp) struct Octet(pub Size);
/// One octet at the end of a unit that some peers leave out: then 0.
pub(in crate::cmpp) struct TailOctet;
/// The version octet of a login, which dumps as `0x30`.
pub(in crate::cmpp) struct VersionOctet;
/// Two octets.
pub(in crate::cmpp) struct Short;
/// A number of four octets, or of one, or none.
pub(in crate::cmpp) struct Number(pub Size);
/// A signed number of four octets.
pub(in crate::cmpp) struct Signed;
/// A Msg_Id.
pub(in crate::cmpp) struct Id;

/// What the kinds of numbers differ in. A number is 0 where the version has no octets for it.
pub(in crate::cmpp) trait Kind {
    type Value: Bits;
    /// The unit may end in front of it: then it is 0.
    const MAY_BE_LEFT_OUT: bool = false;
    fn size(&self) -> Size;
    #[cfg(feature = "serde")]
    fn shown(value: Self::Value) -> impl serde::Serialize {
        value.shown()
    }
}

/// A number as the bits that the wire has of it.
pub(in crate::cmpp) trait Bits: Copy {
    /// What the widest field of it has.
    const OCTETS: usize;
    /// The number of these bits, all that are beyond its octets being 0.
    fn of(bits: u64) -> Self;
    fn bits(self) -> u64;
    #[cfg(feature = "serde")]
    fn shown(self) -> impl serde::Serialize;
}

impl<'a, K: Kind> Field<'a> for K {
    type Value = K::Value;

    fn read(&self, name: &'static str, version: Version, rest: &'a [u8]) -> Parsed<'a, K::Value> {
        if K::MAY_BE_LEFT_OUT && rest.is_empty() {
            return Ok((rest, Bits::of(0)));
        }
        match rest.split_at_checked(self.size().of(version)) {
            Some((octets, rest)) => {
                let bits = octets.iter().fold(0, |bits, &octet| bits << 8 | u64::from(octet));
                Ok((rest, Bits::of(bits)))
            }
            None => Fault::err(rest, name, DecodeErrorKind::Truncated),
        }
    }

    fn put(
        &self,
        name: &'static str,
        version: Version,
        value: &K::Value,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        let (bits, octets) = (value.bits(), self.size().of(version));
        if octets < size_of::<u64>() && bits >> (8 * octets) != 0 {
            return too_wide(name, K::Value::OCTETS, octets);
        }
        out.put_uint(bits, octets);
        Ok(())
    }

    #[cfg(feature = "serde")]
    fn dump<M: serde::ser::SerializeMap>(
        &self,
        name: &'static str,
        value: &K::Value,
        map: &mut M,
    ) -> Result<(), M::Error> {
        map.serialize_entry(name, &K::shown(*value))
    }
}

impl Kind for Octet {
    type Value = u8;

    fn size(&self) -> Size {
        self.0
    }
}

impl Kind for TailOctet {
    type Value = u8;
    const MAY_BE_LEFT_OUT: bool = true;

    fn size(&self) -> Size {
        every(1)
    }
}

impl Kind for VersionOctet {
    type Value = u8;

    fn size(&self) -> Size {
        every(1)
    }

    #[cfg(feature = "serde")]
    fn shown(value: u8) -> impl serde::Serialize {
        format!("{value:#04x}")
    }
}

impl Kind for Short {
    type Value = u16;

    fn size(&self) -> Size {
        every(2)
    }
}

impl Kind for Number {
    type Value = u32;

    fn size(&self) -> Size {
        self.0
    }
}

impl Kind for Signed {
    type Value = i32;

    fn size(&self) -> Size {
        every(4)
    }
}

impl Kind for Id {
    type Value = MsgId;

    fn size(&self) -> Size {
        every(8)
    }
}

macro_rules! bits {
    ($($value:ty, |$bits:ident| $of:expr, |$number:ident| $into:expr;)+) => {
        $(impl Bits for $value {
            const OCTETS: usize = size_of::<$value>();

            fn of($bits: u64) -> Self {
                $of
            }

            fn bits(self) -> u64 {
                let $number = self;
                $into
            }

            #[cfg(feature = "serde")]
            fn shown(self) -> impl serde::Serialize {
                self
            }
        })+
    };
}

bits! {
    u8, |bits| bits as u8, |number| number.into();
    u16, |bits| bits as u16, |number| number.into();
    u32, |bits| bits as u32, |number| number.into();
    i32, |bits| (bits as u32).cast_signed(), |number| number.cast_unsigned().into();
    MsgId, |bits| MsgId(bits), |id| id.0;
}
