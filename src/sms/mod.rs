//! The life of a message: acceptance, what comes in from carriers, what time brings.

mod accept;
mod doctor;
mod due;
mod inbound;
mod references;
mod refused;

pub use accept::{Acceptor, Explained, SubmitAnswer, SubmitRequest};
pub use doctor::{Diagnosis, Doctor, Sample, Verdict as ReportVerdict};
pub use due::{Due, DueParts};
pub use inbound::{InboundParts, run as run_inbound};
pub use refused::SubmitRefused;
