//! Descriptions as trunks send them.

use super::*;

fn parse(text: &str) -> Sdp<'_> {
    Sdp::parse(text.as_bytes()).unwrap()
}

const USUAL: &str = "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
    m=audio 49170 RTP/AVP 8 0 18 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendonly\r\n\
    m=video 0 RTP/AVP 31\r\n";

#[test]
fn reads_what_a_voice_agent_needs() {
    let sdp = parse(USUAL);
    assert_eq!(sdp.origin().unwrap().version_number(), Some(2));
    assert_eq!(sdp.name(), Some(&b"-"[..]));
    let media: Vec<_> = sdp.media().collect();
    assert_eq!(media.len(), 2);
    let audio = media[0];
    assert_eq!((audio.kind(), audio.port(), audio.protocol()), (&b"audio"[..], Some(49170), &b"RTP/AVP"[..]));
    assert_eq!(audio.formats().collect::<Vec<_>>(), [&b"8"[..], b"0", b"18", b"101"]);
    let names: Vec<_> = audio.codecs().map(|codec| codec.name).collect();
    assert_eq!(names, [&b"PCMA"[..], b"PCMU", b"G729", b"telephone-event"]);
    assert_eq!(audio.parameters(101), Some(&b"0-15"[..]));
    assert_eq!((audio.packet_time(), audio.direction()), (Some(20), Direction::SendOnly));
    assert_eq!(audio.connection().unwrap().address, b"192.0.2.1");
    assert_eq!(audio.own_connection(), None);
    assert_eq!((media[1].port(), media[1].direction()), (Some(0), Direction::SendRecv));
    assert_eq!(sdp.attribute("sendonly"), None);
    assert_eq!(audio.attribute("sendonly"), Some(&b""[..]));
}

#[test]
fn takes_what_trunks_really_send() {
    // LF only, no end of the last line, an empty name, a user with spaces, an attribute before the stream, two c= lines.
    let sdp = parse(
        "v=0\no=a b 1 2 IN IP4 h\ns=\na=recvonly\nm=audio 5004/2 RTP/AVP 8\nc=IN IP4 192.0.2.9/127\nc=IN IP4 192.0.2.10",
    );
    assert_eq!((sdp.name(), sdp.origin().unwrap().user), (Some(&b""[..]), &b"a b"[..]));
    assert_eq!(sdp.direction(), Some(Direction::RecvOnly));
    let audio = sdp.media().next().unwrap();
    assert_eq!((audio.port(), audio.port_octets()), (Some(5004), &b"5004/2"[..]));
    assert_eq!(audio.direction(), Direction::RecvOnly);
    assert_eq!(audio.connection().unwrap().address, b"192.0.2.9");
}

#[test]
fn what_cannot_be_understood_is_passed_over() {
    let sdp = parse(
        "\r\nv=0\r\nnonsense\r\n=\r\nm=au\r\nm=\r\nm=audio 99999 RTP/AVP x 200 8\r\na\r\na=rtpmap:8\r\na=ptime:x\r\n",
    );
    let media: Vec<_> = sdp.media().collect();
    assert_eq!(media.len(), 3);
    assert_eq!((media[0].kind(), media[0].port(), media[0].formats().count()), (&b"au"[..], None, 0));
    assert_eq!((media[1].kind(), media[1].protocol()), (&b""[..], &b""[..]));
    assert_eq!((media[2].port(), media[2].packet_time()), (None, None));
    assert_eq!(media[2].codecs().map(|codec| codec.payload).collect::<Vec<_>>(), [8]);
    assert!(sdp.origin().is_none() && sdp.connection().is_none());
}

#[test]
fn refuses_only_what_is_no_description() {
    for text in ["", "\r\n", "hello", "o=- 1 2 IN IP4 h\r\nv=0\r\n", "<xml/>"] {
        assert_eq!(Sdp::parse(text.as_bytes()), Err(SdpError::NotSdp), "{text}");
    }
    assert_eq!(Sdp::parse(&vec![b'v'; MOST_OCTETS + 1]), Err(SdpError::TooLarge));
    let lines = format!("v=0\n{}", "a=x\n".repeat(MOST_LINES));
    assert_eq!(Sdp::parse(lines.as_bytes()), Err(SdpError::TooLarge));
    assert_eq!(parse("v=0").media().len(), 0);
}

#[test]
fn every_truncation_and_every_changed_octet_is_read_or_refused() {
    let original = USUAL.as_bytes();
    for end in 0..original.len() {
        read_all(&original[..end]);
    }
    for at in 0..original.len() {
        for octet in [0, b'\n', b'\r', b' ', b'=', b':', b'/', b'm', 0xFF] {
            let mut changed = original.to_vec();
            changed[at] = octet;
            read_all(&changed);
        }
    }
}

fn read_all(octets: &[u8]) {
    let Ok(sdp) = Sdp::parse(octets) else { return };
    let _ = (sdp.origin(), sdp.name(), sdp.connection());
    for media in sdp.media() {
        let _ = (media.port(), media.connection(), media.packet_time(), media.codecs().count());
        assert!(media.formats().count() <= octets.len());
    }
}

proptest::proptest! {
    #[test]
    fn octets_never_make_it_panic(octets in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
        read_all(&octets);
        let mut with_start = b"v=0\nm=audio ".to_vec();
        with_start.extend_from_slice(&octets);
        read_all(&with_start);
    }
}
