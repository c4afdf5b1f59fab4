//! SMPP 3.4 and 5.0: every worked packet of the reference, and packets of our own, octets ⇄ meaning.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use conformance::{
    gaps::Gaps,
    judge::{Verdict, judge},
    vector::{Kind, Spec, Vector, load},
};

fn vectors() -> Vec<(Spec, Vector)> {
    let of = |spec| load(spec).unwrap().into_iter().map(move |vector| (spec, vector));
    [Spec::Smpp34, Spec::Smpp50].into_iter().flat_map(of).collect()
}

fn settle(kinds: &[Kind]) {
    let all = vectors();
    let known = Gaps::of("vectors").unwrap();
    let of_kinds = all.iter().filter(|(_, vector)| kinds.contains(&vector.kind().unwrap()));
    let failures: Vec<String> = of_kinds
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
    settle(&[Kind::Sound]);
}

#[test]
fn every_malformed_vector_gets_its_answer() {
    settle(&[Kind::Malformed]);
}

#[test]
fn every_text_vector_has_its_octets() {
    settle(&[Kind::Text]);
}

#[test]
fn no_worked_packet_of_the_reference_is_left_out() {
    let all = vectors();
    let wanted = (1..=42).map(|n| format!("E{n}")).chain((1..=15).map(|n| format!("N{n}")));
    for id in wanted.chain([String::from("E11a")]) {
        assert!(all.iter().any(|(_, vector)| vector.id == id), "{id} is missing");
    }
}
