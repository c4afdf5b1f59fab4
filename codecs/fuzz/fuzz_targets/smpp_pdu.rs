//! Any unit as SMPP: what is read is written as it was, but for octets at its end that mean nothing, and read from
//! there as the same; what is refused has a place in the unit and a status.
#![no_main]

use bytes::BytesMut;
use codecs::smpp::{Body, Header, Pdu, Receipt, Recognition, Status};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    // A wrong length would hide everything behind it, so half of the inputs get the right one.
    let mut unit = octets.to_vec();
    if let (Some(length), Ok(size)) = (unit.first_chunk_mut::<4>(), u32::try_from(octets.len()))
        && length[0] & 1 == 0
    {
        *length = size.to_be_bytes();
    }
    let (header, pdu) = match Pdu::decode(&unit) {
        Ok(read) => read,
        Err(error) => {
            assert!(error.offset <= unit.len(), "{error}");
            assert!(!Status::from(&error).is_ok());
            return;
        }
    };
    assert_eq!(Header::at_start_of(&unit), Some(header));
    look_into(&pdu);
    let mut out = BytesMut::new();
    pdu.encode(header.sequence_number, &mut out).expect("what was read can be written");
    assert!(unit[4..].starts_with(&out[4..]), "something in the middle was lost or moved");
    let (_, again) = Pdu::decode(&out).expect("what we write we read");
    assert_eq!(again, pdu);
});

/// Reads everything that can be read of a unit.
fn look_into(pdu: &Pdu<'_>) {
    let _ = format!("{pdu:?}");
    let tlvs = pdu.body.tlvs();
    let walked: usize = tlvs.iter().map(|tlv| 4 + tlv.value.len()).sum();
    assert_eq!(walked, tlvs.as_octets().len(), "every octet of the TLV region is walked");
    for tlv in tlvs {
        let _ = (tlv.check(), tlv.integer(), tlv.c_string(), tlv.tag.name());
        assert!(tlvs.all(tlv.tag).any(|same| same == tlv));
    }
    let _ = (tlvs.sar(), tlvs.network_error_code(), pdu.status.reaction());
    match pdu.body {
        Body::SubmitSm(sm) | Body::DeliverSm(sm) => drop(Receipt::of_deliver_sm(&sm, Recognition::TextToo)),
        Body::DataSm(data) => {
            let _ = Receipt::of_data_sm(&data, Recognition::TextToo);
            assert_eq!(data.needed_user_data().ok(), data.user_data());
        }
        Body::SubmitMulti(multi) => assert_eq!(multi.dest_address.iter().count(), multi.dest_address.len()),
        Body::SubmitMultiResp(Some(resp)) => {
            assert_eq!(resp.unsuccess_sme.iter().count(), resp.unsuccess_sme.len());
        }
        _ => {}
    }
}
