//! Reads `[sip]`.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    time::Duration,
};

use codecs::sip::Transport;

use super::{
    DnsConfig, SipConfig, SipLimits, SipListener, SipTimers, SipTrunkConfig, Strangers, StreamTimers, tls,
    trunk,
};
use crate::config::{quantity, section::Section};

const LISTEN: &str =
    "a transport and an address with a port, such as \"udp:192.0.2.1:5060\" or \"tls:[::1]:5061\"";
const PUBLIC: &str = "an address that peers can reach, such as \"192.0.2.1\" or \"2001:db8::1\"";
const SERVER: &str = "an address with a port, such as \"192.0.2.53:53\"";
const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

/// Reads the section; files are relative to `folder`. `trunks`: those that speak SIP.
pub(in crate::config) fn read(
    mut section: Section<'_>,
    folder: &Path,
    trunks: &[SipTrunkConfig],
) -> SipConfig {
    let wanted = !trunks.is_empty();
    let listeners = section.list("listen", LISTEN, listener);
    let listeners = if wanted { listeners.required() } else { listeners.optional() };
    let strangers = [("refuse", Strangers::Refuse), ("ignore", Strangers::Ignore)];
    let config = SipConfig {
        listeners: listeners.unwrap_or_default(),
        public_addresses: section.list("public_addresses", PUBLIC, public).or(Vec::new()),
        user_agent: section
            .text("user_agent", "1 to 64 printable ASCII characters", is_product)
            .or("carrierd".to_owned()),
        // A carrier whose new address nobody told us sees at once what is wrong.
        strangers: section.choice("strangers", &strangers).or(Strangers::Refuse),
        // CS5, the class that RFC 4594 has for signalling.
        dscp: section.number("dscp", 0..=63, "as the network numbers its classes").or(40),
        tls: tls::read(section.section("tls"), folder),
        limits: limits(section.section("limits")),
        timers: timers(section.section("timers")),
        streams: streams(section.section("streams")),
        dns: dns(section.section("dns")),
    };
    check(&section, &config, wanted);
    trunk::check(&section, trunks, &config);
    section.finish();
    config
}

fn limits(mut section: Section<'_>) -> SipLimits {
    let size = "\"64KiB\" to \"64MiB\", a whole number with KiB or MiB";
    let octets = |text: &str| {
        let octets = quantity::octets(text).filter(|octets| ((64 << 10)..=(64 << 20)).contains(octets))?;
        usize::try_from(octets).ok()
    };
    let limits = SipLimits {
        // Far more than carriers have gateways, far less than a process has descriptors.
        connections: section.number("connections", 1..=100_000, "connections").or(1000),
        // A carrier's element opens one or a few.
        connections_per_source: section.number("connections_per_source", 1..=10_000, "connections").or(32),
        // A hundred large messages; a peer that lets more wait has stopped reading.
        write_queue_octets: section.parsed("write_queue", size, octets).or(256 << 10),
        // A few kilobytes each, so some hundred megabytes at worst.
        transactions: section.number("transactions", 100..=10_000_000, "transactions").or(100_000),
        // Enough for a person to see what is wrong, too little to be used against somebody else.
        bad_answers_per_second: section
            .number("bad_answers_per_second", 0..=100_000, "answers in a second")
            .or(10),
    };
    section.finish();
    limits
}

fn timers(mut section: Section<'_>) -> SipTimers {
    let (short, long) = (Duration::from_millis(1), 60 * SECOND);
    // RFC 3261 Table 4.
    let timers = SipTimers {
        t1: section.duration("t1", short, 10 * SECOND).or(Duration::from_millis(500)),
        t2: section.duration("t2", short, long).or(4 * SECOND),
        t4: section.duration("t4", short, long).or(5 * SECOND),
    };
    if section.is_sound() && timers.t2 < timers.t1 {
        let (t2, t1) = (quantity::written(timers.t2), quantity::written(timers.t1));
        section.note("t2", format!("{t2} is not allowed: no less than t1, {t1}"));
    }
    section.finish();
    timers
}

fn streams(mut section: Section<'_>) -> StreamTimers {
    let short = Duration::from_millis(10);
    let timers = StreamTimers {
        // The next gateway should be tried while the caller still waits.
        connect: section.duration("connect", short, 60 * SECOND).or(4 * SECOND),
        // Keep-alives of ours make a connection that matters a used one.
        idle: section.duration("idle", short, 24 * HOUR).or(600 * SECOND),
        // RFC 3261 has no number; whoever needs longer for a message is stuck.
        message: section.duration("message", short, HOUR).or(30 * SECOND),
        // RFC 5626 §4.4.1: 95 to 120 s.
        ping: section.duration("ping", short, HOUR).or(100 * SECOND),
        // RFC 5626 §4.4.1: 10 s.
        pong: section.duration("pong", short, 60 * SECOND).or(10 * SECOND),
    };
    section.finish();
    timers
}

fn dns(mut section: Section<'_>) -> DnsConfig {
    let dns = DnsConfig {
        servers: section.list("servers", SERVER, |text| text.parse().ok()).or(Vec::new()),
        // A resolver nearby answers in milliseconds; an INVITE waits for it.
        timeout: section.duration("timeout", Duration::from_millis(10), 30 * SECOND).or(2 * SECOND),
    };
    section.finish();
    dns
}

fn check(section: &Section<'_>, config: &SipConfig, wanted: bool) {
    if !section.is_sound() {
        return;
    }
    let listeners = &config.listeners;
    if wanted && listeners.is_empty() {
        section.note("listen", format!("an empty list is not allowed: at least one {LISTEN}"));
    }
    if let Some(twice) = listeners.iter().enumerate().find_map(|(index, one)| {
        let same = |other: &&SipListener| {
            other.address == one.address
                && one.address.port() != 0
                && (other.transport == Transport::Udp) == (one.transport == Transport::Udp)
        };
        listeners[..index].iter().find(same)
    }) {
        section.note("listen", format!("{} is there twice: one listener for each address", twice.address));
    }
    for (index, address) in config.public_addresses.iter().enumerate() {
        let family = |other: &IpAddr| other.is_ipv4() == address.is_ipv4();
        if config.public_addresses[..index].iter().any(family) {
            let what = format!(
                "{address} is not allowed beside another of its family: at most one IPv4 and one IPv6 address"
            );
            section.note("public_addresses", what);
        }
    }
    for listener in listeners.iter().filter(|listener| listener.address.ip().is_unspecified()) {
        if !config.public_addresses.iter().any(|address| address.is_ipv4() == listener.address.is_ipv4()) {
            let what = format!(
                "{} says no address that peers could answer to: name one in public_addresses",
                listener.address
            );
            section.note("listen", what);
        }
    }
    if listeners.iter().any(|listener| listener.transport == Transport::Tls) && config.tls.identity.is_none()
    {
        section.note("listen", "\"tls:…\" is not allowed without a certificate: name one in [sip.tls]");
    }
}

fn listener(text: &str) -> Option<SipListener> {
    let (transport, address) = text.split_once(':')?;
    let transport = transport_of(transport)?;
    let address: SocketAddr = address.parse().ok()?;
    Some(SipListener { transport, address })
}

/// The transport that the file's word names.
pub(super) fn transport_of(word: &str) -> Option<Transport> {
    [Transport::Udp, Transport::Tcp, Transport::Tls].into_iter().find(|one| one.parameter() == word)
}

fn public(text: &str) -> Option<IpAddr> {
    text.parse().ok().filter(|address: &IpAddr| !address.is_unspecified() && !address.is_multicast())
}

fn is_product(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|octet| (0x20..0x7f).contains(&octet))
}
