//! submit_sm, a receipt, and the answer to a submit.

use bytes::BytesMut;
use codecs::smpp::{Body, Pdu, Receipt, ReceiptText, Recognition};
use divan::{Bencher, black_box, counter::BytesCount};

use crate::smpp_examples::octets;

/// A submit_sm of 212 octets, its answer, and a receipt of 189 octets with three TLVs.
const UNITS: [&str; 3] = ["E11a", "E7", "E17"];

#[divan::bench(args = UNITS)]
fn decode(bencher: Bencher<'_, '_>, name: &str) {
    let unit = octets(name);
    bencher.counter(BytesCount::of_slice(&unit)).bench(|| Pdu::decode(black_box(&unit)).unwrap());
}

#[divan::bench(args = UNITS)]
fn encode(bencher: Bencher<'_, '_>, name: &str) {
    let unit = octets(name);
    let (header, pdu) = Pdu::decode(&unit).unwrap();
    let mut out = BytesMut::with_capacity(unit.len());
    bencher.counter(BytesCount::of_slice(&unit)).bench_local(|| {
        out.clear();
        black_box(&pdu).encode(header.sequence_number, &mut out).unwrap();
        black_box(out.len())
    });
}

/// What a text of a receipt says.
#[divan::bench(args = ["E17", "E41"])]
fn receipt_text(bencher: Bencher<'_, '_>, name: &str) {
    let unit = octets(name);
    let (_, Pdu { body: Body::DeliverSm(sm), .. }) = Pdu::decode(&unit).unwrap() else {
        unreachable!("{name} is a deliver_sm");
    };
    bencher.bench(|| ReceiptText::parse(black_box(&sm.short_message)));
}

/// All that a receipt says, from its unit on.
#[divan::bench(args = ["E17", "E41"])]
fn receipt(bencher: Bencher<'_, '_>, name: &str) {
    let unit = octets(name);
    bencher.bench(|| {
        let (_, Pdu { body: Body::DeliverSm(sm), .. }) = Pdu::decode(black_box(&unit)).unwrap() else {
            unreachable!("{name} is a deliver_sm");
        };
        black_box(Receipt::of_deliver_sm(&sm, Recognition::Flagged));
    });
}
