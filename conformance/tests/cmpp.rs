//! CMPP 2.0, 2.1 and 3.0: every worked packet of the reference, and packets of our own, octets ⇄ meaning.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use conformance::{
    gaps::Gaps,
    judge::{Verdict, judge},
    vector::{Kind, Spec, Vector, load},
};

fn vectors() -> Vec<(Spec, Vector)> {
    let of = |spec| load(spec).unwrap().into_iter().map(move |vector| (spec, vector));
    [Spec::Cmpp20, Spec::Cmpp30].into_iter().flat_map(of).collect()
}

fn settle(kind: Kind) {
    let all = vectors();
    let known = Gaps::of("vectors").unwrap();
    let failures: Vec<String> = all
        .iter()
        .filter(|(_, vector)| vector.kind().unwrap() == kind)
        .filter_map(|(spec, vector)| match (judge(*spec, vector), known.knows(&vector.id)) {
            (Verdict::Failed(how), false) => Some(format!("{} ({}): {how}", vector.id, vector.title)),
            (Verdict::Passed, true) => Some(format!("{} holds, though known-gaps.toml has it", vector.id)),
            _ => None,
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_sound_vector_has_its_meaning_and_its_octets_again() {
    settle(Kind::Sound);
}

#[test]
fn every_malformed_vector_gets_its_answer() {
    settle(Kind::Malformed);
}

#[test]
fn every_digest_is_what_the_reference_says() {
    settle(Kind::Digest);
}

#[test]
fn no_worked_packet_of_the_reference_is_left_out() {
    let all = vectors();
    for n in 1..=31 {
        assert!(all.iter().any(|(_, vector)| vector.id == format!("C{n}")), "C{n} is missing");
    }
}

#[test]
fn every_row_of_malformed_input_has_a_packet_in_both_layouts() {
    for spec in [Spec::Cmpp20, Spec::Cmpp30] {
        let rows: Vec<u8> = load(spec).unwrap().iter().filter_map(|vector| vector.row).collect();
        for row in 1..=12 {
            assert!(rows.contains(&row), "{spec}: row {row} has none");
        }
    }
}
