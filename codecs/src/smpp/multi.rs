//! submit_multi and its response, and the two lists that they hold.

use bytes::{BufMut, BytesMut};

use super::{
    address::{Npi, Ton},
    data_coding::DataCoding,
    destinations::{Destinations, UnsuccessSmes},
    esm_class::EsmClass,
    layout::{Layout, c_string, decode_from_unit, put_counted},
    octet_string::{COctetString, OctetString},
    registered_delivery::RegisteredDelivery,
    tlv::Tlvs,
};
use crate::{
    error::{DecodeErrorKind, EncodeError},
    octets::{Fault, Parsed, put_c_string, take, u8},
};

/// SMPP 3.4 submit_multi: one message to several destinations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SubmitMulti<'a> {
    /// At most 5 octets.
    pub service_type: COctetString<'a>,
    /// Type of number of the source.
    pub source_addr_ton: Ton,
    /// Numbering plan of the source.
    pub source_addr_npi: Npi,
    /// At most 20 octets.
    pub source_addr: COctetString<'a>,
    /// 1 to 254 (3.4) or 255 (5.0) of them; `number_of_dests` is their count.
    pub dest_address: Destinations<'a>,
    /// Mode, type and GSM features.
    pub esm_class: EsmClass,
    /// On GSM, TP-PID.
    pub protocol_id: u8,
    /// 0 to 3.
    pub priority_flag: u8,
    /// Empty (now) or 16 octets; see [`crate::validity`].
    pub schedule_delivery_time: COctetString<'a>,
    /// Empty (the default) or 16 octets; see [`crate::validity`].
    pub validity_period: COctetString<'a>,
    /// Which receipts are wanted.
    pub registered_delivery: RegisteredDelivery,
    /// Often unsupported.
    pub replace_if_present_flag: u8,
    /// The alphabet of the user data.
    pub data_coding: DataCoding,
    /// Index of a canned message; 0: none.
    pub sm_default_msg_id: u8,
    /// User data, at most 254 octets in 3.4, 255 in 5.0.
    #[cfg_attr(feature = "serde", serde(rename = "short_message_hex"))]
    pub short_message: OctetString<'a>,
    /// Everything else.
    pub tlvs: Tlvs<'a>,
}

impl<'a> SubmitMulti<'a> {
    /// The user data: message_payload if there is one, else `short_message`.
    #[must_use]
    pub fn user_data(&self) -> OctetString<'a> {
        self.tlvs.message_payload().unwrap_or(self.short_message)
    }
}

impl<'a> Layout<'a> for SubmitMulti<'a> {
    fn parse(rest: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, service_type) = c_string("service_type", 6)(rest)?;
        let (rest, source_addr_ton) = u8("source_addr_ton")(rest)?;
        let (rest, source_addr_npi) = u8("source_addr_npi")(rest)?;
        let (rest, source_addr) = c_string("source_addr", 21)(rest)?;
        let at = rest;
        let (rest, dest_address) = Destinations::parse(at)?;
        if dest_address.is_empty() {
            return Fault::err(at, "number_of_dests", DecodeErrorKind::Value(0));
        }
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
        let multi = Self {
            service_type,
            source_addr_ton: Ton(source_addr_ton),
            source_addr_npi: Npi(source_addr_npi),
            source_addr,
            dest_address,
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
        Ok((rest, multi))
    }

    fn put(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        put_c_string(out, "service_type", &self.service_type, 6)?;
        out.put_u8(self.source_addr_ton.0);
        out.put_u8(self.source_addr_npi.0);
        put_c_string(out, "source_addr", &self.source_addr, 21)?;
        if self.dest_address.is_empty() {
            return Err(EncodeError { field: "number_of_dests", octets: 0, max: usize::from(u8::MAX) });
        }
        self.dest_address.put(out);
        out.put_u8(self.esm_class.0);
        out.put_u8(self.protocol_id);
        out.put_u8(self.priority_flag);
        put_c_string(out, "schedule_delivery_time", &self.schedule_delivery_time, 17)?;
        put_c_string(out, "validity_period", &self.validity_period, 17)?;
        out.put_u8(self.registered_delivery.0);
        out.put_u8(self.replace_if_present_flag);
        out.put_u8(self.data_coding.0);
        out.put_u8(self.sm_default_msg_id);
        put_counted(out, "short_message", &self.short_message)
    }

    fn tlvs(&self) -> Tlvs<'a> {
        self.tlvs
    }
}

/// SMPP 3.4 submit_multi_resp. Status 0 with entries in `unsuccess_sme` is a partial success.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SubmitMultiResp<'a> {
    /// One handle for all accepted destinations, at most 64 octets.
    pub message_id: COctetString<'a>,
    /// The refused destinations; `no_unsuccess` is their count.
    pub unsuccess_sme: UnsuccessSmes<'a>,
    /// congestion_state and others.
    pub tlvs: Tlvs<'a>,
}

impl<'a> Layout<'a> for SubmitMultiResp<'a> {
    fn parse(rest: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, message_id) = c_string("message_id", 65)(rest)?;
        let (rest, unsuccess_sme) = UnsuccessSmes::parse(rest)?;
        let (rest, tlvs) = Tlvs::parse(rest)?;
        Ok((rest, Self { message_id, unsuccess_sme, tlvs }))
    }

    fn put(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        put_c_string(out, "message_id", &self.message_id, 65)?;
        self.unsuccess_sme.put(out);
        Ok(())
    }

    fn tlvs(&self) -> Tlvs<'a> {
        self.tlvs
    }
}

decode_from_unit!(SubmitMulti, SubmitMultiResp);
