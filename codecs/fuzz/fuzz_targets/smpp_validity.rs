//! Any octets as a time: what is read is written as it was, and ends no period before it begins.
#![no_main]

use codecs::validity::{Validity, parse_local, parse_reported};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|field: &[u8]| {
    let _ = (parse_reported(field), parse_local(field));
    let Ok(Some(validity)) = Validity::parse(field) else { return };
    let written = validity.to_octets();
    // Nothing ahead of UTC and nothing behind it are the same.
    assert!(written == *field || (field.ends_with(b"00-") && written[..15] == field[..15]));
    assert_eq!(Validity::parse(&written), Ok(Some(validity)));
    for now in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
        let after = validity.after(now);
        if let (Validity::Relative(_), Some(after)) = (validity, after) {
            assert!(after >= now, "a period that ends before it begins");
        }
    }
});
