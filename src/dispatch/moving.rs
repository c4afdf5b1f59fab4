//! From one trunk to another: what a trunk that is down has not begun to send, and what a carrier refuses for good that
//! another may take.
//!
//! Only messages move of which nothing can be with a carrier, so that nothing is sent twice. What has been tried and not
//! answered stays, and so do the other parts of a long message once one of them has left. A part that is refused waits
//! for what comes of the others: they move together, or it is tried here once more.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Duty, Job,
    worker::{BATCH, InFlight, Worker},
};
use crate::domain::TrunkId;

/// How a trunk that is down gives its work away.
#[derive(Debug, Default)]
pub(super) struct Evacuation {
    /// Since when no link is bound, or an operator lets it take nothing.
    down_since: Option<Instant>,
    /// Arrival of the last job that was looked at.
    upto: u64,
    /// Jobs that went elsewhere since the trunk is down.
    moved: u64,
}

impl Evacuation {
    /// Of a trunk that was not up yet.
    pub(super) fn since(now: Instant) -> Self {
        Self { down_since: Some(now), ..Self::default() }
    }

    /// The trunk can't carry, from now on or still.
    pub(super) fn begin(&mut self, now: Instant) {
        self.down_since.get_or_insert(now);
    }

    /// The trunk can carry. Gives how many jobs went elsewhere while it could not.
    pub(super) fn end(&mut self) -> u64 {
        std::mem::take(self).moved
    }
}

impl Worker {
    /// Gives waiting messages to other trunks when this one has been down for a while, some at a time.
    pub(super) fn evacuate(&mut self, now: Instant) {
        let Some(since) = self.evacuation.down_since else { return };
        if now.saturating_duration_since(since) < self.parts.config.failover_after
            || self.standing.orders.daemon != Duty::Carry
        {
            return;
        }
        let looked_at = self.queue.arrived_after(self.evacuation.upto, BATCH);
        // At the end it begins anew: another trunk may have come up meanwhile.
        self.evacuation.upto = looked_at.last().map_or(0, |(arrival, _)| *arrival);
        for (_, id) in looked_at {
            let Some(job) = self.queue.get(id).filter(|job| job.is_whole()) else { continue };
            if self.parts.ways.other(&job.message, &self.not_these(job)).is_none() {
                continue;
            }
            let Some(job) = self.queue.remove(id) else { continue };
            match self.hand_over(job) {
                Some(job) => self.queue.push(job, Duration::ZERO, now),
                None => self.evacuation.moved += 1,
            }
        }
    }

    /// Another trunk could take what this one refuses.
    pub(super) fn has_other(&self, one: &InFlight) -> bool {
        // A part that waited for the others in vain is refused for good: they are with the carrier.
        let may_move = one.pending.is_unsent() && (one.job.plan.segments == 1 || !one.pending.elsewhere);
        may_move && self.parts.ways.other(&one.job.message, &self.not_these(&one.job)).is_some()
    }

    /// Gives a message that was refused to another trunk, or back what of it waits here: as long as some part has left and
    /// was not refused, or if no trunk takes it any more.
    pub(super) fn pass_on(&mut self, mut job: Job) -> Option<Job> {
        if let Some(rest) = self.queue.remove(job.message.id) {
            job.pending.extend(rest.pending);
            job.pending.make_contiguous().sort_by_key(|pending| pending.segment);
        }
        if !job.is_whole() {
            return Some(job);
        }
        let left_behind = self.not_these(&job);
        self.hand_over(Job { left_behind, ..job })
    }

    fn not_these(&self, job: &Job) -> Vec<TrunkId> {
        let this = std::iter::once(&self.parts.config.id);
        job.left_behind.iter().chain(this).cloned().collect()
    }

    /// Cuts the message anew for the best trunk but those left behind, and puts it into that trunk's queue; gives
    /// it back if none can take it.
    fn hand_over(&mut self, job: Job) -> Option<Job> {
        let Some((_, lane)) = self.parts.ways.other(&job.message, &self.not_these(&job)) else {
            return Some(job);
        };
        let Ok(prepared) = lane.planner.prepare(&job.message, job.reference) else { return Some(job) };
        let Ok(place) = lane.jobs.try_reserve() else { return Some(job) };
        let room = Some(Arc::new(lane.backlog.force(&job.message.tenant_id)));
        place.send(vec![Job { room, ..job.cut_anew(prepared) }]);
        self.parts.metrics.moved.increment(1);
        None
    }
}
