//! CMPP 2.0, 2.1 and 3.0: every unit between SP and gateway, between gateways, and between gateway and route server.
//!
//! A version is a value here: [`Pdu::decode`] and [`Pdu::encode`] take it, and only fields that differ look at it.
//! What a unit means for a session is in [`Cmpp`]; texts are `crate::text`'s, and policy is the caller's.

mod active_test;
pub mod auth;
mod cancel;
pub mod command;
mod connect;
mod deliver;
mod dialect;
mod field;
mod fwd;
mod header;
mod msg_fmt;
mod msg_id;
mod query;
mod recipients;
mod report;
mod route;
pub mod status;
mod submit;
mod terminate;
mod version;

use bytes::BytesMut;

pub use active_test::{ActiveTest, ActiveTestResp};
pub use auth::AccountPadding;
pub use cancel::{Cancel, CancelResp};
pub use connect::{Connect, ConnectResp};
pub use deliver::{Deliver, DeliverResp};
pub use dialect::{Cmpp, Credentials};
pub use fwd::{Fwd, FwdResp, FwdType};
pub use header::Header;
pub use msg_fmt::{Alphabet, message_class};
pub use msg_id::{MsgId, MsgIdParts};
pub use query::{Query, QueryResp};
pub use recipients::Recipients;
pub use report::{Fault, Hop, MoReport, Outcome, Report, State};
pub use route::{
    GetMoRoute, GetMoRouteResp, GetMtRoute, GetMtRouteResp, MoRoute, MoRouteResp, MoRouteUpdate,
    MoRouteUpdateResp, MtRoute, MtRouteResp, MtRouteUpdate, MtRouteUpdateResp, PushMoRouteUpdate,
    PushMoRouteUpdateResp, PushMtRouteUpdate, PushMtRouteUpdateResp, gateway_code,
};
pub use submit::{Submit, SubmitResp};
pub use terminate::{Terminate, TerminateResp};
pub use version::{Layout, Version};

use crate::{
    error::{DecodeError, EncodeError},
    octets,
};

/// Lists every unit, and derives the type of them all.
macro_rules! units {
    ($($name:ident $(<$life:lifetime>)?,)*) => {
        /// Any unit of CMPP, without its sequence. One variant per command; the type inside documents it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize), serde(untagged))]
        #[allow(missing_docs, reason = "each variant is documented by its type")]
        pub enum Pdu<'a> {
            $($name($name $(<$life>)?),)*
        }

        impl<'a> Pdu<'a> {
            /// The command id of this unit.
            #[must_use]
            pub fn command_id(&self) -> u32 {
                match self {
                    $(Self::$name(_) => $name::COMMAND_ID,)*
                }
            }

            fn read(header: Header, body: &'a [u8], version: Version) -> Option<octets::Parsed<'a, Self>> {
                match header.command_id {
                    $($name::COMMAND_ID => {
                        Some($name::read(body, version).map(|(rest, unit)| (rest, Self::$name(unit))))
                    })*
                    _ => None,
                }
            }

            fn put(&self, version: Version, out: &mut BytesMut) -> Result<(), EncodeError> {
                match self {
                    $(Self::$name(unit) => unit.put(version, out),)*
                }
            }
        }

        $(impl<'a> From<$name $(<$life>)?> for Pdu<'a> {
            fn from(unit: $name $(<$life>)?) -> Self {
                Self::$name(unit)
            }
        })*
    };
}

units! {
    Connect<'a>, ConnectResp,
    Terminate, TerminateResp,
    Submit<'a>, SubmitResp,
    Deliver<'a>, DeliverResp,
    Query<'a>, QueryResp<'a>,
    Cancel, CancelResp,
    ActiveTest, ActiveTestResp,
    Fwd<'a>, FwdResp,
    MtRoute<'a>, MtRouteResp<'a>,
    MoRoute<'a>, MoRouteResp<'a>,
    GetMtRoute<'a>, GetMtRouteResp<'a>,
    MtRouteUpdate<'a>, MtRouteUpdateResp<'a>,
    MoRouteUpdate<'a>, MoRouteUpdateResp<'a>,
    PushMtRouteUpdate<'a>, PushMtRouteUpdateResp,
    PushMoRouteUpdate<'a>, PushMoRouteUpdateResp,
    GetMoRoute<'a>, GetMoRouteResp<'a>,
}

impl<'a> Pdu<'a> {
    /// Reads one complete unit. Octets after the last field are ignored, and a last field that is reserved or a
    /// LinkID may be cut short: both are seen on live links.
    ///
    /// # Errors
    /// When the header is wrong, the version has no such command, or a field is cut short or holds what it may not.
    pub fn decode(unit: &'a [u8], version: Version) -> Result<(Header, Self), DecodeError> {
        let (header, body) = Header::split(unit)?;
        command::name(header.command_id, version)
            .and_then(|_| Self::read(header, body, version))
            .ok_or_else(|| header.unknown_command())
            .and_then(|parsed| octets::finish(unit, parsed))
            .map(|pdu| (header, pdu))
    }

    /// Appends the unit to `out`.
    ///
    /// # Errors
    /// A value that its field can't hold, or a field (or command, told as `Command_Id`) that the version lacks;
    /// `out` is then unchanged.
    pub fn encode(&self, version: Version, sequence_id: u32, out: &mut BytesMut) -> Result<(), EncodeError> {
        let command_id = self.command_id();
        if command::name(command_id, version).is_none() {
            return Err(EncodeError { field: "Command_Id", octets: 4, max: 0 });
        }
        header::write(command_id, sequence_id, out, |out| self.put(version, out))
    }
}

/// TP_udhi as a bit: right aligned as specified, or where GSM 03.40 has it, as some gateways send it.
fn has_header(tp_udhi: u8) -> bool {
    tp_udhi & 0x41 != 0
}
