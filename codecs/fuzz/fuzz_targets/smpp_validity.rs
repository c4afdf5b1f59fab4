//! Any octets as a time: what is read is written as it was.
#![no_main]

use codecs::validity::{Validity, parse_local, parse_reported};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|field: &[u8]| {
    let _ = (parse_reported(field), parse_local(field));
    let Ok(Some(validity)) = Validity::parse(field) else { return };
    let written = validity.to_octets();
    assert_eq!(Validity::parse(&written), Ok(Some(validity)));
    for now in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
        let _ = validity.after(now);
    }
});
