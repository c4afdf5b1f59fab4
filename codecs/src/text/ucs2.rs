//! UCS-2 as phones and SMSCs use it: UTF-16, big-endian.

use super::charset::Decoded;

pub(super) fn encode(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len() * 2);
    for unit in text.encode_utf16() {
        octets.extend_from_slice(&unit.to_be_bytes());
    }
    octets
}

/// A mark at the start is taken off; only FF FE makes the text little-endian. A last odd octet is left out.
pub(super) fn decode(octets: &[u8]) -> Decoded {
    let (octets, little_endian) = match octets {
        [0xFE, 0xFF, rest @ ..] => (rest, false),
        [0xFF, 0xFE, rest @ ..] => (rest, true),
        all => (all, false),
    };
    let unit = |&pair| if little_endian { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) };
    let (pairs, odd) = octets.as_chunks::<2>();
    let mut text = String::with_capacity(octets.len());
    let mut lossy = !odd.is_empty();
    for character in char::decode_utf16(pairs.iter().map(unit)) {
        lossy |= character.is_err();
        text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    Decoded { text, lossy }
}

pub(super) fn character_octets(octets: &[u8]) -> usize {
    match octets {
        [0xD8..=0xDB, ..] => 4,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(octets: &[u8]) -> (String, bool) {
        let Decoded { text, lossy } = decode(octets);
        (text, lossy)
    }

    #[test]
    fn takes_a_byte_order_mark_off_and_believes_it() {
        assert_eq!(decoded(&[0xFE, 0xFF, 0x4F, 0x60]), ("你".to_owned(), false));
        assert_eq!(decoded(&[0xFF, 0xFE, 0x60, 0x4F]), ("你".to_owned(), false));
        assert_eq!(decoded(&[0x60, 0x4F]), ("恏".to_owned(), false));
    }

    #[test]
    fn reads_the_even_part_when_an_octet_is_odd() {
        assert_eq!(decoded(&[0x4F, 0x60, 0x59]), ("你".to_owned(), true));
        assert_eq!(decoded(&[0x4F]), (String::new(), true));
    }

    #[test]
    fn marks_half_a_surrogate_pair() {
        assert_eq!(decoded(&[0xD8, 0x3D, 0x00, 0x61]), ("\u{FFFD}a".to_owned(), true));
        assert_eq!(decoded(&[0xDE, 0x00]), ("\u{FFFD}".to_owned(), true));
        assert_eq!(decoded(&[0xD8, 0x3D, 0xDE, 0x00]), ("😀".to_owned(), false));
    }
}
