//! The parameters and headers of a URI.

use std::borrow::Cow;

use super::escape::{is_well_escaped, same_folded, unescape};
use crate::sip::message::grammar::is_parameter;

/// The parameters of a URI, as they are written. Empty ones (`;;`) are passed over.
#[derive(Debug, Clone, Copy, Default)]
pub struct UriParams<'a>(&'a [u8]);

impl<'a> UriParams<'a> {
    /// Takes what follows the first `;`, if nothing in it is foreign to parameters.
    pub(super) fn read(text: &'a [u8]) -> Option<Self> {
        let fits = text.iter().all(|&octet| is_parameter(octet) || octet == b';' || octet == b'=');
        (fits && is_well_escaped(text)).then_some(Self(text))
    }

    /// Names and values in order, with their escapes.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        pairs(self.0, b';')
    }

    /// The value of a parameter, with its escapes; empty when it has none. Names are compared without case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.iter()
            .find(|(own, _)| same_folded(own, name.as_bytes()))
            .map(|(_, value)| value.unwrap_or_default())
    }

    /// Says whether a parameter is there, in whatever form: `lr`, `lr=on`, `lr=true`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// All of them as they are written, without the first `;`.
    #[must_use]
    pub fn octets(&self) -> &'a [u8] {
        self.0
    }
}

/// The headers that a URI wants in a request to it.
#[derive(Debug, Clone, Copy, Default)]
pub struct UriHeaders<'a>(&'a [u8]);

impl<'a> UriHeaders<'a> {
    /// Takes what follows the `?`.
    pub(super) fn read(text: &'a [u8]) -> Option<Self> {
        let fits = text.iter().all(|&octet| is_parameter(octet) || octet == b'?' || octet == b'=');
        (fits && is_well_escaped(text)).then_some(Self(text))
    }

    /// Names and values in order, with their escapes.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        pairs(self.0, b'&').map(|(name, value)| (name, value.unwrap_or_default()))
    }

    /// The first value of a header, unescaped. Names are compared without case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Cow<'a, [u8]>> {
        self.iter().find(|(own, _)| same_folded(own, name.as_bytes())).map(|(_, value)| unescape(value))
    }

    /// Says whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn pairs(text: &[u8], separator: u8) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    text.split(move |&octet| octet == separator).filter(|pair| !pair.is_empty()).map(|pair| {
        match memchr::memchr(b'=', pair) {
            Some(at) => (&pair[..at], Some(&pair[at + 1..])),
            None => (pair, None),
        }
    })
}
