//! How fast SIP messages are read and written here, beside `rsip` and `rsipstack`: `cargo run --release [NAME]`, where a
//! name leaves the others out.
//!
//! Each figure is the fastest of many short runs taken in turns, because what else the machine does only ever adds.
//! Allocations are counted by another program, `allocations`, as counting them takes time too.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use codecs_contest::{Contestant, invite, readers, writers};

/// Messages in one run.
const MESSAGES: u32 = 500;
/// Runs of each contestant.
const RUNS: usize = 400;
/// What ours may take to read, in nanoseconds.
const READ: f64 = 1500.0;
/// What ours may take to write, in nanoseconds.
const WRITE: f64 = 300.0;

fn main() {
    let only = std::env::args().nth(1).unwrap_or_default();
    println!("INVITE of {} octets", invite().len());
    for (title, mut contestants, limit) in
        [("Reading, nine headers in typed form", readers(), READ), ("Writing", writers(), WRITE)]
    {
        contestants.retain(|(name, _)| name.starts_with(&only));
        println!("\n{title}");
        let taken = race(&contestants);
        for ((name, _), nanoseconds) in contestants.iter().zip(&taken) {
            println!("{name:<40} {nanoseconds:>9.0} ns  {:>6.1}x", nanoseconds / taken[0]);
        }
        if "ours".starts_with(&only) {
            println!("{} at most {limit:.0} ns", if taken[0] <= limit { "holds:" } else { "MISSED:" });
        }
    }
}

/// Nanoseconds for one message of each contestant.
fn race(contestants: &[Contestant]) -> Vec<f64> {
    let mut best = vec![Duration::MAX; contestants.len()];
    for _ in 0..RUNS {
        for ((_, work), best) in contestants.iter().zip(&mut best) {
            let start = Instant::now();
            for _ in 0..MESSAGES {
                work();
            }
            *best = start.elapsed().min(*best);
        }
    }
    best.iter().map(|best| best.as_nanos() as f64 / f64::from(MESSAGES)).collect()
}
