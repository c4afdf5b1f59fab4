//! Message text on the wire: charsets, user data headers, splitting long texts and putting them together again.
//!
//! - [`charset`]: text to octets and back, and what a text costs in a charset;
//! - [`gsm7`]: the GSM 7-bit alphabet, its packing, and the national language tables;
//! - [`udh`]: user data headers, read and written;
//! - [`segment`]: what one message can carry, and cutting a long text into such pieces;
//! - [`mod@plan`]: which charset carries a text best;
//! - [`reassembly`]: from parts in any order back to one message.
//!
//! Which `data_coding` or `Msg_Fmt` names a charset on one account is left to the protocols and to the trunk.

pub mod charset;
mod code_page;
pub mod gsm7;
pub mod plan;
pub mod reassembly;
pub mod segment;
mod ucs2;
pub mod udh;

pub use charset::{Charset, Decoded, Unencodable, decode, encode, fits, units};
pub use plan::{Plan, cheapest, plan};
pub use reassembly::{Added, Assembled, Part, Reassembly};
pub use segment::{Capacity, Count, SplitError, count, split, split_binary, split_octets};
pub use udh::{Concat, Header, Ports, Udh, UdhError, Width};
