use codecs::text::{
    Charset, Udh, decode,
    gsm7::{
        Gsm7National,
        packing::{unpack, unpack_padded},
    },
};
use conformance::vector::Spec;

use super::{bounded, mutations, truncations, vectors};

/// Reads user data in one charset, which a wrong `coding` may make any, with a header and without.
pub(crate) fn read(user_data: &[u8], coding: u8) {
    let _ = decode(body(user_data), Charset::ALL[usize::from(coding) % Charset::ALL.len()]);
}

/// The user data behind its header, if it has one.
fn body(user_data: &[u8]) -> &[u8] {
    match Udh::parse(user_data) {
        Ok((header, rest)) => {
            assert_eq!(header.octets() + rest.len(), user_data.len());
            assert!(header.concat().is_none_or(|concat| concat.is_sound()));
            let _ = (header.ports(), Gsm7National::announced(header).decode(rest));
            rest
        }
        Err(_) => user_data,
    }
}

/// Reads user data in every charset.
fn read_in_all(user_data: &[u8]) {
    for charset in Charset::ALL {
        let _ = decode(body(user_data), charset);
    }
}

/// The same for septets that are packed, in any place and of any count.
fn unpacked(octets: &[u8]) {
    for fill_bits in 0..7 {
        for septets in [0, 1, octets.len(), octets.len() * 8 / 7, usize::from(u8::MAX)] {
            let _ = decode(&unpack(octets, fill_bits, septets), Charset::Gsm7);
        }
        let _ = decode(&unpack_padded(octets, fill_bits), Charset::Gsm7);
    }
}

#[test]
fn every_truncation_and_mutation_of_every_text_is_survived() {
    let texts = vectors(&[Spec::Smpp34]).into_iter().filter(|vector| vector.text.is_some());
    let mut seen = 0;
    for vector in texts {
        seen += 1;
        let look = |octets: &[u8]| {
            bounded(octets, || {
                read_in_all(octets);
                unpacked(octets);
            });
        };
        truncations(&vector.octets).for_each(look);
        mutations(&vector.octets, usize::MAX, look);
    }
    assert!(seen > 10, "{seen} texts");
}
