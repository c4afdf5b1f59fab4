//! Vectors from the field. They lie outside the project: CARRIERD_FIELD_VECTORS names their folder.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use conformance::field;

#[test]
fn every_vector_from_the_field_holds_or_is_known_to_be_wrong() {
    let Some(folder) = field::folder() else {
        println!("not asked: CARRIERD_FIELD_VECTORS names no folder");
        return;
    };
    let tallies = field::run(&folder).unwrap();
    for tally in &tallies {
        assert!(tally.hold > 0, "{}: nothing was judged", tally.protocol);
        println!("{}: {} hold, {} are known to be wrong", tally.protocol, tally.hold, tally.excepted);
    }
    let failed: Vec<String> = tallies.into_iter().flat_map(|tally| tally.failed).collect();
    assert!(failed.is_empty(), "{} fail:\n{}", failed.len(), failed.join("\n"));
}
