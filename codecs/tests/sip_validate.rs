//! Which status a faulty message is owed, and that what trunks really send is taken.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use bytes::Bytes;
use codecs::sip::{
    Flow, Message, Method, Name, Transport,
    framing::{Datagram, datagram},
    message::HeaderFault,
    uri::Uri,
    validate::{Abilities, Limits, Refusal, Scheme, Scope, Verdict, admit, form},
};

const INVITE: &str = "INVITE sip:bob@example.com SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.5:5060;rport;branch=z9hG4bKa1\r\n\
    From: <sip:alice@example.com>;tag=f1\r\n\
    To: <sip:bob@example.com>\r\n\
    Call-ID: c1@192.0.2.5\r\n\
    CSeq: 1 INVITE\r\n\
    Max-Forwards: 70\r\n\
    Contact: <sip:alice@192.0.2.5>\r\n\
    Content-Type: application/sdp\r\n\
    Content-Length: 5\r\n\
    \r\n\
    v=0\r\n";

const OK: &str = "SIP/2.0 200 OK\r\n\
    Via: SIP/2.0/UDP 192.0.2.5:5060;rport;branch=z9hG4bKa1\r\n\
    From: <sip:alice@example.com>;tag=f1\r\n\
    To: <sip:bob@example.com>;tag=t1\r\n\
    Call-ID: c1@192.0.2.5\r\n\
    CSeq: 1 INVITE\r\n\
    Contact: <sip:bob@192.0.2.6>\r\n\
    Content-Length: 0\r\n\
    \r\n";

fn message(octets: impl Into<Vec<u8>>) -> Message {
    match datagram(Bytes::from(octets.into())) {
        Ok(Datagram::Message(message)) => message,
        other => panic!("{other:?}"),
    }
}

/// The message with a part of it replaced.
#[track_caller]
fn with(base: &str, old: &str, new: &str) -> String {
    assert!(base.contains(old), "{old}");
    base.replacen(old, new, 1)
}

fn judged(message: &Message) -> Verdict {
    let abilities = Abilities::default();
    match form(message, &abilities) {
        Verdict::Pass if message.is_request() => admit(message, &abilities, Scope::Ours),
        verdict => verdict,
    }
}

/// The status that the INVITE is owed with a part of it replaced; 0: it is taken; the header that comes with it.
#[track_caller]
fn owed(old: &str, new: &str) -> (u16, String) {
    match judged(&message(with(INVITE, old, new))) {
        Verdict::Pass => (0, String::new()),
        Verdict::Answer(refusal) => {
            let fields = refusal.fields.iter().map(|(name, value)| format!("{name}: {value}"));
            (refusal.status, fields.collect())
        }
        Verdict::Drop(refusal) => panic!("dropped: {refusal:?}"),
    }
}

#[track_caller]
fn status(old: &str, new: &str) -> u16 {
    owed(old, new).0
}

#[test]
fn what_is_sound_passes() {
    assert_eq!(judged(&message(INVITE)), Verdict::Pass);
    assert_eq!(judged(&message(OK)), Verdict::Pass);
}

#[test]
fn a_request_line_that_can_not_be_read_is_owed_400() {
    for line in [
        "INVITE  sip:bob@example.com SIP/2.0",
        "INVITE sip:bob@example.com  SIP/2.0",
        "INVITE sip:bob@example.com SIP/2.0 ",
        " INVITE sip:bob@example.com SIP/2.0",
        "INVITE sip:bob@example.com",
        "INVITE",
        "INVITE sip:bob@exa mple.com SIP/2.0",
        "INVITE <sip:bob@example.com> SIP/2.0",
        "INVITE sip:bob@example.com:65536 SIP/2.0",
        "INVITE sip:bob@example.com?Route=x SIP/2.0",
        "INVITE sip:2001:db8::10 SIP/2.0",
        "INVITE sip:bob@example.com HTTP/1.1",
        "INVITE sip:b\u{e9}b@example.com SIP/2.0",
        "INV(ITE sip:bob@example.com SIP/2.0",
    ] {
        assert_eq!(status("INVITE sip:bob@example.com SIP/2.0", line), 400, "{line}");
    }
    assert_eq!(status("SIP/2.0\r\nVia", "sip/2.0\r\nVia"), 0, "without case");
}

#[test]
fn the_first_check_that_fails_answers() {
    // Another version before a missing header, that before an unknown method, that before another method in CSeq.
    let newer = with(INVITE, "SIP/2.0\r\nVia", "SIP/3.0\r\nVia");
    let refused = |text: String| match judged(&message(text)) {
        Verdict::Answer(refusal) => refusal.status,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(with(&newer, "Call-ID: c1@192.0.2.5\r\n", "")), 505);
    let unknown = with(INVITE, "INVITE sip", "NEWMETHOD sip");
    assert_eq!(refused(unknown.clone()), 501);
    assert_eq!(refused(with(&unknown, "Call-ID: c1@192.0.2.5\r\n", "")), 400);
    assert_eq!(status("1 INVITE", "1 OPTIONS"), 400);
    assert_eq!(status("1 INVITE", "1 invite"), 400, "methods are with case");
}

#[test]
fn headers_that_must_be_there_are_there_once() {
    for line in [
        "From: <sip:alice@example.com>;tag=f1\r\n",
        "To: <sip:bob@example.com>\r\n",
        "Call-ID: c1@192.0.2.5\r\n",
        "CSeq: 1 INVITE\r\n",
    ] {
        assert_eq!(status(line, ""), 400, "without {line}");
        assert_eq!(status(line, &format!("{line}{line}")), 400, "twice {line}");
    }
    assert_eq!(status("Max-Forwards: 70\r\n", "Max-Forwards: 70\r\nMax-Forwards: 70\r\n"), 400);
    assert_eq!(status("Max-Forwards: 70\r\n", ""), 0);
    let type_twice = "Content-Type: application/sdp\r\nc: application/sdp\r\n";
    assert_eq!(status("Content-Type: application/sdp\r\n", type_twice), 400);
    let refused = judged(&message(with(INVITE, "CSeq: 1 INVITE\r\n", "")));
    assert!(matches!(refused, Verdict::Answer(Refusal { reason, .. }) if reason == "CSeq is missing"));
}

#[test]
fn values_that_we_read_must_be_readable() {
    for (old, new) in [
        ("CSeq: 1 ", "CSeq: 4294967296 "),
        ("CSeq: 1 ", "CSeq: one "),
        ("CSeq: 1 ", "CSeq: 1"),
        ("To: <", "To: \"Bob <"),
        ("To: <sip:bob@example.com>", "To: < sip:bob@example.com >"),
        ("To: <sip:bob@example.com>", "To: <sip:bob@example.com:65536>"),
        ("From: <", "From: Watson, Thomas <"),
        ("From: <sip:alice@example.com>;tag=f1", "From: <sip:alice@example.com>;;tag=f1"),
        ("Contact: <sip:alice@192.0.2.5>", "Contact: sip:alice@192.0.2.5?Route=x"),
        ("Contact: <sip:alice@192.0.2.5>", "Contact: *"),
        ("Contact: <sip:alice@192.0.2.5>", "Contact: <sip:alice@192.0.2.5>, "),
        ("Contact: <", "Record-Route: sip:\r\nContact: <"),
        ("5:5060;rport", "5:65536;rport"),
        ("branch=z9hG4bKa1", "branch=z9hG4bKa1;;,;,,"),
        ("Call-ID: c1@192.0.2.5", "Call-ID: c1 @192.0.2.5"),
        ("Call-ID: c1@192.0.2.5", "Call-ID:"),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5", "Content-Length: -5"),
        ("Content-Length: 5", "Content-Length: 5\r\nl: 4"),
        ("Content-Length: 5", "Content-Length:"),
        ("Content-Type: application/sdp", "Content-Type: application"),
        ("Max-Forwards: 70\r\n", "Max-Forwards: 70\r\nno header at all\r\n"),
        ("Max-Forwards: 70\r\n", "Max-Forwards: 70\r\n: nameless\r\n"),
        ("Max-Forwards: 70\r\n", "Max-Forwards: 70\r\nX: a\rb\r\n"),
        ("Max-Forwards: 70\r\n", "Max-Forwards: 70\r\nX: a\nVia: b\r\n"),
        ("Max-Forwards: 70\r\n", "Max-Forwards: 70\r\nX: a\0b\r\n"),
    ] {
        assert_eq!(status(old, new), 400, "{new}");
    }
}

#[test]
fn what_we_do_not_use_spoils_nothing() {
    for line in [
        "Date: no date",
        "Warning: nonsense",
        "Expires: 99999999999999",
        "X: \u{e9}\u{4e2d}",
        "Accept: application/sdp, ;;;",
        "Supported: timer, timer",
        "Supported:",
        "Subject:",
        "Proxy-Require: nothing",
        "Retry-After: x",
        "Authorization: NoOneKnowsThisScheme opaque",
        "Reply-To: <nonsense",
        "Max-Breadth: x",
    ] {
        assert_eq!(status("Max-Forwards: 70\r\n", &format!("{line}\r\n")), 0, "{line}");
    }
    for hops in ["0", "255", "256", "-1", "99999999999999"] {
        assert_eq!(status("Max-Forwards: 70", &format!("Max-Forwards: {hops}")), 0, "{hops}");
    }
}

#[test]
fn what_trunks_really_send_is_taken() {
    for (old, new) in [
        ("From: <", "From: 13800138000 <"),
        ("From: <", "From: \"\" <"),
        ("From: <", "From:<"),
        ("From: <", "From: \"\u{5f20}\u{4e09}\" <"),
        ("From: <", "From: \u{5f20}\u{4e09}<"),
        ("To: <sip:bob@example.com>", "To: tel:+8613800138000"),
        ("To: <sip:bob@example.com>", "To: <isbn:2983792873>"),
        ("To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag="),
        ("Content-Type: application/sdp", "Content-Type: Application/SDP ; charset=\"utf-8\""),
        ("branch=z9hG4bKa1", "branch=z9hg4bka1"),
        (";branch=z9hG4bKa1", ""),
        (";branch=z9hG4bKa1", ";branch=z9hG4bK"),
        ("5:5060;rport", "5:0;rport"),
        ("Contact: <sip:alice@192.0.2.5>\r\n", ""),
        ("Content-Length: 5", "Content-Length: 5\r\nl: 005"),
        ("Content-Length: 5\r\n", ""),
        ("INVITE sip:bob@example.com", "INVITE tel:+8613800138000"),
        ("INVITE sip:bob@example.com", "INVITE sip:+8613800138000;npdi;rn=+8610@ims.example"),
    ] {
        assert_eq!(status(old, new), 0, "{new}");
    }
    // Octets of GBK, with a backslash as the second octet of a character.
    let (before, after) = INVITE.split_once("From: <").unwrap();
    let gbk = [before.as_bytes(), b"From: \"\xD5\xC5\xD5\x5C\" <", after.as_bytes()].concat();
    let invite = message(gbk);
    assert_eq!(judged(&invite), Verdict::Pass);
    assert_eq!(invite.from().unwrap().display, b"\"\xD5\xC5\xD5\x5C\"");
}

#[test]
fn a_session_timer_is_read_without_case() {
    let invite = message(with(INVITE, "Max-Forwards: 70", "session-expires: 1800 ; Refresher = UAC"));
    let expires = invite.session_expires().unwrap().unwrap();
    assert_eq!(
        (expires.seconds, expires.refresher.map(|refresher| refresher.parameter())),
        (1800, Some("uac"))
    );
    let invite = message(with(INVITE, "Max-Forwards: 70", "x: 1800;refresher=me"));
    assert_eq!(invite.session_expires().unwrap_err().fault, HeaderFault::Malformed);
}

#[test]
fn what_is_not_for_us_gets_its_status_and_header() {
    let allow = "Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, INFO, OPTIONS";
    let register = with(INVITE, "INVITE sip", "REGISTER sip").replace("1 INVITE", "1 REGISTER");
    let Verdict::Answer(refusal) = judged(&message(register)) else { panic!("taken") };
    assert_eq!(
        (refusal.status, format!("{}: {}", refusal.fields[0].0, refusal.fields[0].1)),
        (405, allow.into())
    );
    assert_eq!(status("INVITE sip:bob@example.com", "INVITE soap.beep://192.0.2.103:3002"), 416);
    assert_eq!(
        owed("Max-Forwards: 70", "Require: timer, Foo\r\nRequire: bar"),
        (420, "Unsupported: Foo, bar".into())
    );
    assert_eq!(
        owed("application/sdp", "application/unknown"),
        (415, "Accept: application/sdp, multipart/mixed, application/dtmf-relay, application/dtmf".into())
    );
    assert_eq!(status("Content-Type: application/sdp\r\n", ""), 415);
    assert_eq!(owed("Max-Forwards: 70", "Content-Encoding: gzip"), (415, "Accept-Encoding: identity".into()));
    let optional = "application/unknown\r\nContent-Disposition: x ; handling = Optional";
    assert_eq!(status("application/sdp", optional), 0);
    assert_eq!(status("Max-Forwards: 70", "Accept: text/plain, application/other"), 406);
    assert_eq!(status("Max-Forwards: 70", "Accept:"), 406);
    for range in ["application/SDP;level=1", "application/*", "text/plain, */*"] {
        assert_eq!(status("Max-Forwards: 70", &format!("Accept: {range}")), 0, "{range}");
    }
}

#[test]
fn the_scope_decides_about_the_request_uri() {
    let (invite, abilities) = (message(INVITE), Abilities::default());
    let verdict = |scope| match admit(&invite, &abilities, scope) {
        Verdict::Answer(refusal) => refusal.status,
        _ => 0,
    };
    assert_eq!((verdict(Scope::Ours), verdict(Scope::Elsewhere), verdict(Scope::Dialog)), (0, 404, 0));
    let no_tel = Abilities { schemes: vec![Scheme::Sip, Scheme::Sips], ..Abilities::default() };
    let tel = message(with(INVITE, "INVITE sip:bob@example.com", "INVITE tel:+86"));
    assert!(matches!(admit(&tel, &no_tel, Scope::Ours), Verdict::Answer(Refusal { status: 416, .. })));
    assert_eq!(admit(&tel, &no_tel, Scope::Dialog), Verdict::Pass);
}

#[test]
fn what_is_too_large_is_owed_513() {
    let small = Limits { head: 400, start_line: 34, body: 5, headers: 10, vias: 1 };
    let abilities = Abilities { limits: small, ..Abilities::default() };
    let status = |text: &str| match form(&message(text), &abilities) {
        Verdict::Answer(refusal) => refusal.status,
        Verdict::Pass => 0,
        other => panic!("{other:?}"),
    };
    assert_eq!(status(INVITE), 0);
    for (old, new) in [
        ("bob@example.com SIP", "bobby@example.com SIP"),
        ("Content-Length: 5\r\n", ""),
        ("Via", "Via: SIP/2.0/UDP h\r\nVia"),
        ("Max-Forwards: 70", "A: 1\r\nB: 2\r\nC: 3"),
        ("c1@", &"c".repeat(200)),
    ] {
        let text = with(INVITE, old, new) + "more body";
        assert_eq!(status(&text), 513, "{new}");
    }
}

#[test]
fn nobody_answers_an_ack_a_response_or_what_has_no_via() {
    let ack = with(INVITE, "INVITE sip", "ACK sip").replace("1 INVITE", "1 ACK");
    assert_eq!(judged(&message(ack.as_str())), Verdict::Pass);
    for (old, new) in [
        ("Call-ID: c1@192.0.2.5\r\n", ""),
        ("1 ACK", "2 INVITE"),
        ("SIP/2.0\r\n", "SIP/3.0\r\n"),
        ("application/sdp", "a/b"),
        ("ACK sip:bob@example.com", "ACK isbn:1"),
    ] {
        assert!(matches!(judged(&message(with(&ack, old, new))), Verdict::Drop(_)), "{new}");
    }
    // Extensions are not required of an ACK.
    assert_eq!(judged(&message(with(&ack, "Max-Forwards: 70", "Require: x"))), Verdict::Pass);
    for (old, new) in [
        ("200 OK", "700 OK"),
        ("200 OK", "099 OK"),
        ("200 OK", "4294967301 better"),
        ("SIP/2.0 200", "SIP/3.0 200"),
        ("Via: ", "Via: SIP/2.0/UDP 192.0.2.1, "),
        ("CSeq: 1 ", "CSeq: 9292394834772304023312 "),
        ("Content-Length: 0", "Content-Length: 1"),
        ("Content-Length: 0", "Content-Length: x"),
        ("Call-ID: c1@192.0.2.5\r\n", ""),
    ] {
        assert!(matches!(judged(&message(with(OK, old, new))), Verdict::Drop(_)), "{new}");
    }
    for sound in ["SIP/2.0 200 ", "SIP/2.0 200", "SIP/2.0 100 \u{43d}\u{430}", "sip/2.0 699 x"] {
        assert_eq!(judged(&message(with(OK, "SIP/2.0 200 OK", sound))), Verdict::Pass, "{sound}");
    }
    for via in ["", "Via: SIP/2.0\r\n", "Via: \r\n", "Via: nonsense\r\n"] {
        let text = with(INVITE, "Via: SIP/2.0/UDP 192.0.2.5:5060;rport;branch=z9hG4bKa1\r\n", via);
        assert!(matches!(judged(&message(text)), Verdict::Drop(_)), "{via}");
    }
}

#[test]
fn a_refusal_copies_what_there_is() {
    let flow = Flow {
        transport: Transport::Udp,
        local: "192.0.2.9:5060".parse().unwrap(),
        remote: "198.51.100.7:7777".parse().unwrap(),
        connection: None,
    };
    let text = with(INVITE, "Call-ID: c1@192.0.2.5\r\n", "").replace("CSeq: 1", "CSeq: -1");
    let invite = message(text);
    let Verdict::Answer(refusal) = judged(&invite) else { panic!("not answered") };
    let response = refusal.response(&invite, &flow, "t9");
    assert_eq!((response.status(), response.reason_phrase()), (Some(400), &b"Call-ID is missing"[..]));
    assert_eq!(response.field(Name::CSeq), Some(&b"-1 INVITE"[..]));
    assert_eq!(response.field(Name::To), Some(&b"<sip:bob@example.com>;tag=t9"[..]));
    let via = response.via().unwrap();
    assert_eq!((via.rport(), via.received()), (Some(Some(7777)), Some(flow.remote.ip())));
    assert_eq!(response.field(Name::CallId), None);
    assert_eq!(invite.method(), Some(Method::Invite));
    assert!(matches!(Uri::parse(invite.request_uri()), Ok(Uri::Sip(_))));
}
