//! Any unit as CMPP, in every version: what is read is written, and read from there as the same; what is refused has a
//! place in the unit and can be answered.
#![no_main]

use bytes::BytesMut;
use codecs::{
    cmpp::{Cmpp, Header, Pdu, Version},
    session::{Dialect, Refusal},
};
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
        let (header, pdu) = match Pdu::decode(&unit, version) {
            Ok(read) => read,
            Err(error) => {
                assert!(error.offset <= unit.len(), "{error}");
                if let Ok(header) = Header::decode(&unit) {
                    let _ = Cmpp::new(version).refuse(&header, Refusal::Malformed(error));
                }
                continue;
            }
        };
        look_into(&pdu);
        let mut out = BytesMut::new();
        pdu.encode(version, header.sequence_id, &mut out).expect("what was read can be written");
        let (again, same) = Pdu::decode(&out, version).expect("what we write we read");
        assert_eq!((again.command_id, again.sequence_id), (header.command_id, header.sequence_id));
        assert_eq!(same, pdu);
        let mut twice = BytesMut::new();
        same.encode(version, header.sequence_id, &mut twice).expect("what was read can be written");
        assert_eq!(twice, out, "written otherwise the second time");
    }
});

/// Reads everything that can be read of a unit.
fn look_into(pdu: &Pdu<'_>) {
    let _ = format!("{pdu:?}");
    match pdu {
        Pdu::Deliver(deliver) => {
            if let Some(Ok(report)) = deliver.report() {
                let _ = (report.state().outcome(), report.submitted(), report.done());
            }
        }
        Pdu::Submit(submit) => {
            let numbers = &submit.dest_terminal_id;
            assert_eq!(numbers.iter().count(), numbers.len());
        }
        Pdu::Fwd(forward) => assert_eq!(forward.dest_id.iter().count(), forward.dest_id.len()),
        _ => {}
    }
}
