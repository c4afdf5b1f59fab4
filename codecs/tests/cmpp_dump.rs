//! Dumps of CMPP units name each field as the specification spells it.
#![cfg(feature = "serde")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/cmpp_vectors.rs"]
mod vectors;

use codecs::cmpp::{Deliver, Fwd, GetMtRouteResp, Pdu, Version};
use serde_json::{Value, json};
use vectors::named;

fn dump(name: &str) -> Value {
    let vector = named(name);
    let octets = vector.octets();
    let (header, pdu) = Pdu::decode(&octets, vector.version).unwrap();
    let mut dump = serde_json::to_value(pdu).unwrap();
    let header = serde_json::to_value(header).unwrap();
    dump.as_object_mut().unwrap().extend(header.as_object().unwrap().clone());
    dump
}

#[test]
fn a_login_and_its_answer() {
    assert_eq!(
        dump("C3"),
        json!({
            "Total_Length": 39, "Command_Id": "0x00000001", "Sequence_Id": 1,
            "Source_Addr": "901234", "AuthenticatorSource": "f3ba1688b2377af9f1f510581bda0b77",
            "Version": "0x30", "Timestamp": 301_120_530,
        })
    );
    assert_eq!(
        dump("C4"),
        json!({
            "Total_Length": 33, "Command_Id": "0x80000001", "Sequence_Id": 1,
            "Status": 0, "AuthenticatorISMG": "44f62e9967e27a724d614f77662f080b", "Version": "0x30",
        })
    );
}

#[test]
fn a_group_send_with_its_counts() {
    assert_eq!(
        dump("C26"),
        json!({
            "Total_Length": 206, "Command_Id": "0x00000004", "Sequence_Id": 9,
            "Msg_Id": "0", "Pk_total": 1, "Pk_number": 1, "Registered_Delivery": 1, "Msg_level": 0,
            "Service_Id": "YZM", "Fee_UserType": 2, "Fee_terminal_Id": "", "Fee_terminal_type": 0,
            "TP_pId": 0, "TP_udhi": 0, "Msg_Fmt": 0, "Msg_src": "901234", "FeeType": "01",
            "FeeCode": "000000", "ValId_Time": "", "At_Time": "", "Src_Id": "1069012345",
            "DestUsr_tl": 3, "Dest_terminal_Id": ["13800138000", "13800138001", "13800138002"],
            "Dest_terminal_type": 0, "Msg_Length": 5, "Msg_Content": "68656c6c6f",
            "Reserve": "0000000000000000", "LinkID": "",
        })
    );
}

#[test]
fn a_receipt() {
    let octets = named("C12").octets();
    let report = Deliver::decode(&octets, Version::V30).unwrap().report().unwrap().unwrap();
    assert_eq!(
        serde_json::to_value(report).unwrap(),
        json!({
            "Msg_Id": "3508400591932555271", "Stat": "MA:0022", "Submit_time": "2603011205",
            "Done_time": "2603011206", "Dest_terminal_Id": "13800138000", "SMSC_sequence": 1234,
        })
    );
}

#[test]
fn names_that_the_specification_spells_in_its_own_way() {
    let fwd = serde_json::to_value(Fwd::default()).unwrap();
    for name in ["Fee_terminal_UserType", "Valid_Time", "TP_pid", "Src_type", "Dest_Pseudo", "Dest_Id"] {
        assert!(fwd.get(name).is_some(), "{name}");
    }
    let route = serde_json::to_value(GetMtRouteResp::default()).unwrap();
    for name in ["Gateway_IP", "Gateway_port", "Start_code", "Area_code", "Route_total", "Time_stamp"] {
        assert!(route.get(name).is_some(), "{name}");
    }
}
