//! No octets from a peer make the CMPP decoder panic, and what it takes it can write again.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/cmpp_vectors.rs"]
mod vectors;

use bytes::BytesMut;
use codecs::cmpp::{Cmpp, Deliver, Fwd, Header, MoReport, Pdu, Report, Submit, Version};
use codecs::session::{Dialect, Refusal};
use proptest::prelude::*;
use vectors::VECTORS;

/// Reads the octets in every version.
fn read(octets: &[u8]) {
    for version in Version::ALL {
        read_in(version, octets);
    }
}

/// Reads the octets, and all that can be read from what is in them.
fn read_in(version: Version, octets: &[u8]) {
    match Pdu::decode(octets, version) {
        Ok((header, pdu)) => {
            look_into(&pdu);
            written_again(header, &pdu, version);
        }
        Err(error) => {
            assert!(error.offset <= octets.len());
            if let Ok(header) = Header::decode(octets) {
                let _ = Cmpp::new(version).refuse(&header, Refusal::Malformed(error));
            }
        }
    }
}

/// Every other value in every octet of every vector.
fn mutate_every_octet(version: Version) {
    for vector in VECTORS {
        let mut octets = vector.octets();
        for at in 0..octets.len() {
            let original = octets[at];
            for value in 0..=u8::MAX {
                octets[at] = value;
                read_in(version, &octets);
            }
            octets[at] = original;
        }
    }
}

fn look_into(pdu: &Pdu<'_>) {
    match pdu {
        Pdu::Deliver(Deliver { msg_content, .. }) => look_into_receipts(msg_content),
        Pdu::Fwd(Fwd { msg_content, dest_id, .. }) => {
            look_into_receipts(msg_content);
            assert_eq!(dest_id.iter().count(), dest_id.len());
        }
        Pdu::Submit(Submit { dest_terminal_id, .. }) => {
            assert_eq!(dest_terminal_id.iter().count(), dest_terminal_id.len());
        }
        _ => {}
    }
}

fn look_into_receipts(content: &[u8]) {
    if let Ok(report) = Report::decode(content) {
        let _ = (report.state().outcome(), report.submitted(), report.done(), report.msg_id.digits());
    }
    if let Ok(report) = MoReport::decode(content) {
        let _ = (report.state().outcome(), report.delivered(), report.answered());
    }
}

/// What was taken is written in a form that reads the same.
fn written_again(header: Header, pdu: &Pdu<'_>, version: Version) {
    let mut written = BytesMut::new();
    pdu.encode(version, header.sequence_id, &mut written).unwrap();
    let (again, same) = Pdu::decode(&written, version).unwrap();
    assert_eq!((again.command_id, again.sequence_id), (header.command_id, header.sequence_id));
    assert_eq!(same, *pdu);
}

/// The same octets with the length that they have.
fn measured(octets: &mut [u8]) {
    let length = u32::try_from(octets.len()).unwrap();
    if let Some(field) = octets.get_mut(..4) {
        field.copy_from_slice(&length.to_be_bytes());
    }
}

#[test]
fn every_truncation_of_every_vector_is_survived() {
    for vector in VECTORS {
        let octets = vector.octets();
        for end in 0..octets.len() {
            let mut short = octets[..end].to_vec();
            read(&short);
            measured(&mut short);
            read(&short);
        }
    }
}

#[test]
fn every_mutation_of_one_octet_of_every_vector_is_survived_in_2_0() {
    mutate_every_octet(Version::V20);
}

#[test]
fn every_mutation_of_one_octet_of_every_vector_is_survived_in_2_1() {
    mutate_every_octet(Version::V21);
}

#[test]
fn every_mutation_of_one_octet_of_every_vector_is_survived_in_3_0() {
    mutate_every_octet(Version::V30);
}

proptest! {
    #[test]
    fn any_octets_are_survived(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
        read(&octets);
        look_into_receipts(&octets);
    }

    #[test]
    fn any_body_under_any_command_is_survived(
        command in 0u32..0x20,
        response in any::<bool>(),
        body in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let command_id = if response { command | 0x8000_0000 } else { command };
        let mut octets = [&[0; 4], &command_id.to_be_bytes()[..], &[0; 4], &body].concat();
        measured(&mut octets);
        read(&octets);
    }
}
