//! What a dialog takes from messages and puts into requests, against the worked messages of a call.

use super::*;

fn message(text: &str) -> Message {
    Message::parse(Bytes::from(text.replace('\n', "\r\n"))).unwrap()
}

fn invite() -> Message {
    message(
        "INVITE sip:+8613800138000@ims.example;user=phone SIP/2.0
Via: SIP/2.0/UDP 192.0.2.5:5060;rport;branch=z9hG4bKa2
Record-Route: <sip:p2.example;lr>,<sip:p1.example;lr>
From: <sip:+861088880000@ims.example;user=phone>;tag=f1
To: <sip:+8613800138000@ims.example;user=phone>
Call-ID: c1@192.0.2.5
CSeq: 102 INVITE
Contact: <sip:trunk7@192.0.2.5:5060>
Content-Length: 0

",
    )
}

fn response(status: &str, routes: &str, contact: &str) -> Message {
    message(&format!(
        "SIP/2.0 {status}
Via: SIP/2.0/UDP 192.0.2.5:5060;rport=5060;received=192.0.2.5;branch=z9hG4bKa2
Record-Route: {routes}
From: <sip:+861088880000@ims.example;user=phone>;tag=f1
To: <sip:+8613800138000@ims.example;user=phone>;tag=t1
Call-ID: c1@192.0.2.5
CSeq: 102 INVITE
Contact: {contact}
Content-Length: 0

"
    ))
}

fn text(message: &Message) -> String {
    String::from_utf8(message.octets().to_vec()).unwrap().replace("\r\n", "\n")
}

#[test]
fn a_caller_reverses_the_recorded_routes_and_counts_on_from_its_invite() {
    let ringing = response(
        "183 Session Progress",
        "<sip:198.51.100.2;lr>, <sip:198.51.100.1;lr;ftag=f1>",
        "<sip:mg7@198.51.100.41:5070;transport=udp>;expires=60",
    );
    let mut dialog = Dialog::of_response(&invite(), &ringing).unwrap();
    assert!(!dialog.is_confirmed());
    let number = dialog.next_sequence();
    let via = b"SIP/2.0/UDP 192.0.2.5:5060;rport;branch=z9hG4bKa3";
    let prack = dialog.request(Method::Prack, number, via, &dialog.address()).finish();
    assert_eq!(
        text(&prack),
        "PRACK sip:mg7@198.51.100.41:5070;transport=udp SIP/2.0
Via: SIP/2.0/UDP 192.0.2.5:5060;rport;branch=z9hG4bKa3
Route: <sip:198.51.100.1;lr;ftag=f1>
Route: <sip:198.51.100.2;lr>
From: <sip:+861088880000@ims.example;user=phone>;tag=f1
To: <sip:+8613800138000@ims.example;user=phone>;tag=t1
Call-ID: c1@192.0.2.5
CSeq: 103 PRACK
Content-Length: 0

"
    );
}

#[test]
fn a_2xx_computes_the_routes_anew_once_and_later_ones_do_not() {
    let ringing = response("180 Ringing", "<sip:p1;lr>", "<sip:early@h>");
    let mut dialog = Dialog::of_response(&invite(), &ringing).unwrap();
    dialog.confirm(&response("200 OK", "<sip:p3;lr>", "<sip:final@h>"));
    assert_eq!(dialog.address().routes, ["<sip:p3;lr>"]);
    assert_eq!(dialog.remote_target(), "sip:final@h");
    dialog.confirm(&response("200 OK", "<sip:p4;lr>", "<sip:moved@h>"));
    assert_eq!(dialog.address().routes, ["<sip:p3;lr>"], "frozen");
    assert_eq!(dialog.remote_target(), "sip:moved@h", "a target refresh");
}

#[test]
fn a_callee_keeps_the_order_and_answers_with_its_own_numbers() {
    let mut dialog = Dialog::of_request(&invite(), Bytes::from_static(b"t1"), 0).unwrap();
    dialog.confirm_ours();
    let number = dialog.next_sequence();
    let bye =
        dialog.request(Method::Bye, number, b"SIP/2.0/UDP h;branch=z9hG4bKb", &dialog.address()).finish();
    assert_eq!(
        text(&bye),
        "BYE sip:trunk7@192.0.2.5:5060 SIP/2.0
Via: SIP/2.0/UDP h;branch=z9hG4bKb
Route: <sip:p2.example;lr>
Route: <sip:p1.example;lr>
From: <sip:+8613800138000@ims.example;user=phone>;tag=t1
To: <sip:+861088880000@ims.example;user=phone>;tag=f1
Call-ID: c1@192.0.2.5
CSeq: 1 BYE
Content-Length: 0

"
    );
    assert!(dialog.is_of(b"c1@192.0.2.5", b"t1", b"f1"));
    for (call_id, to_tag, from_tag) in [
        (&b"c2@192.0.2.5"[..], &b"t1"[..], &b"f1"[..]),
        (b"c1@192.0.2.5", b"f1", b"t1"),
        (b"c1@192.0.2.5", b"t1", b""),
    ] {
        assert!(!dialog.is_of(call_id, to_tag, from_tag));
    }
}

#[test]
fn the_peers_numbers_only_rise_and_gaps_are_legal() {
    let mut dialog = Dialog::of_request(&invite(), Bytes::from_static(b"t1"), 0).unwrap();
    for (number, judged) in [
        (102, Sequence::Repeated),
        (101, Sequence::Lower),
        (103, Sequence::Next),
        (4000, Sequence::Next),
        (3999, Sequence::Lower),
        (4000, Sequence::Repeated),
    ] {
        assert_eq!(dialog.receive(number), judged, "{number}");
    }
    let mut caller = Dialog::of_response(&invite(), &response("200 OK", "", "<sip:u@h>")).unwrap();
    assert_eq!(caller.receive(0), Sequence::Next, "the peer's first number is its choice");
}

#[test]
fn no_dialog_comes_of_a_response_without_tag_or_contact() {
    let untagged = text(&response("180 Ringing", "<sip:p1;lr>", "<sip:u@h>")).replace(";tag=t1", "");
    assert_eq!(Dialog::of_response(&invite(), &message(&untagged)).unwrap_err(), NoDialog::NoTag);
    for contact in ["*", "", "<nothing>"] {
        let response = response("180 Ringing", "<sip:p1;lr>", contact);
        assert_eq!(Dialog::of_response(&invite(), &response).unwrap_err(), NoDialog::NoContact, "{contact}");
    }
    // But an answer has to be acknowledged somewhere.
    let answer = Dialog::of_response(&invite(), &response("200 OK", "<sip:p1;lr>", "*")).unwrap();
    assert_eq!(answer.remote_target(), "sip:+8613800138000@ims.example;user=phone");
}

#[test]
fn a_restored_dialog_knows_its_tags() {
    let dialog = Dialog::restored(
        Bytes::from_static(b"c1"),
        Bytes::from_static(b"<sip:a@h>;tag=f1"),
        Bytes::from_static(b"<sip:b@h>;tag=t1"),
        1102,
        Bytes::from_static(b"sip:mg7@h"),
        RouteSet::default(),
    );
    assert!(dialog.is_of(b"c1", b"f1", b"t1"));
    assert!(dialog.is_confirmed());
}
