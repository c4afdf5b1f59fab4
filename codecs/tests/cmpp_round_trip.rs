//! Every CMPP unit, in every version, reads as what was written, and what was read is written in one form only.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::{BufMut, BytesMut};
use codecs::cmpp::{
    Connect, ConnectResp, Deliver, Fwd, Layout, MoReport, MsgId, Pdu, Recipients, Report, Submit, Version,
    command,
};
use proptest::{collection::vec, prelude::*};

/// Commands whose bodies have no counts in them: any octets of enough of them are such a unit.
const PLAIN: [u32; 29] = {
    const R: u32 = command::RESPONSE;
    [
        command::CONNECT,
        command::CONNECT | R,
        command::TERMINATE,
        command::TERMINATE | R,
        command::SUBMIT | R,
        command::DELIVER | R,
        command::QUERY,
        command::QUERY | R,
        command::CANCEL,
        command::CANCEL | R,
        command::ACTIVE_TEST,
        command::ACTIVE_TEST | R,
        command::FWD | R,
        command::MT_ROUTE,
        command::MT_ROUTE | R,
        command::MO_ROUTE,
        command::MO_ROUTE | R,
        command::GET_MT_ROUTE,
        command::GET_MT_ROUTE | R,
        command::MT_ROUTE_UPDATE,
        command::MT_ROUTE_UPDATE | R,
        command::MO_ROUTE_UPDATE,
        command::MO_ROUTE_UPDATE | R,
        command::PUSH_MT_ROUTE_UPDATE,
        command::PUSH_MT_ROUTE_UPDATE | R,
        command::PUSH_MO_ROUTE_UPDATE,
        command::PUSH_MO_ROUTE_UPDATE | R,
        command::GET_MO_ROUTE,
        command::GET_MO_ROUTE | R,
    ]
};

/// Octets of a unit of each of [`PLAIN`], in 2.0, 2.1 and 3.0; 0: no such command.
const SIZES: [[usize; 3]; 29] = [
    [39, 39, 39],
    [30, 30, 33],
    [12, 12, 12],
    [12, 12, 12],
    [21, 21, 24],
    [21, 21, 24],
    [39, 39, 39],
    [63, 63, 63],
    [20, 20, 20],
    [13, 13, 16],
    [12, 12, 12],
    [13, 13, 13],
    [23, 23, 26],
    [39, 39, 39],
    [56, 77, 77],
    [53, 53, 53],
    [69, 90, 90],
    [24, 26, 26],
    [83, 85, 85],
    [56, 63, 63],
    [13, 31, 31],
    [79, 86, 86],
    [13, 31, 31],
    [56, 77, 77],
    [13, 13, 13],
    [79, 100, 100],
    [13, 13, 13],
    [0, 26, 26],
    [0, 108, 108],
];

fn version() -> impl Strategy<Value = Version> {
    prop::sample::select(&Version::ALL[..])
}

/// What a fixed field can hold and give back: no NUL in it, no white space at its end.
fn text(octets: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(1u8..=255, 0..=octets).prop_map(|text| text.trim_ascii_end().to_vec())
}

/// One text for each size.
fn texts(sizes: &[usize]) -> impl Strategy<Value = Vec<Vec<u8>>> + use<> {
    sizes.iter().map(|&octets| text(octets)).collect::<Vec<_>>()
}

/// Octets with many NULs, so that fields end at any place.
fn body() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![2 => any::<u8>(), 1 => Just(0), 1 => Just(b' ')], 120)
}

fn written(pdu: &Pdu<'_>, version: Version, sequence: u32) -> BytesMut {
    let mut out = BytesMut::new();
    pdu.encode(version, sequence, &mut out).unwrap();
    out
}

fn reads_as_written(pdu: Pdu<'_>, version: Version, sequence: u32) -> Result<usize, TestCaseError> {
    let octets = written(&pdu, version, sequence);
    let (header, read) = Pdu::decode(&octets, version).unwrap();
    prop_assert_eq!(read, pdu);
    prop_assert_eq!((header.command_id, header.sequence_id), (pdu.command_id(), sequence));
    prop_assert_eq!(written(&read, version, sequence), &octets);
    Ok(octets.len())
}

proptest! {
    #[test]
    fn a_unit_without_counts_is_read_from_any_octets_and_has_one_form(
        at in 0..PLAIN.len(),
        version in version(),
        sequence in any::<u32>(),
        body in body(),
    ) {
        let size = SIZES[at][Version::ALL.iter().position(|&other| other == version).unwrap()];
        let mut octets = BytesMut::new();
        octets.put_u32(132);
        octets.put_u32(PLAIN[at]);
        octets.put_u32(sequence);
        octets.put_slice(&body);
        match Pdu::decode(&octets, version) {
            Ok((_, pdu)) => prop_assert_eq!(reads_as_written(pdu, version, sequence)?, size),
            Err(_) => prop_assert_eq!(size, 0),
        }
    }

    #[test]
    fn submits_read_as_written(
        (version, texts, numbers) in version().prop_flat_map(|version| {
            let number = if version == Version::V30 { 32 } else { 21 };
            let link_id = if version == Version::V30 { 20 } else { 0 };
            let texts = texts(&[10, number, 6, 2, 6, 17, 17, 21, link_id]);
            (Just(version), texts, vec(text(number), 1..=99))
        }),
        octets in any::<[u8; 10]>(),
        types in any::<[u8; 2]>(),
        msg_id in any::<u64>(),
        reserve in any::<[u8; 8]>(),
        content in vec(any::<u8>(), 0..=255),
        sequence in any::<u32>(),
    ) {
        let v3 = version.layout() == Layout::V3;
        let numbers: Vec<&[u8]> = numbers.iter().map(Vec::as_slice).collect();
        let pdu = Submit {
            msg_id: MsgId(msg_id),
            pk_total: octets[0],
            pk_number: octets[1],
            registered_delivery: octets[2],
            msg_level: octets[3],
            service_id: &texts[0],
            fee_user_type: octets[4],
            fee_terminal_id: &texts[1],
            fee_terminal_type: if v3 { types[0] } else { 0 },
            tp_pid: octets[5],
            tp_udhi: octets[6],
            msg_fmt: octets[7],
            msg_src: &texts[2],
            fee_type: &texts[3],
            fee_code: &texts[4],
            valid_time: &texts[5],
            at_time: &texts[6],
            src_id: &texts[7],
            dest_terminal_id: Recipients::new(&numbers),
            dest_terminal_type: if v3 { types[1] } else { 0 },
            msg_content: &content,
            reserve: if v3 { [0; 8] } else { reserve },
            link_id: &texts[8],
        };
        let size = if v3 { 163 + 32 * numbers.len() } else { 138 + 21 * numbers.len() };
        prop_assert_eq!(reads_as_written(pdu.into(), version, sequence)?, size + content.len());
    }

    #[test]
    fn delivers_read_as_written(
        (version, texts) in version().prop_flat_map(|version| {
            let sizes = if version == Version::V30 { [21, 10, 32, 20] } else { [21, 10, 21, 0] };
            (Just(version), texts(&sizes))
        }),
        octets in any::<[u8; 5]>(),
        msg_id in any::<u64>(),
        reserved in any::<[u8; 8]>(),
        content in vec(any::<u8>(), 0..=255),
        sequence in any::<u32>(),
    ) {
        let v3 = version.layout() == Layout::V3;
        let pdu = Deliver {
            msg_id: MsgId(msg_id),
            dest_id: &texts[0],
            service_id: &texts[1],
            tp_pid: octets[0],
            tp_udhi: octets[1],
            msg_fmt: octets[2],
            src_terminal_id: &texts[2],
            src_terminal_type: if v3 { octets[3] } else { 0 },
            registered_delivery: octets[4],
            msg_content: &content,
            reserved: if v3 { [0; 8] } else { reserved },
            link_id: &texts[3],
        };
        let size = if v3 { 109 } else { 85 };
        prop_assert_eq!(reads_as_written(pdu.into(), version, sequence)?, size + content.len());
    }

    #[test]
    fn forwards_read_as_written(
        (version, texts, numbers) in version().prop_flat_map(|version| {
            let (pseudo, link_id, most) = if version == Version::V30 { (32, 20, 1) } else { (0, 0, 99) };
            let texts = texts(&[6, 6, 10, 21, pseudo, 6, 2, 6, 17, 17, 21, pseudo, pseudo, link_id]);
            (Just(version), texts, vec(text(21), 1..=most))
        }),
        octets in any::<[u8; 10]>(),
        types in any::<[u8; 4]>(),
        msg_id in any::<u64>(),
        reserve in any::<[u8; 8]>(),
        content in vec(any::<u8>(), 0..=255),
        sequence in any::<u32>(),
    ) {
        let v3 = version.layout() == Layout::V3;
        let types = if v3 { types } else { [0; 4] };
        let numbers: Vec<&[u8]> = numbers.iter().map(Vec::as_slice).collect();
        let pdu = Fwd {
            source_id: &texts[0],
            destination_id: &texts[1],
            nodes_count: octets[0],
            msg_fwd_type: octets[1],
            msg_id: MsgId(msg_id),
            pk_total: octets[2],
            pk_number: octets[3],
            registered_delivery: octets[4],
            msg_level: octets[5],
            service_id: &texts[2],
            fee_user_type: octets[6],
            fee_terminal_id: &texts[3],
            fee_terminal_pseudo: &texts[4],
            fee_terminal_user_type: types[0],
            tp_pid: octets[7],
            tp_udhi: octets[8],
            msg_fmt: octets[9],
            msg_src: &texts[5],
            fee_type: &texts[6],
            fee_code: &texts[7],
            valid_time: &texts[8],
            at_time: &texts[9],
            src_id: &texts[10],
            src_pseudo: &texts[11],
            src_user_type: types[1],
            src_type: types[2],
            dest_id: Recipients::new(&numbers),
            dest_pseudo: &texts[12],
            dest_user_type: types[3],
            msg_content: &content,
            reserve: if v3 { [0; 8] } else { reserve },
            link_id: &texts[13],
        };
        let size = if v3 { 264 } else { 152 } + 21 * numbers.len();
        prop_assert_eq!(reads_as_written(pdu.into(), version, sequence)?, size + content.len());
    }

    #[test]
    fn receipts_read_as_written(
        (version, texts) in version().prop_flat_map(|version| {
            let number = if version == Version::V30 { 32 } else { 21 };
            (Just(version), texts(&[7, 10, 10, number]))
        }),
        msg_id in any::<u64>(),
        smsc_sequence in any::<u32>(),
    ) {
        let report = Report {
            msg_id: MsgId(msg_id),
            stat: &texts[0],
            submit_time: &texts[1],
            done_time: &texts[2],
            dest_terminal_id: &texts[3],
            smsc_sequence,
        };
        let mut body = BytesMut::new();
        report.encode(version, &mut body).unwrap();
        prop_assert_eq!(body.len(), if version == Version::V30 { 71 } else { 60 });
        prop_assert_eq!(Report::decode(&body), Ok(report));
    }

    #[test]
    fn receipts_of_messages_from_phones_read_as_written(
        texts in texts(&[7, 10, 10, 21]),
        msg_id in any::<u64>(),
        reserved in any::<[u8; 4]>(),
    ) {
        let report = MoReport {
            msg_id: MsgId(msg_id),
            stat: &texts[0],
            deliver_time: &texts[1],
            deliver_resp_time: &texts[2],
            dest_id: &texts[3],
            reserved,
        };
        let mut body = BytesMut::new();
        report.encode(&mut body).unwrap();
        prop_assert_eq!(body.len(), 60);
        prop_assert_eq!(MoReport::decode(&body), Ok(report));
    }

    #[test]
    fn any_id_is_packed_as_it_was_unpacked(id in any::<u64>()) {
        prop_assert_eq!(MsgId::pack(MsgId(id).unpack()), Some(MsgId(id)));
    }
}

#[test]
fn a_value_too_long_for_its_field_is_refused_and_nothing_is_written() {
    let mut out = BytesMut::from(&b"before"[..]);
    let mut refused = |pdu: Pdu<'_>, version| {
        let refused = pdu.encode(version, 1, &mut out).unwrap_err();
        assert_eq!(&out[..], b"before");
        (refused.field, refused.octets, refused.max)
    };
    let submit = Submit { dest_terminal_id: Recipients::one(b"13800138000"), ..Submit::default() };
    let long = [b'1'; 256];
    let numbers = [&long[..11]; 100];

    let pdu = Submit { service_id: &long[..11], ..submit }.into();
    assert_eq!(refused(pdu, Version::V20), ("Service_Id", 11, 10));
    let pdu = Submit { dest_terminal_id: Recipients::one(&long[..22]), ..submit }.into();
    assert_eq!(refused(pdu, Version::V21), ("Dest_terminal_Id", 22, 21));
    let pdu = Submit { dest_terminal_id: Recipients::one(&long[..33]), ..submit }.into();
    assert_eq!(refused(pdu, Version::V30), ("Dest_terminal_Id", 33, 32));
    let pdu = Submit { dest_terminal_id: Recipients::new(&numbers), ..submit }.into();
    assert_eq!(refused(pdu, Version::V30), ("DestUsr_tl", 100, 99));
    let pdu = Submit { dest_terminal_id: Recipients::default(), ..submit }.into();
    assert_eq!(refused(pdu, Version::V30), ("DestUsr_tl", 0, 99));
    let pdu = Submit { msg_content: &long, ..submit }.into();
    assert_eq!(refused(pdu, Version::V20), ("Msg_Content", 256, 255));
    let pdu = Fwd { dest_id: Recipients::new(&numbers[..2]), ..Fwd::default() }.into();
    assert_eq!(refused(pdu, Version::V30), ("DestUsr_tl", 2, 1));
    let pdu = Connect { source_addr: &long[..7], ..Connect::default() }.into();
    assert_eq!(refused(pdu, Version::V20), ("Source_Addr", 7, 6));
    let pdu = ConnectResp { layout: Layout::V2, status: 256, authenticator_ismg: [0; 16], version: 0 }.into();
    assert_eq!(refused(pdu, Version::V30), ("Status", 4, 1));
}

#[test]
fn a_value_for_a_field_that_the_version_lacks_is_refused_rather_than_lost() {
    let submit = Submit { dest_terminal_id: Recipients::one(b"13800138000"), ..Submit::default() };
    for (pdu, version, field) in [
        (Submit { link_id: b"1", ..submit }, Version::V21, "LinkID"),
        (Submit { dest_terminal_type: 1, ..submit }, Version::V20, "Dest_terminal_type"),
        (Submit { reserve: [1; 8], ..submit }, Version::V30, "Reserve"),
    ] {
        let refused = Pdu::from(pdu).encode(version, 1, &mut BytesMut::new()).unwrap_err();
        assert_eq!((refused.field, refused.max), (field, 0));
    }
}
