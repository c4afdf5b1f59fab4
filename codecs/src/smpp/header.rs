//! The sixteen octets in front of every PDU.

use super::{command::CommandId, status::Status};
use crate::{
    error::{DecodeError, DecodeErrorKind},
    octets::{self, Parsed, u32},
};

/// The header of every PDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Header {
    /// Octets of the whole PDU, this header included.
    pub command_length: u32,
    /// Which PDU.
    pub command_id: CommandId,
    /// 0 in requests; the verdict in responses.
    pub command_status: Status,
    /// What matches a response to its request. Peers use any value, 0 and bit 31 included; it is echoed as it is.
    pub sequence_number: u32,
}

impl Header {
    /// Octets of a header.
    pub const SIZE: usize = 16;

    /// Reads the header of one whole unit.
    ///
    /// # Errors
    /// The unit is shorter than a header, or `command_length` is not its size.
    #[inline]
    pub fn decode(unit: &[u8]) -> Result<Self, DecodeError> {
        let header = octets::finish(unit, parse(unit))?;
        if usize::try_from(header.command_length) != Ok(unit.len()) {
            let kind = DecodeErrorKind::UnitLength(header.command_length);
            return Err(DecodeError { field: "command_length", offset: 0, kind });
        }
        Ok(header)
    }

    /// Reads the header at the start of a stream, if all of it is there, whatever its `command_length` says.
    #[must_use]
    pub fn at_start_of(stream: &[u8]) -> Option<Self> {
        parse(stream).ok().map(|(_, header)| header)
    }
}

#[inline]
fn parse(rest: &[u8]) -> Parsed<'_, Header> {
    let (rest, command_length) = u32("command_length")(rest)?;
    let (rest, command_id) = u32("command_id")(rest)?;
    let (rest, command_status) = u32("command_status")(rest)?;
    let (rest, sequence_number) = u32("sequence_number")(rest)?;
    let header = Header {
        command_length,
        command_id: CommandId(command_id),
        command_status: Status(command_status),
        sequence_number,
    };
    Ok((rest, header))
}
