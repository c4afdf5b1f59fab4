//! GBK and GB18030, over the tables of `encoding_rs`.

use encoding_rs::{Encoder, EncoderResult, GB18030, GBK};

use super::charset::{Charset, Decoded, Unencodable};

/// In CP936 this is 0x80, in GB18030 A2 E3, in GBK itself nothing; so GBK text does not hold it.
const EURO: char = '€';

pub(super) fn encode(text: &str, charset: Charset) -> Result<Vec<u8>, Unencodable> {
    let euro = if charset == Charset::Gb18030 { None } else { text.find(EURO) };
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

/// Both are read alike: a gateway that calls GB18030 GBK loses nothing.
pub(super) fn decode(octets: &[u8], charset: Charset) -> Decoded {
    let encoding = if charset == Charset::Gb18030 { GB18030 } else { GBK };
    let (text, lossy) = encoding.decode_without_bom_handling(octets);
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

pub(super) fn character_octets(octets: &[u8]) -> usize {
    match octets {
        [0x81..=0xFE, 0x30..=0x39, ..] => 4,
        [0x81..=0xFE, ..] => 2,
        _ => 1,
    }
}

fn encoder(charset: Charset) -> Encoder {
    if charset == Charset::Gb18030 { GB18030.new_encoder() } else { GBK.new_encoder() }
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
    fn half_a_character_is_lossy() {
        assert!(decode(&[0xD6], Charset::Gbk).lossy);
        assert!(decode(&[0xFF], Charset::Gb18030).lossy);
    }
}
