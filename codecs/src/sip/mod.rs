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
//! # A call through the layers
//! `ua` writes an INVITE, `transaction` repeats it until something comes, `framing` and [`Message::parse`] read what comes,
//! [`validate`] says what a faulty message is owed, `dialog` keeps the answered call's tags and routes, and [`cause`] makes
//! one word of how it ended. Whoever drives a [`ua::Endpoint`] owns the sockets and the clock and holds no rule of SIP: the
//! daemon's trunks and the simulator's carriers are two such drivers.
//!
//! # Where `rsip` stands
//! Not on the wire: version 0.4 of the crate reads 4 of the 13 messages that RFC 4475 calls valid and none of RFC 5118's
//! 11, for its types hold neither IPv6 references nor escapes nor unknown methods. It is kept where it is sound: for
//! those who speak in its types, conversions both ways in one file (`rsip_interop`, behind the feature `rsip`), and in
//! tests as a second opinion: what both accept must read the same.

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
