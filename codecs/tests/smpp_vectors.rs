//! The worked examples of the SMPP reference: octets to fields and back, and what answers malformed ones.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "support/smpp_examples.rs"]
mod examples;

use bytes::{Bytes, BytesMut};
use codecs::{
    DecodeError, DecodeErrorKind, frame,
    session::{Dialect, Refusal, UnitKind},
    smpp::*,
};
use examples::octets;

/// Decodes the example, compares it, and encodes it again.
#[track_caller]
fn sound(name: &str, sequence_number: u32, expected: impl Into<Pdu<'static>>) {
    let (unit, expected) = (octets(name), expected.into());
    let (header, pdu) = Pdu::decode(&unit).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(pdu, expected, "{name}");
    assert_eq!(header.sequence_number, sequence_number, "{name}");
    assert_eq!(header.command_length as usize, unit.len(), "{name}");
    assert_eq!(header.command_id, expected.body.command_id(), "{name}");
    let mut out = BytesMut::new();
    expected.encode(sequence_number, &mut out).unwrap();
    assert_eq!(out, unit, "{name} encoded");
}

/// TLVs that live as long as the test does.
fn tlvs(list: &[(Tag, &[u8])]) -> Tlvs<'static> {
    let mut buffer = TlvBuf::new();
    for (tag, value) in list {
        buffer.put(*tag, value).unwrap();
    }
    Box::leak(Box::new(buffer)).as_tlvs()
}

fn refused(response: CommandId, status: Status) -> Pdu<'static> {
    Pdu::refusal(response, status).unwrap()
}

/// From a number in E.164 to another.
fn number_to_number() -> Sm<'static> {
    Sm {
        source_addr_ton: Ton::INTERNATIONAL,
        source_addr_npi: Npi::ISDN,
        source_addr: "15550100".into(),
        dest_addr_ton: Ton::INTERNATIONAL,
        dest_addr_npi: Npi::ISDN,
        destination_addr: "447700900123".into(),
        ..Sm::default()
    }
}

/// From a name to a number.
fn name_to_number() -> Sm<'static> {
    Sm {
        source_addr_ton: Ton::ALPHANUMERIC,
        source_addr_npi: Npi::UNKNOWN,
        source_addr: "ACME".into(),
        ..number_to_number()
    }
}

/// What a message centre says about `name_to_number`.
fn back_to_name() -> Sm<'static> {
    Sm {
        source_addr_ton: Ton::INTERNATIONAL,
        source_addr_npi: Npi::ISDN,
        source_addr: "447700900123".into(),
        dest_addr_ton: Ton::ALPHANUMERIC,
        destination_addr: "ACME".into(),
        ..Sm::default()
    }
}

const HELLO: &[u8] = b"Hello \0 world";

#[test]
fn binds_and_their_answers() {
    let bind = Bind {
        system_id: "esme01".into(),
        password: "pa55word".into(),
        interface_version: 0x34,
        ..Bind::default()
    };
    sound("E1", 1, Body::BindTransceiver(bind));
    let resp = BindResp { system_id: "SMSC1".into(), tlvs: tlvs(&[(Tag::SC_INTERFACE_VERSION, &[0x34])]) };
    sound("E2", 1, Body::BindTransceiverResp(Some(resp)));
    sound("E3", 1, refused(CommandId::BIND_TRANSCEIVER_RESP, Status::RBINDFAIL));
    let receiver = Bind {
        system_type: "VMS".into(),
        interface_version: 0x50,
        addr_ton: Ton::NETWORK_SPECIFIC,
        address_range: "^60777$".into(),
        ..bind
    };
    sound("E39", 1, Body::BindReceiver(receiver));
    sound(
        "E29",
        1,
        Body::Outbind(Outbind { system_id: "SMSC1".into(), password: "s3cret".into(), ..Outbind::default() }),
    );
}

#[test]
fn header_only_pdus() {
    sound("E4", 2, Body::EnquireLink(HeaderOnly::default()));
    sound("E5", 2, Body::EnquireLinkResp(HeaderOnly::default()));
    sound("E30", 18, Body::Unbind(HeaderOnly::default()));
    sound("E31", 18, Body::UnbindResp(HeaderOnly::default()));
    sound("E38", 22, Body::CancelBroadcastSmResp(HeaderOnly::default()));
    sound("E19", 12, refused(CommandId::GENERIC_NACK, Status::RINVCMDID));
    sound("E20", 0, refused(CommandId::GENERIC_NACK, Status::RINVCMDLEN));
}

#[test]
fn submits_with_text_in_every_alphabet() {
    let e6 = Sm {
        validity_period: "000001000000000R".into(),
        registered_delivery: RegisteredDelivery::RECEIPT,
        short_message: HELLO.into(),
        ..name_to_number()
    };
    sound("E6", 3, Body::SubmitSm(e6));
    let e9 = Sm { short_message: b"10\x1Be \x1B<ok\x1B>".into(), ..number_to_number() };
    sound("E9", 5, Body::SubmitSm(e9));
    let e10 = Sm {
        destination_addr: "8613800138000".into(),
        data_coding: DataCoding::UCS_2,
        short_message: b"\x4F\x60\x59\x7D\x00\x20\xD8\x3D\xDE\x00".into(),
        ..number_to_number()
    };
    sound("E10", 6, Body::SubmitSm(e10));
}

#[test]
fn submits_of_long_messages() {
    let part = |short_message: &'static [u8]| Sm {
        esm_class: EsmClass::UDHI,
        registered_delivery: RegisteredDelivery::RECEIPT,
        short_message: short_message.into(),
        ..number_to_number()
    };
    let first: &[u8] = [b"\x05\x00\x03\xA7\x02\x01".as_slice(), &[b'A'; 153]].concat().leak();
    sound("E11a", 7, Body::SubmitSm(part(first)));
    sound("E11", 8, Body::SubmitSm(part(b"\x05\x00\x03\xA7\x02\x02AAAAAAAB")));
    let e12 = Sm {
        registered_delivery: RegisteredDelivery::NONE,
        data_coding: DataCoding::UCS_2,
        ..part(b"\x06\x08\x04\x12\x34\x02\x01\x04\x1F\x04\x40\x04\x38\x04\x32\x04\x35\x04\x42")
    };
    sound("E12", 9, Body::SubmitSm(e12));
    let sar = [
        (Tag::SAR_MSG_REF_NUM, [0, 0xA7].as_slice()),
        (Tag::SAR_TOTAL_SEGMENTS, &[3]),
        (Tag::SAR_SEGMENT_SEQNUM, &[1]),
    ];
    let e13 = Sm { short_message: b"part one ".into(), tlvs: tlvs(&sar), ..number_to_number() };
    assert_eq!(e13.tlvs.sar(), Some(Sar { reference: 0xA7, total: 3, part: 1 }));
    sound("E13", 10, Body::SubmitSm(e13));
    let e14 = Sm { tlvs: tlvs(&[(Tag::MESSAGE_PAYLOAD, b"long text here")]), ..number_to_number() };
    assert_eq!(e14.user_data(), b"long text here");
    sound("E14", 11, Body::SubmitSm(e14));
    let e42 = Sm {
        registered_delivery: RegisteredDelivery::NONE,
        data_coding: DataCoding::BINARY,
        ..part(b"\x0C\x05\x04\x0B\x84\x23\xF0\x08\x04\x12\x35\x02\x01\xDE\xAD\xBE\xEF")
    };
    sound("E42", 24, Body::SubmitSm(e42));
}

#[test]
fn keeps_the_tlvs_of_vendors() {
    let e40 = Sm {
        registered_delivery: RegisteredDelivery::RECEIPT,
        short_message: b"Offer".into(),
        tlvs: tlvs(&[(Tag(0x1400), b"1001234567890\0")]),
        ..name_to_number()
    };
    assert_eq!(e40.tlvs.get(Tag(0x1400)).unwrap().c_string(), "1001234567890");
    sound("E40", 23, Body::SubmitSm(e40));
}

#[test]
fn answers_to_submits() {
    let resp = |message_id: &'static str| MessageIdResp {
        message_id: message_id.into(),
        ..MessageIdResp::default()
    };
    sound("E7", 3, Body::SubmitSmResp(Some(resp("3F2A9C01"))));
    sound("E8", 4, refused(CommandId::SUBMIT_SM_RESP, Status::RTHROTTLED));
    let e32 = MessageIdResp { tlvs: tlvs(&[(Tag::CONGESTION_STATE, &[0x55])]), ..resp("3F2A9C02") };
    assert_eq!(e32.tlvs.congestion_state(), Some(85));
    sound("E32", 19, Body::SubmitSmResp(Some(e32)));
    sound("E16", 1, Body::DeliverSmResp(Some(resp(""))));
    sound("E34", 20, Body::BroadcastSmResp(Some(resp("B1"))));
}

#[test]
fn deliveries_and_receipts() {
    let e15 = Sm {
        dest_addr_ton: Ton::NETWORK_SPECIFIC,
        destination_addr: "60777".into(),
        short_message: b"STOP".into(),
        ..back_to_name()
    };
    sound("E15", 1, Body::DeliverSm(e15));
    let report = |state, code| {
        tlvs(&[
            (Tag::RECEIPTED_MESSAGE_ID, b"3F2A9C01\0".as_slice()),
            (Tag::MESSAGE_STATE, &[state]),
            (Tag::NETWORK_ERROR_CODE, &[3, 0, code]),
        ])
    };
    let e17 = Sm {
        esm_class: EsmClass::RECEIPT,
        short_message: b"id:1059757057 sub:001 dlvrd:001 submit date:2511221030 done date:2511221031 \
            stat:DELIVRD err:000 text:Hello \0 world"
            .into(),
        tlvs: report(2, 0),
        ..back_to_name()
    };
    sound("E17", 2, Body::DeliverSm(e17));
    let e18 = Sm { esm_class: EsmClass::INTERMEDIATE, tlvs: report(1, 0x1B), ..back_to_name() };
    sound("E18", 3, Body::DeliverSm(e18));
    let e41 = Sm {
        esm_class: EsmClass::RECEIPT,
        short_message:
            b"id:3f2a9c01 submitdate:251122103001 donedate:251122103107 stat:UNDELIV err:0027 Text:".into(),
        ..back_to_name()
    };
    sound("E41", 5, Body::DeliverSm(e41));
}

#[test]
fn receipts_tell_id_state_error_and_dates() {
    let read = |name: &str| {
        let unit: &[u8] = octets(name).leak();
        match Receipt::of_deliver_sm(&DeliverSm::decode(unit).unwrap(), Recognition::Flagged) {
            ReceiptReading::Receipt(receipt) => receipt,
            other => panic!("{name}: {other:?}"),
        }
    };
    let e17 = read("E17");
    assert_eq!(e17.id(), Some(b"3F2A9C01".as_slice()));
    assert_eq!(e17.text().id, Some(b"1059757057".as_slice()));
    assert_eq!(e17.message_state(), Some(MessageState::DELIVERED));
    assert_eq!(e17.text().text, Some(HELLO));
    let e18 = read("E18");
    assert!(e18.intermediate);
    assert_eq!(
        e18.network_error_code,
        Some(NetworkErrorCode { network_type: NetworkErrorCode::GSM, code: 27 })
    );
    let e41 = read("E41");
    assert_eq!(e41.id(), Some(b"3f2a9c01".as_slice()));
    assert_eq!(e41.message_state(), Some(MessageState::UNDELIVERABLE));
    assert_eq!(e41.text().err, Some(b"0027".as_slice()));
    assert_eq!(e41.text().done(), "2025-11-22T10:31:07".parse().ok());
}

#[test]
fn queries_cancels_and_replaces() {
    let id = COctetString(b"3F2A9C01");
    let (ton, acme) = (Ton::ALPHANUMERIC, COctetString(b"ACME"));
    let e21 = QuerySm { message_id: id, source_addr_ton: ton, source_addr: acme, ..QuerySm::default() };
    sound("E21", 13, Body::QuerySm(e21));
    let e22 = QuerySmResp {
        message_id: id,
        final_date: "251122103107004+".into(),
        message_state: MessageState::DELIVERED,
        ..QuerySmResp::default()
    };
    sound("E22", 13, Body::QuerySmResp(Some(e22)));
    let e23 = CancelSm {
        message_id: id,
        source_addr_ton: ton,
        source_addr: acme,
        dest_addr_ton: Ton::INTERNATIONAL,
        dest_addr_npi: Npi::ISDN,
        destination_addr: "447700900123".into(),
        ..CancelSm::default()
    };
    sound("E23", 14, Body::CancelSm(e23));
    let e24 = ReplaceSm {
        message_id: id,
        source_addr_ton: ton,
        source_addr: acme,
        registered_delivery: RegisteredDelivery::RECEIPT,
        short_message: b"updated".into(),
        ..ReplaceSm::default()
    };
    sound("E24", 15, Body::ReplaceSm(e24));
}

#[test]
fn one_message_to_several_destinations() {
    let number = COctetString(b"447700900123");
    let mut dests = DestinationsBuf::new();
    dests
        .push(&DestAddress::Sme {
            dest_addr_ton: Ton::INTERNATIONAL,
            dest_addr_npi: Npi::ISDN,
            destination_addr: number,
        })
        .unwrap()
        .push(&DestAddress::DistributionList { dl_name: "staff".into() })
        .unwrap();
    let e25 = SubmitMulti {
        source_addr_ton: Ton::ALPHANUMERIC,
        source_addr: "ACME".into(),
        dest_address: Box::leak(Box::new(dests)).as_list(),
        registered_delivery: RegisteredDelivery::RECEIPT,
        short_message: b"hi".into(),
        ..SubmitMulti::default()
    };
    assert_eq!(e25.dest_address.iter().count(), 2);
    sound("E25", 16, Body::SubmitMulti(e25));
    let mut unsuccess = UnsuccessSmesBuf::new();
    unsuccess
        .push(&UnsuccessSme {
            dest_addr_ton: Ton::INTERNATIONAL,
            dest_addr_npi: Npi::ISDN,
            destination_addr: number,
            error_status_code: Status::RINVDSTADR,
        })
        .unwrap();
    let e26 = SubmitMultiResp {
        message_id: "M77".into(),
        unsuccess_sme: Box::leak(Box::new(unsuccess)).as_list(),
        ..SubmitMultiResp::default()
    };
    sound("E26", 16, Body::SubmitMultiResp(Some(e26)));
}

#[test]
fn data_and_alerts() {
    let e27 = DataSm {
        source_addr_ton: Ton::ALPHANUMERIC,
        source_addr: "ACME".into(),
        dest_addr_ton: Ton::INTERNATIONAL,
        dest_addr_npi: Npi::ISDN,
        destination_addr: "447700900123".into(),
        registered_delivery: RegisteredDelivery::RECEIPT,
        tlvs: tlvs(&[(Tag::MESSAGE_PAYLOAD, b"data")]),
        ..DataSm::default()
    };
    sound("E27", 17, Body::DataSm(e27));
    let e28 = AlertNotification {
        source_addr_ton: Ton::INTERNATIONAL,
        source_addr_npi: Npi::ISDN,
        source_addr: "447700900123".into(),
        esme_addr_ton: Ton::NETWORK_SPECIFIC,
        esme_addr: "60777".into(),
        tlvs: tlvs(&[(Tag::MS_AVAILABILITY_STATUS, &[0])]),
        ..AlertNotification::default()
    };
    sound("E28", 4, Body::AlertNotification(e28));
}

#[test]
fn cell_broadcasts() {
    let (ton, npi, from) = (Ton::INTERNATIONAL, Npi::ISDN, COctetString(b"15550100"));
    let area = (Tag::BROADCAST_AREA_IDENTIFIER, b"\0Dublin".as_slice());
    let e33 = BroadcastSm {
        service_type: "CBS".into(),
        source_addr_ton: ton,
        source_addr_npi: npi,
        source_addr: from,
        tlvs: tlvs(&[
            area,
            (Tag::BROADCAST_CONTENT_TYPE, &[0, 0, 0x10]),
            (Tag::BROADCAST_REP_NUM, &[0, 3]),
            (Tag::BROADCAST_FREQUENCY_INTERVAL, &[9, 0, 0x1F]),
            (Tag::MESSAGE_PAYLOAD, b"flash flood"),
        ]),
        ..BroadcastSm::default()
    };
    assert_eq!(e33.missing_tlv(), None);
    assert_eq!(e33.tlvs.check(), Ok(()));
    sound("E33", 20, Body::BroadcastSm(e33));
    let e35 = QueryBroadcastSm {
        message_id: "B1".into(),
        source_addr_ton: ton,
        source_addr_npi: npi,
        source_addr: from,
        ..QueryBroadcastSm::default()
    };
    sound("E35", 21, Body::QueryBroadcastSm(e35));
    let e36 = QueryBroadcastSmResp {
        message_id: "B1".into(),
        tlvs: tlvs(&[(Tag::MESSAGE_STATE, &[1]), area, (Tag::BROADCAST_AREA_SUCCESS, &[0x62])]),
    };
    sound("E36", 21, Body::QueryBroadcastSmResp(Some(e36)));
    let e37 = CancelBroadcastSm {
        service_type: "CBS".into(),
        message_id: "B1".into(),
        source_addr_ton: ton,
        source_addr_npi: npi,
        source_addr: from,
        ..CancelBroadcastSm::default()
    };
    sound("E37", 22, Body::CancelBroadcastSm(e37));
}

#[test]
fn every_sound_example_is_looked_at() {
    let sound = examples::EXAMPLES.iter().filter(|(name, _)| name.starts_with('E'));
    for (name, _) in sound {
        let unit = octets(name);
        assert_eq!(Pdu::decode(&unit).unwrap().1.body.tlvs().check(), Ok(()), "{name}");
    }
    assert_eq!(examples::EXAMPLES.len(), 43 + 15);
}

#[test]
fn malformed_requests_are_answered_with_the_status_of_their_fault() {
    for (name, response, status) in [
        ("N4", CommandId::SUBMIT_SM_RESP, Status::RINVTLVSTREAM),
        ("N5", CommandId::SUBMIT_SM_RESP, Status::RINVTLVSTREAM),
        ("N6", CommandId::SUBMIT_SM_RESP, Status::RINVSRCADR),
        ("N7", CommandId::SUBMIT_SM_RESP, Status::RINVMSGLEN),
        ("N8", CommandId::GENERIC_NACK, Status::RINVCMDID),
        ("N10", CommandId::SUBMIT_SM_RESP, Status::RINVSERTYP),
        ("N13", CommandId::SUBMIT_MULTI_RESP, Status::RINVCMDLEN),
    ] {
        let unit = octets(name);
        let error = Pdu::decode(&unit).expect_err(name);
        assert_eq!(error.severity(), codecs::Severity::Unit, "{name}");
        let header = Smpp::header(&unit).unwrap();
        let why = match Smpp::kind(&header) {
            UnitKind::UnknownRequest => Refusal::UnknownCommand,
            _ => Refusal::Malformed(error),
        };
        let answer = Smpp::server("SMSC1", Version::V50).refuse(&header, why).expect(name);
        assert_eq!(answer, refused(response, status), "{name}");
        let mut out = BytesMut::new();
        answer.encode(header.sequence_number, &mut out).unwrap();
        assert_eq!(out.len(), 16, "{name}: no body");
    }
}

#[test]
fn tolerates_what_peers_often_do() {
    let sm = |name: &str| {
        Pdu::decode(octets(name).leak()).unwrap_or_else(|error| panic!("{name}: {error}")).1.body
    };
    assert!(matches!(sm("N11"), Body::EnquireLink(_)), "one NUL too many");
    let Body::SubmitSm(n15) = sm("N15") else { panic!("N15") };
    assert_eq!(n15.short_message, b"hi");
    assert!(n15.tlvs.is_empty());
    let Body::SubmitSm(n14) = sm("N14") else { panic!("N14") };
    assert!(n14.esm_class.udhi(), "a broken user data header is passed on");
}

#[test]
fn a_message_in_data_sm_is_missing_its_payload_where_the_unit_ends() {
    let unit = octets("N12");
    let (header, pdu) = Pdu::decode(&unit).expect("a receipt may have none");
    let Body::DataSm(data) = pdu.body else { panic!("{pdu:?}") };
    assert_eq!(data.user_data(), None);
    let missing = DecodeError { field: "message_payload", offset: 46, kind: DecodeErrorKind::Missing };
    assert_eq!(data.needed_user_data(), Err(missing));
    assert_eq!(
        Smpp::server("SMSC1", Version::V34).refuse(&header, Refusal::Malformed(missing)),
        Some(refused(CommandId::DATA_SM_RESP, Status::RMISSINGTLV))
    );
    let payload = tlvs(&[(Tag::MESSAGE_PAYLOAD, b"")]);
    assert_eq!(DataSm { tlvs: payload, ..data }.needed_user_data(), Ok(OctetString(b"")));
}

#[test]
fn an_unusable_length_ends_the_stream() {
    for name in ["N1", "N2", "N3"] {
        let mut buffer = BytesMut::from(octets(name).as_slice());
        let error = frame::next(&mut buffer, Smpp::LIMITS).expect_err(name);
        assert_eq!(error.severity(), codecs::Severity::Stream, "{name}");
        assert_eq!(Status::from(&error), Status::RINVCMDLEN, "{name}");
    }
}

#[test]
fn lost_framing_is_nacked_with_the_sequence_of_the_request_that_lost_it() {
    let smpp = Smpp::server("SMSC1", Version::V34);
    let nacked = |stream: &[u8]| {
        let (nack, sequence) = smpp.framing_lost(stream).unwrap();
        assert_eq!((nack.body.command_id(), nack.status), (CommandId::GENERIC_NACK, Status::RINVCMDLEN));
        sequence
    };
    let n3 = octets("N3");
    assert_eq!(nacked(&n3), 24);
    assert_eq!(nacked(&[n3.as_slice(), &[0xAA; 40]].concat()), 24);
    for short in 0..16 {
        assert_eq!(nacked(&n3[..short]), 0, "{short} octets have no whole header");
    }
    // A response's sequence is ours: back at the peer it would name a request of the peer's.
    let mut response = n3;
    response[4] = 0x80;
    assert_eq!(nacked(&response), 0);
}

#[test]
fn a_nack_that_names_no_request_has_the_worked_octets() {
    let (nack, sequence) = Smpp::server("SMSC1", Version::V34).framing_lost(&octets("N1")).unwrap();
    let mut out = BytesMut::new();
    nack.encode(sequence, &mut out).unwrap();
    assert_eq!(out, octets("E20"));
}

#[test]
fn an_unknown_response_is_never_answered() {
    let unit = octets("N9");
    let header = Smpp::header(&unit).unwrap();
    assert_eq!(Smpp::kind(&header), UnitKind::UnknownResponse);
    assert_eq!(Smpp::server("SMSC1", Version::V34).refuse(&header, Refusal::UnknownCommand), None);
}

#[test]
fn a_refusal_may_have_a_body_or_none() {
    let unit = b"\0\0\0\x19\x80\0\0\x04\0\0\0\x0B\0\0\0\x02ABCDEFGH\0";
    let (header, pdu) = Pdu::decode(unit).unwrap();
    let Body::SubmitSmResp(Some(body)) = pdu.body else { panic!("{pdu:?}") };
    assert_eq!(body.message_id, "ABCDEFGH");
    let mut out = BytesMut::new();
    pdu.encode(header.sequence_number, &mut out).unwrap();
    assert_eq!(out, unit.as_slice());

    let cut = b"\0\0\0\x18\x80\0\0\x04\0\0\0\x0B\0\0\0\x02ABCDEFGH";
    assert_eq!(Pdu::decode(cut).unwrap().1, refused(CommandId::SUBMIT_SM_RESP, Status::RINVDSTADR));
    let accepted = b"\0\0\0\x18\x80\0\0\x04\0\0\0\0\0\0\0\x02ABCDEFGH";
    assert!(Pdu::decode(accepted).is_err(), "what was accepted must be readable");
}

#[test]
fn splits_a_stream_into_the_examples_again() {
    let sound: Vec<Vec<u8>> = examples::EXAMPLES
        .iter()
        .filter(|(name, _)| name.starts_with('E'))
        .map(|(name, _)| octets(name))
        .collect();
    let mut buffer = BytesMut::new();
    let mut units: Vec<Bytes> = Vec::new();
    for octet in sound.concat() {
        buffer.extend_from_slice(&[octet]);
        units.extend(frame::next(&mut buffer, Smpp::LIMITS).unwrap());
    }
    assert_eq!(units, sound);
}
