//! GSM 7-bit with the tables of a language: a locking shift replaces the basic table, a single shift the extension
//! table (3GPP TS 23.038 annex A).
//!
//! A user data header has to announce the tables; see [`Header`]. Few carriers take them over SMPP.

use super::{
    BASIC, ESCAPE, EXTENSION, Place, decode_with, encode_with,
    tables::{self, Locking, Single},
};
use crate::text::{
    charset::{Decoded, Unencodable},
    udh::{Header, Udh},
};

/// A language that has tables of its own. Its number is the one in the header element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Language {
    /// Both tables.
    Turkish = 1,
    /// Single shift only.
    Spanish = 2,
    /// Both tables.
    Portuguese = 3,
    /// Both tables; Assamese too.
    Bengali = 4,
    /// Both tables.
    Gujarati = 5,
    /// Both tables.
    Hindi = 6,
    /// Both tables.
    Kannada = 7,
    /// Both tables.
    Malayalam = 8,
    /// Both tables.
    Oriya = 9,
    /// Both tables.
    Punjabi = 10,
    /// Both tables.
    Tamil = 11,
    /// Both tables.
    Telugu = 12,
    /// Both tables.
    Urdu = 13,
}

impl Language {
    /// Every language, in the order of their numbers.
    pub const ALL: [Self; 13] = [
        Self::Turkish,
        Self::Spanish,
        Self::Portuguese,
        Self::Bengali,
        Self::Gujarati,
        Self::Hindi,
        Self::Kannada,
        Self::Malayalam,
        Self::Oriya,
        Self::Punjabi,
        Self::Tamil,
        Self::Telugu,
        Self::Urdu,
    ];

    /// The language of a number, if there is one.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// The language's number.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    fn locking(self) -> Option<&'static Locking> {
        match self {
            Self::Turkish => Some(&tables::TURKISH_LOCKING),
            Self::Spanish => None,
            Self::Portuguese => Some(&tables::PORTUGUESE_LOCKING),
            Self::Bengali => Some(&tables::BENGALI_LOCKING),
            Self::Gujarati => Some(&tables::GUJARATI_LOCKING),
            Self::Hindi => Some(&tables::HINDI_LOCKING),
            Self::Kannada => Some(&tables::KANNADA_LOCKING),
            Self::Malayalam => Some(&tables::MALAYALAM_LOCKING),
            Self::Oriya => Some(&tables::ORIYA_LOCKING),
            Self::Punjabi => Some(&tables::PUNJABI_LOCKING),
            Self::Tamil => Some(&tables::TAMIL_LOCKING),
            Self::Telugu => Some(&tables::TELUGU_LOCKING),
            Self::Urdu => Some(&tables::URDU_LOCKING),
        }
    }

    /// The two lists that the single shift table is made of, beside the default extension table.
    fn single(self) -> [&'static Single; 2] {
        match self {
            Self::Turkish => [tables::TURKISH_SINGLE, &[]],
            Self::Spanish => [tables::SPANISH_SINGLE, &[]],
            Self::Portuguese => [tables::PORTUGUESE_SINGLE, &[]],
            Self::Bengali => [tables::BENGALI_SINGLE, tables::LATIN],
            Self::Gujarati => [tables::GUJARATI_SINGLE, tables::LATIN],
            Self::Hindi => [tables::HINDI_SINGLE, tables::LATIN],
            Self::Kannada => [tables::KANNADA_SINGLE, tables::LATIN],
            Self::Malayalam => [tables::MALAYALAM_SINGLE, tables::LATIN],
            Self::Oriya => [tables::ORIYA_SINGLE, tables::LATIN],
            Self::Punjabi => [tables::PUNJABI_SINGLE, tables::LATIN],
            Self::Tamil => [tables::TAMIL_SINGLE, tables::LATIN],
            Self::Telugu => [tables::TELUGU_SINGLE, tables::LATIN],
            Self::Urdu => [tables::URDU_SINGLE, tables::LATIN],
        }
    }
}

/// GSM 7-bit with the tables of up to two languages. Without any it is the default alphabet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Gsm7National {
    /// Whose table replaces the basic one; a language without such a table leaves it.
    pub locking: Option<Language>,
    /// Whose table replaces the extension table.
    pub single: Option<Language>,
}

impl Gsm7National {
    /// The tables that a received header announces.
    #[must_use]
    pub fn announced(udh: Udh<'_>) -> Self {
        Self { locking: udh.locking_shift(), single: udh.single_shift() }
    }

    /// The header that announces these tables.
    #[must_use]
    pub fn header(self) -> Header {
        Header { locking_shift: self.locking, single_shift: self.single, ..Header::default() }
    }

    /// Writes a text as septets, one in each octet; cut them as [`Charset::Gsm7`](crate::text::Charset::Gsm7).
    ///
    /// # Errors
    /// The first character that is in neither table.
    pub fn encode(self, text: &str) -> Result<Vec<u8>, Unencodable> {
        encode_with(text, |character| self.place(character))
    }

    /// Reads septets, one in each octet.
    #[must_use]
    pub fn decode(self, octets: &[u8]) -> Decoded {
        decode_with(octets, |code| self.basic(code), |code| self.extension(code))
    }

    /// Septets that the text takes, or `None` when a character is in neither table. Allocates nothing.
    #[must_use]
    pub fn units(self, text: &str) -> Option<usize> {
        let width = |character| match self.place(character)? {
            Place::Basic(_) => Some(1),
            Place::Extension(_) => Some(2),
        };
        text.chars().map(width).sum()
    }

    fn basic(self, code: u8) -> Option<char> {
        let code = usize::from(code & 0x7F);
        match self.locking.and_then(Language::locking) {
            Some(table) => character(table[code]),
            None => Some(BASIC[code]),
        }
    }

    fn extension(self, code: u8) -> Option<char> {
        let own = self.single.map(Language::single).into_iter().flatten().flatten();
        let default = EXTENSION.iter().find(|&&(at, _)| at == code).map(|&(_, character)| character);
        default.or_else(|| own.copied().find(|&(at, _)| at == code).and_then(|(_, found)| character(found)))
    }

    fn place(self, character: char) -> Option<Place> {
        let wanted = u16::try_from(u32::from(character)).ok()?;
        // Neither can be said: one stands for a void place in the tables, the other is the escape itself.
        if wanted == 0 || wanted == u16::from(ESCAPE) {
            return None;
        }
        let basic = match self.locking.and_then(Language::locking) {
            Some(table) => table.iter().position(|&at| at == wanted),
            None => BASIC.iter().position(|&at| at == character),
        };
        if let Some(code) = basic {
            return Some(Place::Basic(code as u8));
        }
        let default = EXTENSION.iter().find(|&&(_, at)| at == character).map(|&(code, _)| code);
        let own = self.single.map(Language::single).into_iter().flatten().flatten();
        default
            .or_else(|| own.copied().find(|&(_, at)| at == wanted).map(|(code, _)| code))
            .map(Place::Extension)
    }
}

fn character(code_point: u16) -> Option<char> {
    if code_point == 0 { None } else { char::from_u32(code_point.into()) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn locking(language: Language) -> Gsm7National {
        Gsm7National { locking: Some(language), single: None }
    }

    fn single(language: Language) -> Gsm7National {
        Gsm7National { locking: None, single: Some(language) }
    }

    #[test]
    fn locking_tables_have_no_character_twice_and_the_escape_in_its_place() {
        for language in Language::ALL {
            let Some(table) = language.locking() else {
                assert_eq!(language, Language::Spanish);
                continue;
            };
            assert_eq!(table[usize::from(ESCAPE)], ESCAPE.into(), "{language:?}");
            let there: Vec<u16> = table.iter().copied().filter(|&at| at != 0).collect();
            assert_eq!(there.iter().collect::<HashSet<_>>().len(), there.len(), "{language:?}");
            assert_eq!((table[0x0A], table[0x0D], table[0x20]), (0x0A, 0x0D, 0x20), "{language:?}");
            for letter in (b'a'..=b'z').chain(b'0'..=b'9') {
                assert_eq!(table[usize::from(letter)], letter.into(), "{language:?}");
            }
        }
    }

    #[test]
    fn locking_tables_share_their_punctuation() {
        for language in Language::ALL {
            let Some(table) = language.locking() else { continue };
            for mark in *b"!,.:;?" {
                assert_eq!(table[usize::from(mark)], mark.into(), "{language:?}");
            }
            // From Bengali on the brackets have changed places.
            let swapped = language >= Language::Bengali;
            let brackets = if swapped { [b')', b'('] } else { [b'(', b')'] };
            assert_eq!(table[0x28..0x2A], brackets.map(u16::from), "{language:?}");
        }
    }

    #[test]
    fn from_bengali_on_no_character_is_in_both_tables() {
        for language in Language::ALL.into_iter().filter(|&language| language >= Language::Bengali) {
            let locking = language.locking().unwrap();
            for (code, at) in language.single().into_iter().flatten() {
                assert!(!locking.contains(at), "{language:?} {code:#04x}");
            }
        }
    }

    #[test]
    fn single_shift_tables_have_no_code_twice() {
        for language in Language::ALL {
            let codes: Vec<u8> = language
                .single()
                .into_iter()
                .flatten()
                .map(|&(code, _)| code)
                .chain(EXTENSION.iter().map(|&(code, _)| code))
                .collect();
            assert_eq!(codes.iter().collect::<HashSet<_>>().len(), codes.len(), "{language:?}");
            // Both are reserved: a control function and one more table.
            assert!(codes.iter().all(|&code| code < 0x80 && code != 0x0D && code != ESCAPE), "{language:?}");
        }
    }

    #[test]
    fn characters_of_a_script_are_in_its_block() {
        use Language::*;
        let blocks = [
            (Bengali, 0x0980),
            (Gujarati, 0x0A80),
            (Hindi, 0x0900),
            (Kannada, 0x0C80),
            (Malayalam, 0x0D00),
            (Oriya, 0x0B00),
            (Punjabi, 0x0A00),
            (Tamil, 0x0B80),
            (Telugu, 0x0C00),
        ];
        for (language, block) in blocks {
            let locking = language.locking().unwrap().iter().copied();
            let single = language.single()[0].iter().map(|&(_, at)| at);
            // Danda and double danda are Devanagari and used by all of them.
            for at in locking.chain(single).filter(|&at| at >= 0x80 && at != 0x0964 && at != 0x0965) {
                assert!((block..block + 0x80).contains(&at), "{language:?} {at:#06x}");
            }
        }
        for at in Urdu.locking().unwrap().iter().copied().chain(Urdu.single()[0].iter().map(|&(_, at)| at)) {
            assert!(at < 0x80 || (0x0600..0x0700).contains(&at), "{at:#06x}");
        }
    }

    #[test]
    fn every_place_of_every_table_comes_back() {
        for language in Language::ALL {
            let tables = Gsm7National { locking: Some(language), single: Some(language) };
            for code in (0..0x80).filter(|&code| code != ESCAPE) {
                if let Some(character) = tables.basic(code) {
                    assert_eq!(tables.encode(&character.to_string()), Ok(vec![code]), "{language:?}");
                }
                if let Some(character) = tables.extension(code) {
                    let text = character.to_string();
                    let octets = tables.encode(&text).unwrap();
                    assert_eq!(tables.decode(&octets), Decoded { text, lossy: false }, "{language:?}");
                }
            }
        }
    }

    #[test]
    fn writes_texts_of_several_languages() {
        assert_eq!(single(Language::Turkish).encode("Teşt").unwrap(), [0x54, 0x65, ESCAPE, 0x73, 0x74]);
        assert_eq!(locking(Language::Turkish).encode("şİ€").unwrap(), [0x1D, 0x40, 0x04]);
        assert_eq!(single(Language::Spanish).encode("áÚ").unwrap(), [ESCAPE, 0x61, ESCAPE, 0x55]);
        assert_eq!(locking(Language::Portuguese).encode("ã`~").unwrap(), [0x7B, 0x7D, 0x60]);
        assert_eq!(single(Language::Portuguese).encode("êΦ").unwrap(), [ESCAPE, 0x05, 0x12]);
        assert_eq!(locking(Language::Hindi).encode("नमस्ते").unwrap(), [0x2F, 0x42, 0x4C, 0x5F, 0x27, 0x59]);
        assert_eq!(single(Language::Hindi).encode("१").unwrap(), [ESCAPE, 0x1D]);
        assert_eq!(locking(Language::Urdu).encode("اب").unwrap(), [0x00, 0x02]);
        let hindi = Gsm7National { locking: Some(Language::Hindi), single: Some(Language::Hindi) };
        assert_eq!(hindi.encode("न A").unwrap(), [0x2F, 0x20, ESCAPE, 0x41]);
        assert_eq!(hindi.units("न A€"), Some(6));
        assert_eq!(hindi.units("é"), None);
    }

    #[test]
    fn a_void_place_is_lossy_and_an_unknown_extension_shows_the_locking_character() {
        let bengali = Gsm7National { locking: Some(Language::Bengali), single: Some(Language::Bengali) };
        assert!(bengali.decode(&[0x0C]).lossy);
        let decoded = bengali.decode(&[ESCAPE, 0x66]);
        assert_eq!(decoded, Decoded { text: "f".to_owned(), lossy: false });
        assert_eq!(bengali.place('\0'), None);
        assert_eq!(bengali.place('\u{1B}'), None);
    }

    #[test]
    fn without_a_language_it_is_the_default_alphabet() {
        let none = Gsm7National::default();
        for character in '\0'..='\u{FFFF}' {
            assert_eq!(none.place(character), super::super::place(character), "{character:?}");
        }
        assert_eq!(none.header().encode(), []);
    }

    #[test]
    fn a_header_announces_the_tables() {
        let tables = Gsm7National { locking: Some(Language::Turkish), single: Some(Language::Spanish) };
        let header = tables.header().encode();
        let (udh, _) = Udh::parse(&header).unwrap();
        assert_eq!(Gsm7National::announced(udh), tables);
    }
}
