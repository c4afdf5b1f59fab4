//! A link without a session: it waits for its next connection, or rests. What it was given goes back at once.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Link;
use crate::{
    clock,
    domain::SubmitOutcome,
    trunk::sms::{
        adapter::SmsAdapter,
        traffic::{LinkReport, Outbound, Outcome},
        wish::Wish,
    },
};

impl<A: SmsAdapter> Link<A> {
    pub(super) fn wish(&self) -> Wish {
        if self.ports.wish.has_changed().is_err() { Wish::End } else { *self.ports.wish.borrow() }
    }

    /// Waits until it shall be bound, or end; says that it rests.
    pub(super) async fn rest(&mut self) {
        self.hand_back().await;
        self.report(LinkReport::Resting { link: self.config.index }).await;
        while matches!(self.wish(), Wish::Unbound { .. }) {
            tokio::select! {
                biased;
                Some(batch) = self.ports.mailbox.recv() => {
                    self.held.extend(batch);
                    self.hand_back().await;
                }
                // It comes up with a new connection in any case.
                Some(()) = self.ports.rebind.recv() => {}
                Some(_) = self.verdicts.recv() => {}
                changed = self.ports.wish.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Waits between connections; segments that still arrive go straight back.
    pub(super) async fn wait(&mut self, delay: Duration) {
        let until = Instant::now() + delay;
        self.hand_back().await;
        while self.wish() == Wish::Bound {
            tokio::select! {
                biased;
                () = sleep_until(until) => return,
                Some(batch) = self.ports.mailbox.recv() => {
                    self.held.extend(batch);
                    self.hand_back().await;
                }
                Some(()) = self.ports.rebind.recv() => return,
                // Answers to requests of a session that is gone.
                Some(_) = self.verdicts.recv() => {}
                changed = self.ports.wish.changed() => if changed.is_err() { return },
            }
        }
    }

    pub(super) async fn hand_back(&mut self) {
        while let Ok(batch) = self.ports.mailbox.try_recv() {
            self.held.extend(batch);
        }
        if self.held.is_empty() {
            return;
        }
        let at = clock::wall();
        let never = |outbound: Outbound| Outcome {
            ticket: outbound.ticket,
            outcome: SubmitOutcome::NeverSent,
            late: false,
            at,
        };
        let outcomes = self.held.drain(..).map(never).collect();
        let link = self.config.index;
        self.report(LinkReport::Outcomes { link, outcomes, feedback: Vec::new(), round_trip: None }).await;
    }
}
