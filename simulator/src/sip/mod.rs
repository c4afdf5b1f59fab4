//! Carriers of calls: a switch that registers, challenges, answers by script and calls itself.
//!
//! - `switch`: the carrier as a value, without its sockets; all SIP in it is the endpoint's of the codecs;
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
