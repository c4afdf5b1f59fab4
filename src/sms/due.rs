//! What time brings: messages that a restart finds unsent, report windows that close, reports that stay orphans.

use std::time::Duration;

use tokio::{sync::watch, time::sleep};
use tracing::{error, info, warn};

use super::Lane;
use crate::{
    clock,
    dispatch::{Job, Pending},
    domain::{CarrierStatus, FailureClass, MessageId, SegmentState, TrunkId},
    routing::RouteTable,
    store::{Ending, Store, StoreError, StoredMessage},
};

/// Messages read at once.
const PAGE: usize = 512;
/// Rows that one sweep may touch.
const SWEEP: usize = 1000;
/// Time between sweeps.
const EVERY: Duration = Duration::from_secs(5);

/// What the task needs.
pub struct DueParts {
    /// Where everything is durable.
    pub store: Store,
    /// Where messages may go.
    pub routes: RouteTable,
    /// The ways there.
    pub lanes: std::collections::HashMap<TrunkId, Lane>,
    /// Becomes true when the daemon drains.
    pub drain: watch::Receiver<bool>,
    /// An id from before the first request of this run: what is later was queued by its acceptance.
    pub before: MessageId,
}

/// The task.
pub struct Due(DueParts);

impl Due {
    /// A task that has done nothing yet.
    #[must_use]
    pub fn new(parts: DueParts) -> Self {
        Self(parts)
    }

    /// Hands what is unsent to the trunks, then sweeps until the daemon drains.
    pub async fn run(mut self) {
        match self.resume().await {
            Ok(0) => {}
            Ok(messages) => info!(messages, "unsent messages of the last run are queued again"),
            Err(failed) => {
                error!(error = %failed, "unsent messages could not be read; a restart will try again")
            }
        }
        loop {
            tokio::select! {
                biased;
                () = sleep(EVERY) => self.sweep().await,
                changed = self.0.drain.changed() => if changed.is_err() || *self.0.drain.borrow() { return },
            }
        }
    }

    async fn sweep(&self) {
        loop {
            match self.0.store.sweep(clock::wall(), SWEEP).await {
                Ok(swept) if swept.more => {}
                Ok(_) => return,
                Err(failed) => return warn!(error = %failed, "the store could not be swept"),
            }
        }
    }

    /// Goes through the open messages once, oldest first; a trunk that is full makes it wait, so there is no stampede.
    async fn resume(&self) -> Result<usize, StoreError> {
        let (mut after, mut resumed) = (None::<MessageId>, 0);
        loop {
            let page = self.0.store.queued(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(resumed) };
            after = Some(last.message.id);
            for stored in page {
                if stored.message.id >= self.0.before {
                    return Ok(resumed);
                }
                match self.lane(&stored) {
                    Some(lane) => {
                        resumed += 1;
                        lane.backlog.force();
                        let _ = lane.jobs.send(vec![job(stored)]).await;
                    }
                    None => self.strand(stored).await?,
                }
            }
        }
    }

    /// A message stays with the trunk that has its other segments; else it goes by route.
    fn lane(&self, stored: &StoredMessage) -> Option<&Lane> {
        let begun = stored.delivery.segments.iter().find_map(|segment| segment.trunk_id.as_ref());
        if let Some(lane) = begun.and_then(|id| self.0.lanes.get(id)) {
            return Some(lane);
        }
        let trunks = self.0.routes.route(&stored.message).ok()?;
        trunks.iter().find_map(|id| self.0.lanes.get(id))
    }

    /// No trunk of the present configuration takes it: it ends, and the platform is told why.
    async fn strand(&self, stored: StoredMessage) -> Result<(), StoreError> {
        let text = "no trunk of the configuration takes this message any more";
        let ending = Ending {
            message_id: stored.message.id,
            state: SegmentState::Rejected,
            status: CarrierStatus::ours(FailureClass::RouteUnavailable, true, text),
        };
        self.0.store.end(vec![ending]).await.map(|_| ())
    }
}

fn job(stored: StoredMessage) -> Job {
    let StoredMessage { message, delivery } = stored;
    let numbered = (1..).zip(&delivery.segments);
    let pending = numbered
        .filter(|(_, segment)| segment.state == SegmentState::Queued)
        .map(|(number, segment)| Pending { segment: number, attempts: segment.attempts })
        .collect();
    Job {
        plan: delivery.plan,
        prepared: None,
        reference: delivery.reference,
        message,
        pending,
        queued: clock::now().mono,
    }
}
