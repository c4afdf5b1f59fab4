//! Any messages and operations into a SIP transaction layer.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| codecs_fuzz::transactions::run(octets));
