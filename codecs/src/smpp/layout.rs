//! What every PDU body has in common: mandatory fields first, then TLVs up to the end of the unit.

use bytes::{BufMut, BytesMut};

use super::{header::Header, octet_string::COctetString, tlv::Tlvs};
use crate::{
    error::{DecodeError, EncodeError},
    octets::{self, Parsed},
};

/// The wire form of one PDU body.
pub(super) trait Layout<'a>: Sized {
    /// Reads the body; leaves nothing.
    fn parse(rest: &'a [u8]) -> Parsed<'a, Self>;

    /// Writes the mandatory fields.
    fn put(&self, out: &mut BytesMut) -> Result<(), EncodeError>;

    /// The TLVs behind them.
    fn tlvs(&self) -> Tlvs<'a>;

    /// Reads the body of a whole unit, whatever its command is.
    fn of_unit(unit: &'a [u8]) -> Result<Self, DecodeError> {
        Header::decode(unit)?;
        octets::finish(unit, Self::parse(&unit[Header::SIZE..]))
    }
}

/// A C-octet string; `max` counts the NUL.
#[inline]
pub(super) fn c_string<'a>(
    field: &'static str,
    max: usize,
) -> impl Fn(&'a [u8]) -> Parsed<'a, COctetString<'a>> {
    let parse = octets::c_string(field, max);
    move |rest| parse(rest).map(|(rest, value)| (rest, COctetString(value)))
}

/// Writes a string behind its one-octet length.
pub(super) fn put_counted(out: &mut BytesMut, field: &'static str, value: &[u8]) -> Result<(), EncodeError> {
    let max = usize::from(u8::MAX);
    let length = u8::try_from(value.len()).map_err(|_| EncodeError { field, octets: value.len(), max })?;
    out.put_u8(length);
    out.put_slice(value);
    Ok(())
}

/// Gives body types their public `decode`.
macro_rules! decode_from_unit {
    ($($name:ident),+ $(,)?) => {$(
        impl<'a> $name<'a> {
            /// Reads the body of one whole unit. Looks at the length in the header, not at the command: the caller
            /// has matched that already.
            ///
            /// # Errors
            /// The first field that can't be read, or a corrupt TLV region.
            pub fn decode(unit: &'a [u8]) -> Result<Self, crate::error::DecodeError> {
                <Self as $crate::smpp::layout::Layout>::of_unit(unit)
            }
        }
    )+};
}
pub(super) use decode_from_unit;
