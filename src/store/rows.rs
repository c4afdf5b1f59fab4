//! Rows and where they lie: keyspaces, keys, and the one encoding of every value.
//!
//! A value is a version octet, a postcard body and a CRC32C over both (least significant octet first). A row that does
//! not read back is an error that names its keyspace and key; what to do about it is the reader's concern.
//!
//! What is kept for months lies in the order of time, so that retention drops it in whole tables: keys begin with a
//! message's id, an event's number or the first day of a [span](super::spans).

use std::{fmt::Write as _, ops::Index};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, Slice, UserKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::{StoreError, doubts::Doubt, txn::failed};
use crate::domain::{CallId, CarrierId, MessageId, RequestKey, SegmentPlan, TrunkId};

/// Version of the rows' bodies. A body that changes its form gets the next one.
const VERSION: u8 = 2;
const CHECKSUM_OCTETS: usize = 4;
/// First size of the memory that rows are written into.
const SCRATCH_OCTETS: usize = 4096;
/// The engine takes no longer keys.
const MAX_KEY_OCTETS: usize = u16::MAX as usize;
/// Submit time, message id, segment.
const DOUBT_KEY_OCTETS: usize = 25;
/// Time, message id.
const LATER_KEY_OCTETS: usize = 24;
const MEBI: u64 = 1024 * 1024;

/// The keyspaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    /// Message id → [`Message`](crate::domain::Message), written once.
    Message,
    /// Message id → [`Delivery`](crate::domain::Delivery) that has not ended.
    Open,
    /// Message id → [`Delivery`](crate::domain::Delivery) that has ended.
    Closed,
    /// Span and digest of tenant and key → [`RequestRow`].
    Request,
    /// Span, trunk and carrier id → [`CarrierRow`].
    Carrier,
    /// Trunk and number → attempts that may be on the wire.
    Wire,
    /// [`Doubt`] → trunk and recipient of a try whose fate nobody knows.
    Doubt,
    /// Number → [`ParkedReport`](super::ParkedReport).
    Parked,
    /// Part id → [`InboundPart`](super::InboundPart).
    Part,
    /// Sequence → [`Event`](crate::domain::Event).
    Event,
    /// Name → [`Subscription`](super::Subscription).
    Subscription,
    /// Name → [`Cursor`](super::Cursor).
    Cursor,
    /// What the store knows of itself.
    Meta,
    /// Message id → [`History`](crate::domain::History), where there is more to tell than the segments do.
    History,
    /// Time and message id → nothing: open messages that a sweep has passed over, and when it looks at them again.
    Later,
    /// Call id → [`OpenCall`](super::OpenCall).
    CallOpen,
    /// Call id → [`CallRecord`](crate::domain::CallRecord), written once.
    CallRecord,
    /// Call id → [`Ladder`](crate::domain::Ladder) of a call that has ended.
    CallLadder,
    /// Span and digest of tenant and key → [`CallRequestRow`](super::calls::CallRequestRow).
    CallRequest,
}

impl Space {
    pub(super) const ALL: [Self; 19] = [
        Self::Message,
        Self::Open,
        Self::Closed,
        Self::Request,
        Self::Carrier,
        Self::Wire,
        Self::Doubt,
        Self::Parked,
        Self::Part,
        Self::Event,
        Self::Subscription,
        Self::Cursor,
        Self::Meta,
        Self::History,
        Self::Later,
        Self::CallOpen,
        Self::CallRecord,
        Self::CallLadder,
        Self::CallRequest,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Request => "request_span",
            Self::Carrier => "carrier_span",
            Self::Wire => "wire",
            Self::Doubt => "doubt",
            Self::Parked => "parked",
            Self::Part => "part",
            Self::Event => "event",
            Self::Subscription => "subscription",
            Self::Cursor => "cursor",
            Self::Meta => "meta",
            Self::History => "history",
            Self::Later => "later",
            Self::CallOpen => "call_open",
            Self::CallRecord => "call_record",
            Self::CallLadder => "call_ladder",
            Self::CallRequest => "call_request",
        }
    }

    fn options(self) -> KeyspaceCreateOptions {
        // Memory is held until a keyspace's table is written; the small ones must not hold journals back for long.
        let memory = match self {
            Self::Message | Self::Event => 32 * MEBI,
            Self::Open | Self::Closed | Self::Request | Self::Carrier => 16 * MEBI,
            _ => 4 * MEBI,
        };
        KeyspaceCreateOptions::default().max_memtable_size(memory)
    }
}

/// What a folder of the first form has, whose keys begin with no span. Read until its rows have lived their lives.
#[derive(Default)]
pub(super) struct Former {
    /// As [`Space::Request`].
    pub(super) request: Option<Keyspace>,
    /// As [`Space::Carrier`].
    pub(super) carrier: Option<Keyspace>,
}

/// The engine with its keyspaces.
pub(super) struct Spaces {
    pub(super) db: Database,
    pub(super) former: Former,
    handles: Vec<Keyspace>,
}

impl Spaces {
    /// Opens or makes every keyspace.
    pub(super) fn open(db: Database) -> fjall::Result<Self> {
        let handles = Space::ALL
            .into_iter()
            .map(|space| db.keyspace(space.name(), || space.options()))
            .collect::<fjall::Result<Vec<_>>>()?;
        let former = |name: &str| {
            let exists = db.keyspace_exists(name);
            exists.then(|| db.keyspace(name, KeyspaceCreateOptions::default)).transpose()
        };
        let former = Former { request: former("request")?, carrier: former("carrier")? };
        Ok(Self { db, former, handles })
    }

    /// The row of a key without a span, if the folder is of the first form and has it.
    pub(super) fn get_former<T: DeserializeOwned>(
        &self,
        space: Space,
        key: &[u8],
    ) -> Result<Option<T>, StoreError> {
        let keyspace = match space {
            Space::Request => &self.former.request,
            Space::Carrier => &self.former.carrier,
            _ => &None,
        };
        let Some(keyspace) = keyspace else { return Ok(None) };
        let row = keyspace.get(key).map_err(|error| failed(&error))?;
        row.map(|row| decode(space, key, &row)).transpose()
    }
}

impl Index<Space> for Spaces {
    type Output = Keyspace;
    fn index(&self, space: Space) -> &Keyspace {
        &self.handles[space as usize]
    }
}

/// What is remembered of a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RequestRow {
    pub(super) message_id: MessageId,
    pub(super) digest: [u8; 16],
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub(super) accept_time: Timestamp,
    pub(super) plan: SegmentPlan,
}

/// The segments that a carrier gave one id to, the newest first.
pub(super) type CarrierRow = Vec<(MessageId, u8)>;

/// Writes a value as a row. `scratch` only saves an allocation.
pub(super) fn encode<T: Serialize>(
    space: Space,
    scratch: &mut Vec<u8>,
    value: &T,
) -> Result<Slice, StoreError> {
    // A slice is written several times as fast as a vector that may grow at every octet.
    scratch.resize(scratch.len().max(SCRATCH_OCTETS), 0);
    loop {
        scratch[0] = VERSION;
        let room = scratch.len() - CHECKSUM_OCTETS;
        match postcard::to_slice(value, &mut scratch[1..room]) {
            Ok(body) => {
                let body = 1 + body.len();
                let end = body + CHECKSUM_OCTETS;
                let checksum = crc32c::crc32c(&scratch[..body]);
                scratch[body..end].copy_from_slice(&checksum.to_le_bytes());
                return Ok(Slice::from(&scratch[..end]));
            }
            Err(postcard::Error::SerializeBufferFull) => scratch.resize(scratch.len() * 2, 0),
            Err(error) => return Err(corrupt(space, &[], format!("it can't be written: {error}"))),
        }
    }
}

/// Reads a row back.
pub(super) fn decode<T: DeserializeOwned>(space: Space, key: &[u8], row: &[u8]) -> Result<T, StoreError> {
    let Some((body, checksum)) = row.split_last_chunk::<CHECKSUM_OCTETS>() else {
        return Err(corrupt(space, key, format!("{} octets are too few", row.len())));
    };
    if crc32c::crc32c(body) != u32::from_le_bytes(*checksum) {
        return Err(corrupt(space, key, "its checksum is wrong".into()));
    }
    match body.split_first() {
        Some((&VERSION, body)) => postcard::from_bytes(body)
            .map_err(|error| corrupt(space, key, format!("it can't be read: {error}"))),
        Some((version, _)) => {
            Err(corrupt(space, key, format!("its version {version} is not known to this daemon")))
        }
        None => Err(corrupt(space, key, "it is empty".into())),
    }
}

/// The error of a row that does not read back.
pub(super) fn corrupt(space: Space, key: &[u8], reason: String) -> StoreError {
    let mut hex = String::with_capacity(key.len() * 2);
    for octet in key {
        // Writing to a String can't fail.
        let _ = write!(hex, "{octet:02x}");
    }
    StoreError::Corrupt { keyspace: space.name(), key: hex, reason }
}

/// Refuses what the engine would not take as a key.
pub(super) fn check_key(space: Space, key: &[u8]) -> Result<(), StoreError> {
    if (1..=MAX_KEY_OCTETS).contains(&key.len()) {
        return Ok(());
    }
    Err(corrupt(
        space,
        &key[..key.len().min(32)],
        format!("a key has 1 to {MAX_KEY_OCTETS} octets, not {}", key.len()),
    ))
}

pub(super) fn id_key(id: MessageId) -> UserKey {
    Slice::from(id.octets())
}

pub(super) fn call_key(id: CallId) -> UserKey {
    Slice::from(id.octets())
}

/// The call that a key of `space` is.
pub(super) fn call_id_of(space: Space, key: &[u8]) -> Result<CallId, StoreError> {
    <[u8; 16]>::try_from(key)
        .map(CallId::from_octets)
        .map_err(|_| corrupt(space, key, "its key is no call id".into()))
}

/// The id that a key of `space` is.
pub(super) fn id_of(space: Space, key: &[u8]) -> Result<MessageId, StoreError> {
    <[u8; 16]>::try_from(key)
        .map(MessageId::from_octets)
        .map_err(|_| corrupt(space, key, "its key is no message id".into()))
}

/// A digest: keys of any length become short ones that compare fast. The tenant's length goes first, so that no two
/// pairs are one text.
pub(super) fn request_key(key: &RequestKey) -> UserKey {
    let tenant = key.tenant_id.as_str().as_bytes();
    let length = u16::try_from(tenant.len()).unwrap_or(u16::MAX);
    let mut digest = Sha256::new();
    digest.update(length.to_be_bytes());
    digest.update(tenant);
    digest.update(key.request_id.as_bytes());
    Slice::from(&digest.finalize()[..16])
}

/// A trunk's name has no NUL, so the first one ends it.
pub(super) fn carrier_key(trunk: &TrunkId, id: &CarrierId) -> UserKey {
    trunk_key(trunk, id.as_str().as_bytes())
}

pub(super) fn wire_key(trunk: &TrunkId, number: u64) -> UserKey {
    trunk_key(trunk, &number.to_be_bytes())
}

/// The trunk and the number of a key of `wire`.
pub(super) fn wire_of(key: &[u8]) -> Result<(TrunkId, u64), StoreError> {
    key.split_last_chunk::<8>()
        .and_then(|(trunk, number)| {
            let trunk = std::str::from_utf8(trunk.strip_suffix(&[0])?).ok()?;
            Some((TrunkId::from(trunk), u64::from_be_bytes(*number)))
        })
        .ok_or_else(|| corrupt(Space::Wire, key, "its key names no trunk".into()))
}

fn trunk_key(trunk: &TrunkId, rest: &[u8]) -> UserKey {
    let trunk = trunk.as_str().as_bytes();
    let mut octets = Vec::with_capacity(trunk.len() + 1 + rest.len());
    octets.extend_from_slice(trunk);
    octets.push(0);
    octets.extend_from_slice(rest);
    Slice::from(octets)
}

/// Time first, so that the oldest come first.
pub(super) fn doubt_key(doubt: Doubt) -> UserKey {
    let mut octets = [0; DOUBT_KEY_OCTETS];
    octets[..8].copy_from_slice(&doubt.submit_time.to_be_bytes());
    octets[8..24].copy_from_slice(doubt.message_id.octets());
    octets[24] = doubt.segment;
    Slice::from(octets)
}

/// The try that a key of `doubt` is.
pub(super) fn doubt_of(key: &[u8]) -> Result<Doubt, StoreError> {
    let wrong = || corrupt(Space::Doubt, key, "its key is no try".into());
    let (time, rest) = key.split_first_chunk::<8>().ok_or_else(wrong)?;
    let (segment, id) = rest.split_last().ok_or_else(wrong)?;
    let id = <[u8; 16]>::try_from(id).map_err(|_| wrong())?;
    Ok(Doubt {
        submit_time: i64::from_be_bytes(*time),
        message_id: MessageId::from_octets(id),
        segment: *segment,
    })
}

/// Time first, so that the earliest come first. `time`: milliseconds since 1970, none before.
pub(super) fn later_key(time: i64, id: MessageId) -> UserKey {
    let mut octets = [0; LATER_KEY_OCTETS];
    octets[..8].copy_from_slice(&time.max(0).to_be_bytes());
    octets[8..].copy_from_slice(id.octets());
    Slice::from(octets)
}

/// The message that a key of `later` names.
pub(super) fn later_of(key: &[u8]) -> Result<MessageId, StoreError> {
    let wrong = || corrupt(Space::Later, key, "its key names no message".into());
    let (_, id) = key.split_first_chunk::<8>().ok_or_else(wrong)?;
    id_of(Space::Later, id).map_err(|_| wrong())
}

pub(super) fn number_key(number: u64) -> UserKey {
    Slice::from(number.to_be_bytes())
}

/// The number that a key of `space` is.
pub(super) fn number_of(space: Space, key: &[u8]) -> Result<u64, StoreError> {
    <[u8; 8]>::try_from(key)
        .map(u64::from_be_bytes)
        .map_err(|_| corrupt(space, key, "its key is no number".into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Delivery;

    fn row() -> Slice {
        let plan = SegmentPlan { encoding: None, segments: 2, units: 9 };
        let mut delivery = Delivery::accepted(plan, true, 7);
        delivery.segments[0].submit_time = Some("2026-03-01T12:00:00Z".parse().unwrap());
        encode(Space::Open, &mut Vec::new(), &delivery).unwrap()
    }

    #[test]
    fn a_row_reads_back() {
        let delivery: Delivery = decode(Space::Open, b"k", &row()).unwrap();
        assert_eq!(delivery.segments.len(), 2);
        assert_eq!(encode(Space::Open, &mut Vec::new(), &delivery).unwrap(), row());
    }

    #[test]
    fn every_truncation_of_a_row_is_an_error_that_names_it() {
        let row = row();
        for length in 0..row.len() {
            let error = decode::<Delivery>(Space::Open, &[0xab, 0x01], &row[..length]).unwrap_err();
            assert!(error.to_string().contains("open") && error.to_string().contains("ab01"), "{error}");
        }
    }

    #[test]
    fn a_row_of_a_later_version_is_refused_as_such() {
        let mut octets = row()[..row().len() - 4].to_vec();
        octets[0] = VERSION + 1;
        let checksum = crc32c::crc32c(&octets);
        octets.extend_from_slice(&checksum.to_le_bytes());
        let error = decode::<Delivery>(Space::Open, b"k", &octets).unwrap_err();
        assert!(error.to_string().contains(&format!("version {}", VERSION + 1)), "{error}");
    }

    proptest! {
        #[test]
        fn every_changed_octet_is_noticed(index in any::<proptest::sample::Index>(), change in 1u8..) {
            let mut octets = row().to_vec();
            let at = index.index(octets.len());
            octets[at] ^= change;
            prop_assert!(decode::<Delivery>(Space::Open, b"k", &octets).is_err());
        }

        #[test]
        fn no_two_requests_share_a_key(a in "[ab\0]{0,3}", b in "[ab\0]{0,3}", c in "[ab\0]{0,3}", d in "[ab\0]{0,3}") {
            let key = |tenant: &str, id: &str| RequestKey { tenant_id: tenant.into(), request_id: id.into() };
            prop_assert_eq!((&a, &b) == (&c, &d), request_key(&key(&a, &b)) == request_key(&key(&c, &d)));
        }
    }
}
