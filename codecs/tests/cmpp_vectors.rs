//! The worked packets and digests of the CMPP reference: octets to fields and back.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/cmpp_vectors.rs"]
mod vectors;

use bytes::BytesMut;
use codecs::cmpp::{
    AccountPadding, ActiveTest, ActiveTestResp, Cancel, CancelResp, Connect, ConnectResp, Deliver,
    DeliverResp, Header, Layout, MsgId, Pdu, Query, QueryResp, Recipients, Report, State, Submit, SubmitResp,
    Terminate, TerminateResp, Version,
    auth::{LoginStamp, authenticator_ismg, authenticator_source},
    status::{ConnectStatus, Reaction, ResultCode},
};
use vectors::{VECTORS, named, octets};

const SOURCE: &str = "f3ba1688b2377af9f1f510581bda0b77";
const SIGNED_UCS2: &str = "30106d4b8bd530119a8c8bc17801003100320033003400350036";
const SIGNED_GBK: &str = "a1beb2e2cad4a1bfd1e9d6a4c2eb313233343536";

fn digest(hex: &str) -> [u8; 16] {
    octets(hex).try_into().unwrap()
}

/// The vector holds exactly `pdu`, and `pdu` is written as exactly the vector.
fn agrees<'a>(name: &str, sequence: u32, pdu: impl Into<Pdu<'a>>) {
    let (vector, pdu) = (named(name), pdu.into());
    let octets = vector.octets();
    let (header, decoded) = Pdu::decode(&octets, vector.version).unwrap();
    assert_eq!(decoded, pdu, "{name} read");
    let total_length = u32::try_from(octets.len()).unwrap();
    assert_eq!(
        header,
        Header { total_length, command_id: pdu.command_id(), sequence_id: sequence },
        "{name}"
    );
    let mut written = BytesMut::new();
    pdu.encode(vector.version, sequence, &mut written).unwrap();
    assert_eq!(written, octets, "{name} written");
}

/// What all submits of the reference have in common.
fn submit() -> Submit<'static> {
    Submit {
        pk_total: 1,
        pk_number: 1,
        registered_delivery: 1,
        service_id: b"YZM",
        fee_user_type: 2,
        msg_src: b"901234",
        fee_type: b"01",
        fee_code: b"000000",
        src_id: b"1069012345",
        dest_terminal_id: Recipients::one(b"13800138000"),
        ..Submit::default()
    }
}

/// What all delivers of the reference have in common.
fn deliver(msg_id: u64) -> Deliver<'static> {
    Deliver {
        msg_id: MsgId(msg_id),
        dest_id: b"1069012345",
        service_id: b"YZM",
        src_terminal_id: b"13800138000",
        ..Deliver::default()
    }
}

/// What all receipts of the reference have in common.
fn report() -> Report<'static> {
    Report {
        msg_id: MsgId(0x30B0_57C0_03E9_0007),
        stat: b"DELIVRD",
        submit_time: b"2603011205",
        done_time: b"2603011206",
        dest_terminal_id: b"13800138000",
        smsc_sequence: 1234,
    }
}

fn body(report: &Report<'_>, version: Version) -> BytesMut {
    let mut body = BytesMut::new();
    report.encode(version, &mut body).unwrap();
    body
}

#[test]
fn c1_to_c5_are_logins_and_their_answers() {
    let connect = |version| Connect {
        source_addr: b"901234",
        authenticator_source: digest(SOURCE),
        version,
        timestamp: 301_120_530,
    };
    agrees("C1", 1, connect(0x20));
    agrees("C3", 1, connect(0x30));
    let accepted = |layout, proof, version| ConnectResp {
        layout,
        status: 0,
        authenticator_ismg: digest(proof),
        version,
    };
    agrees("C2", 1, accepted(Layout::V2, "48aa398e530777391e15096929d35112", 0x20));
    agrees("C4", 1, accepted(Layout::V3, "44f62e9967e27a724d614f77662f080b", 0x30));
    let refused = ConnectResp { layout: Layout::V2, status: 3, authenticator_ismg: [0; 16], version: 0x20 };
    agrees("C5", 1, refused);
    assert_eq!(ConnectStatus::from_code(refused.status), ConnectStatus::AuthenticationFailed);
}

#[test]
fn an_answer_to_a_login_is_read_by_its_length_in_every_version() {
    for (name, layout) in [("C2", Layout::V2), ("C4", Layout::V3), ("C5", Layout::V2)] {
        let octets = named(name).octets();
        for version in Version::ALL {
            let response = ConnectResp::decode(&octets, version).unwrap();
            assert_eq!(response.layout, layout, "{name} in {version:?}");
            let mut written = BytesMut::new();
            Pdu::from(response).encode(version, 1, &mut written).unwrap();
            assert_eq!(written, octets, "{name} in {version:?}");
        }
    }
}

#[test]
fn c6_to_c9_are_submits_of_both_layouts_and_their_answers() {
    let content = octets(SIGNED_UCS2);
    agrees("C6", 2, Submit { msg_fmt: 8, msg_content: &content, ..submit() });
    let content = octets(SIGNED_GBK);
    agrees("C8", 2, Submit { msg_fmt: 15, msg_content: &content, ..submit() });
    let taken = SubmitResp { msg_id: MsgId(0x30B0_57C0_03E9_0007), result: 0 };
    agrees("C7", 2, taken);
    agrees("C28", 2, taken);
    let throttled = SubmitResp { msg_id: MsgId(0), result: 8 };
    agrees("C9", 2, throttled);
    assert_eq!(ResultCode::of_submit(throttled.result, Version::V30).reaction(), Reaction::Throttle);
}

#[test]
fn c10_to_c13_are_receipts_of_both_lengths_and_their_answers() {
    let short = body(&report(), Version::V20);
    assert_eq!(short.len(), 60);
    let pdu = Deliver { registered_delivery: 1, msg_content: &short, ..deliver(0x30B0_6080_03E9_0008) };
    agrees("C10", 100, pdu);
    assert_eq!(pdu.report(), Some(Ok(report())));
    assert_eq!(report().state(), State::Delivered);

    let failed = Report { stat: b"MA:0022", ..report() };
    let long = body(&failed, Version::V30);
    assert_eq!(long.len(), 71);
    let pdu = Deliver { registered_delivery: 1, msg_content: &long, ..deliver(0x30B0_60C0_03E9_0009) };
    agrees("C12", 101, pdu);
    assert_eq!(pdu.report(), Some(Ok(failed)));

    agrees("C11", 100, DeliverResp { msg_id: MsgId(0x30B0_6080_03E9_0008), result: 0 });
    agrees("C13", 101, DeliverResp { msg_id: MsgId(0x30B0_60C0_03E9_0009), result: 0 });
}

#[test]
fn c14_is_a_message_from_a_phone() {
    let pdu = Deliver {
        msg_fmt: 8,
        src_terminal_id: b"8613800138000",
        msg_content: &[0x90, 0x00, 0x8B, 0xA2],
        ..deliver(0x30B0_7000_03E9_000A)
    };
    agrees("C14", 102, pdu);
    assert_eq!(pdu.report(), None);
}

#[test]
fn c15_c16_and_c29_are_segments_with_a_user_data_header() {
    let text =
        octets(&format!("30106d4b8bd53011{}5b8c", "75324e594e194e01620a5df15e9a8f9b58ec7678".repeat(7)));
    assert_eq!(text.len(), 150);
    let with_header = |header: &[u8], text: &[u8]| [header, text].concat();
    let long = Submit { pk_total: 2, tp_udhi: 1, msg_fmt: 8, ..submit() };
    let first = with_header(&[5, 0, 3, 0xA7, 2, 1], &text[..134]);
    agrees("C15", 3, Submit { pk_number: 1, msg_content: &first, ..long });
    let second = with_header(&[5, 0, 3, 0xA7, 2, 2], &text[134..]);
    agrees("C16", 4, Submit { pk_number: 2, msg_content: &second, ..long });
    let wide = with_header(&[6, 8, 4, 0x12, 0x34, 2, 2], &text[132..]);
    let pdu = Submit { pk_number: 2, msg_content: &wide, ..long };
    agrees("C29", 10, pdu);
    assert!(pdu.has_header());
}

#[test]
fn c17_to_c20_test_the_link_and_end_the_session() {
    agrees("C17", 5, ActiveTest {});
    agrees("C18", 5, ActiveTestResp { reserved: 0 });
    agrees("C19", 6, Terminate {});
    agrees("C20", 6, TerminateResp {});
}

#[test]
fn c21_to_c25_query_and_cancel() {
    agrees("C21", 7, Query { time: b"20260301", query_type: 1, query_code: b"YZM", reserve: [0; 8] });
    agrees(
        "C22",
        7,
        QueryResp {
            time: b"20260301",
            query_type: 1,
            query_code: b"YZM",
            mt_messages: 1000,
            mt_recipients: 1000,
            mt_forwarded: 990,
            mt_waiting: 3,
            mt_failed: 7,
            mo_delivered: 12,
            mo_waiting: 0,
            mo_failed: 1,
        },
    );
    agrees("C23", 8, Cancel { msg_id: MsgId(0x30B0_57C0_03E9_0007) });
    agrees("C24", 8, CancelResp { success_id: 0 });
    agrees("C25", 8, CancelResp { success_id: 1 });
}

#[test]
fn c26_and_c27_are_a_group_send_and_the_range_of_its_ids() {
    let numbers: [&[u8]; 3] = [b"13800138000", b"13800138001", b"13800138002"];
    let pdu = Submit { dest_terminal_id: Recipients::new(&numbers), msg_content: b"hello", ..submit() };
    agrees("C26", 9, pdu);
    let octets = named("C26").octets();
    let read = Submit::decode(&octets, Version::V21).unwrap().dest_terminal_id;
    assert_eq!(read.len(), 3);
    assert_eq!(read.get(2), Some(numbers[2]));
    assert_eq!(read.get(3), None);

    let answer = SubmitResp { msg_id: MsgId(0x30B0_83C0_03E9_FFFE), result: 0 };
    agrees("C27", 9, answer);
    assert_eq!(answer.msg_id.of_recipient(2), MsgId(0x30B0_83C0_03E9_0000));
}

#[test]
fn c30_is_a_short_receipt_on_a_connection_of_3_0() {
    let short = body(&report(), Version::V20);
    let pdu = Deliver { registered_delivery: 1, msg_content: &short, ..deliver(0x30B0_6100_03E9_000B) };
    agrees("C30", 103, pdu);
    assert_eq!(pdu.report(), Some(Ok(report())));
}

#[test]
fn c31_has_its_header_bit_where_gsm_has_it() {
    let pdu = Deliver {
        tp_udhi: 0x40,
        msg_fmt: 8,
        src_terminal_id: b"8613800138000",
        msg_content: &[5, 0, 3, 0x2A, 1, 1, 0x59, 0x7D],
        ..deliver(0x30B0_9000_03E9_000C)
    };
    agrees("C31", 104, pdu);
    assert!(pdu.has_header());
}

#[test]
fn every_vector_is_written_as_it_was_read() {
    assert_eq!(VECTORS.len(), 31);
    for vector in VECTORS {
        let octets = vector.octets();
        let (header, pdu) = Pdu::decode(&octets, vector.version).unwrap();
        let mut written = BytesMut::new();
        pdu.encode(vector.version, header.sequence_id, &mut written).unwrap();
        assert_eq!(written, octets, "{}", vector.name);
    }
}

#[test]
fn digests_agree_with_the_published_ones() {
    let stamp = LoginStamp::from_number(1_021_080_510);
    let source = authenticator_source(b"900001", AccountPadding::Plain, b"888888", stamp);
    assert_eq!(source, digest("90d00c1d517abd0b4f65f6bcf8535d16"));
    assert_eq!(
        authenticator_ismg(Layout::V2, 0, &source, b"888888"),
        digest("6c0b846e25bab6daa4ed1c466e0f4bd8")
    );
    assert_eq!(
        authenticator_ismg(Layout::V3, 0, &source, b"888888"),
        digest("7942977274098cf210ab0c16c367bc8d")
    );
}

#[test]
fn digests_agree_with_the_computed_ones_and_keep_the_leading_zero_of_the_stamp() {
    let stamp = LoginStamp::from_number(0x11F2_BC12);
    assert_eq!(stamp.digits(), "0301120530");
    for padding in [AccountPadding::Plain, AccountPadding::Padded] {
        let source = authenticator_source(b"901234", padding, b"s3cr3t!", stamp);
        assert_eq!(source, digest(SOURCE), "a full account is the same in both readings");
    }
    let proof = |layout| authenticator_ismg(layout, 0, &digest(SOURCE), b"s3cr3t!");
    assert_eq!(proof(Layout::V2), digest("48aa398e530777391e15096929d35112"));
    assert_eq!(proof(Layout::V3), digest("44f62e9967e27a724d614f77662f080b"));
}

#[test]
fn a_short_account_has_two_digests() {
    let of =
        |padding| authenticator_source(b"90001", padding, b"s3cr3t!", LoginStamp::from_number(301_120_530));
    assert_eq!(of(AccountPadding::Plain), digest("0d952cdf3ab954aa241dc77e9d0c598e"));
    assert_eq!(of(AccountPadding::Padded), digest("5d73e70cf339f64242eeeeae3baf489d"));
}

#[test]
fn the_login_stamp_is_chinese_time() {
    let stamp = LoginStamp::at("2026-02-28T21:05:30Z".parse().unwrap());
    assert_eq!(stamp.digits(), "0301050530");
    assert_eq!(stamp.number(), 301_050_530);
}
