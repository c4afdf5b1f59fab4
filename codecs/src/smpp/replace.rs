//! replace_sm.

use bytes::{BufMut, BytesMut};

use super::{
    address::{Npi, Ton},
    layout::{Layout, c_string, decode_from_unit, put_counted},
    octet_string::{COctetString, OctetString},
    registered_delivery::RegisteredDelivery,
    tlv::Tlvs,
};
use crate::{
    error::EncodeError,
    octets::{Parsed, put_c_string, take, u8},
};

/// SMPP 3.4 replace_sm. The new text is read with the message's own data_coding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ReplaceSm<'a> {
    /// The message centre's handle, at most 64 octets.
    pub message_id: COctetString<'a>,
    /// Type of number of the message's source.
    pub source_addr_ton: Ton,
    /// Numbering plan of the message's source.
    pub source_addr_npi: Npi,
    /// The message's source, at most 20 octets; empty if it had none.
    pub source_addr: COctetString<'a>,
    /// Empty keeps the old one; see [`crate::validity`].
    pub schedule_delivery_time: COctetString<'a>,
    /// Empty keeps the old one; see [`crate::validity`].
    pub validity_period: COctetString<'a>,
    /// Which receipts are wanted from now on.
    pub registered_delivery: RegisteredDelivery,
    /// Index of a canned message; 0: none.
    pub sm_default_msg_id: u8,
    /// The new text, at most 254 octets in 3.4, 255 in 5.0; 5.0 may use message_payload.
    #[cfg_attr(feature = "serde", serde(rename = "short_message_hex"))]
    pub short_message: OctetString<'a>,
    /// TLVs.
    pub tlvs: Tlvs<'a>,
}

impl<'a> Layout<'a> for ReplaceSm<'a> {
    fn parse(rest: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, message_id) = c_string("message_id", 65)(rest)?;
        let (rest, source_addr_ton) = u8("source_addr_ton")(rest)?;
        let (rest, source_addr_npi) = u8("source_addr_npi")(rest)?;
        let (rest, source_addr) = c_string("source_addr", 21)(rest)?;
        let (rest, schedule_delivery_time) = c_string("schedule_delivery_time", 17)(rest)?;
        let (rest, validity_period) = c_string("validity_period", 17)(rest)?;
        let (rest, registered_delivery) = u8("registered_delivery")(rest)?;
        let (rest, sm_default_msg_id) = u8("sm_default_msg_id")(rest)?;
        let (rest, sm_length) = u8("sm_length")(rest)?;
        let (rest, short_message) = take("short_message", usize::from(sm_length))(rest)?;
        let (rest, tlvs) = Tlvs::parse(rest)?;
        let body = Self {
            message_id,
            source_addr_ton: Ton(source_addr_ton),
            source_addr_npi: Npi(source_addr_npi),
            source_addr,
            schedule_delivery_time,
            validity_period,
            registered_delivery: RegisteredDelivery(registered_delivery),
            sm_default_msg_id,
            short_message: OctetString(short_message),
            tlvs,
        };
        Ok((rest, body))
    }

    fn put(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        put_c_string(out, "message_id", &self.message_id, 65)?;
        out.put_u8(self.source_addr_ton.0);
        out.put_u8(self.source_addr_npi.0);
        put_c_string(out, "source_addr", &self.source_addr, 21)?;
        put_c_string(out, "schedule_delivery_time", &self.schedule_delivery_time, 17)?;
        put_c_string(out, "validity_period", &self.validity_period, 17)?;
        out.put_u8(self.registered_delivery.0);
        out.put_u8(self.sm_default_msg_id);
        put_counted(out, "short_message", &self.short_message)
    }

    fn tlvs(&self) -> Tlvs<'a> {
        self.tlvs
    }
}

decode_from_unit!(ReplaceSm);
