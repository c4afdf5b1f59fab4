//! Whole files: what good ones become, and the exact words for bad ones.

use std::time::Duration;

use super::*;
use crate::domain::International;

const MINIMAL: &str = include_str!("examples/minimal.toml");
const FULL: &str = include_str!("examples/full.toml");
const RANGES: &str = include_str!("../../data/china-mobile-ranges.csv");

/// Its keys that name certificates, which only a test makes.
const TLS: [&str; 4] = ["certificate = ", "key = ", "authorities = ", "client_authorities = "];

/// The full example with files that are there, wherever the tests run.
fn full() -> String {
    FULL.replace("file:intl-1.password", "env:CARRIER_1_PASSWORD")
        .replace("env:IMS_PASSWORD", "env:CARRIER_1_PASSWORD")
        .replace("ims-1.callers", "/dev/null")
        .lines()
        .filter(|line| !TLS.iter().any(|key| line.starts_with(key)))
        .fold(String::new(), |text, line| text + line + "\n")
        .replace("ranges = \"", &format!("ranges = \"{}/data/", env!("CARGO_MANIFEST_DIR")))
        .replace("ported.csv", "/dev/null")
}

fn environment(name: &str) -> Option<String> {
    match name {
        "CARRIER_1_PASSWORD" => Some("pa55word".to_owned()),
        "IMS_PASSWORD" => Some("s1p-s3cret".to_owned()),
        "CMCC_SECRET" => Some("hunter2-hunter2".to_owned()),
        "LONG" => Some("hunter2-hunter2".to_owned()),
        _ => None,
    }
}

fn read(text: &str) -> Result<Config, ConfigError> {
    parse(text, "carrierd.toml", &environment)
}

/// A trunk without faults, from line 4 on; `more` goes below it.
fn with(more: &str) -> String {
    format!(
        "[store]\npath = \"state\"\n\n[[trunk]]\nid = \"a\"\nprotocol = \"smpp34\"\nhosts = [\"h:1\"]\n\
         account = {{ system_id = \"esme\", password = \"env:CARRIER_1_PASSWORD\" }}\n{more}"
    )
}

#[test]
fn the_minimal_example_takes_every_default() {
    let config = read(MINIMAL).unwrap();
    assert_eq!(config.listen.gateway, "127.0.0.1:7300".parse().unwrap());
    assert_eq!(config.listen.admin, "127.0.0.1:7301".parse().unwrap());
    assert_eq!(config.store.path, PathBuf::from("/var/lib/carrierd"));
    assert_eq!((config.store.reserve_octets, config.store.cache_octets), (512 << 20, 64 << 20));
    assert_eq!(config.store.commit_interval, Duration::from_millis(2));
    let days = |days: u64| Duration::from_secs(days * 86_400);
    let kept = &config.store.retention;
    assert_eq!((kept.records, kept.events, kept.requests), (days(180), days(30), days(7)));
    assert_eq!(config.messages.default_validity, Duration::from_secs(86_400));
    assert_eq!(config.messages.orphan_hold, Duration::from_secs(120));
    assert_eq!(config.messages.max_segments, 10);
    assert!(config.routes.is_empty());
    let [trunk] = &config.trunks[..] else { panic!("{} trunks", config.trunks.len()) };
    assert_eq!(
        (trunk.id.as_str(), trunk.protocol.name(), trunk.operator.as_str()),
        ("carrier-1", "smpp34", "other")
    );
    assert_eq!((trunk.links, trunk.window, trunk.submits_per_second), (1, 10, None));
    assert_eq!(trunk.timers.response, Duration::from_secs(30));
    assert_eq!(trunk.timers.reconnect_max, Duration::from_secs(60));
    assert_eq!(trunk.utc_offset.seconds(), 28_800);
    let ProtocolConfig::Smpp(account) = &trunk.protocol else { panic!("{:?}", trunk.protocol) };
    assert_eq!((account.bind, account.long_messages), (BindMode::Transceiver, LongMessages::Udh));
    assert_eq!(account.password.expose(), "pa55word");
}

#[test]
fn the_full_example_is_loaded_from_its_file_with_the_secrets_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("carrierd.toml");
    std::fs::write(folder.path().join("intl-1.password"), "s3cret\n").unwrap();
    std::fs::write(folder.path().join("china-mobile-ranges.csv"), RANGES).unwrap();
    std::fs::write(folder.path().join("ported.csv"), "13800138000,cucc\n").unwrap();
    std::fs::write(folder.path().join("ims-1.callers"), "# ours\n\n+861088880001\n").unwrap();
    let made = rcgen::generate_simple_self_signed(["sip.example.com".to_owned()]).unwrap();
    for name in ["sip.pem", "carriers.pem", "peers.pem"] {
        std::fs::write(folder.path().join(name), made.cert.pem()).unwrap();
    }
    std::fs::write(folder.path().join("sip.key"), made.signing_key.serialize_pem()).unwrap();
    let config = parse(FULL, &path.display().to_string(), &environment).unwrap();
    let [cmcc, intl] = &config.trunks[..] else { panic!("{} trunks", config.trunks.len()) };
    assert_eq!((cmcc.links, cmcc.window, cmcc.submits_per_second), (2, 16, Some(500)));
    assert_eq!(cmcc.timers.response, Duration::from_secs(60));
    let ProtocolConfig::Cmpp(account) = &cmcc.protocol else { panic!("{:?}", cmcc.protocol) };
    assert_eq!((account.version, account.source_addr.as_str()), (0x30, "901234"));
    assert_eq!(account.shared_secret.expose(), "hunter2-hunter2");
    let ProtocolConfig::Smpp(account) = &intl.protocol else { panic!("{:?}", intl.protocol) };
    assert_eq!((account.bind, account.password.expose()), (BindMode::Pair, "s3cret"));
    let [ims] = &config.sip_trunks[..] else { panic!("{} SIP trunks", config.sip_trunks.len()) };
    assert_eq!((ims.callers.len(), ims.gateways[0].name().as_str()), (3, "sbc1.example.com:5060"));
    assert_eq!(ims.account.as_ref().map(|account| account.password.expose()), Some("s1p-s3cret"));
    assert!(config.sip.tls.identity.is_some() && config.sip.tls.client_authorities.is_some());
    let [calls] = &config.call_routes[..] else { panic!("{} routes of calls", config.call_routes.len()) };
    assert_eq!(
        (&calls.trunks[..], &calls.prefixes[..]),
        (&[TrunkId::from("ims-1")][..], &["86".to_owned()][..])
    );
    let [domestic, shared, rest] = &config.routes[..] else { panic!("{} routes", config.routes.len()) };
    assert_eq!(domestic.prefixes, ["86"]);
    assert_eq!(domestic.categories, [Category::Otp, Category::Notification]);
    assert_eq!(domestic.tenants, [TenantId::from("acme")]);
    assert_eq!(domestic.trunks, [TrunkId::from("cmcc-bj-1"), TrunkId::from("intl-1")]);
    assert_eq!((domestic.name.as_str(), rest.name.as_str()), ("codes to China Mobile", "route 3"));
    assert_eq!(
        (&domestic.operators[..], &domestic.senders[..]),
        (&["cmcc".to_owned()][..], &["1069".to_owned()][..])
    );
    assert_eq!(domestic.content, [ContentKind::Text, ContentKind::Long]);
    assert_eq!(domestic.order, RouteOrder::Cheapest(vec![30, 35]));
    assert_eq!(shared.order, RouteOrder::Weighted(vec![3, 1]));
    assert_eq!((rest.order.clone(), cmcc.cost), (RouteOrder::Listed, Some(32)));
    assert_eq!(rest.trunks, [TrunkId::from("intl-1")]);
    let operator = |number: &str| {
        let number = International::of(&crate::domain::Number::parse(number).unwrap());
        config.numbers.operator(&number).map(|(name, _)| name.to_owned())
    };
    assert_eq!(operator("13800138000").as_deref(), Some("cucc"));
    assert_eq!(operator("13800138001").as_deref(), Some("cmcc"));
    assert_eq!((operator("19212345678").as_deref(), operator("13491234567")), (Some("cbn"), None));
    let [window] = &config.windows[..] else { panic!("{} windows", config.windows.len()) };
    assert_eq!((window.open.len(), window.days, window.outside), (2, [true; 7], Outside::Refuse));
    assert!(rest.prefixes.is_empty() && rest.categories.is_empty() && rest.tenants.is_empty());
}

#[test]
fn records_that_the_platform_keeps_may_go_after_a_day() {
    let text = with("")
        .replace("path = \"state\"", "path = \"state\"\nretention = \"1d\"\nrecords_kept_elsewhere = true");
    let kept = read(&text).unwrap().store.retention;
    let day = Duration::from_secs(86_400);
    assert_eq!((kept.records, kept.events, kept.requests), (day, day, 7 * day));
}

#[test]
fn the_full_example_says_the_defaults_as_they_are() {
    let stated = full()
        .replace("links = 2", "")
        .replace("cost = 32", "")
        .replace("submits_per_second = 500", "")
        .replace("submits_per_second = 20 ", "# ")
        .replace("operator = \"cmcc\"", "")
        .replace("acme = 3", "")
        .replace("profile = \"cmpp30\"", "")
        .replace("sender_ton = 3", "")
        .replace("sender_npi = 0", "")
        .replace("recipient_ton = 1", "")
        .replace("recipient_npi = 1", "")
        .replace("max_tenant_queue = 50000", "");
    let others = [
        "domain = ",
        "sources = ",
        "calls_per_second = ",
        "codecs = ",
        "headers = ",
        "port = ",
        "transport = ",
        "realm = ",
        "user = ",
        "no_progress = ",
        "post_dial_delay = ",
        "profile = ",
        "cost = ",
        "[[trunk.number]]",
        "direction = ",
        "strip = ",
        "prepend = ",
        "prefix = \"+86\"",
    ];
    let stated = stated
        .lines()
        .filter(|line| !others.iter().any(|key| line.starts_with(key)))
        .fold(String::new(), |text, line| text + line + "\n");
    // What remains are required keys, tables, and defaults: without the defaults the same must come out.
    let required = [
        "path",
        "id",
        "protocol",
        "hosts",
        "source_addr",
        "shared_secret",
        "service_id",
        "access_number",
        "system_id",
        "password",
        "bind",
        "default_sender",
        "prefix",
        "in_order",
        "code",
        "then",
        "delay",
        "class",
        "prefixes",
        "categories",
        "tenant",
        "tenants",
        "trunks",
        "ranges",
        "portability",
        "name",
        "operators",
        "senders",
        "content",
        "order",
        "costs",
        "weights",
        "open",
        "tag",
        "text",
        "listen",
        "host",
        "username",
        "authorisation",
        "numbers",
        "file",
    ];
    let is_kept = |line: &&str| match line.split_once('=') {
        Some((key, _)) => required.contains(&key.trim()),
        None => line.starts_with('['),
    };
    let silent: Vec<_> = stated.lines().filter(is_kept).collect();
    let (stated, mut silent) = (read(&stated).unwrap(), read(&silent.join("\n")).unwrap());
    silent.digest.clone_from(&stated.digest);
    assert_eq!(format!("{stated:#?}"), format!("{silent:#?}"));
}

#[test]
fn a_file_is_loaded_by_its_path_and_an_absent_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("carrierd.toml");
    let error = load(&path).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "{}: the configuration can't be read: No such file or directory (os error 2)",
            path.display()
        )
    );
    std::fs::write(folder.path().join("p"), "secret").unwrap();
    std::fs::write(&path, with("").replace("env:CARRIER_1_PASSWORD", "file:p")).unwrap();
    assert_eq!(load(&path).unwrap().trunks.len(), 1);
}

#[test]
fn a_literal_secret_is_taken_where_the_file_allows_it() {
    let text = with("").replace("env:CARRIER_1_PASSWORD", "literal:a:b");
    let config = read(&format!("allow_literal_secrets = true\n{text}")).unwrap();
    let ProtocolConfig::Smpp(account) = &config.trunks[0].protocol else { panic!() };
    assert_eq!(account.password.expose(), "a:b");
}

/// Bad lines below a good trunk (`with`) → the message.
const BELOW: &[(&str, &str)] = &[
    ("links = 0", "carrierd.toml:9: trunk.links: 0 is not allowed: 1 to 64 connections"),
    ("links = 65", "carrierd.toml:9: trunk.links: 65 is not allowed: 1 to 64 connections"),
    ("links = -1", "carrierd.toml:9: trunk.links: -1 is not allowed: 1 to 64 connections"),
    (
        "links = 99999999999999999999",
        "carrierd.toml:9: trunk.links: 99999999999999999999 is not allowed: 1 to 64 connections",
    ),
    ("links = \"2\"", "carrierd.toml:9: trunk.links: \"2\" is not allowed: 1 to 64 connections"),
    ("links = 2.0", "carrierd.toml:9: trunk.links: 2.0 is not allowed: 1 to 64 connections"),
    (
        "\n\nwindow = 5000",
        "carrierd.toml:11: trunk.window: 5000 is not allowed: 1 to 4096 unanswered submits per link",
    ),
    (
        "links = 64\nwindow = 4096",
        "carrierd.toml:10: trunk.window: links × window = 262144 is not allowed: at most 16384 per trunk",
    ),
    (
        "[[trunk.status]]\ncode = 0x45\nthen = \"retry\"\nclass = \"engaged\"",
        "carrierd.toml:11: trunk.status.then: \"retry\" is not allowed: \"slow-down\", \"no-room\", \"later\", \"elsewhere\" or \"never\"\n\
         carrierd.toml:12: trunk.status.class: \"engaged\" is not allowed: \"none\", \"invalid_number\", \"absent_subscriber\", \"suspended_subscriber\", \"handset\", \"recipient_blocked\", \"content_rejected\", \"signature_unregistered\", \"source_not_allowed\", \"frequency_limited\", \"time_window\", \"throttled\", \"route_unavailable\", \"carrier_temporary\", \"carrier_permanent\", \"expired\", \"protocol\", \"unmapped\", \"congestion\", \"network\", \"no_response\", \"busy\", \"no_answer\", \"declined\" or \"media\"",
    ),
    (
        "[[trunk.status]]\ncode = 0\nthen = \"never\"",
        "carrierd.toml:10: trunk.status.code: 0 is not allowed: 1 to 4294967295 as the carrier answers",
    ),
    (
        "[[trunk.status]]\ncode = 69\nthen = \"never\"\ndelay = \"5s\"",
        "carrierd.toml:12: trunk.status.delay: is not allowed: it belongs to \"later\" and \"no-room\"",
    ),
    (
        "[[trunk.status]]\ncode = 69\nthen = \"never\"\n[[trunk.status]]\ncode = 0x45\nthen = \"later\"",
        "carrierd.toml:13: trunk.status.code: 69 is not allowed: line 10 says already what follows it",
    ),
    (
        "max_queue = 10\nmax_tenant_queue = 11",
        "carrierd.toml:10: trunk.max_tenant_queue: 11 is not allowed: no more than max_queue, 10",
    ),
    (
        "submits_per_second = 0",
        "carrierd.toml:9: trunk.submits_per_second: 0 is not allowed: 1 to 1000000 submits per second",
    ),
    (
        "utc_offset = \"8\"",
        "carrierd.toml:9: trunk.utc_offset: \"8\" is not allowed: \"-14:00\" to \"+14:00\" in quarter hours",
    ),
    (
        "utc_offset = 08:00:00",
        "carrierd.toml:9: trunk.utc_offset: 08:00:00 is not allowed: \"-14:00\" to \"+14:00\" in quarter hours",
    ),
    (
        "carrier_ids = \"hex\"",
        "carrierd.toml:9: trunk.carrier_ids: \"hex\" is not allowed: \"plain\", \"folded\", \"hex-in-answers\" or \"hex-in-reports\"",
    ),
    ("reference_octets = 3", "carrierd.toml:9: trunk.reference_octets: 3 is not allowed: 1 to 2 octets"),
    (
        "operator = \"China Mobile\"",
        "carrierd.toml:9: trunk.operator: \"China Mobile\" is not allowed: 1 to 64 of a-z, 0-9, '.', '_' and '-'",
    ),
    (
        "lnks = 2",
        "carrierd.toml:9: trunk.lnks: there is no such key here, only id, profile, protocol, account, receipts, tlv, hosts, operator, cost, links, window, submits_per_second, max_queue, max_tenant_queue, max_attempts, failover_after, utc_offset, carrier_ids, reference_octets, sender, status, timers",
    ),
    ("timers = 5", "carrierd.toml:9: trunk.timers: 5 is not allowed: a table of its own"),
    (
        "[trunk.timers]\nprobe = \"0s\"",
        "carrierd.toml:10: trunk.timers.probe: \"0s\" is not allowed: \"1ms\" to \"10m\", a whole number with ms, s, m, h or d",
    ),
    (
        "[trunk.timers]\nprobe = 10",
        "carrierd.toml:10: trunk.timers.probe: 10 is not allowed: \"1ms\" to \"10m\", a whole number with ms, s, m, h or d",
    ),
    (
        "timers = { reconnect_min = \"5m\" }",
        "carrierd.toml:9: trunk.timers.reconnect_max: 1m is not allowed: no less than reconnect_min, 5m",
    ),
    (
        "[trunk.timers]\nidle = \"1s\"",
        "carrierd.toml:10: trunk.timers.idle: there is no such key here, only connect, response, probe_after, probe, probe_attempts, reconnect_min, reconnect_max, already_bound_wait",
    ),
    (
        "[messages]\ndefault_validity = \"80h\"",
        "carrierd.toml:9: messages.max_validity: 72h is not allowed: no less than default_validity, 80h",
    ),
    (
        "[messages]\norphan_hold = \"20s\"",
        "carrierd.toml:4: trunk.timers.response: 30s is not allowed: below messages.orphan_hold, 20s",
    ),
    (
        "[messages]\nmax_segments = 256",
        "carrierd.toml:10: messages.max_segments: 256 is not allowed: 1 to 255 segments",
    ),
    (
        "[messages]\nintermediate_events = 1",
        "carrierd.toml:10: messages.intermediate_events: 1 is not allowed: true or false",
    ),
    (
        "[listen]\nadmin = \"localhost\"",
        "carrierd.toml:10: listen.admin: \"localhost\" is not allowed: an address with a port, such as \"127.0.0.1:7300\" or \"[::1]:7300\"",
    ),
    (
        "[listen]\nadmin = \"127.0.0.1:7300\"",
        "carrierd.toml:10: listen.admin: 127.0.0.1:7300 is not allowed: gateway has 127.0.0.1:7300 already",
    ),
    (
        "[listen]\ngateway = \"0.0.0.0:7301\"",
        "carrierd.toml:9: listen.admin: 127.0.0.1:7301 is not allowed: gateway has 0.0.0.0:7301 already",
    ),
    ("[[route]]\ntrunks = [\"b\"]", "carrierd.toml:10: route.trunks: \"b\" is not allowed: \"a\""),
    (
        "[[route]]\ntrunks = []",
        "carrierd.toml:10: route.trunks: an empty list is not allowed: a route needs at least one trunk",
    ),
    (
        "[[route]]\ntrunks = [\"a\", \"a\"]",
        "carrierd.toml:10: route.trunks: \"a\" is there twice: name each trunk once, in order of preference",
    ),
    ("[[route]]\nprefixes = [\"86\"]", "carrierd.toml:9: route.trunks: is missing: a list of \"a\""),
    (
        "[[route]]\ntrunks = [\"a\"]\nprefixes = [\n\"86\",\n\"+86\"]",
        "carrierd.toml:13: route.prefixes: \"+86\" is not allowed: 1 to 21 digits in international form, without + or 00",
    ),
    (
        "[[route]]\ntrunks = [\"a\"]\ncategories = [\"spam\"]",
        "carrierd.toml:11: route.categories: \"spam\" is not allowed: \"otp\", \"notification\", \"interactive\" or \"marketing\"",
    ),
    (
        "[[route]]\ntrunks = [\"a\"]\ntenants = [\"\"]",
        "carrierd.toml:11: route.tenants: \"\" is not allowed: a tenant's id, not empty",
    ),
    (
        "[[route]]\ntrunks = [\"a\"]\norder = \"weighted\"",
        "carrierd.toml:9: route.weights: is missing: order = \"weighted\" needs 1 of them, one for each of trunks",
    ),
    (
        "[[route]]\ntrunks = [\"a\"]\norder = \"weighted\"\nweights = [1, 2]",
        "carrierd.toml:12: route.weights: a list of 2 is not allowed: order = \"weighted\" needs 1 of them, one for each of trunks",
    ),
    (
        "[[route]]\ntrunks = [\"a\"]\norder = \"weighted\"\nweights = [0]",
        "carrierd.toml:12: route.weights: all 0 is not allowed: some trunk must have a share",
    ),
    (
        "[[route]]\ntrunks = [\"a\"]\norder = \"weighted\"\nweights = [1001]",
        "carrierd.toml:12: route.weights: 1001 is not allowed: 0 to 1000 as a trunk's share",
    ),
    (
        "[[route]]\ntrunks = [\"a\"]\nweights = [1]",
        "carrierd.toml:11: route.weights: has no effect here: set order = \"weighted\", or remove it",
    ),
    (
        "[[route]]\ntrunks = [\"a\"]\norder = \"cheapest\"",
        "carrierd.toml:9: route.costs: is missing: order = \"cheapest\" needs them here, or cost in each trunk; \"a\" has none",
    ),
    (
        "[[route]]\ntrunks = [\"a\"]\norder = \"cheapest\"\ncosts = [1, 2]",
        "carrierd.toml:12: route.costs: a list of 2 is not allowed: order = \"cheapest\" needs 1 of them, one for each of trunks",
    ),
    (
        "[[route]]\ntrunks = [\"a\"]\norder = \"best\"",
        "carrierd.toml:11: route.order: \"best\" is not allowed: \"listed\", \"weighted\" or \"cheapest\"",
    ),
    (
        "[[route]]\ntrunks = [\"a\"]\ncontent = [\"short\"]",
        "carrierd.toml:11: route.content: \"short\" is not allowed: \"text\", \"binary\" or \"long\"",
    ),
    (
        "[[route]]\ntrunks = [\"a\"]\noperators = [\"cmcc\"]",
        "carrierd.toml:11: route.operators: needs [numbers] with a file of ranges or ported numbers: without one no operator is known",
    ),
    (
        "[numbers]\nranges = \"nowhere.csv\"",
        "carrierd.toml:10: numbers.ranges: nowhere.csv can't be read: No such file or directory (os error 2)",
    ),
    (
        "[[window]]\ncategories = [\"marketing\"]",
        "carrierd.toml:9: window.open: is missing: times of a day such as \"08:00-21:00\" or \"08:00-12:00, 14:00-21:00\"",
    ),
    (
        "[[window]]\nopen = \"8-21\"",
        "carrierd.toml:10: window.open: \"8-21\" is not allowed: times of a day such as \"08:00-21:00\" or \"08:00-12:00, 14:00-21:00\"",
    ),
    (
        "[[window]]\nopen = \"08:00-21:00\"\ndays = \"monday\"",
        "carrierd.toml:11: window.days: \"monday\" is not allowed: days such as \"mon-fri\" or \"mon-thu, sat\"",
    ),
    (
        "[[window]]\nopen = \"08:00-21:00\"\nzone = \"Asia/Peking\"",
        "carrierd.toml:11: window.zone: \"Asia/Peking\" is not allowed: the name of a time zone, such as \"Asia/Shanghai\" or \"UTC\"",
    ),
    (
        "[[window]]\nopen = \"08:00-21:00\"\noutside = \"drop\"",
        "carrierd.toml:11: window.outside: \"drop\" is not allowed: \"refuse\" or \"hold\"",
    ),
    (
        "[route]\ntrunks = [\"a\"]",
        "carrierd.toml:9: route: a table is not allowed: tables, each headed [[route]]",
    ),
    (
        "[stroe]\npath = \"x\"",
        "carrierd.toml:9: stroe: there is no such key here, only allow_literal_secrets, messages, trunk, numbers, route, sip, listen, store, calls, shares, window, drain",
    ),
    ("links = 1\nlinks = 2", "carrierd.toml:10: no valid TOML: duplicate key"),
    ("links = one", "carrierd.toml:9: no valid TOML: string values must be quoted, expected literal string"),
];

/// A change to a good file → the message.
const CHANGED: &[(&str, &str, &str)] = &[
    (
        "path = \"state\"",
        "path = \"state\"\n[shares]\nmarketing = 0",
        "carrierd.toml:4: shares.marketing: 0 is not allowed: 1 to 1000 parts",
    ),
    (
        "path = \"state\"",
        "path = \"state\"\n[shares.tenants]\nacme = 1001",
        "carrierd.toml:4: shares.tenants.acme: 1001 is not allowed: 1 to 1000 parts",
    ),
    (
        "path = \"state\"",
        "",
        "carrierd.toml:1: store.path: is missing: the folder that holds all state, such as \"/var/lib/carrierd\"",
    ),
    (
        "path = \"state\"",
        "path = \"state\"\ncache = \"64\"",
        "carrierd.toml:3: store.cache: \"64\" is not allowed: \"1MiB\" or more, a whole number with KiB, MiB, GiB or TiB",
    ),
    (
        "path = \"state\"",
        "path = \"state\"\nretention = \"149d\"",
        "carrierd.toml:3: store.retention: 3576h is not allowed: records of messages have to be kept for five months, 3600h; say records_kept_elsewhere = true if the platform keeps them",
    ),
    (
        "path = \"state\"",
        "path = \"state\"\nretention = \"150d\"\nevent_retention = \"151d\"",
        "carrierd.toml:4: store.event_retention: 3624h is not allowed: no longer than retention, 3600h",
    ),
    (
        "path = \"state\"",
        "path = \"state\"\nrequest_retention = \"12h\"",
        "carrierd.toml:3: store.request_retention: \"12h\" is not allowed: \"24h\" to \"720h\", a whole number with ms, s, m, h or d",
    ),
    (
        "path = \"state\"",
        "path = \"state\"\nreserve = \"1GB\"",
        "carrierd.toml:3: store.reserve: \"1GB\" is not allowed: a whole number with KiB, MiB, GiB or TiB, such as \"512MiB\"",
    ),
    (
        "[store]\npath = \"state\"\n",
        "",
        "carrierd.toml: store.path: is missing: the folder that holds all state, such as \"/var/lib/carrierd\"",
    ),
    ("id = \"a\"", "", "carrierd.toml:4: trunk.id: is missing: 1 to 64 of a-z, 0-9, '.', '_' and '-'"),
    (
        "id = \"a\"",
        "id = \"A\"",
        "carrierd.toml:5: trunk.id: \"A\" is not allowed: 1 to 64 of a-z, 0-9, '.', '_' and '-'",
    ),
    (
        "smpp34",
        "sgip",
        "carrierd.toml:6: trunk.protocol: \"sgip\" is not allowed: \"smpp33\", \"smpp34\", \"smpp50\", \"cmpp20\", \"cmpp21\", \"cmpp30\" or \"sip\"",
    ),
    (
        "[\"h:1\"]",
        "[]",
        "carrierd.toml:7: trunk.hosts: an empty list is not allowed: at least one host:port, such as \"127.0.0.1:7890\" or \"[::1]:2775\"",
    ),
    (
        "[\"h:1\"]",
        "[\"h\"]",
        "carrierd.toml:7: trunk.hosts: \"h\" is not allowed: host:port, such as \"127.0.0.1:7890\" or \"[::1]:2775\"",
    ),
    (
        "[\"h:1\"]",
        "\"h:1\"",
        "carrierd.toml:7: trunk.hosts: \"h:1\" is not allowed: a list of host:port, such as \"127.0.0.1:7890\" or \"[::1]:2775\"",
    ),
    (
        "system_id = \"esme\"",
        "system_id = \"sixteen_octets_x\"",
        "carrierd.toml:8: trunk.account.system_id: \"sixteen_octets_x\" is not allowed: 1 to 15 printable ASCII characters",
    ),
    (
        "system_id = \"esme\",",
        "",
        "carrierd.toml:8: trunk.account.system_id: is missing: 1 to 15 printable ASCII characters",
    ),
    (
        "system_id = \"esme\"",
        "system_id = \"esme\", system_type = \"thirteen_octs\"",
        "carrierd.toml:8: trunk.account.system_type: \"thirteen_octs\" is not allowed: at most 12 printable ASCII characters",
    ),
    (
        "system_id = \"esme\"",
        "system_id = \"esme\", service_type = \"sixsix\"",
        "carrierd.toml:8: trunk.account.service_type: \"sixsix\" is not allowed: at most 5 printable ASCII characters",
    ),
    (
        "system_id = \"esme\"",
        "system_id = \"esme\", default_sender = \"张三\"",
        "carrierd.toml:8: trunk.account.default_sender: \"张三\" is not allowed: at most 20 printable ASCII characters",
    ),
    (
        "system_id = \"esme\"",
        "system_id = \"esme\", source_addr = \"901234\"",
        "carrierd.toml:8: trunk.account.source_addr: there is no such key here, only password, default_charset, version_fallback, bind, system_id, system_type, address_range, service_type, incoming_charset, long_messages, validity, registered_delivery, sender_ton, sender_npi, recipient_ton, recipient_npi, default_sender",
    ),
    ("system_id = \"esme\"", "system_id = \"esme\", bind = \"pair\"", ""),
    (
        "account = { system_id = \"esme\"",
        "links = 1\naccount = { bind = \"pair\", system_id = \"esme\"",
        "carrierd.toml:8: trunk.links: 1 is not allowed: bind = \"pair\" needs at least 2, one for each direction",
    ),
    ("smpp34\"", "smpp33\"\nlinks = 2", ""),
    (
        "{ system_id = \"esme\", password = \"env:CARRIER_1_PASSWORD\" }",
        "7",
        "carrierd.toml:8: trunk.account: 7 is not allowed: a table of its own",
    ),
    (
        "env:CARRIER_1_PASSWORD",
        "env:UNSET",
        "carrierd.toml:8: trunk.account.password: the environment has no variable \"UNSET\" (or it is not UTF-8)",
    ),
    (
        "env:CARRIER_1_PASSWORD",
        "env:LONG",
        "carrierd.toml:8: trunk.account.password: a password of 15 octets is not allowed: 1 to 8 printable ASCII characters",
    ),
    (
        "env:CARRIER_1_PASSWORD",
        "hunter2",
        "carrierd.toml:8: trunk.account.password: this is no reference to a secret: write env:NAME (a variable of the environment) or file:PATH (relative to this file)",
    ),
    (
        "\"env:CARRIER_1_PASSWORD\"",
        "1234",
        "carrierd.toml:8: trunk.account.password: this is no text: write env:NAME (a variable of the environment) or file:PATH (relative to this file)",
    ),
    (
        "env:CARRIER_1_PASSWORD",
        "literal:hunter2",
        "carrierd.toml:8: trunk.account.password: a secret does not stand in this file: write env:NAME (a variable of the environment) or file:PATH (relative to this file), or for a demonstration set allow_literal_secrets = true at the top",
    ),
    (
        "env:CARRIER_1_PASSWORD",
        "file:no/such",
        "carrierd.toml:8: trunk.account.password: the secret can't be read from no/such: No such file or directory (os error 2)",
    ),
];

fn message(text: &str) -> String {
    read(text).map_or_else(|error| error.to_string(), |_| String::new())
}

#[test]
fn each_fault_is_told_with_file_line_key_and_what_would_be_right() {
    for (more, told) in BELOW {
        assert_eq!(message(&with(more)), *told, "{more}");
    }
    for (good, bad, told) in CHANGED {
        let text = with("").replace(good, bad);
        assert_ne!(text, with(""), "{good} is not in the file");
        assert_eq!(message(&text), *told, "{bad}");
    }
}

#[test]
fn the_fields_of_a_cmpp_account_are_held_against_the_wire() {
    let account = |fields: &str, protocol: &str| {
        format!(
            "[store]\npath = \"state\"\n[[trunk]]\nid = \"a\"\nprotocol = \"{protocol}\"\nhosts = [\"h:1\"]\n\
             [trunk.account]\nshared_secret = \"env:CMCC_SECRET\"\n{fields}"
        )
    };
    let good = "source_addr = \"901234\"\nservice_id = \"\"\naccess_number = \"1069\"\n";
    assert_eq!(message(&account(good, "cmpp20")), "");
    let told = message(&account(
        "source_addr = \"9012345\"\nservice_id = \"elevenoctet\"\naccess_number = \"+86\"",
        "cmpp20",
    ));
    let expected = [
        "carrierd.toml:9: trunk.account.source_addr: \"9012345\" is not allowed: 1 to 6 printable ASCII characters",
        "carrierd.toml:10: trunk.account.service_id: \"elevenoctet\" is not allowed: at most 10 printable ASCII characters",
        "carrierd.toml:11: trunk.account.access_number: \"+86\" is not allowed: 1 to 21 digits",
    ];
    assert_eq!(told.lines().collect::<Vec<_>>(), expected);
    let fees = format!("{good}fee_user_type = 4\nfee_type = \"04\"\nfee_code = \"0.05\"");
    let expected = [
        "carrierd.toml:12: trunk.account.fee_user_type: 4 is not allowed: 0 to 3 for who pays: recipient, sender, SP, the message's fee_terminal_id",
        "carrierd.toml:13: trunk.account.fee_type: \"04\" is not allowed: 01 to 03",
        "carrierd.toml:14: trunk.account.fee_code: \"0.05\" is not allowed: 1 to 6 digits, the price in fen",
    ];
    assert_eq!(message(&account(&fees, "cmpp30")).lines().collect::<Vec<_>>(), expected);
    assert_eq!(message(&account(&format!("{good}fee_type = \"04\""), "cmpp21")), "");
    let ids = account(good, "cmpp30").replace("[trunk.account]", "carrier_ids = \"folded\"\n[trunk.account]");
    assert_eq!(message(&ids), "carrierd.toml:7: trunk.carrier_ids: \"folded\" is not allowed: \"plain\"");
}

#[test]
fn smpp33_has_neither_transceivers_nor_tlvs() {
    let text = with("")
        .replace("smpp34", "smpp33")
        .replace("{ ", "{ bind = \"transceiver\", long_messages = \"sar\", ");
    let expected = [
        "carrierd.toml:8: trunk.account.bind: \"transceiver\" is not allowed: \"pair\"",
        "carrierd.toml:8: trunk.account.long_messages: \"sar\" is not allowed: \"udh\"",
    ];
    assert_eq!(message(&text).lines().collect::<Vec<_>>(), expected);
    let config = read(&with("").replace("smpp34", "smpp33")).unwrap();
    assert_eq!((config.trunks[0].links, config.trunks[0].protocol.name()), (2, "smpp33"));
}

#[test]
fn all_faults_are_told_at_once_in_the_order_of_the_file() {
    let text = with(
        "links = 0\n[[trunk]]\nid = \"a\"\nprotocol = \"x\"\n[[route]]\ntrunks = [\"c\"]\n[listen]\nport = 1\n",
    );
    let text = text.replace("path", "paht");
    let places: Vec<_> =
        read(&text).unwrap_err().faults().iter().map(|fault| (fault.line, fault.key.clone())).collect();
    let expected = [
        (Some(1), "store.path"),
        (Some(2), "store.paht"),
        (Some(9), "trunk.links"),
        (Some(11), "trunk.id"),
        (Some(12), "trunk.protocol"),
        (Some(14), "route.trunks"),
        (Some(16), "listen.port"),
    ];
    let expected: Vec<_> = expected.into_iter().map(|(line, key)| (line, key.to_owned())).collect();
    assert_eq!(places, expected);
}

#[test]
fn a_file_without_trunks_is_refused() {
    let told = message("[store]\npath = \"state\"\n");
    assert_eq!(
        told,
        "carrierd.toml: trunk: is missing: at least one [[trunk]], or there is nowhere to send to"
    );
    assert_eq!(message("").lines().count(), 2);
}

#[test]
fn both_listeners_may_ask_for_any_free_port() {
    assert_eq!(message(&with("[listen]\ngateway = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"")), "");
}

#[test]
fn numbers_may_be_written_in_every_way_toml_has() {
    for written in ["16", "+16", "0x10", "0b1_0000", "1_6"] {
        let config = read(&with(&format!("window = {written}"))).unwrap();
        assert_eq!(config.trunks[0].window, 16, "{written}");
    }
}

#[test]
fn secrets_never_show() {
    let config = read(&full()).unwrap();
    let shown = format!("{config:?} {config:#?}");
    assert!(!shown.contains("hunter2") && !shown.contains("pa55word"), "{shown}");
    for text in [
        with("").replace("env:CARRIER_1_PASSWORD", "hunter2"),
        with("").replace("env:CARRIER_1_PASSWORD", "literal:hunter2"),
        with("").replace("env:CARRIER_1_PASSWORD", "env:LONG"),
        with("").replace("\"env:CARRIER_1_PASSWORD\"", "[\"hunter2\"]"),
        with("").replace("\"env:CARRIER_1_PASSWORD\"", "hunter2"),
        with("").replace("env:CARRIER_1_PASSWORD\" }", "hunter2"),
    ] {
        let error = read(&text).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[test]
fn a_fault_of_a_data_file_is_told_with_that_files_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("carrierd.toml");
    let ranges = folder.path().join("ranges.csv");
    let ported = folder.path().join("ported.csv");
    std::fs::write(
        &ranges,
        "# prefix,operator\n86138,cmcc\n86138,cucc\n+86139,cmcc\n86137\n86136,China Mobile\n",
    )
    .unwrap();
    std::fs::write(&ported, "8613800138000,cucc\n0,cucc\n").unwrap();
    let text = with(
        "[numbers]\nranges = \"ranges.csv\"\nportability = \"ported.csv\"\n[[route]]\noperators = [\"x\"]\ntrunks = [\"a\"]",
    );
    let error = parse(&text, &path.display().to_string(), &environment).unwrap_err().to_string();
    let (ranges, ported) = (ranges.display(), ported.display());
    let right = "prefix,operator, the prefix of 1 to 15 digits in international form, such as 86138,cmcc";
    let expected = [
        format!(
            "{ported}:2: \"*\" is not allowed: number,operator, the number of up to 15 digits, such as 8613800138000,cucc"
        ),
        format!("{ranges}:3: says cucc, but line 2 says cmcc of the same digits: remove one of them"),
        format!("{ranges}:4: \"+86139\" is not allowed: {right}"),
        format!("{ranges}:5: a line without a comma is not allowed: {right}"),
        format!(
            "{ranges}:6: \"China Mobile\" is not allowed: an operator is named by 1 to 64 of a-z, 0-9, '.', '_' and '-'"
        ),
    ];
    assert_eq!(error.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn an_operator_that_no_data_file_names_is_refused() {
    let ranges = concat!(env!("CARGO_MANIFEST_DIR"), "/data/china-mobile-ranges.csv");
    let text = with(&format!(
        "[numbers]\nranges = \"{ranges}\"\n[[route]]\noperators = [\"cmc\"]\ntrunks = [\"a\"]"
    ));
    let error = read(&text).unwrap_err().to_string();
    let right = "an operator that the files of [numbers] name: \"cmcc\", \"cucc\", \"ctcc\" or \"cbn\"";
    assert_eq!(error, format!("carrierd.toml:12: route.operators: \"cmc\" is not allowed: {right}"));
}

#[test]
fn a_route_takes_the_costs_of_its_trunks_where_it_has_none() {
    let config = read(&with("cost = 7\n[[route]]\ntrunks = [\"a\"]\norder = \"cheapest\"")).unwrap();
    assert_eq!(config.routes[0].order, RouteOrder::Cheapest(vec![7]));
}
