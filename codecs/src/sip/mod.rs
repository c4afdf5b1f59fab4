//! SIP without IO: messages, transactions, dialogs and the user agent on top of them.
//!
//! A layer sees only the ones below it:
//! - [`Method`], [`Flow`] and [`Target`]: the words that all of them share;
//! - [`message`]: what was said: spans over the octets, typed on demand, and written canonically;
//! - [`uri`]: whom a message is for, who sent it;
//! - [`framing`]: where a message ends, in a datagram and on a stream;
//! - [`validate`]: which status a faulty message is owed;
//! - [`auth`]: challenges, answered and made;
//! - [`sdp`]: what is said of media, offered and answered;
//! - [`cause`]: why a leg ended;
//! - [`transaction`]: retransmission and timeouts, one type per machine;
//! - [`locate`]: where a request goes;
//! - [`dialog`]: tags, sequence numbers, route sets, refresh;
//! - [`ua`]: what a caller asks for and is told.
//!
//! # Why there is no `rsip` on the wire
//! Its types hold neither IPv6 references nor escapes nor unknown methods, and refuse most of the messages that RFC 4475
//! calls valid. Conversions at the edge are one file behind the feature of that name.

pub mod auth;
pub mod cause;
pub mod dialog;
mod flow;
pub mod framing;
pub mod locate;
pub mod message;
mod method;
mod random;
#[cfg(feature = "rsip")]
pub mod rsip_interop;
pub mod sdp;
pub mod transaction;
pub mod ua;
pub mod uri;
pub mod validate;

pub use flow::{ConnectionId, Flow, Target, Transport};
pub use message::{Message, Name, Writer};
pub use method::Method;
