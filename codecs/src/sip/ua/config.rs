//! What the endpoint is built from, and who its peers are.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;

use super::{PeerId, Policy};
use crate::sip::{Flow, Method, Transport, auth::Credentials, transaction, validate::Abilities};

/// What holds for the whole endpoint.
#[derive(Debug, Clone)]
pub struct Config {
    /// The value of User-Agent and Server. Empty: neither is sent.
    pub user_agent: Bytes,
    /// Where we listen, in order of preference inside a transport and address family.
    pub listeners: Vec<Listener>,
    /// Bounds on what peers can make us hold.
    pub limits: Limits,
    /// What we take inside dialogs and in what forms; also the bounds on the size of requests.
    pub abilities: Abilities,
    /// Timers and bounds of the transactions.
    pub transactions: transaction::Config,
    /// What a request from nobody's address gets.
    pub strangers: Strangers,
    /// Whether messages of legs are told, as `LegEvent::Message`.
    pub tells_messages: bool,
    /// Methods outside dialogs that the caller answers itself, told as `Event::Request`. Others get what a user agent
    /// for calls owes them: OPTIONS 200, REFER 603, the rest 405 or 501. A registrar names REGISTER here.
    pub serves: Vec<Method>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            user_agent: Bytes::from_static(b"carrierd"),
            listeners: Vec::new(),
            limits: Limits::default(),
            abilities: Abilities::default(),
            transactions: transaction::Config::default(),
            strangers: Strangers::Refuse,
            tells_messages: false,
            serves: Vec::new(),
        }
    }
}

/// A socket of the driver, and how the world reaches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// What it carries.
    pub transport: Transport,
    /// As the socket is bound; [`Flow::local`] and `Target::local` name it so.
    pub bound: SocketAddr,
    /// Host and port for Via and Contact: the bound address, or the public one behind NAT. IPv6 in brackets.
    pub advertised: Bytes,
}

impl Listener {
    /// A listener that the world reaches at the address it is bound to.
    #[must_use]
    pub fn new(transport: Transport, bound: SocketAddr) -> Self {
        Self { transport, bound, advertised: Bytes::from(bound.to_string()) }
    }
}

/// Bounds on what the endpoint holds at once. What comes above one of them is answered with 503 and `retry_after`
/// before any state is made for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Legs, incoming and outgoing together.
    pub legs: usize,
    /// Early dialogs of one INVITE; further forks are not followed.
    pub forks: usize,
    /// Events that wait to be polled; while so many wait, no new call is taken.
    pub events: usize,
    /// What a refused caller is told to wait.
    pub retry_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { legs: 20_000, forks: 8, events: 100_000, retry_after: Duration::from_secs(5) }
    }
}

/// What a request from an address that belongs to no peer gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strangers {
    /// 403.
    Refuse,
    /// No answer.
    Ignore,
    /// It belongs to this peer: for a simulator or a test, never for a trunk.
    Serve(PeerId),
}

/// One trunk, as far as incoming requests are concerned.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The trunk.
    pub id: PeerId,
    /// Where its requests come from.
    pub sources: Vec<Source>,
    /// The user part of the Contact that its calls are sent to. Where several peers share an address, the one whose
    /// user the Request-URI has is meant; else the first.
    pub contact_user: Bytes,
    /// What answers its challenges, for calls, requests inside them, registrations and probes.
    pub credentials: Vec<Credentials>,
    /// How its incoming calls are run.
    pub policy: Arc<Policy>,
    /// Whether it may place calls now.
    pub intake: Intake,
    /// Its incoming legs at once. More are answered with 503.
    pub legs: usize,
}

impl Peer {
    /// A peer without sources that may place calls.
    #[must_use]
    pub fn new(id: PeerId, policy: Arc<Policy>) -> Self {
        Self {
            id,
            sources: Vec::new(),
            contact_user: Bytes::new(),
            credentials: Vec::new(),
            policy,
            intake: Intake::Open,
            legs: usize::MAX,
        }
    }
}

/// Whether a peer may place calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intake {
    /// Yes.
    Open,
    /// No: INVITE and OPTIONS get 503, so that it routes around us. Calls that it has go on.
    Draining,
}

/// Addresses of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// An address of the network.
    pub address: IpAddr,
    /// How many leading bits count: 32 or 128 for one address.
    pub prefix_bits: u8,
    /// The one port, or any.
    pub port: Option<u16>,
}

impl Source {
    /// One address, any port.
    #[must_use]
    pub fn address(address: IpAddr) -> Self {
        Self { address, prefix_bits: if address.is_ipv4() { 32 } else { 128 }, port: None }
    }

    /// Says whether what came on this flow came from here. An IPv4 address mapped into IPv6 is that IPv4 address.
    #[must_use]
    pub fn holds(&self, flow: &Flow) -> bool {
        if self.port.is_some_and(|port| port != flow.remote.port()) {
            return false;
        }
        match (self.address.to_canonical(), flow.remote.ip().to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let shift = 32 - u32::from(self.prefix_bits.min(32));
                (u32::from(ours) ^ u32::from(theirs)).checked_shr(shift).unwrap_or(0) == 0
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let shift = 128 - u32::from(self.prefix_bits.min(128));
                (u128::from(ours) ^ u128::from(theirs)).checked_shr(shift).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(remote: &str) -> Flow {
        let local = "192.0.2.5:5060".parse().unwrap();
        Flow { transport: Transport::Udp, local, remote: remote.parse().unwrap(), connection: None }
    }

    #[test]
    fn a_source_is_a_network_and_perhaps_a_port() {
        let source = |address: &str, prefix_bits, port| Source {
            address: address.parse().unwrap(),
            prefix_bits,
            port,
        };
        for (source, remote, holds) in [
            (source("198.51.100.40", 32, None), "198.51.100.40:7", true),
            (source("198.51.100.40", 32, None), "198.51.100.41:7", false),
            (source("198.51.100.0", 24, None), "198.51.100.255:7", true),
            (source("198.51.100.0", 24, None), "198.51.101.0:7", false),
            (source("0.0.0.0", 0, None), "203.0.113.1:7", true),
            (source("198.51.100.40", 32, Some(5060)), "198.51.100.40:5060", true),
            (source("198.51.100.40", 32, Some(5060)), "198.51.100.40:5061", false),
            (source("198.51.100.40", 32, None), "[::ffff:198.51.100.40]:7", true),
            (source("2001:db8::", 32, None), "[2001:db8:1::1]:7", true),
            (source("2001:db8::", 32, None), "[2001:db9::1]:7", false),
            (source("::", 0, None), "[2001:db9::1]:7", true),
            (source("::", 0, None), "198.51.100.40:7", false),
        ] {
            assert_eq!(source.holds(&from(remote)), holds, "{source:?} {remote}");
        }
    }
}
