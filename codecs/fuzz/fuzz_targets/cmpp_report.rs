//! Any octets as the content of a receipt.
#![no_main]

use bytes::BytesMut;
use codecs::cmpp::{MoReport, Report, Version};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|content: &[u8]| {
    if let Ok(report) = Report::decode(content) {
        let _ = (report.state().outcome(), report.submitted(), report.done());
        for version in Version::ALL {
            let mut out = BytesMut::new();
            match report.encode(version, &mut out) {
                Ok(()) => assert_eq!(Report::decode(&out), Ok(report)),
                Err(_) => assert!(out.is_empty()),
            }
        }
    }
    if let Ok(report) = MoReport::decode(content) {
        let _ = (report.state().outcome(), report.delivered(), report.answered());
        let mut out = BytesMut::new();
        report.encode(&mut out).expect("what was read can be written");
        assert_eq!(MoReport::decode(&out), Ok(report));
    }
});
