//! SIP trunks: the sockets, who is reached through them, and how calls and messages become each other.
//!
//! In the order in which a call passes through them:
//! - `open` makes all of this from a configuration;
//! - `endpoint` is the one task: it moves orders, octets and time into `codecs::sip::ua::Endpoint` and what comes of them
//!   out; `ordered` does what calls want, `outside` registers and probes; `gate` keeps strangers short;
//! - `trunk` is one contract with a carrier, and [`pool`] knows which of its gateways live and which one a call tries first;
//! - [`mod@locate`] finds the addresses of gateways that are names;
//! - [`mod@adapter`] writes and reads who calls whom, `numbers` rewrites numbers on the way;
//! - [`transport`] moves messages: datagrams, connections, TLS. It holds no rule of SIP;
//! - `legs` says which leg is which call, `facts` and [`mod@outcome`] say in the platform's words what happened and why a call
//!   ended, and show each message for its ladder.

pub mod adapter;
mod circuit;
mod endpoint;
mod facts;
mod gate;
mod legs;
pub mod locate;
mod numbers;
mod open;
mod ordered;
pub mod outcome;
mod outside;
mod places;
pub mod pool;
mod showing;
#[cfg(test)]
mod tests;
pub mod transport;
mod trunk;
mod wish;

pub use open::{OpenSip, open};
pub use wish::{Duty, Orders, TrunkWish, Wish};
