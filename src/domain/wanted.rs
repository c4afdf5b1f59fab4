//! What an operator wants of a trunk.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Whether a trunk shall carry, as far as operators are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum WantedState {
    /// It shall.
    #[default]
    Enabled,
    /// It shall take nothing new; its links stay for reports.
    Draining,
    /// It shall have no link.
    Disabled,
}

/// What an operator wants of a trunk, and why.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Wanted {
    /// What.
    pub state: WantedState,
    /// Why, in the operator's words.
    pub reason: String,
    /// Since when; `None`: nobody has ever said anything.
    pub since: Option<Timestamp>,
}
