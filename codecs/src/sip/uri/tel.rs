//! Telephone numbers as URIs (RFC 3966).

use super::{UriError, UriParams, compare};

/// A `tel` URI. Everything is as it was written.
#[derive(Debug, Clone, Copy)]
pub struct TelUri<'a> {
    /// The number with its visual separators; one with `+` in front is global.
    pub number: &'a [u8],
    /// `phone-context`, `ext`, `isub`, `npdi`, `rn`, `cic` and others.
    pub params: UriParams<'a>,
}

/// Says whether an octet only makes a number easier to read.
pub(super) fn is_separator(octet: u8) -> bool {
    matches!(octet, b'-' | b'.' | b'(' | b')')
}

impl<'a> TelUri<'a> {
    /// Reads what follows the scheme.
    pub(super) fn read(text: &'a [u8]) -> Result<Self, UriError> {
        let (number, params) = match memchr::memchr(b';', text) {
            Some(at) => (&text[..at], &text[at + 1..]),
            None => (text, &text[text.len()..]),
        };
        let digits = number.strip_prefix(b"+").unwrap_or(number);
        // RFC 3966 §3: a local number also has hexadecimal digits, `*` and `#`.
        let fits =
            |&octet: &u8| octet.is_ascii_hexdigit() || octet == b'*' || octet == b'#' || is_separator(octet);
        if !digits.iter().all(fits) || digits.iter().all(|&octet| is_separator(octet)) {
            return Err(UriError::User);
        }
        let params = UriParams::read(params).ok_or(UriError::Parameters)?;
        Ok(Self { number, params })
    }

    /// Says whether the number means the same everywhere.
    #[must_use]
    pub fn is_global(&self) -> bool {
        self.number.first() == Some(&b'+')
    }

    /// The number without visual separators.
    pub fn digits(&self) -> impl Iterator<Item = u8> + use<'a> {
        self.number.iter().copied().filter(|&octet| !is_separator(octet))
    }

    /// Equality as RFC 3966 §5 defines it: separators, case and the order of parameters don't count.
    #[must_use]
    pub fn equivalent(&self, other: &Self) -> bool {
        compare::tel(self, other)
    }
}
