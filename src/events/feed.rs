//! The log as one subscription reads it: what it asked for, read after a place, one page at a time.

use std::{collections::HashSet, future::Future, pin::Pin};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::{
    domain::{Event, EventKind, TenantId},
    store::{EventPage, Store, StoreError, Subscription},
};

/// Events asked of the store at once.
const PAGE: usize = 512;

/// A page on its way.
pub type Reading = Pin<Box<dyn Future<Output = Result<EventPage, StoreError>> + Send>>;

/// What a subscription wants to hear.
#[derive(Debug)]
pub struct Filter {
    tenants: HashSet<TenantId>,
    kinds: HashSet<EventKind>,
    retention: Option<SignedDuration>,
}

impl Filter {
    /// The filter of a subscription.
    #[must_use]
    pub fn new(subscription: &Subscription) -> Self {
        let seconds = i64::try_from(subscription.retention_seconds).unwrap_or(i64::MAX);
        Self {
            tenants: subscription.tenant_ids.iter().cloned().collect(),
            kinds: subscription.kinds.iter().copied().collect(),
            retention: (seconds > 0).then(|| SignedDuration::from_secs(seconds)),
        }
    }

    /// Whether an event is for this subscription at `now`.
    #[must_use]
    pub fn wants(&self, event: &Event, now: Timestamp) -> bool {
        let kept = self.retention.is_none_or(|retention| now.duration_since(event.record_time) <= retention);
        kept && (self.tenants.is_empty() || self.tenants.contains(&event.tenant_id))
            && (self.kinds.is_empty() || self.kinds.contains(&event.payload.kind()))
    }
}

/// Reads the log and knows when there is more.
pub struct Feed {
    store: Store,
    last_event: watch::Receiver<u64>,
    /// Nothing came out of a read although the log is longer: only news can change that.
    exhausted: bool,
}

impl Feed {
    /// A feed of the store's log.
    #[must_use]
    pub fn new(store: Store) -> Self {
        let last_event = store.last_event();
        Self { store, last_event, exhausted: false }
    }

    /// Whether the log may go on after a place.
    #[must_use]
    pub fn has_more(&self, after: u64) -> bool {
        !self.exhausted && *self.last_event.borrow() > after
    }

    /// Starts to read after a place, if there may be something.
    pub fn read(&self, after: u64, room: usize) -> Option<Reading> {
        let last = *self.last_event.borrow();
        (room > 0 && self.has_more(after)).then(|| {
            let store = self.store.clone();
            let limit = PAGE.min(room);
            Box::pin(async move {
                let mut page = store.events(after, limit).await?;
                // A page may show events whose commit is not on the disk yet: they are not told before it is.
                page.events.retain(|event| event.id.sequence <= last);
                page.upto = page.upto.min(last);
                Ok(page)
            }) as Reading
        })
    }

    /// Notes whether the last read got anywhere.
    pub fn note_progress(&mut self, progress: bool) {
        self.exhausted = !progress;
    }

    /// Waits for news in the log; for ever when the store has gone.
    pub async fn news(&mut self) {
        if self.last_event.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.exhausted = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Payload, TrunkMoved};

    fn subscription() -> Subscription {
        Subscription {
            id: "s".into(),
            tenant_ids: vec![],
            kinds: vec![],
            ack_deadline_ms: 1000,
            retention_seconds: 0,
            max_delivery_attempts: 0,
        }
    }

    #[test]
    fn lets_through_what_was_asked_for() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let moved = TrunkMoved { trunk_id: "t".into(), bound_links: 0, wanted_links: 1, status: None };
        let trunk = Event::of(Payload::Trunk(moved), now);
        let cases = [
            (subscription(), true),
            (Subscription { kinds: vec![EventKind::TrunkState], ..subscription() }, true),
            (Subscription { kinds: vec![EventKind::MessageState], ..subscription() }, false),
            (Subscription { tenant_ids: vec!["a".into()], ..subscription() }, false),
            (Subscription { retention_seconds: 60, ..subscription() }, true),
            (Subscription { retention_seconds: 59, ..subscription() }, false),
            (Subscription { retention_seconds: u64::MAX, ..subscription() }, true),
        ];
        for (subscription, wanted) in cases {
            let later = now + SignedDuration::from_secs(60);
            assert_eq!(Filter::new(&subscription).wants(&trunk, later), wanted, "{subscription:?}");
        }
    }
}
