//! From the file to a [`Config`] that can be relied on, or to all that is wrong with it.

use std::{
    fmt::Write,
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest, Sha256};
use toml::de::DeTable;

use super::{
    Config, ConfigError, DrainConfig, Fault, Listen, MessageConfig, RetentionConfig, RouteConfig,
    SipTrunkConfig, StoreConfig, TrunkConfig, WindowConfig, calls,
    layer::{Document, Faults},
    numbers::{self, Numbers},
    profile, quantity, route,
    secret::Secrets,
    section::Section,
    shares, sip,
    trunk::{self, Trunk},
    window,
};
use crate::domain::TrunkId;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const MONTH: Duration = Duration::from_secs(30 * 86_400);
/// What Chinese rules for short messages ask for: five months.
const RECORDS_AT_LEAST: Duration = Duration::from_secs(150 * 86_400);

/// Reads and checks a file; secrets come from the process's environment and from files beside it.
///
/// # Errors
/// It can't be read, or something in it is wrong: all that could be found.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let name = path.display().to_string();
    match fs::read_to_string(path) {
        Ok(text) => parse(&text, &name, &|variable| std::env::var(variable).ok()),
        Err(error) => Err(ConfigError::new(vec![Fault {
            file: name,
            line: None,
            key: String::new(),
            what: format!("the configuration can't be read: {error}"),
        }])),
    }
}

/// Checks a text. `name` is the file it came from: messages begin with it, and `file:` secrets are relative to its
/// folder. `env` is the environment.
///
/// # Errors
/// All that could be found wrong.
pub fn parse(text: &str, name: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
    let faults = Faults::default();
    let document = Document::new(name, text, &faults);
    let config = match DeTable::parse(text) {
        Ok(table) => Some(root(Section::root(&document, table.get_ref()), name, env)),
        Err(error) => {
            document.note(
                error.span().map(|span| span.start),
                "",
                format!("no valid TOML: {}", error.message()),
            );
            None
        }
    };
    match (config, faults.take()) {
        (Some(config), faults) if faults.is_empty() => Ok(Config { digest: digest(text), ..config }),
        (_, faults) => Err(ConfigError::new(faults)),
    }
}

/// What tells one text from another.
#[must_use]
fn digest(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::new(), |mut hex, octet| {
        let _ = write!(hex, "{octet:02x}");
        hex
    })
}

fn root(mut file: Section<'_>, name: &str, env: &dyn Fn(&str) -> Option<String>) -> Config {
    let folder = Path::new(name).parent().unwrap_or(Path::new(""));
    let allow_literal = file.flag("allow_literal_secrets").or(false);
    let secrets = Secrets { folder, env, allow_literal };
    let messages = messages(file.section("messages"));
    let trunks = trunks(&mut file, &secrets, messages.orphan_hold);
    let numbers = numbers::read(file.section("numbers"), folder);
    let (routes, call_routes) = routes(&mut file, &trunks, &numbers);
    let sip = sip::read_listening(file.section("sip"), folder, &trunks.for_calls);
    let config = Config {
        listen: listen(file.section("listen")),
        store: store(file.section("store")),
        messages,
        calls: calls::read(file.section("calls")),
        shares: shares::read(file.section("shares")),
        trunks: trunks.for_messages,
        sip,
        sip_trunks: trunks.for_calls,
        routes,
        call_routes,
        numbers: numbers.plan,
        windows: windows(&mut file),
        drain: drain(file.section("drain")),
        source: name.to_owned(),
        digest: String::new(),
    };
    file.finish();
    config
}

fn listen(mut section: Section<'_>) -> Listen {
    let local = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let right = "an address with a port, such as \"127.0.0.1:7300\" or \"[::1]:7300\"";
    let address = |text: &str| text.parse().ok();
    // Loopback: neither listener asks who calls, so the network must not reach them unless somebody decides it.
    let listen = Listen {
        gateway: section.parsed("gateway", right, address).or(local(7300)),
        admin: section.parsed("admin", right, address).or(local(7301)),
    };
    if section.is_sound() && collide(listen.gateway, listen.admin) {
        let what = format!("{} is not allowed: gateway has {} already", listen.admin, listen.gateway);
        section.note("admin", what);
    }
    section.finish();
    listen
}

/// The same port on the same address, or on all. Port 0 is a different one each time.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let overlap = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && one.port() != 0 && overlap
}

fn store(mut section: Section<'_>) -> StoreConfig {
    let path =
        section.text("path", "the folder that holds all state, such as \"/var/lib/carrierd\"", |path| {
            !path.is_empty() && !path.contains('\0')
        });
    let size = "a whole number with KiB, MiB, GiB or TiB, such as \"512MiB\"";
    let cache = "\"1MiB\" or more, a whole number with KiB, MiB, GiB or TiB";
    let store = StoreConfig {
        path: PathBuf::from(path.required().unwrap_or_default()),
        // Room to write down the end of everything that was accepted before the disk is really full.
        reserve_octets: section.parsed("reserve", size, quantity::octets).or(512 << 20),
        // Enough for the indexes of a busy hour; what lies deeper is read from the disk.
        cache_octets: section
            .parsed("cache", cache, |text| quantity::octets(text).filter(|octets| *octets >= 1 << 20))
            .or(64 << 20),
        // A commit costs as much as the work of several messages, and nobody notices two milliseconds.
        commit_interval: section
            .duration("commit_interval", Duration::ZERO, Duration::from_millis(100))
            .or(Duration::from_millis(2)),
        retention: retention(&mut section),
    };
    section.finish();
    store
}

fn retention(section: &mut Section<'_>) -> RetentionConfig {
    let (day, longest) = (24 * HOUR, 3650 * 24 * HOUR);
    let elsewhere = section.flag("records_kept_elsewhere").or(false);
    let defaults = RetentionConfig::default();
    let records = section.duration("retention", day, longest).or(defaults.records);
    let retention = RetentionConfig {
        records,
        events: section.duration("event_retention", day, longest).or(defaults.events.min(records)),
        requests: section.duration("request_retention", day, 30 * day).or(defaults.requests),
    };
    if section.is_sound() && !elsewhere && retention.records < RECORDS_AT_LEAST {
        let (records, least) = (quantity::written(retention.records), quantity::written(RECORDS_AT_LEAST));
        let what = format!(
            "{records} is not allowed: records of messages have to be kept for five months, {least}; say records_kept_elsewhere = true if the platform keeps them"
        );
        section.note("retention", what);
    }
    if section.is_sound() && retention.events > retention.records {
        let (events, records) = (quantity::written(retention.events), quantity::written(retention.records));
        section
            .note("event_retention", format!("{events} is not allowed: no longer than retention, {records}"));
    }
    retention
}

fn messages(mut section: Section<'_>) -> MessageConfig {
    let short = Duration::from_millis(1);
    let messages = MessageConfig {
        // Carriers keep trying for a day or so when nobody says otherwise.
        default_validity: section.duration("default_validity", SECOND, MONTH).or(24 * HOUR),
        // Past it carriers cut it down without saying so.
        max_validity: section.duration("max_validity", SECOND, MONTH).or(72 * HOUR),
        // A week of campaigns; what is planned longer ahead is better kept where it can be changed.
        max_schedule: section.duration("max_schedule", SECOND, MONTH).or(7 * 24 * HOUR),
        // Reports come up to 72 hours after the submit.
        report_window: section.duration("report_window", short, MONTH).or(72 * HOUR),
        // Twice the longest usual wait for the answer to a submit.
        orphan_hold: section.duration("orphan_hold", short, HOUR).or(120 * SECOND),
        // Parts come within seconds or were lost; the phone may have been switched off in between.
        reassembly_timeout: section.duration("reassembly_timeout", short, 24 * HOUR).or(HOUR),
        // 670 Chinese characters: what phones show as one message.
        max_segments: section.number("max_segments", 1..=255, "segments").or(10),
        // Most gateways want the end alone.
        intermediate_events: section.flag("intermediate_events").or(false),
    };
    if section.is_sound() && messages.max_validity < messages.default_validity {
        let (max, default) =
            (quantity::written(messages.max_validity), quantity::written(messages.default_validity));
        section
            .note("max_validity", format!("{max} is not allowed: no less than default_validity, {default}"));
    }
    section.finish();
    messages
}

/// The names of all trunks, and those trunks that could be read.
#[derive(Default)]
struct Trunks {
    names: Vec<TrunkId>,
    for_messages: Vec<TrunkConfig>,
    for_calls: Vec<SipTrunkConfig>,
}

fn trunks(file: &mut Section<'_>, secrets: &Secrets<'_>, orphan_hold: Duration) -> Trunks {
    let mut names: Vec<(TrunkId, Option<usize>)> = Vec::new();
    let mut trunks = Trunks::default();
    let sections = file.sections("trunk");
    if sections.is_empty() && file.is_sound() {
        file.note("trunk", "is missing: at least one [[trunk]], or there is nowhere to send to");
    }
    for mut section in sections {
        let Some(id) = trunk::id(&mut section) else { continue };
        match names.iter().find(|(name, _)| *name == id) {
            Some((_, line)) => {
                let line = line.map_or_else(String::new, |line| format!(" of line {line}"));
                section.note("id", format!("\"{id}\" is not allowed: the trunk{line} has this id"));
            }
            None => names.push((id.clone(), section.line("id"))),
        }
        let read = |section: Section<'_>| trunk::read(id, section, secrets, orphan_hold);
        match profile::with(section, secrets.folder, read) {
            Some(Trunk::Messages(trunk)) => trunks.for_messages.push(trunk),
            Some(Trunk::Calls(trunk)) => trunks.for_calls.push(trunk),
            None => {}
        }
    }
    trunks.names = names.into_iter().map(|(name, _)| name).collect();
    trunks
}

fn drain(mut section: Section<'_>) -> DrainConfig {
    // Carriers that answer at all do so in a few seconds; whoever restarts us waits no longer than a minute or so.
    let limit = section.duration("limit", Duration::ZERO, HOUR).or(30 * SECOND);
    section.finish();
    DrainConfig { limit }
}

/// The routes of messages and those of calls: a route's trunks say which it is of.
fn routes(
    file: &mut Section<'_>,
    trunks: &Trunks,
    numbers: &Numbers,
) -> (Vec<RouteConfig>, Vec<RouteConfig>) {
    let sections = file.sections("route");
    // Without any trunk every route is at fault, and for another reason.
    if trunks.names.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let for_messages = trunks.for_messages.iter().map(|trunk| (trunk.id.clone(), trunk.cost));
    let for_calls = trunks.for_calls.iter().map(|trunk| (trunk.id.clone(), trunk.cost));
    let costs: Vec<_> = for_messages.chain(for_calls).collect();
    let is_for_calls = |id: &TrunkId| trunks.for_calls.iter().any(|trunk| trunk.id == *id);
    let read =
        |(number, section)| route::read(number, section, &trunks.names, &costs, numbers, &is_for_calls);
    let all: Vec<RouteConfig> = (1..).zip(sections).map(read).collect();
    all.into_iter().partition(|route| !route.trunks.first().is_some_and(is_for_calls))
}

fn windows(file: &mut Section<'_>) -> Vec<WindowConfig> {
    file.sections("window").into_iter().map(window::read).collect()
}
