//! Carriers of calls: a switch that registers, challenges, answers by script and calls itself.
//!
//! The daemon's counterpart over the same engine: what a carrier says is `codecs::sip::ua`'s, when it says it is the
//! scenario's. So a fault of the engine that both sides share does not show here; foreign peers judge that.
//!
//! - `switch`: the carrier as a value, without its sockets;
//! - `plan`, `rules`: which script a call gets, and which of its messages are lost;
//! - `registrar`, `caller`, `media`: accounts, calls of its own, sessions;
//! - `network`: what becomes of datagrams on their way;
//! - `driver`: the sockets.

mod caller;
mod driver;
mod media;
mod network;
mod note;
mod plan;
mod registrar;
mod rules;
mod switch;

pub(crate) use driver::Exchange;
