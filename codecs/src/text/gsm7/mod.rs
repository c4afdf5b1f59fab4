//! The GSM 7-bit default alphabet (3GPP TS 23.038), one septet in each octet.
//!
//! [`packing`] squeezes septets into octets; [`national`] replaces the tables for other languages.

pub mod national;
pub mod packing;
mod tables;

pub use national::{Gsm7National, Language};

use super::charset::{Decoded, Unencodable};

/// Leads to the extension table.
pub(super) const ESCAPE: u8 = 0x1B;

/// 3GPP TS 23.038 6.2.1: the character of each septet; 0x1B is [`ESCAPE`].
#[rustfmt::skip]
const BASIC: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å',
    'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', '\u{1B}', 'Æ', 'æ', 'ß', 'É',
    ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/',
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?',
    '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O',
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§',
    '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
];

/// 3GPP TS 23.038 6.2.1.1: what follows [`ESCAPE`].
const EXTENSION: [(u8, char); 10] = [
    (0x0A, '\u{0C}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2F, '\\'),
    (0x3C, '['),
    (0x3D, '~'),
    (0x3E, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

/// Where a character is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Basic(u8),
    /// After [`ESCAPE`].
    Extension(u8),
}

/// Writes a text as septets.
///
/// # Errors
/// The first character that is in neither table.
pub fn encode(text: &str) -> Result<Vec<u8>, Unencodable> {
    encode_with(text, place)
}

/// Reads septets. A code that the extension table lacks shows the basic character of that code, as on a phone.
#[must_use]
pub fn decode(octets: &[u8]) -> Decoded {
    decode_with(octets, |code| Some(BASIC[usize::from(code & 0x7F)]), extension)
}

/// Septets of one character: 1, 2, or `None` when it is in neither table.
pub(super) fn width(character: char) -> Option<usize> {
    match place(character)? {
        Place::Basic(_) => Some(1),
        Place::Extension(_) => Some(2),
    }
}

pub(super) fn character_octets(octets: &[u8]) -> usize {
    if octets.first() == Some(&ESCAPE) { 2 } else { 1 }
}

fn encode_with(text: &str, place: impl Fn(char) -> Option<Place>) -> Result<Vec<u8>, Unencodable> {
    let mut septets = Vec::with_capacity(text.len());
    for (index, character) in text.char_indices() {
        match place(character) {
            Some(Place::Basic(code)) => septets.push(code),
            Some(Place::Extension(code)) => septets.extend_from_slice(&[ESCAPE, code]),
            None => return Err(Unencodable { character, index }),
        }
    }
    Ok(septets)
}

/// `basic` and `extension` are asked for codes below 0x80 only.
fn decode_with(
    octets: &[u8],
    basic: impl Fn(u8) -> Option<char>,
    extension: impl Fn(u8) -> Option<char>,
) -> Decoded {
    let mut text = String::with_capacity(octets.len());
    let mut lossy = false;
    let mut rest = octets.iter().copied();
    while let Some(octet) = rest.next() {
        let character = match octet {
            ESCAPE => match rest.next() {
                // Reserved for one more table; shown as a space.
                Some(ESCAPE) => Some(' '),
                Some(code @ 0..=0x7F) => extension(code).or_else(|| basic(code)),
                Some(_) | None => None,
            },
            code @ 0..=0x7F => basic(code),
            _ => None,
        };
        lossy |= character.is_none();
        text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    Decoded { text, lossy }
}

fn extension(code: u8) -> Option<char> {
    EXTENSION.iter().find(|&&(at, _)| at == code).map(|&(_, character)| character)
}

/// Past the last character of both tables, `€` aside.
const INDEXED: usize = 0x3AA;
const NOWHERE: u8 = 0xFF;
const EXTENDED: u8 = 0x80;
/// Septets by character, [`EXTENDED`] set for those after [`ESCAPE`].
static INDEX: [u8; INDEXED] = index();

fn place(character: char) -> Option<Place> {
    if character == '€' {
        return Some(Place::Extension(0x65));
    }
    match *INDEX.get(character as usize)? {
        NOWHERE => None,
        code if code & EXTENDED != 0 => Some(Place::Extension(code & !EXTENDED)),
        code => Some(Place::Basic(code)),
    }
}

const fn index() -> [u8; INDEXED] {
    let mut index = [NOWHERE; INDEXED];
    let mut code = 0;
    while code < BASIC.len() {
        if code != ESCAPE as usize {
            index[BASIC[code] as usize] = code as u8;
        }
        code += 1;
    }
    let mut row = 0;
    while row < EXTENSION.len() {
        let (code, character) = EXTENSION[row];
        if (character as usize) < INDEXED {
            index[character as usize] = code | EXTENDED;
        }
        row += 1;
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(octets: &[u8]) -> (String, bool) {
        let Decoded { text, lossy } = decode(octets);
        (text, lossy)
    }

    #[test]
    fn every_septet_and_every_extension_comes_back() {
        for code in (0..128).filter(|&code| code != ESCAPE) {
            let (text, lossy) = decoded(&[code]);
            assert!(!lossy);
            assert_eq!(encode(&text), Ok(vec![code]));
        }
        for (code, character) in EXTENSION {
            assert_eq!(encode(&character.to_string()), Ok(vec![ESCAPE, code]));
            assert_eq!(decoded(&[ESCAPE, code]), (character.to_string(), false));
        }
    }

    #[test]
    fn has_137_characters_and_no_others() {
        let all = ('\0'..=char::MAX).filter(|&character| width(character).is_some()).count();
        assert_eq!(all, 127 + 10);
        for lacking in ['`', '\t', 'ç', 'á', 'í', 'ó', 'ú', 'â', 'ê', 'ô', 'ã', 'õ', '\u{1B}', 'Α', '\0']
        {
            assert_eq!(width(lacking), None, "{lacking:?}");
        }
    }

    #[test]
    fn an_unknown_extension_shows_the_basic_character() {
        assert_eq!(decoded(&[0x31, ESCAPE, 0x00]), ("1@".to_owned(), false));
        assert_eq!(decoded(&[ESCAPE, 0x0D]), ("\r".to_owned(), false));
        assert_eq!(decoded(&[ESCAPE, ESCAPE, 0x65]), (" e".to_owned(), false));
    }

    #[test]
    fn marks_what_is_no_septet() {
        assert_eq!(decoded(&[0x80]), ("\u{FFFD}".to_owned(), true));
        assert_eq!(decoded(&[0x31, ESCAPE]), ("1\u{FFFD}".to_owned(), true));
        assert_eq!(decoded(&[ESCAPE, 0x80]), ("\u{FFFD}".to_owned(), true));
    }
}
