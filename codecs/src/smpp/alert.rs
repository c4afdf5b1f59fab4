//! alert_notification.

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

/// SMPP 3.4 alert_notification: a mobile that was waited for (set_dpf) is available. It has no response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct AlertNotification<'a> {
    /// Type of number of the mobile.
    pub source_addr_ton: Ton,
    /// Numbering plan of the mobile.
    pub source_addr_npi: Npi,
    /// The mobile, at most 64 octets.
    pub source_addr: COctetString<'a>,
    /// Type of number of the ESME address that asked.
    pub esme_addr_ton: Ton,
    /// Numbering plan of the ESME address that asked.
    pub esme_addr_npi: Npi,
    /// The ESME address that asked, at most 64 octets.
    pub esme_addr: COctetString<'a>,
    /// TLVs.
    pub tlvs: Tlvs<'a>,
}

impl<'a> Layout<'a> for AlertNotification<'a> {
    fn parse(rest: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, source_addr_ton) = u8("source_addr_ton")(rest)?;
        let (rest, source_addr_npi) = u8("source_addr_npi")(rest)?;
        let (rest, source_addr) = c_string("source_addr", 65)(rest)?;
        let (rest, esme_addr_ton) = u8("esme_addr_ton")(rest)?;
        let (rest, esme_addr_npi) = u8("esme_addr_npi")(rest)?;
        let (rest, esme_addr) = c_string("esme_addr", 65)(rest)?;
        let (rest, tlvs) = Tlvs::parse(rest)?;
        let body = Self {
            source_addr_ton: Ton(source_addr_ton),
            source_addr_npi: Npi(source_addr_npi),
            source_addr,
            esme_addr_ton: Ton(esme_addr_ton),
            esme_addr_npi: Npi(esme_addr_npi),
            esme_addr,
            tlvs,
        };
        Ok((rest, body))
    }

    fn put(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        out.put_u8(self.source_addr_ton.0);
        out.put_u8(self.source_addr_npi.0);
        put_c_string(out, "source_addr", &self.source_addr, 65)?;
        out.put_u8(self.esme_addr_ton.0);
        out.put_u8(self.esme_addr_npi.0);
        put_c_string(out, "esme_addr", &self.esme_addr, 65)
    }

    fn tlvs(&self) -> Tlvs<'a> {
        self.tlvs
    }
}

decode_from_unit!(AlertNotification);
