//! Octets that nobody should send: no truncation and no mutation of a message makes anything panic, and framing tells the
//! same story however a stream is split or glued.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support {
    pub mod sip_examples;
}

use bytes::Bytes;
use codecs::sip::{
    Flow, Message, Name, Transport, Writer,
    framing::{Datagram, Limits, Stream, Unit, datagram},
    message::{Address, MediaType, Params, Via, unquote},
    uri::{Uri, unescape},
    validate::{Abilities, Scope, Verdict, admit, form},
};
use proptest::prelude::*;
use support::sip_examples::EXAMPLES;

/// Asks a message for everything that can be asked.
fn look_into(message: &Message) {
    let _ = format!("{message:?}");
    let _ = (
        message.method(),
        message.status(),
        message.version(),
        message.reason_phrase(),
        message.start_line(),
    );
    for field in message.fields() {
        for value in message.values(field.name) {
            let _ = (Via::parse(value), MediaType::parse(value), Params::parse(value), unquote(value));
            if let Some(address) = Address::parse(value) {
                look_into_uri(address.uri);
                let _ = (address.display_name(), address.tag(), address.is_wildcard());
            }
        }
    }
    look_into_uri(message.request_uri());
    if let Ok(via) = message.via() {
        let _ = (
            via.branch(),
            via.received(),
            via.rport(),
            via.maddr(),
            via.has_unique_branch(),
            via.port_or_default(),
        );
    }
    let _ =
        (message.from(), message.to(), message.contact(), message.call_id(), message.cseq(), message.rack());
    let _ =
        (message.content_length(), message.content_type(), message.session_expires(), message.max_forwards());
    let _ =
        (message.expires(), message.min_expires(), message.retry_after(), message.min_se(), message.rseq());
    let _ = (message.has_option(Name::Supported, "timer"), message.body(), message.head());
}

fn look_into_uri(text: &[u8]) {
    let Ok(uri) = Uri::parse(text) else { return };
    assert!(uri.equivalent(&uri), "{}", String::from_utf8_lossy(text));
    let _ = uri.number();
    if let Uri::Sip(uri) = uri {
        let _ = (uri.user.map(unescape), uri.host.to_string(), uri.transport(), uri.is_phone());
        let _ = (uri.params.iter().count(), uri.headers.iter().count());
    }
}

/// Judges the message, and answers it if it is owed an answer; the answer is sound.
fn answer(message: &Message) {
    let abilities = Abilities::default();
    let verdict = match form(message, &abilities) {
        Verdict::Pass if message.is_request() => admit(message, &abilities, Scope::Ours),
        verdict => verdict,
    };
    let flow = Flow {
        transport: Transport::Udp,
        local: "[2001:db8::1]:5060".parse().unwrap(),
        remote: "[2001:db8::2]:5061".parse().unwrap(),
        connection: None,
    };
    let response = match verdict {
        Verdict::Answer(refusal) => refusal.response(message, &flow, "t1"),
        Verdict::Pass if message.is_request() => {
            let response = Writer::response_to(message, &flow, 200, None, Some("t1")).finish();
            let read = Message::parse(response.octets().clone()).unwrap();
            let via = read.via().unwrap();
            assert_eq!(via.received(), Some(flow.remote.ip()));
            assert!(read.to().unwrap().tag().is_some());
            response
        }
        _ => return,
    };
    let read = Message::parse(response.octets().clone()).unwrap();
    assert_eq!(read.content_length(), Ok(Some(0)));
    assert_eq!(read.fields().len(), response.fields().len(), "no value begins another header");
    assert_eq!(read.values(Name::Via).count(), message.values(Name::Via).count());
}

fn take(octets: &[u8]) {
    if let Ok(Datagram::Message(message)) = datagram(Bytes::copy_from_slice(octets)) {
        look_into(&message);
        answer(&message);
    }
    let mut stream = Stream::new(Limits::default());
    stream.push(octets);
    while let Ok(Some(unit)) = stream.poll() {
        if let Unit::Message(message) = unit {
            assert_eq!(message.content_length(), Ok(Some(message.body().len())));
        }
    }
}

#[test]
fn every_truncation_is_taken_or_refused() {
    for (_, octets, _) in EXAMPLES {
        for end in 0..=octets.len() {
            take(&octets[..end]);
            take(&octets[end..]);
        }
    }
}

#[test]
fn every_message_with_one_octet_changed_is_taken_or_refused() {
    for (_, octets, _) in EXAMPLES {
        for at in 0..octets.len() {
            for octet in
                [b'\0', b'\r', b'\n', b' ', b'"', b',', b';', b':', b'<', b'>', b'@', b'%', b'\\', 0xD5]
            {
                let mut changed = octets.to_vec();
                changed[at] = octet;
                take(&changed);
            }
        }
    }
}

#[test]
fn fifty_glued_messages_come_out_as_fifty() {
    let messages: Vec<&[u8]> = EXAMPLES.iter().map(|(_, octets, _)| *octets).cycle().take(50).collect();
    let glued = messages.concat();
    for step in [1, 2, 3, 5, 13, 64, 689, 1460, 65536] {
        let mut stream = Stream::new(Limits::default());
        let mut out = Vec::new();
        for piece in glued.chunks(step) {
            stream.push(piece);
            while let Some(unit) = stream.poll().unwrap() {
                match unit {
                    Unit::Message(message) => out.push(message.octets().to_vec()),
                    other => panic!("{other:?}"),
                }
            }
        }
        assert!(out.iter().eq(&messages) && !stream.is_inside_message(), "{step}");
    }
}

#[test]
fn a_stream_of_two_messages_is_read_alike_at_every_split() {
    for (_, octets, _) in EXAMPLES {
        let glued = [*octets, b"\r\n\r\n", *octets].concat();
        for at in 0..=glued.len() {
            let mut stream = Stream::new(Limits::default());
            let mut told = Vec::new();
            for piece in [&glued[..at], &glued[at..]] {
                stream.push(piece);
                while let Some(unit) = stream.poll().unwrap() {
                    told.push(match unit {
                        Unit::Message(message) => message.octets().len(),
                        Unit::Ping => 0,
                        Unit::Pong => panic!("nobody asked"),
                    });
                }
            }
            assert_eq!(told, [octets.len(), 0, octets.len()], "{at}");
        }
    }
}

/// Pieces that messages are made of, sound and not.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&'static [u8]> = vec![
        b"\r\n",
        b"\r\n ",
        b"\r\n\r\n",
        b"\r",
        b"\n",
        b"\0",
        b" ",
        b"\t",
        b":",
        b";",
        b",",
        b"\"",
        b"\\",
        b"\\\"",
        b"<",
        b">",
        b"@",
        b"=",
        b"%41",
        b"%",
        b"[",
        b"]",
        b"::",
        b"SIP/2.0",
        b"SIP/2.0/UDP h",
        b"sip:a@b",
        b"tel:+86",
        b"Via: ",
        b"v:",
        b"From:",
        b"t:",
        b"Call-ID: x",
        b"CSeq: 1 INVITE",
        b"l: 0",
        b"Content-Length: 3",
        b"INVITE sip:a@b SIP/2.0\r\n",
        b"SIP/2.0 200 OK\r\n",
        b"branch=z9hG4bK",
        b"rport",
        b"received=::1",
        b"tag=",
        b"\xD5\x5C",
        b"\xC3\xA9",
        b"4294967296",
    ];
    prop_oneof![
        4 => prop::sample::select(words).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ]
}

proptest! {
    #[test]
    fn any_mixture_of_pieces_is_taken_or_refused(pieces in prop::collection::vec(piece(), 0..60)) {
        take(&pieces.concat());
    }

    #[test]
    fn a_message_with_pieces_put_in_is_taken_or_refused(
        which in 0..EXAMPLES.len(), at in any::<prop::sample::Index>(), cut in 0..20_usize, put in piece(),
    ) {
        let mut octets = EXAMPLES[which].1.to_vec();
        let at = at.index(octets.len());
        let end = (at + cut).min(octets.len());
        octets.splice(at..end, put);
        take(&octets);
    }

    #[test]
    fn how_a_stream_is_split_changes_nothing(
        pieces in prop::collection::vec(piece(), 0..40), sizes in prop::collection::vec(1..9_usize, 1..6),
    ) {
        let octets = pieces.concat();
        let story = |sizes: &[usize]| {
            let (mut stream, mut told, mut rest) = (Stream::new(Limits { head: 200, body: 50 }), Vec::new(), &octets[..]);
            let mut sizes = sizes.iter().cycle();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
                rest = after;
                stream.push(piece);
                loop {
                    match stream.poll() {
                        Ok(Some(Unit::Message(message))) => told.push(format!("{:?}", message.octets())),
                        Ok(Some(unit)) => told.push(format!("{unit:?}")),
                        Ok(None) => break,
                        Err(fault) => told.push(fault.kind.to_string()),
                    }
                }
            }
            told
        };
        prop_assert_eq!(story(&sizes), story(&[octets.len().max(1)]));
    }

    #[test]
    fn what_is_written_is_read_back(
        values in prop::collection::vec("[^\r\n\0]{0,30}", 0..8),
        nasty in prop::collection::vec(any::<u8>(), 0..30),
        body in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let mut writer = Writer::request("INVITE", "sip:a@b");
        for value in &values {
            writer.field(Name::Subject, value).other("X-Other", value);
        }
        writer.field(Name::UserAgent, &nasty);
        let message = writer.body("text/plain", &body);
        let read = Message::parse(message.octets().clone()).unwrap();
        prop_assert_eq!(read.body(), &body[..]);
        prop_assert_eq!(read.fields().len(), 2 * values.len() + 3);
        for (value, field) in values.iter().zip(read.fields().filter(|field| field.name == Name::Subject)) {
            prop_assert_eq!(field.value, value.trim_matches([' ', '\t']).as_bytes());
        }
        prop_assert!(message.has_well_formed_start_line() && read.has_well_formed_start_line());
    }
}
