//! Reads one `[[trunk]]` with `protocol = "sip"`.

use std::{path::Path, time::Duration};

use codecs::sip::Transport;

use super::{
    Callers, EarlyMedia, Gateway, ProbeConfig, ReliableProvisional, SipAccount, SipConfig, SipTrunkConfig,
    SipTrunkTimers, callers, failover, gateway, identity, number,
};
use crate::{
    config::{
        secret::Secrets,
        section::Section,
        trunk::{NAME, is_name},
    },
    domain::TrunkId,
};

/// What no profile says: every trunk has its own.
const OWN_KEYS: [&str; 7] = ["id", "profile", "cost", "gateway", "sources", "domain", "callers"];
/// What no profile says of an account.
const OWN_ACCOUNT_KEYS: [&str; 3] = ["username", "password", "user"];
const SHORT: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Reads the trunk, whose `id` was read.
pub(in crate::config) fn read(
    id: TrunkId,
    mut section: Section<'_>,
    secrets: &Secrets<'_>,
) -> SipTrunkConfig {
    section.keep_above(&OWN_KEYS);
    let gateways = gateway::read(&mut section);
    let first = gateways.first().map(|gateway| gateway.host.clone()).unwrap_or_default();
    let account = account(section.section("account"), secrets);
    let timers = timers(section.section("timers"), gateways.len());
    let is_codec = |text: &str| is_token(text, 32).then(|| text.to_owned());
    let early = EarlyMedia::ALL.map(|way| (way.name(), way));
    let reliable = ReliableProvisional::ALL.map(|way| (way.name(), way));
    let trunk = SipTrunkConfig {
        id,
        operator: section.text("operator", NAME, is_name).or("other".to_owned()),
        cost: section.number("cost", 0..=1_000_000_000, "of any unit").optional(),
        domain: section.text("domain", "a name or an address, without a port", gateway::is_host).or(first),
        sources: gateway::sources(&mut section),
        probe: probe(section.section("probe")),
        calls_per_second: section.number("calls_per_second", 1..=100_000, "calls per second").optional(),
        // More than most contracts grant; memory is a few kilobytes each.
        max_calls: section.number("max_calls", 1..=1_000_000, "calls").or(1000),
        callers: callers(&mut section, secrets.folder),
        numbers: number::read(section.sections_by_file("number")),
        identity: identity::read(section.section("identity"), account.is_some()),
        codecs: section
            .list("codecs", "a codec as rtpmap names it, such as \"PCMA\"", is_codec)
            .or(Vec::new()),
        // What the network plays before the answer tells the caller why there is none.
        early_media: section.choice("early_media", &early).or(EarlyMedia::Tell),
        reliable_provisional: section
            .choice("reliable_provisional", &reliable)
            .or(ReliableProvisional::Supported),
        session_timer: identity::session_timer(section.section("session_timer")),
        failover_statuses: failover::statuses(&mut section),
        failover: failover::read(section.section("failover"), timers.no_progress),
        circuit: failover::circuit(section.section("circuit")),
        timers,
        headers: headers(&mut section),
        gateways,
        account,
    };
    section.finish();
    trunk
}

/// Holds what the trunks want to be carried by against what we listen on.
pub(super) fn check(section: &Section<'_>, trunks: &[SipTrunkConfig], sip: &SipConfig) {
    if !section.is_sound() {
        return;
    }
    let listens = |transport| sip.listeners.iter().any(|listener| listener.transport == transport);
    let unheard = |gateway: &Gateway| gateway.transport.filter(|transport| !listens(*transport));
    for trunk in trunks {
        if let Some(transport) = trunk.gateways.iter().find_map(unheard) {
            let what = format!(
                "trunk \"{}\" has a gateway over {}, but nothing here listens for what it sends back: add \"{}:ADDRESS:PORT\"",
                trunk.id,
                transport,
                transport.parameter()
            );
            section.note("listen", what);
        }
        if trunk.gateways.iter().any(|gateway| gateway.transport.is_none())
            && sip.listeners.iter().all(|one| one.transport == Transport::Tls)
        {
            let what = format!(
                "trunk \"{}\" has a gateway over UDP, but nothing here listens for what it sends back",
                trunk.id
            );
            section.note("listen", what);
        }
    }
}

fn callers(section: &mut Section<'_>, folder: &Path) -> Callers {
    callers::read(section.section("callers"), folder)
}

fn account(mut section: Section<'_>, secrets: &Secrets<'_>) -> Option<SipAccount> {
    section.keep_above(&OWN_ACCOUNT_KEYS);
    let text = "1 to 128 printable ASCII characters";
    let is_text = |text: &str| {
        (1..=128).contains(&text.len()) && text.bytes().all(|octet| (0x20..0x7f).contains(&octet))
    };
    let username = section.text("username", text, is_text);
    let account = match section.is_there() {
        false => None,
        true => {
            let username = username.required().unwrap_or_default();
            Some(SipAccount {
                password: section
                    .secret("password", secrets)
                    .required()
                    .unwrap_or_else(|| super::Secret::new(String::new())),
                realm: section.text("realm", text, is_text).optional(),
                user: section.text("user", text, is_text).or(user_of(&username)),
                // An account that is proved by a password is, as a rule, found by its registration.
                register: section.flag("register").or(true),
                // RFC 3261 §10.2.1.1 has no number, §10.3 an hour.
                expires: section.duration("expires", 60 * SECOND, 168 * HOUR).or(HOUR),
                username,
            })
        }
    };
    section.finish();
    account
}

/// Carriers give the whole address of record as the name, or its user alone.
fn user_of(username: &str) -> String {
    username.split_once('@').map_or(username, |(user, _)| user).to_owned()
}

fn probe(mut section: Section<'_>) -> ProbeConfig {
    let probe = ProbeConfig {
        // Often enough to know before the next call, rarely enough for nobody to mind.
        interval: section.duration("interval", Duration::ZERO, HOUR).or(30 * SECOND),
        interval_down: section.duration("interval_down", SHORT, HOUR).or(10 * SECOND),
        down_after: section.number("down_after", 1..=100, "misses").or(3),
        up_after: section.number("up_after", 1..=100, "answers").or(2),
    };
    section.finish();
    probe
}

fn timers(mut section: Section<'_>, gateways: usize) -> SipTrunkTimers {
    // RFC 3261 §17.1.1.2: timer B is 64·T1.
    let no_response = if gateways > 1 { 6 * SECOND } else { 32 * SECOND };
    let timers = SipTrunkTimers {
        no_response: section.duration("no_response", SHORT, 300 * SECOND).or(no_response),
        no_progress: section.duration("no_progress", SHORT, 300 * SECOND).optional(),
        // RFC 3261 §16.6: proxies give up after three minutes.
        ring: section.duration("ring", SHORT, HOUR).or(180 * SECOND),
    };
    section.finish();
    timers
}

fn headers(section: &mut Section<'_>) -> Vec<String> {
    let name = |text: &str| {
        let rest = text.strip_prefix("X-").or_else(|| text.strip_prefix("x-"))?;
        is_token(rest, 62).then(|| text.to_owned())
    };
    section
        .list("headers", "the name of a header that begins with X-, up to 64 characters", name)
        .or(Vec::new())
}

fn is_token(text: &str, most: usize) -> bool {
    let fits = |octet: u8| octet.is_ascii_alphanumeric() || b"-._".contains(&octet);
    (1..=most).contains(&text.len()) && text.bytes().all(fits)
}
