//! One value for any PDU.

use bytes::BytesMut;

use super::{
    alert::AlertNotification,
    bind::{Bind, BindResp, Outbind},
    broadcast::{BroadcastSm, CancelBroadcastSm, QueryBroadcastSm, QueryBroadcastSmResp},
    cancel::CancelSm,
    command::CommandId,
    data::DataSm,
    header::Header,
    header_only::HeaderOnly,
    layout::Layout,
    multi::{SubmitMulti, SubmitMultiResp},
    query::{QuerySm, QuerySmResp},
    replace::ReplaceSm,
    status::Status,
    submit::{BroadcastSmResp, DataSmResp, DeliverSm, DeliverSmResp, SubmitSm, SubmitSmResp},
    tlv::Tlvs,
};
use crate::{
    error::{DecodeErrorKind, EncodeError},
    octets::{Fault, Parsed},
};

macro_rules! bodies {
    (
        whole { $($whole:ident($whole_type:ident) = $whole_id:ident,)+ }
        replies { $($reply:ident($reply_type:ident) = $reply_id:ident,)+ }
        plain_replies { $($plain:ident = $plain_id:ident,)+ }
    ) => {
        /// The body of any PDU.
        ///
        /// A response may come without its body, as it must with an error status and as some peers do with status 0:
        /// then it is `None`. So is a body that can't be read beside an error status, for nothing in it may be used.
        #[allow(missing_docs, reason = "the names are the specification's and their types are documented")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize), serde(untagged))]
        pub enum Body<'a> {
            $($whole($whole_type<'a>),)+
            $($reply(Option<$reply_type<'a>>),)+
            $($plain(HeaderOnly<'a>),)+
        }

        impl<'a> Body<'a> {
            /// The command id on the wire.
            #[must_use]
            pub fn command_id(&self) -> CommandId {
                match self {
                    $(Self::$whole(_) => CommandId::$whole_id,)+
                    $(Self::$reply(_) => CommandId::$reply_id,)+
                    $(Self::$plain(_) => CommandId::$plain_id,)+
                }
            }

            /// The TLVs.
            #[must_use]
            pub fn tlvs(&self) -> Tlvs<'a> {
                match self {
                    $(Self::$whole(body) => body.tlvs(),)+
                    $(Self::$reply(body) => body.as_ref().map_or(Tlvs::NONE, Layout::tlvs),)+
                    $(Self::$plain(body) => body.tlvs(),)+
                }
            }

            /// The response with this id and without a body; `None` if no response has it.
            #[must_use]
            pub fn bare_response(command_id: CommandId) -> Option<Body<'static>> {
                match command_id {
                    $(CommandId::$reply_id => Some(Body::$reply(None)),)+
                    $(CommandId::$plain_id => Some(Body::$plain(HeaderOnly { tlvs: Tlvs::NONE })),)+
                    _ => None,
                }
            }

            /// Reads the octets behind `header`.
            #[inline]
            pub(super) fn parse(header: &Header, rest: &'a [u8]) -> Parsed<'a, Self> {
                match header.command_id {
                    $(CommandId::$whole_id => {
                        let (rest, body) = Layout::parse(rest)?;
                        Ok((rest, Self::$whole(body)))
                    })+
                    $(CommandId::$reply_id => {
                        let (rest, body) = reply(header.command_status, rest)?;
                        Ok((rest, Self::$reply(body)))
                    })+
                    $(CommandId::$plain_id => {
                        let (rest, body) = reply(header.command_status, rest)?;
                        Ok((rest, Self::$plain(body.unwrap_or_default())))
                    })+
                    CommandId(other) => Fault::err(rest, "command_id", DecodeErrorKind::UnknownCommand(other)),
                }
            }

            /// Writes the mandatory fields.
            pub(super) fn put(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
                match self {
                    $(Self::$whole(body) => body.put(out),)+
                    $(Self::$reply(body) => body.as_ref().map_or(Ok(()), |body| body.put(out)),)+
                    $(Self::$plain(body) => body.put(out),)+
                }
            }
        }
    };
}

bodies! {
    whole {
        BindReceiver(Bind) = BIND_RECEIVER,
        BindTransmitter(Bind) = BIND_TRANSMITTER,
        BindTransceiver(Bind) = BIND_TRANSCEIVER,
        Outbind(Outbind) = OUTBIND,
        Unbind(HeaderOnly) = UNBIND,
        EnquireLink(HeaderOnly) = ENQUIRE_LINK,
        SubmitSm(SubmitSm) = SUBMIT_SM,
        DeliverSm(DeliverSm) = DELIVER_SM,
        DataSm(DataSm) = DATA_SM,
        SubmitMulti(SubmitMulti) = SUBMIT_MULTI,
        QuerySm(QuerySm) = QUERY_SM,
        CancelSm(CancelSm) = CANCEL_SM,
        ReplaceSm(ReplaceSm) = REPLACE_SM,
        AlertNotification(AlertNotification) = ALERT_NOTIFICATION,
        BroadcastSm(BroadcastSm) = BROADCAST_SM,
        QueryBroadcastSm(QueryBroadcastSm) = QUERY_BROADCAST_SM,
        CancelBroadcastSm(CancelBroadcastSm) = CANCEL_BROADCAST_SM,
    }
    replies {
        BindReceiverResp(BindResp) = BIND_RECEIVER_RESP,
        BindTransmitterResp(BindResp) = BIND_TRANSMITTER_RESP,
        BindTransceiverResp(BindResp) = BIND_TRANSCEIVER_RESP,
        SubmitSmResp(SubmitSmResp) = SUBMIT_SM_RESP,
        DeliverSmResp(DeliverSmResp) = DELIVER_SM_RESP,
        DataSmResp(DataSmResp) = DATA_SM_RESP,
        SubmitMultiResp(SubmitMultiResp) = SUBMIT_MULTI_RESP,
        QuerySmResp(QuerySmResp) = QUERY_SM_RESP,
        BroadcastSmResp(BroadcastSmResp) = BROADCAST_SM_RESP,
        QueryBroadcastSmResp(QueryBroadcastSmResp) = QUERY_BROADCAST_SM_RESP,
    }
    plain_replies {
        GenericNack = GENERIC_NACK,
        UnbindResp = UNBIND_RESP,
        EnquireLinkResp = ENQUIRE_LINK_RESP,
        CancelSmResp = CANCEL_SM_RESP,
        ReplaceSmResp = REPLACE_SM_RESP,
        CancelBroadcastSmResp = CANCEL_BROADCAST_SM_RESP,
    }
}

/// Reads the body of a response, which may be missing.
fn reply<'a, T: Layout<'a>>(status: Status, rest: &'a [u8]) -> Parsed<'a, Option<T>> {
    if rest.is_empty() {
        return Ok((rest, None));
    }
    match T::parse(rest) {
        Ok((rest, body)) => Ok((rest, Some(body))),
        Err(_) if !status.is_ok() => Ok((&[], None)),
        Err(fault) => Err(fault),
    }
}
