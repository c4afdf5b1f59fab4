//! Identities. Ours are UUIDv7 and sort by time; the carriers' and the platform's are opaque text.

use std::{fmt, str::FromStr, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::{Builder, Uuid};

/// A text that is no id of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an id of this daemon: ids are UUIDs such as 0192f0c1-7b1e-7000-8000-000000000000")]
pub struct InvalidId;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh id of the system's time, later than all before it in this process. What has to be repeatable takes
            /// its ids from [`clock`](crate::clock).
            #[must_use]
            pub fn fresh() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id with this number among those of `time`; the same again is the same id.
            #[must_use]
            pub fn numbered(time: Timestamp, number: u64) -> Self {
                Self(numbered(time, number))
            }

            /// The sixteen octets, as keys use them.
            #[must_use]
            pub fn octets(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The id of sixteen octets that were a key.
            #[must_use]
            pub fn from_octets(octets: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(octets))
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::parse_str(text).map(Self).map_err(|_| InvalidId)
            }
        }
    };
}
uuid_id!(/// Identity of an accepted message: a UUIDv7, so ids sort by the time of acceptance.
    MessageId);
uuid_id!(/// Identity of a call, placed or taken: a UUIDv7, so ids sort by the time of acceptance or arrival.
    CallId);

fn numbered(time: Timestamp, number: u64) -> Uuid {
    // The version and the variant lie over the first three of the ten octets.
    let mut octets = [0; 10];
    octets[3..].copy_from_slice(&number.to_be_bytes()[1..]);
    let time = u64::try_from(time.as_millisecond()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(time, &octets).into_uuid()
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }
        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
text_id!(/// One contract with a carrier: the `id` of a `[[trunk]]`.
    TrunkId);
text_id!(/// A customer of the platform.
    TenantId);
text_id!(/// The identity that a carrier gave a segment, in the form that its reports use (normalised per account).
    CarrierId);
text_id!(/// A consumer group of events.
    SubscriptionId);

/// What makes a request the same request: the tenant and the key it chose.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RequestKey {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The idempotency key, unique per tenant.
    pub request_id: String,
}

/// Identity of an event, the same at every redelivery: its place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventId {
    /// Position in the shard, from 1, without gaps.
    pub sequence: u64,
}

impl EventId {
    /// The one shard of an embedded store.
    pub const SHARD: &'static str = "0";
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", Self::SHARD, self.sequence)
    }
}

impl FromStr for EventId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (shard, sequence) = text.split_once('-').ok_or(InvalidId)?;
        let sequence = sequence.parse().map_err(|_| InvalidId)?;
        (shard == Self::SHARD).then_some(Self { sequence }).ok_or(InvalidId)
    }
}
