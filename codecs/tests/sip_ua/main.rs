//! Two SIP endpoints facing each other over an emulated wire, in virtual time.
#![allow(clippy::unwrap_used, reason = "a test may panic, in what it shares with others too")]

mod attempts;
mod calls;
mod credentials;
mod crowded;
mod exchanges;
mod forks;
mod gates;
mod losses;
mod offers;
mod races;
mod refused;
mod restart;
mod storm;
mod wire;
mod worked;
