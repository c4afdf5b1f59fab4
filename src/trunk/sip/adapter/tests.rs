//! Calls as INVITEs, and INVITEs as calls.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use codecs::{
    Now,
    sip::{Flow, Message, Target, Transport, ua},
};
use jiff::Timestamp;

use super::{Unfit, invite, parties, policy};
use crate::{
    config::{self, SipTrunkConfig},
    domain::{Call, CallDirection, CallId, Category, Number, Sdp},
};

const OFFER: &[u8] = b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n\
                       m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";

fn trunk(more: &str) -> SipTrunkConfig {
    let text = format!(
        "allow_literal_secrets = true\nstore = {{ path = \"unused\" }}\nsip = {{ listen = [\"udp:127.0.0.1:0\"] }}\n\
         [[trunk]]\nid = \"a\"\nprotocol = \"sip\"\ndomain = \"ims.example.com\"\ngateway = [{{ host = \"192.0.2.1\" }}]\n\
         callers = {{ authorisation = \"c\", numbers = [\"+861088880000\", \"95001\"] }}\nheaders = [\"X-Customer\"]\n{more}"
    );
    config::parse(&text, "test", &|_| None).unwrap_or_else(|error| panic!("{error}")).sip_trunks.remove(0)
}

fn call(caller: &str, shown: Option<&str>, callee: &str) -> Call {
    let number = |text: &str| Number::parse(text).unwrap();
    Call {
        id: CallId::fresh(),
        direction: CallDirection::Outbound,
        request_id: String::new(),
        tenant_id: "t".into(),
        caller: number(caller),
        display_caller: shown.map(number),
        callee: number(callee),
        category: Category::Notification,
        trunk_ids: Vec::new(),
        ring_timeout: Duration::from_secs(60),
        max_duration: Duration::from_secs(60),
        client_reference: String::new(),
        labels: Vec::new(),
        headers: [("X-Customer", "c1"), ("P-Asserted-Identity", "<sip:1@h>"), ("From", "<sip:1@h>")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        trace_parent: String::new(),
        accept_time: Timestamp::UNIX_EPOCH,
    }
}

fn of(trunk: &SipTrunkConfig, call: &Call, offer: &[u8]) -> Result<ua::Invite, Unfit> {
    let target = Target::new(Transport::Udp, "192.0.2.1:5060".parse().unwrap());
    invite(trunk, ua::PeerId(1), call, &Sdp::new(offer), vec![target], Arc::new(policy(trunk)))
}

fn text(octets: &Bytes) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

fn fields(invite: &ua::Invite) -> Vec<(String, String)> {
    invite.fields.iter().map(|field| (text(&field.name), text(&field.value))).collect()
}

#[test]
fn who_calls_is_written_from_permitted_numbers_alone() {
    let trunk = trunk("identity = { preferred = \"shown\", diversion = \"caller\" }");
    let made = of(&trunk, &call("+861088880000", Some("95001"), "13800138000"), OFFER).unwrap();
    assert_eq!(text(&made.request_uri), "sip:+8613800138000@ims.example.com;user=phone");
    assert_eq!(text(&made.to), "<sip:+8613800138000@ims.example.com;user=phone>");
    assert_eq!(text(&made.from), "<sip:95001@ims.example.com;user=phone>");
    assert_eq!(text(&made.contact_user), "+861088880000");
    let expected = [
        ("P-Asserted-Identity", "<sip:+861088880000@ims.example.com;user=phone>"),
        ("P-Preferred-Identity", "<sip:95001@ims.example.com;user=phone>"),
        ("Diversion", "<sip:+861088880000@ims.example.com;user=phone>;reason=unconditional;counter=1"),
        ("X-Customer", "c1"),
    ];
    assert_eq!(fields(&made), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let body = made.body.unwrap();
    assert_eq!((&body.octets[..], text(&body.content_type)), (OFFER, "application/sdp".to_owned()));
    for (caller, shown) in [("+861088880001", None), ("+861088880000", Some("95002"))] {
        assert_eq!(of(&trunk, &call(caller, shown, "95"), OFFER).unwrap_err(), Unfit::Caller);
    }
}

#[test]
fn a_trunk_chooses_its_forms() {
    let trunk = trunk(
        "identity = { from = \"account\", asserted = \"none\", scheme = \"tel\", user_phone = false }\n\
         account = { username = \"user name\", password = \"literal:p\" }\n\
         number = [{ direction = \"out\", headers = [\"request-uri\"], prefix = \"+86\", strip = 3, prepend = \"0\" }]",
    );
    let made = of(&trunk, &call("95001", None, "+8613800138000"), OFFER).unwrap();
    let written = [&made.request_uri, &made.to, &made.from, &made.contact_user].map(text);
    let number = "tel:013800138000;phone-context=ims.example.com";
    assert_eq!(written, [number, "<tel:+8613800138000>", "<sip:user%20name@ims.example.com>", "user name"]);
    assert_eq!(fields(&made).len(), 1);
}

#[test]
fn an_offer_needs_a_codec_that_the_trunk_allows() {
    let call = call("95001", None, "10086");
    for (codecs, fits) in [("\"PCMU\", \"pcma\"", true), ("\"PCMU\", \"telephone-event\"", false), ("", true)]
    {
        let made = of(&trunk(&format!("codecs = [{codecs}]")), &call, OFFER);
        assert_eq!(made.is_ok(), fits, "{codecs}");
    }
    assert_eq!(of(&trunk(""), &call, b"no SDP").unwrap_err(), Unfit::Media);
}

fn incoming(fields: &str, request_uri: &'static str) -> ua::Incoming {
    let from = "\"\u{4e2d}\" <sip:01088880001@carrier.example.com;user=phone>;tag=1";
    let octets = format!(
        "INVITE {request_uri} SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: {from}\r\nTo: <sip:95001@h>\r\n\
         Call-ID: 1\r\nCSeq: 1 INVITE\r\n{fields}l: 0\r\n\r\n"
    );
    let address = "192.0.2.1:5060".parse().unwrap();
    ua::Incoming {
        leg: ua::LegId(1),
        peer: ua::PeerId(1),
        at: Now { mono: std::time::Instant::now(), wall: Timestamp::UNIX_EPOCH },
        flow: Flow { transport: Transport::Udp, local: address, remote: address, connection: None },
        call_id: Bytes::from_static(b"1"),
        request_uri: Bytes::from_static(request_uri.as_bytes()),
        from: Bytes::from(from),
        to: Bytes::from_static(b"<sip:95001@h>"),
        sdp: None,
        request: Message::parse(Bytes::from(octets)).unwrap(),
    }
}

#[test]
fn who_calls_whom_is_read_from_what_the_carrier_asserts() {
    let trunk = trunk("number = [{ direction = \"in\", prefix = \"0\", strip = 1, prepend = \"+86\" }]");
    let read = |fields: &str, uri| {
        let parties = parties(&trunk, &incoming(fields, uri));
        (parties.caller.as_str().to_owned(), parties.callee.as_str().to_owned(), parties.headers.len())
    };
    let of = |caller: &str, callee: &str, headers| (caller.to_owned(), callee.to_owned(), headers);
    assert_eq!(read("", "sip:01088880000@h"), of("+861088880001", "+861088880000", 0));
    let asserted = "P-Asserted-Identity: <tel:+86-138-0013-8000>\r\nx-customer: c\r\nX-Other: o\r\n";
    assert_eq!(read(asserted, "tel:+861088880000;npdi;rn=+8610"), of("+8613800138000", "+861088880000", 1));
    assert_eq!(read("", "sip:h"), of("+861088880001", "95001", 0));
    let ported = "sip:+861088880000;npdi;rn=+8610@h";
    assert_eq!(read("P-Asserted-Identity: <sip:h>\r\n", ported), of("+861088880001", "+861088880000", 0));
}
