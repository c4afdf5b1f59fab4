//! cancel_sm.

use bytes::{BufMut, BytesMut};

use super::{
    address::{Npi, Ton},
    layout::{Layout, c_string, decode_from_unit},
    octet_string::COctetString,
    tlv::Tlvs,
};
use crate::{
    error::EncodeError,
    octets::{Parsed, put_c_string, u8},
};

/// SMPP 3.4 cancel_sm. With an empty `message_id` it cancels every pending message of that source, destination and, if
/// given, service_type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct CancelSm<'a> {
    /// At most 5 octets; for a group cancel.
    pub service_type: COctetString<'a>,
    /// The message centre's handle, at most 64 octets; empty: a group cancel.
    pub message_id: COctetString<'a>,
    /// Type of number of the message's source.
    pub source_addr_ton: Ton,
    /// Numbering plan of the message's source.
    pub source_addr_npi: Npi,
    /// The message's source, at most 20 octets; empty if it had none.
    pub source_addr: COctetString<'a>,
    /// Type of number of the destination.
    pub dest_addr_ton: Ton,
    /// Numbering plan of the destination.
    pub dest_addr_npi: Npi,
    /// At most 20 octets; may be empty when `message_id` is given.
    pub destination_addr: COctetString<'a>,
    /// TLVs.
    pub tlvs: Tlvs<'a>,
}

impl<'a> Layout<'a> for CancelSm<'a> {
    fn parse(rest: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, service_type) = c_string("service_type", 6)(rest)?;
        let (rest, message_id) = c_string("message_id", 65)(rest)?;
        let (rest, source_addr_ton) = u8("source_addr_ton")(rest)?;
        let (rest, source_addr_npi) = u8("source_addr_npi")(rest)?;
        let (rest, source_addr) = c_string("source_addr", 21)(rest)?;
        let (rest, dest_addr_ton) = u8("dest_addr_ton")(rest)?;
        let (rest, dest_addr_npi) = u8("dest_addr_npi")(rest)?;
        let (rest, destination_addr) = c_string("destination_addr", 21)(rest)?;
        let (rest, tlvs) = Tlvs::parse(rest)?;
        let body = Self {
            service_type,
            message_id,
            source_addr_ton: Ton(source_addr_ton),
            source_addr_npi: Npi(source_addr_npi),
            source_addr,
            dest_addr_ton: Ton(dest_addr_ton),
            dest_addr_npi: Npi(dest_addr_npi),
            destination_addr,
            tlvs,
        };
        Ok((rest, body))
    }

    fn put(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        put_c_string(out, "service_type", &self.service_type, 6)?;
        put_c_string(out, "message_id", &self.message_id, 65)?;
        out.put_u8(self.source_addr_ton.0);
        out.put_u8(self.source_addr_npi.0);
        put_c_string(out, "source_addr", &self.source_addr, 21)?;
        out.put_u8(self.dest_addr_ton.0);
        out.put_u8(self.dest_addr_npi.0);
        put_c_string(out, "destination_addr", &self.destination_addr, 21)
    }

    fn tlvs(&self) -> Tlvs<'a> {
        self.tlvs
    }
}

decode_from_unit!(CancelSm);
