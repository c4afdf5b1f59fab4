//! What CMPP tells a session engine, from both ends of a login.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/cmpp_vectors.rs"]
mod vectors;

use bytes::BytesMut;
use codecs::{
    DecodeError, DecodeErrorKind, Now,
    cmpp::{AccountPadding, Cmpp, ConnectResp, Credentials, Header, Layout, Pdu, Version, command},
    session::{BindRefusal, Bound, Dialect, Direction, Refusal, UnitKind},
};
use vectors::{named, now};

fn credentials() -> Credentials {
    Credentials {
        source_addr: b"901234".to_vec(),
        shared_secret: b"s3cr3t!".to_vec(),
        padding: AccountPadding::Plain,
    }
}

fn octets(dialect: &Cmpp, pdu: &Pdu<'_>) -> Vec<u8> {
    let mut out = BytesMut::new();
    dialect.encode(pdu, 1, &mut out).unwrap();
    out.to_vec()
}

/// The login of `dialect`, as it goes out.
fn login(dialect: &mut Cmpp, with: &Credentials, now: Now) -> Vec<u8> {
    let mut out = BytesMut::new();
    let version = dialect.version();
    let bind = dialect.bind(with, now);
    bind.encode(version, 1, &mut out).unwrap();
    out.to_vec()
}

#[test]
fn a_login_is_the_worked_packet() {
    for (version, name) in [(Version::V20, "C1"), (Version::V30, "C3")] {
        assert_eq!(login(&mut Cmpp::new(version), &credentials(), now()), named(name).octets());
    }
}

#[test]
fn an_accepted_login_settles_the_version_on_both_sides() {
    for asked in Version::ALL {
        let (mut sp, mut ismg) = (Cmpp::new(asked), Cmpp::server(Version::V30));
        let bind = login(&mut sp, &credentials(), now());
        let expected = Bound { version: asked.octet(), traffic: Direction::Either, unproven: false };
        assert_eq!(ismg.verify(&credentials(), &bind, now()), Ok(expected));
        assert_eq!(ismg.version(), asked);
        let with = credentials();
        let answer = octets(&ismg, &ismg.bind_response(Some(&with), &bind, Ok(())));
        assert_eq!(answer.len(), if asked == Version::V30 { 33 } else { 30 });
        assert_eq!(sp.bound(&credentials(), &answer), Ok(expected));
        assert_eq!(sp.version(), asked);
    }
}

#[test]
fn the_worked_answers_are_proven() {
    for (version, answer) in [(Version::V20, "C2"), (Version::V30, "C4")] {
        let mut sp = Cmpp::new(version);
        login(&mut sp, &credentials(), now());
        let bound = sp.bound(&credentials(), &named(answer).octets()).unwrap();
        assert_eq!((bound.version, bound.unproven), (version.octet(), false));
    }
}

#[test]
fn a_proof_of_the_other_width_is_a_proof() {
    // The answer of 2.0 with the digest of 3.0, and the other way round.
    let (short, long) = (named("C2").octets(), named("C4").octets());
    let crossed_short = [&short[..13], &long[16..32], &[0x20]].concat();
    let crossed_long = [&long[..16], &short[13..29], &[0x30]].concat();
    for (version, answer) in [(Version::V20, crossed_short), (Version::V30, crossed_long)] {
        let mut sp = Cmpp::new(version);
        login(&mut sp, &credentials(), now());
        assert!(!sp.bound(&credentials(), &answer).unwrap().unproven);
    }
}

#[test]
fn an_acceptance_without_a_proof_is_told_as_unproven() {
    let mut sp = Cmpp::new(Version::V20);
    login(&mut sp, &credentials(), now());
    let mut answer = named("C2").octets();
    answer[13] ^= 1;
    assert!(sp.bound(&credentials(), &answer).unwrap().unproven);
}

#[test]
fn an_acceptance_with_a_lower_version_or_none_goes_on_in_the_one_asked_for() {
    for octet in [0, 0x20] {
        let mut sp = Cmpp::new(Version::V30);
        login(&mut sp, &credentials(), now());
        let mut answer = named("C4").octets();
        answer[32] = octet;
        assert_eq!(sp.bound(&credentials(), &answer).unwrap().version, 0x30);
        assert_eq!(sp.version(), Version::V30);
    }
}

#[test]
fn every_refusal_of_a_login_has_its_class() {
    for (status, class, version) in [
        (1, BindRefusal::Credentials, None),
        (2, BindRefusal::Credentials, None),
        (3, BindRefusal::Credentials, None),
        (4, BindRefusal::Version, Some(0x20)),
        (5, BindRefusal::AlreadyBound, None),
        (255, BindRefusal::Unexplained, None),
    ] {
        for layout in [Layout::V2, Layout::V3] {
            let answer = ConnectResp { layout, status, authenticator_ismg: [0; 16], version: 0x20 };
            let answer = octets(&Cmpp::new(Version::V30), &answer.into());
            let refused = Cmpp::new(Version::V30).bound(&credentials(), &answer).unwrap_err();
            assert_eq!((refused.status, refused.class, refused.version), (status, class, version));
        }
    }
}

#[test]
fn an_answer_that_cannot_be_read_refuses_the_login() {
    let answer = [&[0, 0, 0, 13], &named("C2").octets()[4..13]].concat();
    let refused = Cmpp::new(Version::V20).bound(&credentials(), &answer).unwrap_err();
    assert!(matches!(refused.class, BindRefusal::Malformed(DecodeError { field: "AuthenticatorISMG", .. })));
}

#[test]
fn a_wrong_account_or_secret_is_refused_in_the_layout_of_the_login() {
    let account = Credentials { source_addr: b"901235".to_vec(), ..credentials() };
    let secret = Credentials { shared_secret: b"s3cr3t".to_vec(), ..credentials() };
    for (with, status) in [(account, 2), (secret, 3)] {
        for (asked, size) in [(Version::V20, 30), (Version::V30, 33)] {
            let mut ismg = Cmpp::server(Version::V30);
            let bind = login(&mut Cmpp::new(asked), &credentials(), now());
            let refused = ismg.verify(&with, &bind, now()).unwrap_err();
            assert_eq!((refused.status, refused.class), (status, BindRefusal::Credentials));
            let answer = ismg.bind_response(Some(&with), &bind, Err(status));
            let answer = octets(&ismg, &answer);
            assert_eq!(answer.len(), size);
            let read = ConnectResp::decode(&answer, asked).unwrap();
            assert_eq!((read.status, read.authenticator_ismg, read.version), (status, [0; 16], 0x30));
        }
    }
}

#[test]
fn an_unknown_account_is_refused_in_the_layout_of_the_login_although_nobody_verified_it() {
    let ismg = Cmpp::server(Version::V30);
    let bind = login(&mut Cmpp::new(Version::V20), &credentials(), now());
    let answer = octets(&ismg, &ismg.bind_response(None, &bind, Err(2)));
    assert_eq!(answer.len(), 30);
}

#[test]
fn a_login_that_cannot_be_read_gets_status_1() {
    let refused = Cmpp::server(Version::V30).verify(&credentials(), &named("C17").octets(), now());
    let refused = refused.unwrap_err();
    assert_eq!(refused.status, 1);
    assert!(matches!(refused.class, BindRefusal::Malformed(_)));
}

#[test]
fn a_second_login_gets_status_5_in_the_layout_in_use() {
    for version in Version::ALL {
        let dialect = Cmpp::new(version);
        let header = Header::decode(&named("C1").octets()).unwrap();
        let Some(Pdu::ConnectResp(answer)) = dialect.refuse(&header, Refusal::AlreadyBound) else {
            panic!("no answer to a second login")
        };
        assert_eq!((answer.status, answer.layout), (5, version.layout()));
    }
}

#[test]
fn probes_and_ends_are_acknowledged_in_kind() {
    let dialect = Cmpp::new(Version::V30);
    let acknowledged = |name: &str| {
        let header = Header::decode(&named(name).octets()).unwrap();
        dialect.acknowledge(&header).command_id()
    };
    assert_eq!(acknowledged("C17"), command::ACTIVE_TEST | command::RESPONSE);
    assert_eq!(acknowledged("C19"), command::TERMINATE | command::RESPONSE);
    assert_eq!(dialect.probe().map(|pdu| pdu.command_id()), Some(command::ACTIVE_TEST));
    assert_eq!(dialect.unbind().command_id(), command::TERMINATE);
}

#[test]
fn every_command_has_its_kind() {
    let kinds = [
        ("C1", UnitKind::Bind),
        ("C2", UnitKind::BindResponse),
        ("C6", UnitKind::Request(Direction::ToCarrier)),
        ("C7", UnitKind::Response),
        ("C10", UnitKind::Request(Direction::FromCarrier)),
        ("C11", UnitKind::Response),
        ("C17", UnitKind::Probe),
        ("C18", UnitKind::ProbeResponse),
        ("C19", UnitKind::Unbind),
        ("C20", UnitKind::UnbindResponse),
        ("C21", UnitKind::Request(Direction::ToCarrier)),
        ("C22", UnitKind::Response),
        ("C23", UnitKind::Request(Direction::ToCarrier)),
        ("C24", UnitKind::Response),
    ];
    for (name, kind) in kinds {
        assert_eq!(Cmpp::kind(&Header::decode(&named(name).octets()).unwrap()), kind, "{name}");
    }
    for command_id in (command::MT_ROUTE..=command::GET_MO_ROUTE).chain([command::FWD]) {
        assert_eq!(command::kind(command_id), UnitKind::Request(Direction::Either));
        assert_eq!(command::kind(command_id | command::RESPONSE), UnitKind::Response);
    }
}

#[test]
fn a_malformed_cancel_failed_and_a_malformed_query_has_no_answer() {
    let error = DecodeError { field: "Msg_Id", offset: 12, kind: DecodeErrorKind::Truncated };
    let dialect = Cmpp::new(Version::V20);
    let refuse = |name: &str| {
        let header = Header::decode(&named(name).octets()).unwrap();
        dialect.refuse(&header, Refusal::Malformed(error))
    };
    assert!(matches!(refuse("C23"), Some(Pdu::CancelResp(response)) if response.success_id == 1));
    assert_eq!(refuse("C21"), None);
}

#[test]
fn the_secret_does_not_show() {
    let shown = format!("{:?}", credentials());
    assert!(shown.contains("901234") && !shown.contains("s3cr3t"));
    assert!(!shown.contains("115, 51"), "nor as octets");
}
