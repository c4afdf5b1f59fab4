//! The worked call of the trunk's reference: INVITE, challenge, reliable 183 through a proxy, answer, refresh, the carrier's
//! BYE. What we send is compared octet by octet, once the words that we choose at random have been given their names.

use codecs::sip::{
    cause::End,
    ua::{Field, LegEvent},
};
use md5::{Digest, Md5};

use super::{
    calls::ended,
    wire::{ANSWER, Fate, OFFER, Side, Wire, policy},
};

/// The two halves of the digest that need no nonce, as the reference gives them.
const HA1: &str = "d46f089093bb65026d641710a57e5cfb";
const HA2_INVITE: &str = "2f62de12794ad20f5b3e0e0af0259071";
const HA2_PRACK: &str = "98d12fc90403f7da79a16f8d7a632ee9";

/// The words of this run, and what the reference calls them.
struct Names(Vec<(String, &'static str)>);

impl Names {
    fn name(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (own, name)| text.replace(own, name))
    }

    fn own(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (own, name)| text.replace(name, own)).replace('\n', "\r\n")
    }
}

fn parameter<'a>(value: &'a str, name: &str) -> &'a str {
    let at = value.find(&format!("{name}=")).unwrap() + name.len() + 1;
    value[at..].split([',', ';', '\r']).next().unwrap().trim_matches('"')
}

/// Checks the credentials of a message and gives the message without them.
fn without_credentials(text: &str, half: &str, count: &str) -> String {
    let line = text.lines().find(|line| line.starts_with("Proxy-Authorization: ")).unwrap();
    let (nonce, cnonce) = (parameter(line, " nonce"), parameter(line, "cnonce"));
    assert_eq!((nonce, parameter(line, "nc"), parameter(line, "qop")), ("4f1c2a9be7", count, "auth"));
    assert_eq!(parameter(line, "username"), "861088880000");
    let hashed = Md5::digest(format!("{HA1}:{nonce}:{count}:{cnonce}:auth:{half}"));
    let wanted: String = hashed.iter().map(|octet| format!("{octet:02x}")).collect();
    assert_eq!(parameter(line, "response"), wanted);
    text.replace(&format!("{line}\n"), "")
}

#[test]
fn the_worked_call_is_sent_octet_by_octet() {
    let mut wire = Wire::new();
    wire.rule = Box::new(|_| Fate::Lost);
    let mut invite = wire.invitation(policy());
    let identity = "<sip:+861088880000@ims.example;user=phone>";
    invite.fields.push(Field::new("P-Asserted-Identity", identity));
    wire.place(invite);
    let sent = wire.sent[0].clone();
    let mut names = Names(vec![
        (parameter(sent.header("Via").unwrap(), "branch").to_owned(), "z9hG4bKa1"),
        // Not the tag alone: its name stands in the nonce too.
        (format!("tag={}", parameter(sent.header("From").unwrap(), "tag")), "tag=f1"),
        (sent.header("Call-ID").unwrap().to_owned(), "c1@192.0.2.5"),
    ]);
    let named = |names: &Names, text: &str| names.name(text).replace("\r\n", "\n");
    let offer = String::from_utf8(OFFER.to_vec()).unwrap().replace("\r\n", "\n");
    let invitation = |branch: &str, number: u32| {
        format!(
            "INVITE sip:+8613800138000@ims.example;user=phone SIP/2.0
Via: SIP/2.0/UDP 192.0.2.5:5060;rport;branch={branch}
From: <sip:+861088880000@ims.example;user=phone>;tag=f1
To: <sip:+8613800138000@ims.example;user=phone>
Call-ID: c1@192.0.2.5
CSeq: {number} INVITE
Max-Forwards: 70
Contact: <sip:trunk7@192.0.2.5:5060>
P-Asserted-Identity: <sip:+861088880000@ims.example;user=phone>
Allow: INVITE,ACK,CANCEL,BYE,PRACK,UPDATE,INFO,OPTIONS
Supported: 100rel,timer
Session-Expires: 1800
Content-Type: application/sdp
Content-Length: 149

{offer}"
        )
    };
    assert_eq!(named(&names, &sent.text), invitation("z9hG4bKa1", 1));

    // The challenge; its ACK repeats the branch; the INVITE comes with credentials.
    wire.inject(
        Side::Caller,
        &names.own(
            "SIP/2.0 407 Proxy Authentication Required
Via: SIP/2.0/UDP 192.0.2.5:5060;rport=5060;received=192.0.2.5;branch=z9hG4bKa1
From: <sip:+861088880000@ims.example;user=phone>;tag=f1
To: <sip:+8613800138000@ims.example;user=phone>;tag=p9
Call-ID: c1@192.0.2.5
CSeq: 1 INVITE
Proxy-Authenticate: Digest realm=\"ims.example\",nonce=\"4f1c2a9be7\",algorithm=MD5,qop=\"auth\"
Content-Length: 0

",
        ),
    );
    assert_eq!(wire.ladder(), [">INVITE", ">ACK", ">INVITE"]);
    assert_eq!(wire.sent[1].header("Via"), wire.sent[0].header("Via"));
    assert!(wire.sent[1].header("To").unwrap().ends_with(";tag=p9"));
    assert_eq!(wire.sent[1].header("Proxy-Authorization"), None);
    let again = wire.sent[2].clone();
    names.0.push((parameter(again.header("Via").unwrap(), "branch").to_owned(), "z9hG4bKa2"));
    let text = without_credentials(&named(&names, &again.text), HA2_INVITE, "00000001");
    assert_eq!(text, invitation("z9hG4bKa2", 2));

    // A reliable 183 makes an early dialog through a proxy, and is confirmed in it.
    let answer = String::from_utf8(ANSWER.to_vec()).unwrap().replace("\r\n", "\n");
    let dialog = "Record-Route: <sip:198.51.100.1;lr;ftag=f1>
From: <sip:+861088880000@ims.example;user=phone>;tag=f1
To: <sip:+8613800138000@ims.example;user=phone>;tag=t1
Call-ID: c1@192.0.2.5
CSeq: 2 INVITE
Contact: <sip:mg7@198.51.100.41:5070;transport=udp>";
    wire.inject(
        Side::Caller,
        &names.own(&format!(
            "SIP/2.0 183 Session Progress
Via: SIP/2.0/UDP 192.0.2.5:5060;rport=5060;received=192.0.2.5;branch=z9hG4bKa2
{dialog}
Require: 100rel
RSeq: 8001
Allow: INVITE,ACK,CANCEL,BYE,PRACK,UPDATE
P-Early-Media: sendrecv
Content-Type: application/sdp
Content-Length: 170

{answer}"
        )),
    );
    let prack = wire.sent[3].clone();
    names.0.push((parameter(prack.header("Via").unwrap(), "branch").to_owned(), "z9hG4bKa3"));
    assert_eq!(
        without_credentials(&named(&names, &prack.text), HA2_PRACK, "00000002"),
        "PRACK sip:mg7@198.51.100.41:5070;transport=udp SIP/2.0
Via: SIP/2.0/UDP 192.0.2.5:5060;rport;branch=z9hG4bKa3
Route: <sip:198.51.100.1;lr;ftag=f1>
From: <sip:+861088880000@ims.example;user=phone>;tag=f1
To: <sip:+8613800138000@ims.example;user=phone>;tag=t1
Call-ID: c1@192.0.2.5
CSeq: 3 PRACK
RAck: 8001 2 INVITE
Max-Forwards: 70
Content-Length: 0

"
    );
    let LegEvent::EarlyMedia { sdp, early_media, .. } = wire.events(Side::Caller)[2] else { panic!() };
    assert_eq!((&sdp[..], early_media.as_deref()), (ANSWER, Some(&b"sendrecv"[..])));

    wire.inject(
        Side::Caller,
        &names.own(
            "SIP/2.0 200 OK
Via: SIP/2.0/UDP 192.0.2.5:5060;rport=5060;received=192.0.2.5;branch=z9hG4bKa3
From: <sip:+861088880000@ims.example;user=phone>;tag=f1
To: <sip:+8613800138000@ims.example;user=phone>;tag=t1
Call-ID: c1@192.0.2.5
CSeq: 3 PRACK
Content-Length: 0

",
        ),
    );
    wire.inject(
        Side::Caller,
        &names.own(&format!(
            "SIP/2.0 200 OK
Via: SIP/2.0/UDP 192.0.2.5:5060;rport=5060;received=192.0.2.5;branch=z9hG4bKa2
{dialog}
Require: timer
Session-Expires: 1800;refresher=uac
Allow: INVITE,ACK,CANCEL,BYE,PRACK,UPDATE
Content-Length: 0

"
        )),
    );
    let ack = wire.sent[4].clone();
    names.0.push((parameter(ack.header("Via").unwrap(), "branch").to_owned(), "z9hG4bKa4"));
    assert_eq!(ack.header("Proxy-Authorization"), again.header("Proxy-Authorization"), "the INVITE's");
    assert_eq!(
        without_credentials(&named(&names, &ack.text), HA2_INVITE, "00000001"),
        "ACK sip:mg7@198.51.100.41:5070;transport=udp SIP/2.0
Via: SIP/2.0/UDP 192.0.2.5:5060;rport;branch=z9hG4bKa4
Route: <sip:198.51.100.1;lr;ftag=f1>
From: <sip:+861088880000@ims.example;user=phone>;tag=f1
To: <sip:+8613800138000@ims.example;user=phone>;tag=t1
Call-ID: c1@192.0.2.5
CSeq: 2 ACK
Max-Forwards: 70
Content-Length: 0

"
    );

    // Half the interval later we refresh.
    wire.run(899_900);
    assert_eq!(wire.sent.len(), 5);
    wire.run(200);
    let update = wire.sent[5].clone();
    names.0.push((parameter(update.header("Via").unwrap(), "branch").to_owned(), "z9hG4bKa5"));
    let text = named(&names, &update.text);
    let credentials = text.lines().find(|line| line.starts_with("Proxy-Authorization: ")).unwrap();
    assert_eq!(parameter(credentials, "nc"), "00000003");
    assert_eq!(
        text.replace(&format!("{credentials}\n"), ""),
        "UPDATE sip:mg7@198.51.100.41:5070;transport=udp SIP/2.0
Via: SIP/2.0/UDP 192.0.2.5:5060;rport;branch=z9hG4bKa5
Route: <sip:198.51.100.1;lr;ftag=f1>
From: <sip:+861088880000@ims.example;user=phone>;tag=f1
To: <sip:+8613800138000@ims.example;user=phone>;tag=t1
Call-ID: c1@192.0.2.5
CSeq: 4 UPDATE
Contact: <sip:trunk7@192.0.2.5:5060>
Supported: 100rel,timer
Session-Expires: 1800;refresher=uac
Max-Forwards: 70
Content-Length: 0

"
    );

    // The carrier hangs up, its proxy having taken the Route off.
    wire.inject(
        Side::Caller,
        &names.own(
            "BYE sip:trunk7@192.0.2.5:5060 SIP/2.0
Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKx7
Via: SIP/2.0/UDP 198.51.100.41:5070;branch=z9hG4bKy7
From: <sip:+8613800138000@ims.example;user=phone>;tag=t1
To: <sip:+861088880000@ims.example;user=phone>;tag=f1
Call-ID: c1@192.0.2.5
CSeq: 1 BYE
Reason: Q.850;cause=16;text=\"Normal call clearing\"
Max-Forwards: 69
Content-Length: 0

",
        ),
    );
    assert_eq!(wire.sent[6].word(), "200 BYE");
    let end = ended(&wire, Side::Caller).evidence;
    assert_eq!((end.end, end.q850(), end.answered), (End::ByeReceived, Some(16), true));
    wire.run(80_000);
    assert!(wire.caller.is_idle());
}
