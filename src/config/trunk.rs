//! One `[[trunk]]`: a contract with a carrier.

use std::time::Duration;

use jiff::tz::Offset;

use super::{
    BindMode, CarrierIdForm, ProtocolConfig, SipTrunkConfig, Timers, TrunkConfig, account, quantity,
    secret::Secrets, section::Section, sender, sip, status, tlv,
};
use crate::domain::TrunkId;

/// What names of trunks and operators consist of: they are labels of metrics and parts of URLs.
pub(super) const NAME: &str = "1 to 64 of a-z, 0-9, '.', '_' and '-'";
/// Unanswered submits over all links of a trunk: each is an unknown one if the process is killed.
const MAX_IN_FLIGHT: usize = 16_384;
/// No timer is shorter; shorter ones only busy the machine.
const SHORTEST: Duration = Duration::from_millis(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// What no profile says: every trunk has its own.
const OWN_KEYS: [&str; 4] = ["id", "profile", "hosts", "cost"];

#[derive(Clone, Copy)]
enum Protocol {
    Smpp(u8),
    Cmpp(u8),
}

/// What a trunk carries.
#[derive(Clone, Copy)]
enum Traffic {
    Messages(Protocol),
    Calls,
}

const PROTOCOLS: [(&str, Traffic); 7] = [
    ("smpp33", Traffic::Messages(Protocol::Smpp(0x33))),
    ("smpp34", Traffic::Messages(Protocol::Smpp(0x34))),
    ("smpp50", Traffic::Messages(Protocol::Smpp(0x50))),
    ("cmpp20", Traffic::Messages(Protocol::Cmpp(0x20))),
    ("cmpp21", Traffic::Messages(Protocol::Cmpp(0x21))),
    ("cmpp30", Traffic::Messages(Protocol::Cmpp(0x30))),
    ("sip", Traffic::Calls),
];

/// A trunk of either kind.
pub(super) enum Trunk {
    /// It carries messages.
    Messages(TrunkConfig),
    /// It carries calls.
    Calls(SipTrunkConfig),
}

/// Reads the name, which others are checked against even if the rest is at fault.
pub(super) fn id(section: &mut Section<'_>) -> Option<TrunkId> {
    section.text("id", NAME, is_name).required().map(TrunkId::from)
}

/// Reads the rest. `orphan_hold` must outlast the trunk's answers. `None`: nothing can be said without a protocol.
pub(super) fn read(
    id: TrunkId,
    mut section: Section<'_>,
    secrets: &Secrets<'_>,
    orphan_hold: Duration,
) -> Option<Trunk> {
    Some(match protocol(&mut section)? {
        Traffic::Messages(protocol) => {
            Trunk::Messages(for_messages(id, section, secrets, orphan_hold, protocol))
        }
        Traffic::Calls => Trunk::Calls(sip::read_trunk(id, section, secrets)),
    })
}

fn for_messages(
    id: TrunkId,
    mut section: Section<'_>,
    secrets: &Secrets<'_>,
    orphan_hold: Duration,
    protocol: Protocol,
) -> TrunkConfig {
    section.keep_above(&OWN_KEYS);
    let account = section.section("account");
    account.keep_above(&account::OWN_KEYS);
    let account = match protocol {
        Protocol::Smpp(version) => {
            let receipts = section.section("receipts");
            // Before version 3.4 there are no TLVs.
            let tlvs = if version >= 0x34 { section.sections_by_file("tlv") } else { Vec::new() };
            ProtocolConfig::Smpp(account::smpp(account, receipts, tlv::read(tlvs), version, secrets))
        }
        Protocol::Cmpp(version) => ProtocolConfig::Cmpp(account::cmpp(account, version, secrets)),
    };
    let is_pair = matches!(&account, ProtocolConfig::Smpp(account) if account.bind == BindMode::Pair);
    let trunk = TrunkConfig {
        id,
        hosts: hosts(&mut section),
        // A group of its own in statistics.
        operator: section.text("operator", NAME, is_name).or("other".to_owned()),
        cost: section.number("cost", 0..=1_000_000_000, "of any unit").optional(),
        // One connection is what every carrier grants; a pair needs one for each direction.
        links: section.number("links", 1..=64, "connections").or(if is_pair { 2 } else { 1 }),
        window: section.number("window", 1..=4096, "unanswered submits per link").or(match protocol {
            // SMPP has no window of its own; 10 is what most accounts are granted.
            Protocol::Smpp(_) => 10,
            // CMPP's W.
            Protocol::Cmpp(_) => 16,
        }),
        submits_per_second: section
            .number("submits_per_second", 1..=1_000_000, "submits per second")
            .optional(),
        // Memory: about a kilobyte each.
        max_queue: section.number("max_queue", 1..=10_000_000, "messages").or(100_000),
        max_tenant_queue: section.number("max_tenant_queue", 1..=10_000_000, "messages").optional(),
        // With the growing delays between them these take hours: past that a person should look.
        max_attempts: section.number("max_attempts", 1..=1000, "tries").or(10),
        // A gateway that restarts is back by then; a code that waits longer is late.
        failover_after: section
            .duration("failover_after", Duration::ZERO, 24 * HOUR)
            .or(Duration::from_secs(10)),
        // China has one time zone, and CMPP knows no other.
        utc_offset: section
            .parsed("utc_offset", "\"-14:00\" to \"+14:00\" in quarter hours", quantity::utc_offset)
            .or(Offset::constant(8)),
        carrier_ids: carrier_ids(&mut section, protocol),
        // Every phone joins parts with the narrow reference; some old ones do not know the wide one.
        reference_octets: section.number("reference_octets", 1..=2, "octets").or(1),
        senders: sender::read(section.sections("sender")),
        statuses: status::read(section.sections_by_file("status")),
        timers: timers(section.section("timers"), protocol, orphan_hold),
        protocol: account,
    };
    check(&section, &trunk, is_pair);
    section.finish();
    trunk
}

/// A profile is of one family of protocols; a trunk with it may speak another version.
fn protocol(section: &mut Section<'_>) -> Option<Traffic> {
    let usual = section.below().and_then(|mut below| below.choice("protocol", &PROTOCOLS).optional());
    let protocol = section.choice("protocol", &PROTOCOLS).required()?;
    match usual.map(family) {
        Some(usual) if usual != family(protocol) => {
            section.note("protocol", format!("is not allowed: the profile is of {usual} carriers"));
            None
        }
        _ => Some(protocol),
    }
}

fn family(traffic: Traffic) -> &'static str {
    match traffic {
        Traffic::Messages(Protocol::Smpp(_)) => "SMPP",
        Traffic::Messages(Protocol::Cmpp(_)) => "CMPP",
        Traffic::Calls => "SIP",
    }
}

fn check(section: &Section<'_>, trunk: &TrunkConfig, is_pair: bool) {
    if !section.is_sound() {
        return;
    }
    if is_pair && trunk.links < 2 {
        section.note("links", "1 is not allowed: bind = \"pair\" needs at least 2, one for each direction");
    }
    if let Some(tenant) = trunk.max_tenant_queue.filter(|tenant| *tenant > trunk.max_queue) {
        let what = format!("{tenant} is not allowed: no more than max_queue, {}", trunk.max_queue);
        section.note("max_tenant_queue", what);
    }
    let in_flight = usize::try_from(trunk.links).unwrap_or(usize::MAX).saturating_mul(trunk.window);
    if in_flight > MAX_IN_FLIGHT {
        let what = format!("links × window = {in_flight} is not allowed: at most {MAX_IN_FLIGHT} per trunk");
        section.note("window", what);
    }
}

fn hosts(section: &mut Section<'_>) -> Vec<String> {
    let right = "host:port, such as \"127.0.0.1:7890\" or \"[::1]:2775\"";
    let hosts = section.list("hosts", right, |text| is_host(text).then(|| text.to_owned())).required();
    if section.is_sound() && hosts.as_ref().is_some_and(Vec::is_empty) {
        section.note("hosts", format!("an empty list is not allowed: at least one {right}"));
    }
    hosts.unwrap_or_default()
}

fn carrier_ids(section: &mut Section<'_>, protocol: Protocol) -> CarrierIdForm {
    let forms = CarrierIdForm::ALL.map(|form| (form.name(), form));
    // A Msg_Id of CMPP is eight octets everywhere: there is nothing to convert.
    let forms = if matches!(protocol, Protocol::Cmpp(_)) { &forms[..1] } else { &forms[..] };
    section.choice("carrier_ids", forms).or(CarrierIdForm::Plain)
}

fn timers(mut section: Section<'_>, protocol: Protocol, orphan_hold: Duration) -> Timers {
    let response = match protocol {
        // 5 to 60 s are usual.
        Protocol::Smpp(_) => Duration::from_secs(30),
        // CMPP's T.
        Protocol::Cmpp(_) => MINUTE,
    };
    let timers = Timers {
        // Long enough for a slow gateway, short enough to try the next host soon.
        connect: section.duration("connect", SHORTEST, 5 * MINUTE).or(Duration::from_secs(10)),
        // An answer is remembered as late for ten minutes more, so a longer wait would not be kept.
        response: section.duration("response", SHORTEST, 10 * MINUTE).or(response),
        // Below the minute or so after which NATs and gateways drop a silent connection.
        probe_after: section.duration("probe_after", SHORTEST, HOUR).or(Duration::from_secs(30)),
        // With three transmissions, a dead peer is noticed a minute after its last sign.
        probe: section.duration("probe", SHORTEST, 10 * MINUTE).or(Duration::from_secs(10)),
        // CMPP's N.
        probe_attempts: section.number("probe_attempts", 1..=10, "transmissions").or(3),
        // A restarted gateway is met soon.
        reconnect_min: section.duration("reconnect_min", SHORTEST, HOUR).or(Duration::from_secs(1)),
        // A dead one isn't hammered, and a wrong password does not lock the account.
        reconnect_max: section.duration("reconnect_max", SHORTEST, 24 * HOUR).or(MINUTE),
        // Most gateways notice a dead session within a minute of silence.
        already_bound_wait: section.duration("already_bound_wait", SHORTEST, HOUR).or(MINUTE),
    };
    if section.is_sound() && timers.reconnect_max < timers.reconnect_min {
        let (max, min) = (quantity::written(timers.reconnect_max), quantity::written(timers.reconnect_min));
        section.note("reconnect_max", format!("{max} is not allowed: no less than reconnect_min, {min}"));
    }
    if section.is_sound() && timers.response >= orphan_hold {
        // Else a report that outran its answer would be given to another message while its own is on the wire.
        let (response, hold) = (quantity::written(timers.response), quantity::written(orphan_hold));
        section.note("response", format!("{response} is not allowed: below messages.orphan_hold, {hold}"));
    }
    section.finish();
    timers
}

pub(super) fn is_name(text: &str) -> bool {
    let fits = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || b"._-".contains(&octet);
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}

fn is_host(text: &str) -> bool {
    let Some((name, port)) = text.rsplit_once(':') else { return false };
    let is_port =
        port.bytes().all(|octet| octet.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    let is_name = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let fits = |octet: u8| octet.is_ascii_alphanumeric() || b".-_".contains(&octet);
            (1..=253).contains(&name.len()) && name.bytes().all(fits)
        }
    };
    is_port && is_name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_host_with_a_port() {
        for good in ["127.0.0.1:7890", "[::1]:2775", "ismg.example.cn:7890", "ismg_1:1", "a:65535"] {
            assert!(is_host(good), "{good}");
        }
        for bad in [
            "",
            "host",
            "host:",
            ":7890",
            "host:0",
            "host:65536",
            "host:+1",
            "::1:2775",
            "[::1]",
            "a b:1",
            "http://a:1",
        ] {
            assert!(!is_host(bad), "{bad}");
        }
    }
}
