//! Two sessions that answer each other in memory. A figure for one message is the whole exchange: its request is
//! encoded, carried, framed and told, and so is its answer.

use divan::{Bencher, counter::ItemsCount};

use crate::{
    smpp_examples::octets,
    smpp_link::{Link, Traffic},
};

/// Requests in flight each way.
const WINDOW: usize = 64;

#[divan::bench]
fn windows_full_of_submits_and_receipts(bencher: Bencher<'_, '_>) {
    let units = ["E11a", "E7", "E17", "E16"].map(octets);
    let traffic = Traffic::of_units(units.each_ref().map(Vec::as_slice));
    let mut link = Link::bound(WINDOW);
    bencher.counter(ItemsCount::new(2 * WINDOW)).bench_local(|| {
        assert_eq!(link.round(&traffic), 2 * WINDOW);
    });
}
