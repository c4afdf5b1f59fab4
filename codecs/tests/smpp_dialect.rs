//! What the session engine asks of SMPP: binds, their answers, refusals and sequence numbers.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::time::Instant;

use bytes::BytesMut;
use codecs::{
    DecodeError, DecodeErrorKind, Now,
    session::{BindRefusal, Dialect, Direction, Refusal, UnitKind},
    smpp::*,
};

#[allow(clippy::disallowed_methods, reason = "any instant will do; nothing here waits")]
fn now() -> Now {
    Now { mono: Instant::now(), wall: "2025-11-22T10:31:07Z".parse().unwrap() }
}

fn credentials() -> Credentials {
    Credentials { system_id: "esme01".into(), password: "pa55word".into(), ..Credentials::default() }
}

fn unit(dialect: &Smpp, pdu: &Pdu<'_>, sequence: u32) -> Vec<u8> {
    let mut out = BytesMut::new();
    dialect.encode(pdu, sequence, &mut out).unwrap();
    out.to_vec()
}

fn bind_unit(mode: BindMode, version: Version, with: &Credentials) -> Vec<u8> {
    let mut dialect = Smpp::new(mode, version);
    let mut out = BytesMut::new();
    dialect.bind(with, now()).encode(1, &mut out).unwrap();
    out.to_vec()
}

fn header(command: CommandId) -> Header {
    Header { command_length: 16, command_id: command, command_status: Status::ROK, sequence_number: 7 }
}

#[test]
fn both_sides_agree_on_the_lower_version_and_on_the_traffic() {
    for (mode, traffic) in [
        (BindMode::Transmitter, Direction::ToCarrier),
        (BindMode::Receiver, Direction::FromCarrier),
        (BindMode::Transceiver, Direction::Either),
    ] {
        for ours in [Version::V33, Version::V34, Version::V50] {
            for theirs in [Version::V34, Version::V50] {
                let mut esme = Smpp::new(mode, ours);
                let mut centre = Smpp::server("SMSC1", theirs);
                let bind = bind_unit(mode, ours, &credentials());
                let verified = centre.verify(&credentials(), &bind, now()).unwrap();
                let response = unit(&centre, &centre.bind_response(None, &bind, Ok(())), 1);
                let bound = esme.bound(&credentials(), &response).unwrap();
                assert_eq!(bound, verified, "{mode:?} {ours:?} {theirs:?}");
                assert_eq!(bound.version, ours.min(theirs).octet());
                assert_eq!(bound.traffic, traffic);
                let has_tlv = Pdu::decode(&response).unwrap().1.body.tlvs().sc_interface_version().is_some();
                assert_eq!(has_tlv, ours >= Version::V34, "sc_interface_version only to 3.4 and above");
            }
        }
    }
}

#[test]
fn an_answer_without_a_version_means_3_4() {
    for (ours, expected) in [(Version::V50, 0x34), (Version::V34, 0x34), (Version::V33, 0x33)] {
        let mut esme = Smpp::new(BindMode::Transceiver, ours);
        let bare = unit(&esme, &Pdu::from(Body::BindTransceiverResp(None)), 1);
        assert_eq!(esme.bound(&credentials(), &bare).unwrap().version, expected, "{ours:?}");
    }
}

#[test]
fn a_refused_bind_says_what_to_do() {
    for (version, status, class) in [
        (Version::V34, Status::RBINDFAIL, BindRefusal::Unexplained),
        (Version::V50, Status::RBINDFAIL, BindRefusal::Version),
        (Version::V34, Status::RINVPASWD, BindRefusal::Credentials),
        (Version::V34, Status::RINVSYSID, BindRefusal::Credentials),
        (Version::V34, Status(0x0401), BindRefusal::Unexplained),
        (Version::V50, Status(0x0401), BindRefusal::Unexplained),
        (Version::V50, Status::RINVPASWD, BindRefusal::Credentials),
        (Version::V50, Status::RALYBND, BindRefusal::AlreadyBound),
        (Version::V34, Status::RALYBND, BindRefusal::AlreadyBound),
        (Version::V34, Status::RINVCMDID, BindRefusal::Mode),
        (Version::V34, Status::RSYSERR, BindRefusal::Temporary),
        (Version::V34, Status::RTHROTTLED, BindRefusal::Temporary),
    ] {
        let mut esme = Smpp::new(BindMode::Transceiver, version);
        let refusal = Pdu::refusal(CommandId::BIND_TRANSCEIVER_RESP, status).unwrap();
        let refused = esme.bound(&credentials(), &unit(&esme, &refusal, 1)).unwrap_err();
        assert_eq!((refused.status, refused.class), (status.0, class), "{version:?} {status}");
    }
    let mut esme = Smpp::new(BindMode::Transceiver, Version::V34);
    let nack = Pdu::refusal(CommandId::GENERIC_NACK, Status::RINVCMDID).unwrap();
    let refused = esme.bound(&credentials(), &unit(&esme, &nack, 1)).unwrap_err();
    assert_eq!(refused.class, BindRefusal::Mode, "no transceiver here");
    let mut esme = Smpp::new(BindMode::Receiver, Version::V34);
    let refused = esme.bound(&credentials(), &unit(&esme, &nack, 1)).unwrap_err();
    assert_eq!(refused.class, BindRefusal::Version, "every message centre has receivers");
}

#[test]
fn a_version_beside_a_refusal_is_what_to_fall_back_to() {
    for (ours, expected) in [(Version::V50, BindRefusal::Version), (Version::V34, BindRefusal::Unexplained)] {
        let mut esme = Smpp::new(BindMode::Transceiver, ours);
        let tlvs = Tlvs::from_octets(&[0x02, 0x10, 0x00, 0x01, 0x34]).unwrap();
        let resp = BindResp { system_id: COctetString::default(), tlvs };
        let refusal = Pdu { status: Status(0x0401), body: Body::BindTransceiverResp(Some(resp)) };
        let refused = esme.bound(&credentials(), &unit(&esme, &refusal, 1)).unwrap_err();
        assert_eq!((refused.class, refused.version), (expected, Some(0x34)), "{ours:?}");
    }
}

#[test]
fn a_bind_is_checked_field_by_field() {
    let right = credentials();
    for (asked, status) in [
        (Credentials { system_id: "other".into(), ..right.clone() }, Status::RINVSYSID),
        (Credentials { password: "pa55wore".into(), ..right.clone() }, Status::RINVPASWD),
        (Credentials { password: String::new(), ..right.clone() }, Status::RINVPASWD),
        (Credentials { system_type: "X".into(), ..right.clone() }, Status::ROK),
    ] {
        let bind = bind_unit(BindMode::Receiver, Version::V34, &asked);
        let verdict = Smpp::server("SMSC1", Version::V34).verify(&right, &bind, now());
        assert_eq!(verdict.map_or_else(|refused| refused.status, |_| 0), status.0);
    }
    let typed = Credentials { system_type: "VMS".into(), ..right.clone() };
    let bind = bind_unit(BindMode::Receiver, Version::V34, &right);
    let refused = Smpp::server("SMSC1", Version::V34).verify(&typed, &bind, now()).unwrap_err();
    assert_eq!(refused.status, Status::RINVSYSTYP.0);
}

#[test]
fn a_bind_field_that_is_too_long_has_its_own_status() {
    let overlong = |system_id: usize, password: usize| {
        let body = [&vec![b'a'; system_id][..], &[0], &vec![b'b'; password][..], &[0; 7]].concat();
        let length = u32::try_from(16 + body.len()).unwrap();
        [[length, 9, 0, 1].map(u32::to_be_bytes).concat(), body].concat()
    };
    for (bind, status) in [(overlong(16, 1), Status::RINVSYSID), (overlong(1, 9), Status::RINVPASWD)] {
        let mut centre = Smpp::server("SMSC1", Version::V34);
        let refused = centre.verify(&credentials(), &bind, now()).unwrap_err();
        assert_eq!(refused.status, status.0);
        assert!(matches!(refused.class, BindRefusal::Malformed(_)));
        let answer = centre.bind_response(None, &bind, Err(refused.status));
        assert_eq!(Some(answer), Pdu::refusal(CommandId::BIND_TRANSCEIVER_RESP, status));
    }
}

#[test]
fn every_refusal_uses_the_requests_own_response() {
    let dialect = Smpp::server("SMSC1", Version::V34);
    let fault =
        DecodeError { field: "service_type", offset: 16, kind: DecodeErrorKind::MissingNul { max: 6 } };
    for (why, status) in [
        (Refusal::WrongState, Status::RINVBNDSTS),
        (Refusal::Overloaded, Status::RTHROTTLED),
        (Refusal::Malformed(fault), Status::RINVSERTYP),
    ] {
        for command in [CommandId::SUBMIT_SM, CommandId::DELIVER_SM, CommandId::DATA_SM, CommandId::CANCEL_SM]
        {
            let expected = Pdu::refusal(command.response(), status);
            assert_eq!(dialect.refuse(&header(command), why), expected, "{command} {why:?}");
        }
    }
    let bind = header(CommandId::BIND_TRANSMITTER);
    let expected = Pdu::refusal(CommandId::BIND_TRANSMITTER_RESP, Status::RALYBND);
    assert_eq!(dialect.refuse(&bind, Refusal::AlreadyBound), expected);
    let unknown = header(CommandId(0x99));
    let expected = Pdu::refusal(CommandId::GENERIC_NACK, Status::RINVCMDID);
    assert_eq!(dialect.refuse(&unknown, Refusal::UnknownCommand), expected);
    for silent in [
        CommandId::OUTBIND,
        CommandId::ALERT_NOTIFICATION,
        CommandId::GENERIC_NACK,
        CommandId::SUBMIT_SM_RESP,
    ] {
        assert_eq!(dialect.refuse(&header(silent), Refusal::WrongState), None, "{silent}");
    }
}

#[test]
fn every_command_has_a_kind() {
    for command in CommandId::ALL {
        let kind = Smpp::kind(&header(*command));
        assert!(!matches!(kind, UnitKind::UnknownRequest | UnitKind::UnknownResponse), "{command}");
        let answers = matches!(
            kind,
            UnitKind::Response
                | UnitKind::BindResponse
                | UnitKind::ProbeResponse
                | UnitKind::UnbindResponse
                | UnitKind::Nack
        );
        assert_eq!(answers, command.is_response(), "{command}");
    }
    assert_eq!(Smpp::kind(&header(CommandId(0x22))), UnitKind::UnknownRequest);
}

#[test]
fn probes_and_unbinds_are_acknowledged_in_kind() {
    let dialect = Smpp::new(BindMode::Transceiver, Version::V34);
    for (request, command) in
        [(dialect.probe().unwrap(), CommandId::ENQUIRE_LINK), (dialect.unbind(), CommandId::UNBIND)]
    {
        assert_eq!(request.body.command_id(), command);
        let answer = dialect.acknowledge(&header(command));
        assert_eq!(answer.body.command_id(), command.response());
        assert_eq!(unit(&dialect, &answer, 7).len(), 16);
    }
    let delivered = dialect.acknowledge(&header(CommandId::DELIVER_SM));
    assert_eq!(unit(&dialect, &delivered, 1).len(), 17, "some message centres want the NUL");
}

#[test]
fn sequence_numbers_start_at_1_and_stay_in_31_bits() {
    let mut dialect = Smpp::new(BindMode::Transceiver, Version::V34);
    assert_eq!([(); 3].map(|()| dialect.next_sequence(now())), [1, 2, 3]);
}

#[test]
fn a_peer_below_3_4_gets_no_tlvs() {
    let old = Smpp::new(BindMode::Transmitter, Version::V33);
    let mut tlvs = TlvBuf::new();
    tlvs.put_u16(Tag::USER_MESSAGE_REFERENCE, 7);
    let sm = Sm { short_message: b"hi".into(), tlvs: tlvs.as_tlvs(), ..Sm::default() };
    let written = unit(&old, &Pdu::from(Body::SubmitSm(sm)), 1);
    assert!(SubmitSm::decode(&written).unwrap().tlvs.is_empty());

    let mut payload = TlvBuf::new();
    payload.put(Tag::MESSAGE_PAYLOAD, b"long").unwrap();
    let sm = Sm { tlvs: payload.as_tlvs(), ..Sm::default() };
    let mut out = BytesMut::new();
    let refused = old.encode(&Pdu::from(Body::SubmitSm(sm)), 1, &mut out).unwrap_err();
    assert_eq!(refused.field, "message_payload");
    assert!(out.is_empty());
}

#[test]
fn credentials_do_not_show_their_password() {
    assert!(!format!("{:?}", credentials()).contains("pa55"));
    let bind = bind_unit(BindMode::Receiver, Version::V34, &credentials());
    assert!(!format!("{:?}", Bind::decode(&bind).unwrap()).contains("pa55"));
}
