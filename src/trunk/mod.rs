//! Everything that talks to one carrier. Has never heard of the store.

pub mod sms;
mod status;

pub use status::{Answered, LinkStatus, Reported, TrunkBoard, TrunkState, TrunkStatus};
