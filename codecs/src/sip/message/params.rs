//! The parameters of a header's value: `;name`, `;name=token`, `;name="quoted"`.

use std::borrow::Cow;

use super::grammar::{Parsed, is_token, is_value, is_white, quoted, refuse, skip_white};

/// Parameters as they are written, from the first `;` on. Names are compared without case.
#[derive(Debug, Clone, Copy, Default)]
pub struct Params<'a>(&'a [u8]);

impl<'a> Params<'a> {
    /// Reads parameters up to the end of `text`, which begins at the first `;` or is empty.
    ///
    /// Returns `None` when something stands there that is no parameter, an empty one (`;;`) included.
    #[must_use]
    #[inline]
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        let mut rest = skip_white(text);
        let whole = Self(rest);
        while !rest.is_empty() {
            (rest, _) = next(rest).ok()?;
        }
        Some(whole)
    }

    /// Names and values in order. A quoted value keeps its quotes: see [`unquote`].
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (after, param) = next(rest).ok()?;
            rest = after;
            Some(param)
        })
    }

    /// The value of a parameter as it is written; empty when it has none.
    #[must_use]
    #[inline]
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.unwrap_or_default())
    }

    /// All of them as they are written, the first `;` included.
    #[must_use]
    pub fn octets(&self) -> &'a [u8] {
        self.0
    }
}

/// One parameter, the `;` before it and the white space around it.
#[inline]
fn next(rest: &[u8]) -> Parsed<'_, (&[u8], Option<&[u8]>)> {
    let Some((b';', rest)) = rest.split_first() else { return refuse() };
    let rest = skip_white(rest);
    let (rest, name) = split(rest, is_token);
    if name.is_empty() {
        return refuse();
    }
    let rest = skip_white(rest);
    let Some((b'=', rest)) = rest.split_first() else { return Ok((rest, (name, None))) };
    let rest = skip_white(rest);
    if rest.first() == Some(&b'"') {
        let (after, _) = quoted(rest)?;
        return Ok((skip_white(after), (name, Some(&rest[..rest.len() - after.len()]))));
    }
    let (rest, value) = split(rest, is_value);
    Ok((skip_white(rest), (name, Some(value))))
}

#[inline]
fn split(rest: &[u8], fits: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = rest.iter().position(|&octet| !fits(octet)).unwrap_or(rest.len());
    (&rest[end..], &rest[..end])
}

/// The text of a value: without quotes and escapes if it is quoted, as it is otherwise.
#[must_use]
pub fn unquote(value: &[u8]) -> Cow<'_, [u8]> {
    let Ok((_, inside)) = quoted(value) else { return Cow::Borrowed(value) };
    if !inside.contains(&b'\\') && !inside.contains(&b'\r') {
        return Cow::Borrowed(inside);
    }
    let mut text = Vec::with_capacity(inside.len());
    let mut octets = inside.iter().copied().peekable();
    while let Some(octet) = octets.next() {
        match octet {
            b'\\' => text.extend(octets.next()),
            // A fold is one space.
            b'\r' => {
                while octets.next_if(|&octet| is_white(octet)).is_some() {}
                text.push(b' ');
            }
            _ => text.push(octet),
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_with_any_white_space() {
        let params = Params::parse(b" ;a ; b=1;c = \"x;\\\"y\"\r\n ;\td=[2001:db8::1];e=").unwrap();
        let all: Vec<_> = params.iter().collect();
        let expected: [(&[u8], Option<&[u8]>); 5] = [
            (b"a", None),
            (b"b", Some(b"1")),
            (b"c", Some(b"\"x;\\\"y\"")),
            (b"d", Some(b"[2001:db8::1]")),
            (b"e", Some(b"")),
        ];
        assert_eq!(all, expected);
        assert_eq!(
            (params.get("B"), params.get("a"), params.get("z")),
            (Some(&b"1"[..]), Some(&b""[..]), None)
        );
    }

    #[test]
    fn refuses_what_is_no_parameter() {
        for faulty in [&b";;"[..], b";", b"a", b";a b", b";a=\"x", b";a=x y", b";a,b", b";=x"] {
            assert!(Params::parse(faulty).is_none(), "{faulty:?}");
        }
        assert!(Params::parse(b"").is_some());
    }

    #[test]
    fn unquotes_once() {
        assert_eq!(unquote(br#""a\\\"b""#).as_ref(), br#"a\"b"#);
        assert_eq!(unquote(b"\"\\\0\"").as_ref(), b"\0");
        assert_eq!(unquote(b"\"a\r\n b\"").as_ref(), b"a b");
        assert!(matches!(unquote(b"plain"), Cow::Borrowed(b"plain")));
    }
}
