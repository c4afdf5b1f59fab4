//! What the CMPP reference says about malformed input, row by row, each on a packet of our own.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/cmpp_vectors.rs"]
mod vectors;

use bytes::{BufMut, BytesMut};
use codecs::{
    DecodeError, DecodeErrorKind, Severity,
    cmpp::{
        ActiveTestResp, Cmpp, Credentials, Deliver, Header, Pdu, Report, Submit, Version,
        auth::{AccountPadding, LoginStamp, authenticator_source},
        command,
    },
    frame,
    session::{BindRefusal, Dialect, Refusal, UnitKind},
};
use vectors::{VECTORS, named, now};

/// A unit whose Total_Length is what it should be.
fn unit(command_id: u32, body: &[u8]) -> Vec<u8> {
    let mut unit = BytesMut::new();
    unit.put_u32(u32::try_from(body.len() + Header::SIZE).unwrap());
    unit.put_u32(command_id);
    unit.put_u32(77);
    unit.put_slice(body);
    unit.to_vec()
}

/// The vector, its body changed and its length set right again.
fn changed(name: &str, change: impl FnOnce(&mut Vec<u8>)) -> (Vec<u8>, Version) {
    let vector = named(name);
    let octets = vector.octets();
    let (header, mut body) = (Header::decode(&octets).unwrap(), octets[Header::SIZE..].to_vec());
    change(&mut body);
    (unit(header.command_id, &body), vector.version)
}

/// Refuses `octets` as a session would: the error, and the answer as octets if there is one.
fn refused(octets: &[u8], version: Version) -> (DecodeError, Option<Vec<u8>>) {
    let error = Pdu::decode(octets, version).unwrap_err();
    assert_eq!(error.severity(), Severity::Unit);
    let dialect = Cmpp::new(version);
    let header = Header::decode(octets).unwrap();
    let answer = dialect.refuse(&header, Refusal::Malformed(error)).map(|pdu| {
        let mut out = BytesMut::new();
        dialect.encode(&pdu, header.sequence_id, &mut out).unwrap();
        out.to_vec()
    });
    (error, answer)
}

/// The Result of an answer, which must be for the sequence of [`unit`].
fn result(answer: Option<Vec<u8>>, version: Version) -> (u32, u32) {
    let answer = answer.unwrap();
    let (header, pdu) = Pdu::decode(&answer, version).unwrap();
    assert_eq!(header.sequence_id, 77);
    match pdu {
        Pdu::SubmitResp(response) => (header.command_id, response.result),
        Pdu::DeliverResp(response) => (header.command_id, response.result),
        Pdu::FwdResp(response) => (header.command_id, response.result),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_length_below_the_header_loses_the_framing() {
    for length in [0u32, 4, 11] {
        let mut buffer = BytesMut::from(&length.to_be_bytes()[..]);
        let error = frame::next(&mut buffer, Cmpp::LIMITS).unwrap_err();
        assert_eq!(error.severity(), Severity::Stream);
    }
    assert!(Cmpp::new(Version::V30).framing_lost(&[0xFF; 12]).is_none());
}

#[test]
fn a_length_above_the_limit_loses_the_framing_before_anything_is_kept() {
    let mut buffer = BytesMut::from(&4097u32.to_be_bytes()[..]);
    let before = buffer.capacity();
    let error = frame::next(&mut buffer, Cmpp::LIMITS).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::UnitLength(4097));
    assert_eq!(buffer.capacity(), before);
    let mut largest = BytesMut::from(&unit(command::SUBMIT, &[0; 4084])[..]);
    assert_eq!(frame::next(&mut largest, Cmpp::LIMITS).unwrap().unwrap().len(), 4096);
}

#[test]
fn an_incomplete_unit_waits_for_more_and_loses_nothing() {
    for vector in VECTORS {
        let octets = vector.octets();
        for end in 0..octets.len() {
            let mut buffer = BytesMut::from(&octets[..end]);
            assert_eq!(frame::next(&mut buffer, Cmpp::LIMITS), Ok(None));
            assert_eq!(buffer, &octets[..end]);
        }
    }
}

#[test]
fn a_length_that_is_not_the_units_own_is_refused() {
    let mut octets = named("C17").octets();
    octets[3] = 13;
    assert_eq!(Header::decode(&octets).unwrap_err().severity(), Severity::Stream);
    assert_eq!(Header::decode(&octets[..11]).unwrap_err().kind, DecodeErrorKind::Truncated);
}

#[test]
fn a_short_submit_gets_result_1() {
    for name in ["C6", "C8", "C26"] {
        for end in [0, 1, 30, 100, 116] {
            let (octets, version) = changed(name, |body| body.truncate(end));
            let (error, answer) = refused(&octets, version);
            assert_eq!(error.kind, DecodeErrorKind::Truncated, "{name} cut at {end}");
            assert_eq!(result(answer, version), (0x8000_0004, 1), "{name} cut at {end}");
        }
    }
}

#[test]
fn a_short_deliver_gets_result_4() {
    for name in ["C10", "C12", "C14"] {
        for end in [0, 8, 40, 63] {
            let (octets, version) = changed(name, |body| body.truncate(end));
            let (error, answer) = refused(&octets, version);
            assert_eq!(error.kind, DecodeErrorKind::Truncated, "{name} cut at {end}");
            assert_eq!(result(answer, version), (0x8000_0005, 4), "{name} cut at {end}");
        }
    }
}

#[test]
fn a_short_response_gets_no_answer() {
    for name in ["C2", "C4", "C7", "C9", "C11", "C13", "C22", "C24", "C25"] {
        let (octets, version) = changed(name, |body| {
            body.pop();
        });
        let (error, answer) = refused(&octets, version);
        assert_eq!((error.kind, answer), (DecodeErrorKind::Truncated, None), "{name}");
    }
}

#[test]
fn a_content_longer_than_the_unit_gets_result_4() {
    for (name, at, response) in [
        ("C6", 150, 0x8000_0004),
        ("C8", 174, 0x8000_0004),
        ("C10", 76, 0x8000_0005),
        ("C12", 88, 0x8000_0005),
    ] {
        let (octets, version) = changed(name, |body| body[at - Header::SIZE] = 255);
        let (error, answer) = refused(&octets, version);
        assert_eq!((error.field, error.offset), ("Msg_Length", at), "{name}");
        assert!(matches!(error.kind, DecodeErrorKind::PastEnd { claimed: 255, .. }), "{name}");
        assert_eq!(result(answer, version), (response, 4), "{name}");
    }
}

#[test]
fn no_recipient_or_more_than_99_get_result_1() {
    for (name, at) in [("C6", 128), ("C8", 140)] {
        for count in [0, 100, 255] {
            let (octets, version) = changed(name, |body| body[at - Header::SIZE] = count);
            let (error, answer) = refused(&octets, version);
            assert_eq!((error.field, error.offset), ("DestUsr_tl", at), "{name}");
            assert_eq!(error.kind, DecodeErrorKind::Value(u32::from(count)), "{name}");
            assert_eq!(result(answer, version), (0x8000_0004, 1), "{name}");
        }
    }
}

#[test]
fn a_forward_of_3_0_to_several_gets_result_1() {
    let mut body = vec![0; 400];
    let at = 6 + 6 + 1 + 1 + 8 + 4 + 10 + 1 + 21 + 32 + 1 + 3 + 6 + 2 + 6 + 17 + 17 + 21 + 32 + 1 + 1;
    body[at] = 2;
    let octets = unit(command::FWD, &body);
    let (error, answer) = refused(&octets, Version::V30);
    assert_eq!((error.field, error.offset), ("DestUsr_tl", at + Header::SIZE));
    assert_eq!(result(answer, Version::V30), (0x8000_0009, 1));
    body[at] = 1;
    assert!(Pdu::decode(&unit(command::FWD, &body), Version::V30).is_ok());
}

#[test]
fn an_unknown_command_is_told_and_gets_no_answer() {
    for (command_id, kind) in [
        (0x0000_0003, UnitKind::UnknownRequest),
        (0x0000_0018, UnitKind::UnknownRequest),
        (0x8000_0003, UnitKind::UnknownResponse),
        (0x8000_0018, UnitKind::UnknownResponse),
        (0x7FFF_FFFF, UnitKind::UnknownRequest),
        (0xFFFF_FFFF, UnitKind::UnknownResponse),
    ] {
        let octets = unit(command_id, &[0; 40]);
        let header = Header::decode(&octets).unwrap();
        assert_eq!(Cmpp::kind(&header), kind);
        for version in Version::ALL {
            let error = Pdu::decode(&octets, version).unwrap_err();
            assert_eq!(error.kind, DecodeErrorKind::UnknownCommand(command_id));
            assert!(Cmpp::new(version).refuse(&header, Refusal::UnknownCommand).is_none());
        }
    }
}

#[test]
fn the_second_route_query_is_unknown_in_2_0_only() {
    for command_id in [command::GET_MO_ROUTE, command::GET_MO_ROUTE | command::RESPONSE] {
        let octets = unit(command_id, &[0; 96]);
        let error = Pdu::decode(&octets, Version::V20).unwrap_err();
        assert_eq!(error.kind, DecodeErrorKind::UnknownCommand(command_id));
        for version in [Version::V21, Version::V30] {
            let (_, pdu) = Pdu::decode(&octets, version).unwrap();
            let refused = pdu.encode(Version::V20, 1, &mut BytesMut::new()).unwrap_err();
            assert_eq!(refused.field, "Command_Id");
        }
    }
}

#[test]
fn a_unit_of_another_command_is_no_submit() {
    let octets = named("C10").octets();
    let error = Submit::decode(&octets, Version::V20).unwrap_err();
    assert_eq!((error.offset, error.kind), (4, DecodeErrorKind::UnknownCommand(command::DELIVER)));
}

#[test]
fn anything_before_the_login_gets_no_answer() {
    let dialect = Cmpp::server(Version::V30);
    for vector in VECTORS {
        let header = Header::decode(&vector.octets()).unwrap();
        assert!(dialect.refuse(&header, Refusal::WrongState).is_none(), "{}", vector.name);
    }
}

#[test]
fn a_login_of_an_unknown_version_gets_status_4_and_the_highest_version() {
    let with = Credentials {
        source_addr: b"901234".to_vec(),
        shared_secret: b"s3cr3t!".to_vec(),
        padding: AccountPadding::Plain,
    };
    for (asked, highest) in
        [(0x12, Version::V30), (0x31, Version::V30), (0x30, Version::V21), (0x21, Version::V20)]
    {
        let (bind, _) = changed("C1", |body| body[22] = asked);
        let mut dialect = Cmpp::server(highest);
        let refused = dialect.verify(&with, &bind, now()).unwrap_err();
        assert_eq!((refused.status, refused.class), (4, BindRefusal::Version));
        assert_eq!(refused.version, Some(highest.octet()));
        let Pdu::ConnectResp(answer) = dialect.bind_response(Some(&with), &bind, Err(refused.status)) else {
            panic!("not an answer to a login")
        };
        assert_eq!((answer.status, answer.version), (4, highest.octet()));
        assert_eq!((answer.layout, answer.authenticator_ismg), (highest.layout(), [0; 16]));
    }
}

#[test]
fn a_request_beyond_the_window_gets_result_8() {
    for (name, response) in [("C6", 0x8000_0004), ("C10", 0x8000_0005)] {
        let octets = named(name).octets();
        let header = Header::decode(&octets).unwrap();
        let refused = Cmpp::new(Version::V20).refuse(&header, Refusal::Overloaded).unwrap();
        assert_eq!(refused.command_id(), response);
        let (Pdu::SubmitResp(codecs::cmpp::SubmitResp { result, .. })
        | Pdu::DeliverResp(codecs::cmpp::DeliverResp { result, .. })) = refused
        else {
            panic!("{refused:?}")
        };
        assert_eq!(result, 8);
    }
}

#[test]
fn units_are_found_at_every_octet_boundary() {
    let stream: Vec<u8> = VECTORS.iter().flat_map(|vector| vector.octets()).collect();
    for step in [1, 2, 3, 7, 11, 13, 64, stream.len()] {
        let (mut buffer, mut found) = (BytesMut::new(), Vec::new());
        for piece in stream.chunks(step) {
            buffer.extend_from_slice(piece);
            while let Some(unit) = frame::next(&mut buffer, Cmpp::LIMITS).unwrap() {
                found.push(unit.to_vec());
            }
        }
        assert!(buffer.is_empty());
        assert!(found.iter().eq(VECTORS.iter().map(|vector| vector.octets()).collect::<Vec<_>>().iter()));
    }
}

#[test]
fn octets_after_the_last_field_are_ignored() {
    for vector in VECTORS {
        // Seven, as three would make the answer to a login of 2.0 as long as that of 3.0.
        let octets = vector.octets();
        let (longer, _) = changed(vector.name, |body| body.extend([0xEE; 7]));
        let (_, plain) = Pdu::decode(&octets, vector.version).unwrap();
        let (_, read) = Pdu::decode(&longer, vector.version).unwrap();
        assert_eq!(read, plain, "{}", vector.name);
    }
}

#[test]
fn a_last_field_that_is_cut_short_is_empty() {
    for (name, tail) in [("C6", 8), ("C8", 20), ("C10", 8), ("C12", 20), ("C21", 8)] {
        let octets = named(name).octets();
        for cut in 1..=tail {
            let (shorter, version) = changed(name, |body| body.truncate(body.len() - cut));
            let (_, plain) = Pdu::decode(&octets, version).unwrap();
            let (_, read) = Pdu::decode(&shorter, version).unwrap();
            assert_eq!(read, plain, "{name} less {cut}");
        }
        let (shorter, version) = changed(name, |body| body.truncate(body.len() - tail - 1));
        assert!(Pdu::decode(&shorter, version).is_err(), "{name}");
    }
}

#[test]
fn an_answer_to_a_link_test_may_lack_its_octet() {
    let octets = unit(command::ACTIVE_TEST | command::RESPONSE, &[]);
    for version in Version::ALL {
        assert_eq!(ActiveTestResp::decode(&octets, version), Ok(ActiveTestResp { reserved: 0 }));
    }
}

#[test]
fn a_number_may_fill_its_field() {
    let number = [b'1'; 32];
    for (name, at, width) in [("C10", 54, 21), ("C12", 54, 32)] {
        let (octets, version) =
            changed(name, |body| body[at - Header::SIZE..][..width].copy_from_slice(&number[..width]));
        assert_eq!(Deliver::decode(&octets, version).unwrap().src_terminal_id, &number[..width]);
    }
}

#[test]
fn a_field_may_be_padded_with_spaces() {
    let (octets, version) = changed("C14", |body| body[8..29].copy_from_slice(b"1069012345           "));
    assert_eq!(Deliver::decode(&octets, version).unwrap().dest_id, b"1069012345");
}

#[test]
fn a_receipt_of_another_length_has_its_number_in_between() {
    let mut content = named("C10").octets()[77..137].to_vec();
    content.splice(46..56, []);
    let report = Report::decode(&content).unwrap();
    assert_eq!((report.dest_terminal_id, report.smsc_sequence), (&b"13800138000"[..], 1234));
    content.splice(35..46, []);
    let report = Report::decode(&content).unwrap();
    assert_eq!((report.dest_terminal_id, report.smsc_sequence), (&b""[..], 1234));
    content.pop();
    assert_eq!(Report::decode(&content).unwrap_err().kind, DecodeErrorKind::Truncated);
}

#[test]
fn a_short_stat_and_a_filler_time_are_taken_as_they_are() {
    let mut content = named("C10").octets()[77..137].to_vec();
    content[8..15].copy_from_slice(b"AF:4\0\0\0");
    content[15..25].copy_from_slice(b"0001010000");
    let report = Report::decode(&content).unwrap();
    assert_eq!((report.stat, report.submit_time), (&b"AF:4"[..], &b"0001010000"[..]));
    assert_eq!(report.submitted(), None);
    assert_eq!(report.done().unwrap().to_string(), "2026-03-01T12:06:00");
}

#[test]
fn a_login_with_either_reading_of_a_short_account_is_taken() {
    let stamp = LoginStamp::from_number(301_120_530);
    let with = Credentials {
        source_addr: b"90001".to_vec(),
        shared_secret: b"s3cr3t!".to_vec(),
        padding: AccountPadding::Plain,
    };
    for padding in [AccountPadding::Plain, AccountPadding::Padded] {
        let proof = authenticator_source(b"90001", padding, b"s3cr3t!", stamp);
        let (bind, _) = changed("C1", |body| {
            body[..6].copy_from_slice(b"90001\0");
            body[6..22].copy_from_slice(&proof);
        });
        let bound = Cmpp::server(Version::V30).verify(&with, &bind, now()).unwrap();
        assert_eq!((bound.version, bound.unproven), (0x20, false));
    }
}
