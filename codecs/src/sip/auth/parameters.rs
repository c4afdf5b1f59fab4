//! The comma-separated parameters behind a scheme: `Digest realm="a", nonce="b"`.

use crate::sip::message::grammar::{closing_quote, is_token, is_white, skip_white};

/// What stands next in a header of authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// A scheme, which begins a challenge or credentials.
    Scheme(&'a [u8]),
    /// A parameter. A quoted value comes without its quotes, its escapes as they stand.
    Parameter(&'a [u8], &'a [u8]),
    /// Neither of them, or a value without an end: nothing behind it can be trusted.
    Malformed,
}

/// Reads a value part by part.
///
/// A comma may be missing between two parameters, as some servers leave it out. What has no `=` is a scheme, and that
/// stands only at the beginning or behind a comma.
#[derive(Debug, Clone)]
pub(super) struct Items<'a> {
    rest: &'a [u8],
    may_be_scheme: bool,
}

impl<'a> Items<'a> {
    pub fn new(value: &'a [u8]) -> Self {
        Self { rest: value, may_be_scheme: true }
    }

    fn malformed(&mut self) -> Item<'a> {
        self.rest = b"";
        Item::Malformed
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        while let Some((first, rest)) = self.rest.split_first()
            && (is_white(*first) || *first == b',')
        {
            self.may_be_scheme |= *first == b',';
            self.rest = rest;
        }
        if self.rest.is_empty() {
            return None;
        }
        let (name, rest) = split(self.rest, is_token);
        if name.is_empty() {
            return Some(self.malformed());
        }
        let Some(after) = skip_white(rest).strip_prefix(b"=") else {
            if !self.may_be_scheme {
                return Some(self.malformed());
            }
            (self.rest, self.may_be_scheme) = (rest, false);
            return Some(Item::Scheme(name));
        };
        self.may_be_scheme = false;
        let after = skip_white(after);
        if let Some(inside) = after.strip_prefix(b"\"") {
            let Some(end) = closing_quote(inside) else { return Some(self.malformed()) };
            self.rest = &inside[end + 1..];
            return Some(Item::Parameter(name, &inside[..end]));
        }
        let (value, rest) = split(after, |octet| octet > b' ' && !matches!(octet, b',' | b'"' | 0x7F));
        self.rest = rest;
        Some(Item::Parameter(name, value))
    }
}

/// The text of a quoted value, its escapes undone.
pub(super) fn unescaped(value: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len());
    let mut octets = value.iter();
    while let Some(octet) = octets.next() {
        match octet {
            b'\\' => text.extend(octets.next()),
            _ => text.push(*octet),
        }
    }
    text
}

/// The same text with what a quoted value must escape.
pub(super) fn escaped(text: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(text.len());
    for octet in text {
        if matches!(octet, b'"' | b'\\') {
            value.push(b'\\');
        }
        value.push(*octet);
    }
    value
}

fn split(octets: &[u8], fits: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    octets.split_at(octets.iter().position(|octet| !fits(*octet)).unwrap_or(octets.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(value: &str) -> Vec<Item<'_>> {
        Items::new(value.as_bytes()).collect()
    }

    #[test]
    fn reads_schemes_and_parameters_with_any_white_space() {
        let read = items("DiGeSt\r\n\trealm = \"a \\\" b\" ,, qop=auth,nonce=\"\", Basic realm=x");
        assert_eq!(
            read,
            [
                Item::Scheme(b"DiGeSt"),
                Item::Parameter(b"realm", b"a \\\" b"),
                Item::Parameter(b"qop", b"auth"),
                Item::Parameter(b"nonce", b""),
                Item::Scheme(b"Basic"),
                Item::Parameter(b"realm", b"x"),
            ]
        );
    }

    #[test]
    fn a_comma_may_be_missing_before_a_parameter_but_not_before_a_scheme() {
        let read = items("Digest stale=\"true\" algorithm=\"MD5\"");
        assert_eq!(read[2], Item::Parameter(b"algorithm", b"MD5"));
        assert_eq!(items("Digest algorithm=SHA-256\nsess").last(), Some(&Item::Malformed));
    }

    #[test]
    fn what_cannot_be_read_ends_the_value() {
        for value in ["Digest realm=\"open, nonce=\"n", "Digest realm=\"open\\\"", "=x", "Digest a=b\"c"] {
            assert_eq!(items(value).last(), Some(&Item::Malformed), "{value}");
        }
        assert!(items(" , ").is_empty());
    }

    #[test]
    fn escapes_come_and_go() {
        assert_eq!(unescaped(b"a\\\"b\\\\c"), b"a\"b\\c");
        assert_eq!(escaped(b"a\"b\\c"), b"a\\\"b\\\\c");
    }
}
