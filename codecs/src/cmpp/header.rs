//! The twelve octets that begin every unit.

use bytes::{BufMut, BytesMut};

use crate::{
    error::{DecodeError, DecodeErrorKind, EncodeError},
    frame,
    octets::{self, Fault},
};

/// The header of every unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Header {
    /// Octets of the whole unit, header included.
    pub total_length: u32,
    /// What the unit is; bit 31 set in responses.
    pub command_id: u32,
    /// Chosen by the sender of a request, repeated in its response.
    pub sequence_id: u32,
}

impl Header {
    /// Octets of a header.
    pub const SIZE: usize = 12;

    /// Reads the header of one complete unit.
    ///
    /// # Errors
    /// When the unit is shorter than a header, or its Total_Length is not its size.
    pub fn decode(unit: &[u8]) -> Result<Self, DecodeError> {
        Self::split(unit).map(|(header, _)| header)
    }

    /// Reads the header and gives the body along.
    #[inline]
    pub(super) fn split(unit: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        let parse = || {
            let (rest, total_length) = octets::u32("Total_Length")(unit)?;
            let (rest, command_id) = octets::u32("Command_Id")(rest)?;
            let (rest, sequence_id) = octets::u32("Sequence_Id")(rest)?;
            Ok((rest, (Self { total_length, command_id, sequence_id }, rest)))
        };
        let (header, body) = octets::finish(unit, parse())?;
        if usize::try_from(header.total_length) != Ok(unit.len()) {
            let kind = DecodeErrorKind::UnitLength(header.total_length);
            return Err(Fault::new(unit, "Total_Length", kind).at(unit));
        }
        Ok((header, body))
    }

    /// The body of a unit that has to be of one command.
    pub(super) fn body(unit: &[u8], command_id: u32) -> Result<&[u8], DecodeError> {
        let (header, body) = Self::split(unit)?;
        if header.command_id == command_id {
            return Ok(body);
        }
        Err(header.unknown_command())
    }

    /// The refusal of this unit's command.
    pub(super) fn unknown_command(self) -> DecodeError {
        DecodeError { field: "Command_Id", offset: 4, kind: DecodeErrorKind::UnknownCommand(self.command_id) }
    }
}

/// Appends one unit: the header, then what `body` writes. `out` is unchanged when `body` refuses.
pub(super) fn write(
    command_id: u32,
    sequence_id: u32,
    out: &mut BytesMut,
    body: impl FnOnce(&mut BytesMut) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    frame::write(out, |out| {
        out.put_u32(command_id);
        out.put_u32(sequence_id);
        body(out)
    })
}

#[cfg(feature = "serde")]
impl serde::Serialize for Header {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("Total_Length", &self.total_length)?;
        map.serialize_entry("Command_Id", &format!("{:#010x}", self.command_id))?;
        map.serialize_entry("Sequence_Id", &self.sequence_id)?;
        map.end()
    }
}
