//! PDUs without mandatory fields: enquire_link, unbind, generic_nack and some responses.

use bytes::BytesMut;

use super::{
    layout::{Layout, decode_from_unit},
    tlv::Tlvs,
};
use crate::{error::EncodeError, octets::Parsed};

/// The body of a PDU that is all header. In 5.0 a response may carry congestion_state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct HeaderOnly<'a> {
    /// None in requests.
    pub tlvs: Tlvs<'a>,
}

impl<'a> Layout<'a> for HeaderOnly<'a> {
    fn parse(rest: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, tlvs) = Tlvs::parse(rest)?;
        Ok((rest, Self { tlvs }))
    }

    fn put(&self, _: &mut BytesMut) -> Result<(), EncodeError> {
        Ok(())
    }

    fn tlvs(&self) -> Tlvs<'a> {
        self.tlvs
    }
}

decode_from_unit!(HeaderOnly);
