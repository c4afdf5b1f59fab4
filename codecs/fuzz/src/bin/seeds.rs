//! Writes where fuzzing starts: the worked packets of both protocols in the form each target reads, and a few runs of
//! sessions. The only argument is the folder, in which each target has its own.

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../../../tests/support/cmpp_vectors.rs"]
mod cmpp_vectors;
#[path = "../../../tests/support/sip_examples.rs"]
mod sip_examples;
#[path = "../../../tests/support/smpp_examples.rs"]
mod smpp_examples;

use std::{fs, io, path::PathBuf};

use cmpp_vectors::VECTORS;
use codecs::{
    cmpp::{Deliver, Pdu as CmppPdu},
    smpp::{Body, Pdu as SmppPdu},
    text::{Charset, encode},
};
use codecs_fuzz::*;
use smpp_examples::{EXAMPLES, octets};

struct Corpus(PathBuf);

impl Corpus {
    fn add(&self, target: &str, name: &str, octets: &[u8]) -> io::Result<()> {
        let folder = self.0.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("seed-{name}")), octets)
    }
}

fn main() -> io::Result<()> {
    let corpus = Corpus(std::env::args_os().nth(1).ok_or(io::ErrorKind::InvalidInput)?.into());
    smpp(&corpus)?;
    cmpp(&corpus)?;
    texts(&corpus)?;
    sessions(&corpus)?;
    transactions(&corpus)?;
    sip(&corpus)
}

fn smpp(corpus: &Corpus) -> io::Result<()> {
    let mut stream = vec![7];
    for (name, _) in EXAMPLES {
        let unit = octets(name);
        corpus.add("smpp_pdu", name, &unit)?;
        if name.starts_with('E') {
            stream.extend_from_slice(&unit);
        }
        if let Ok((_, SmppPdu { body: Body::SubmitSm(sm) | Body::DeliverSm(sm), .. })) =
            SmppPdu::decode(&unit)
        {
            let flags = [sm.esm_class.0, sm.data_coding.0, sm.short_message.len() as u8];
            corpus.add("smpp_receipt", name, &[&flags, &*sm.short_message, sm.tlvs.as_octets()].concat())?;
            corpus.add("udh", name, &sm.short_message)?;
        }
    }
    corpus.add("frame_stream", "examples", &stream)?;
    let times = ["000001000000000R", "251122103107004+", "251122103107048-", "2511221030", "20251122103001"];
    times.iter().try_for_each(|time| corpus.add("smpp_validity", time, time.as_bytes()))
}

fn cmpp(corpus: &Corpus) -> io::Result<()> {
    for vector in VECTORS {
        let unit = vector.octets();
        corpus.add("cmpp_pdu", vector.name, &unit)?;
        match CmppPdu::decode(&unit, vector.version) {
            Ok((_, CmppPdu::Deliver(Deliver { msg_content, registered_delivery: 1, .. }))) => {
                corpus.add("cmpp_report", vector.name, msg_content)?;
            }
            Ok((_, CmppPdu::Submit(submit))) if submit.has_header() => {
                corpus.add("udh", vector.name, submit.msg_content)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn sip(corpus: &Corpus) -> io::Result<()> {
    let descriptions = [
        (
            "usual",
            "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0 101\r\n\
            a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendonly\r\n",
        ),
        (
            "two",
            "v=0\nc=IN IP4 0.0.0.0\nm=audio 0 RTP/AVP 18\nm=video 4002 RTP/SAVP 96\na=rtpmap:96 H264/90000\n\
            a=ice-ufrag:x\na=crypto:1 a b\n",
        ),
    ];
    for (name, octets, _) in sip_examples::EXAMPLES {
        corpus.add("sip_message", name, octets)?;
        corpus.add("sip_stream", name, &[b"\x07", *octets, b"\r\n\r\n\r\n", octets].concat())?;
    }
    let uris = [
        "sip:+8613800138000;npdi;rn=+8610@ims.example;user=phone sip:+86-138-0013-8000@ims.example;user=phone",
        "sips:a%40b:p@[2001:db8::1]:5061;transport=tls;lr?Subject=x%20y&to=z sips:a%40b:p@[2001:DB8::1]:5061",
        "tel:+86-10-8888-8888;ext=12 tel:10086;phone-context=+86",
    ];
    for (at, uris) in uris.iter().enumerate() {
        corpus.add("sip_uri", &at.to_string(), uris.as_bytes())?;
    }
    for (name, text) in descriptions {
        corpus.add("sip_sdp", name, text.as_bytes())?;
    }
    let challenge = b"Digest realm=\"r\", nonce=\"n\", qop=\"auth,auth-int\", algorithm=SHA-256, stale=true";
    let given = b"Digest username=\"bob\", realm=\"r\", nonce=\"1.0.0\", uri=\"\", response=\"0\", qop=auth, nc=00000001";
    corpus.add("sip_auth", "both", &[&[challenge.len() as u8], &challenge[..], given].concat())
}

fn texts(corpus: &Corpus) -> io::Result<()> {
    let texts = [
        ("latin", "Your code is [493021] €5 {é}", Charset::Gsm7),
        ("chinese", "您的验证码是493021，请勿告诉他人。", Charset::Gbk),
        ("emoji", "你好😀世界", Charset::Ucs2),
    ];
    for (name, text, charset) in texts {
        corpus.add("text_split", name, &[&[9, 7, 255], text.as_bytes()].concat())?;
        let encoded = encode(text, charset).unwrap_or_default();
        corpus.add("text_decode", name, &[&[1, 2, 3], encoded.as_slice()].concat())?;
    }
    let parts = [[0, 1, 3, 1, 65], [0, 1, 3, 3, 66], [0, 1, 3, 2, 67], [2, 2, 2, 1, 9], [0xF0, 0, 0, 0, 61]];
    corpus.add("reassembly", "parts", &parts.concat())
}

fn sessions(corpus: &Corpus) -> io::Result<()> {
    let mut smpp_units = Vec::new();
    for name in ["E15", "E17", "E6", "E4", "E19", "E28", "E30", "N4", "N8"] {
        smpp_units.extend(whole(&octets(name)));
    }
    let mut cmpp_units = Vec::new();
    for vector in VECTORS.iter().filter(|vector| !matches!(vector.name, "C1" | "C2" | "C3" | "C4" | "C5")) {
        cmpp_units.extend(whole(&vector.octets()));
    }
    for (target, units) in [("session_smpp", smpp_units), ("session_cmpp", cmpp_units)] {
        // The side that binds: write the bind, have it answered.
        let bound = [0, 4, 0, WRITE, 4, 0, PEER_ANSWERS, 0];
        // The side that is bound to.
        let accepted = [1, 4, 0, PEER_BINDS, 0, ADMIT, 1];
        let submits = [SUBMIT, 7, SUBMIT, 0, SUBMIT, 7, WRITE, 4, 0, PEER_ANSWERS, 0, PEER_ANSWERS, 1];
        let answers = [ANSWER, 0, REFUSE, 0, ANSWER, 1, WRITE, 1, 0, UNBIND, WRITE, 4, 0, PEER_ANSWERS, 0];
        let late =
            [SUBMIT, 7, SUBMIT, 0, WRITE, 4, 0, TIME, 2, 100, PEER_ANSWERS, 0, TIME, 1, 0, WRITE, 4, 0];
        for (name, start) in [("binds", &bound[..]), ("accepts", &accepted[..])] {
            corpus.add(target, name, &[start, &submits, &units, &answers].concat())?;
            corpus.add(target, &format!("{name}-late"), &[start, &late, &answers, &[END]].concat())?;
            corpus.add(
                target,
                &format!("{name}-window"),
                &[start, &[WINDOW, 1], &submits, &late].concat(),
            )?;
        }
        let piece = [&[STREAM, 0, 30], &units[3..33], &[TIME, 2, 100]].concat();
        corpus.add(target, "pieces", &[&bound[..], &piece].concat())?;
    }
    Ok(())
}

fn transactions(corpus: &Corpus) -> io::Result<()> {
    use codecs_fuzz::transactions::*;
    let message = |text: &str| {
        let text = text.replace('\n', "\r\n");
        let mut operation = vec![MESSAGE];
        operation.extend_from_slice(&(text.len() as u16).to_be_bytes());
        operation.extend_from_slice(text.as_bytes());
        operation
    };
    let request = |method: &str, via: &str| {
        message(&format!(
            "{method} sip:b@h SIP/2.0\nVia: SIP/2.0/UDP {via}\nFrom: <sip:a@h>;tag=f\nTo: <sip:b@h>\nCall-ID: c\n\
             CSeq: 1 {method}\n\n"
        ))
    };
    for (transport, over) in [(0, "udp"), (1, "tcp")] {
        let ours = [REQUEST, 0, ANSWERED, 1, 0, CANCEL, 0, ANSWERED, 7, 0, AGAIN, ANSWERED, 3, 1, PASS, 2, 0];
        corpus.add("sip_transactions", &format!("ours-{over}"), &[&[transport], &ours[..]].concat())?;
        for (via, form) in [("h;branch=z9hG4bK1", "3261"), ("h", "2543")] {
            let begin = [request("INVITE", via), vec![AGAIN, PASS, 0, 3, RESPOND, 0, 1, AGAIN]].concat();
            let end =
                [request("CANCEL", via), vec![RESPOND, 0, 3, RESPOND, 1, 7], request("ACK", via)].concat();
            let name = format!("theirs-{form}-{over}");
            corpus.add(
                "sip_transactions",
                &name,
                &[&[transport], &begin[..], &end, &[PASS, 1, 0]].concat(),
            )?;
        }
        let lost = [REQUEST, 0, REQUEST, 1, LOST, 0, BACK, 0, BACK, 1, BACK, 2, UNSENT, 0, PASS, 2, 0];
        corpus.add("sip_transactions", &format!("lost-{over}"), &[&[transport], &lost[..]].concat())?;
    }
    Ok(())
}

/// The operation that hands over a whole unit.
fn whole(unit: &[u8]) -> Vec<u8> {
    let mut operation = vec![UNIT];
    operation.extend_from_slice(&(unit.len() as u16).to_be_bytes());
    operation.extend_from_slice(unit);
    operation
}
