//! Any octets as a description: what is read can be answered with the same streams.
#![no_main]

use bytes::Bytes;
use codecs::sip::sdp::{Ability, Direction, Local, Sdp, negotiate};
use libfuzzer_sys::fuzz_target;

const ABILITIES: &[Ability] = &[Ability::PCMA, Ability::PCMU, Ability::G729, Ability::TELEPHONE_EVENT];

fuzz_target!(|octets: &[u8]| {
    let Ok(sdp) = Sdp::parse(octets) else { return };
    let _ = (sdp.origin().map(|origin| origin.version_number()), sdp.name(), sdp.connection());
    for media in sdp.media() {
        let _ = (media.port(), media.connection(), media.packet_time(), media.direction());
        assert!(media.codecs().count() <= media.formats().count());
    }

    let address = [192, 0, 2, 1].into();
    let local =
        Local { id: 7, version: 1, address, port: 30000, direction: Direction::SendRecv, packet_time: 20 };
    if let Ok(answer) = negotiate(&sdp, ABILITIES, &local) {
        let read = check(&answer);
        assert_eq!(read.media().len(), sdp.media().len(), "an answer has the streams of its offer");
        assert!(read.media().filter(|media| media.port() != Some(0)).count() <= 1);
    }
});

/// What we write is a description of lines that each begin with a letter and `=`.
fn check(written: &Bytes) -> Sdp<'_> {
    assert!(written.ends_with(b"\r\n"));
    for line in written.split(|octet| *octet == b'\n').filter(|line| !line.is_empty()) {
        assert!(line.get(1) == Some(&b'=') && line.ends_with(b"\r"), "{}", String::from_utf8_lossy(line));
    }
    Sdp::parse(written).expect("what we write we read")
}
