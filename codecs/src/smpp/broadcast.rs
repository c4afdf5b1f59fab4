//! The cell broadcast PDUs of SMPP 5.0.

use bytes::{BufMut, BytesMut};

use super::{
    address::{Npi, Ton},
    data_coding::DataCoding,
    layout::{Layout, c_string, decode_from_unit},
    octet_string::COctetString,
    tlv::Tlvs,
    tlv_tag::Tag,
};
use crate::{
    error::EncodeError,
    octets::{Parsed, put_c_string, u8},
};

/// SMPP 5.0 broadcast_sm. The text is in message_payload, the area in broadcast_area_identifier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct BroadcastSm<'a> {
    /// At most 5 octets, typically `CBS`.
    pub service_type: COctetString<'a>,
    /// Type of number of the message's source.
    pub source_addr_ton: Ton,
    /// Numbering plan of the message's source.
    pub source_addr_npi: Npi,
    /// The message's source, at most 20 octets; empty if it had none.
    pub source_addr: COctetString<'a>,
    /// Only for a replace, else empty.
    pub message_id: COctetString<'a>,
    /// 0 to 4.
    pub priority_flag: u8,
    /// Empty (now) or 16 octets; see [`crate::validity`].
    pub schedule_delivery_time: COctetString<'a>,
    /// Empty: from repetitions and interval; see [`crate::validity`].
    pub validity_period: COctetString<'a>,
    /// 1: replace the broadcast of `message_id` or user_message_reference.
    pub replace_if_present_flag: u8,
    /// The alphabet of the text.
    pub data_coding: DataCoding,
    /// Index of a canned message; 0: none.
    pub sm_default_msg_id: u8,
    /// TLVs.
    pub tlvs: Tlvs<'a>,
}

impl<'a> Layout<'a> for BroadcastSm<'a> {
    fn parse(rest: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, service_type) = c_string("service_type", 6)(rest)?;
        let (rest, source_addr_ton) = u8("source_addr_ton")(rest)?;
        let (rest, source_addr_npi) = u8("source_addr_npi")(rest)?;
        let (rest, source_addr) = c_string("source_addr", 21)(rest)?;
        let (rest, message_id) = c_string("message_id", 65)(rest)?;
        let (rest, priority_flag) = u8("priority_flag")(rest)?;
        let (rest, schedule_delivery_time) = c_string("schedule_delivery_time", 17)(rest)?;
        let (rest, validity_period) = c_string("validity_period", 17)(rest)?;
        let (rest, replace_if_present_flag) = u8("replace_if_present_flag")(rest)?;
        let (rest, data_coding) = u8("data_coding")(rest)?;
        let (rest, sm_default_msg_id) = u8("sm_default_msg_id")(rest)?;
        let (rest, tlvs) = Tlvs::parse(rest)?;
        let body = Self {
            service_type,
            source_addr_ton: Ton(source_addr_ton),
            source_addr_npi: Npi(source_addr_npi),
            source_addr,
            message_id,
            priority_flag,
            schedule_delivery_time,
            validity_period,
            replace_if_present_flag,
            data_coding: DataCoding(data_coding),
            sm_default_msg_id,
            tlvs,
        };
        Ok((rest, body))
    }

    fn put(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        put_c_string(out, "service_type", &self.service_type, 6)?;
        out.put_u8(self.source_addr_ton.0);
        out.put_u8(self.source_addr_npi.0);
        put_c_string(out, "source_addr", &self.source_addr, 21)?;
        put_c_string(out, "message_id", &self.message_id, 65)?;
        out.put_u8(self.priority_flag);
        put_c_string(out, "schedule_delivery_time", &self.schedule_delivery_time, 17)?;
        put_c_string(out, "validity_period", &self.validity_period, 17)?;
        out.put_u8(self.replace_if_present_flag);
        out.put_u8(self.data_coding.0);
        out.put_u8(self.sm_default_msg_id);
        Ok(())
    }

    fn tlvs(&self) -> Tlvs<'a> {
        self.tlvs
    }
}

impl BroadcastSm<'_> {
    /// The TLVs that every broadcast_sm must have.
    pub const REQUIRED: [Tag; 4] = [
        Tag::BROADCAST_AREA_IDENTIFIER,
        Tag::BROADCAST_CONTENT_TYPE,
        Tag::BROADCAST_REP_NUM,
        Tag::BROADCAST_FREQUENCY_INTERVAL,
    ];

    /// The first required TLV that is not there: answer with [`super::Status::RMISSINGTLV`]. An immediate broadcast
    /// (`priority_flag` 1) needs no repetition count.
    #[must_use]
    pub fn missing_tlv(&self) -> Option<Tag> {
        let immediate = self.priority_flag == 1;
        Self::REQUIRED
            .into_iter()
            .filter(|&tag| !(immediate && tag == Tag::BROADCAST_REP_NUM))
            .find(|&tag| self.tlvs.get(tag).is_none())
    }
}

/// SMPP 5.0 query_broadcast_sm. With an empty `message_id`, user_message_reference says which.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct QueryBroadcastSm<'a> {
    /// The message centre's handle, at most 64 octets.
    pub message_id: COctetString<'a>,
    /// Type of number of the message's source.
    pub source_addr_ton: Ton,
    /// Numbering plan of the message's source.
    pub source_addr_npi: Npi,
    /// The message's source, at most 20 octets; empty if it had none.
    pub source_addr: COctetString<'a>,
    /// TLVs.
    pub tlvs: Tlvs<'a>,
}

impl<'a> Layout<'a> for QueryBroadcastSm<'a> {
    fn parse(rest: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, message_id) = c_string("message_id", 65)(rest)?;
        let (rest, source_addr_ton) = u8("source_addr_ton")(rest)?;
        let (rest, source_addr_npi) = u8("source_addr_npi")(rest)?;
        let (rest, source_addr) = c_string("source_addr", 21)(rest)?;
        let (rest, tlvs) = Tlvs::parse(rest)?;
        let body = Self {
            message_id,
            source_addr_ton: Ton(source_addr_ton),
            source_addr_npi: Npi(source_addr_npi),
            source_addr,
            tlvs,
        };
        Ok((rest, body))
    }

    fn put(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        put_c_string(out, "message_id", &self.message_id, 65)?;
        out.put_u8(self.source_addr_ton.0);
        out.put_u8(self.source_addr_npi.0);
        put_c_string(out, "source_addr", &self.source_addr, 21)
    }

    fn tlvs(&self) -> Tlvs<'a> {
        self.tlvs
    }
}

/// SMPP 5.0 query_broadcast_sm_resp. State and success per area are TLVs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct QueryBroadcastSmResp<'a> {
    /// The message centre's handle, at most 64 octets.
    pub message_id: COctetString<'a>,
    /// TLVs.
    pub tlvs: Tlvs<'a>,
}

impl<'a> Layout<'a> for QueryBroadcastSmResp<'a> {
    fn parse(rest: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, message_id) = c_string("message_id", 65)(rest)?;
        let (rest, tlvs) = Tlvs::parse(rest)?;
        let body = Self { message_id, tlvs };
        Ok((rest, body))
    }

    fn put(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        put_c_string(out, "message_id", &self.message_id, 65)
    }

    fn tlvs(&self) -> Tlvs<'a> {
        self.tlvs
    }
}

/// SMPP 5.0 cancel_broadcast_sm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct CancelBroadcastSm<'a> {
    /// At most 5 octets.
    pub service_type: COctetString<'a>,
    /// The message centre's handle, at most 64 octets; empty: all that match.
    pub message_id: COctetString<'a>,
    /// Type of number of the message's source.
    pub source_addr_ton: Ton,
    /// Numbering plan of the message's source.
    pub source_addr_npi: Npi,
    /// The message's source, at most 20 octets; empty if it had none.
    pub source_addr: COctetString<'a>,
    /// TLVs.
    pub tlvs: Tlvs<'a>,
}

impl<'a> Layout<'a> for CancelBroadcastSm<'a> {
    fn parse(rest: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, service_type) = c_string("service_type", 6)(rest)?;
        let (rest, message_id) = c_string("message_id", 65)(rest)?;
        let (rest, source_addr_ton) = u8("source_addr_ton")(rest)?;
        let (rest, source_addr_npi) = u8("source_addr_npi")(rest)?;
        let (rest, source_addr) = c_string("source_addr", 21)(rest)?;
        let (rest, tlvs) = Tlvs::parse(rest)?;
        let body = Self {
            service_type,
            message_id,
            source_addr_ton: Ton(source_addr_ton),
            source_addr_npi: Npi(source_addr_npi),
            source_addr,
            tlvs,
        };
        Ok((rest, body))
    }

    fn put(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        put_c_string(out, "service_type", &self.service_type, 6)?;
        put_c_string(out, "message_id", &self.message_id, 65)?;
        out.put_u8(self.source_addr_ton.0);
        out.put_u8(self.source_addr_npi.0);
        put_c_string(out, "source_addr", &self.source_addr, 21)
    }

    fn tlvs(&self) -> Tlvs<'a> {
        self.tlvs
    }
}

decode_from_unit!(BroadcastSm, QueryBroadcastSm, QueryBroadcastSmResp, CancelBroadcastSm);
