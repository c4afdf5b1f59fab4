//! How much faster SMPP is decoded and encoded here than by rusmpp, in one run on one machine.
//!
//! Both sides read the same two units of the reference and look at every field and every TLV. Input is prepared
//! outside the measured time, and rusmpp gets its own best case: a stream of units in one buffer, so that splitting
//! off a field is a reference count and no copy. Beside its owned `Command`, which `rusmpp` offers, stands the
//! borrowed one of `rusmpp-core`. Each figure is the fastest of many short runs taken in turns, because what else
//! the machine does only ever adds.
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/support/smpp_examples.rs"]
mod examples;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use bytes::{Buf, BytesMut};
use codecs::{
    frame::{self, Limits},
    smpp,
};
use rusmpp::{Pdu as Owned, decode::DecodeWithLength as _};
use rusmpp_core::{decode::borrowed::DecodeWithLength as _, pdus::borrowed::Pdu as Borrowed};
use tokio_util::codec::{Decoder as _, Encoder as _};

/// What decoding must reach.
const WANTED: f64 = 4.0;
/// Units in one run.
const UNITS: usize = 500;
/// Runs of each contestant.
const RUNS: usize = 400;
/// TLVs that the borrowed form of rusmpp has places for.
const PLACES: usize = 4;
const LIMITS: Limits = Limits { min: 16, max: 8192 };

/// Looks at each field named.
macro_rules! look {
    ($sm:expr, $($field:ident)+) => { $(black_box(&$sm.$field);)+ };
}

/// Looks at every mandatory field of a submit_sm or deliver_sm, whose fields are public there as here.
macro_rules! look_at_fields {
    ($sm:expr) => {
        look!($sm, service_type source_addr_ton source_addr_npi source_addr dest_addr_ton dest_addr_npi
            destination_addr esm_class protocol_id priority_flag schedule_delivery_time validity_period
            registered_delivery replace_if_present_flag data_coding sm_default_msg_id)
    };
}

/// Looks at the header, at every field and at every TLV of what rusmpp decoded, owned or borrowed.
macro_rules! look_at_command {
    ($pdu:ident, $command:expr) => {{
        let command = $command;
        black_box((command.id(), command.status, command.sequence_number));
        match command.pdu() {
            Some($pdu::SubmitSm(sm)) => {
                look_at_fields!(sm);
                black_box(sm.short_message());
                for tlv in sm.tlvs() {
                    black_box((tlv.tag(), tlv.value()));
                }
            }
            Some($pdu::DeliverSm(sm)) => {
                look_at_fields!(sm);
                black_box(sm.short_message());
                for tlv in sm.tlvs() {
                    black_box((tlv.tag(), tlv.value()));
                }
            }
            _ => unreachable!("another unit"),
        }
    }};
}

fn look_at_ours(header: &smpp::Header, pdu: &smpp::Pdu<'_>) {
    black_box((header.command_id, pdu.status, header.sequence_number));
    let (smpp::Body::SubmitSm(sm) | smpp::Body::DeliverSm(sm)) = &pdu.body else {
        unreachable!("another unit");
    };
    look_at_fields!(sm);
    black_box(&sm.short_message);
    for tlv in sm.tlvs {
        black_box((tlv.tag, tlv.value));
    }
}

/// One way to do the work: prepares its input, then says how long [`UNITS`] of it took.
type Contestant<'a> = (&'static str, Box<dyn FnMut() -> Duration + 'a>);

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Nanoseconds for one unit of each contestant.
fn race(contestants: &mut [Contestant<'_>], runs: usize) -> Vec<f64> {
    let mut best = vec![Duration::MAX; contestants.len()];
    for _ in 0..runs {
        for ((_, run), best) in contestants.iter_mut().zip(&mut best) {
            *best = run().min(*best);
        }
    }
    best.iter().map(|best| best.as_nanos() as f64 / UNITS as f64).collect()
}

/// Decoding one unit whose boundaries are known.
fn decoding(unit: &[u8]) -> Vec<Contestant<'_>> {
    let ours = move || {
        timed(|| {
            for _ in 0..UNITS {
                let (header, pdu) = smpp::Pdu::decode(black_box(unit)).unwrap();
                look_at_ours(&header, &pdu);
            }
        })
    };
    let owned = move || {
        let mut stream = BytesMut::from(unit.repeat(UNITS).as_slice());
        timed(|| {
            for _ in 0..UNITS {
                stream.advance(4);
                let (command, _) = rusmpp::Command::decode(black_box(&mut stream), unit.len() - 4).unwrap();
                look_at_command!(Owned, &command);
            }
        })
    };
    let borrowed = move || {
        timed(|| {
            for _ in 0..UNITS {
                let (command, _) = rusmpp_core::command::borrowed::Command::<PLACES>::decode(
                    &black_box(unit)[4..],
                    unit.len() - 4,
                )
                .unwrap();
                look_at_command!(Borrowed, &command);
            }
        })
    };
    vec![
        ("ours, Pdu::decode", Box::new(ours)),
        ("rusmpp, Command::decode", Box::new(owned)),
        ("rusmpp-core, borrowed Command::decode", Box::new(borrowed)),
    ]
}

/// Finding the units of a stream and decoding them.
fn reading(unit: &[u8]) -> Vec<Contestant<'_>> {
    let ours = move || {
        let mut stream = BytesMut::from(unit.repeat(UNITS).as_slice());
        timed(|| {
            while let Some(unit) = frame::next(black_box(&mut stream), LIMITS).unwrap() {
                let (header, pdu) = smpp::Pdu::decode(&unit).unwrap();
                look_at_ours(&header, &pdu);
            }
        })
    };
    let codec = move || {
        let mut stream = BytesMut::from(unit.repeat(UNITS).as_slice());
        let mut codec = rusmpp::tokio_codec::CommandCodec::new();
        timed(|| {
            while let Some(command) = codec.decode(black_box(&mut stream)).unwrap() {
                look_at_command!(Owned, &command);
            }
        })
    };
    vec![("ours, frame::next and decode", Box::new(ours)), ("rusmpp, CommandCodec", Box::new(codec))]
}

/// Writing a unit into a buffer that has room.
fn encoding(unit: &[u8]) -> Vec<Contestant<'_>> {
    let ours = {
        let (header, pdu) = smpp::Pdu::decode(unit).unwrap();
        let mut out = BytesMut::with_capacity(unit.len() * UNITS);
        move || {
            out.clear();
            let took = timed(|| {
                for _ in 0..UNITS {
                    black_box(&pdu).encode(header.sequence_number, &mut out).unwrap();
                }
            });
            assert!(out.starts_with(unit) && out.len() == unit.len() * UNITS);
            took
        }
    };
    let codec = {
        let mut codec = rusmpp::tokio_codec::CommandCodec::new();
        let command = codec.decode(&mut BytesMut::from(unit)).unwrap().unwrap();
        let mut out = BytesMut::with_capacity(unit.len() * UNITS);
        move || {
            out.clear();
            let took = timed(|| {
                for _ in 0..UNITS {
                    codec.encode(black_box(&command), &mut out).unwrap();
                }
            });
            assert!(out.starts_with(unit) && out.len() == unit.len() * UNITS);
            took
        }
    };
    vec![("ours, Pdu::encode", Box::new(ours)), ("rusmpp, CommandCodec", Box::new(codec))]
}

fn main() {
    // `cargo test --benches` only wants to know that this runs.
    let measures = std::env::args().any(|argument| argument == "--bench");
    let runs = if measures { RUNS } else { 1 };
    let mut falls_short = false;
    for name in ["E11a", "E17"] {
        let unit = examples::octets(name);
        for (what, mut contestants, wanted) in [
            ("decode", decoding(&unit), Some(WANTED)),
            ("read a stream", reading(&unit), None),
            ("encode", encoding(&unit), None),
        ] {
            let nanoseconds = race(&mut contestants, runs);
            println!("{name}, {what}:");
            for ((contestant, _), nanoseconds_here) in contestants.iter().zip(&nanoseconds) {
                let ratio = nanoseconds_here / nanoseconds[0];
                println!("  {contestant:<40} {nanoseconds_here:>8.1} ns {ratio:>7.1} times ours");
            }
            falls_short |= wanted.is_some_and(|wanted| nanoseconds[1] / nanoseconds[0] < wanted);
        }
    }
    if measures && falls_short {
        eprintln!("decoding is not {WANTED} times as fast as rusmpp's");
        std::process::exit(1);
    }
}
