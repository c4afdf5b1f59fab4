//! The torture messages of RFC 4475 and RFC 5118: each is taken, answered or dropped as it deserves, and those that are
//! about reading are read so.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use bytes::Bytes;
use codecs::sip::{
    Message, Method, Name,
    framing::{Datagram, datagram},
    message::{Address, Via},
    uri::{SipUri, Uri, unescape},
};
use conformance::torture::{self, Way};

fn message(name: &str) -> Message {
    let all = torture::load().unwrap();
    let torture = all.into_iter().find(|torture| torture.name == name).unwrap();
    match datagram(Bytes::from(torture.octets)) {
        Ok(Datagram::Message(message)) => message,
        other => panic!("{name}: {other:?}"),
    }
}

fn sip(text: &[u8]) -> SipUri<'_> {
    match Uri::parse(text) {
        Ok(Uri::Sip(uri)) => uri,
        other => panic!("{}: {other:?}", String::from_utf8_lossy(text)),
    }
}

fn contacts(message: &Message) -> Vec<Address<'_>> {
    message.addresses(Name::Contact).collect::<Result<_, _>>().unwrap()
}

#[test]
fn every_message_comes_out_as_it_deserves() {
    let mut wrong = Vec::new();
    for torture in torture::load().unwrap() {
        for way in [Way::Datagram, Way::Stream] {
            if let Err(how) = torture.judge(way) {
                wrong.push(format!("{} ({way:?}): {how:#}", torture.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rfc4475_3_1_1_1_white_space_and_folds_are_no_part_of_values() {
    let wsinv = message("wsinv");
    let vias: Vec<Via<'_>> = wsinv.values(Name::Via).map(|value| Via::parse(value).unwrap()).collect();
    let branches: Vec<_> = vias.iter().filter_map(Via::branch).collect();
    assert_eq!(branches, [&b"390skdjuw"[..], b"z9hG4bK9ikj8", b"z9hG4bK30239"]);
    assert_eq!(vias[1].host.to_string(), "spindle.example.com");
    let from = wsinv.from().unwrap();
    assert_eq!((from.display_name().as_ref(), from.tag()), (&b"J Rosenberg \\\""[..], Some(&b"98asjd8"[..])));
    assert_eq!(wsinv.to().unwrap().tag(), Some(&b"1918181833n"[..]));
    assert_eq!(wsinv.cseq().unwrap().number, 9);
    assert_eq!((wsinv.max_forwards(), wsinv.content_length()), (Some(68), Ok(Some(150))));
    let contact = contacts(&wsinv)[0];
    assert_eq!(contact.display_name().as_ref(), b"Quoted string \"\"");
    assert_eq!((contact.param("newparam"), contact.param("q")), (Some(&b"newvalue"[..]), Some(&b"0.33"[..])));
    assert_eq!((contact.param("secondparam"), wsinv.field(Name::Subject)), (Some(&b""[..]), Some(&b""[..])));
    assert!(wsinv.other("NEWFANGLEDHEADER").unwrap().starts_with(b"newfangled value\r\n continued"));
    assert_eq!(wsinv.other("UnknownHeaderWithUnusualValue"), Some(&b";;,,;;,;"[..]));
}

#[test]
fn rfc4475_3_1_1_2_tokens_may_look_strange() {
    let intmeth = message("intmeth");
    assert_eq!(intmeth.method_octets(), &b"!interesting-Method0123456789_*+`.%indeed'~"[..]);
    assert_eq!(intmeth.to().unwrap().display_name().as_ref(), b"BEL:\x07 NUL:\x00 DEL:\x7F");
    assert_eq!(intmeth.from().unwrap().tag(), Some(&b"_token~1'+`*%!-."[..]));
    assert_eq!(intmeth.call_id().unwrap(), &br#"intmeth.word%ZK-!.*_+'@word`~)(><:\/"][?}{"#[..]);
    let uri = sip(intmeth.request_uri());
    assert_eq!(uri.user, Some(&b"1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"[..]));
    assert_eq!(uri.password, Some(&b"&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"[..]));
}

#[test]
fn rfc4475_3_1_1_3_escapes_are_resolved_once() {
    let esc01 = message("esc01");
    assert_eq!(unescape(sip(esc01.request_uri()).user.unwrap()).as_ref(), b"sips:user@example.com");
    let contact = sip(contacts(&esc01)[0].uri);
    assert_eq!(unescape(contact.user.unwrap()).as_ref(), b"caller");
    assert!(contact.params.has("lr"));
    assert_eq!(unescape(contact.params.get("name").unwrap()).as_ref(), b"value%41");
}

#[test]
fn rfc4475_3_1_1_4_an_escaped_nul_ends_nothing() {
    let escnull = message("escnull");
    let contacts = contacts(&escnull);
    let users: Vec<_> =
        contacts.iter().map(|contact| unescape(sip(contact.uri).user.unwrap()).into_owned()).collect();
    assert_eq!(users, [&b"\0"[..], b"\0\0"]);
    assert!(!contacts[0].uri().unwrap().equivalent(&contacts[1].uri().unwrap()));
}

#[test]
fn rfc4475_3_1_1_5_names_of_headers_and_methods_have_no_escapes() {
    let esc02 = message("esc02");
    assert_eq!((esc02.method(), esc02.method_octets()), (Some(Method::Unknown), &b"RE%47IST%45R"[..]));
    assert_eq!((contacts(&esc02).len(), esc02.other("C%6Fntact").is_some()), (2, true));
    assert_eq!(esc02.to().unwrap().display_name().as_ref(), b"%Z%45");
}

#[test]
fn rfc4475_3_1_1_6_and_7_long_and_tight_values_are_read() {
    assert_eq!(message("lwsdisp").from().unwrap().display, b"caller");
    let longreq = message("longreq");
    assert_eq!(longreq.values(Name::Via).count(), 34);
    assert!(longreq.values(Name::Via).all(|value| Via::parse(value).is_some()));
}

#[test]
fn rfc4475_3_1_1_8_what_follows_the_body_is_another_message() {
    let dblreq = message("dblreq");
    assert_eq!((dblreq.method(), dblreq.body()), (Some(Method::Register), &b""[..]));
}

#[test]
fn rfc4475_3_1_1_9_to_13_values_are_kept_as_they_are() {
    assert_eq!(sip(message("semiuri").request_uri()).user, Some(&b"user;par=u%40example.net"[..]));
    let transports = message("transports");
    let names: Vec<_> =
        transports.values(Name::Via).map(|value| Via::parse(value).unwrap().transport).collect();
    assert_eq!(names, [&b"UDP"[..], b"SCTP", b"TLS", b"UNKNOWN", b"TCP"]);
    assert_eq!(message("mpart01").body().len(), 553);
    assert!(message("unreason").reason_phrase().starts_with("= 2**3 * 5**2 но сто".as_bytes()));
    assert_eq!((message("noreason").status(), message("noreason").reason_phrase()), (Some(100), &b""[..]));
}

#[test]
fn rfc4475_3_3_12_to_14_parameters_belong_where_they_stand() {
    let (outside, inside, escaped) = (message("cparam01"), message("cparam02"), message("regescrt"));
    let contact = contacts(&outside)[0];
    assert_eq!(
        (contact.param("unknownparam"), sip(contact.uri).params.has("unknownparam")),
        (Some(&b""[..]), false)
    );
    let contact = contacts(&inside)[0];
    assert_eq!((contact.param("unknownparam"), sip(contact.uri).params.has("unknownparam")), (None, true));
    let route = sip(contacts(&escaped)[0].uri).headers.get("Route").unwrap().into_owned();
    assert_eq!(route, b"<sip:sip.example.com>");
}

#[test]
fn rfc4475_3_4_1_a_datagram_ends_a_body_without_length() {
    let inv2543 = message("inv2543");
    assert_eq!((inv2543.content_length(), inv2543.body().len()), (Ok(None), 105));
    assert_eq!((inv2543.via().unwrap().branch(), inv2543.from().unwrap().tag()), (None, None));
}

#[test]
fn rfc5118_addresses_of_both_families_stand_everywhere() {
    let (ambiguous, clear) = (message("port-ambiguous"), message("port-unambiguous"));
    let (ambiguous, clear) = (sip(ambiguous.request_uri()), sip(clear.request_uri()));
    assert_eq!((ambiguous.host.to_string().as_str(), ambiguous.port), ("[2001:db8::10:5070]", None));
    assert_eq!((clear.host.to_string().as_str(), clear.port), ("[2001:db8::10]", Some(5070)));
    for name in ["via-received-param-with-delim", "via-received-param-no-delim"] {
        assert_eq!(
            message(name).via().unwrap().received(),
            Some("2001:db8::9:255".parse().unwrap()),
            "{name}"
        );
    }
    let mixed = message("mult-ip-in-header");
    let hosts: Vec<_> =
        mixed.values(Name::Via).map(|value| Via::parse(value).unwrap().host.to_string()).collect();
    assert!(
        hosts.iter().any(|host| host.starts_with('[')) && hosts.iter().any(|host| !host.starts_with('['))
    );
    let mapped = message("ipv4-mapped-ipv6");
    assert_eq!(mapped.via().unwrap().host.to_string(), "[::ffff:192.0.2.10]");
    let colons = ["ipv6-bug-abnf-3-colons", "ipv6-correct-abnf-2-colons"].map(message);
    let uris = colons.each_ref().map(|message| sip(message.request_uri()).host.to_string());
    assert_eq!(uris[0], uris[1], "an extra colon is never written");
}
