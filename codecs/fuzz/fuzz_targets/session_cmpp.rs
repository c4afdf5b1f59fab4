//! Any operations and units into a CMPP session, on either side.
#![no_main]

use codecs::cmpp::Cmpp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| codecs_fuzz::run::<Cmpp>(octets));
