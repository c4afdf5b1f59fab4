//! What time alone ends: report windows, and reports that nobody claimed.

use std::time::Duration;

use fjall::Readable;
use jiff::Timestamp;

use super::{
    ParkedReport, StoreError, Swept,
    rows::{Space, decode, id_key, id_of, number_key},
    txn::failed,
    verbs::Verbs,
};
use crate::domain::{CarrierStatus, Delivery, FailureClass, Message, MessageId, SegmentState};

/// Where the search for closed report windows stands.
pub(super) struct Windows {
    /// No open message before this one has to be looked at.
    next: MessageId,
    /// The first one that this pass has left open.
    left: Option<MessageId>,
    /// The first one accepted in this group: its row is not committed yet, so a pass does not see it.
    accepted: Option<MessageId>,
}

impl Windows {
    pub(super) fn new() -> Self {
        Self { next: MessageId::from_octets([0; 16]), left: None, accepted: None }
    }

    pub(super) fn begin_group(&mut self) {
        self.accepted = None;
    }

    pub(super) fn note_accepted(&mut self, id: MessageId) {
        self.next = self.next.min(id);
        self.accepted = Some(self.accepted.map_or(id, |first| first.min(id)));
    }

    /// A pass has come to `cutoff`: the next one begins with what this one left.
    fn finish(&mut self, cutoff: i64) {
        let next = self.left.take().unwrap_or_else(|| first_at(cutoff));
        self.next = self.accepted.map_or(next, |accepted| accepted.min(next));
    }
}

impl Verbs {
    /// Ends what has waited too long, at most `limit` rows of work at a time.
    pub(super) fn sweep(&mut self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        self.sweep_parked(now, limit, &mut swept)?;
        self.sweep_windows(now, limit, &mut swept)?;
        self.sweep_doubts(now, limit, &mut swept);
        self.room.look();
        Ok(swept)
    }

    fn sweep_parked(&mut self, now: Timestamp, limit: usize, swept: &mut Swept) -> Result<(), StoreError> {
        let cutoff = before(now, self.config.orphan_hold);
        let mut looked_at = 0;
        while let Some((row, since)) = self.parked.oldest() {
            if since.as_millisecond() > cutoff {
                break;
            }
            if looked_at == limit {
                swept.more = true;
                break;
            }
            looked_at += 1;
            let found = self.txn.get::<ParkedReport>(Space::Parked, &number_key(row));
            let Ok(Some((trunk, report))) = found else {
                self.parked.give_up(row);
                found?;
                continue;
            };
            // It may have come before anyone knew that its submit would never be answered.
            let resolved = self.resolve_unknown(&trunk, &report)?.is_some();
            self.parked.forget(&mut self.txn, row, &trunk, &report);
            if !resolved {
                self.tell_orphan(&trunk, report)?;
                swept.orphans += 1;
            }
        }
        Ok(())
    }

    /// A try of which no report comes any more is in nobody's way.
    fn sweep_doubts(&mut self, now: Timestamp, limit: usize, swept: &mut Swept) {
        let old = self.doubts.before(now - self.config.report_window, limit);
        swept.more |= old.len() == limit;
        for doubt in old {
            self.doubts.remove(&mut self.txn, doubt);
        }
    }

    /// Ids begin with the time of acceptance, so the oldest open messages come first.
    fn sweep_windows(&mut self, now: Timestamp, limit: usize, swept: &mut Swept) -> Result<(), StoreError> {
        let cutoff = before(now, self.config.report_window);
        if accepted_at(self.windows.next) > cutoff {
            return Ok(());
        }
        let spaces = self.txn.spaces().clone();
        let rows = spaces
            .db
            .snapshot()
            .range(&spaces[Space::Open], self.windows.next.octets().as_slice()..)
            .take(limit + 1);
        for (seen, row) in rows.enumerate() {
            let (key, row) = row.into_inner().map_err(|error| failed(&error))?;
            let id = id_of(Space::Open, &key)?;
            if seen == limit {
                swept.more = true;
                self.windows.next = id;
                return Ok(());
            }
            if accepted_at(id) > cutoff {
                self.windows.left.get_or_insert(id);
                break;
            }
            let delivery: Delivery = decode(Space::Open, &key, &row)?;
            if delivery.segments.iter().any(|segment| segment.state == SegmentState::Queued) {
                // What has not left waits for its validity, not for a report.
                self.windows.left.get_or_insert(id);
            } else if self.was_scheduled_after(id, cutoff)? {
                // Its report is awaited from the time that it was scheduled for.
                self.windows.left.get_or_insert(id);
            } else {
                let text = "no report came before the report window closed";
                let status = CarrierStatus::ours(FailureClass::NoResponse, true, text);
                swept.unknown += u64::from(self.give_up(id, status)?);
            }
        }
        self.windows.finish(cutoff);
        Ok(())
    }

    /// Asked only of messages that were accepted a whole report window ago.
    fn was_scheduled_after(&self, id: MessageId, cutoff: i64) -> Result<bool, StoreError> {
        let message = self.txn.get::<Message>(Space::Message, &id_key(id))?;
        let scheduled = message.and_then(|message| message.send_time);
        Ok(scheduled.is_some_and(|time| time.as_millisecond() > cutoff))
    }
}

/// The millisecond that lies `time` before `now`.
fn before(now: Timestamp, time: Duration) -> i64 {
    now.as_millisecond().saturating_sub(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

/// The millisecond of a UUIDv7.
fn accepted_at(id: MessageId) -> i64 {
    id.octets()[..6].iter().fold(0, |time, octet| time << 8 | i64::from(*octet))
}

/// The first id of a millisecond.
fn first_at(time: i64) -> MessageId {
    let mut octets = [0; 16];
    octets[..6].copy_from_slice(&time.max(0).to_be_bytes()[2..]);
    MessageId::from_octets(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_its_millisecond() {
        let before = Timestamp::now().as_millisecond();
        let id = MessageId::fresh();
        assert!((before..=Timestamp::now().as_millisecond()).contains(&accepted_at(id)));
        assert_eq!(accepted_at(first_at(before)), before);
        assert!(first_at(before) <= id);
    }
}
