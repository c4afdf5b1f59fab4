//! Any unit as SMPP: what is read is written as it was, and read from there as the same.
#![no_main]

use bytes::BytesMut;
use codecs::smpp::Pdu;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    // A wrong length would hide everything behind it, so half of the inputs get the right one.
    let mut unit = octets.to_vec();
    if let (Some(length), Ok(size)) = (unit.first_chunk_mut::<4>(), u32::try_from(octets.len()))
        && length[0] & 1 == 0
    {
        *length = size.to_be_bytes();
    }
    let Ok((header, pdu)) = Pdu::decode(&unit) else { return };
    let _ = format!("{pdu:?}");
    for tlv in pdu.body.tlvs() {
        let _ = (tlv.check(), tlv.integer(), tlv.c_string(), tlv.tag.name());
    }
    let _ = (pdu.body.tlvs().sar(), pdu.body.tlvs().network_error_code(), pdu.status.reaction());
    let mut out = BytesMut::new();
    pdu.encode(header.sequence_number, &mut out).expect("what was read can be written");
    let (_, again) = Pdu::decode(&out).expect("what we write we read");
    assert_eq!(again, pdu);
});
