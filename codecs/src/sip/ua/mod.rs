//! The user agent: what a caller asks for and is told.
//!
//! An [`Endpoint`] is all SIP of a process as one value: transactions, legs with their dialogs, registrations and probes.
//! Its driver owns the sockets and the clock and contains no rule of SIP.
//!
//! # Legs
//! A leg is our view of one INVITE and what became of it: forks, targets tried one after the other, the dialog that was
//! answered. It ends with exactly one [`LegEvent::Ended`], whatever crosses on the wire; a driver that asked for messages
//! is still told of those that come later.
//!
//! # Silence and other ugly habits
//! A simulator that shall *not* answer something swallows the message before the endpoint sees it, or what the endpoint
//! wants to transmit. Everything else that a strange peer does is said with [`Response`].

mod accept;
mod body;
mod cancel;
mod config;
mod core;
mod counters;
mod dispatch;
mod ended;
mod endpoint;
mod event;
mod failure;
mod inbound;
mod incoming;
mod leg;
mod offer;
mod order;
mod outgoing;
mod outside;
mod policy;
pub mod probe;
mod provisional;
pub mod registration;
mod request;
mod responses;
mod restore;
mod session;
mod snapshot;
mod their_offer;
mod tokens;
mod unsent;

pub use config::{Config, Intake, Limits, Listener, Peer, Source, Strangers};
pub use counters::Counters;
pub use ended::Ended;
pub use endpoint::Endpoint;
pub use event::{AttemptFailure, Direction, Event, Incoming, LegEvent, Progress, Request, RequestId};
pub use order::{Body, Field, Hangup, Invite, Refusal, Reliability, Response};
pub use outside::{Options, OutsideId, OutsideOutcome};
pub use policy::{DialogRouting, Failover, Policy, Reliable, SessionTimer};
pub use probe::Probe;
pub use registration::Registration;
pub use snapshot::{BadSnapshot, Snapshot};

/// A leg. Given out by the endpoint and never used again while it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LegId(pub u64);

/// Whose a request is: the trunk. Chosen by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub u32);
