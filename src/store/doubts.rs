//! Tries whose fate nobody knows: what a report without a known id may mean.
//!
//! A try is in doubt from the moment its answer is missed until a late answer or a report tells of it, or its report
//! window closes. That its segment was sent again meanwhile, or that its message has ended, changes nothing: the
//! carrier may still report on the first try, and that report must not be taken for another message's.

use std::collections::BTreeMap;

use fjall::Readable;
use jiff::Timestamp;

use super::{
    Attempt, StoreError,
    hashing::IdMap,
    rows::{Space, Spaces, decode, doubt_key, doubt_of},
    txn::{Txn, failed},
};
use crate::domain::{MessageId, Number, Report, TrunkId};

/// How far a carrier's submit time, often cut to the minute, may be from ours, microseconds.
const SUBMIT_TIME_TOLERANCE: u64 = 90_000_000;

/// One try. In the order of submit times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Doubt {
    /// When it was handed to a link, microseconds since 1970.
    pub(super) submit_time: i64,
    pub(super) message_id: MessageId,
    pub(super) segment: u8,
}

impl From<&Attempt> for Doubt {
    fn from(attempt: &Attempt) -> Self {
        Self {
            submit_time: attempt.submit_time.as_microsecond(),
            message_id: attempt.message_id,
            segment: attempt.segment,
        }
    }
}

/// A trunk and a recipient in comparable form: the body of a row.
type Destination = (TrunkId, Box<str>);

/// Every try in doubt, in memory and as rows.
#[derive(Default)]
pub(super) struct Doubts {
    by_destination: IdMap<Destination, Vec<Doubt>>,
    by_time: BTreeMap<Doubt, Destination>,
}

impl Doubts {
    /// Reads what an earlier run left.
    pub(super) fn read(spaces: &Spaces) -> Result<Self, StoreError> {
        let mut doubts = Self::default();
        for row in spaces.db.snapshot().iter(&spaces[Space::Doubt]) {
            let (key, row) = row.into_inner().map_err(|error| failed(&error))?;
            doubts.remember(doubt_of(&key)?, decode(Space::Doubt, &key, &row)?);
        }
        Ok(doubts)
    }

    /// Tries in doubt.
    pub(super) fn len(&self) -> u64 {
        self.by_time.len() as u64
    }

    pub(super) fn add(
        &mut self,
        txn: &mut Txn,
        trunk: &TrunkId,
        recipient: &Number,
        doubt: Doubt,
    ) -> Result<(), StoreError> {
        let destination: Destination = (trunk.clone(), recipient.comparable().into());
        txn.put(Space::Doubt, doubt_key(doubt), &destination)?;
        self.remember(doubt, destination);
        Ok(())
    }

    fn remember(&mut self, doubt: Doubt, destination: Destination) {
        if self.by_time.insert(doubt, destination.clone()).is_none() {
            self.by_destination.entry(destination).or_default().push(doubt);
        }
    }

    /// A try is in doubt no more. One that was not is passed over.
    pub(super) fn remove(&mut self, txn: &mut Txn, doubt: Doubt) {
        let Some(destination) = self.by_time.remove(&doubt) else { return };
        txn.remove(Space::Doubt, doubt_key(doubt));
        if let Some(doubts) = self.by_destination.get_mut(&destination) {
            doubts.retain(|other| *other != doubt);
            if doubts.is_empty() {
                self.by_destination.remove(&destination);
            }
        }
    }

    /// The tries on `trunk` that a report may mean by recipient and times.
    pub(super) fn near(&self, trunk: &TrunkId, report: &Report) -> Vec<Doubt> {
        let Some(submit_time) = report.submit_time else { return Vec::new() };
        if self.by_time.is_empty() {
            return Vec::new();
        }
        let destination: Destination = (trunk.clone(), report.recipient.comparable().into());
        let near = |doubt: &&Doubt| {
            // A report that has waited here can't be about what was sent since.
            doubt.submit_time <= report.receive_time.as_microsecond()
                && doubt.submit_time.abs_diff(submit_time.as_microsecond()) <= SUBMIT_TIME_TOLERANCE
        };
        self.by_destination.get(&destination).into_iter().flatten().filter(near).copied().collect()
    }

    /// The oldest tries handed to a link before `time`, at most `limit`.
    pub(super) fn before(&self, time: Timestamp, limit: usize) -> Vec<Doubt> {
        let old = |doubt: &&Doubt| doubt.submit_time < time.as_microsecond();
        self.by_time.keys().take_while(old).take(limit).copied().collect()
    }
}
