//! Instructions that the session engine spends on one message, and SIP on one call, counted by callgrind: `cargo bench
//! --bench instructions`, with valgrind installed.
//!
//! # Why
//! Instructions don't depend on what else the machine does, so a small loss shows here that no clock would show. The
//! figure is the difference of two runs of this program, so that starting and binding are not in it.
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/support/sip_endpoints.rs"]
mod endpoints;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/support/smpp_examples.rs"]
mod examples;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/support/smpp_link.rs"]
mod link;

use std::{process::Command, time::Duration};

use endpoints::Endpoints;
use examples::octets;
use link::{Link, Traffic};

/// Requests in flight each way.
const WINDOW: usize = 64;
/// Calls of a round. Each leaves something behind for half a minute of its time.
const CALLS: usize = 64;
/// Calls follow each other so.
const PAUSE: Duration = Duration::from_millis(100);
/// The argument with which this program only does the work.
const ROUNDS: &str = "--rounds";
/// Rounds of the shorter run, which also let buffers and tables grow.
const FEW: usize = 20;
/// Rounds of the longer run.
const MANY: usize = 120;
/// What a caller says.
const SDP: &[u8] = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
    m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n";

/// What is counted.
struct Work {
    name: &'static str,
    /// Does so many rounds of it.
    rounds: fn(usize),
    /// How many of it are in a round.
    size: usize,
    /// What one of it is.
    unit: &'static str,
}

const ALL: [Work; 2] = [
    Work {
        name: "messages",
        rounds: exchange,
        size: 2 * WINDOW,
        unit: "one request and its answer, both ends",
    },
    Work { name: "calls", rounds: call, size: CALLS, unit: "one call of seven messages, both ends" },
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == ROUNDS) {
        let work = ALL.iter().find(|work| work.name == arguments[at + 1]).unwrap();
        return (work.rounds)(arguments[at + 2].parse().unwrap());
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        return ALL.iter().for_each(|work| (work.rounds)(1));
    }
    for work in &ALL {
        match (counted(work, FEW), counted(work, MANY)) {
            (Some(few), Some(many)) => {
                let each = (many - few) / ((MANY - FEW) * work.size);
                println!("{each} instructions for {}", work.unit);
            }
            _ => println!("valgrind is not there, so nothing was counted"),
        }
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

fn call(rounds: usize) {
    let mut endpoints = Endpoints::new(SDP);
    for _ in 0..rounds * CALLS {
        endpoints.call(PAUSE);
    }
    assert_eq!(endpoints.live(), 0);
}

/// Instructions of a whole run of `rounds`.
fn counted(work: &Work, rounds: usize) -> Option<usize> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().ok()?)
        .args([ROUNDS, work.name, &rounds.to_string()])
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().find(|line| line.contains("Collected"))?;
    line.rsplit(' ').next()?.parse().ok()
}
