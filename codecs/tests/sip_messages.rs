//! The worked call of the SIP reference: octets to meaning, and written again to the same octets.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support {
    pub mod sip_examples;
}

use bytes::Bytes;
use codecs::sip::{
    Flow, Message, Method, Name, Transport, Writer,
    message::{Refresher, SessionExpires},
    uri::Uri,
};
use support::sip_examples::*;

fn parsed(octets: &'static [u8]) -> Message {
    Message::parse(Bytes::from_static(octets)).unwrap()
}

/// What was sent from `remote` to us.
fn flow(remote: &str) -> Flow {
    let local = "192.0.2.9:5060".parse().unwrap();
    Flow { transport: Transport::Udp, local, remote: remote.parse().unwrap(), connection: None }
}

/// The message as it is told by its accessors, written anew.
fn written_again(message: &Message) -> Message {
    let mut writer = match message.status() {
        None => Writer::request(message.method_octets(), message.request_uri()),
        Some(status) => Writer::response(status, Some(str::from_utf8(message.reason_phrase()).unwrap())),
    };
    for field in message.fields() {
        if !matches!(field.name, Name::ContentType | Name::ContentLength) {
            writer.other(str::from_utf8(field.label).unwrap(), field.value);
        }
    }
    match message.field(Name::ContentType) {
        Some(content_type) => writer.body(content_type, message.body()),
        None => writer.finish(),
    }
}

#[test]
fn every_message_has_its_length_and_reads_and_writes_back() {
    for (name, octets, length) in EXAMPLES {
        let message = parsed(octets);
        assert_eq!((octets.len(), message.octets().len()), (*length, *length), "{name}");
        assert_eq!(message.version(), b"SIP/2.0", "{name}");
        assert_eq!(message.content_length(), Ok(Some(message.body().len())), "{name}");
        assert_eq!(message.call_id(), Ok(&b"c1@192.0.2.5"[..]), "{name}");
        for (header, address) in [("From", message.from()), ("To", message.to())] {
            assert!(matches!(address.unwrap().uri(), Ok(Uri::Sip(_))), "{name}: {header}");
        }
        let again = written_again(&message);
        let unfolded = String::from_utf8_lossy(octets).replace("\r\n response", "   response");
        assert_eq!(String::from_utf8_lossy(again.octets()), unfolded, "{name}");
        // What the writer says of its message is what a reader finds in it.
        let read = Message::parse(again.octets().clone()).unwrap();
        assert!(
            read.fields()
                .map(|field| (field.name, field.label, field.value))
                .eq(again.fields().map(|field| (field.name, field.label, field.value)))
        );
        assert_eq!(
            (
                read.method(),
                read.request_uri(),
                read.status(),
                read.reason_phrase(),
                read.body(),
                read.version()
            ),
            (
                again.method(),
                again.request_uri(),
                again.status(),
                again.reason_phrase(),
                again.body(),
                again.version()
            ),
            "{name}"
        );
    }
}

#[test]
fn the_invite_tells_whom_it_is_for_and_how_it_came() {
    let invite = parsed(INVITE_AGAIN);
    assert_eq!((invite.is_request(), invite.method(), invite.status()), (true, Some(Method::Invite), None));
    let via = invite.via().unwrap();
    assert_eq!(
        (via.known_transport(), via.host.to_string().as_str(), via.port),
        (Some(Transport::Udp), "192.0.2.5", Some(5060))
    );
    assert_eq!((via.branch(), via.rport(), via.received()), (Some(&b"z9hG4bKa2"[..]), Some(None), None));
    assert_eq!((invite.from().unwrap().tag(), invite.to().unwrap().tag()), (Some(&b"f1"[..]), None));
    let cseq = invite.cseq().unwrap();
    assert_eq!((cseq.number, cseq.method, cseq.method_octets), (102, Method::Invite, &b"INVITE"[..]));
    assert_eq!((invite.max_forwards(), invite.expires()), (Some(70), None));
    assert_eq!(invite.contact().unwrap().unwrap().uri, b"sip:trunk7@192.0.2.5:5060");
    assert!(invite.allows(Method::Prack) && !invite.allows(Method::Refer));
    assert!(invite.has_option(Name::Supported, "100REL") && !invite.has_option(Name::Require, "100rel"));
    assert_eq!(invite.values(Name::Allow).count(), 8);
    assert!(invite.content_type().unwrap().unwrap().is("application", "SDP"));
    assert_eq!(invite.session_expires(), Ok(Some(SessionExpires { seconds: 1800, refresher: None })));
    let credentials = invite.values(Name::ProxyAuthorization).collect::<Vec<_>>();
    assert_eq!(credentials.len(), 1, "its commas separate parameters");
    assert!(credentials[0].ends_with(b"nc=00000001"));
    let Ok(Uri::Sip(uri)) = Uri::parse(invite.request_uri()) else { panic!("no SIP URI") };
    assert_eq!((uri.user, uri.is_phone(), uri.port), (Some(&b"+8613800138000"[..]), true, None));
}

#[test]
fn the_others_tell_what_belongs_to_them() {
    let provisional = parsed(RELIABLE_183);
    assert_eq!((provisional.status(), provisional.reason_phrase()), (Some(183), &b"Session Progress"[..]));
    assert_eq!((provisional.rseq(), provisional.has_option(Name::Require, "100rel")), (Some(8001), true));
    let route = provisional.addresses(Name::RecordRoute).next().unwrap().unwrap();
    let Ok(Uri::Sip(uri)) = route.uri() else { panic!("no SIP URI") };
    assert!(uri.params.has("lr") && uri.params.get("ftag") == Some(b"f1"));
    let rack = parsed(PRACK).rack().map(|rack| (rack.rseq, rack.cseq.number, rack.cseq.method)).unwrap();
    assert_eq!(rack, (8001, 102, Method::Invite));
    let expires = parsed(ANSWER).session_expires().unwrap().unwrap();
    assert_eq!((expires.seconds, expires.refresher), (1800, Some(Refresher::Uac)));
    let bye = parsed(BYE);
    assert_eq!(bye.values(Name::Via).count(), 2);
    assert_eq!(bye.via().unwrap().branch(), Some(&b"z9hG4bKx7"[..]));
}

#[test]
fn a_response_takes_over_what_the_reference_says() {
    // Message 2, as the proxy writes it to message 1.
    let invite = parsed(INVITE);
    let mut writer = Writer::response_to(&invite, &flow("192.0.2.5:5060"), 407, None, Some("p9"));
    writer.field(
        Name::ProxyAuthenticate,
        r#"Digest realm="ims.example",nonce="4f1c2a9be7",algorithm=MD5,qop="auth""#,
    );
    let challenge = writer.finish();
    assert_eq!(String::from_utf8_lossy(challenge.octets()), String::from_utf8_lossy(CHALLENGE));
    // Message 7, but for Record-Route, which a proxy puts into the request.
    let again = parsed(INVITE_AGAIN);
    let mut writer = Writer::response_to(&again, &flow("192.0.2.5:5060"), 200, None, Some("t1"));
    writer
        .field(Name::Contact, "<sip:mg7@198.51.100.41:5070;transport=udp>")
        .field(Name::Require, "timer")
        .field(Name::SessionExpires, "1800;refresher=uac")
        .field(Name::Allow, "INVITE,ACK,CANCEL,BYE,PRACK,UPDATE");
    let expected =
        String::from_utf8_lossy(ANSWER).replace("Record-Route: <sip:198.51.100.1;lr;ftag=f1>\r\n", "");
    assert_eq!(String::from_utf8_lossy(writer.finish().octets()), expected);
}

#[test]
fn messages_of_ours_are_written_as_the_reference_has_them() {
    let mut writer = Writer::request(Method::Update, "sip:mg7@198.51.100.41:5070;transport=udp");
    writer
        .field(Name::Via, "SIP/2.0/UDP 192.0.2.5:5060;rport;branch=z9hG4bKa5")
        .field(Name::Route, "<sip:198.51.100.1;lr;ftag=f1>")
        .field(Name::From, "<sip:+861088880000@ims.example;user=phone>;tag=f1")
        .field(Name::To, "<sip:+8613800138000@ims.example;user=phone>;tag=t1")
        .field(Name::CallId, "c1@192.0.2.5")
        .cseq(104, Method::Update)
        .field(Name::Contact, "<sip:trunk7@192.0.2.5:5060>")
        .field(Name::Supported, "100rel,timer")
        .field(Name::SessionExpires, "1800;refresher=uac")
        .number(Name::MaxForwards, 70_u8);
    assert_eq!(String::from_utf8_lossy(writer.finish().octets()), String::from_utf8_lossy(UPDATE));
}
