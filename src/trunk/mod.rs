//! Everything that talks to one carrier. Has never heard of the store.

pub mod calls;
pub mod sip;
pub mod sms;
mod status;

pub use status::{Answered, Limits, LinkStatus, Reported, TrunkBoard, TrunkState, TrunkStatus};
