//! SIP trunks: the sockets, who is reached through them, and how calls and messages become each other.
//!
//! - [`mod@adapter`] writes and reads who calls whom; [`mod@outcome`] says why a call ended;
//! - [`pool`] knows which gateways live, and which one a call tries first;
//! - [`mod@locate`] finds the addresses of gateways that are names;
//! - [`transport`] moves messages: datagrams, connections, TLS. It holds no rule of SIP.

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
