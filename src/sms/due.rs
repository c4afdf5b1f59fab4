//! What time brings: messages that a restart finds unsent, report windows that close, reports that stay orphans, days that
//! are over.

use std::time::Duration;

use tokio::{sync::watch, time::sleep};
use tracing::{error, info, warn};

use crate::{
    clock,
    dispatch::{Job, Lane, Ways},
    domain::{CarrierStatus, FailureClass, MessageId, SegmentState, TrunkId},
    routing::Health,
    store::{Ending, Retained, Store, StoreError, StoredMessage},
    trunk::sms::adapter::Prepared,
};

/// Messages read at once.
const PAGE: usize = 512;
/// Rows that one sweep may touch.
const SWEEP: usize = 1000;
/// Time between sweeps.
const EVERY: Duration = Duration::from_secs(5);
/// Time between looks at what is over, the first one of them included: a start has better things to do.
const RETAIN_EVERY: Duration = Duration::from_secs(1800);

/// What the task needs.
pub struct DueParts {
    /// Where everything is durable.
    pub store: Store,
    /// Where messages may go, and when.
    pub ways: Ways,
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
    pub async fn run(self) {
        match self.resume().await {
            Ok(0) => {}
            Ok(messages) => info!(messages, "unsent messages of the last run are queued again"),
            Err(failed) => {
                error!(error = %failed, "unsent messages could not be read; a restart will try again")
            }
        }
        let mut drain = self.0.drain.clone();
        tokio::select! {
            biased;
            // An error: nobody is left who could ask for it.
            _ = drain.wait_for(|drains| *drains) => {}
            () = self.sweep_on() => {}
            () = self.retain_on() => {}
        }
    }

    async fn sweep_on(&self) {
        loop {
            sleep(EVERY).await;
            self.sweep().await;
        }
    }

    /// Beside the sweeps, which must not wait until old tables are gone.
    async fn retain_on(&self) {
        loop {
            sleep(RETAIN_EVERY).await;
            match self.0.store.retain(clock::wall()).await {
                Ok(over) if over == Retained::default() => {}
                Ok(Retained { days, kept_open, spans, events }) => {
                    info!(days, kept_open, spans, events, "what is over was dropped from the store")
                }
                Err(failed) => warn!(error = %failed, "what is over could not be dropped; it is tried again"),
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
            after = page.next;
            for stored in page.messages {
                if stored.message.id >= self.0.before {
                    return Ok(resumed);
                }
                let id = stored.message.id;
                match self.resumed(stored) {
                    Some((lane, job)) => {
                        resumed += 1;
                        let _ = lane.jobs.send(vec![job]).await;
                    }
                    None => self.strand(id).await?,
                }
            }
            if after.is_none_or(|after| after >= self.0.before) {
                return Ok(resumed);
            }
        }
    }

    /// A message stays with the trunk that has tried it; else it goes by route, cut as that trunk needs it. `None`: no
    /// trunk takes it.
    fn resumed(&self, stored: StoredMessage) -> Option<(&Lane, Job)> {
        let now = clock::now();
        let tried = stored.delivery.segments.iter().find_map(|segment| segment.trunk_id.as_ref());
        let (lane, cut) = match tried.and_then(|id| self.0.ways.lane(id)) {
            Some(lane) => (lane, None),
            None => self.by_route(&stored).map(|(lane, cut)| (lane, Some(cut)))?,
        };
        // A message that was scheduled, or that its window holds, goes on waiting.
        let release = self.0.ways.router().table().windows().release(&stored.message, now.wall);
        let room = lane.backlog.force(&stored.message.tenant_id);
        let job = Job::resumed(stored, room, now.mono).not_before(release);
        match cut {
            None => Some((lane, job)),
            // Cut again when its turn comes: there may be many, and they take less room so.
            Some(cut) if job.is_whole() => Some((lane, Job { prepared: None, ..job.cut_anew(cut) })),
            // The trunk that may have sent all of it is gone. It can be sent again, but not some of its parts alone.
            Some(cut) => (!job.has_begun() && cut.plan == job.plan).then_some((lane, job)),
        }
    }

    /// The first trunk of its route that can carry a message, and how it cuts it.
    fn by_route(&self, stored: &StoredMessage) -> Option<(&Lane, Prepared)> {
        let StoredMessage { message, delivery } = stored;
        let table = self.0.ways.router().table();
        // No trunk has had time to come up: each that may counts as if it were.
        let health = |id: &TrunkId| match self.0.ways.health(id) {
            Health::Down => Health::Up,
            health => health,
        };
        let trunks = table.route(message, health).ok()?;
        trunks.iter().find_map(|one| {
            let lane = self.0.ways.lane(one.trunk)?;
            Some((lane, lane.planner.prepare(message, delivery.reference).ok()?))
        })
    }

    /// No trunk of the present configuration takes it: it ends, and the platform is told why.
    async fn strand(&self, message_id: MessageId) -> Result<(), StoreError> {
        let text = "no trunk of the configuration takes this message any more";
        let ending = Ending {
            message_id,
            state: SegmentState::Rejected,
            status: CarrierStatus::ours(FailureClass::RouteUnavailable, true, text),
        };
        self.0.store.end(vec![ending]).await.map(|_| ())
    }
}
