use bytes::BytesMut;
use codecs::{
    session::{Dialect, Refusal},
    smpp::{Body, Header, Pdu, Receipt, ReceiptReading, Recognition, Smpp, Status, Version},
};
use conformance::vector::{Spec, Vector};

use super::{bounded, mutations, stream, truncations, with_length};

pub(crate) fn vectors() -> Vec<Vector> {
    let mut all = super::vectors(&[Spec::Smpp34, Spec::Smpp50]);
    all.retain(|vector| vector.text.is_none());
    all
}

/// Reads one unit and everything in it, and writes it again.
fn read(unit: &[u8]) {
    let (header, pdu) = match Pdu::decode(unit) {
        Ok(read) => read,
        Err(error) => {
            assert!(error.offset <= unit.len() && !Status::from(&error).is_ok(), "{error}");
            if let Ok(header) = Header::decode(unit) {
                let _ = Smpp::server("SMSC1", Version::V34).refuse(&header, Refusal::Malformed(error));
            }
            return;
        }
    };
    let tlvs = pdu.body.tlvs();
    let walked: usize = tlvs.iter().map(|tlv| 4 + tlv.value.len()).sum();
    assert_eq!(walked, tlvs.as_octets().len());
    let _ = (tlvs.check(), tlvs.sar(), tlvs.network_error_code());
    match pdu.body {
        Body::SubmitSm(sm) | Body::DeliverSm(sm) => {
            let _ = sm.check(Version::V34);
            receipt(&Receipt::of_deliver_sm(&sm, Recognition::TextToo));
            super::text::read(&sm.user_data(), sm.data_coding.0);
        }
        Body::DataSm(data) => receipt(&Receipt::of_data_sm(&data, Recognition::TextToo)),
        Body::SubmitMulti(multi) => {
            let _ = multi.check(Version::V34);
            assert_eq!(multi.dest_address.iter().count(), multi.dest_address.len());
        }
        Body::SubmitMultiResp(Some(resp)) => {
            assert_eq!(resp.unsuccess_sme.iter().count(), resp.unsuccess_sme.len());
        }
        _ => {}
    }
    let mut out = BytesMut::new();
    pdu.encode(header.sequence_number, &mut out).unwrap();
    assert!(unit[4..].starts_with(&out[4..]), "written otherwise");
    assert_eq!(Pdu::decode(&out).unwrap().1, pdu);
}

fn receipt(reading: &ReceiptReading<'_>) {
    if let ReceiptReading::Receipt(receipt) | ReceiptReading::Unparsed(receipt) = reading {
        let text = receipt.text();
        let _ = (receipt.id(), receipt.message_state(), text.submitted(), text.done());
    }
}

#[test]
fn every_truncation_of_every_smpp_vector_is_survived() {
    for vector in vectors() {
        for cut in truncations(&vector.octets) {
            stream(cut, Smpp::LIMITS, read);
            let whole = Header::decode(cut).is_ok();
            assert!(whole || Pdu::decode(cut).is_err(), "{} cut at {}", vector.id, cut.len());
            let shorter = with_length(cut);
            bounded(&shorter, || read(&shorter));
        }
    }
}

#[test]
fn every_mutation_of_one_octet_of_every_smpp_vector_is_survived() {
    for vector in vectors() {
        mutations(&vector.octets, usize::MAX, |mutated| bounded(mutated, || read(mutated)));
        // A wrong length shows in the stream only.
        mutations(&vector.octets, 4, |mutated| stream(mutated, Smpp::LIMITS, read));
    }
}
