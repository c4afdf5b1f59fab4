//! Units as rusmpp writes them.

use rusmpp::{
    Command,
    encode::{Encode as _, Length as _},
};

/// The unit that rusmpp writes; it leaves the length in front to its caller.
pub fn written(command: &Command) -> Vec<u8> {
    let mut unit = vec![0; 4 + command.length()];
    let length = 4 + command.encode(&mut unit[4..]);
    unit[..4].copy_from_slice(&u32::try_from(length).expect("a short unit").to_be_bytes());
    unit.truncate(length);
    unit
}
