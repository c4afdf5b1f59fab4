//! Where a message ends: in a datagram ([`datagram`]) and on a stream ([`Stream`]).

mod datagram;
mod stream;

pub use datagram::{Datagram, datagram};
pub use stream::{FaultKind, Limits, Stream, StreamFault, Unit};
