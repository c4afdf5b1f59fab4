//! submit_sm and deliver_sm, which share a layout, and the responses that hold a message_id.

use bytes::{BufMut, BytesMut};

use super::{
    address::{Npi, Ton},
    data_coding::DataCoding,
    esm_class::EsmClass,
    layout::{Layout, c_string, decode_from_unit, put_counted},
    octet_string::{COctetString, OctetString},
    registered_delivery::RegisteredDelivery,
    tlv::Tlvs,
};
use crate::{
    error::EncodeError,
    octets::{Parsed, put_c_string, take, u8},
};

/// SMPP 3.4 submit_sm.
pub type SubmitSm<'a> = Sm<'a>;
/// SMPP 3.4 deliver_sm: a mobile-originated message, a receipt or a notification.
pub type DeliverSm<'a> = Sm<'a>;
/// SMPP 3.4 submit_sm_resp.
pub type SubmitSmResp<'a> = MessageIdResp<'a>;
/// SMPP 3.4 deliver_sm_resp. Its `message_id` is unused and empty.
pub type DeliverSmResp<'a> = MessageIdResp<'a>;
/// SMPP 3.4 data_sm_resp.
pub type DataSmResp<'a> = MessageIdResp<'a>;
/// SMPP 5.0 broadcast_sm_resp.
pub type BroadcastSmResp<'a> = MessageIdResp<'a>;

/// The layout of submit_sm and deliver_sm. In a receipt source and destination are those of the message, swapped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Sm<'a> {
    /// At most 5 octets; empty: the default.
    pub service_type: COctetString<'a>,
    /// Type of number of the source.
    pub source_addr_ton: Ton,
    /// Numbering plan of the source.
    pub source_addr_npi: Npi,
    /// At most 20 octets; empty: the account's default sender.
    pub source_addr: COctetString<'a>,
    /// Type of number of the destination.
    pub dest_addr_ton: Ton,
    /// Numbering plan of the destination.
    pub dest_addr_npi: Npi,
    /// At most 20 octets.
    pub destination_addr: COctetString<'a>,
    /// Mode, type and GSM features.
    pub esm_class: EsmClass,
    /// On GSM, TP-PID.
    pub protocol_id: u8,
    /// 0 to 3 (4 for cell broadcast in 5.0).
    pub priority_flag: u8,
    /// Empty (now) or 16 octets; see [`crate::validity`].
    pub schedule_delivery_time: COctetString<'a>,
    /// Empty (the default) or 16 octets; see [`crate::validity`].
    pub validity_period: COctetString<'a>,
    /// Which receipts are wanted.
    pub registered_delivery: RegisteredDelivery,
    /// 1: replace a pending message of the same source, destination and service_type.
    pub replace_if_present_flag: u8,
    /// The alphabet of the user data.
    pub data_coding: DataCoding,
    /// Index of a canned message; 0: none.
    pub sm_default_msg_id: u8,
    /// User data, at most 254 octets in 3.4, 255 in 5.0; empty when message_payload has it.
    #[cfg_attr(feature = "serde", serde(rename = "short_message_hex"))]
    pub short_message: OctetString<'a>,
    /// Everything else.
    pub tlvs: Tlvs<'a>,
}

impl<'a> Sm<'a> {
    /// The user data: message_payload if there is one, for it replaces `short_message` (5.0), else `short_message`.
    #[must_use]
    pub fn user_data(&self) -> OctetString<'a> {
        self.tlvs.message_payload().unwrap_or(self.short_message)
    }
}

impl<'a> Layout<'a> for Sm<'a> {
    #[inline]
    fn parse(rest: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, service_type) = c_string("service_type", 6)(rest)?;
        let (rest, source_addr_ton) = u8("source_addr_ton")(rest)?;
        let (rest, source_addr_npi) = u8("source_addr_npi")(rest)?;
        let (rest, source_addr) = c_string("source_addr", 21)(rest)?;
        let (rest, dest_addr_ton) = u8("dest_addr_ton")(rest)?;
        let (rest, dest_addr_npi) = u8("dest_addr_npi")(rest)?;
        let (rest, destination_addr) = c_string("destination_addr", 21)(rest)?;
        let (rest, esm_class) = u8("esm_class")(rest)?;
        let (rest, protocol_id) = u8("protocol_id")(rest)?;
        let (rest, priority_flag) = u8("priority_flag")(rest)?;
        let (rest, schedule_delivery_time) = c_string("schedule_delivery_time", 17)(rest)?;
        let (rest, validity_period) = c_string("validity_period", 17)(rest)?;
        let (rest, registered_delivery) = u8("registered_delivery")(rest)?;
        let (rest, replace_if_present_flag) = u8("replace_if_present_flag")(rest)?;
        let (rest, data_coding) = u8("data_coding")(rest)?;
        let (rest, sm_default_msg_id) = u8("sm_default_msg_id")(rest)?;
        let (rest, sm_length) = u8("sm_length")(rest)?;
        let (rest, short_message) = take("short_message", usize::from(sm_length))(rest)?;
        let (rest, tlvs) = Tlvs::parse(rest)?;
        let sm = Self {
            service_type,
            source_addr_ton: Ton(source_addr_ton),
            source_addr_npi: Npi(source_addr_npi),
            source_addr,
            dest_addr_ton: Ton(dest_addr_ton),
            dest_addr_npi: Npi(dest_addr_npi),
            destination_addr,
            esm_class: EsmClass(esm_class),
            protocol_id,
            priority_flag,
            schedule_delivery_time,
            validity_period,
            registered_delivery: RegisteredDelivery(registered_delivery),
            replace_if_present_flag,
            data_coding: DataCoding(data_coding),
            sm_default_msg_id,
            short_message: OctetString(short_message),
            tlvs,
        };
        Ok((rest, sm))
    }

    fn put(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        put_c_string(out, "service_type", &self.service_type, 6)?;
        out.put_slice(&[self.source_addr_ton.0, self.source_addr_npi.0]);
        put_c_string(out, "source_addr", &self.source_addr, 21)?;
        out.put_slice(&[self.dest_addr_ton.0, self.dest_addr_npi.0]);
        put_c_string(out, "destination_addr", &self.destination_addr, 21)?;
        out.put_slice(&[self.esm_class.0, self.protocol_id, self.priority_flag]);
        put_c_string(out, "schedule_delivery_time", &self.schedule_delivery_time, 17)?;
        put_c_string(out, "validity_period", &self.validity_period, 17)?;
        out.put_slice(&[
            self.registered_delivery.0,
            self.replace_if_present_flag,
            self.data_coding.0,
            self.sm_default_msg_id,
        ]);
        put_counted(out, "short_message", &self.short_message)
    }

    fn tlvs(&self) -> Tlvs<'a> {
        self.tlvs
    }
}

/// The layout of submit_sm_resp, deliver_sm_resp, data_sm_resp and broadcast_sm_resp.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct MessageIdResp<'a> {
    /// The message centre's handle, opaque, at most 64 octets (8 hexadecimal digits in 3.3).
    pub message_id: COctetString<'a>,
    /// congestion_state, additional_status_info_text and others.
    pub tlvs: Tlvs<'a>,
}

impl<'a> Layout<'a> for MessageIdResp<'a> {
    fn parse(rest: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, message_id) = c_string("message_id", 65)(rest)?;
        let (rest, tlvs) = Tlvs::parse(rest)?;
        Ok((rest, Self { message_id, tlvs }))
    }

    fn put(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        put_c_string(out, "message_id", &self.message_id, 65)
    }

    fn tlvs(&self) -> Tlvs<'a> {
        self.tlvs
    }
}

decode_from_unit!(Sm, MessageIdResp);
