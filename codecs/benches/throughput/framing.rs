//! Taking units off a stream.

use bytes::BytesMut;
use codecs::{frame, session::Dialect, smpp::Smpp};
use divan::{Bencher, black_box, counter::ItemsCount};

use crate::smpp_examples::octets;

/// Units in the stream.
const UNITS: usize = 1000;

/// A stream as it comes from a busy carrier: submits, answers, receipts and link tests.
fn stream() -> Vec<u8> {
    ["E6", "E7", "E11a", "E17", "E16", "E4"]
        .iter()
        .cycle()
        .take(UNITS)
        .flat_map(|name| octets(name))
        .collect()
}

#[divan::bench]
fn a_thousand_units(bencher: Bencher<'_, '_>) {
    let stream = stream();
    bencher
        .counter(ItemsCount::new(UNITS))
        .with_inputs(|| BytesMut::from(stream.as_slice()))
        .bench_local_refs(|buffer| {
            while let Some(unit) = frame::next(buffer, Smpp::LIMITS).unwrap() {
                black_box(unit);
            }
        });
}
