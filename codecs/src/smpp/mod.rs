//! SMPP 3.4 and 5.0, and 3.3 where a peer answers with it: PDUs, TLVs, statuses, receipts, and what the session
//! engine needs to know. Text is left to [`crate::text`], times to [`crate::validity`].
//!
//! [`Pdu::decode`] reads any unit; where the command is known from the header already, `SubmitSm::decode` and the
//! like read just that body. Fields are borrowed from the unit, TLVs are checked for their framing and then walked on
//! demand, and nothing is allocated.

mod address;
mod alert;
mod bind;
mod body;
mod broadcast;
mod cancel;
mod check;
mod command;
mod data;
mod data_coding;
mod destinations;
mod dialect;
mod esm_class;
mod header;
mod header_only;
mod layout;
mod message_state;
mod multi;
mod octet_string;
mod placement;
mod query;
mod receipt;
mod receipt_text;
mod registered_delivery;
mod replace;
mod status;
mod submit;
mod tlv;
mod tlv_tag;
mod tlv_value;
mod version;

use bytes::{BufMut, BytesMut};

pub use self::{
    address::{Npi, Ton},
    alert::AlertNotification,
    bind::{Bind, BindResp, Outbind},
    body::Body,
    broadcast::{BroadcastSm, CancelBroadcastSm, QueryBroadcastSm, QueryBroadcastSmResp},
    cancel::CancelSm,
    command::CommandId,
    data::DataSm,
    data_coding::{Alphabet, DataCoding, MessageClass},
    destinations::{
        DestAddress, Destinations, DestinationsBuf, UnsuccessSme, UnsuccessSmes, UnsuccessSmesBuf,
    },
    dialect::{BindMode, Credentials, Smpp},
    esm_class::{EsmClass, MessageMode, MessageType},
    header::Header,
    header_only::HeaderOnly,
    message_state::MessageState,
    multi::{SubmitMulti, SubmitMultiResp},
    octet_string::{COctetString, OctetString},
    query::{QuerySm, QuerySmResp},
    receipt::{Receipt, ReceiptReading, Recognition},
    receipt_text::ReceiptText,
    registered_delivery::{ReceiptWanted, RegisteredDelivery},
    replace::ReplaceSm,
    status::{Reaction, Status},
    submit::{
        BroadcastSmResp, DataSmResp, DeliverSm, DeliverSmResp, MessageIdResp, Sm, SubmitSm, SubmitSmResp,
    },
    tlv::{BadTlv, Tlv, TlvBuf, TlvIter, Tlvs},
    tlv_tag::{CATALOGUE, Tag, TlvSpec, TlvType},
    tlv_value::{
        BroadcastContentType, BroadcastInterval, CallbackNum, ItsSessionInfo, MsValidity, NetworkErrorCode,
        Sar, Tagged,
    },
    version::Version,
};
use crate::{
    error::{DecodeError, DecodeErrorKind, EncodeError},
    frame, octets,
};

/// Any PDU, without its sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pdu<'a> {
    /// `command_status`; 0 in requests.
    pub status: Status,
    /// Which PDU, and its fields.
    pub body: Body<'a>,
}

impl<'a> Pdu<'a> {
    /// Reads one whole unit.
    ///
    /// # Errors
    /// The length is not the unit's, the command is unknown, a mandatory field can't be read, or the TLV region is
    /// corrupt. What a TLV holds is not looked at; see [`Tlvs::check`].
    pub fn decode(unit: &'a [u8]) -> Result<(Header, Self), DecodeError> {
        let header = Header::decode(unit)?;
        let body = octets::finish(unit, Body::parse(&header, &unit[Header::SIZE..])).map_err(|error| {
            match error.kind {
                // The parser sees the body only; the command id is in front of it.
                DecodeErrorKind::UnknownCommand(_) => DecodeError { offset: 4, ..error },
                _ => error,
            }
        })?;
        Ok((header, Self { status: header.command_status, body }))
    }

    /// Appends the whole unit to `out`.
    ///
    /// # Errors
    /// A value that its field can't hold; `out` is then unchanged.
    pub fn encode(&self, sequence_number: u32, out: &mut BytesMut) -> Result<(), EncodeError> {
        self.encode_with(self.body.tlvs(), sequence_number, out)
    }

    /// The same with other TLVs than the body's.
    fn encode_with(
        &self,
        tlvs: Tlvs<'_>,
        sequence_number: u32,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        frame::write(out, |out| {
            let header = [self.body.command_id().0, self.status.0, sequence_number];
            out.put_slice(header.map(u32::to_be_bytes).as_flattened());
            self.body.put(out)?;
            out.put_slice(tlvs.as_octets());
            Ok(())
        })
    }

    /// The plain refusal with this response id: no body. `None` if no response has the id.
    #[must_use]
    pub fn refusal(response: CommandId, status: Status) -> Option<Pdu<'static>> {
        Some(Pdu { status, body: Body::bare_response(response)? })
    }
}

impl<'a> From<Body<'a>> for Pdu<'a> {
    /// With status 0.
    fn from(body: Body<'a>) -> Self {
        Self { status: Status::ROK, body }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Pdu<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Flat<'b> {
            command: Option<&'static str>,
            command_status: Status,
            #[serde(flatten)]
            body: &'b Body<'b>,
        }
        let command = self.body.command_id().name();
        Flat { command, command_status: self.status, body: &self.body }.serialize(serializer)
    }
}
