//! Calls: the daemon's own call control, store and SIP between simulated carriers, over a network in memory.

mod bed;
mod carrier;
mod check;
mod model;
mod world;
