//! Septets squeezed into octets (3GPP TS 23.038 6.1.2.1): septet i takes bits 7i to 7i+6, lowest bit first.
//!
//! SMPP carries septets unpacked as a rule; this is for accounts that agreed on packed text and for the radio side.

const CR: u8 = 0x0D;

/// Zero bits between a header and the first septet, from 0 to 6, so that text begins on a septet boundary.
///
/// `header_octets` counts the header's length octet; 0 is no header.
#[must_use]
pub fn fill_bits(header_octets: usize) -> usize {
    (7 - header_octets * 8 % 7) % 7
}

/// TP-UDL on the radio side: septets of the text and of the header, which is rounded up.
#[must_use]
pub fn user_data_length(header_octets: usize, septets: usize) -> usize {
    (header_octets * 8).div_ceil(7) + septets
}

/// Packs septets after `fill_bits` zero bits. Spare bits at the end are zero; top bits of `septets` are ignored.
///
/// Without a count beside it seven spare bits read as `@`: see [`pack_padded`].
#[must_use]
pub fn pack(septets: &[u8], fill_bits: usize) -> Vec<u8> {
    let mut octets = vec![0; (fill_bits + septets.len() * 7).div_ceil(8)];
    for (number, septet) in septets.iter().enumerate() {
        let at = fill_bits + number * 7;
        let [low, high] = (u16::from(septet & 0x7F) << (at % 8)).to_le_bytes();
        octets[at / 8] |= low;
        if high != 0 {
            octets[at / 8 + 1] |= high;
        }
    }
    octets
}

/// Unpacks `septets` septets after `fill_bits` bits, or as many as there are.
#[must_use]
pub fn unpack(octets: &[u8], fill_bits: usize, septets: usize) -> Vec<u8> {
    let there = (octets.len() * 8).saturating_sub(fill_bits) / 7;
    let septet = |number: usize| {
        let at = fill_bits + number * 7;
        let low = octets.get(at / 8).copied().unwrap_or(0);
        let high = octets.get(at / 8 + 1).copied().unwrap_or(0);
        (u16::from_le_bytes([low, high]) >> (at % 8)) as u8 & 0x7F
    };
    (0..septets.min(there)).map(septet).collect()
}

/// Packs septets for a receiver that is told no count: seven spare bits become a CR, and a text that ends in CR on
/// an octet boundary gets a second one, which phones show like one.
#[must_use]
pub fn pack_padded(septets: &[u8], fill_bits: usize) -> Vec<u8> {
    let used = (fill_bits + septets.len() * 7) % 8;
    let ends_in_cr = septets.last() == Some(&CR);
    if used == 1 || (used == 0 && ends_in_cr) {
        return pack(&[septets, &[CR]].concat(), fill_bits);
    }
    pack(septets, fill_bits)
}

/// Unpacks octets that have no count: a CR that ends on the last octet's boundary is padding and left out.
#[must_use]
pub fn unpack_padded(octets: &[u8], fill_bits: usize) -> Vec<u8> {
    let mut septets = unpack(octets, fill_bits, usize::MAX);
    let spare = (octets.len() * 8).saturating_sub(fill_bits) % 7;
    if spare == 0 && septets.last() == Some(&CR) {
        septets.pop();
    }
    septets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::gsm7;

    fn septets(text: &str) -> Vec<u8> {
        gsm7::encode(text).unwrap()
    }

    #[test]
    fn packs_as_the_standard_shows() {
        // SMPP reference, septet packing.
        let vectors: [(&str, &[u8]); 6] = [
            ("hello", &[0xE8, 0x32, 0x9B, 0xFD, 0x06]),
            ("hellohello", &[0xE8, 0x32, 0x9B, 0xFD, 0x46, 0x97, 0xD9, 0xEC, 0x37]),
            ("1234567", &[0x31, 0xD9, 0x8C, 0x56, 0xB3, 0xDD, 0x00]),
            ("12345678", &[0x31, 0xD9, 0x8C, 0x56, 0xB3, 0xDD, 0x70]),
            ("€", &[0x9B, 0x32]),
            ("10€ [ok]", &[0x31, 0xD8, 0xA6, 0x0C, 0xDA, 0xF0, 0xDE, 0xEB, 0x8D, 0x0F]),
        ];
        for (text, packed) in vectors {
            let septets = septets(text);
            assert_eq!(pack(&septets, 0), packed, "{text}");
            assert_eq!(unpack(packed, 0, septets.len()), septets, "{text}");
        }
    }

    #[test]
    fn text_begins_on_a_septet_boundary_after_a_header() {
        assert_eq!([0, 6, 7, 12, 13].map(fill_bits), [0, 1, 0, 2, 1]);
        let text = septets("Hello @ world");
        let vectors: [(&[u8], usize, &[u8]); 2] = [
            (
                &[0x05, 0x00, 0x03, 0xA7, 0x02, 0x01],
                20,
                &[0x90, 0x65, 0x36, 0xFB, 0x0D, 0x02, 0x80, 0xEE, 0x6F, 0x39, 0x9B, 0x0C],
            ),
            (
                &[0x06, 0x08, 0x04, 0x12, 0x34, 0x02, 0x01],
                21,
                &[0xC8, 0x32, 0x9B, 0xFD, 0x06, 0x01, 0x40, 0xF7, 0xB7, 0x9C, 0x4D, 0x06],
            ),
        ];
        for (header, length, packed) in vectors {
            let fill_bits = fill_bits(header.len());
            assert_eq!(user_data_length(header.len(), text.len()), length);
            assert_eq!(pack(&text, fill_bits), packed);
            assert_eq!(unpack(packed, fill_bits, text.len()), text);
        }
    }

    #[test]
    fn seven_spare_bits_are_filled_with_a_carriage_return() {
        let seven = septets("1234567");
        assert_eq!(pack_padded(&seven, 0), [0x31, 0xD9, 0x8C, 0x56, 0xB3, 0xDD, 0x1A]);
        assert_eq!(unpack_padded(&pack_padded(&seven, 0), 0), seven);
        // Elsewhere a CR is text.
        let five = septets("1234\r");
        assert_eq!(unpack_padded(&pack_padded(&five, 0), 0), five);
        assert_eq!(pack_padded(&septets("12345678"), 0), pack(&septets("12345678"), 0));
    }

    #[test]
    fn a_text_that_ends_in_cr_on_the_boundary_keeps_it() {
        let text = septets("1234567\r");
        let packed = pack_padded(&text, 0);
        assert_eq!(packed.len(), 8);
        let unpacked = unpack_padded(&packed, 0);
        assert_eq!(unpacked[..8], text);
        assert_eq!(unpacked[8..], [CR]);
    }

    #[test]
    fn unpacks_no_more_than_there_is() {
        assert_eq!(unpack(&[], 0, 10), []);
        assert_eq!(unpack(&[], 6, 10), []);
        assert_eq!(unpack(&[0xFF], 6, 10), []);
        assert_eq!(unpack(&[0xFF], 1, 10), [0x7F]);
        assert_eq!(unpack_padded(&[], 1), []);
    }
}
