//! The demo's calls: what the platform places and says, and what became of every call. Pure.

mod ledger;
mod traffic;

#[cfg(test)]
pub use ledger::tests;
pub use ledger::{CallLedger, CallTotals, Seen, state_name};
pub use traffic::{CallTraffic, Word};
