//! What operations see: metrics and logs.

pub mod exporter;
pub mod logs;
pub mod metrics;
