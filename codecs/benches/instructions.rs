//! Instructions that the session engine spends on one message, counted by callgrind: `cargo bench --bench
//! instructions`, with valgrind installed.
//!
//! # Why
//! Instructions don't depend on what else the machine does, so a small loss shows here that no clock would show. The
//! figure is the difference of two runs of this program, so that starting and binding are not in it.
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/support/smpp_examples.rs"]
mod examples;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/support/smpp_link.rs"]
mod link;

use std::process::Command;

use examples::octets;
use link::{Link, Traffic};

/// Requests in flight each way.
const WINDOW: usize = 64;
/// The argument with which this program only does the work.
const ROUNDS: &str = "--rounds";
/// Rounds of the shorter run, which also let buffers and tables grow.
const FEW: usize = 20;
/// Rounds of the longer run.
const MANY: usize = 120;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == ROUNDS) {
        return exchange(arguments[at + 1].parse().unwrap());
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        return exchange(1);
    }
    match (counted(FEW), counted(MANY)) {
        (Some(few), Some(many)) => {
            let messages = (MANY - FEW) * 2 * WINDOW;
            println!("{} instructions for one request and its answer, both ends", (many - few) / messages);
        }
        _ => println!("valgrind is not there, so nothing was counted"),
    }
}

fn exchange(rounds: usize) {
    let units = ["E11a", "E7", "E17", "E16"].map(octets);
    let traffic = Traffic::of_units(units.each_ref().map(Vec::as_slice));
    let mut link = Link::bound(WINDOW);
    for _ in 0..rounds {
        assert_eq!(link.round(&traffic), 2 * WINDOW);
    }
}

/// Instructions of a whole run of `rounds`.
fn counted(rounds: usize) -> Option<usize> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().ok()?)
        .args([ROUNDS, &rounds.to_string()])
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().find(|line| line.contains("Collected"))?;
    line.rsplit(' ').next()?.parse().ok()
}
