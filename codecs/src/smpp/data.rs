//! data_sm, in both directions.

use bytes::{BufMut, BytesMut};

use super::{
    address::{Npi, Ton},
    data_coding::DataCoding,
    esm_class::EsmClass,
    header::Header,
    layout::{Layout, c_string, decode_from_unit},
    octet_string::{COctetString, OctetString},
    registered_delivery::RegisteredDelivery,
    tlv::Tlvs,
};
use crate::{
    error::{DecodeError, DecodeErrorKind, EncodeError},
    octets::{Parsed, put_c_string, u8},
};

/// SMPP 3.4 data_sm. Its text is in message_payload only; one without, where text is needed, is answered with
/// [`super::Status::RMISSINGTLV`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct DataSm<'a> {
    /// At most 5 octets.
    pub service_type: COctetString<'a>,
    /// Type of number of the source.
    pub source_addr_ton: Ton,
    /// Numbering plan of the source.
    pub source_addr_npi: Npi,
    /// At most 64 octets, more than in submit_sm.
    pub source_addr: COctetString<'a>,
    /// Type of number of the destination.
    pub dest_addr_ton: Ton,
    /// Numbering plan of the destination.
    pub dest_addr_npi: Npi,
    /// At most 64 octets.
    pub destination_addr: COctetString<'a>,
    /// Mode, type and GSM features.
    pub esm_class: EsmClass,
    /// Which receipts are wanted.
    pub registered_delivery: RegisteredDelivery,
    /// The alphabet of the user data.
    pub data_coding: DataCoding,
    /// message_payload and everything else.
    pub tlvs: Tlvs<'a>,
}

/// Octets of the fields of one octet: two of each address, and three that describe the message.
const NUMBERS: usize = 7;

impl<'a> DataSm<'a> {
    /// The user data; `None` when there is no message_payload.
    #[must_use]
    pub fn user_data(&self) -> Option<OctetString<'a>> {
        self.tlvs.message_payload()
    }

    /// The user data of a message, which can't be without; receipts and the like can.
    ///
    /// # Errors
    /// There is no message_payload. It is missed where the unit ends.
    pub fn needed_user_data(&self) -> Result<OctetString<'a>, DecodeError> {
        self.user_data().ok_or_else(|| {
            let strings = [self.service_type, self.source_addr, self.destination_addr];
            let fields = strings.map(|string| string.len() + 1).iter().sum::<usize>() + NUMBERS;
            let offset = Header::SIZE + fields + self.tlvs.as_octets().len();
            DecodeError { field: "message_payload", offset, kind: DecodeErrorKind::Missing }
        })
    }
}

impl<'a> Layout<'a> for DataSm<'a> {
    fn parse(rest: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, service_type) = c_string("service_type", 6)(rest)?;
        let (rest, source_addr_ton) = u8("source_addr_ton")(rest)?;
        let (rest, source_addr_npi) = u8("source_addr_npi")(rest)?;
        let (rest, source_addr) = c_string("source_addr", 65)(rest)?;
        let (rest, dest_addr_ton) = u8("dest_addr_ton")(rest)?;
        let (rest, dest_addr_npi) = u8("dest_addr_npi")(rest)?;
        let (rest, destination_addr) = c_string("destination_addr", 65)(rest)?;
        let (rest, esm_class) = u8("esm_class")(rest)?;
        let (rest, registered_delivery) = u8("registered_delivery")(rest)?;
        let (rest, data_coding) = u8("data_coding")(rest)?;
        let (rest, tlvs) = Tlvs::parse(rest)?;
        let data = Self {
            service_type,
            source_addr_ton: Ton(source_addr_ton),
            source_addr_npi: Npi(source_addr_npi),
            source_addr,
            dest_addr_ton: Ton(dest_addr_ton),
            dest_addr_npi: Npi(dest_addr_npi),
            destination_addr,
            esm_class: EsmClass(esm_class),
            registered_delivery: RegisteredDelivery(registered_delivery),
            data_coding: DataCoding(data_coding),
            tlvs,
        };
        Ok((rest, data))
    }

    fn put(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        put_c_string(out, "service_type", &self.service_type, 6)?;
        out.put_u8(self.source_addr_ton.0);
        out.put_u8(self.source_addr_npi.0);
        put_c_string(out, "source_addr", &self.source_addr, 65)?;
        out.put_u8(self.dest_addr_ton.0);
        out.put_u8(self.dest_addr_npi.0);
        put_c_string(out, "destination_addr", &self.destination_addr, 65)?;
        out.put_u8(self.esm_class.0);
        out.put_u8(self.registered_delivery.0);
        out.put_u8(self.data_coding.0);
        Ok(())
    }

    fn tlvs(&self) -> Tlvs<'a> {
        self.tlvs
    }
}

decode_from_unit!(DataSm);
