//! Two transaction layers on an emulated wire, in virtual time; and one layer against messages made by hand.
#![allow(clippy::unwrap_used, reason = "a test may panic, in what it shares with others too")]

mod cancel;
mod invite;
mod limits;
mod matching;
mod other;
mod transport;
#[allow(dead_code, reason = "every test file uses its part")]
#[path = "../support/sip_wire.rs"]
mod wire;

use bytes::Bytes;
use codecs::sip::{
    ConnectionId, Flow, Message, Method, Name, Target, Transport, Writer,
    transaction::{
        CannotRespond, Config, Event, Limits, NoCancel, RequestError, Timers, Transactions, way_back,
    },
};
use wire::*;

/// A message from text in which lines end as they do here.
fn message(text: &str) -> Message {
    Message::parse(Bytes::from(text.replace('\n', "\r\n"))).unwrap()
}
