//! What time alone ends: report windows, and reports that nobody claimed.

use std::time::Duration;

use fjall::{Readable, Slice};
use jiff::Timestamp;

use super::{
    ParkedReport, StoreError, Swept,
    recovery::SWEPT_KEY,
    rows::{Space, id_of, later_key, later_of, number_key},
    txn::failed,
    verbs::Verbs,
};
use crate::domain::{CarrierStatus, FailureClass, MessageId, SegmentState};

/// When a message is looked at again whose report window has closed although something of it is still to be sent, or that
/// can't be read.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(600);

/// Where the search for closed report windows stands.
///
/// Ids begin with the time of acceptance, so the open messages lie in the order in which their windows close. The few that
/// are not due by then (scheduled ones, and those that wait to be sent) get a row in `later` and are passed over once: a
/// sweep looks at what is due and at nothing else, however much is open.
#[derive(Default)]
pub(super) struct Windows {
    /// Every open message before this one has a row in `later`. `None`: the search begins with the first of all.
    next: Option<MessageId>,
    /// The first one accepted in this group: its row is not committed yet, so a search does not see it.
    accepted: Option<MessageId>,
}

impl From<Option<MessageId>> for Windows {
    fn from(next: Option<MessageId>) -> Self {
        Self { next, accepted: None }
    }
}

impl Windows {
    pub(super) fn begin_group(&mut self) {
        self.accepted = None;
    }

    /// Whether the search has passed this place, so that it has to come back.
    pub(super) fn note_accepted(&mut self, id: MessageId) -> bool {
        self.accepted = Some(self.accepted.map_or(id, |first| first.min(id)));
        let passed = self.next.is_some_and(|next| id < next);
        if passed {
            self.next = Some(id);
        }
        passed
    }

    /// The search has come to `cutoff`.
    fn finish(&mut self, cutoff: i64) {
        let next = first_at(cutoff);
        self.next = Some(self.accepted.map_or(next, |accepted| accepted.min(next)));
    }
}

impl Verbs {
    /// Ends what has waited too long, at most `limit` rows of work at a time.
    pub(super) fn sweep(&mut self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        self.sweep_parked(now, limit, &mut swept)?;
        self.sweep_windows(now, limit, &mut swept)?;
        self.sweep_later(now, limit, &mut swept)?;
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

    /// Looks at the open messages whose windows have closed since the last time.
    fn sweep_windows(&mut self, now: Timestamp, limit: usize, swept: &mut Swept) -> Result<(), StoreError> {
        let cutoff = before(now, self.config.report_window);
        let next = self.windows.next.unwrap_or_else(|| first_at(0));
        if accepted_at(next) > cutoff {
            return Ok(());
        }
        let spaces = self.txn.spaces().clone();
        let rows =
            spaces.db.snapshot().range(&spaces[Space::Open], next.octets().as_slice()..).take(limit + 1);
        let mut passed_over = false;
        let mut stopped = false;
        for (seen, row) in rows.enumerate() {
            let key = row.key().map_err(|error| failed(&error))?;
            let id = id_of(Space::Open, &key)?;
            if seen == limit {
                (swept.more, stopped) = (true, true);
                self.windows.next = Some(id);
                break;
            }
            if accepted_at(id) > cutoff {
                break;
            }
            passed_over |= self.close_window(id, now, swept)?;
        }
        if !stopped {
            self.windows.finish(cutoff);
        }
        if passed_over {
            self.write_windows()?;
        }
        Ok(())
    }

    /// Looks again at what was passed over.
    fn sweep_later(&mut self, now: Timestamp, limit: usize, swept: &mut Swept) -> Result<(), StoreError> {
        let spaces = self.txn.spaces().clone();
        let until = later_key(now.as_millisecond() + 1, first_at(0));
        for (seen, row) in spaces.db.snapshot().range(&spaces[Space::Later], ..until).enumerate() {
            if seen == limit {
                swept.more = true;
                break;
            }
            let key = row.key().map_err(|error| failed(&error))?;
            let id = later_of(&key)?;
            self.txn.remove(Space::Later, key);
            self.close_window(id, now, swept)?;
        }
        Ok(())
    }

    /// Ends a message whose report window has closed. `true`: it is not due yet, and is looked at later.
    fn close_window(&mut self, id: MessageId, now: Timestamp, swept: &mut Swept) -> Result<bool, StoreError> {
        let live = match self.take(id) {
            Ok(Some(live)) => live,
            Ok(None) => return Ok(false),
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(message_id = %id, %error, "an open message can't be read, so it does not end by itself");
                self.look_later(id, now + LOOK_AGAIN)?;
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        let open = live.delivery.ended.is_none();
        let queued = live.delivery.segments.iter().any(|segment| segment.state == SegmentState::Queued);
        // The report of a scheduled message is awaited from its time on.
        let closes = live.message.send_time.map(|time| time + self.config.report_window);
        self.give_back(id, live);
        let later = match closes {
            _ if !open => return Ok(false),
            // What has not left waits for its validity, not for a report.
            _ if queued => now + LOOK_AGAIN,
            Some(closes) if closes > now => closes,
            _ => {
                let text = "no report came before the report window closed";
                let status = CarrierStatus::ours(FailureClass::NoResponse, true, text);
                swept.unknown += u64::from(self.give_up(id, status)?);
                return Ok(false);
            }
        };
        self.look_later(id, later)?;
        Ok(true)
    }

    fn look_later(&mut self, id: MessageId, time: Timestamp) -> Result<(), StoreError> {
        self.txn.put(Space::Later, later_key(time.as_millisecond(), id), &())
    }

    /// Keeps the place of the search, so that the next start passes over nothing twice.
    pub(super) fn write_windows(&mut self) -> Result<(), StoreError> {
        match self.windows.next {
            Some(next) => self.txn.put(Space::Meta, Slice::from(SWEPT_KEY), &next),
            None => Ok(()),
        }
    }
}

/// The millisecond that lies `time` before `now`.
fn before(now: Timestamp, time: Duration) -> i64 {
    now.as_millisecond().saturating_sub(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

/// The millisecond of a UUIDv7.
pub(super) fn accepted_at(id: MessageId) -> i64 {
    id.octets()[..6].iter().fold(0, |time, octet| time << 8 | i64::from(*octet))
}

/// The first id of a millisecond.
pub(super) fn first_at(time: i64) -> MessageId {
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
