//! What a trunk is told from outside, and how its worker obeys: to carry, to take nothing new, to rest, to end.
//!
//! A trunk rests in order: it takes nothing from its queue, what is on the wire is answered and settled, then the links
//! unbind. At a limit they unbind all the same. What is unanswered then is unknown, and settled as that.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tracing::{info, warn};

use super::{moving::Evacuation, worker::Worker};
use crate::{
    clock,
    config::{ShareConfig, SipTrunkConfig, TrunkConfig},
    domain::{TrunkId, Wanted, WantedState},
    trunk::{Limits, sms::Wish},
};

/// What a trunk does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Duty {
    /// It carries messages.
    #[default]
    Carry,
    /// It takes nothing from its queue; its links stay for answers and reports.
    Hold,
    /// Its links unbind, as soon as nothing is unanswered, or at a limit.
    Rest {
        /// The limit.
        by: Instant,
    },
    /// The same, and then its tasks end.
    End {
        /// The limit.
        by: Instant,
    },
}

impl Duty {
    /// The one that asks for more rest; of equal ones the sooner.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Rest { by }, Self::Rest { by: other }) => Self::Rest { by: by.min(other) },
            (Self::End { by }, Self::End { by: other }) => Self::End { by: by.min(other) },
            (one, other) if one.rank() >= other.rank() => one,
            (_, other) => other,
        }
    }

    /// What an operator's word asks for; `by`: until when answers are waited for.
    #[must_use]
    pub fn wanted(state: WantedState, by: Instant) -> Self {
        match state {
            WantedState::Enabled => Self::Carry,
            WantedState::Draining => Self::Hold,
            WantedState::Disabled => Self::Rest { by },
        }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Carry => 0,
            Self::Hold => 1,
            Self::Rest { .. } => 2,
            Self::End { .. } => 3,
        }
    }

    /// Until when what is unanswered is waited for; `None`: its links shall be bound.
    #[must_use]
    pub fn limit(self) -> Option<Instant> {
        match self {
            Self::Carry | Self::Hold => None,
            Self::Rest { by } | Self::End { by } => Some(by),
        }
    }

    pub(super) fn ends(self) -> bool {
        matches!(self, Self::End { .. })
    }
}

/// All that a trunk is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orders {
    /// Counts changes, so that a status says which it is about.
    pub number: u64,
    /// What the daemon as a whole does.
    pub daemon: Duty,
    /// What an operator lets this trunk do.
    pub operator: Duty,
    /// The same in the operator's words, to be shown.
    pub wanted: Wanted,
    /// How much it may do at once, no more than it was opened with.
    pub limits: Limits,
    /// How much it might, as the configuration says; to be shown.
    pub configured: Limits,
    /// How classes and tenants share it.
    pub shares: Arc<ShareConfig>,
    /// Tries of one segment.
    pub max_attempts: u16,
    /// How long it can't carry before other trunks take over.
    pub failover_after: Duration,
}

impl Orders {
    /// Those of a trunk that is opened: within its configuration, and as an operator wanted it before.
    #[must_use]
    pub fn new(config: &TrunkConfig, shares: ShareConfig, wanted: Wanted) -> Self {
        let limits = Limits::of(config);
        // What is on the wire at the start is on no wire any more.
        let operator = Duty::wanted(wanted.state, clock::now().mono);
        Self {
            number: 0,
            daemon: Duty::Carry,
            operator,
            wanted,
            limits,
            configured: limits,
            shares: Arc::new(shares),
            max_attempts: config.max_attempts,
            failover_after: config.failover_after,
        }
    }

    /// The same of a trunk for calls, which has no queue of its own: no tries and no failover of messages.
    #[must_use]
    pub fn for_calls(config: &SipTrunkConfig, shares: ShareConfig, wanted: Wanted) -> Self {
        let limits = Limits::of_calls(config);
        Self {
            number: 0,
            daemon: Duty::Carry,
            operator: Duty::wanted(wanted.state, clock::now().mono),
            wanted,
            limits,
            configured: limits,
            shares: Arc::new(shares),
            max_attempts: 0,
            failover_after: Duration::ZERO,
        }
    }

    /// What its links shall do before the worker has read this.
    #[must_use]
    pub fn first_wish(&self) -> Wish {
        if self.duty().limit().is_some() { Wish::Unbound { at_once: false } } else { Wish::Bound }
    }

    /// What it shall do, by either's word.
    #[must_use]
    pub fn duty(&self) -> Duty {
        self.daemon.and(self.operator)
    }
}

/// How far a worker has obeyed.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) orders: Orders,
    /// Nobody is there any more to tell it anything.
    pub(super) deaf: bool,
    /// Its links were told to unbind.
    unbinds: bool,
    /// The limit has passed: what is unanswered is not waited for.
    gave_up: bool,
    /// Segments without an answer when their links went.
    pub(super) abandoned: u64,
}

impl Standing {
    pub(super) fn new(orders: Orders) -> Self {
        Self { orders, deaf: false, unbinds: false, gave_up: false, abandoned: 0 }
    }

    pub(super) fn duty(&self) -> Duty {
        self.orders.duty()
    }

    pub(super) fn carries(&self) -> bool {
        self.duty() == Duty::Carry
    }

    /// Counts a segment whose answer is given up.
    pub(super) fn count_unknown(&mut self) {
        self.abandoned += u64::from(self.gave_up);
    }

    /// When there is something to do that nothing else wakes it for.
    pub(super) fn wake(&self) -> Option<Instant> {
        self.duty().limit().filter(|_| !self.gave_up)
    }
}

impl Worker {
    /// Takes over new orders.
    pub(super) fn heed(&mut self, closed: bool) {
        let now = clock::now().mono;
        self.standing.deaf |= closed;
        let mut orders = self.parts.orders.borrow_and_update().clone();
        if closed {
            orders.daemon = Duty::End { by: now };
        }
        let before = self.standing.duty();
        if orders.limits != self.standing.orders.limits {
            let Limits { links, window, submits_per_second, .. } = orders.limits;
            self.pacer.set_limit(submits_per_second, now);
            self.parts.pool.set_limits(usize::try_from(links).unwrap_or(usize::MAX), window);
            info!(trunk = %self.parts.config.id, links, window, ?submits_per_second, "its limits were changed");
        }
        if orders.shares != self.standing.orders.shares {
            self.queue.set_weights((*orders.shares).clone());
        }
        self.parts.config.max_attempts = orders.max_attempts;
        self.parts.config.failover_after = orders.failover_after;
        self.standing.orders = orders;
        let duty = self.standing.duty();
        if duty.limit().is_none() && before.limit().is_some() {
            (self.standing.unbinds, self.standing.gave_up) = (false, false);
            self.parts.pool.wish(Wish::Bound);
        } else if duty.limit().is_some() && before.limit().is_none() {
            self.standing.abandoned = 0;
        }
        if duty.rank() != before.rank() {
            let (queued, unanswered) = (self.queue.len(), self.unanswered());
            let what = match duty {
                Duty::Carry => "carries messages again",
                Duty::Hold => "takes nothing new; its links stay for reports",
                Duty::Rest { .. } | Duty::End { .. } => {
                    "takes nothing new; its links unbind when all is answered"
                }
            };
            info!(trunk = %self.parts.config.id, queued, unanswered, "{what}");
        }
        self.note_links(now);
        self.publish_now();
    }

    /// Lets the links unbind when it is time.
    pub(super) fn obey(&mut self, now: Instant) {
        let Some(by) = self.standing.duty().limit() else { return };
        if now >= by && !self.standing.gave_up {
            self.standing.gave_up = true;
            let unanswered = self.unanswered();
            if unanswered > 0 {
                warn!(trunk = %self.parts.config.id, unanswered, "the limit has passed; what is unanswered is unknown");
            }
            // Even when they were told before: what they wait for is not worth it any more.
            self.unbind(unanswered > 0 || self.standing.unbinds);
        } else if self.is_idle() && !self.standing.unbinds {
            self.unbind(false);
        }
        if self.standing.duty().ends() && self.parts.pool.rests() {
            self.parts.pool.wish(Wish::End);
        }
    }

    fn unbind(&mut self, at_once: bool) {
        self.standing.unbinds = true;
        self.parts.pool.wish(Wish::Unbound { at_once });
    }

    /// Segments that a carrier may have and has not answered.
    pub(super) fn unanswered(&self) -> usize {
        self.in_flight.len() + self.marking.as_ref().map_or(0, |(_, segments)| *segments)
    }

    /// Takes note of whether it can carry, for what other trunks shall take over.
    pub(super) fn note_links(&mut self, now: Instant) {
        let carries = self.parts.pool.bound() > 0 && self.standing.orders.operator == Duty::Carry;
        self.evacuation.note(carries, now, &self.parts.config.id);
    }
}

impl Evacuation {
    /// The trunk can carry, or can't.
    fn note(&mut self, carries: bool, now: Instant, trunk: &TrunkId) {
        if !carries {
            return self.begin(now);
        }
        let moved = self.end();
        if moved > 0 {
            info!(%trunk, moved, "back; meanwhile other trunks took over");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_for_more_rest_is_obeyed() {
        let soon = clock::now().mono;
        let late = soon + Duration::from_secs(1);
        let (carry, hold, rest, end) =
            (Duty::Carry, Duty::Hold, Duty::Rest { by: late }, Duty::End { by: late });
        for pair in [carry, hold, rest, end].windows(2) {
            assert_eq!((pair[0].and(pair[1]), pair[1].and(pair[0])), (pair[1], pair[1]));
        }
        assert_eq!(rest.and(Duty::Rest { by: soon }), Duty::Rest { by: soon });
        assert_eq!(Duty::End { by: soon }.and(end), Duty::End { by: soon });
        assert_eq!(end.and(Duty::Rest { by: soon }), end);
    }
}
