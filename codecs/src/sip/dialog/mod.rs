//! Dialogs: what two user agents share after an INVITE, and what runs on it.

pub mod session_timer;
