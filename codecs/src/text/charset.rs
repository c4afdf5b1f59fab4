//! Text to octets and back in the charsets that SMS carries, and what a text costs in each.
//!
//! Nothing here replaces a character silently: what a charset lacks is refused when encoding, and what can't be read
//! is marked when decoding.

use thiserror::Error;

use super::{code_page, gsm7, ucs2};

/// How the octets of a message stand for text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Charset {
    /// The GSM 7-bit default alphabet and its extension table, one septet in each octet (3GPP TS 23.038 6.2.1).
    Gsm7,
    /// ASCII, one octet for each character.
    Ascii,
    /// ISO 8859-1, one octet for each character.
    Latin1,
    /// UTF-16 big-endian without a byte order mark: phones take surrogate pairs where the standard says UCS-2.
    Ucs2,
    /// One octet for ASCII and two for the rest. Has no `€`: the code pages called GBK disagree about it.
    Gbk,
    /// GBK and four octets for everything else; only the private U+E5E5 is missing.
    Gb18030,
    /// ISO 8859-5, one octet for each character: ASCII and Cyrillic.
    Cyrillic,
    /// ISO 8859-8, one octet for each character: ASCII and Hebrew, in the order in which it is read.
    Hebrew,
    /// Octets that are no text: every character is refused, and nothing decodes to text.
    Binary,
}

impl Charset {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Gsm7,
        Self::Ascii,
        Self::Latin1,
        Self::Ucs2,
        Self::Gbk,
        Self::Gb18030,
        Self::Cyrillic,
        Self::Hebrew,
        Self::Binary,
    ];

    /// Octets of one unit, the unit being what length limits count: 2 for UCS-2, else 1.
    #[must_use]
    pub fn unit_octets(self) -> usize {
        match self {
            Self::Ucs2 => 2,
            _ => 1,
        }
    }
}

/// A character that the charset does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no U+{:04X} in this charset (octet {index} of the text)", u32::from(*.character))]
pub struct Unencodable {
    /// The first such character.
    pub character: char,
    /// Where it starts in the text, in octets of the `str`.
    pub index: usize,
}

/// A text that was read from octets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The text. What could not be read is U+FFFD, or left out if it is less than one character.
    pub text: String,
    /// Some octets were not text in this charset.
    pub lossy: bool,
}

/// Writes a text as octets.
///
/// # Errors
/// The first character that the charset lacks.
pub fn encode(text: &str, charset: Charset) -> Result<Vec<u8>, Unencodable> {
    match charset {
        Charset::Gsm7 => gsm7::encode(text),
        Charset::Ucs2 => Ok(ucs2::encode(text)),
        Charset::Gbk | Charset::Gb18030 | Charset::Cyrillic | Charset::Hebrew => {
            code_page::encode(text, charset)
        }
        Charset::Ascii | Charset::Latin1 | Charset::Binary => {
            let octet = |(index, character)| match width(character, charset) {
                // A character of these charsets is its own code.
                Some(_) => Ok(character as u8),
                None => Err(Unencodable { character, index }),
            };
            text.char_indices().map(octet).collect()
        }
    }
}

/// Reads octets as text. Never fails; see [`Decoded::lossy`].
#[must_use]
pub fn decode(octets: &[u8], charset: Charset) -> Decoded {
    match charset {
        Charset::Gsm7 => gsm7::decode(octets),
        Charset::Ucs2 => ucs2::decode(octets),
        Charset::Gbk | Charset::Gb18030 | Charset::Cyrillic | Charset::Hebrew => {
            code_page::decode(octets, charset)
        }
        Charset::Latin1 => {
            Decoded { text: octets.iter().map(|&octet| char::from(octet)).collect(), lossy: false }
        }
        Charset::Ascii => {
            let character =
                |&octet: &u8| if octet.is_ascii() { char::from(octet) } else { char::REPLACEMENT_CHARACTER };
            Decoded { text: octets.iter().map(character).collect(), lossy: !octets.is_ascii() }
        }
        Charset::Binary => Decoded { text: String::new(), lossy: !octets.is_empty() },
    }
}

/// Says whether the charset has every character of the text. Allocates nothing.
#[must_use]
pub fn fits(text: &str, charset: Charset) -> bool {
    units(text, charset).is_some()
}

/// What the text takes: septets in GSM 7-bit, UTF-16 units in UCS-2, octets elsewhere. Allocates nothing.
///
/// `None` when the charset lacks a character.
#[must_use]
pub fn units(text: &str, charset: Charset) -> Option<usize> {
    text.chars().map(|character| width(character, charset)).sum()
}

/// Units of one character, or `None` when the charset lacks it.
pub(super) fn width(character: char, charset: Charset) -> Option<usize> {
    match charset {
        Charset::Gsm7 => gsm7::width(character),
        Charset::Ascii => character.is_ascii().then_some(1),
        Charset::Latin1 => (u32::from(character) <= 0xFF).then_some(1),
        Charset::Ucs2 => Some(character.len_utf16()),
        Charset::Gbk | Charset::Gb18030 | Charset::Cyrillic | Charset::Hebrew => {
            code_page::width(character, charset)
        }
        Charset::Binary => None,
    }
}

/// Octets of the character that `octets` starts with, in encoded text; at least 1 unless `octets` is empty.
pub(super) fn character_octets(octets: &[u8], charset: Charset) -> usize {
    let octets_of_it = match charset {
        Charset::Gsm7 => gsm7::character_octets(octets),
        Charset::Ucs2 => ucs2::character_octets(octets),
        Charset::Gbk | Charset::Gb18030 | Charset::Cyrillic | Charset::Hebrew => {
            code_page::character_octets(octets, charset)
        }
        Charset::Ascii | Charset::Latin1 | Charset::Binary => 1,
    };
    octets_of_it.min(octets.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_times_their_size_are_the_octets_of_every_character() {
        for charset in Charset::ALL {
            for character in ('\0'..=char::MAX).filter(|&c| u32::from(c) % 7 == 0 || u32::from(c) < 0x3000) {
                let text = character.encode_utf8(&mut [0; 4]).to_owned();
                let octets = encode(&text, charset).ok().map(|octets| octets.len());
                let counted = units(&text, charset).map(|units| units * charset.unit_octets());
                assert_eq!(octets, counted, "{charset:?} {character:?}");
            }
        }
    }

    #[test]
    fn every_character_comes_back() {
        for charset in Charset::ALL {
            // GB18030 moved its private characters to real ones, and a mark at the start is no text.
            let unlike = |c: &char| !matches!(c, '\u{E000}'..='\u{F8FF}');
            let all: String =
                ('\0'..=char::MAX).filter(unlike).filter(|&c| width(c, charset).is_some()).collect();
            let octets = encode(&all, charset).unwrap();
            assert!(decode(&octets, charset) == Decoded { text: all, lossy: false }, "{charset:?}");
        }
    }

    #[test]
    fn tells_the_first_character_that_a_charset_lacks() {
        let refused = |text, charset| encode(text, charset).unwrap_err();
        assert_eq!(refused("aé你", Charset::Ascii), Unencodable { character: 'é', index: 1 });
        assert_eq!(refused("aé你", Charset::Latin1), Unencodable { character: '你', index: 3 });
        assert_eq!(refused("aé你", Charset::Gsm7), Unencodable { character: '你', index: 3 });
        assert_eq!(refused("你😀€", Charset::Gbk), Unencodable { character: '😀', index: 3 });
        assert_eq!(refused("你€😀", Charset::Gbk), Unencodable { character: '€', index: 3 });
        assert_eq!(refused("a", Charset::Binary), Unencodable { character: 'a', index: 0 });
    }

    #[test]
    fn marks_octets_that_are_no_ascii() {
        let decoded = decode(b"a\xE9", Charset::Ascii);
        assert_eq!(decoded, Decoded { text: "a\u{FFFD}".to_owned(), lossy: true });
        assert!(!decode(b"a", Charset::Ascii).lossy);
    }

    #[test]
    fn has_an_empty_text_in_every_charset() {
        for charset in Charset::ALL {
            assert!(fits("", charset));
            assert_eq!(encode("", charset), Ok(Vec::new()));
            assert_eq!(decode(&[], charset), Decoded { text: String::new(), lossy: false });
        }
    }
}
