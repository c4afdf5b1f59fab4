//! A description of one dialog, said in another.

use super::*;

const A1: &str = "v=0\no=alice 9 9 IN IP4 192.0.2.1\ns=call\nc=IN IP4 192.0.2.1\nt=1 2\na=sendrecv\n\
    m=audio 4000 RTP/AVP 8 101\nb=AS:64\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\na=ptime:20\n";

fn sdp(text: &str) -> Sdp<'_> {
    Sdp::parse(text.as_bytes()).unwrap()
}

fn cast() -> Cast {
    Cast::new(84, "198.51.100.7".parse().unwrap())
}

fn text(octets: &Bytes) -> &str {
    std::str::from_utf8(octets).unwrap()
}

#[test]
fn the_origin_is_the_dialogs_own_and_all_about_media_is_the_others() {
    let written = cast().recast(&sdp(A1), Role::Offer, Keys::Keep).unwrap();
    assert_eq!(
        text(&written),
        "v=0\r\no=- 42 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\na=sendrecv\r\n\
         m=audio 4000 RTP/AVP 8 101\r\nb=AS:64\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n"
    );
}

#[test]
fn the_version_moves_only_with_what_is_said() {
    let mut cast = cast();
    let version = |octets: &Bytes| Sdp::parse(octets).unwrap().origin().unwrap().version_number().unwrap();
    let first = cast.recast(&sdp(A1), Role::Offer, Keys::Keep).unwrap();
    assert_eq!(cast.recast(&sdp(A1), Role::Offer, Keys::Keep).unwrap(), first);
    // Another version of the other dialog that says the same is no change here.
    let same = A1.replace("9 9", "9 10");
    assert_eq!(cast.recast(&sdp(&same), Role::Offer, Keys::Keep).unwrap(), first);
    let moved = A1.replace("4000", "4002");
    let second = cast.recast(&sdp(&moved), Role::Offer, Keys::Keep).unwrap();
    assert_eq!((version(&first), version(&second)), (1, 2));
    assert_eq!(version(&cast.recast(&sdp(A1), Role::Offer, Keys::Keep).unwrap()), 3);
    let lines: Vec<_> = text(&second).lines().filter(|line| line.starts_with("o=")).collect();
    assert_eq!(lines, ["o=- 42 2 IN IP4 198.51.100.7"]);
}

#[test]
fn an_answer_has_the_streams_of_its_offer_in_their_order() {
    let mut cast = cast();
    let offer = "v=0\nc=IN IP4 203.0.113.1\nm=video 6000 RTP/AVP 31\nm=audio 6002 RTP/AVP 0 8\nm=image 6004 udptl t38\n";
    cast.received(&sdp(offer)).unwrap();
    let other = format!("{A1}m=message 7000 TCP/MSRP *\n");
    let answer = cast.recast(&sdp(&other), Role::Answer, Keys::Keep).unwrap();
    let answer = Sdp::parse(&answer).unwrap();
    let streams: Vec<_> = answer.media().map(|media| (media.kind(), media.port())).collect();
    assert_eq!(streams, [(&b"video"[..], Some(0)), (b"audio", Some(4000)), (b"image", Some(0))]);
    let closed = answer.media().last().unwrap();
    assert_eq!((closed.protocol(), closed.formats().count()), (&b"udptl"[..], 1));
}

#[test]
fn a_later_offer_keeps_the_places_and_opens_none_behind_the_dialogs_back() {
    let mut cast = cast();
    let two = format!("{A1}m=video 6000 RTP/AVP 31\n");
    cast.recast(&sdp(&two), Role::Offer, Keys::Keep).unwrap();
    let one = cast.recast(&sdp(A1), Role::Offer, Keys::Keep).unwrap();
    let ports = |octets: &Bytes| {
        let sdp = Sdp::parse(octets).unwrap();
        sdp.media().map(|media| media.port().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ports(&one), [4000, 0]);
    let three = format!("{two}m=image 6004 udptl t38\n");
    assert_eq!(ports(&cast.recast(&sdp(&three), Role::Offer, Keys::Keep).unwrap()), [4000, 6000, 0]);
    // The place that came with it stays.
    assert_eq!(ports(&cast.recast(&sdp(A1), Role::Offer, Keys::Keep).unwrap()), [4000, 0, 0]);
}

#[test]
fn a_dynamic_payload_type_keeps_its_meaning_for_ever() {
    let mut cast = cast();
    let first = cast.recast(&sdp(A1), Role::Offer, Keys::Keep).unwrap();
    let other = A1.replace("101 telephone-event/8000", "101 AMR/8000");
    let refused = cast.recast(&sdp(&other), Role::Offer, Keys::Keep);
    assert_eq!(refused, Err(CastError::PayloadReused { payload: 101 }));
    assert_eq!(cast.last(), Some(&first));
    // The same meaning in other letters, or a second number for it, is none.
    let same = A1
        .replace("telephone-event", "Telephone-Event")
        .replace("8 101", "8 101 96")
        .replace("a=fmtp", "a=rtpmap:96 telephone-event/8000\na=fmtp");
    cast.recast(&sdp(&same), Role::Offer, Keys::Keep).unwrap();
    // What the peer of this dialog has said binds, too.
    cast.received(&sdp("v=0\nm=audio 1 RTP/AVP 97\na=rtpmap:97 iLBC/8000\n")).unwrap();
    let clash = A1.replace("101", "97");
    assert!(cast.recast(&sdp(&clash), Role::Offer, Keys::Keep).is_err());
    // A stream of another kind in another place has numbers of its own.
    let video = format!("{A1}m=video 6000 RTP/AVP 101\na=rtpmap:101 H264/90000\n");
    cast.recast(&sdp(&video), Role::Offer, Keys::Keep).unwrap();
}

#[test]
fn keys_are_passed_on_together_or_not_at_all() {
    let keyed = format!(
        "{}a=ice-ufrag:x\na=ice-pwd:y\na=candidate:1 1 UDP 1 192.0.2.1 1 typ host\na=fingerprint:sha-256 AA\na=setup:active\n\
         a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:z\n",
        A1.replace("a=sendrecv", "a=ice-lite")
    );
    let kept = cast().recast(&sdp(&keyed), Role::Offer, Keys::Keep).unwrap();
    for name in ["ice-lite", "ice-ufrag", "ice-pwd", "candidate", "fingerprint", "setup", "crypto"] {
        assert!(text(&kept).contains(&format!("a={name}")), "{name}");
    }
    let removed = cast().recast(&sdp(&keyed), Role::Offer, Keys::Remove).unwrap();
    let plain = cast().recast(&sdp(&A1.replace("a=sendrecv\n", "")), Role::Offer, Keys::Keep).unwrap();
    assert_eq!(removed, plain);
}

#[test]
fn lines_are_put_in_their_places() {
    let jumbled = "v=0\nm=audio 4000 RTP/AVP 8\na=ptime:20\nx=1\nc=IN IP4 192.0.2.1\ni=voice\n";
    let written = cast().recast(&sdp(jumbled), Role::Offer, Keys::Keep).unwrap();
    assert!(text(&written).ends_with(
        "t=0 0\r\nm=audio 4000 RTP/AVP 8\r\ni=voice\r\nc=IN IP4 192.0.2.1\r\na=ptime:20\r\nx=1\r\n"
    ));
}

#[test]
fn no_peer_can_make_it_grow_without_end() {
    let many = format!("v=0\n{}", "m=audio 1 RTP/AVP 8\n".repeat(MOST_STREAMS + 1));
    assert_eq!(cast().received(&sdp(&many)), Err(CastError::TooManyStreams));
    assert_eq!(cast().recast(&sdp(&many), Role::Offer, Keys::Keep), Err(CastError::TooManyStreams));
}

proptest::proptest! {
    #[test]
    fn what_it_writes_is_a_description_with_the_same_streams(
        ports in proptest::collection::vec(0_u16.., 0..6),
        kinds in proptest::collection::vec(0_usize..3, 6),
    ) {
        let mut other = String::from("v=0\nc=IN IP4 192.0.2.1\n");
        for (port, kind) in ports.iter().zip(&kinds) {
            other.push_str(&format!("m={} {port} RTP/AVP 8 0\n", ["audio", "video", "image"][*kind]));
        }
        let mut cast = cast();
        let first = cast.recast(&sdp(&other), Role::Offer, Keys::Keep).unwrap();
        let read = Sdp::parse(&first).unwrap();
        let wanted: Vec<_> = sdp(&other).media().map(|media| (media.kind().to_vec(), media.port())).collect();
        let written: Vec<_> = read.media().map(|media| (media.kind().to_vec(), media.port())).collect();
        proptest::prop_assert_eq!(written, wanted);
        proptest::prop_assert_eq!(cast.recast(&sdp(&other), Role::Offer, Keys::Keep).unwrap(), first);
    }
}
