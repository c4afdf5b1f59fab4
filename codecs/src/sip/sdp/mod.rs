//! SDP for voice: read with tolerance, written canonically, offered and answered (RFC 8866, RFC 3264, RFC 6337).
//!
//! - [`Sdp`]: a description as it came, borrowed; what cannot be understood is passed over;
//! - [`negotiate`] and [`offer`]: descriptions of our own, for whoever owns media;
//! - [`collision`]: what a request is answered that comes while another exchange is open.

mod codec;
mod collision;
mod negotiate;
mod parse;
mod value;
mod write;

pub use codec::Codec;
pub use collision::{Facts, OurInvite, OurUpdate, PeerInvite, Request, Ruling, collision, may_send};
pub use negotiate::{Ability, Local, NotAcceptable, negotiate, offer};
pub use parse::{Formats, Line, Media, Sdp, SdpError};
pub use value::{Connection, Direction, Origin};
