//! One call, as far as the carrier's own decisions go.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use codecs::sip::ua::LegId;

use crate::{
    config::sip::Script,
    sip::{media::Media, rules::Rules},
};

/// One call.
#[derive(Debug)]
pub struct Call {
    /// When the carrier placed it; `None`: it came in.
    pub placed: Option<Instant>,
    /// Its leg, while it lives.
    pub leg: Option<LegId>,
    /// How it is treated.
    pub script: Arc<Script>,
    /// The next step.
    pub next: usize,
    /// What is done to its messages.
    pub rules: Rules,
    /// Our side of its session.
    pub media: Media,
    /// The caller's offer, until it is answered.
    pub offer: Option<Bytes>,
    /// Whether it was answered.
    pub is_answered: bool,
}

impl Call {
    /// A call that gets this script.
    #[must_use]
    pub fn new(script: Arc<Script>, media: Media) -> Self {
        let rules = Rules::new(Arc::clone(&script));
        Self { placed: None, leg: None, script, next: 0, rules, media, offer: None, is_answered: false }
    }
}
