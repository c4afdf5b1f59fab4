//! URIs: `sip`, `sips`, `tel`, and others by their scheme.
//!
//! Reading borrows and changes nothing: escapes stay as they came, [`unescape`] resolves them where a value is used, and
//! comparison resolves them by itself.

mod compare;
mod escape;
mod host;
mod parameters;
mod sip;
mod tel;

use thiserror::Error;

pub use escape::{put_user, unescape};
pub use host::Host;
pub use parameters::{UriHeaders, UriParams};
pub use sip::SipUri;
pub use tel::TelUri;

/// A URI.
#[derive(Debug, Clone, Copy)]
pub enum Uri<'a> {
    /// `sip:` or `sips:`.
    Sip(SipUri<'a>),
    /// `tel:`, a telephone number.
    Tel(TelUri<'a>),
    /// Another scheme, which is legal in most headers and can't be called.
    Other {
        /// The scheme.
        scheme: &'a [u8],
        /// What follows the colon.
        rest: &'a [u8],
    },
}

/// What is wrong with a URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UriError {
    /// It has no scheme, or white space, `<`, `>`, `"` or an octet that no URI holds.
    #[error("it is no URI")]
    Shape,
    /// The part before `@`.
    #[error("the user part has an octet that can't stand there")]
    User,
    /// The host, or the port after it.
    #[error("the host or port can't be read")]
    Host,
    /// What follows the host or the number.
    #[error("the parameters can't be read")]
    Parameters,
}

impl<'a> Uri<'a> {
    /// Reads a URI; `text` is all of it.
    ///
    /// # Errors
    /// [`UriError`] when it is none.
    #[inline]
    pub fn parse(text: &'a [u8]) -> Result<Self, UriError> {
        let colon = memchr::memchr(b':', text).ok_or(UriError::Shape)?;
        let (scheme, rest) = (&text[..colon], &text[colon + 1..]);
        if scheme.eq_ignore_ascii_case(b"sip") {
            SipUri::read(false, rest).map(Self::Sip)
        } else if scheme.eq_ignore_ascii_case(b"sips") {
            SipUri::read(true, rest).map(Self::Sip)
        } else if scheme.eq_ignore_ascii_case(b"tel") {
            TelUri::read(rest).map(Self::Tel)
        } else if is_scheme(scheme) && rest.iter().all(is_of_some_uri) {
            Ok(Self::Other { scheme, rest })
        } else {
            Err(UriError::Shape)
        }
    }

    /// The SIP or SIPS URI, if it is one.
    #[must_use]
    pub fn sip(&self) -> Option<&SipUri<'a>> {
        if let Self::Sip(uri) = self { Some(uri) } else { None }
    }

    /// The telephone number as it is written, without parameters: that of a `tel` URI, or the user part of a SIP URI
    /// up to its first `;`.
    #[must_use]
    pub fn number(&self) -> Option<&'a [u8]> {
        match self {
            Self::Sip(uri) => uri.user?.split(|&octet| octet == b';').next(),
            Self::Tel(uri) => Some(uri.number),
            Self::Other { .. } => None,
        }
    }
}

fn is_scheme(scheme: &[u8]) -> bool {
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|octet| octet.is_ascii_alphanumeric() || b"+-.".contains(octet))
}

fn is_of_some_uri(octet: &u8) -> bool {
    octet.is_ascii_graphic() && !b"<>\"".contains(octet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_without_case() {
        assert!(matches!(Uri::parse(b"SIP:a@b"), Ok(Uri::Sip(uri)) if !uri.secure));
        assert!(matches!(Uri::parse(b"SipS:a@b"), Ok(Uri::Sip(uri)) if uri.secure));
        assert!(matches!(Uri::parse(b"TEL:+86"), Ok(Uri::Tel(_))));
        assert!(matches!(Uri::parse(b"soap.beep://x"), Ok(Uri::Other { scheme: b"soap.beep", .. })));
        for none in [&b""[..], b"sip", b":a@b", b"1a:b", b"name user:x", b"isbn:12 34"] {
            assert_eq!(Uri::parse(none).unwrap_err(), UriError::Shape, "{none:?}");
        }
    }

    #[test]
    fn numbers_are_found_in_both_forms() {
        let number = |text: &'static str| Uri::parse(text.as_bytes()).unwrap().number();
        assert_eq!(number("sip:+8613800138000;npdi;rn=+8610@ims.example"), Some(&b"+8613800138000"[..]));
        assert_eq!(number("tel:10086;phone-context=+86"), Some(&b"10086"[..]));
        assert_eq!(number("sip:ims.example"), None);
        assert_eq!(number("urn:x"), None);
    }
}
