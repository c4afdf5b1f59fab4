//! From a durable message to a trunk's links, and from outcomes back to durable state.
//!
//! One [`Worker`] per trunk owns its queue, its pace and its links; what it decides by is pure and in files of its own:
//! - [`TrunkQueue`], with [`Shares`] and the lines of sender numbers: whose turn it is; [`Backlog`]: how much may wait;
//! - [`Pacer`]: how fast the account may send;
//! - [`decide`]: what follows an outcome;
//! - [`Duty`]: whether it carries at all, which operators and the daemon's end decide;
//! - [`Ways`]: how another trunk takes over, which `moving` does.
//!
//! Leaves to others: what a PDU looks like (`trunk`), where a message may go (`routing`), what is durable (`store`).

mod backlog;
mod duty;
mod job;
mod lines;
mod moving;
mod pace;
mod queue;
mod retry;
mod settling;
mod shares;
mod showing;
mod ways;
mod worker;

pub use backlog::{Backlog, Full, Room};
pub use duty::{Duty, Orders};
pub use job::{Job, Pending};
pub use pace::Pacer;
pub use queue::{TrunkQueue, Turn};
pub use retry::{Chances, Decision, Pause, decide};
pub use shares::Shares;
pub use showing::initial_status;
pub use ways::{Lane, Ways};
pub use worker::{Worker, WorkerParts};
