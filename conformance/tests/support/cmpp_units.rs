//! Every unit of CMPP 3.0.

use bytes::BytesMut;
use codecs::cmpp::{
    ActiveTest, ActiveTestResp, Cancel, CancelResp, Connect, ConnectResp, Deliver, DeliverResp, Fwd, FwdResp,
    GetMoRoute, GetMoRouteResp, GetMtRoute, GetMtRouteResp, Layout, MoRoute, MoRouteResp, MoRouteUpdate,
    MoRouteUpdateResp, MsgId, MtRoute, MtRouteResp, MtRouteUpdate, MtRouteUpdateResp, Pdu, PushMoRouteUpdate,
    PushMoRouteUpdateResp, PushMtRouteUpdate, PushMtRouteUpdateResp, Query, QueryResp, Recipients, Report,
    Submit, SubmitResp, Terminate, TerminateResp, Version, command,
};
use conformance::pcap::Side::{self, Client, Server};

use super::Unit;

type Fields<'a> = &'a [(&'static str, &'a str)];

const ID: MsgId = MsgId(0x30B0_57C0_03E9_0007);

/// All of them.
pub fn all() -> Vec<Unit> {
    let mut units = Vec::new();
    session(&mut units);
    messages(&mut units);
    counts(&mut units);
    gateways(&mut units);
    routes(&mut units);
    units
}

fn add<'a>(units: &mut Vec<Unit>, side: Side, pdu: impl Into<Pdu<'a>>, fields: Fields<'_>) {
    let pdu = pdu.into();
    let name = command::name(pdu.command_id(), Version::V30).expect("a command of 3.0").to_owned();
    add_as(units, name, side, pdu, fields);
}

fn add_as(units: &mut Vec<Unit>, name: String, side: Side, pdu: Pdu<'_>, fields: Fields<'_>) {
    let sequence = u32::try_from(units.len() + 1).expect("few units");
    let mut octets = BytesMut::new();
    pdu.encode(Version::V30, sequence, &mut octets).unwrap_or_else(|error| panic!("{name}: {error}"));
    let header = [
        ("cmpp.Total_Length", octets.len().to_string()),
        ("cmpp.Command_Id", format!("{:#010x}", pdu.command_id())),
        ("cmpp.Sequence_Id", sequence.to_string()),
    ];
    let fields =
        header.into_iter().chain(fields.iter().map(|&(field, value)| (field, value.to_owned()))).collect();
    units.push(Unit { name, side, octets: octets.to_vec(), fields });
}

fn session(units: &mut Vec<Unit>) {
    let connect = Connect {
        source_addr: b"901234",
        authenticator_source: *b"\x11\x22\x33\x44\x55\x66\x77\x88\x99\xAA\xBB\xCC\xDD\xEE\xFF\x01",
        version: 0x30,
        timestamp: 301_120_530,
    };
    add(
        units,
        Client,
        connect,
        &[("cmpp.connect.Source_Addr", "901234"), ("cmpp.connect.Timestamp", "03/01 12:05:30")],
    );
    let response =
        ConnectResp { layout: Layout::V3, status: 0, authenticator_ismg: [0x42; 16], version: 0x30 };
    add(units, Server, response, &[("cmpp.connect_resp.Status", "0")]);
    add(units, Client, ActiveTest {}, &[]);
    add(units, Server, ActiveTestResp::default(), &[]);
    add(units, Client, Terminate {}, &[]);
    add(units, Server, TerminateResp {}, &[]);
}

fn messages(units: &mut Vec<Unit>) {
    let to: [&[u8]; 2] = [b"13800138000", b"13800138001"];
    let submit = Submit {
        pk_total: 2,
        pk_number: 1,
        registered_delivery: 1,
        msg_level: 3,
        service_id: b"YZM",
        fee_user_type: 2,
        fee_terminal_id: b"13900139000",
        fee_terminal_type: 0,
        tp_udhi: 1,
        msg_fmt: 8,
        msg_src: b"901234",
        fee_type: b"01",
        fee_code: b"000010",
        valid_time: b"260301235959032+",
        at_time: b"260301200000032+",
        src_id: b"1069012345",
        dest_terminal_id: Recipients::new(&to),
        msg_content: b"\x05\x00\x03\xA7\x02\x01\x4F\x60",
        link_id: b"LINK0000000000000001",
        ..Submit::default()
    };
    let told: Fields = &[
        ("cmpp.Msg_Id", "0x0000000000000000"),
        ("cmpp.submit.Pk_total", "2"),
        ("cmpp.submit.Pk_number", "1"),
        ("cmpp.submit.Registered_Delivery", "1"),
        ("cmpp.submit.Msg_level", "3"),
        ("cmpp.Servicd_Id", "YZM"),
        ("cmpp.submit.Fee_UserType", "2"),
        ("cmpp.submit.Fee_terminal_Id", "13900139000"),
        ("cmpp.TP_udhi", "1"),
        ("cmpp.Msg_Fmt", "8"),
        ("cmpp.submit.Msg_src", "901234"),
        ("cmpp.submit.FeeType", "01"),
        ("cmpp.submit.FeeCode", "000010"),
        ("cmpp.submit.DestUsr_tl", "2"),
        ("cmpp.submit.Src_Id", "1069012345"),
        ("cmpp.Dest_terminal_Id", "13800138000"),
        ("cmpp.Dest_terminal_Id", "13800138001"),
        ("cmpp.Msg_Length", "8"),
        ("cmpp.LinkID", "LINK0000000000000001"),
    ];
    add(units, Client, submit, told);
    let long = Submit { src_id: b"106901234567890123456", ..submit };
    let long_told: Fields = &[("cmpp.submit.Src_Id", "106901234567890123456")];
    add_as(units, "CMPP_SUBMIT with a full Src_Id".to_owned(), Client, long.into(), long_told);
    let many: Vec<&[u8]> = vec![b"13800138000"; 30];
    let large = Submit { dest_terminal_id: Recipients::new(&many), ..submit };
    let large_told: Fields = &[("cmpp.submit.DestUsr_tl", "30")];
    add_as(units, "CMPP_SUBMIT above 1000 octets".to_owned(), Client, large.into(), large_told);
    let told: Fields = &[("cmpp.Msg_Id", "0x30b057c003e90007"), ("cmpp.submit_resp.Result", "8")];
    add(units, Server, SubmitResp { msg_id: ID, result: 8 }, told);

    let deliver = Deliver {
        msg_id: ID,
        dest_id: b"1069012345",
        service_id: b"YZM",
        msg_fmt: 15,
        src_terminal_id: b"8613800138000",
        src_terminal_type: 1,
        msg_content: b"TD",
        link_id: b"LINK0000000000000002",
        ..Deliver::default()
    };
    let told: Fields = &[
        ("cmpp.Msg_Id", "0x30b057c003e90007"),
        ("cmpp.deliver.Dest_Id", "1069012345"),
        ("cmpp.Servicd_Id", "YZM"),
        ("cmpp.Msg_Fmt", "15"),
        ("cmpp.deliver.Src_terminal_Id", "8613800138000"),
        ("cmpp.deliver.Src_terminal_type", "1"),
        ("cmpp.deliver.Registered_Delivery", "0"),
        ("cmpp.Msg_Length", "2"),
        ("cmpp.LinkID", "LINK0000000000000002"),
    ];
    add(units, Server, deliver, told);
    let report = Report {
        msg_id: ID,
        stat: b"MA:0022",
        submit_time: b"2603011205",
        done_time: b"2603011206",
        dest_terminal_id: b"13800138000",
        smsc_sequence: 1234,
    };
    let mut content = BytesMut::new();
    report.encode(Version::V30, &mut content).expect("fits");
    let deliver = Deliver { registered_delivery: 1, msg_fmt: 0, msg_content: &content, ..deliver };
    let told: Fields = &[
        ("cmpp.deliver.Registered_Delivery", "1"),
        ("cmpp.Msg_Length", "71"),
        ("cmpp.deliver.Report.Status", "MA:0022"),
        ("cmpp.deliver.Report.Submit_time", "2603011205"),
        ("cmpp.deliver.Report.Done_time", "2603011206"),
        ("cmpp.Dest_terminal_Id", "13800138000"),
        ("cmpp.Report.SMSC_sequence", "1234"),
    ];
    add_as(units, "CMPP_DELIVER with a report".to_owned(), Server, deliver.into(), told);
    let told: Fields = &[("cmpp.Msg_Id", "0x30b057c003e90007"), ("cmpp.deliver_resp.Result", "0")];
    add(units, Client, DeliverResp { msg_id: ID, result: 0 }, told);
}

fn counts(units: &mut Vec<Unit>) {
    let query = Query { time: b"20260301", query_type: 1, query_code: b"YZM", ..Query::default() };
    add(units, Client, query, &[]);
    let response = QueryResp {
        time: b"20260301",
        query_type: 1,
        query_code: b"YZM",
        mt_messages: 10,
        ..QueryResp::default()
    };
    add(units, Server, response, &[]);
    add(units, Client, Cancel { msg_id: ID }, &[]);
    add(units, Server, CancelResp { success_id: 1 }, &[]);
}

fn gateways(units: &mut Vec<Unit>) {
    let forward = Fwd {
        source_id: b"001001",
        destination_id: b"079101",
        msg_id: ID,
        pk_total: 1,
        pk_number: 1,
        msg_src: b"901234",
        fee_type: b"01",
        fee_code: b"000000",
        src_id: b"1069012345",
        dest_id: Recipients::one(b"13800138000"),
        msg_content: b"hello",
        ..Fwd::default()
    };
    add(units, Server, forward, &[]);
    add(units, Server, FwdResp { msg_id: ID, pk_total: 1, pk_number: 1, result: 0 }, &[]);
}

fn routes(units: &mut Vec<Unit>) {
    add(units, Client, MtRoute { source_id: b"001001", terminal_id: b"13800138000" }, &[]);
    add(units, Server, MtRouteResp { route_id: 7, gateway_ip: b"192.0.2.10", ..MtRouteResp::default() }, &[]);
    add(units, Client, MoRoute { source_id: b"001001", ..MoRoute::default() }, &[]);
    add(units, Server, MoRouteResp { route_id: 7, ..MoRouteResp::default() }, &[]);
    add(units, Client, GetMtRoute { source_id: b"001001", route_type: b"MT", last_route_id: -1 }, &[]);
    add(units, Server, GetMtRouteResp { route_id: 7, ..GetMtRouteResp::default() }, &[]);
    add(units, Client, MtRouteUpdate { update_type: 2, ..MtRouteUpdate::default() }, &[]);
    add(units, Server, MtRouteUpdateResp { route_id: 7, ..MtRouteUpdateResp::default() }, &[]);
    add(units, Client, MoRouteUpdate { update_type: 2, ..MoRouteUpdate::default() }, &[]);
    add(units, Server, MoRouteUpdateResp { route_id: 7, ..MoRouteUpdateResp::default() }, &[]);
    add(units, Server, PushMtRouteUpdate { update_type: 2, ..PushMtRouteUpdate::default() }, &[]);
    add(units, Client, PushMtRouteUpdateResp::default(), &[]);
    add(units, Server, PushMoRouteUpdate { update_type: 2, ..PushMoRouteUpdate::default() }, &[]);
    add(units, Client, PushMoRouteUpdateResp::default(), &[]);
    add(units, Client, GetMoRoute { source_id: b"001001", route_type: b"MO", last_route_id: -1 }, &[]);
    add(units, Server, GetMoRouteResp { route_id: 7, ..GetMoRouteResp::default() }, &[]);
}
