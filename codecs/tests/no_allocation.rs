//! Nothing is allocated to read a unit, to write one into a buffer that has room, or for a message on a session that
//! has been in use.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support {
    pub mod cmpp_vectors;
    pub mod sip_examples;
    pub mod smpp_examples;
    pub mod smpp_link;
}

use std::{collections::BTreeSet, hint::black_box};

use allocation_counter::measure;
use bytes::{Bytes, BytesMut};
use codecs::{
    cmpp,
    session::Ticket,
    sip::{self, Name, message::Via, validate},
    smpp::{self, Receipt, Recognition},
};
use support::{
    cmpp_vectors::VECTORS,
    smpp_examples::{EXAMPLES, octets},
    smpp_link::{Link, Traffic},
};

/// Allocations of `work`.
fn allocations(work: impl FnOnce()) -> u64 {
    measure(work).count_total
}

#[test]
fn the_count_is_not_always_zero() {
    assert_eq!(allocations(|| drop(black_box(vec![1_u8]))), 1);
}

/// The sound examples, and one of the same layout for each command that they leave out.
fn smpp_units() -> Vec<(String, Vec<u8>)> {
    use smpp::CommandId as Id;
    let sound = EXAMPLES.iter().filter(|(name, _)| name.starts_with('E'));
    let mut units: Vec<_> = sound.map(|(name, _)| (name.to_string(), octets(name))).collect();
    for (name, command) in [
        ("E1", Id::BIND_TRANSMITTER),
        ("E2", Id::BIND_TRANSMITTER_RESP),
        ("E2", Id::BIND_RECEIVER_RESP),
        ("E5", Id::CANCEL_SM_RESP),
        ("E5", Id::REPLACE_SM_RESP),
        ("E7", Id::DATA_SM_RESP),
    ] {
        let mut unit = octets(name);
        unit[4..8].copy_from_slice(&command.0.to_be_bytes());
        units.push((format!("{name} as {command}"), unit));
    }
    units
}

#[test]
fn smpp_units_are_read_and_written_without_allocating() {
    let mut commands = BTreeSet::new();
    let mut out = BytesMut::with_capacity(4096);
    for (name, unit) in smpp_units() {
        let (header, pdu) = smpp::Pdu::decode(&unit).unwrap();
        commands.insert(header.command_id);
        let read = allocations(|| {
            let (_, pdu) = smpp::Pdu::decode(black_box(&unit)).unwrap();
            for tlv in pdu.body.tlvs() {
                let _ = black_box((tlv.check(), tlv.integer(), tlv.c_string()));
            }
        });
        assert_eq!(read, 0, "{name} read");
        out.clear();
        let written = allocations(|| black_box(&pdu).encode(header.sequence_number, &mut out).unwrap());
        assert_eq!((written, &out[..]), (0, &unit[..]), "{name} written");
    }
    assert_eq!(commands, smpp::CommandId::ALL.iter().copied().collect(), "not every command was tried");
}

#[test]
fn malformed_smpp_units_are_refused_without_allocating() {
    for (name, _) in EXAMPLES {
        let unit = octets(name);
        for end in 0..unit.len() {
            let refused = allocations(|| {
                let _ = black_box(smpp::Pdu::decode(&unit[..end]));
            });
            assert_eq!(refused, 0, "{name} of {end} octets");
        }
    }
}

#[test]
fn receipts_are_read_without_allocating() {
    for name in ["E17", "E18", "E41"] {
        let unit = octets(name);
        let read = allocations(|| {
            let (_, pdu) = smpp::Pdu::decode(black_box(&unit)).unwrap();
            let smpp::Body::DeliverSm(sm) = pdu.body else { unreachable!("{name} is a deliver_sm") };
            match Receipt::of_deliver_sm(&sm, Recognition::Flagged) {
                smpp::ReceiptReading::Receipt(receipt) => {
                    black_box((receipt.id(), receipt.message_state(), receipt.text().done()));
                }
                other => unreachable!("{name} is {other:?}"),
            }
        });
        assert_eq!(read, 0, "{name}");
    }
}

#[test]
fn cmpp_units_are_read_and_written_without_allocating() {
    let mut commands = BTreeSet::new();
    let mut out = BytesMut::with_capacity(4096);
    for vector in VECTORS {
        let (unit, version) = (vector.octets(), vector.version);
        let (header, pdu) = cmpp::Pdu::decode(&unit, version).unwrap();
        commands.insert(header.command_id);
        let read = allocations(|| {
            let (_, pdu) = cmpp::Pdu::decode(black_box(&unit), version).unwrap();
            match &pdu {
                cmpp::Pdu::Submit(submit) => submit.dest_terminal_id.iter().for_each(|number| {
                    black_box(number);
                }),
                cmpp::Pdu::Deliver(deliver) => {
                    black_box(deliver.report().map(|report| report.unwrap().state()));
                }
                _ => {}
            }
        });
        assert_eq!(read, 0, "{} read", vector.name);
        out.clear();
        let written = allocations(|| black_box(&pdu).encode(version, header.sequence_id, &mut out).unwrap());
        assert_eq!(written, 0, "{} written", vector.name);
    }
    use cmpp::command::*;
    for request in [CONNECT, TERMINATE, SUBMIT, DELIVER, QUERY, CANCEL, ACTIVE_TEST] {
        assert!(commands.contains(&request) && commands.contains(&(request | RESPONSE)), "{request:#x}");
    }
}

#[test]
fn the_units_between_gateways_are_read_and_written_without_allocating() {
    let requests_and_answers: [cmpp::Pdu<'_>; 18] = [
        cmpp::Fwd { dest_id: cmpp::Recipients::one(b"13800138000"), ..Default::default() }.into(),
        cmpp::FwdResp::default().into(),
        cmpp::MtRoute::default().into(),
        cmpp::MtRouteResp::default().into(),
        cmpp::MoRoute::default().into(),
        cmpp::MoRouteResp::default().into(),
        cmpp::GetMtRoute::default().into(),
        cmpp::GetMtRouteResp::default().into(),
        cmpp::MtRouteUpdate::default().into(),
        cmpp::MtRouteUpdateResp::default().into(),
        cmpp::MoRouteUpdate::default().into(),
        cmpp::MoRouteUpdateResp::default().into(),
        cmpp::PushMtRouteUpdate::default().into(),
        cmpp::PushMtRouteUpdateResp::default().into(),
        cmpp::PushMoRouteUpdate::default().into(),
        cmpp::PushMoRouteUpdateResp::default().into(),
        cmpp::GetMoRoute::default().into(),
        cmpp::GetMoRouteResp::default().into(),
    ];
    let mut out = BytesMut::with_capacity(4096);
    for version in [cmpp::Version::V21, cmpp::Version::V30] {
        for pdu in &requests_and_answers {
            out.clear();
            assert_eq!(allocations(|| pdu.encode(version, 1, &mut out).unwrap()), 0, "{pdu:?} written");
            let read = allocations(|| {
                black_box(cmpp::Pdu::decode(&out, version).unwrap());
            });
            assert_eq!(read, 0, "{pdu:?} read");
        }
    }
}

/// What a driver does with octets may allocate; what the session does may not.
#[test]
fn a_session_in_use_allocates_nothing_for_a_message() {
    let units = ["E11a", "E7", "E17", "E16"].map(octets);
    let traffic = Traffic::of_units(units.each_ref().map(Vec::as_slice));
    let mut link = Link::bound(64);
    for _ in 0..5 {
        assert_eq!(link.round(&traffic), 128);
    }
    for turn in 0..200 {
        let Link { now, esme, centre } = &mut link;
        let ticket = Ticket(turn);
        let submit = allocations(|| {
            esme.session.submit(*now, ticket, &traffic.submit).unwrap();
        });
        centre.read_from(esme);
        let unit = centre.next_unit().unwrap();
        let answer = allocations(|| {
            centre.session.handle_frame(*now, unit);
            let reply = centre.next_request();
            centre.session.answer(*now, reply, &traffic.submit_resp).unwrap();
        });
        esme.read_from(centre);
        let unit = esme.next_unit().unwrap();
        let mut answered = 0;
        let told = allocations(|| {
            esme.session.handle_frame(*now, unit);
            answered = esme.react(*now, &traffic.deliver_resp);
        });
        assert_eq!((submit, answer, told, answered), (0, 0, 0, 1), "turn {turn}");
    }
}

/// What reading a SIP message may cost: the table of its headers.
const SIP_READ: u64 = 1;
/// What writing one may cost: the table, the octets, and the count of who shares them.
const SIP_WRITTEN: u64 = 3;

#[test]
fn a_sip_message_is_read_with_one_allocation_and_its_headers_with_none() {
    for (name, octets, _) in support::sip_examples::EXAMPLES {
        let octets = Bytes::from_static(octets);
        let (abilities, mut read) = (validate::Abilities::default(), None);
        let whole = allocations(|| {
            let sip::framing::Datagram::Message(message) = sip::framing::datagram(octets.clone()).unwrap()
            else {
                unreachable!("{name} is a message");
            };
            read = Some(message);
        });
        assert_eq!(whole, SIP_READ, "{name}");
        let message = read.unwrap();
        let typed = allocations(|| {
            assert_eq!(validate::form(&message, &abilities), validate::Verdict::Pass, "{name}");
            for value in message.values(Name::Via) {
                black_box(Via::parse(value).unwrap().branch());
            }
            for address in [message.from(), message.to()] {
                black_box((address.unwrap().uri().unwrap().number(), address.unwrap().tag()));
            }
            let _ = black_box((
                message.cseq(),
                message.call_id(),
                message.content_length(),
                message.max_forwards(),
            ));
            let _ = black_box((
                message.contact().is_ok(),
                message.session_expires(),
                message.has_option(Name::Require, "x"),
            ));
        });
        assert_eq!(typed, 0, "{name} in typed form");
    }
}

#[test]
fn a_sip_message_is_written_with_three_allocations() {
    let written = allocations(|| {
        let mut writer = sip::Writer::request(sip::Method::Invite, "sip:bob@example.com");
        writer
            .field(Name::Via, "SIP/2.0/UDP 192.0.2.5:5060;rport;branch=z9hG4bKa2")
            .field(Name::From, "<sip:alice@example.com>;tag=f1")
            .cseq(102, sip::Method::Invite)
            .number(Name::MaxForwards, 70_u8);
        black_box(writer.body("application/sdp", "v=0\r\n"));
    });
    assert_eq!(written, SIP_WRITTEN);
}
