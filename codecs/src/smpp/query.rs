//! query_sm and its response.

use bytes::{BufMut, BytesMut};

use super::{
    address::{Npi, Ton},
    layout::{Layout, c_string, decode_from_unit},
    message_state::MessageState,
    octet_string::COctetString,
    tlv::Tlvs,
};
use crate::{
    error::EncodeError,
    octets::{Parsed, put_c_string, u8},
};

/// SMPP 3.4 query_sm. The source address must equal that of the message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct QuerySm<'a> {
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

impl<'a> Layout<'a> for QuerySm<'a> {
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

/// SMPP 3.4 query_sm_resp.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct QuerySmResp<'a> {
    /// The message centre's handle, at most 64 octets.
    pub message_id: COctetString<'a>,
    /// Empty until the message is final. 16 octets, or 12 from some message centres; see [`crate::validity`].
    pub final_date: COctetString<'a>,
    /// How far the message has come.
    pub message_state: MessageState,
    /// The network's code; means nothing without the carrier's table.
    pub error_code: u8,
    /// TLVs.
    pub tlvs: Tlvs<'a>,
}

impl<'a> Layout<'a> for QuerySmResp<'a> {
    fn parse(rest: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, message_id) = c_string("message_id", 65)(rest)?;
        let (rest, final_date) = c_string("final_date", 17)(rest)?;
        let (rest, message_state) = u8("message_state")(rest)?;
        let (rest, error_code) = u8("error_code")(rest)?;
        let (rest, tlvs) = Tlvs::parse(rest)?;
        let body =
            Self { message_id, final_date, message_state: MessageState(message_state), error_code, tlvs };
        Ok((rest, body))
    }

    fn put(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        put_c_string(out, "message_id", &self.message_id, 65)?;
        put_c_string(out, "final_date", &self.final_date, 17)?;
        out.put_u8(self.message_state.0);
        out.put_u8(self.error_code);
        Ok(())
    }

    fn tlvs(&self) -> Tlvs<'a> {
        self.tlvs
    }
}

decode_from_unit!(QuerySm, QuerySmResp);
