//! Everything that talks to one carrier. Has never heard of the store.

pub mod calls;
pub mod sip;
pub mod sms;
mod status;

pub use status::{
    Answered, CallRefusal, CallTraffic, GATEWAY, Limits, LinkStatus, REGISTRATION, Reported, TrunkBoard,
    TrunkState, TrunkStatus,
};
