//! Charsets, packing and splitting.

use codecs::text::{
    self, Capacity, Charset, Width,
    gsm7::packing::{pack, unpack},
};
use divan::{Bencher, black_box};

/// As much as one message carries.
const FULL: [(Charset, usize); 3] = [(Charset::Gsm7, 160), (Charset::Ucs2, 70), (Charset::Gbk, 70)];

fn sample(charset: Charset, characters: usize) -> String {
    let source = match charset {
        Charset::Gsm7 => "Your code is 493021, don't tell anyone. Thank you @ Acme! ",
        _ => "您的验证码是493021，请勿告诉他人。",
    };
    source.chars().cycle().take(characters).collect()
}

#[divan::bench(args = FULL)]
fn encode(bencher: Bencher<'_, '_>, (charset, characters): (Charset, usize)) {
    let text = sample(charset, characters);
    bencher.bench(|| text::encode(black_box(&text), charset).unwrap());
}

#[divan::bench(args = FULL)]
fn decode(bencher: Bencher<'_, '_>, (charset, characters): (Charset, usize)) {
    let octets = text::encode(&sample(charset, characters), charset).unwrap();
    bencher.bench(|| text::decode(black_box(&octets), charset));
}

/// A text of 500 characters, into parts.
#[divan::bench(args = [Charset::Gsm7, Charset::Ucs2, Charset::Gbk])]
fn split(bencher: Bencher<'_, '_>, charset: Charset) {
    let text = sample(charset, 500);
    let capacity = Capacity::gsm(charset, Width::Eight.header_octets());
    bencher.bench(|| text::split(black_box(&text), charset, capacity, 255).unwrap());
}

/// The same with the choice of the charset.
#[divan::bench]
fn plan(bencher: Bencher<'_, '_>) {
    let text = sample(Charset::Ucs2, 500);
    let allowed = [Charset::Gsm7, Charset::Ucs2];
    let capacity_of = |charset| Capacity::gsm(charset, Width::Eight.header_octets());
    bencher.bench(|| text::plan(black_box(&text), &allowed, capacity_of, 255).unwrap());
}

#[divan::bench]
fn pack_160_septets(bencher: Bencher<'_, '_>) {
    let septets = text::encode(&sample(Charset::Gsm7, 160), Charset::Gsm7).unwrap();
    bencher.bench(|| pack(black_box(&septets), 0));
}

#[divan::bench]
fn unpack_160_septets(bencher: Bencher<'_, '_>) {
    let septets = text::encode(&sample(Charset::Gsm7, 160), Charset::Gsm7).unwrap();
    let octets = pack(&septets, 0);
    bencher.bench(|| unpack(black_box(&octets), 0, 160));
}
