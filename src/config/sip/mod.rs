//! `[sip]` and `[[trunk]]` with `protocol = "sip"`: what the daemon listens on for calls, and the contracts with the
//! carriers of calls.
//!
//! Here are the types that the rest of the daemon reads; the files below read them.

mod callers;
mod failover;
mod gateway;
mod identity;
mod listen;
mod number;
#[cfg(test)]
mod tests;
mod tls;
mod trunk;

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use codecs::sip::Transport;
pub use profiles::words::{
    CallHeader, EarlyMedia, NumberScheme, ReliableProvisional, SessionTimerUse, WhoseNumber,
};

use super::Secret;
use crate::domain::TrunkId;

pub use self::{
    callers::Callers,
    number::{Direction, NumberRule},
    tls::{Certificates, PrivateKey, TlsConfig},
};
pub(super) use self::{listen::read as read_listening, trunk::read as read_trunk};

/// What holds for all calls: `[sip]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SipConfig {
    /// Where SIP is listened for. Empty only where no trunk speaks it.
    pub listeners: Vec<SipListener>,
    /// How peers reach the listeners that are bound to all addresses, or lie behind an address translation; at most one
    /// for each address family. Empty: as they are bound.
    pub public_addresses: Vec<IpAddr>,
    /// What we call ourselves in User-Agent and Server. Default `carrierd`.
    pub user_agent: String,
    /// What a request is owed that comes from an address of no trunk. Default a refusal.
    pub strangers: Strangers,
    /// The class of service that the network sees on what we send, 0 to 63. Default 40, CS5.
    pub dscp: u8,
    /// Our certificate, and whom we believe.
    pub tls: TlsConfig,
    /// What one peer, or all of them, may take of us.
    pub limits: SipLimits,
    /// Timers of transactions.
    pub timers: SipTimers,
    /// How long connections may take, or keep silent.
    pub streams: StreamTimers,
    /// Whom names are asked of.
    pub dns: DnsConfig,
}

/// An address that SIP is listened for on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SipListener {
    /// What carries it.
    pub transport: Transport,
    /// Address and port; port 0 is any that is free.
    pub address: SocketAddr,
}

/// What a request is owed that comes from an address of no trunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strangers {
    /// 403 Forbidden.
    Refuse,
    /// Nothing, as if nobody were here.
    Ignore,
}

/// What one peer, or all of them, may take of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SipLimits {
    /// Connections in all. Default 1000.
    pub connections: usize,
    /// Of these, connections that one address may open to us. Default 32.
    pub connections_per_source: usize,
    /// Octets that may wait for a connection whose peer does not read; above that it is closed. Default 256 KiB.
    pub write_queue_octets: usize,
    /// Transactions at once; new requests above that are answered 503. Default 100,000.
    pub transactions: usize,
    /// Malformed messages and messages of strangers that one address is answered in a second; the others are dropped. Default 10.
    pub bad_answers_per_second: u32,
}

/// How long connections may take, or keep silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamTimers {
    /// Opening a connection, TLS included. Default 4 s.
    pub connect: Duration,
    /// A connection that nobody used for so long is closed. Default 10 min.
    pub idle: Duration,
    /// A message that began must have come in full. Default 30 s.
    pub message: Duration,
    /// Silence of ours on a connection before we send a keep-alive. Default 100 s.
    pub ping: Duration,
    /// What answers a keep-alive of ours must come. Default 10 s.
    pub pong: Duration,
}

/// Whom names are asked of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsConfig {
    /// Servers in turn; empty: those of the machine.
    pub servers: Vec<SocketAddr>,
    /// How long one answer is waited for. Default 2 s.
    pub timeout: Duration,
}

/// One contract with a carrier of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SipTrunkConfig {
    /// Its name everywhere: API, metrics, logs.
    pub id: TrunkId,
    /// Operator for statistics: `cmcc`, `cucc`, `ctcc`, `cbn` or free.
    pub operator: String,
    /// What a call costs, in a unit of the file's author; only compared. For routes by cost.
    pub cost: Option<u32>,
    /// The host in the addresses of From, To and the Request-URI. Default: that of the first gateway.
    pub domain: String,
    /// Where calls are sent, at least one, in the order of the file.
    pub gateways: Vec<Gateway>,
    /// Addresses beside those of the gateways whose requests are this carrier's.
    pub sources: Vec<AddressBlock>,
    /// How we prove who we are; `None`: the carrier knows us by our address.
    pub account: Option<SipAccount>,
    /// How the gateways' health is watched.
    pub probe: ProbeConfig,
    /// Calls that are placed in a second; `None`: no limit.
    pub calls_per_second: Option<u32>,
    /// Calls at once, both directions. Default 1000.
    pub max_calls: u32,
    /// The numbers that calls may come from, as the carrier assigned them.
    pub callers: Callers,
    /// How numbers are rewritten on their way, the first that fits a number being the one.
    pub numbers: Vec<NumberRule>,
    /// Which header says which number.
    pub identity: IdentityConfig,
    /// Codecs that a description of ours may offer, as RFC 8866's `rtpmap` names them; empty: any.
    pub codecs: Vec<String>,
    /// What becomes of media before the answer. Default it is told.
    pub early_media: EarlyMedia,
    /// How provisional responses are made reliable. Default as the carrier wants.
    pub reliable_provisional: ReliableProvisional,
    /// How a session's liveness is watched.
    pub session_timer: SessionTimerConfig,
    /// How long its calls are waited for.
    pub timers: SipTrunkTimers,
    /// Statuses after which another gateway or trunk may be tried. Default 500, 502, 503, 504.
    pub failover_statuses: Vec<u16>,
    /// When a call leaves it for another trunk.
    pub failover: SipFailoverConfig,
    /// When a gateway that fails calls is left alone.
    pub circuit: CircuitConfig,
    /// Names of headers that a request for a call may bring along, each beginning with `X-`.
    pub headers: Vec<String>,
}

/// A gateway of a carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// A name or an address (IPv6 without brackets).
    pub host: String,
    /// Its port; `None`: as DNS says, or the transport's own.
    pub port: Option<u16>,
    /// What carries it; `None`: as DNS says, or UDP.
    pub transport: Option<Transport>,
    /// The lowest is tried first. Default its place in the list, from 1.
    pub priority: u16,
    /// Its share among those of equal priority; 0: only where the others fail. Default 1.
    pub weight: u16,
}

impl Gateway {
    /// As people name it: `host:port`, the port only if it is said.
    #[must_use]
    pub fn name(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        self.port.map_or(host.clone(), |port| format!("{host}:{port}"))
    }

    /// Its address, if it is one and no name.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

/// Addresses with the same beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressBlock {
    /// The first of them.
    pub network: IpAddr,
    /// Bits that they share.
    pub prefix_bits: u8,
}

impl AddressBlock {
    /// Says whether this is one of them. An IPv4 address in IPv6's form is the IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.prefix_bits.min(32));
                shift == 32 || (network.to_bits() ^ address.to_bits()) >> shift == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.prefix_bits.min(128));
                shift == 128 || (network.to_bits() ^ address.to_bits()) >> shift == 0
            }
            _ => false,
        }
    }
}

/// How we prove who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SipAccount {
    /// The name that digests are computed with.
    pub username: String,
    /// Its password.
    pub password: Secret,
    /// The only realm that is answered; `None`: any.
    pub realm: Option<String>,
    /// The user of our address of record. Default the username, up to its `@`.
    pub user: String,
    /// Register there, so that calls come to us. Default yes.
    pub register: bool,
    /// How long a registration is asked to hold. Default 1 h.
    pub expires: Duration,
}

/// How the gateways' health is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeConfig {
    /// From one OPTIONS to the next, a tenth more or less. Zero: none is sent, and traffic alone tells. Default 30 s.
    pub interval: Duration,
    /// The same while the gateway is down. Default 10 s.
    pub interval_down: Duration,
    /// Misses in a row that make it down. Default 3.
    pub down_after: u32,
    /// Answers in a row that make it up again. Default 2.
    pub up_after: u32,
}

/// When a call leaves a trunk for another one of its route, beside the statuses that allow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SipFailoverConfig {
    /// Also after the platform was told that it rings. Default no: the callee's phone may ring twice.
    pub after_ringing: bool,
    /// Most trunks that one call is tried on, this one included. Default 3.
    pub max_trunks: u16,
    /// How long this one may take until more than 100 Trying is heard. `None`: as long as the call may ring. Default
    /// `no_progress` of its timers.
    pub post_dial_delay: Option<Duration>,
}

/// When a gateway that fails calls is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CircuitConfig {
    /// Calls in a row that it failed: with 500 to 599, or with silence where no OPTIONS are sent. 0: never. Default 10.
    pub failures: u32,
    /// How long it is left alone first. It doubles with each call that tries it in vain. Default 10 s.
    pub pause: Duration,
    /// The longest. Default 5 min.
    pub longest_pause: Duration,
}

/// Which header says which number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdentityConfig {
    /// From. Default the shown number.
    pub from: WhoseNumber,
    /// P-Asserted-Identity. Default the caller's.
    pub asserted: WhoseNumber,
    /// P-Preferred-Identity. Default none.
    pub preferred: WhoseNumber,
    /// Diversion. Default none.
    pub diversion: WhoseNumber,
    /// The user of Contact. Default the account's.
    pub contact: WhoseNumber,
    /// How numbers in the Request-URI and To are written. Default as SIP URIs.
    pub scheme: NumberScheme,
    /// Numbers in SIP URIs are marked `user=phone`. Default yes.
    pub user_phone: bool,
}

/// How a session's liveness is watched (RFC 4028).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionTimerConfig {
    /// Whether. Default it is offered.
    pub usage: SessionTimerUse,
    /// The interval that we ask for. Default 30 min.
    pub expires: Duration,
    /// The shortest that we take. Default 90 s.
    pub least: Duration,
}

/// Timers of transactions, as RFC 3261 names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SipTimers {
    /// T1: a round trip. Default 500 ms.
    pub t1: Duration,
    /// T2: the longest pause between retransmissions. Default 4 s.
    pub t2: Duration,
    /// T4: how long a message may stay in the network. Default 5 s.
    pub t4: Duration,
}

/// How long a trunk's calls are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SipTrunkTimers {
    /// Without any response an INVITE goes to the next gateway; the last one is waited for as long as transactions last, 64
    /// times T1. Default 6 s with several gateways, else 32 s.
    pub no_response: Duration,
    /// Without more than 100 Trying it goes there. `None`: it is waited for as long as it rings.
    pub no_progress: Option<Duration>,
    /// The longest that a call may ring. Default 3 min.
    pub ring: Duration,
}
