//! Where a request goes: from a URI over DNS to an ordered list of targets (RFC 3263, RFC 2782).
//!
//! [`Locate`] asks nothing itself. It says which queries it wants, is told their answers, and ends in a list. The driver has
//! the resolver, the cache and its times.
//!
//! ```text
//! numeric host ─────────────────────────────────────────────▶ done
//! name with port ──────────────────────────────▶ addresses ─▶ done
//! name with transport ───────────────▶ services ▶ addresses ─▶ done
//! name ─▶ naming authority ─(none)──▶ services of each transport
//!                                        └─(none)▶ addresses of the name itself
//! ```

mod machine;
mod records;

pub use machine::{Locate, NotFound, Settings};
pub use records::{Answer, Naptr, Query, Srv};

use std::{net::IpAddr, sync::Arc};

use super::{
    Transport,
    uri::{Host, SipUri},
};

/// What is known of a destination before any query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The host.
    pub host: Place,
    /// The port, if one was given.
    pub port: Option<u16>,
    /// The transport, if one was given.
    pub transport: Option<Transport>,
    /// Every hop must be secure (`sips`).
    pub secure: bool,
}

/// A host as it is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A name.
    Name(Arc<str>),
    /// An address, for which nothing is asked.
    Address(IpAddr),
}

impl Destination {
    /// The destination of a URI: its `maddr` if it has one, else its host. `None` if it names a transport that we do not
    /// have, or port 0.
    #[must_use]
    pub fn of(uri: &SipUri<'_>) -> Option<Self> {
        let maddr = uri.params.get("maddr").and_then(Host::parse);
        let host = match maddr.unwrap_or(uri.host) {
            Host::Name(name) => Place::Name(String::from_utf8_lossy(name).trim_end_matches('.').into()),
            Host::V4(address) => Place::Address(address.into()),
            Host::V6(address) => Place::Address(address.into()),
        };
        let transport = uri.transport().ok()?;
        (uri.port != Some(0)).then_some(Self { host, port: uri.port, transport, secure: uri.secure })
    }

    /// The transport that was given, with TLS under it if every hop must be secure.
    fn given_transport(&self) -> Option<Transport> {
        match self.transport {
            Some(_) if self.secure => Some(Transport::Tls),
            given => given,
        }
    }

    /// The transport when nothing says which.
    fn default_transport(&self) -> Transport {
        self.given_transport().unwrap_or(if self.secure { Transport::Tls } else { Transport::Udp })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::uri::Uri;

    fn of(uri: &str) -> Option<Destination> {
        Destination::of(Uri::parse(uri.as_bytes()).unwrap().sip().unwrap())
    }

    #[test]
    fn a_uri_says_where_to_begin() {
        let name = |name: &str| Place::Name(name.into());
        let base = Destination { host: name("example.com"), port: None, transport: None, secure: false };
        assert_eq!(of("sip:a@example.com"), Some(base.clone()));
        assert_eq!(of("sip:a@example.com."), Some(base.clone()));
        assert_eq!(
            of("sips:example.com:5071"),
            Some(Destination { port: Some(5071), secure: true, ..base.clone() })
        );
        assert_eq!(
            of("sip:example.com;transport=TCP"),
            Some(Destination { transport: Some(Transport::Tcp), ..base.clone() })
        );
        assert_eq!(of("sip:x@y;maddr=example.com"), Some(base.clone()));
        let address = |address: &str| Place::Address(address.parse().unwrap());
        assert_eq!(
            of("sip:[2001:db8::1]"),
            Some(Destination { host: address("2001:db8::1"), ..base.clone() })
        );
        assert_eq!(of("sip:y;maddr=192.0.2.1"), Some(Destination { host: address("192.0.2.1"), ..base }));
        assert_eq!(of("sip:example.com;transport=sctp"), None);
        assert_eq!(of("sip:example.com:0"), None);
    }
}
