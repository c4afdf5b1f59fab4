//! The daemon places calls and SIPp, which shares no code with us, is the carrier: a row for everything that a carrier may
//! do, over UDP and TCP. Each is judged on both sides: SIPp by its scenario, which fails at any message that it does not
//! expect, and the daemon by all its events and the record, to the letter.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

mod answers;
mod failover;
mod lost;
mod name_server;
mod refusals;
mod registration;
mod row;
mod sessions;
mod stage;
mod told;
