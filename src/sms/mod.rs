//! The life of a message: acceptance, what comes in from carriers, what time brings.

mod accept;
mod due;
mod inbound;
mod refused;

pub use accept::{Acceptor, Explained, SubmitAnswer, SubmitRequest};
pub use due::{Due, DueParts};
pub use inbound::{InboundParts, run as run_inbound};
pub use refused::SubmitRefused;
