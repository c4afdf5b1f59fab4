//! Why a scenario can't be used, for a person.

use std::path::PathBuf;

use thiserror::Error;

/// Why a scenario can't be used.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// The file can't be read.
    #[error("{path}: {cause}", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The text is no scenario; the cause names line and key.
    #[error("{path}: {cause}")]
    Syntax {
        /// The file, or `scenario` for a text.
        path: String,
        /// Where and what.
        cause: Box<toml::de::Error>,
    },
    /// A value that can't be.
    #[error("{path}: carrier `{carrier}`: {key}: {problem}")]
    Value {
        /// The file, or `scenario` for a text.
        path: String,
        /// Which carrier.
        carrier: String,
        /// Which key.
        key: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A profile that can't be used.
    #[error("{path}: carrier `{carrier}`: profile: {fault}")]
    Profile {
        /// The file, or `scenario` for a text.
        path: String,
        /// Which carrier.
        carrier: String,
        /// What is wrong, and where.
        fault: Box<profiles::Fault>,
    },
}
