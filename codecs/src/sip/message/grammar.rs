//! The octets of SIP's grammar: which class each belongs to, and parsers of the smallest parts.
//!
//! A header's value may be folded over several lines. A fold counts as one space, so everything here takes CR and LF
//! for white space; that no bare ones stand in a message is for `validate` to see.

use nom::{IResult, bytes::complete::take_while1};

/// What a parser of a value returns. There is one way to fail, and the header's name says where.
pub(crate) type Parsed<'a, T> = IResult<&'a [u8], T, ()>;

const TOKEN: u8 = 0x01;
const WHITE: u8 = 0x02;
const USER: u8 = 0x04;
const HOST: u8 = 0x08;
const PARAMETER: u8 = 0x10;
const VALUE: u8 = 0x20;
const DIGIT: u8 = 0x40;

/// The classes of every octet, as a set of bits.
const CLASSES: [u8; 256] = classes();

const fn mark(classes: &mut [u8; 256], octets: &[u8], class: u8) {
    let mut at = 0;
    while at < octets.len() {
        classes[octets[at] as usize] |= class;
        at += 1;
    }
}

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut octet = 0x21_u8;
    while octet < 0x7F {
        // A parameter's value outside quotes: tokens and hosts by the grammar, base64 and URIs in practice.
        if !matches!(octet, b',' | b';' | b'"' | b'<' | b'>') {
            classes[octet as usize] |= VALUE;
        }
        if octet.is_ascii_digit() {
            classes[octet as usize] |= DIGIT;
        }
        if octet.is_ascii_alphanumeric() {
            classes[octet as usize] |= TOKEN | USER | HOST | PARAMETER;
        }
        octet += 1;
    }
    mark(&mut classes, b"-.!%*_+`'~", TOKEN);
    mark(&mut classes, b" \t\r\n", WHITE);
    // RFC 3261 §25.1: user. Trunks also dial with `#` and write it as it is.
    mark(&mut classes, b"-_.!~*'()&=+$,;?/%#", USER);
    mark(&mut classes, b"-._", HOST);
    // RFC 3261 §25.1: paramchar and, for the headers part, hnv-unreserved.
    mark(&mut classes, b"-_.!~*'()[]/:&+$%", PARAMETER);
    classes
}

#[inline]
fn is(octet: u8, class: u8) -> bool {
    CLASSES[octet as usize] & class != 0
}

/// An octet of a token.
#[inline]
pub(crate) fn is_token(octet: u8) -> bool {
    is(octet, TOKEN)
}

/// A space, a tab, or part of a fold.
#[inline]
pub(crate) fn is_white(octet: u8) -> bool {
    is(octet, WHITE)
}

/// An octet of a URI's user part, `%` included.
#[inline]
pub(crate) fn is_user(octet: u8) -> bool {
    is(octet, USER)
}

/// An octet of a host's name.
#[inline]
pub(crate) fn is_host(octet: u8) -> bool {
    is(octet, HOST)
}

/// An octet of a URI parameter's name or value, `%` included.
#[inline]
pub(crate) fn is_parameter(octet: u8) -> bool {
    is(octet, PARAMETER)
}

/// An octet of a header parameter's value outside quotes.
#[inline]
pub(crate) fn is_value(octet: u8) -> bool {
    is(octet, VALUE)
}

/// A decimal digit.
#[inline]
pub(crate) fn is_digit(octet: u8) -> bool {
    is(octet, DIGIT)
}

/// The refusal.
#[inline]
pub(crate) fn refuse<'a, T>() -> Parsed<'a, T> {
    Err(nom::Err::Error(()))
}

/// One or more octets of a token.
#[inline]
pub(crate) fn token(rest: &[u8]) -> Parsed<'_, &[u8]> {
    take_while1(is_token)(rest)
}

/// Leaves white space out.
#[inline]
pub(crate) fn skip_white(rest: &[u8]) -> &[u8] {
    let end = rest.iter().position(|&octet| !is_white(octet)).unwrap_or(rest.len());
    &rest[end..]
}

/// A value without the white space around it.
#[inline]
pub(crate) fn trim(value: &[u8]) -> &[u8] {
    let value = skip_white(value);
    let end = value.iter().rposition(|&octet| !is_white(octet)).map_or(0, |last| last + 1);
    &value[..end]
}

/// This octet, with white space on both sides allowed.
#[inline]
pub(crate) fn separator(rest: &[u8], octet: u8) -> Parsed<'_, ()> {
    match skip_white(rest).split_first() {
        Some((first, rest)) if *first == octet => Ok((skip_white(rest), ())),
        _ => refuse(),
    }
}

/// A quoted string, given without its quotes and with its escapes.
#[inline]
pub(crate) fn quoted(rest: &[u8]) -> Parsed<'_, &[u8]> {
    let Some(inside) = rest.strip_prefix(b"\"") else { return refuse() };
    match closing_quote(inside) {
        Some(end) => Ok((&inside[end + 1..], &inside[..end])),
        None => refuse(),
    }
}

/// Where the quote is that ends the string which `inside` begins.
pub(crate) fn closing_quote(inside: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b'"', b'\\', &inside[at..]) {
        at += found;
        if inside[at] == b'"' {
            return Some(at);
        }
        at += 2;
        if at > inside.len() {
            break;
        }
    }
    closing_quote_of_gbk(inside)
}

/// The same for text in GBK, where the second octet of a character may be that of `\`. Only asked when the string has no
/// end otherwise, as in UTF-8 the octet before an escaped quote may be a high one too.
fn closing_quote_of_gbk(inside: &[u8]) -> Option<usize> {
    let mut octets = inside.iter().enumerate();
    while let Some((at, octet)) = octets.next() {
        match octet {
            b'"' => return Some(at),
            b'\\' | 0x81..=0xFE => _ = octets.next(),
            _ => {}
        }
    }
    None
}

/// A decimal number; `None` inside when it is above the type's range. Leading zeros are legal.
#[inline]
pub(crate) fn number(rest: &[u8]) -> Parsed<'_, Option<u32>> {
    let (rest, digits) = take_while1(is_digit)(rest)?;
    let number =
        digits.iter().try_fold(0_u32, |sum, digit| sum.checked_mul(10)?.checked_add(u32::from(digit - b'0')));
    Ok((rest, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_string_ends_at_the_first_quote_that_is_not_escaped() {
        assert_eq!(quoted(br#""a\"b\\" <"#), Ok((&b" <"[..], &br#"a\"b\\"#[..])));
        assert_eq!(quoted(br#""""#), Ok((&b""[..], &b""[..])));
        for open in [&br#""a\""#[..], br#"""#, br#""a\"#, br#"a"#, b""] {
            assert!(quoted(open).is_err(), "{open:?}");
        }
    }

    #[test]
    fn a_character_of_gbk_may_end_in_a_backslash() {
        // U+8A31 in GBK: 0xD5 0x5C would hide the quote behind it.
        assert_eq!(quoted(b"\"\xD5\x5C\" <"), Ok((&b" <"[..], &b"\xD5\x5C"[..])));
    }

    #[test]
    fn numbers_have_a_range_and_any_zeros_in_front() {
        assert_eq!(number(b"0009 I"), Ok((&b" I"[..], Some(9))));
        assert_eq!(number(b"4294967295"), Ok((&b""[..], Some(u32::MAX))));
        assert_eq!(number(b"4294967296"), Ok((&b""[..], None)));
        assert!(number(b"-1").is_err());
    }
}
