//! Every row of RFC 3263's choice, against a zone in memory.

use super::*;
use crate::sip::{locate::Naptr, uri::Uri};

/// What the name server knows; what is not here does not exist.
type Zone<'a> = &'a [(Query, Answer)];

fn naptr(name: &str) -> Query {
    Query::Naptr(name.into())
}
fn srv(name: &str) -> Query {
    Query::Srv(name.into())
}
fn a(name: &str) -> Query {
    Query::A(name.into())
}
fn aaaa(name: &str) -> Query {
    Query::Aaaa(name.into())
}

fn addresses(all: &[&str]) -> Answer {
    Answer::Addresses(all.iter().map(|address| address.parse().unwrap()).collect())
}

fn services(all: &[(u16, u16, u16, &str)]) -> Answer {
    let record = |&(priority, weight, port, target): &(u16, u16, u16, &str)| Srv {
        priority,
        weight,
        port,
        target: target.into(),
    };
    Answer::Srv(all.iter().map(record).collect())
}

fn authority(all: &[(u16, u16, &str, &str)]) -> Answer {
    let record = |&(order, preference, service, replacement): &(u16, u16, &str, &str)| Naptr {
        order,
        preference,
        flags: "s".into(),
        service: service.into(),
        replacement: replacement.into(),
    };
    Answer::Naptr(all.iter().map(record).collect())
}

/// Runs a search; gives what was asked, in order, and the outcome with every target as text.
fn run_with(uri: &str, zone: Zone<'_>, settings: Settings) -> (Vec<Query>, Result<Vec<String>, NotFound>) {
    let uri = Uri::parse(uri.as_bytes()).unwrap();
    let mut locate = Locate::new(Destination::of(uri.sip().unwrap()).unwrap(), settings, 1);
    let mut asked = Vec::new();
    while let Some(query) = locate.poll_query() {
        let known = zone.iter().find(|(known, _)| *known == query).map(|(_, answer)| answer.clone());
        locate.handle_answer(&query, known.unwrap_or(Answer::None));
        asked.push(query);
    }
    let outcome = locate.outcome().expect("every query was answered").clone();
    let text = |target: Target| match target.server_name {
        Some(name) => format!("{} {} {name}", target.transport, target.remote),
        None => format!("{} {}", target.transport, target.remote),
    };
    (asked, outcome.map(|targets| targets.into_iter().map(text).collect()))
}

fn run(uri: &str, zone: Zone<'_>) -> (Vec<Query>, Result<Vec<String>, NotFound>) {
    run_with(uri, zone, Settings { ipv6: false, ..Settings::default() })
}

fn found(uri: &str, zone: Zone<'_>) -> Vec<String> {
    run(uri, zone).1.unwrap()
}

#[test]
fn an_address_needs_no_query() {
    for (uri, wanted) in [
        ("sip:a@192.0.2.1", "UDP 192.0.2.1:5060"),
        ("sip:a@192.0.2.1:5080", "UDP 192.0.2.1:5080"),
        ("sip:a@192.0.2.1;transport=tcp", "TCP 192.0.2.1:5060"),
        ("sip:a@[2001:db8::1];transport=tls", "TLS [2001:db8::1]:5061"),
        ("sips:a@192.0.2.1", "TLS 192.0.2.1:5061"),
        ("sips:a@192.0.2.1:5071;transport=tcp", "TLS 192.0.2.1:5071"),
        ("sip:gateway.example;maddr=192.0.2.9", "UDP 192.0.2.9:5060"),
    ] {
        assert_eq!(run(uri, &[]), (vec![], Ok(vec![wanted.into()])), "{uri}");
    }
}

#[test]
fn a_name_with_a_port_is_asked_for_addresses_only() {
    let zone = [(a("gw.example"), addresses(&["192.0.2.1", "192.0.2.2"]))];
    let (asked, outcome) = run("sip:a@gw.example:5080", &zone);
    assert_eq!(asked, [a("gw.example")]);
    assert_eq!(outcome.unwrap(), ["UDP 192.0.2.1:5080", "UDP 192.0.2.2:5080"]);
    assert_eq!(found("sips:gw.example:5071", &zone)[0], "TLS 192.0.2.1:5071 gw.example");
    assert_eq!(found("sip:gw.example:5080;transport=tcp", &zone)[0], "TCP 192.0.2.1:5080");
}

#[test]
fn a_name_with_a_transport_is_asked_for_that_service() {
    let zone = [
        (srv("_sip._tcp.example.com"), services(&[(1, 0, 5070, "one.example.com.")])),
        (srv("_sips._tcp.example.com"), services(&[(1, 0, 5071, "one.example.com.")])),
        (a("one.example.com"), addresses(&["192.0.2.1"])),
    ];
    let (asked, outcome) = run("sip:example.com;transport=tcp", &zone);
    assert_eq!(asked, [srv("_sip._tcp.example.com"), a("one.example.com")]);
    assert_eq!(outcome.unwrap(), ["TCP 192.0.2.1:5070"]);
    for uri in ["sips:example.com;transport=tcp", "sip:example.com;transport=tls"] {
        assert_eq!(found(uri, &zone), ["TLS 192.0.2.1:5071 example.com"], "{uri}");
    }
}

#[test]
fn naming_authority_chooses_by_order_then_preference_among_what_we_have() {
    let zone = [
        (
            naptr("example.com"),
            authority(&[
                (90, 1, "SIP+D2S", "_sip._sctp.example.com"),
                (100, 20, "SIP+D2U", "udp.example.com"),
                (100, 10, "SIP+D2T", "tcp.example.com"),
                (200, 1, "SIPS+D2T", "tls.example.com"),
            ]),
        ),
        (srv("tcp.example.com"), services(&[(1, 0, 5060, "t.example.com")])),
        (srv("udp.example.com"), services(&[(1, 0, 5060, "u.example.com")])),
        (srv("tls.example.com"), services(&[(1, 0, 5061, "s.example.com")])),
        (a("t.example.com"), addresses(&["192.0.2.1"])),
        (a("u.example.com"), addresses(&["192.0.2.2"])),
        (a("s.example.com"), addresses(&["192.0.2.3"])),
    ];
    assert_eq!(found("sip:example.com", &zone), ["TCP 192.0.2.1:5060"]);
    assert_eq!(found("sips:example.com", &zone), ["TLS 192.0.2.3:5061 example.com"]);
    let only_udp = Settings { transports: vec![Transport::Udp], ipv6: false, ..Settings::default() };
    assert_eq!(run_with("sip:example.com", &zone, only_udp).1.unwrap(), ["UDP 192.0.2.2:5060"]);
    // The chosen service has no records: the next one is tried.
    let broken: Vec<_> = zone.iter().filter(|(query, _)| *query != srv("tcp.example.com")).cloned().collect();
    assert_eq!(found("sip:example.com", &broken), ["UDP 192.0.2.2:5060"]);
}

#[test]
fn without_naming_authority_every_service_is_asked_for() {
    let zone = [
        (srv("_sip._udp.example.com"), services(&[(1, 0, 5066, "u.example.com")])),
        (a("u.example.com"), addresses(&["192.0.2.2"])),
    ];
    let (asked, outcome) = run("sip:example.com", &zone);
    let services = ["_sips._tcp.example.com", "_sip._tcp.example.com", "_sip._udp.example.com"].map(srv);
    assert_eq!(asked[0], naptr("example.com"));
    assert_eq!(asked[1..4], services);
    assert_eq!(outcome.unwrap(), ["UDP 192.0.2.2:5066"]);
    assert_eq!(run("sips:example.com", &zone).0[..2], [naptr("example.com"), srv("_sips._tcp.example.com")]);
}

#[test]
fn without_any_service_the_name_itself_is_the_host() {
    let zone = [(a("example.com"), addresses(&["192.0.2.1"]))];
    assert_eq!(found("sip:example.com", &zone), ["UDP 192.0.2.1:5060"]);
    assert_eq!(found("sips:example.com", &zone), ["TLS 192.0.2.1:5061 example.com"]);
    assert_eq!(found("sip:example.com;transport=tcp", &zone), ["TCP 192.0.2.1:5060"]);
    // A resolver that cannot answer NAPTR, or fails on a service, does not end the search.
    let failing = [
        (naptr("example.com"), Answer::Failed),
        (srv("_sip._tcp.example.com"), Answer::Failed),
        zone[0].clone(),
    ];
    assert_eq!(found("sip:example.com", &failing), ["UDP 192.0.2.1:5060"]);
}

#[test]
fn hosts_are_tried_by_priority_each_with_all_its_addresses() {
    let zone = [
        (srv("_sip._udp.x"), services(&[(20, 9, 5062, "b.x"), (10, 0, 5061, "a.x"), (30, 0, 5063, "a.x")])),
        (a("a.x"), addresses(&["192.0.2.1", "192.0.2.2"])),
        (aaaa("a.x"), addresses(&["2001:db8::1"])),
        (aaaa("b.x"), addresses(&["2001:db8::2"])),
    ];
    let (asked, outcome) = run_with("sip:x;transport=udp", &zone, Settings::default());
    assert_eq!(
        outcome.unwrap(),
        [
            "UDP 192.0.2.1:5061",
            "UDP 192.0.2.2:5061",
            "UDP [2001:db8::1]:5061",
            "UDP [2001:db8::2]:5062",
            "UDP 192.0.2.1:5063",
            "UDP 192.0.2.2:5063",
            "UDP [2001:db8::1]:5063"
        ]
    );
    // No host is asked for twice.
    assert_eq!(asked, [srv("_sip._udp.x"), a("a.x"), aaaa("a.x"), a("b.x"), aaaa("b.x")]);
}

#[test]
fn a_service_that_is_decidedly_not_there_is_not() {
    let zone = [(srv("_sip._udp.x"), services(&[(0, 0, 0, ".")])), (a("x"), addresses(&["192.0.2.1"]))];
    assert_eq!(run("sip:x;transport=udp", &zone).1, Err(NotFound::NoSuchHost));
    assert_eq!(run("sip:x", &zone).1, Err(NotFound::NoSuchHost));
}

#[test]
fn says_why_there_is_no_target() {
    assert_eq!(run("sip:gone.example:5060", &[]).1, Err(NotFound::NoSuchHost));
    assert_eq!(run("sip:x:5060", &[(a("x"), Answer::Failed)]).1, Err(NotFound::Failed));
    let only_tcp = || Settings { transports: vec![Transport::Tcp], ..Settings::default() };
    for uri in ["sip:192.0.2.1", "sips:x", "sip:x;transport=udp", "sip:x:5060"] {
        assert_eq!(run_with(uri, &[], only_tcp()).1, Err(NotFound::Transport), "{uri}");
    }
}

#[test]
fn answers_that_nobody_asked_for_change_nothing() {
    let destination =
        Destination { host: Place::Name("x".into()), port: Some(5060), transport: None, secure: false };
    let mut locate = Locate::new(destination, Settings { ipv6: false, ..Settings::default() }, 1);
    assert_eq!(locate.poll_query(), Some(a("x")));
    assert_eq!(locate.poll_query(), None);
    locate.handle_answer(&a("y"), addresses(&["192.0.2.9"]));
    locate.handle_answer(&srv("x"), services(&[(0, 0, 1, "y")]));
    assert!(locate.outcome().is_none());
    locate.handle_answer(&a("x"), addresses(&["192.0.2.1"]));
    locate.handle_answer(&a("x"), addresses(&["192.0.2.2"]));
    assert_eq!(locate.outcome().unwrap().as_ref().unwrap()[0].remote, "192.0.2.1:5060".parse().unwrap());
}

#[test]
fn a_zone_cannot_make_it_ask_or_keep_without_end() {
    let many: Vec<_> = (0..500).map(|index| (1, 1, 5060, format!("h{index}.x"))).collect();
    let many: Vec<_> = many.iter().map(|(p, w, port, name)| (*p, *w, *port, name.as_str())).collect();
    let all: Vec<_> = (0..250).map(|last| format!("192.0.2.{last}")).collect();
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    let mut zone = vec![(srv("_sip._udp.x"), services(&many))];
    zone.extend((0..500).map(|index| (a(&format!("h{index}.x")), addresses(&all))));
    let (asked, outcome) = run("sip:x;transport=udp", &zone);
    assert_eq!((asked.len(), outcome.unwrap().len()), (1 + MOST_HOSTS, MOST_TARGETS));
}
