//! CMPP_SUBMIT and CMPP_DELIVER in both layouts.

use bytes::BytesMut;
use codecs::cmpp::{Deliver, Pdu};
use divan::{Bencher, black_box, counter::BytesCount};

use crate::cmpp_vectors::named;

/// A CMPP_SUBMIT of 2.0 and of 3.0, and a CMPP_DELIVER with a receipt of each.
const UNITS: [&str; 4] = ["C6", "C8", "C10", "C12"];

#[divan::bench(args = UNITS)]
fn decode(bencher: Bencher<'_, '_>, name: &str) {
    let (unit, version) = (named(name).octets(), named(name).version);
    bencher.counter(BytesCount::of_slice(&unit)).bench(|| Pdu::decode(black_box(&unit), version).unwrap());
}

#[divan::bench(args = UNITS)]
fn encode(bencher: Bencher<'_, '_>, name: &str) {
    let (unit, version) = (named(name).octets(), named(name).version);
    let (header, pdu) = Pdu::decode(&unit, version).unwrap();
    let mut out = BytesMut::with_capacity(unit.len());
    bencher.counter(BytesCount::of_slice(&unit)).bench_local(|| {
        out.clear();
        black_box(&pdu).encode(version, header.sequence_id, &mut out).unwrap();
        black_box(out.len())
    });
}

/// What a receipt says, from its unit on.
#[divan::bench(args = ["C10", "C12"])]
fn report(bencher: Bencher<'_, '_>, name: &str) {
    let (unit, version) = (named(name).octets(), named(name).version);
    bencher.bench(|| {
        let deliver = Deliver::decode(black_box(&unit), version).unwrap();
        let report = deliver.report().unwrap().unwrap();
        black_box((report, report.state(), report.submitted(), report.done()));
    });
}
