use bytes::BytesMut;
use codecs::{
    cmpp::{Cmpp, Header, MoReport, Pdu, Report, Version},
    session::{Dialect, Refusal},
};
use conformance::vector::{Spec, Vector};

use super::{bounded, mutations, stream, truncations, with_length};

pub(crate) fn vectors() -> Vec<Vector> {
    super::vectors(&[Spec::Cmpp20, Spec::Cmpp30])
}

/// Reads one unit and everything in it, and writes it again.
fn read(unit: &[u8], version: Version) {
    let (header, pdu) = match Pdu::decode(unit, version) {
        Ok(read) => read,
        Err(error) => {
            assert!(error.offset <= unit.len(), "{error}");
            if let Ok(header) = Header::decode(unit) {
                let _ = Cmpp::new(version).refuse(&header, Refusal::Malformed(error));
            }
            return;
        }
    };
    match &pdu {
        Pdu::Submit(submit) => {
            assert_eq!(submit.dest_terminal_id.iter().count(), submit.dest_terminal_id.len());
            super::text::read(submit.msg_content, submit.msg_fmt);
        }
        Pdu::Deliver(deliver) => content(deliver.msg_content, deliver.msg_fmt),
        Pdu::Fwd(forward) => {
            assert_eq!(forward.dest_id.iter().count(), forward.dest_id.len());
            content(forward.msg_content, forward.msg_fmt);
        }
        _ => {}
    }
    let mut out = BytesMut::new();
    pdu.encode(version, header.sequence_id, &mut out).unwrap();
    let (again, same) = Pdu::decode(&out, version).unwrap();
    assert_eq!((again.command_id, again.sequence_id), (header.command_id, header.sequence_id));
    assert_eq!(same, pdu);
}

/// Reads a content as both kinds of receipt and as a text.
fn content(content: &[u8], coding: u8) {
    if let Ok(report) = Report::decode(content) {
        let _ = (report.state().outcome(), report.submitted(), report.done());
    }
    if let Ok(report) = MoReport::decode(content) {
        let _ = (report.state().outcome(), report.delivered(), report.answered());
    }
    super::text::read(content, coding);
}

fn mutate(version: Version, is_wanted: impl Fn(&[u8]) -> bool) {
    for vector in vectors().iter().filter(|vector| is_wanted(&vector.octets)) {
        mutations(&vector.octets, usize::MAX, |mutated| bounded(mutated, || read(mutated, version)));
        mutations(&vector.octets, 4, |mutated| stream(mutated, Cmpp::LIMITS, |unit| read(unit, version)));
    }
}

#[test]
fn every_truncation_of_every_cmpp_vector_is_survived_in_every_version() {
    for vector in vectors() {
        for version in Version::ALL {
            for cut in truncations(&vector.octets) {
                stream(cut, Cmpp::LIMITS, |unit| read(unit, version));
                // Some vectors are several units.
                let whole = Header::decode(cut).is_ok();
                assert!(whole || Pdu::decode(cut, version).is_err(), "{} cut at {}", vector.id, cut.len());
                let shorter = with_length(cut);
                bounded(&shorter, || read(&shorter, version));
            }
        }
    }
}

#[test]
fn every_mutation_of_one_octet_of_every_cmpp_vector_is_survived_in_2_0() {
    mutate(Version::V20, |_| true);
}

#[test]
fn every_mutation_of_one_octet_of_every_cmpp_vector_is_survived_in_2_1_where_it_is_not_2_0() {
    let route = |octets: &[u8]| Header::decode(octets).is_ok_and(|header| header.command_id & 0xFF >= 0x10);
    mutate(Version::V21, route);
}

#[test]
fn every_mutation_of_one_octet_of_every_cmpp_vector_is_survived_in_3_0() {
    mutate(Version::V30, |_| true);
}
