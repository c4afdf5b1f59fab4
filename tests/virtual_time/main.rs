//! Hours and days of the daemon between simulated carriers, in one process and in virtual time: the daemon's own code,
//! connections in memory, the runtime's clock paused. The same seed gives the same run, to the octet.

mod bed;
mod calls;
mod drain;
mod late;
mod model;
mod network;
mod outage;
mod overload;
mod receipts;
mod repeatable;
mod senders;
