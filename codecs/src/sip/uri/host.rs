//! Hosts: a name or an address.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use nom::bytes::complete::take_while1;

use crate::sip::message::grammar::{Parsed, is_digit, is_host, number, refuse};

/// A host in a URI or a Via. Names are compared without case.
#[derive(Debug, Clone, Copy, Eq)]
pub enum Host<'a> {
    /// A name, to be looked up.
    Name(&'a [u8]),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, which stands in brackets.
    V6(Ipv6Addr),
}

impl<'a> Host<'a> {
    /// Reads a host from the front of `rest`.
    #[inline]
    pub(crate) fn read(rest: &'a [u8]) -> Parsed<'a, Self> {
        if let Some(inside) = rest.strip_prefix(b"[") {
            let Some(end) = memchr::memchr(b']', inside) else { return refuse() };
            return match v6(&inside[..end]) {
                Some(address) => Ok((&inside[end + 1..], Self::V6(address))),
                None => refuse(),
            };
        }
        let (rest, name) = take_while1(is_host)(rest)?;
        if name.iter().all(|&octet| is_digit(octet) || octet == b'.') && name.contains(&b'.') {
            return v4(name).map_or_else(refuse, |address| Ok((rest, Self::V4(address))));
        }
        if name[0] == b'.' || name[0] == b'-' { refuse() } else { Ok((rest, Self::Name(name))) }
    }

    /// Reads text that is a host and nothing else. An IPv6 address may lack its brackets, as in `received`.
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        match Self::read(text) {
            Ok(([], host)) => Some(host),
            _ => v6(text).map(Self::V6),
        }
    }

    /// The address, unless it is a name.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match *self {
            Self::Name(_) => None,
            Self::V4(address) => Some(IpAddr::V4(address)),
            Self::V6(address) => Some(IpAddr::V6(address)),
        }
    }
}

impl From<IpAddr> for Host<'_> {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(address),
        }
    }
}

impl PartialEq for Host<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(one), Self::Name(other)) => one.eq_ignore_ascii_case(other),
            _ => self.address().is_some() && self.address() == other.address(),
        }
    }
}

/// As written: an IPv6 address in brackets.
impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(&String::from_utf8_lossy(name)),
            Self::V4(address) => address.fmt(f),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}

/// Reads `:port` from the front of `rest`, if it is there.
#[inline]
pub(super) fn port(rest: &[u8]) -> Parsed<'_, Option<u16>> {
    let Some(digits) = rest.strip_prefix(b":") else { return Ok((rest, None)) };
    let (rest, port) = number(digits)?;
    match port.and_then(|port| u16::try_from(port).ok()) {
        Some(port) => Ok((rest, Some(port))),
        None => refuse(),
    }
}

/// Four numbers of up to three digits. The standard library refuses zeros in front, SIP doesn't.
fn v4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0_u8; 4];
    let mut parts = text.split(|&octet| octet == b'.');
    for octet in &mut octets {
        let part = parts.next().filter(|part| (1..=3).contains(&part.len()))?;
        *octet = part.iter().try_fold(0_u8, |sum, digit| sum.checked_mul(10)?.checked_add(digit - b'0'))?;
    }
    parts.next().is_none().then(|| octets.into())
}

fn v6(text: &[u8]) -> Option<Ipv6Addr> {
    let text = str::from_utf8(text).ok()?;
    text.parse().ok().or_else(|| {
        // RFC 5118 §4.10: a fault of the old grammar allowed a third colon before an embedded IPv4 address.
        let (head, tail) = text.split_once(":::")?;
        tail.contains('.').then(|| format!("{head}::{tail}"))?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_names_from_addresses() {
        let parsed = |text: &'static str| Host::parse(text.as_bytes());
        assert_eq!(parsed("192.0.2.1"), Some(Host::V4(Ipv4Addr::new(192, 0, 2, 1))));
        assert_eq!(parsed("192.000.002.001"), parsed("192.0.2.1"));
        assert_eq!(parsed("Example.COM"), Some(Host::Name(b"example.com")));
        assert_eq!(parsed("host_5-a.example."), Some(Host::Name(b"host_5-a.example.")));
        assert_eq!(parsed("[2001:db8::9:1]"), parsed("2001:db8::9:1"));
        assert_eq!(parsed("[2001:DB8:0:0::9:1]"), parsed("[2001:db8::9:1]"));
        assert_eq!(parsed("[2001:db8:::192.0.2.1]"), parsed("[2001:db8::192.0.2.1]"));
        for faulty in
            ["", "256.1.1.1", "1.2.3", "1.2.3.4.5", "[2001:db8::1", "[]", "[::g]", "a b", ".a", "[:::]"]
        {
            assert_eq!(parsed(faulty), None, "{faulty}");
        }
    }

    #[test]
    fn ports_have_sixteen_bits() {
        assert_eq!(port(b":0;x"), Ok((&b";x"[..], Some(0))));
        assert_eq!(port(b":065535"), Ok((&b""[..], Some(65535))));
        assert_eq!(port(b";x"), Ok((&b";x"[..], None)));
        assert!(port(b":65536").is_err() && port(b":").is_err() && port(b":x").is_err());
    }
}
