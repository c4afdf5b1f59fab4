//! Escapes in URIs: `%` and two hexadecimal digits.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

use crate::sip::message::grammar::is_user;

/// Octets that mean something by themselves in a URI: escaped they are another thing (RFC 3261 §25.1: reserved).
fn is_reserved(octet: u8) -> bool {
    matches!(octet, b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b',')
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|digit| digit as u8)
}

/// The octet that an escape at the start of `rest` stands for.
fn escaped(rest: &[u8]) -> Option<u8> {
    match rest {
        [b'%', high, low, ..] => Some(hex(*high)? << 4 | hex(*low)?),
        _ => None,
    }
}

/// Says whether every `%` begins an escape.
pub(super) fn is_well_escaped(text: &[u8]) -> bool {
    memchr::memchr_iter(b'%', text).all(|at| escaped(&text[at..]).is_some())
}

/// The octets that `text` stands for. Once: what an escaped `%` yields is not read again.
#[must_use]
pub fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'%', text).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(units(text).map(|unit| unit.octet).collect())
}

/// Writes a user part so that nothing in it ends it.
pub fn put_user(out: &mut BytesMut, user: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &octet in user {
        if is_user(octet) && octet != b'%' {
            out.put_u8(octet);
        } else {
            out.put_slice(&[b'%', DIGITS[usize::from(octet >> 4)], DIGITS[usize::from(octet & 0xF)]]);
        }
    }
}

/// One octet of a URI as comparison sees it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit {
    pub octet: u8,
    /// It was escaped and would mean something else if it were not.
    kept_apart: bool,
}

impl Unit {
    /// The same without regard to case.
    pub fn folded(self) -> Self {
        Self { octet: self.octet.to_ascii_lowercase(), ..self }
    }
}

/// The octets of a URI's part, escapes resolved.
pub(super) fn units(text: &[u8]) -> impl Iterator<Item = Unit> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (&first, after) = rest.split_first()?;
        let (octet, kept_apart) = match escaped(rest) {
            Some(octet) => {
                rest = &rest[3..];
                (octet, is_reserved(octet))
            }
            None => {
                rest = after;
                (first, false)
            }
        };
        Some(Unit { octet, kept_apart })
    })
}

/// Equality with case, escapes resolved.
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    one == other || units(one).eq(units(other))
}

/// Equality without case, escapes resolved.
pub(super) fn same_folded(one: &[u8], other: &[u8]) -> bool {
    one == other || units(one).map(Unit::folded).eq(units(other).map(Unit::folded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unescapes_once() {
        assert_eq!(unescape(b"v%61lue%25%34%31").as_ref(), b"value%41");
        assert_eq!(unescape(b"null-%00-null").as_ref(), b"null-\0-null");
        assert!(matches!(unescape(b"plain"), Cow::Borrowed(b"plain")));
        assert_eq!(unescape(b"%zz%4").as_ref(), b"%zz%4");
    }

    #[test]
    fn an_escape_equals_its_octet_unless_that_is_reserved() {
        assert!(same(b"%61lice", b"alice") && same(b"%c3%a9", b"%C3%A9"));
        assert!(!same(b"a%40b", b"a@b") && !same(b"%41lice", b"alice"));
        assert!(same_folded(b"%4Cr", b"lR"));
    }

    #[test]
    fn what_is_written_reads_back() {
        let user: Vec<u8> = (0..=u8::MAX).collect();
        let mut out = BytesMut::new();
        put_user(&mut out, &user);
        assert!(out.is_ascii() && !out.contains(&b'@') && is_well_escaped(&out));
        assert_eq!(unescape(&out).as_ref(), user);
    }
}
