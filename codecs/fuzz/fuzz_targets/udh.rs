//! Any user data as a header and what follows it.
#![no_main]

use codecs::text::Udh;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|user_data: &[u8]| {
    let Ok((udh, rest)) = Udh::parse(user_data) else { return };
    assert_eq!(udh.octets() + rest.len(), user_data.len());
    let elements: usize = udh.elements().map(|element| 2 + element.data.len()).sum();
    assert_eq!(1 + elements, udh.octets(), "an element was left out");
    let _ = (udh.ports(), udh.locking_shift(), udh.single_shift());
    if let Some(concat) = udh.concat() {
        assert!(concat.is_sound());
        let header = concat.header();
        let (again, rest) = Udh::parse(&header).expect("what we write we read");
        assert_eq!((again.concat(), rest), (Some(concat), [].as_slice()));
    }
});
