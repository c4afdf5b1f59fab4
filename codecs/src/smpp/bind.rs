//! bind_transmitter, bind_receiver, bind_transceiver, their responses, and outbind.

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

/// SMPP 3.4 bind_transmitter, bind_receiver, bind_transceiver: one layout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Bind<'a> {
    /// The account, at most 15 octets.
    pub system_id: COctetString<'a>,
    /// At most 8 octets.
    pub password: COctetString<'a>,
    /// Category of the ESME, at most 12 octets.
    pub system_type: COctetString<'a>,
    /// The highest version that the ESME speaks, e.g. 0x34.
    pub interface_version: u8,
    /// Type of number of the addresses served.
    pub addr_ton: Ton,
    /// Numbering plan of the addresses served.
    pub addr_npi: Npi,
    /// A regular expression over the addresses served, at most 40 octets.
    pub address_range: COctetString<'a>,
    /// None by the specification.
    pub tlvs: Tlvs<'a>,
}

impl<'a> Layout<'a> for Bind<'a> {
    fn parse(rest: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, system_id) = c_string("system_id", 16)(rest)?;
        let (rest, password) = c_string("password", 9)(rest)?;
        let (rest, system_type) = c_string("system_type", 13)(rest)?;
        let (rest, interface_version) = u8("interface_version")(rest)?;
        let (rest, addr_ton) = u8("addr_ton")(rest)?;
        let (rest, addr_npi) = u8("addr_npi")(rest)?;
        let (rest, address_range) = c_string("address_range", 41)(rest)?;
        let (rest, tlvs) = Tlvs::parse(rest)?;
        let bind = Self {
            system_id,
            password,
            system_type,
            interface_version,
            addr_ton: Ton(addr_ton),
            addr_npi: Npi(addr_npi),
            address_range,
            tlvs,
        };
        Ok((rest, bind))
    }

    fn put(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        put_c_string(out, "system_id", &self.system_id, 16)?;
        put_c_string(out, "password", &self.password, 9)?;
        put_c_string(out, "system_type", &self.system_type, 13)?;
        out.put_u8(self.interface_version);
        out.put_u8(self.addr_ton.0);
        out.put_u8(self.addr_npi.0);
        put_c_string(out, "address_range", &self.address_range, 41)
    }

    fn tlvs(&self) -> Tlvs<'a> {
        self.tlvs
    }
}

/// SMPP 3.4 bind_transmitter_resp, bind_receiver_resp, bind_transceiver_resp.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct BindResp<'a> {
    /// Name of the message centre, at most 15 octets.
    pub system_id: COctetString<'a>,
    /// sc_interface_version; congestion_state in 5.0.
    pub tlvs: Tlvs<'a>,
}

impl<'a> Layout<'a> for BindResp<'a> {
    fn parse(rest: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, system_id) = c_string("system_id", 16)(rest)?;
        let (rest, tlvs) = Tlvs::parse(rest)?;
        Ok((rest, Self { system_id, tlvs }))
    }

    fn put(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        put_c_string(out, "system_id", &self.system_id, 16)
    }

    fn tlvs(&self) -> Tlvs<'a> {
        self.tlvs
    }
}

/// SMPP 3.4 outbind: the message centre dialled and asks to be bound to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Outbind<'a> {
    /// Name of the message centre, at most 15 octets.
    pub system_id: COctetString<'a>,
    /// Proves the message centre, at most 8 octets.
    pub password: COctetString<'a>,
    /// None by the specification.
    pub tlvs: Tlvs<'a>,
}

impl<'a> Layout<'a> for Outbind<'a> {
    fn parse(rest: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, system_id) = c_string("system_id", 16)(rest)?;
        let (rest, password) = c_string("password", 9)(rest)?;
        let (rest, tlvs) = Tlvs::parse(rest)?;
        Ok((rest, Self { system_id, password, tlvs }))
    }

    fn put(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        put_c_string(out, "system_id", &self.system_id, 16)?;
        put_c_string(out, "password", &self.password, 9)
    }

    fn tlvs(&self) -> Tlvs<'a> {
        self.tlvs
    }
}

decode_from_unit!(Bind, BindResp, Outbind);
