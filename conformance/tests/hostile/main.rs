//! Every truncation of every vector, and every other value in every single octet of it: no panic, no end that never
//! comes, and no more memory than the octets themselves account for. What is taken can be written and read again.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

mod cmpp;
mod session;
mod smpp;
mod text;

use allocation_counter::measure;
use codecs::frame;
use conformance::vector::{Spec, Vector, load};

/// The vectors of `specs` that have octets.
fn vectors(specs: &[Spec]) -> Vec<Vector> {
    let all = specs.iter().flat_map(|&spec| load(spec).unwrap());
    let vectors: Vec<Vector> = all.filter(|vector| !vector.octets.is_empty()).collect();
    assert!(vectors.len() > 10, "hardly any vectors");
    vectors
}

/// The octets cut at every place, the whole among them.
fn truncations(octets: &[u8]) -> impl Iterator<Item = &[u8]> {
    (0..=octets.len()).map(|end| &octets[..end])
}

/// Hands `look` the octets with every other value in each of the first `most` octets.
fn mutations(octets: &[u8], most: usize, mut look: impl FnMut(&[u8])) {
    let mut mutated = octets.to_vec();
    for at in 0..octets.len().min(most) {
        for value in (0..=u8::MAX).filter(|&value| value != octets[at]) {
            mutated[at] = value;
            look(&mutated);
        }
        mutated[at] = octets[at];
    }
}

/// The same octets with the length that they have.
fn with_length(octets: &[u8]) -> Vec<u8> {
    let mut unit = octets.to_vec();
    let size = u32::try_from(unit.len()).unwrap();
    if let Some(length) = unit.first_chunk_mut() {
        *length = size.to_be_bytes();
    }
    unit
}

/// Does `work` on `octets` and holds it to memory that they account for: written again they take a growing buffer,
/// read as text three octets for one.
fn bounded(octets: &[u8], work: impl FnOnce()) {
    let most = 8 * octets.len() as u64 + 512;
    let held = measure(work).bytes_max;
    assert!(held <= most, "{held} octets are held for {octets:02x?}");
}

/// Reads the octets as a stream; `look` is handed each whole unit. For what has not arrived there is no more room than a
/// unit within the limits needs, doubled as buffers grow.
fn stream(octets: &[u8], limits: frame::Limits, mut look: impl FnMut(&[u8])) {
    let mut buffer = bytes::BytesMut::from(octets);
    while let Ok(Some(unit)) = frame::next(&mut buffer, limits) {
        look(&unit);
    }
    assert!(buffer.capacity() <= 2 * limits.max, "{} reserved", buffer.capacity());
}
