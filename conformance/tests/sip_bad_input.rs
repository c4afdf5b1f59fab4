//! Bad and odd input on a live endpoint, over UDP and TCP, beyond the torture messages: each is answered, passed over or
//! taken as it deserves, and what follows it is served.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use codecs::sip::Message;
use conformance::{
    loopback::Transport,
    raw_sip::Request,
    subject::Programs,
    torture::{Outcome, live::Live},
};

/// What is sent, and what shall become of it; over a stream perhaps something else, or nothing that can be said: "".
struct Row {
    what: &'static str,
    octets: Vec<u8>,
    wanted: &'static str,
    on_stream: &'static str,
    /// What the answer must have.
    carries: &'static str,
}

impl Row {
    fn on_stream(self, on_stream: &'static str) -> Self {
        Self { on_stream, ..self }
    }

    fn carries(self, carries: &'static str) -> Self {
        Self { carries, ..self }
    }
}

fn row(what: &'static str, octets: impl Into<Vec<u8>>, wanted: &'static str) -> Row {
    Row { what, octets: octets.into(), wanted, on_stream: wanted, carries: "" }
}

/// The octets with the first `from` in them replaced.
fn replaced(octets: &[u8], from: &str, to: &[u8]) -> Vec<u8> {
    let at = octets.windows(from.len()).position(|window| window == from.as_bytes()).expect(from);
    [&octets[..at], to, &octets[at + from.len()..]].concat()
}

const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";

/// Requests and responses; `over` and `name` make them this one's.
fn rows(over: Transport) -> Vec<Row> {
    let number = std::cell::Cell::new(0);
    let named = move |method: &'static str, spoil: &dyn Fn(Request<'_>) -> Vec<u8>| {
        number.set(number.get() + 1);
        let id = format!("row-{}-{over:?}", number.get());
        spoil(Request::new(method, &id).over(over))
    };
    let options = |spoil: &dyn Fn(Request<'_>) -> Vec<u8>| named("OPTIONS", spoil);
    // With one thing of a sound OPTIONS, or INVITE, replaced.
    let put = |from: &str, to: &[u8]| options(&|request| replaced(&request.octets(), from, to));
    let line = |line: &str| options(&|request| request.with(line).octets());
    let call = |lines: &[&str]| {
        named("INVITE", &|request| {
            lines.iter().fold(request.with_sdp(SDP), |request, line| request.with(line)).octets()
        })
    };
    let sdp = |sdp: &str| named("INVITE", &|request| request.with_sdp(sdp).octets());
    let typed = |content_type: &str, body: &str| {
        named("INVITE", &|request| Request { body: body.as_bytes(), ..request }.with(content_type).octets())
    };
    let bare = |method: &'static str| named(method, &|request| request.octets());
    let long = |length: usize| "x".repeat(length);
    let repeated = |what: &str, times: usize| what.repeat(times);
    let response = |status: &str| {
        let octets = options(&|request| request.octets());
        replaced(&octets, "OPTIONS sip:95001@daemon.example SIP/2.0", format!("SIP/2.0 {status}").as_bytes())
    };
    let isup = "--b\r\nContent-Type: application/sdp\r\n\r\n".to_owned()
        + SDP
        + "\r\n--b\r\nContent-Type: application/ISUP;version=itu-t92+\r\nContent-Disposition: signal;handling=optional\r\n\r\n\x01\x02\r\n--b--\r\n";
    vec![
        // Sizes.
        row("a start line of 9 KiB", put("95001@", format!("{}@", long(9 << 10)).as_bytes()), "513"),
        row("headers of 33 KiB", line(&format!("Subject: {}", long(33 << 10))), "513")
            .on_stream("513, closed"),
        row("300 headers", line(repeated("X: y\r\n", 300).trim_end()), "513"),
        row(
            "71 Via",
            put("Max-Forwards", (repeated("Via: SIP/2.0/UDP h\r\n", 70) + "Max-Forwards").as_bytes()),
            "513",
        ),
        row(
            "70 Via",
            put("Max-Forwards", (repeated("Via: SIP/2.0/UDP h\r\n", 69) + "Max-Forwards").as_bytes()),
            "taken",
        ),
        row(
            "a body of 60 KiB that is none of ours",
            typed("Content-Type: text/plain", &long(60 << 10)),
            "415",
        )
        .carries("Accept"),
        // Octets.
        row("a NUL in a header", put("Max-Forwards: 70", b"Subject: a\0b"), "400"),
        row("a lone LF in a header", put("Max-Forwards: 70", b"Subject: a\nb"), "400"),
        row("a lone CR in a header", put("Max-Forwards: 70", b"Subject: a\rb"), "400"),
        row("GBK in a display name", put("From: <", b"From: \"\xd6\xd0\xb9\xfa\" <"), "taken"),
        row("Latin-1 in a display name without quotes", put("From: <", b"From: M\xfcller <"), "taken"),
        row("Latin-1 in a text", put("Max-Forwards: 70", b"Subject: M\xfcller"), "taken"),
        row("octets above 7F in the Request-URI", put("95001@", b"\xd6\xd0@"), "400"),
        row("octets above 7F in the method", put("OPTIONS sip", b"OPTI\xd6NS sip"), "400"),
        row("a header without a name", line(": x"), "400"),
        row("a line that is no header", line("nothing"), "400"),
        // Numbers.
        row(
            "a port of 65536 in the Request-URI",
            put("daemon.example SIP", b"daemon.example:65536 SIP"),
            "400",
        ),
        row("a port of 65536 in Via", put("caller.example;", b"caller.example:65536;"), "400"),
        row("a port of 0 in the Request-URI", put("daemon.example SIP", b"daemon.example:0 SIP"), "taken"),
        row("a CSeq of 32 bits and more", put("CSeq: 1 ", b"CSeq: 4294967296 "), "400"),
        row("the largest CSeq", put("CSeq: 1 ", b"CSeq: 4294967295 "), "taken"),
        row("no number in CSeq", put("CSeq: 1 ", b"CSeq: one "), "400"),
        row("CSeq's method in lower case", put("1 OPTIONS", b"1 options"), "400"),
        row("the method in lower case", put("OPTIONS sip", b"options sip"), "501").carries("Allow"),
        row("Max-Forwards below zero", put("Max-Forwards: 70", b"Max-Forwards: -1"), "taken"),
        row(
            "Expires, Date and Retry-After that nobody can read",
            line("Expires: soon\r\nDate: now\r\nRetry-After: x"),
            "taken",
        ),
        // Names and addresses.
        row("a number as display name", put("From: <", b"From: 13800138000 <"), "taken"),
        row("an empty display name", put("From: <", b"From: \"\" <"), "taken"),
        row("no space after a header's name", put("From: <", b"From:<"), "taken"),
        row("a display name without its closing quote", put("From: <", b"From: \"Bob <"), "400"),
        row(
            "an empty To tag",
            put("To: <sip:95001@daemon.example>", b"To: <sip:95001@daemon.example>;tag="),
            "taken",
        ),
        row(
            "a To tag that nobody knows",
            put("To: <sip:95001@daemon.example>", b"To: <sip:95001@daemon.example>;tag=x"),
            "481",
        ),
        row("a scheme in From that nobody knows", put("From: <sip:", b"From: <name:"), "taken"),
        row("no From", put("From: ", b"X-From: "), "400"),
        row("no Call-ID", put("Call-ID: ", b"X-Call-ID: "), "400"),
        row("no CSeq", put("CSeq: ", b"X-CSeq: "), "400"),
        row("two To", line("To: <sip:other@daemon.example>"), "400"),
        row("a cookie in lower case", put("z9hG4bK", b"z9hg4bk"), "taken"),
        row("no Via", put("Via: ", b"X-Via: "), "dropped"),
        row("a Via that names nobody", put("Via: SIP/2.0/", b"Via: SIP/"), "dropped"),
        // What is asked for.
        row("timer twice, and an empty Supported", line("Supported: timer, timer\r\nSupported:"), "taken"),
        row("Proxy-Require", line("Proxy-Require: nobody-knows"), "taken"),
        row("Require", line("Require: 100rel, nobody-knows"), "420").carries("Unsupported: nobody-knows"),
        row("a method that nobody knows", bare("DANCE"), "501").carries("Allow"),
        row("MESSAGE", bare("MESSAGE"), "405").carries("Allow"),
        row("SUBSCRIBE", bare("SUBSCRIBE"), "405").carries("Allow"),
        row("NOTIFY", bare("NOTIFY"), "405").carries("Allow"),
        row("REGISTER", bare("REGISTER"), "405").carries("Allow"),
        row("REFER", bare("REFER"), "405").carries("Allow"),
        row("BYE without a dialog", bare("BYE"), "481"),
        row("CANCEL without an INVITE", bare("CANCEL"), "481"),
        row("ACK without an INVITE", bare("ACK"), "dropped"),
        row(
            "an ACK that can't be read",
            named("ACK", &|request| replaced(&request.octets(), "CSeq: 1", b"CSeq: x")),
            "dropped",
        ),
        row(
            "an ACK of another version",
            named("ACK", &|request| replaced(&request.octets(), "SIP/2.0\r", b"SIP/9.0\r")),
            "dropped",
        ),
        // Responses to nothing.
        row("a response", response("200 OK"), "dropped"),
        row("a response with a status of 99", response("099 Low"), "dropped"),
        row("a response with a status of 700", response("700 High"), "dropped"),
        // Calls.
        row("a call", call(&[]), "taken"),
        row(
            "a call to a tel URI",
            replaced(&call(&[]), "sip:95001@daemon.example SIP", b"tel:95001;phone-context=+86 SIP"),
            "taken",
        ),
        row(
            "a call to a mail address",
            replaced(&call(&[]), "sip:95001@daemon.example SIP", b"mailto:a@daemon.example SIP"),
            "416",
        ),
        row("a call without Contact", replaced(&call(&[]), "Contact: ", b"X-Contact: "), "400"),
        row(
            "a refresher in mixed case",
            call(&["Session-Expires: 1800;Refresher=UAC", "Supported: Timer"]),
            "taken",
        ),
        row("a session that expires too soon", call(&["Session-Expires: 30", "Supported: timer"]), "422")
            .carries("Min-SE"),
        row("a caller that takes no SDP", call(&["Accept: text/plain"]), "406"),
        row("a body in a code", call(&["Content-Encoding: gzip"]), "415").carries("Accept-Encoding"),
        row(
            "SDP's type in mixed case, with a parameter",
            typed("Content-Type: Application/SDP ; charset=utf-8", SDP),
            "taken",
        ),
        row("SDP beside ISUP", typed("Content-Type: multipart/mixed; boundary=b", &isup), "taken"),
        row("SDP without its last CRLF", sdp(SDP.trim_end()), "taken"),
        row("SDP with LF alone", sdp(&SDP.replace("\r\n", "\n")), "taken"),
        row("SDP with attributes before its media", sdp(&SDP.replace("m=", "a=x\r\nm=")), "taken"),
        row("SDP with an empty name", sdp(&SDP.replace("s=-", "s=")), "taken"),
        // Datagrams and streams.
        row(
            "octets behind the body",
            put("Content-Length: 0\r\n\r\n", b"Content-Length: 0\r\n\r\nmore\r\n\r\n"),
            "taken",
        )
        .on_stream("200, closed"),
        row("no length at all", put("Content-Length: 0\r\n", b""), "taken").on_stream("400, closed"),
        row("a length that is none", put("Content-Length: 0", b"Content-Length: x"), "400")
            .on_stream("400, closed"),
        row("a length below zero", put("Content-Length: 0", b"Content-Length: -1"), "400")
            .on_stream("400, closed"),
        row("lengths that differ", put("Content-Length: 0", b"Content-Length: 0\r\nl: 1"), "400")
            .on_stream("400, closed"),
        row("a length twice", put("Content-Length: 0", b"Content-Length: 0\r\nl: 0"), "taken"),
        row("a body that is not all there", put("Content-Length: 0", b"Content-Length: 900"), "400")
            .on_stream("waits"),
        row("a length above what is taken", put("Content-Length: 0", b"Content-Length: 65537"), "400")
            .on_stream("513, closed"),
        row("headers without an end", put("Content-Length: 0\r\n\r\n", b"Content-Len"), "400").on_stream(""),
        row("empty lines in front", [&b"\r\n\r\n"[..], &bare("OPTIONS")].concat(), "taken"),
        row("an empty line", "\r\n", "dropped"),
        row("noise", "\r\n\r\njaK\r\n\r\n", "dropped").on_stream("closed"),
    ]
}

fn has(answer: &Message, carries: &str) -> bool {
    let (name, value) = carries.split_once(": ").unwrap_or((carries, ""));
    answer.fields().any(|field| {
        field.label.eq_ignore_ascii_case(name.as_bytes())
            && (value.is_empty() || field.value == value.as_bytes())
    })
}

#[tokio::test]
async fn each_is_answered_passed_over_or_taken_as_it_deserves() {
    let mut live = Live::start(&Programs::for_tests().unwrap().daemon).await.unwrap();
    let mut wrong = Vec::new();
    for over in [Transport::Udp, Transport::Tcp] {
        for row in rows(over) {
            let wanted = if over == Transport::Udp { row.wanted } else { row.on_stream };
            if wanted.is_empty() {
                continue;
            }
            let wanted: Outcome = wanted.parse().unwrap();
            match live.ask(&row.octets, over).await {
                Ok(seen) if seen.outcome != wanted => {
                    wrong.push(format!("{} over {over:?}: {}, wanted: {wanted}", row.what, seen.outcome));
                }
                Ok(seen)
                    if !row.carries.is_empty()
                        && !seen.answer.as_ref().is_some_and(|one| has(one, row.carries)) =>
                {
                    wrong.push(format!("{} over {over:?}: without {}", row.what, row.carries));
                }
                Ok(_) => {}
                Err(error) => wrong.push(format!("{} over {over:?}: {error:#}", row.what)),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    live.stop().unwrap();
}
