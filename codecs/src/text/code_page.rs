//! GBK, GB18030 and the parts of ISO 8859 that are more than Latin, over the tables of `encoding_rs`.

use encoding_rs::{Encoder, EncoderResult, Encoding, GB18030, GBK, ISO_8859_5, ISO_8859_8};

use super::charset::{Charset, Decoded, Unencodable};

/// In CP936 this is 0x80, in GB18030 A2 E3, in GBK itself nothing; so GBK text does not hold it.
const EURO: char = '€';

pub(super) fn encode(text: &str, charset: Charset) -> Result<Vec<u8>, Unencodable> {
    let euro = if charset == Charset::Gbk { text.find(EURO) } else { None };
    let octets = encode_all(&text[..euro.unwrap_or(text.len())], charset)?;
    match euro {
        Some(index) => Err(Unencodable { character: EURO, index }),
        None => Ok(octets),
    }
}

fn encode_all(text: &str, charset: Charset) -> Result<Vec<u8>, Unencodable> {
    let mut encoder = encoder(charset);
    let room = encoder.max_buffer_length_from_utf8_without_replacement(text.len());
    let mut octets = Vec::with_capacity(room.unwrap_or(text.len()));
    let mut index = 0;
    loop {
        let (result, read) =
            encoder.encode_from_utf8_to_vec_without_replacement(&text[index..], &mut octets, true);
        index += read;
        match result {
            EncoderResult::InputEmpty => return Ok(octets),
            EncoderResult::OutputFull => octets.reserve(text.len() - index + 4),
            EncoderResult::Unmappable(character) => {
                return Err(Unencodable { character, index: index - character.len_utf8() });
            }
        }
    }
}

/// GBK and GB18030 are read alike: a gateway that calls GB18030 GBK loses nothing.
pub(super) fn decode(octets: &[u8], charset: Charset) -> Decoded {
    let (text, lossy) = encoding(charset).decode_without_bom_handling(octets);
    Decoded { text: text.into_owned(), lossy }
}

pub(super) fn width(character: char, charset: Charset) -> Option<usize> {
    if character.is_ascii() {
        return Some(1);
    }
    if character == EURO && charset == Charset::Gbk {
        return None;
    }
    let mut text = [0; 4];
    let mut octets = [0; 16];
    let (result, _, written) = encoder(charset).encode_from_utf8_without_replacement(
        character.encode_utf8(&mut text),
        &mut octets,
        true,
    );
    (result == EncoderResult::InputEmpty).then_some(written)
}

pub(super) fn character_octets(octets: &[u8], charset: Charset) -> usize {
    match octets {
        _ if matches!(charset, Charset::Cyrillic | Charset::Hebrew) => 1,
        [0x81..=0xFE, 0x30..=0x39, ..] => 4,
        [0x81..=0xFE, ..] => 2,
        _ => 1,
    }
}

fn encoder(charset: Charset) -> Encoder {
    encoding(charset).new_encoder()
}

fn encoding(charset: Charset) -> &'static Encoding {
    match charset {
        Charset::Gb18030 => GB18030,
        Charset::Cyrillic => ISO_8859_5,
        Charset::Hebrew => ISO_8859_8,
        _ => GBK,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gbk_refuses_what_takes_four_octets() {
        assert_eq!(encode("中😀", Charset::Gbk), Err(Unencodable { character: '😀', index: 3 }));
        assert_eq!(encode("中㐀", Charset::Gb18030).unwrap(), [0xD6, 0xD0, 0x81, 0x39, 0xEE, 0x39]);
        assert!(encode("㐀", Charset::Gbk).is_err());
        for character in ('\0'..=char::MAX).filter(|c| !c.is_ascii()) {
            assert!(matches!(width(character, Charset::Gbk), None | Some(2)), "{character:?}");
        }
    }

    #[test]
    fn gb18030_has_every_character_but_one() {
        let missing: Vec<char> =
            ('\0'..=char::MAX).filter(|&character| width(character, Charset::Gb18030).is_none()).collect();
        assert_eq!(missing, ['\u{E5E5}']);
    }

    #[test]
    fn the_euro_sign_is_read_in_every_form_but_written_in_gb18030_only() {
        for octets in [&[0x80][..], &[0xA2, 0xE3]] {
            assert_eq!(decode(octets, Charset::Gbk), Decoded { text: "€".to_owned(), lossy: false });
        }
        assert_eq!(encode("€", Charset::Gb18030).unwrap(), [0xA2, 0xE3]);
        assert_eq!(encode("1€", Charset::Gbk), Err(Unencodable { character: '€', index: 1 }));
        assert_eq!(width('€', Charset::Gbk), None);
    }

    #[test]
    fn one_octet_is_one_character_in_the_parts_of_iso_8859() {
        let (cyrillic, hebrew) = (Charset::Cyrillic, Charset::Hebrew);
        // ISO/IEC 8859-5: Ё is A1, the numero sign F0; 8859-8: א is E0, ת is FA.
        assert_eq!(encode("Ёж №1", cyrillic).unwrap(), [0xA1, 0xD6, 0x20, 0xF0, 0x31]);
        assert_eq!(encode("שלום", hebrew).unwrap(), [0xF9, 0xEC, 0xE5, 0xED]);
        for (text, charset) in [("Привет, мир", cyrillic), ("שלום עולם", hebrew)] {
            let octets = encode(text, charset).unwrap();
            assert_eq!(octets.len(), text.chars().count());
            assert_eq!(decode(&octets, charset), Decoded { text: text.to_owned(), lossy: false });
        }
        assert_eq!(encode("да €", cyrillic), Err(Unencodable { character: '€', index: 5 }));
        assert_eq!(encode("ж", hebrew), Err(Unencodable { character: 'ж', index: 0 }));
        // Between the signs and the letters of 8859-8 there is nothing.
        assert!(decode(&[0xBF], hebrew).lossy && !decode(&[0xBF], cyrillic).lossy);
    }

    #[test]
    fn half_a_character_is_lossy() {
        assert!(decode(&[0xD6], Charset::Gbk).lossy);
        assert!(decode(&[0xFF], Charset::Gb18030).lossy);
    }
}
