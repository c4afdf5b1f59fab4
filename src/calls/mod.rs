//! The life of a call: acceptance, its trunk, what happens in it, its end.
//!
//! - [`Calls`]: what the rest of the daemon says to calls and asks of them; [`CallRequest`] to a durable call;
//! - [`CallControl`]: the one task that owns the open calls, and its registry, which is pure;
//! - [`Leg`]: one call's state, pure;
//! - [`Failover`] and [`Own`]: what a failure on one trunk leads to, and what our own acts mean, pure;
//! - [`CallWays`]: which trunks a call may take; [`CallTrunks`]: what each of them is told to be;
//! - `late`: the messages that come after a call's end.
//!
//! A restart finds the calls that were open, ends their dialogs where what was kept suffices, and tells them as lost: a
//! call is never placed a second time by a process that does not know what became of the first.
//!
//! Leaves to others: what a call is on the wire (`trunk`), what is durable (`store`), who may ask (`grpc`).

mod accept;
mod control;
mod ending;
mod failover;
mod handle;
mod late;
mod leg;
mod lost;
mod open;
mod refused;
mod registry;
#[cfg(test)]
mod tests;
mod trunks;
mod waiting;
mod ways;

pub use accept::{CallAnswer, CallRequest};
pub use control::{CallControl, CallParts};
pub use ending::Own;
pub use failover::Failover;
pub use handle::{Calls, KnownCall};
pub use leg::{Effects, IncomingRules, Leg, Told, WrongState};
pub use open::{open, tell_left};
pub use refused::{CallRefused, WordRefused};
pub use registry::{CallFilter, LiveCall, Word};
pub use trunks::{CallTrunks, NewTrunk, Planned};
pub use ways::{CallLane, CallWays, HealthOf, Lanes, Permit};
