//! What the network between the carrier and others does wrong.

use std::time::Duration;

use serde::Deserialize;

use super::{Delay, Fault, Ratio, some_duration};

/// What happens to datagrams, each way by itself. Nothing by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Datagrams {
    /// Share that is lost, 0 to 1.
    pub loss: Ratio,
    /// Share that comes twice, 0 to 1.
    pub duplicate: Ratio,
    /// How long each takes; with a drawn delay they overtake each other.
    pub delay: Delay,
    /// Share that is held back by `reorder_by`, so that later ones overtake it, 0 to 1.
    pub reorder: Ratio,
    /// How long. Default 50 ms.
    #[serde(deserialize_with = "some_duration")]
    pub reorder_by: Option<Duration>,
}

/// What happens to what the carrier writes to a stream. Nothing by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Streams {
    /// At most this many octets are written at once.
    pub split_octets: Option<usize>,
    /// So long nothing more is written after each write.
    #[serde(deserialize_with = "some_duration")]
    pub drip: Option<Duration>,
    /// What is to be written is held back this long and then written at once.
    #[serde(deserialize_with = "some_duration")]
    pub glue: Option<Duration>,
    /// The connection is closed after this many messages were read from it.
    pub cut_after_messages: Option<u64>,
}

impl Datagrams {
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.reorder_by.is_some() && self.reorder == Ratio::NEVER {
            return Err(("datagrams.reorder_by", "only with reorder"));
        }
        Ok(())
    }
}

impl Streams {
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.split_octets == Some(0) {
            return Err(("streams.split_octets", "1 or more"));
        }
        if self.cut_after_messages == Some(0) {
            return Err(("streams.cut_after_messages", "1 or more"));
        }
        Ok(())
    }
}
