//! Every unit we can write, each with what a reader must find in it, for the tests that let foreign decoders read them;
//! and what rusmpp can write, for the test that reads it.
#![allow(dead_code, reason = "each test uses its part")]

pub mod cmpp_units;
pub mod rusmpp_tlvs;
pub mod rusmpp_unit;
pub mod smpp_units;

use conformance::pcap::Side;

/// One unit and what it holds.
#[derive(Debug, Clone)]
pub struct Unit {
    /// Names it in reports and in `known-gaps.toml`.
    pub name: String,
    /// Who sends it.
    pub side: Side,
    /// The whole unit.
    pub octets: Vec<u8>,
    /// Fields as the dissector names them, with their values as it prints them.
    pub fields: Vec<(&'static str, String)>,
}
