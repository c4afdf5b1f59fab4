//! The command ids, what each is to a session, and how the specification spells them.

use super::Version;
use crate::session::{Direction, UnitKind};

/// Set in the Command_Id of every response.
pub const RESPONSE: u32 = 0x8000_0000;

/// CMPP_CONNECT: the SP logs in.
pub const CONNECT: u32 = 0x0000_0001;
/// CMPP_TERMINATE: either side ends the session.
pub const TERMINATE: u32 = 0x0000_0002;
/// CMPP_SUBMIT: SP to ISMG.
pub const SUBMIT: u32 = 0x0000_0004;
/// CMPP_DELIVER: ISMG to SP.
pub const DELIVER: u32 = 0x0000_0005;
/// CMPP_QUERY: the SP asks for counts of a day.
pub const QUERY: u32 = 0x0000_0006;
/// CMPP_CANCEL: the SP takes a message back.
pub const CANCEL: u32 = 0x0000_0007;
/// CMPP_ACTIVE_TEST: either side tests the link.
pub const ACTIVE_TEST: u32 = 0x0000_0008;
/// CMPP_FWD: ISMG to ISMG.
pub const FWD: u32 = 0x0000_0009;
/// CMPP_MT_ROUTE: ISMG to GNS.
pub const MT_ROUTE: u32 = 0x0000_0010;
/// CMPP_MO_ROUTE: ISMG to GNS.
pub const MO_ROUTE: u32 = 0x0000_0011;
/// CMPP_GET_ROUTE of 2.0, CMPP_GET_MT_ROUTE of 2.1 and 3.0: ISMG to GNS.
pub const GET_MT_ROUTE: u32 = 0x0000_0012;
/// CMPP_MT_ROUTE_UPDATE: ISMG to GNS.
pub const MT_ROUTE_UPDATE: u32 = 0x0000_0013;
/// CMPP_MO_ROUTE_UPDATE: ISMG to GNS.
pub const MO_ROUTE_UPDATE: u32 = 0x0000_0014;
/// CMPP_PUSH_MT_ROUTE_UPDATE: GNS to ISMG.
pub const PUSH_MT_ROUTE_UPDATE: u32 = 0x0000_0015;
/// CMPP_PUSH_MO_ROUTE_UPDATE: GNS to ISMG.
pub const PUSH_MO_ROUTE_UPDATE: u32 = 0x0000_0016;
/// CMPP_GET_MO_ROUTE of 2.1 and 3.0: ISMG to GNS.
pub const GET_MO_ROUTE: u32 = 0x0000_0017;

/// What a unit of this command is to a session. The same in every version: GET_MO_ROUTE is a request in 2.0 too,
/// which its reader then refuses.
#[must_use]
pub fn kind(command_id: u32) -> UnitKind {
    match command_id {
        CONNECT => UnitKind::Bind,
        TERMINATE => UnitKind::Unbind,
        ACTIVE_TEST => UnitKind::Probe,
        SUBMIT | QUERY | CANCEL => UnitKind::Request(Direction::ToCarrier),
        DELIVER => UnitKind::Request(Direction::FromCarrier),
        // Between gateways and route servers either side may be the one that dialled.
        FWD | MT_ROUTE..=GET_MO_ROUTE => UnitKind::Request(Direction::Either),
        _ if command_id & RESPONSE == 0 => UnitKind::UnknownRequest,
        _ => match kind(command_id & !RESPONSE) {
            UnitKind::Bind => UnitKind::BindResponse,
            UnitKind::Unbind => UnitKind::UnbindResponse,
            UnitKind::Probe => UnitKind::ProbeResponse,
            UnitKind::Request(_) => UnitKind::Response,
            _ => UnitKind::UnknownResponse,
        },
    }
}

/// The name of a command in the specification of `version`, e.g. `CMPP_SUBMIT_RESP`.
#[must_use]
pub fn name(command_id: u32, version: Version) -> Option<&'static str> {
    let (request, response) = match command_id & !RESPONSE {
        CONNECT => ("CMPP_CONNECT", "CMPP_CONNECT_RESP"),
        TERMINATE => ("CMPP_TERMINATE", "CMPP_TERMINATE_RESP"),
        SUBMIT => ("CMPP_SUBMIT", "CMPP_SUBMIT_RESP"),
        DELIVER => ("CMPP_DELIVER", "CMPP_DELIVER_RESP"),
        QUERY => ("CMPP_QUERY", "CMPP_QUERY_RESP"),
        CANCEL => ("CMPP_CANCEL", "CMPP_CANCEL_RESP"),
        ACTIVE_TEST => ("CMPP_ACTIVE_TEST", "CMPP_ACTIVE_TEST_RESP"),
        FWD => ("CMPP_FWD", "CMPP_FWD_RESP"),
        MT_ROUTE => ("CMPP_MT_ROUTE", "CMPP_MT_ROUTE_RESP"),
        MO_ROUTE => ("CMPP_MO_ROUTE", "CMPP_MO_ROUTE_RESP"),
        GET_MT_ROUTE if version == Version::V20 => ("CMPP_GET_ROUTE", "CMPP_GET_ROUTE_RESP"),
        GET_MT_ROUTE => ("CMPP_GET_MT_ROUTE", "CMPP_GET_MT_ROUTE_RESP"),
        MT_ROUTE_UPDATE => ("CMPP_MT_ROUTE_UPDATE", "CMPP_MT_ROUTE_UPDATE_RESP"),
        MO_ROUTE_UPDATE => ("CMPP_MO_ROUTE_UPDATE", "CMPP_MO_ROUTE_UPDATE_RESP"),
        PUSH_MT_ROUTE_UPDATE => ("CMPP_PUSH_MT_ROUTE_UPDATE", "CMPP_PUSH_MT_ROUTE_UPDATE_RESP"),
        PUSH_MO_ROUTE_UPDATE => ("CMPP_PUSH_MO_ROUTE_UPDATE", "CMPP_PUSH_MO_ROUTE_UPDATE_RESP"),
        GET_MO_ROUTE if version != Version::V20 => ("CMPP_GET_MO_ROUTE", "CMPP_GET_MO_ROUTE_RESP"),
        _ => return None,
    };
    Some(if command_id & RESPONSE == 0 { request } else { response })
}
