//! The addresses in From, To, Contact, Route and their kin.

use std::borrow::Cow;

use super::{
    grammar::{closing_quote, is_white, skip_white, trim},
    params::{Params, unquote},
};
use crate::sip::uri::{Uri, UriError};

/// A display name, a URI and the header's parameters.
#[derive(Debug, Clone, Copy)]
pub struct Address<'a> {
    /// The display name as it is written, quotes included; empty when there is none. Any charset.
    pub display: &'a [u8],
    /// The URI as it is written, without `<` and `>`; `*` in a Contact that means all of them.
    pub uri: &'a [u8],
    /// What follows. Without `<` and `>` around the URI, every parameter is the header's and none the URI's.
    pub params: Params<'a>,
}

impl<'a> Address<'a> {
    /// Reads one address; `value` is all of it.
    ///
    /// The URI is found and not looked into. Returns `None` when there is no URI to be found, or when the parameters are
    /// none.
    #[must_use]
    #[inline]
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let value = skip_white(value);
        let (display, rest) = if let Some(inside) = value.strip_prefix(b"\"") {
            let (display, rest) = value.split_at(closing_quote(inside)? + 2);
            (display, skip_white(rest).strip_prefix(b"<")?)
        } else {
            // A comma can't stand in either form.
            match value.iter().position(|&octet| matches!(octet, b'<' | b';' | b'"' | b',')) {
                Some(at) if value[at] == b'<' => (trim(&value[..at]), &value[at + 1..]),
                Some(at) if value[at] != b';' => return None,
                end => return Self::bare(value, end.unwrap_or(value.len())),
            }
        };
        let end = memchr::memchr(b'>', rest)?;
        let (uri, params) = (&rest[..end], &rest[end + 1..]);
        Some(Self { display, uri, params: Params::parse(params)? })
    }

    /// A URI without `<` and `>`: so it has neither parameters nor headers of its own.
    fn bare(value: &'a [u8], end: usize) -> Option<Self> {
        let (uri, params) = value.split_at(end);
        let uri = trim(uri);
        if uri.is_empty() || uri.iter().any(|&octet| is_white(octet) || octet == b'?' || octet == b'>') {
            return None;
        }
        Some(Self { display: b"", uri, params: Params::parse(params)? })
    }

    /// The URI.
    ///
    /// # Errors
    /// [`UriError`] when it is none.
    pub fn uri(&self) -> Result<Uri<'a>, UriError> {
        Uri::parse(self.uri)
    }

    /// The display name without quotes and escapes.
    #[must_use]
    pub fn display_name(&self) -> Cow<'a, [u8]> {
        unquote(self.display)
    }

    /// The tag, if there is one; an empty one is none.
    #[must_use]
    #[inline]
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.params.get("tag").filter(|tag| !tag.is_empty())
    }

    /// The value of a parameter as it is written; empty when it has none.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&'a [u8]> {
        self.params.get(name)
    }

    /// Says whether this is the Contact `*`: all bindings.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.uri == b"*"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(value: &str) -> Address<'_> {
        Address::parse(value.as_bytes()).unwrap_or_else(|| panic!("{value}"))
    }

    #[test]
    fn tells_the_parameters_of_the_header_from_those_of_the_uri() {
        let inside = parsed("<sip:a@b;x=1>;tag=t");
        assert_eq!((inside.uri, inside.tag()), (&b"sip:a@b;x=1"[..], Some(&b"t"[..])));
        let bare = parsed("sip:a@b;tag=t ;x");
        assert_eq!(
            (bare.uri, bare.tag(), bare.param("X")),
            (&b"sip:a@b"[..], Some(&b"t"[..]), Some(&b""[..]))
        );
    }

    #[test]
    fn display_names_take_many_forms() {
        for (value, display, name) in [
            ("\"J \\\"Rosen\\\"\" <sip:a@b>", "\"J \\\"Rosen\\\"\"", "J \"Rosen\""),
            ("\"<sip:x@y>, ;\"<sip:a@b>", "\"<sip:x@y>, ;\"", "<sip:x@y>, ;"),
            ("caller<sip:a@b>", "caller", "caller"),
            ("13800138000 <sip:a@b>", "13800138000", "13800138000"),
            ("Hi I'm Joe \t<sip:a@b>", "Hi I'm Joe", "Hi I'm Joe"),
            ("\"\" <sip:a@b>", "\"\"", ""),
            ("<sip:a@b>", "", ""),
            ("客服 <sip:a@b>", "客服", "客服"),
        ] {
            let address = parsed(value);
            assert_eq!(address.display, display.as_bytes(), "{value}");
            assert_eq!(address.display_name().as_ref(), name.as_bytes(), "{value}");
            assert_eq!(address.uri, b"sip:a@b", "{value}");
        }
    }

    #[test]
    fn octets_of_gbk_are_opaque() {
        // "ZHANG" in GBK, unquoted and quoted, and a character that ends in a backslash.
        for value in [&b"\xD5\xC5 <sip:a@b>"[..], b"\"\xD5\xC5\"<sip:a@b>", b"\"\xD5\x5C\" <sip:a@b>"] {
            assert_eq!(Address::parse(value).unwrap().uri, b"sip:a@b");
        }
    }

    #[test]
    fn an_empty_tag_is_none() {
        assert_eq!(parsed("<sip:a@b>;tag=").tag(), None);
        assert_eq!(parsed("<sip:a@b>;tag").tag(), None);
    }

    #[test]
    fn refuses_what_is_no_address() {
        for faulty in [
            "",
            " ",
            "\"Bob <sip:a@b>",
            "\"Bob\" sip:a@b",
            "Watson, Thomas <sip:a@b>",
            "sip:a@b?Route=x",
            "sip:a b",
            "<sip:a@b",
            "sip:a@b>",
            "<sip:a@b>;;",
            "<sip:a@b> x",
        ] {
            assert!(Address::parse(faulty.as_bytes()).is_none(), "{faulty}");
        }
        assert!(parsed("*").is_wildcard());
    }
}
