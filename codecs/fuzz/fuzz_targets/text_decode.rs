//! Any octets as text of every charset: what is read without loss is written and read from there as the same.
#![no_main]

use codecs::text::{
    self, Charset, Decoded,
    gsm7::{Gsm7National, Language, packing},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    for charset in Charset::ALL {
        let Decoded { text, lossy } = text::decode(octets, charset);
        assert!(text.len() <= 3 * octets.len(), "{charset:?} makes much of little");
        if lossy {
            continue;
        }
        match text::encode(&text, charset) {
            // A mark at the start is no text: it is taken off, and a second one behind it would be.
            Ok(_) if charset == Charset::Ucs2 && text.starts_with(['\u{FEFF}', '\u{FFFE}']) => {}
            Ok(written) => {
                assert_eq!(text::decode(&written, charset), Decoded { text, lossy }, "{charset:?}");
            }
            // Four octets are read in GBK too, and written in GB18030 only; one private character is not even there.
            Err(refused) => assert!(
                charset == Charset::Gbk || charset == Charset::Gb18030 && refused.character == '\u{E5E5}',
                "{charset:?} {refused}"
            ),
        }
    }
    let [locking, single, fill_bits, octets @ ..] = octets else { return };
    let national =
        Gsm7National { locking: Language::from_code(*locking), single: Language::from_code(*single) };
    let Decoded { text, lossy } = national.decode(octets);
    if !lossy {
        let written = national.encode(&text).expect("what was read can be written");
        assert_eq!(national.decode(&written), Decoded { text, lossy }, "{national:?}");
    }
    let fill_bits = usize::from(*fill_bits) % 7;
    let septets: Vec<u8> = octets.iter().map(|octet| octet & 0x7F).collect();
    let packed = packing::pack(&septets, fill_bits);
    assert_eq!(packing::unpack(&packed, fill_bits, septets.len()), septets);
    let _ = packing::unpack_padded(octets, fill_bits);
    let padded = packing::unpack_padded(&packing::pack_padded(&septets, fill_bits), fill_bits);
    assert!(padded.starts_with(&septets) && padded.len() <= septets.len() + 1, "{septets:x?} {padded:x?}");
});
