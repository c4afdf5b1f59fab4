//! What comes of tries: decided, made durable, then acted on.

use std::{fmt::Display, sync::Arc, time::Instant};

use futures_util::FutureExt;
use tracing::error;

use super::{
    Chances, Pause, Pending, decide,
    worker::{InFlight, Next, Worker},
};
use crate::{
    clock,
    domain::{CarrierStatus, FailureClass, Number, Reaction, ReportedState, SubmitOutcome, UnknownCause},
    store::{NextStep, Settled, Settlement, StoreError},
    telemetry::metrics::seconds,
    trunk::sms::Outcome,
};

/// So many recipients without room, with nothing taken in between, mean that the carrier is full.
const CROWD: usize = 5;
/// Unknown outcomes remembered, so that a late answer finds its try.
const LATE_MEMORY: usize = 10_000;

impl Worker {
    /// Decides what follows each outcome and hands it to the store.
    pub(super) fn settle(&mut self, outcomes: Vec<Outcome>) {
        let now = clock::now().mono;
        let mut settlements = Vec::with_capacity(outcomes.len());
        let mut next = Vec::with_capacity(outcomes.len());
        for Outcome { ticket, outcome, late, at } in outcomes {
            let known = if late { self.unknown.remove(&ticket) } else { self.in_flight.remove(&ticket) };
            let Some(one) = known else { continue };
            let chances = Chances {
                attempts: one.attempt.attempts,
                max_attempts: self.parts.config.max_attempts,
                ambiguity: one.job.message.ambiguity,
                elsewhere: reaction(&outcome) == Some(Reaction::Elsewhere) && self.has_other(&one),
            };
            let decision = decide(&outcome, &chances);
            self.count(&outcome, &one, now);
            let pause = self.pause(decision.pause, &one.job.message.to, now);
            settlements.push(Settlement {
                attempt: one.attempt.clone(),
                outcome: outcome.clone(),
                next: decision.step,
                response_time: at,
                late,
            });
            next.push(Next {
                job: one.job.clone(),
                attempt: one.attempt.clone(),
                step: decision.step,
                delay: decision.delay,
                pause,
                elsewhere: chances.elsewhere,
                late,
                pending: after(one.pending, &outcome, chances.elsewhere),
                status: refusal(&outcome),
            });
            if matches!(outcome, SubmitOutcome::Unknown { .. }) {
                self.remember(ticket, one);
            }
        }
        if settlements.is_empty() {
            return;
        }
        let (store, trunk) = (self.parts.store.clone(), self.parts.config.id.clone());
        self.settling.push_back(async move { (store.settle(trunk, settlements).await, next) }.boxed());
    }

    /// The account pauses at once: what waits for a commit would go on running into the same wall.
    fn pause(&mut self, pause: Pause, recipient: &Number, now: Instant) -> Pause {
        let pause = match pause {
            Pause::Recipient => {
                self.no_room.insert(recipient.clone());
                if self.no_room.len() < CROWD { Pause::Recipient } else { Pause::Account }
            }
            pause => pause,
        };
        if pause == Pause::Account && self.pacer.throttled(now) {
            self.no_room.clear();
        }
        pause
    }

    /// Keeps a try for a late answer. It takes no room: what waits for a report does not hold up what comes.
    fn remember(&mut self, ticket: u64, mut one: InFlight) {
        one.job.room = None;
        self.unknown.insert(ticket, one);
        self.unknown_order.push_back(ticket);
        while self.unknown_order.len() > LATE_MEMORY {
            if let Some(oldest) = self.unknown_order.pop_front() {
                self.unknown.remove(&oldest);
            }
        }
    }

    fn count(&mut self, outcome: &SubmitOutcome, one: &InFlight, now: Instant) {
        let metrics = &self.parts.metrics;
        match outcome {
            SubmitOutcome::Accepted { .. } => {
                self.answered.accepted += 1;
                self.no_room.clear();
                metrics.submits_ok.increment(1);
            }
            SubmitOutcome::Refused { status, .. } => {
                self.answered.refused += 1;
                match status.class {
                    FailureClass::Throttled => metrics.submits_throttled.increment(1),
                    _ => metrics.submits_rejected.increment(1),
                }
                if status.class == FailureClass::Unmapped {
                    metrics.unmapped.increment(1);
                }
            }
            SubmitOutcome::Unknown { .. } => {
                self.answered.unknown += 1;
                self.standing.count_unknown();
                metrics.submits_unknown.increment(1);
                metrics.ambiguous();
                return;
            }
            SubmitOutcome::NeverSent => return,
        }
        metrics.response.record(seconds(now.saturating_duration_since(one.handed)));
    }

    /// Settlements are durable: what goes out again goes back into the queue, the rest is done here.
    pub(super) fn settled(&mut self, settled: Result<Vec<Settled>, StoreError>, next: Vec<Next>) {
        let now = clock::now().mono;
        let settled = match settled {
            Ok(settled) => settled,
            Err(failed) => {
                // The marks still stand, so a restart finds these segments as possibly sent.
                error!(trunk = %self.parts.config.id, error = %failed, "outcomes could not be made durable");
                return;
            }
        };
        for (next, settled) in next.into_iter().zip(settled) {
            let (message, late) = (next.job.message.clone(), next.late);
            if settled.ended_now {
                self.parts.metrics.ended(settled.state, next.status.as_ref());
            }
            if let Some(reported) = settled.reported {
                self.count_report(reported);
            }
            match next.step {
                _ if settled.state.is_final() => drop(self.queue.remove(message.id)),
                // It waits for its next try, or is on the wire with it, since it was told as unknown.
                NextStep::Again { .. } if next.late && self.was_queued_again(&next) => {}
                NextStep::Again { .. } => self.again(next, now),
                _ => {}
            }
            if !late {
                self.queue.answered(&message);
            }
        }
    }

    /// A report that was parked as unmatched has found its segment.
    fn count_report(&self, reported: ReportedState) {
        self.parts.metrics.reports_applied.increment(1);
        self.parts.status.send_modify(|status| {
            let counts = &mut status.reported;
            counts.unmatched = counts.unmatched.saturating_sub(1);
            match reported {
                ReportedState::Delivered => counts.delivered += 1,
                _ => counts.failed += 1,
            }
        });
    }

    /// Whether a try was followed by another one when it was told as unknown.
    fn was_queued_again(&self, next: &Next) -> bool {
        let unknown = SubmitOutcome::Unknown { cause: UnknownCause::TimedOut };
        let Next { attempt, job, .. } = next;
        let chances = Chances {
            attempts: attempt.attempts,
            max_attempts: self.parts.config.max_attempts,
            ambiguity: job.message.ambiguity,
            elsewhere: false,
        };
        let then = decide(&unknown, &chances);
        matches!(then.step, NextStep::Again { .. })
    }

    /// Puts a segment back into the queue for another try.
    fn again(&mut self, next: Next, now: Instant) {
        let mut job = next.job;
        job.pending = [next.pending].into();
        if job.room.is_none() {
            // It had left the backlog as unknown; it is back now.
            job.room = Some(Arc::new(self.parts.backlog.force(&job.message.tenant_id)));
        }
        if next.elsewhere {
            let Some(back) = self.pass_on(job) else { return };
            let others = if back.plan.segments > 1 { self.parts.config.timers.response } else { next.delay };
            return self.queue.push(back, others, now);
        }
        match next.pause {
            Pause::Account => self.queue.put_back(job, now),
            Pause::Nobody => self.queue.push(job, next.delay, now),
            Pause::Recipient => {
                self.queue.hold(&job.message.to, now + next.delay, now);
                self.queue.push(job, next.delay, now);
            }
        }
    }

    /// The trunk can't carry this message after all, e.g. after a change of its configuration.
    pub(super) fn refuse(&mut self, one: InFlight, error: &dyn Display) {
        let status = CarrierStatus::ours(FailureClass::Protocol, true, format!("can't be sent: {error}"));
        self.next_ticket += 1;
        let ticket = self.next_ticket;
        self.in_flight.insert(ticket, one);
        let outcome = SubmitOutcome::Refused { status, reaction: Reaction::Never };
        self.settle(vec![Outcome { ticket, outcome, late: false, at: clock::wall() }]);
    }
}

/// The segment as it waits after a try. One that never left counts nowhere, in the store neither.
fn after(before: Pending, outcome: &SubmitOutcome, elsewhere: bool) -> Pending {
    let refused = u16::from(matches!(outcome, SubmitOutcome::Refused { .. }));
    let tried = u16::from(*outcome != SubmitOutcome::NeverSent);
    Pending {
        segment: before.segment,
        attempts: before.attempts.saturating_add(tried),
        refused: before.refused.saturating_add(refused),
        elsewhere,
    }
}

fn refusal(outcome: &SubmitOutcome) -> Option<CarrierStatus> {
    match outcome {
        SubmitOutcome::Refused { status, .. } => Some(status.clone()),
        _ => None,
    }
}

fn reaction(outcome: &SubmitOutcome) -> Option<Reaction> {
    match outcome {
        SubmitOutcome::Refused { reaction, .. } => Some(*reaction),
        _ => None,
    }
}
