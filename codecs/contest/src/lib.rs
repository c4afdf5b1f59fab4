//! The contestants: each reads or writes one INVITE of the reference, with SDP and credentials.
//!
//! All look at the same headers in typed form: Via, From, To, Call-ID, CSeq, Max-Forwards, Contact, Content-Length and
//! Content-Type. Ours is written from its values, the others from a message that is ready to be written.
#![forbid(unsafe_code)]

use std::hint::black_box;

use bytes::Bytes;
use codecs::sip::{Message, Method, Name, Writer};

/// A name, and the work.
pub type Contestant = (&'static str, Box<dyn Fn()>);

/// Those that read.
#[must_use]
pub fn readers() -> Vec<Contestant> {
    let octets = invite();
    let (shared, stack_octets) = (Bytes::from(octets.clone()), octets.clone());
    vec![
        ("ours", Box::new(move || ours_read(&shared))),
        ("rsip", Box::new(move || rsip_read(&octets))),
        ("rsipstack", Box::new(move || rsipstack_read(&stack_octets))),
    ]
}

/// Those that write.
///
/// # Panics
/// When one of them can't read the INVITE.
#[must_use]
pub fn writers() -> Vec<Contestant> {
    let octets = invite();
    let head = octets.windows(4).position(|window| window == b"\r\n\r\n").expect("the INVITE has a body") + 4;
    let rsip = rsip::Request::try_from(octets.as_slice()).expect("the INVITE is sound");
    let rsipstack = rsipstack::sip::Request::try_from(octets.as_slice()).expect("the INVITE is sound");
    vec![
        ("ours, from values", Box::new(move || ours_write(&octets[head..]))),
        ("rsip, a message to octets", Box::new(move || drop(black_box(black_box(&rsip).to_string())))),
        ("rsipstack, a message to octets", Box::new(move || drop(black_box(black_box(&rsipstack).to_bytes())))),
    ]
}

/// The INVITE with credentials; on one line, as the others read no folds.
#[must_use]
pub fn invite() -> Vec<u8> {
    let folded = include_str!("../../tests/support/sip_messages/04_invite_again.sip");
    folded.replace("\r\n response", " response").into_bytes()
}

fn ours_read(octets: &Bytes) {
    let message = Message::parse(black_box(octets).clone()).expect("the INVITE is sound");
    black_box((message.method(), message.request_uri()));
    let via = message.via().expect("Via");
    black_box((via.known_transport(), via.host, via.port, via.branch()));
    for address in [message.from().expect("From"), message.to().expect("To")] {
        black_box((address.display, address.tag(), address.uri().expect("a URI")));
    }
    black_box(message.call_id().expect("Call-ID"));
    black_box(message.cseq().expect("CSeq"));
    black_box(message.max_forwards());
    black_box(message.contact().expect("Contact").map(|contact| contact.uri().expect("a URI")));
    black_box(message.content_length().expect("Content-Length"));
    black_box(message.content_type().expect("Content-Type"));
    black_box(message.body());
}

fn ours_write(sdp: &[u8]) {
    let mut writer = Writer::request(Method::Invite, black_box("sip:+8613800138000@ims.example;user=phone"));
    writer
        .field(Name::Via, black_box("SIP/2.0/UDP 192.0.2.5:5060;rport;branch=z9hG4bKa2"))
        .field(Name::From, black_box("<sip:+861088880000@ims.example;user=phone>;tag=f1"))
        .field(Name::To, black_box("<sip:+8613800138000@ims.example;user=phone>"))
        .field(Name::CallId, black_box("c1@192.0.2.5"))
        .cseq(black_box(102), Method::Invite)
        .number(Name::MaxForwards, black_box(70_u8))
        .field(Name::Contact, black_box("<sip:trunk7@192.0.2.5:5060>"))
        .field(Name::PAssertedIdentity, black_box("<sip:+861088880000@ims.example;user=phone>"))
        .field(Name::Allow, black_box("INVITE,ACK,CANCEL,BYE,PRACK,UPDATE,INFO,OPTIONS"))
        .field(Name::Supported, black_box("100rel,timer"))
        .number(Name::SessionExpires, black_box(1800_u32))
        .field(
            Name::ProxyAuthorization,
            black_box(
                "Digest username=\"861088880000\",realm=\"ims.example\",nonce=\"4f1c2a9be7\",\
                 uri=\"sip:+8613800138000@ims.example;user=phone\",response=\"d433f24a9d3e150f81d076a9f77c71b8\",\
                 algorithm=MD5,cnonce=\"c0ffee01\",qop=auth,nc=00000001",
            ),
        );
    black_box(writer.body("application/sdp", black_box(sdp)));
}

fn rsip_read(octets: &[u8]) {
    use rsip::{headers::ToTypedHeader as _, message::HeadersExt as _, prelude::UntypedHeader as _};
    let message = rsip::Request::try_from(black_box(octets)).expect("the INVITE is sound");
    black_box((&message.method, &message.uri));
    let via = message.via_header().expect("Via").typed().expect("Via");
    black_box((&via.transport, &via.uri, via.branch()));
    let from = message.from_header().expect("From").typed().expect("From");
    black_box((&from.display_name, from.tag(), &from.uri));
    let to = message.to_header().expect("To").typed().expect("To");
    black_box((&to.display_name, to.tag(), &to.uri));
    black_box(message.call_id_header().expect("Call-ID").value());
    black_box(message.cseq_header().expect("CSeq").typed().expect("CSeq"));
    black_box(message.max_forwards_header().expect("Max-Forwards").num().expect("a number"));
    black_box(message.contact_header().expect("Contact").typed().expect("Contact"));
    for header in message.headers.iter() {
        match header {
            rsip::Header::ContentLength(length) => _ = black_box(length.length().expect("a number")),
            rsip::Header::ContentType(kind) => _ = black_box(kind.typed().expect("a type")),
            _ => {}
        }
    }
    black_box(&message.body);
}

fn rsipstack_read(octets: &[u8]) {
    use rsipstack::sip::{
        Header, HeadersExt as _, Request,
        headers::ToTypedHeader as _,
    };
    let message = Request::try_from(black_box(octets)).expect("the INVITE is sound");
    black_box((&message.method, &message.uri));
    let via = message.via_header().expect("Via").typed().expect("Via");
    black_box((&via.transport, &via.uri, via.branch()));
    let from = message.from_header().expect("From").typed().expect("From");
    black_box((&from.display_name, from.tag(), &from.uri));
    let to = message.to_header().expect("To").typed().expect("To");
    black_box((&to.display_name, to.tag(), &to.uri));
    black_box(message.call_id_header().expect("Call-ID").value());
    black_box(message.cseq_header().expect("CSeq").typed().expect("CSeq"));
    black_box(message.contact_header().expect("Contact").typed().expect("Contact"));
    for header in message.headers.iter() {
        match header {
            Header::MaxForwards(hops) => _ = black_box(hops.value()),
            Header::ContentLength(length) => _ = black_box(length.value()),
            Header::ContentType(kind) => _ = black_box(kind.value()),
            _ => {}
        }
    }
    black_box(&message.body);
}
