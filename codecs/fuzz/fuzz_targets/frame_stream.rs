//! Any stream, in pieces of any size: the units don't depend on the pieces, nothing is lost, and no more is reserved
//! than one unit may have.
#![no_main]

use bytes::{Bytes, BytesMut};
use codecs::{
    DecodeError,
    frame::{self, Limits},
};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { min: 16, max: 300 };

fn units(stream: &[u8], piece: usize) -> (Vec<Bytes>, usize, Option<DecodeError>) {
    let (mut buffer, mut units) = (BytesMut::new(), Vec::new());
    for octets in stream.chunks(piece) {
        buffer.extend_from_slice(octets);
        loop {
            match frame::next(&mut buffer, LIMITS) {
                Ok(Some(unit)) => units.push(unit),
                Ok(None) => break,
                Err(error) => return (units, 0, Some(error)),
            }
        }
        assert!(buffer.len() < LIMITS.max, "a whole unit was left");
        assert!(buffer.capacity() <= 2 * (LIMITS.max + stream.len()), "{} reserved", buffer.capacity());
    }
    (units, buffer.len(), None)
}

fuzz_target!(|octets: &[u8]| {
    let [piece, stream @ ..] = octets else { return };
    let (whole, left, error) = units(stream, usize::MAX);
    let pieces = units(stream, usize::from(*piece).max(1));
    assert_eq!((&pieces.0, &pieces.2), (&whole, &error));
    if error.is_none() {
        assert_eq!(pieces.1, left);
        assert_eq!([whole.concat(), stream[stream.len() - left..].to_vec()].concat(), stream);
    }
});
