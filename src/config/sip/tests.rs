//! SIP in whole files: what good ones become, and the exact words for bad ones.

use std::{path::Path, time::Duration};

use codecs::sip::Transport;

use crate::{
    config::{
        AddressBlock, CallHeader, Config, ConfigError, Direction, EarlyMedia, NumberRule, NumberScheme,
        Strangers, WhoseNumber, parse,
    },
    domain::{Number, TrunkId},
};

fn read(text: &str) -> Result<Config, ConfigError> {
    parse(text, "carrierd.toml", &|name| (name == "SECRET").then(|| "s3cret".to_owned()))
}

/// A SIP trunk without faults, from line 5 on; `more` goes below it.
fn with(more: &str) -> String {
    format!(
        "store = {{ path = \"state\" }}\nsip = {{ listen = [\"udp:127.0.0.1:0\"] }}\n\n[[trunk]]\nid = \"a\"\nprotocol = \"sip\"\n\
         gateway = [{{ host = \"192.0.2.1\" }}]\ncallers = {{ authorisation = \"c\", numbers = [\"+861088880000\"] }}\n{more}"
    )
}

#[test]
fn a_trunk_that_says_little_takes_every_default() {
    let config = read(&with("")).unwrap();
    assert!(config.trunks.is_empty() && config.call_routes.is_empty());
    let [trunk] = &config.sip_trunks[..] else { panic!("{} SIP trunks", config.sip_trunks.len()) };
    assert_eq!((trunk.id.as_str(), trunk.domain.as_str(), trunk.max_calls), ("a", "192.0.2.1", 1000));
    let [gateway] = &trunk.gateways[..] else { panic!() };
    assert_eq!((gateway.priority, gateway.weight, gateway.port, gateway.transport), (1, 1, None, None));
    assert_eq!((trunk.account.is_none(), trunk.identity.contact), (true, WhoseNumber::Caller));
    assert_eq!(trunk.timers.no_response, Duration::from_secs(32));
    assert_eq!(trunk.failover_statuses, [500, 502, 503, 504]);
    assert_eq!((config.sip.strangers, config.sip.dscp), (Strangers::Refuse, 40));
    assert_eq!(config.sip.listeners[0].transport, Transport::Udp);
}

#[test]
fn callers_are_those_of_the_list_however_they_are_written() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("more"), "# of 2026\n\n 95001 \r\n+8613800138000").unwrap();
    let name = folder.path().join("carrierd.toml").display().to_string();
    let text = with("").replace("authorisation = \"c\"", "authorisation = \"c\", file = \"more\"");
    let config = parse(&text, &name, &|_| None).unwrap();
    let callers = &config.sip_trunks[0].callers;
    let permitted = |text: &str| callers.permit(&Number::parse(text).unwrap());
    for number in ["+861088880000", "861088880000", "95001", "13800138000", "008613800138000"] {
        assert!(permitted(number), "{number}");
    }
    for number in ["+861088880001", "9500", "950011", "+8695001", "10086"] {
        assert!(!permitted(number), "{number}");
    }
    assert_eq!(format!("{callers:?}"), "3 numbers by \"c\"");
}

#[test]
fn every_shipped_profile_of_sip_makes_a_trunk() {
    let account = "account = { username = \"u\", password = \"env:SECRET\" }";
    for (name, own) in [("sip-sbc", ""), ("sip-ims", account)] {
        let config =
            read(&with(&format!("profile = {name:?}\n{own}"))).unwrap_or_else(|error| panic!("{error}"));
        let trunk = &config.sip_trunks[0];
        assert_eq!((trunk.codecs.len(), trunk.early_media), (3, EarlyMedia::Tell), "{name}");
        assert_eq!(
            trunk.account.as_ref().map(|account| account.register),
            (name == "sip-ims").then_some(true)
        );
    }
    let shipped = profiles::SHIPPED.iter().filter(|shipped| shipped.name.starts_with("sip")).count();
    assert_eq!(shipped, 2, "one of them is not tested");
}

#[test]
fn a_trunks_own_rules_of_numbers_stand_for_those_of_its_profile() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("mine.toml"),
        "extends = \"sip-sbc\"\n[identity]\nscheme = \"tel\"\n[[number]]\ndirection = \"in\"\n",
    )
    .unwrap();
    let name = folder.path().join("carrierd.toml").display().to_string();
    let own = "profile = \"file:mine.toml\"\nsources = [\"192.0.2.0/28\"]\n[[trunk.number]]\ndirection = \"out\"\nheaders = [\"to\"]\nprefix = \"+86\"\nstrip = 3\nprepend = \"0\"\n";
    let trunk = parse(&with(own), &name, &|_| None).unwrap().sip_trunks.remove(0);
    let rule = NumberRule {
        direction: Direction::Out,
        headers: vec![CallHeader::To],
        prefix: "+86".into(),
        strip: 3,
        prepend: "0".into(),
    };
    assert_eq!((trunk.numbers, trunk.identity.scheme), (vec![rule], NumberScheme::Tel));
    assert_eq!(trunk.sources, [AddressBlock { network: "192.0.2.0".parse().unwrap(), prefix_bits: 28 }]);
    let trunk = parse(&with("profile = \"file:mine.toml\""), &name, &|_| None).unwrap().sip_trunks.remove(0);
    assert_eq!(trunk.numbers.len(), 1);
    assert_eq!(trunk.numbers[0].direction, Direction::In);
}

/// Bad lines below a good trunk (`with`) → the message.
const BELOW: &[(&str, &str)] = &[
    (
        "windows = 1",
        "carrierd.toml:9: trunk.windows: there is no such key here, only id, profile, protocol, gateway, account, ",
    ),
    ("max_calls = 0", "carrierd.toml:9: trunk.max_calls: 0 is not allowed: 1 to 1000000 calls"),
    (
        "domain = \"a:5060\"",
        "carrierd.toml:9: trunk.domain: \"a:5060\" is not allowed: a name or an address, without a port",
    ),
    (
        "sources = [\"10.0.0.0/33\"]",
        "carrierd.toml:9: trunk.sources: \"10.0.0.0/33\" is not allowed: an address or a block of them",
    ),
    (
        "headers = [\"P-Asserted-Identity\"]",
        "carrierd.toml:9: trunk.headers: \"P-Asserted-Identity\" is not allowed: the name of a header that begins with X-",
    ),
    (
        "failover_statuses = [503, 486]",
        "carrierd.toml:9: trunk.failover_statuses: 486 is not allowed: the number was reached or does not exist",
    ),
    (
        "identity = { from = \"none\" }",
        "carrierd.toml:9: trunk.identity.from: \"none\" is not allowed: \"shown\", \"caller\" or \"account\"",
    ),
    (
        "identity = { asserted = \"account\" }",
        "carrierd.toml:9: trunk.identity.asserted: \"account\" is not allowed: the trunk has no [trunk.account]",
    ),
    ("account = { username = \"u\" }", "carrierd.toml:9: trunk.account.password: is missing: env:NAME"),
    (
        "profile = \"sip-ims\"\naccount = { password = \"env:SECRET\" }",
        "carrierd.toml:10: trunk.account.username: is missing: 1 to 128 printable ASCII characters",
    ),
    (
        "profile = \"smpp34\"",
        "carrierd.toml:6: trunk.protocol: is not allowed: the profile is of SMPP carriers",
    ),
    (
        "[trunk.timers]\nring = \"0s\"",
        "carrierd.toml:10: trunk.timers.ring: \"0s\" is not allowed: \"1ms\" to \"1h\"",
    ),
    (
        "[trunk.session_timer]\nexpires = \"60s\"",
        "carrierd.toml:10: trunk.session_timer.expires: \"60s\" is not allowed: \"90s\" to \"24h\"",
    ),
    (
        "[[trunk.number]]\ndirection = \"out\"\nprefix = \"0\"\nstrip = 2",
        "carrierd.toml:12: trunk.number.strip: 2 is not allowed: no more than prefix has, 1",
    ),
    (
        "[[route]]\ntrunks = [\"a\"]\ncategories = [\"otp\"]\ncontent = [\"text\"]",
        "carrierd.toml:12: route.content: is not allowed: the route's trunks carry calls",
    ),
    (
        "[[trunk]]\nid = \"a\"\nprotocol = \"smpp34\"\nhosts = [\"h:1\"]\naccount = { system_id = \"e\", password = \"env:SECRET\" }",
        "carrierd.toml:10: trunk.id: \"a\" is not allowed: the trunk of line 5 has this id",
    ),
    (
        "[[trunk]]\nid = \"m\"\nprotocol = \"smpp34\"\nhosts = [\"h:1\"]\naccount = { system_id = \"e\", password = \"env:SECRET\" }\n[[route]]\ntrunks = [\"m\", \"a\"]",
        "carrierd.toml:15: route.trunks: \"a\" is not allowed beside \"m\": one carries messages and the other calls",
    ),
];

#[test]
fn a_mistake_below_is_told_at_its_place() {
    for (below, told) in BELOW {
        let error = read(&with(below)).expect_err(below).to_string();
        assert!(error.starts_with(told), "{below}\n{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

/// A part of a good file (`with`), what stands in its place → the message.
const INSTEAD: &[(&str, &str, &str)] = &[
    (
        "sip = { listen = [\"udp:127.0.0.1:0\"] }",
        "",
        "carrierd.toml: sip.listen: is missing: a list of a transport and an address",
    ),
    ("[\"udp:127.0.0.1:0\"]", "[]", "carrierd.toml:2: sip.listen: an empty list is not allowed"),
    (
        "udp:127.0.0.1:0",
        "127.0.0.1:5060",
        "carrierd.toml:2: sip.listen: \"127.0.0.1:5060\" is not allowed: a transport and an address",
    ),
    (
        "udp:127.0.0.1:0",
        "udp:0.0.0.0:5060",
        "carrierd.toml:2: sip.listen: 0.0.0.0:5060 says no address that peers could answer to",
    ),
    (
        "udp:127.0.0.1:0",
        "tls:127.0.0.1:0",
        "carrierd.toml:2: sip.listen: \"tls:…\" is not allowed without a certificate",
    ),
    (
        "] }",
        "], timers = { t2 = \"100ms\" } }",
        "carrierd.toml:2: sip.timers.t2: 100ms is not allowed: no less than t1, 500ms",
    ),
    (
        "\"udp:127.0.0.1:0\"",
        "\"tcp:[::1]:5\", \"tls:[::1]:5\"",
        "carrierd.toml:2: sip.listen: [::1]:5 is there twice",
    ),
    (
        "gateway = [{ host = \"192.0.2.1\" }]",
        "",
        "carrierd.toml:4: trunk.gateway: is missing: at least one [[trunk.gateway]]",
    ),
    (
        "\"192.0.2.1\"",
        "\"192.0.2.1\", transport = \"tcp\"",
        "carrierd.toml:2: sip.listen: trunk \"a\" has a gateway over TCP, but nothing here listens",
    ),
    (
        "\"192.0.2.1\"",
        "\"sip:a\"",
        "carrierd.toml:7: trunk.gateway.host: \"sip:a\" is not allowed: a name or an address",
    ),
    (
        ", numbers = [\"+861088880000\"]",
        "",
        "carrierd.toml:8: trunk.callers.numbers: is missing: a trunk calls only from numbers that the carrier has assigned",
    ),
    (
        "authorisation = \"c\", ",
        "",
        "carrierd.toml:8: trunk.callers.authorisation: is missing: what shows that the carrier assigned",
    ),
    ("callers = {", "# {", "carrierd.toml:4: trunk.callers.authorisation: is missing: "),
    (
        "+861088880000",
        "+86108888x",
        "carrierd.toml:8: trunk.callers.numbers: \"+86108888x\" is not allowed: 3 to 21 digits",
    ),
];

#[test]
fn a_mistake_within_is_told_at_its_place() {
    for (good, bad, told) in INSTEAD {
        let text = with("");
        assert!(text.contains(good), "{good}");
        let error = read(&text.replacen(good, bad, 1)).expect_err(bad).to_string();
        assert!(error.starts_with(told), "{bad}\n{error}");
    }
}

#[test]
fn a_file_of_callers_names_its_lines_and_hides_the_numbers() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("more"), "+861088880000\n+8613800138000x\n").unwrap();
    let name = folder.path().join("carrierd.toml").display().to_string();
    let text = with("").replace("authorisation = \"c\"", "authorisation = \"c\", file = \"more\"");
    let error = parse(&text, &name, &|_| None).expect_err("a fault").to_string();
    let file = folder.path().join("more");
    assert!(
        error.starts_with(&format!("{}:2: \"+86********000x\" is not allowed: ", file.display())),
        "{error}"
    );
}

/// A certificate with its key, in `folder`.
fn certificate(folder: &Path, name: &str) {
    let made = rcgen::generate_simple_self_signed(["sip.example.com".to_owned()]).unwrap();
    std::fs::write(folder.join(format!("{name}.pem")), made.cert.pem()).unwrap();
    std::fs::write(folder.join(format!("{name}.key")), made.signing_key.serialize_pem()).unwrap();
}

#[test]
fn certificates_are_held_against_their_keys_when_the_file_is_read() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "one");
    certificate(folder.path(), "other");
    std::fs::write(folder.path().join("text.pem"), "no PEM").unwrap();
    let name = folder.path().join("carrierd.toml").display().to_string();
    let told = |tls: &str| {
        let text = with("").replace("sip = {", &format!("sip = {{ tls = {{ {tls} }},"));
        let read = parse(
            &text.replace("udp:", "tls:").replace("\"192.0.2.1\"", "\"192.0.2.1\", transport = \"tls\""),
            &name,
            &|_| None,
        );
        read.map_err(|error| error.to_string().replace(&format!("{}/", folder.path().display()), ""))
    };
    let good = told("certificate = \"one.pem\", key = \"one.key\"").unwrap();
    assert!(!format!("{good:?}").contains("BEGIN") && good.sip.tls.identity.is_some());
    for (tls, words) in [
        (
            "certificate = \"one.pem\", key = \"other.key\"",
            "carrierd.toml:2: sip.tls.key: is not the key of the certificate",
        ),
        ("certificate = \"one.pem\"", "carrierd.toml:2: sip.tls.certificate: is not allowed without key"),
        (
            "certificate = \"none.pem\", key = \"one.key\"",
            "carrierd.toml:2: sip.tls.certificate: none.pem can't be read: ",
        ),
        (
            "certificate = \"text.pem\", key = \"one.key\"",
            "carrierd.toml:2: sip.tls.certificate: text.pem has no certificate in PEM's form",
        ),
        (
            "certificate = \"one.pem\", key = \"text.pem\"",
            "carrierd.toml:2: sip.tls.key: text.pem has no private key in PEM's form",
        ),
    ] {
        let error = told(tls).expect_err(tls);
        assert!(error.starts_with(words), "{tls}\n{error}");
    }
}

#[test]
fn a_route_to_sip_trunks_is_one_of_calls() {
    let config =
        read(&with("[[route]]\nname = \"home\"\nprefixes = [\"86\"]\nsenders = [\"95\"]\ntrunks = [\"a\"]"))
            .unwrap();
    assert!(config.routes.is_empty());
    assert_eq!(config.call_routes[0].trunks, [TrunkId::from("a")]);
}
