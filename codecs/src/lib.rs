//! Everything about the wire that does no IO: units, framing, text and sessions of the SMS protocols, and SIP.
//!
//! # The sans-IO contract
//! A state machine here is a value. Input and the time ([`Now`]) go in, octets to send, events and the next deadline
//! come out. It opens no socket, reads no clock, spawns nothing and draws no randomness of its own, so the same
//! inputs give the same run. All speak the same few verbs:
//! - `handle_*`: something happened (a unit came in, a deadline passed, the link ended);
//! - domain verbs (`submit`, `answer`, `unbind`): the caller wants something;
//! - `poll_transmit`, `poll_event`: drained until `None` after every call that took `&mut self`;
//! - `poll_timeout`: when to call `handle_timeout` next;
//! - `headroom`, `wants_input`: back-pressure in both directions.
//!
//! # Borrowing
//! Decoding borrows from one complete unit and allocates nothing for its fields; encoding writes once into one
//! `BytesMut`. A session therefore works on whole units as shared octets ([`session::Frame`]) with their header
//! already read, and leaves bodies to whoever wants them: `smpp::Pdu::decode(&frame.octets)`.
#![forbid(unsafe_code)]

pub mod cmpp;
pub mod error;
pub mod frame;
#[cfg(feature = "framed")]
pub mod framed;
pub mod octets;
pub mod session;
pub mod sip;
pub mod smpp;
pub mod text;
pub mod time;
pub mod validity;

pub use error::{DecodeError, DecodeErrorKind, EncodeError, Severity};
pub use time::Now;
