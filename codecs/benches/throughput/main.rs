//! What codec, framing, text and the session engine cost, each alone: `cargo bench --bench throughput`.
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

mod cmpp;
mod framing;
mod session;
mod sip_transactions;
mod smpp;
mod text;

#[path = "../../tests/support/cmpp_vectors.rs"]
mod cmpp_vectors;
#[path = "../../tests/support/sip_calls.rs"]
mod sip_calls;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../../tests/support/smpp_examples.rs"]
mod smpp_examples;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../../tests/support/smpp_link.rs"]
mod smpp_link;

fn main() {
    divan::main();
}
