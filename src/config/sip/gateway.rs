//! Reads `[[trunk.gateway]]` and `sources`: where a carrier is, and where it speaks from.

use std::net::IpAddr;

use super::{AddressBlock, Gateway, listen::transport_of};
use crate::config::section::Section;

const HOST: &str = "a name or an address, such as \"sbc.example.com\", \"192.0.2.1\" or \"2001:db8::1\"";
const SOURCE: &str = "an address or a block of them, such as \"192.0.2.1\" or \"192.0.2.0/28\"";

/// Reads the gateways, at least one.
pub(super) fn read(section: &mut Section<'_>) -> Vec<Gateway> {
    let mut gateways = Vec::new();
    for (place, mut table) in (1..).zip(section.sections("gateway")) {
        let host = table.parsed("host", HOST, host).required();
        let transport = table.parsed("transport", "\"udp\", \"tcp\" or \"tls\"", transport_of).optional();
        let gateway = Gateway {
            host: host.unwrap_or_default(),
            port: table.number("port", 1..=u16::MAX, "as a port").optional(),
            transport,
            // As they are listed.
            priority: table.number("priority", 0..=u16::MAX, "as in SRV records").or(place),
            weight: table.number("weight", 0..=u16::MAX, "as in SRV records").or(1),
        };
        table.finish();
        gateways.push(gateway);
    }
    if gateways.is_empty() && section.is_sound() {
        section.note("gateway", "is missing: at least one [[trunk.gateway]], or there is nowhere to send to");
    }
    gateways
}

/// Reads the further addresses that the carrier speaks from.
pub(super) fn sources(section: &mut Section<'_>) -> Vec<AddressBlock> {
    section.list("sources", SOURCE, block).or(Vec::new())
}

fn host(text: &str) -> Option<String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_string());
    }
    let is_label = |label: &str| {
        let fits = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(fits)
    };
    // What ends in a number is an address, and this one was none.
    let numeric =
        text.rsplit('.').next().is_some_and(|last| last.bytes().all(|octet| octet.is_ascii_digit()));
    (text.len() <= 253 && !numeric && text.split('.').all(is_label)).then(|| text.to_ascii_lowercase())
}

/// A host as [`read`] takes it.
pub(super) fn is_host(text: &str) -> bool {
    host(text).is_some()
}

fn block(text: &str) -> Option<AddressBlock> {
    let (network, bits) = text.split_once('/').map_or((text, None), |(network, bits)| (network, Some(bits)));
    let network: IpAddr = network.parse().ok()?;
    let most = if network.is_ipv4() { 32 } else { 128 };
    let prefix_bits = match bits {
        None => most,
        Some(bits) => bits.parse().ok().filter(|bits| *bits <= most)?,
    };
    Some(AddressBlock { network, prefix_bits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_the_addresses_that_begin_alike() {
        for (text, inside, outside) in [
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("192.0.2.16/28", "192.0.2.31", "192.0.2.32"),
            ("0.0.0.0/0", "198.51.100.1", "2001:db8::1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("192.0.2.1", "::ffff:192.0.2.1", "::1"),
        ] {
            let block = block(text).unwrap();
            assert!(block.contains(inside.parse().unwrap()), "{text} {inside}");
            assert!(!block.contains(outside.parse().unwrap()), "{text} {outside}");
        }
        for bad in ["", "192.0.2.0/33", "192.0.2/24", "2001:db8::/129", "carrier.example.com", "192.0.2.0/"] {
            assert_eq!(block(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for (text, read) in [
            ("SBC.example.com", "sbc.example.com"),
            ("192.0.2.1", "192.0.2.1"),
            ("2001:DB8::1", "2001:db8::1"),
            ("_sip.a", "_sip.a"),
        ] {
            assert_eq!(host(text).as_deref(), Some(read), "{text}");
        }
        for bad in ["", "a..b", "sip:a", "a:5060", "[::1]", "192.0.2.256", "a b", ".a", "1"] {
            assert_eq!(host(bad), None, "{bad}");
        }
    }
}
