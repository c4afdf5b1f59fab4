//! SDP for voice: read with tolerance, written canonically, offered and answered (RFC 8866, RFC 3264, RFC 6337).
//!
//! - [`Sdp`]: a description as it came, borrowed; what cannot be understood is passed over;
//! - [`negotiate`] and [`offer`]: descriptions of our own, for whoever owns media;
//! - [`Cast`]: one dialog's side of a call between two dialogs: the other's description in this one's words;
//! - [`OfferAnswer`]: whose turn it is in one dialog, and what a description in a message means;
//! - [`collision`]: what a request is answered that comes while another exchange is open.

mod cast;
mod codec;
mod collision;
mod exchange;
mod negotiate;
mod parse;
mod value;
mod write;

pub use cast::{Cast, CastError, Keys, Role};
pub use codec::Codec;
pub use collision::{Facts, OurInvite, OurUpdate, PeerInvite, Request, Ruling, collision, may_send};
pub use exchange::{Carrier, Meaning, OfferAnswer, Side, Violation};
pub use negotiate::{Ability, Local, NotAcceptable, negotiate, offer};
pub use parse::{Formats, Line, Media, Sdp, SdpError};
pub use value::{Connection, Direction, Origin};
