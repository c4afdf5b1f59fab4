//! `rsip` as an oracle: whatever both accept must read the same. And conversions to and from its types.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support {
    pub mod sip_examples;
}

use std::{fs, panic::catch_unwind, path::Path};

use bytes::Bytes;
use codecs::sip::{
    Message, Name, Writer,
    message::{Address, Via},
    uri::Uri,
};
use rsip::{SipMessage, headers::ToTypedHeader as _, message::HeadersExt as _, prelude::UntypedHeader as _};
use support::sip_examples::EXAMPLES;

/// The message on plain lines with long names, as `rsip` knows neither folds nor all compact names.
fn plain(message: &Message) -> Message {
    let mut writer = match message.status() {
        Some(status) => Writer::response(status, Some(&String::from_utf8_lossy(message.reason_phrase()))),
        None => Writer::request(message.method_octets(), message.request_uri()),
    };
    for field in message.fields().filter(|field| field.name != Name::ContentLength) {
        writer.other(&String::from_utf8_lossy(field.label), field.value);
    }
    match message.content_type() {
        Ok(Some(_)) => writer.body("text/plain", message.body()),
        _ => writer.finish(),
    }
}

/// What `rsip` reads wrongly, by message and part, and why.
const MISREAD: [(&str, &str); 1] = [
    // White space before the `=` of a parameter.
    ("wsinv", "To's tag"),
];

/// `rsip` knows only letters, digits and few marks in a user part: what has others becomes the host, `@` included.
fn lost_user(uri: &rsip::Uri) -> bool {
    uri.user().is_none() && uri.host().to_string().contains('@')
}

/// What differs between the two readings, where both read.
fn differences(octets: &[u8]) -> Vec<String> {
    let Ok(ours) = Message::parse(Bytes::copy_from_slice(octets)) else { return Vec::new() };
    // It panics on some of what it can't read.
    let Ok(Ok(theirs)) = catch_unwind(|| SipMessage::try_from(octets)) else { return Vec::new() };
    let mut found = Vec::new();
    let mut same = |what: &str, ours: String, theirs: String| {
        if ours != theirs {
            found.push(format!("{what}: {ours:?} here, {theirs:?} there"));
        }
    };
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    match &theirs {
        SipMessage::Request(request) => {
            same("method", text(ours.method_octets()), request.method.to_string());
            if let Ok(Uri::Sip(uri)) = Uri::parse(ours.request_uri())
                && !lost_user(&request.uri)
            {
                same(
                    "user",
                    text(uri.user.unwrap_or_default()),
                    request.uri.user().unwrap_or_default().into(),
                );
                same("host", uri.host.to_string(), request.uri.host().to_string());
                let port = request.uri.port().map(|port| u16::from(*port));
                same("port", format!("{:?}", uri.port), format!("{port:?}"));
            }
            same("body", text(ours.body()), text(&request.body));
        }
        SipMessage::Response(response) => {
            same(
                "status",
                format!("{:?}", ours.status()),
                format!("{:?}", Some(response.status_code.code())),
            );
            same("body", text(ours.body()), text(&response.body));
        }
    }
    if let (Ok(ours), Ok(theirs)) = (ours.call_id(), theirs.call_id_header()) {
        same("Call-ID", text(ours), theirs.value().into());
    }
    if let (Ok(ours), Some(theirs)) =
        (ours.cseq(), theirs.cseq_header().ok().and_then(|cseq| cseq.typed().ok()))
    {
        same("CSeq", format!("{} {}", ours.number, text(ours.method_octets)), theirs.to_string());
    }
    let via = theirs.via_header().ok().and_then(|via| via.typed().ok());
    if let (Ok(ours), Some(theirs)) = (ours.via(), via) {
        same("Via's host", ours.host.to_string(), theirs.uri.host().to_string());
        same("Via's transport", text(ours.transport), theirs.transport.to_string());
        let branch = theirs.branch().map(ToString::to_string);
        same("branch", text(ours.branch().unwrap_or_default()), branch.unwrap_or_default());
    }
    let from = theirs.from_header().ok().and_then(|from| from.typed().ok());
    if let (Ok(ours), Some(theirs)) = (ours.from(), from) {
        let tag = theirs.tag().map(ToString::to_string).unwrap_or_default();
        address(&mut same, "From", &ours, &theirs.uri, tag);
    }
    let to = theirs.to_header().ok().and_then(|to| to.typed().ok());
    if let (Ok(ours), Some(theirs)) = (ours.to(), to) {
        let tag = theirs.tag().map(ToString::to_string).unwrap_or_default();
        address(&mut same, "To", &ours, &theirs.uri, tag);
    }
    if let (Some(ours), Ok(theirs)) = (ours.max_forwards(), theirs.max_forwards_header()) {
        same("Max-Forwards", ours.to_string(), theirs.num().unwrap().to_string());
    }
    found
}

fn address(
    same: &mut impl FnMut(&str, String, String),
    name: &str,
    ours: &Address<'_>,
    theirs: &rsip::Uri,
    tag: String,
) {
    same(&format!("{name}'s tag"), String::from_utf8_lossy(ours.tag().unwrap_or_default()).into(), tag);
    if let Ok(Uri::Sip(uri)) = ours.uri()
        && !lost_user(theirs)
    {
        let user = String::from_utf8_lossy(uri.user.unwrap_or_default()).into_owned();
        same(&format!("{name}'s user"), user, theirs.user().unwrap_or_default().into());
        same(&format!("{name}'s host"), uri.host.to_string(), theirs.host().to_string());
    }
}

/// The torture messages of RFC 4475 and RFC 5118.
fn torture() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/vectors/sip-torture");
    let mut all = Vec::new();
    for rfc in ["rfc4475", "rfc5118"] {
        for entry in fs::read_dir(folder.join(rfc)).unwrap() {
            let path = entry.unwrap().path();
            all.push((path.file_stem().unwrap().to_string_lossy().into(), fs::read(&path).unwrap()));
        }
    }
    all.sort();
    all
}

#[test]
fn whatever_both_accept_reads_the_same() {
    let mut wrong = Vec::new();
    let mut compared = 0;
    let examples = EXAMPLES.iter().map(|(name, octets, _)| ((*name).to_owned(), octets.to_vec()));
    for (name, octets) in examples.chain(torture()) {
        let Ok(message) = Message::parse(Bytes::from(octets.clone())) else { continue };
        for octets in [octets, plain(&message).octets().to_vec()] {
            compared += usize::from(matches!(catch_unwind(|| SipMessage::try_from(&octets[..])), Ok(Ok(_))));
            let known =
                |how: &str| MISREAD.iter().any(|(message, part)| *message == name && how.starts_with(part));
            let found = differences(&octets).into_iter().filter(|how| !known(how));
            wrong.extend(found.map(|how| format!("{name}: {how}")));
        }
    }
    assert!(compared >= 40, "only {compared} messages were read by both");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_worked_call_survives_the_way_there_and_back() {
    for (name, octets, _) in EXAMPLES {
        let message = Message::parse(Bytes::from_static(octets)).unwrap();
        let theirs = SipMessage::try_from(&message).unwrap_or_else(|error| panic!("{name}: {error}"));
        let again: Message = (&theirs).into();
        assert_eq!(
            (again.method(), again.status(), again.body()),
            (message.method(), message.status(), message.body()),
            "{name}"
        );
        if message.is_request() {
            let (one, other) =
                (Uri::parse(again.request_uri()).unwrap(), Uri::parse(message.request_uri()).unwrap());
            assert!(one.equivalent(&other), "{name}");
        }
        let fields = |message: &Message| -> Vec<(Name, String)> {
            let all = message.fields().filter(|field| field.name != Name::ContentLength);
            all.map(|field| (field.name, String::from_utf8_lossy(field.value).split_whitespace().collect()))
                .collect()
        };
        assert_eq!(fields(&again), fields(&message), "{name}");
        assert_eq!(again.content_length(), message.content_length(), "{name}");
    }
}

#[test]
fn what_rsip_can_not_hold_is_refused() {
    let mut gbk = Writer::request("INVITE", "sip:a@b");
    gbk.field(Name::Subject, b"\xD5\xC5");
    assert!(SipMessage::try_from(&gbk.finish()).is_err());
    let unknown = Writer::request("NEWMETHOD", "sip:a@b").finish();
    assert!(SipMessage::try_from(&unknown).is_err());
}

#[test]
fn a_uri_is_written_there_as_here() {
    for text in [
        "sip:+8613800138000@ims.example;user=phone",
        "sips:alice:secret@192.0.2.5:5061;transport=tls;lr",
        "sip:[2001:db8::10]:5070",
        "sip:host;x=1;y",
    ] {
        let Ok(Uri::Sip(uri)) = Uri::parse(text.as_bytes()) else { panic!("{text}") };
        let theirs = rsip::Uri::try_from(&uri).unwrap();
        let written = theirs.to_string();
        let Ok(again) = Uri::parse(written.as_bytes()) else { panic!("{written}") };
        assert!(again.equivalent(&Uri::Sip(uri)), "{text} became {written}");
    }
    assert!(Via::parse(b"SIP/2.0/UDP h").is_some());
}
