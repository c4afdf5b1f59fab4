//! Any operations and units into an SMPP session, on either side.
#![no_main]

use codecs::smpp::Smpp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| codecs_fuzz::run::<Smpp>(octets));
