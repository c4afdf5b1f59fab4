//! Any unit as CMPP, in every version: what is read is written, and read from there as the same.
#![no_main]

use bytes::BytesMut;
use codecs::cmpp::{Pdu, Version};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    // A wrong length would hide everything behind it, so half of the inputs get the right one.
    let mut unit = octets.to_vec();
    if let (Some(length), Ok(size)) = (unit.first_chunk_mut::<4>(), u32::try_from(octets.len()))
        && length[0] & 1 == 0
    {
        *length = size.to_be_bytes();
    }
    for version in Version::ALL {
        let Ok((header, pdu)) = Pdu::decode(&unit, version) else { continue };
        let _ = format!("{pdu:?}");
        if let Pdu::Deliver(deliver) = &pdu
            && let Some(Ok(report)) = deliver.report()
        {
            let _ = (report.state().outcome(), report.submitted(), report.done());
        }
        let mut out = BytesMut::new();
        pdu.encode(version, header.sequence_id, &mut out).expect("what was read can be written");
        let (_, again) = Pdu::decode(&out, version).expect("what we write we read");
        assert_eq!(again, pdu);
    }
});
