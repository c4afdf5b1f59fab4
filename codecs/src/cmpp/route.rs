//! The route messages between gateways and the route server (GNS), in the layout of 2.0 and in that of 2.1 and 3.0.
//!
//! Codes of gateways are six digits, `0` on the left. Gateway_IP is dotted text. Time_stamp is `YYYYMMDDhhmmss`.

use super::{
    command,
    field::{self, Number, Octet, Short, Signed, Text, by_route_layout, every},
};

field::unit! {
    /// CMPP_MT_ROUTE: which gateway serves a phone.
    MtRoute<'a> = command::MT_ROUTE, {
        /// The asking gateway.
        source_id: &'a [u8] = "Source_Id", Text(every(6));
        /// The phone, at most 21 octets.
        terminal_id: &'a [u8] = "Terminal_Id", Text(every(21));
    }
}

field::unit! {
    /// CMPP_MT_ROUTE_RESP.
    MtRouteResp<'a> = command::MT_ROUTE | command::RESPONSE, {
        /// Identity of the route.
        route_id: u32 = "Route_Id", Number(every(4));
        /// The gateway that the route leads to.
        destination_id: &'a [u8] = "Destination_Id", Text(every(6));
        /// Its address, at most 15 octets.
        gateway_ip: &'a [u8] = "Gateway_IP", Text(every(15));
        /// Its port.
        gateway_port: u16 = "Gateway_port", Short;
        /// First number segment, at most 6 octets (2.1 and 3.0: 9).
        start_id: &'a [u8] = "Start_Id", Text(by_route_layout(6, 9));
        /// Last number segment, at most 6 octets (2.1 and 3.0: 9).
        end_id: &'a [u8] = "End_Id", Text(by_route_layout(6, 9));
        /// Area code, at most 4 octets.
        area_code: &'a [u8] = "Area_code", Text(every(4));
        /// 0: found; see [`super::status::RouteResult`].
        result: u8 = "Result", Octet(every(1));
        /// 2.1 and 3.0: 0 GoTone, 1 Easyown, 2 M-Zone.
        user_type: u8 = "User_type", Octet(by_route_layout(0, 1));
        /// 2.1 and 3.0: when the route was set.
        time_stamp: &'a [u8] = "Time_stamp", Text(by_route_layout(0, 14));
    }
}

field::unit! {
    /// CMPP_MO_ROUTE: which gateway serves an SP.
    MoRoute<'a> = command::MO_ROUTE, {
        /// The asking gateway.
        source_id: &'a [u8] = "Source_Id", Text(every(6));
        /// The SP's service number, at most 21 octets.
        sp_code: &'a [u8] = "SP_Code", Text(every(21));
        /// The service code, at most 10 octets.
        service_id: &'a [u8] = "Service_Id", Text(every(10));
        /// The code that was asked for.
        service_code: u32 = "Service_Code", Number(every(4));
    }
}

field::unit! {
    /// CMPP_MO_ROUTE_RESP.
    MoRouteResp<'a> = command::MO_ROUTE | command::RESPONSE, {
        /// Identity of the route.
        route_id: u32 = "Route_Id", Number(every(4));
        /// The gateway that the route leads to.
        destination_id: &'a [u8] = "Destination_Id", Text(every(6));
        /// Its address, at most 15 octets.
        gateway_ip: &'a [u8] = "Gateway_IP", Text(every(15));
        /// Its port.
        gateway_port: u16 = "Gateway_port", Short;
        /// The SP: at most 21 octets in 2.0, its company code of 6 later.
        sp_id: &'a [u8] = "SP_Id", Text(by_route_layout(21, 6));
        /// 2.1 and 3.0: the SP's service number, at most 21 octets.
        sp_code: &'a [u8] = "SP_Code", Text(by_route_layout(0, 21));
        /// 2.1 and 3.0: 0 main access, 1 mirror access.
        sp_access_type: u8 = "SP_AcessType", Octet(by_route_layout(0, 1));
        /// First service number.
        start_code: u32 = "Start_code", Number(every(4));
        /// Last service number.
        end_code: u32 = "End_code", Number(every(4));
        /// 0: found; see [`super::status::RouteResult`].
        result: u8 = "Result", Octet(every(1));
        /// 2.1 and 3.0: when the route was set.
        time_stamp: &'a [u8] = "Time_stamp", Text(by_route_layout(0, 14));
    }
}

field::unit! {
    /// CMPP_GET_MT_ROUTE, called CMPP_GET_ROUTE in 2.0: all routes, one answer each.
    GetMtRoute<'a> = command::GET_MT_ROUTE, {
        /// The asking gateway.
        source_id: &'a [u8] = "Source_Id", Text(every(6));
        /// `MT` or `MO`; in 2.1 and 3.0 always `MT`.
        route_type: &'a [u8] = "Route_type", Text(by_route_layout(2, 4));
        /// The last route that the asking gateway has; -1 at first.
        last_route_id: i32 = "Last_route_Id", Signed;
    }
}

field::unit! {
    /// CMPP_GET_MT_ROUTE_RESP, called CMPP_GET_ROUTE_RESP in 2.0.
    GetMtRouteResp<'a> = command::GET_MT_ROUTE | command::RESPONSE, {
        /// Identity of the route.
        route_id: u32 = "Route_Id", Number(every(4));
        /// The gateway that the route leads to.
        destination_id: &'a [u8] = "Destination_Id", Text(every(6));
        /// Its address, at most 15 octets.
        gateway_ip: &'a [u8] = "Gateway_IP", Text(every(15));
        /// Its port.
        gateway_port: u16 = "Gateway_port", Short;
        /// 2.1 and 3.0: first number segment, at most 9 octets.
        start_id: &'a [u8] = "Start_Id", Text(by_route_layout(0, 9));
        /// 2.1 and 3.0: last number segment, at most 9 octets.
        end_id: &'a [u8] = "End_Id", Text(by_route_layout(0, 9));
        /// 2.0: the SP's service number, at most 21 octets.
        sp_code: &'a [u8] = "SP_Code", Text(by_route_layout(21, 0));
        /// 2.0: the service code, at most 10 octets.
        service_id: &'a [u8] = "Service_Id", Text(by_route_layout(10, 0));
        /// 2.0: first service number.
        start_code: u32 = "Start_code", Number(by_route_layout(4, 0));
        /// 2.0: last service number.
        end_code: u32 = "End_code", Number(by_route_layout(4, 0));
        /// Area code, at most 4 octets.
        area_code: &'a [u8] = "Area_code", Text(every(4));
        /// 0: found; see [`super::status::RouteResult`].
        result: u8 = "Result", Octet(every(1));
        /// 2.1 and 3.0: 0 GoTone, 1 Easyown, 2 M-Zone.
        user_type: u8 = "User_type", Octet(by_route_layout(0, 1));
        /// 2.1 and 3.0: how many routes there are.
        route_total: u32 = "Route_total", Number(by_route_layout(0, 4));
        /// 2.1 and 3.0: which of them this is.
        route_number: u32 = "Route_number", Number(by_route_layout(0, 4));
        /// 2.1 and 3.0: when the route was set.
        time_stamp: &'a [u8] = "Time_stamp", Text(by_route_layout(0, 14));
    }
}

field::unit! {
    /// CMPP_GET_MO_ROUTE of 2.1 and 3.0: all routes to SPs, one answer each.
    GetMoRoute<'a> = command::GET_MO_ROUTE, {
        /// The asking gateway.
        source_id: &'a [u8] = "Source_Id", Text(every(6));
        /// `MO`.
        route_type: &'a [u8] = "Route_type", Text(every(4));
        /// The last route that the asking gateway has; -1 at first.
        last_route_id: i32 = "Last_route_Id", Signed;
    }
}

field::unit! {
    /// CMPP_GET_MO_ROUTE_RESP of 2.1 and 3.0.
    GetMoRouteResp<'a> = command::GET_MO_ROUTE | command::RESPONSE, {
        /// Identity of the route.
        route_id: u32 = "Route_Id", Number(every(4));
        /// The gateway that the route leads to.
        destination_id: &'a [u8] = "Destination_Id", Text(every(6));
        /// Its address, at most 15 octets.
        gateway_ip: &'a [u8] = "Gateway_IP", Text(every(15));
        /// Its port.
        gateway_port: u16 = "Gateway_port", Short;
        /// The SP's company code, 6 octets.
        sp_id: &'a [u8] = "SP_Id", Text(every(6));
        /// The SP's service number, at most 21 octets.
        sp_code: &'a [u8] = "SP_Code", Text(every(21));
        /// 0: main access; 1: mirror access.
        sp_access_type: u8 = "SP_AcessType", Octet(every(1));
        /// The service code, at most 10 octets.
        service_id: &'a [u8] = "Service_Id", Text(every(10));
        /// First service number.
        start_code: u32 = "Start_code", Number(every(4));
        /// Last service number.
        end_code: u32 = "End_code", Number(every(4));
        /// 0: found; see [`super::status::RouteResult`].
        result: u8 = "Result", Octet(every(1));
        /// How many routes there are.
        route_total: u32 = "Route_total", Number(every(4));
        /// Which of them this is.
        route_number: u32 = "Route_number", Number(every(4));
        /// When the route was set.
        time_stamp: &'a [u8] = "Time_stamp", Text(every(14));
    }
}

field::unit! {
    /// CMPP_MT_ROUTE_UPDATE: a gateway changes a route.
    MtRouteUpdate<'a> = command::MT_ROUTE_UPDATE, {
        /// 0: add, with Route_Id 0; 1: delete; 2: change.
        update_type: u8 = "Update_type", Octet(every(1));
        /// Identity of the route.
        route_id: u32 = "Route_Id", Number(every(4));
        /// The gateway that the route leads to.
        destination_id: &'a [u8] = "Destination_Id", Text(every(6));
        /// Its address, at most 15 octets.
        gateway_ip: &'a [u8] = "Gateway_IP", Text(every(15));
        /// Its port.
        gateway_port: u16 = "Gateway_port", Short;
        /// First number segment, at most 6 octets (2.1 and 3.0: 9).
        start_id: &'a [u8] = "Start_Id", Text(by_route_layout(6, 9));
        /// Last number segment, at most 6 octets (2.1 and 3.0: 9).
        end_id: &'a [u8] = "End_Id", Text(by_route_layout(6, 9));
        /// Area code, at most 4 octets.
        area_code: &'a [u8] = "Area_code", Text(every(4));
        /// 2.1 and 3.0: 0 GoTone, 1 Easyown, 2 M-Zone.
        user_type: u8 = "User_type", Octet(by_route_layout(0, 1));
    }
}

field::unit! {
    /// CMPP_MT_ROUTE_UPDATE_RESP.
    MtRouteUpdateResp<'a> = command::MT_ROUTE_UPDATE | command::RESPONSE, {
        /// 0: valid, to be verified; 1: invalid. 2.1 and 3.0: see [`super::status::RouteResult`].
        result: u8 = "Result", Octet(every(1));
        /// 2.1 and 3.0: identity of the route.
        route_id: u32 = "Route_Id", Number(by_route_layout(0, 4));
        /// 2.1 and 3.0: when the route was set.
        time_stamp: &'a [u8] = "Time_stamp", Text(by_route_layout(0, 14));
    }
}

field::unit! {
    /// CMPP_MO_ROUTE_UPDATE: a gateway changes a route to an SP.
    MoRouteUpdate<'a> = command::MO_ROUTE_UPDATE, {
        /// 0: add, with Route_Id 0; 1: delete; 2: change.
        update_type: u8 = "Update_type", Octet(every(1));
        /// Identity of the route.
        route_id: u32 = "Route_Id", Number(every(4));
        /// The gateway that the route leads to.
        destination_id: &'a [u8] = "Destination_Id", Text(every(6));
        /// Its address, at most 15 octets.
        gateway_ip: &'a [u8] = "Gateway_IP", Text(every(15));
        /// Its port.
        gateway_port: u16 = "Gateway_port", Short;
        /// 2.1 and 3.0: the SP's company code, 6 octets.
        sp_id: &'a [u8] = "SP_Id", Text(by_route_layout(0, 6));
        /// The SP's service number, at most 21 octets.
        sp_code: &'a [u8] = "SP_Code", Text(every(21));
        /// 2.1 and 3.0: 0 main access, 1 mirror access.
        sp_access_type: u8 = "SP_AcessType", Octet(by_route_layout(0, 1));
        /// The service code, at most 10 octets.
        service_id: &'a [u8] = "Service_Id", Text(every(10));
        /// First service number.
        start_code: u32 = "Start_code", Number(every(4));
        /// Last service number.
        end_code: u32 = "End_code", Number(every(4));
    }
}

field::unit! {
    /// CMPP_MO_ROUTE_UPDATE_RESP.
    MoRouteUpdateResp<'a> = command::MO_ROUTE_UPDATE | command::RESPONSE, {
        /// 0: valid, to be verified; 1: invalid. 2.1 and 3.0: see [`super::status::RouteResult`].
        result: u8 = "Result", Octet(every(1));
        /// 2.1 and 3.0: identity of the route.
        route_id: u32 = "Route_Id", Number(by_route_layout(0, 4));
        /// 2.1 and 3.0: when the route was set.
        time_stamp: &'a [u8] = "Time_stamp", Text(by_route_layout(0, 14));
    }
}

field::unit! {
    /// CMPP_PUSH_MT_ROUTE_UPDATE: the route server tells a change.
    PushMtRouteUpdate<'a> = command::PUSH_MT_ROUTE_UPDATE, {
        /// 0: add, with Route_Id 0; 1: delete; 2: change.
        update_type: u8 = "Update_type", Octet(every(1));
        /// Identity of the route.
        route_id: u32 = "Route_Id", Number(every(4));
        /// The gateway that the route leads to.
        destination_id: &'a [u8] = "Destination_Id", Text(every(6));
        /// Its address, at most 15 octets.
        gateway_ip: &'a [u8] = "Gateway_IP", Text(every(15));
        /// Its port.
        gateway_port: u16 = "Gateway_port", Short;
        /// First number segment, at most 6 octets (2.1 and 3.0: 9).
        start_id: &'a [u8] = "Start_Id", Text(by_route_layout(6, 9));
        /// Last number segment, at most 6 octets (2.1 and 3.0: 9).
        end_id: &'a [u8] = "End_Id", Text(by_route_layout(6, 9));
        /// Area code, at most 4 octets.
        area_code: &'a [u8] = "Area_code", Text(every(4));
        /// 2.1 and 3.0: 0 GoTone, 1 Easyown, 2 M-Zone.
        user_type: u8 = "User_type", Octet(by_route_layout(0, 1));
        /// 2.1 and 3.0: when the route was set.
        time_stamp: &'a [u8] = "Time_stamp", Text(by_route_layout(0, 14));
    }
}

field::unit! {
    /// CMPP_PUSH_MT_ROUTE_UPDATE_RESP.
    PushMtRouteUpdateResp = command::PUSH_MT_ROUTE_UPDATE | command::RESPONSE, {
        /// 0: changed; 1 in 2.0, 5, 6 or 9 later: not.
        result: u8 = "Result", Octet(every(1));
    }
}

field::unit! {
    /// CMPP_PUSH_MO_ROUTE_UPDATE: the route server tells a change.
    PushMoRouteUpdate<'a> = command::PUSH_MO_ROUTE_UPDATE, {
        /// 0: add, with Route_Id 0; 1: delete; 2: change.
        update_type: u8 = "Update_type", Octet(every(1));
        /// Identity of the route.
        route_id: u32 = "Route_Id", Number(every(4));
        /// The gateway that the route leads to.
        destination_id: &'a [u8] = "Destination_Id", Text(every(6));
        /// Its address, at most 15 octets.
        gateway_ip: &'a [u8] = "Gateway_IP", Text(every(15));
        /// Its port.
        gateway_port: u16 = "Gateway_port", Short;
        /// 2.1 and 3.0: the SP's company code, 6 octets.
        sp_id: &'a [u8] = "SP_Id", Text(by_route_layout(0, 6));
        /// The SP's service number, at most 21 octets.
        sp_code: &'a [u8] = "SP_Code", Text(every(21));
        /// 2.1 and 3.0: 0 main access, 1 mirror access.
        sp_access_type: u8 = "SP_AcessType", Octet(by_route_layout(0, 1));
        /// The service code, at most 10 octets.
        service_id: &'a [u8] = "Service_Id", Text(every(10));
        /// First service number.
        start_code: u32 = "Start_code", Number(every(4));
        /// Last service number.
        end_code: u32 = "End_code", Number(every(4));
        /// 2.1 and 3.0: when the route was set.
        time_stamp: &'a [u8] = "Time_stamp", Text(by_route_layout(0, 14));
    }
}

field::unit! {
    /// CMPP_PUSH_MO_ROUTE_UPDATE_RESP.
    PushMoRouteUpdateResp = command::PUSH_MO_ROUTE_UPDATE | command::RESPONSE, {
        /// 0: changed; 1 in 2.0, 5, 6 or 9 later: not.
        result: u8 = "Result", Octet(every(1));
    }
}

/// A gateway's code as it is written in route and forward messages: six digits. `None` above 999999.
#[must_use]
pub fn gateway_code(number: u32) -> Option<[u8; 6]> {
    format!("{number:06}").into_bytes().try_into().ok()
}
