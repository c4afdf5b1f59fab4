//! Any octets as text of every charset: what is read without loss is written and read from there as the same.
#![no_main]

use codecs::text::{
    self, Charset, Decoded,
    gsm7::{Gsm7National, Language, packing},
};
use libfuzzer_sys::fuzz_target;

const ALL: [Charset; 7] = [
    Charset::Gsm7,
    Charset::Ascii,
    Charset::Latin1,
    Charset::Ucs2,
    Charset::Gbk,
    Charset::Gb18030,
    Charset::Binary,
];

fuzz_target!(|octets: &[u8]| {
    for charset in ALL {
        let Decoded { text, lossy } = text::decode(octets, charset);
        if lossy {
            continue;
        }
        if let Ok(written) = text::encode(&text, charset) {
            assert_eq!(text::decode(&written, charset), Decoded { text, lossy }, "{charset:?}");
        }
    }
    let [locking, single, fill_bits, octets @ ..] = octets else { return };
    let national =
        Gsm7National { locking: Language::from_code(*locking), single: Language::from_code(*single) };
    let _ = national.decode(octets);
    let fill_bits = usize::from(*fill_bits) % 7;
    let septets: Vec<u8> = octets.iter().map(|octet| octet & 0x7F).collect();
    let packed = packing::pack(&septets, fill_bits);
    assert_eq!(packing::unpack(&packed, fill_bits, septets.len()), septets);
    let _ = packing::unpack_padded(octets, fill_bits);
    let padded = packing::unpack_padded(&packing::pack_padded(&septets, fill_bits), fill_bits);
    assert!(padded.starts_with(&septets) && padded.len() <= septets.len() + 1, "{septets:x?} {padded:x?}");
});
