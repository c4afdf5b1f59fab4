//! The Via header: by which way a request came and its response goes.

use std::net::IpAddr;

use super::{
    grammar::{Parsed, number, refuse, separator, skip_white, token},
    params::Params,
};
use crate::sip::{Transport, uri::Host};

/// What a branch begins with that is unique (RFC 3261 §8.1.1.7). Compared with case.
pub const MAGIC_COOKIE: &[u8] = b"z9hG4bK";

/// One value of Via.
#[derive(Debug, Clone, Copy)]
pub struct Via<'a> {
    /// The transport's name as it is written: `UDP`, or one that we don't have.
    pub transport: &'a [u8],
    /// Where the sender listens.
    pub host: Host<'a>,
    /// The port of it, if it is given.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport` and others.
    pub params: Params<'a>,
}

impl<'a> Via<'a> {
    /// Reads one value; `value` is all of it.
    #[must_use]
    #[inline]
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let (rest, via) = Self::read_sent_by(value).ok()?;
        Some(Self { params: Params::parse(rest)?, ..via })
    }

    /// Says whether a value tells at least by what and from whom the message came, so that a refusal of it can go back.
    #[must_use]
    pub fn is_usable(value: &'a [u8]) -> bool {
        Self::read_host(value).is_ok()
    }

    /// Reads the part before the parameters.
    #[inline]
    fn read_sent_by(value: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, via) = Self::read_host(value)?;
        // White space may stand on both sides of the colon.
        let (rest, port) = match separator(rest, b':') {
            Ok((digits, ())) => {
                let (rest, port) = number(digits)?;
                let Some(port) = port.and_then(|port| u16::try_from(port).ok()) else { return refuse() };
                (rest, Some(port))
            }
            Err(_) => (rest, None),
        };
        let rest = skip_white(rest);
        if rest.first().is_some_and(|&octet| octet != b';') {
            return refuse();
        }
        Ok((rest, Self { port, ..via }))
    }

    /// Reads the part before the port.
    #[inline]
    fn read_host(value: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, protocol) = token(skip_white(value))?;
        let (rest, ()) = separator(rest, b'/')?;
        // Whatever the version: a request of another one is refused by that way too.
        let (rest, _) = token(rest)?;
        if !protocol.eq_ignore_ascii_case(b"SIP") {
            return refuse();
        }
        let (rest, ()) = separator(rest, b'/')?;
        let (rest, transport) = token(rest)?;
        let host = skip_white(rest);
        if host.len() == rest.len() {
            return refuse();
        }
        let (rest, host) = Host::read(host)?;
        Ok((rest, Self { transport, host, port: None, params: Params::default() }))
    }

    /// The transport, if we have it.
    #[must_use]
    pub fn known_transport(&self) -> Option<Transport> {
        [Transport::Udp, Transport::Tcp, Transport::Tls]
            .into_iter()
            .find(|known| known.name().as_bytes().eq_ignore_ascii_case(self.transport))
    }

    /// The port where the sender listens: 5060, or 5061 for TLS, unless it is given.
    #[must_use]
    pub fn port_or_default(&self) -> u16 {
        self.port.unwrap_or_else(|| self.known_transport().map_or(5060, Transport::default_port))
    }

    /// What identifies the transaction.
    #[must_use]
    #[inline]
    pub fn branch(&self) -> Option<&'a [u8]> {
        self.params.get("branch")
    }

    /// Says whether the branch is unique by itself: it has the cookie and something after it.
    #[must_use]
    pub fn has_unique_branch(&self) -> bool {
        self.branch()
            .is_some_and(|branch| branch.len() > MAGIC_COOKIE.len() && branch.starts_with(MAGIC_COOKIE))
    }

    /// The address from which the message came, as the receiver noted it. Brackets around an IPv6 address are accepted.
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        Host::parse(self.params.get("received")?)?.address()
    }

    /// `None`: no `rport`. `Some(None)`: the sender asks for it. `Some(Some(port))`: the port that the receiver noted.
    ///
    /// A value that is no port counts as none.
    #[must_use]
    pub fn rport(&self) -> Option<Option<u16>> {
        let value = self.params.get("rport")?;
        Some(str::from_utf8(value).ok().and_then(|value| value.parse().ok()))
    }

    /// The address to use instead of the sender's, for multicast.
    #[must_use]
    pub fn maddr(&self) -> Option<Host<'a>> {
        Host::parse(self.params.get("maddr")?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_via_with_white_space_everywhere() {
        let via =
            Via::parse(b"SIP  / 2.0\r\n / UDP \t192.0.2.2 : 5070 ; branch = z9hG4bK1 ;\r\n rport").unwrap();
        assert_eq!(
            (via.known_transport(), via.host.to_string(), via.port),
            (Some(Transport::Udp), "192.0.2.2".into(), Some(5070))
        );
        assert_eq!(
            (via.branch(), via.rport(), via.has_unique_branch()),
            (Some(&b"z9hG4bK1"[..]), Some(None), true)
        );
    }

    #[test]
    fn unknown_transports_are_legal() {
        let via = Via::parse(b"SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKkdjuw").unwrap();
        assert_eq!(
            (via.transport, via.known_transport(), via.port_or_default()),
            (&b"UNKNOWN"[..], None, 5060)
        );
        assert_eq!(Via::parse(b"SIP/2.0/TLS h").unwrap().port_or_default(), 5061);
    }

    #[test]
    fn addresses_of_ipv6_may_have_brackets_in_received() {
        for received in ["2001:db8::9:255", "[2001:db8::9:255]"] {
            let text = format!("SIP/2.0/UDP [2001:db8::9:1];received={received};branch=z9hG4bKas3-111");
            let via = Via::parse(text.as_bytes()).unwrap();
            assert_eq!(via.received(), Some("2001:db8::9:255".parse().unwrap()));
            assert_eq!((via.host.to_string().as_str(), via.port), ("[2001:db8::9:1]", None));
        }
    }

    #[test]
    fn only_the_cookie_in_its_own_case_makes_a_branch_unique() {
        for (branch, unique) in [("z9hG4bKa", true), ("z9hG4bK", false), ("z9hg4bka", false), ("a", false)] {
            let text = format!("SIP/2.0/UDP h;branch={branch}");
            assert_eq!(Via::parse(text.as_bytes()).unwrap().has_unique_branch(), unique, "{branch}");
        }
        assert!(!Via::parse(b"SIP/2.0/UDP h").unwrap().has_unique_branch());
    }

    #[test]
    fn refuses_what_is_no_via() {
        for faulty in [
            &b""[..],
            b"SIP/2.0 h",
            b"SIP/2.0/UDP",
            b"SIP/2.0/UDPh;",
            b"HTTP/2.0/UDP h",
            b"SIP/2.0/UDP h:65536",
            b"SIP/2.0/UDP h x",
            b"SIP/2.0/UDP 192.0.2.15;;",
            b"SIP/2.0/UDP h;branch=\"x",
        ] {
            assert!(Via::parse(faulty).is_none(), "{}", String::from_utf8_lossy(faulty));
        }
    }
}
