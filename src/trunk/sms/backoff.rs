//! How long a link waits before it connects again: a pure value that knows how the last tries ended.
//!
//! # Why
//! A dead gateway is tried again soon, then less and less often. A refusal is something else: trying again too soon
//! locks accounts and renews the very ghost that stands in the way. So each kind of refusal has its own pace, and only
//! the refused link waits; its siblings go on.

use std::time::Duration;

use codecs::session::BindRefusal;
use rand::Rng;

use crate::config::Timers;

/// Between the first connections of one trunk's links, so that a restart is no storm.
const STAGGER: Duration = Duration::from_millis(20);
/// The longest wait after refused credentials, unless `reconnect_max` is longer: a person has to act anyway.
const CREDENTIALS_MAX: Duration = Duration::from_secs(15 * 60);
/// Refusals in a row without a stated reason after which a person should look.
const UNEXPLAINED: u32 = 5;

/// How a try to hold a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was never bound: nobody listens, no answer, the connection was lost.
    Failed,
    /// It was bound, and lasted so long.
    Lasted(Duration),
    /// The bind was refused.
    Refused(BindRefusal),
    /// The bind was refused, and there is another way to bind, not yet tried.
    FellBack,
}

/// The delays of one link.
#[derive(Debug)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    already_bound: Duration,
    next: Duration,
    credentials: Duration,
    refusals: u32,
}

impl Backoff {
    /// The delays of a link that has not been connected yet.
    #[must_use]
    pub fn new(timers: &Timers) -> Self {
        Self {
            min: timers.reconnect_min,
            max: timers.reconnect_max,
            already_bound: timers.already_bound_wait,
            next: timers.reconnect_min,
            credentials: timers.reconnect_max,
            refusals: 0,
        }
    }

    /// The delay before the first connection of the link at this place of the pool.
    pub fn first(link: u32, random: &mut impl Rng) -> Duration {
        STAGGER * link + STAGGER.mul_f64(random.random_range(0.0..1.0))
    }

    /// The delay after `ending`.
    pub fn after(&mut self, ending: Ending, random: &mut impl Rng) -> Duration {
        if let Ending::Refused(_) = ending {
            self.refusals = self.refusals.saturating_add(1);
        }
        match ending {
            Ending::Refused(BindRefusal::Credentials) => {
                let delay = self.credentials;
                self.credentials = (delay * 2).min(CREDENTIALS_MAX.max(self.max));
                delay.mul_f64(random.random_range(0.75..=1.0))
            }
            // Never earlier than the carrier's own timeout: each try may count as life of the ghost.
            Ending::Refused(BindRefusal::AlreadyBound) => {
                self.already_bound.mul_f64(random.random_range(1.0..=1.25))
            }
            Ending::Refused(
                BindRefusal::Unexplained
                | BindRefusal::Version
                | BindRefusal::Mode
                | BindRefusal::Malformed(_),
            ) => self.max.mul_f64(random.random_range(0.75..=1.0)),
            Ending::Failed | Ending::Refused(BindRefusal::Temporary) => self.doubling(random),
            Ending::FellBack => self.min.mul_f64(random.random_range(0.5..=1.0)),
            Ending::Lasted(lasted) => {
                // A carrier that takes every bind and drops it at once is not to be hammered either.
                if lasted >= self.next {
                    self.next = self.min;
                }
                self.credentials = self.max;
                self.refusals = 0;
                self.doubling(random)
            }
        }
    }

    /// Says whether a refusal of this class needs a person: no waiting will mend it.
    #[must_use]
    pub fn needs_a_person(&self, class: BindRefusal) -> bool {
        match class {
            BindRefusal::Credentials | BindRefusal::Version | BindRefusal::Mode => true,
            BindRefusal::Unexplained | BindRefusal::Malformed(_) => self.refusals >= UNEXPLAINED,
            BindRefusal::AlreadyBound | BindRefusal::Temporary => false,
        }
    }

    fn doubling(&mut self, random: &mut impl Rng) -> Duration {
        let delay = self.next;
        self.next = (delay * 2).min(self.max);
        delay.mul_f64(random.random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    struct Rig(Backoff, StdRng);

    impl Rig {
        fn new() -> Self {
            let timers = Timers {
                connect: SECOND,
                response: SECOND,
                probe_after: SECOND,
                probe: SECOND,
                probe_attempts: 3,
                reconnect_min: SECOND,
                reconnect_max: 60 * SECOND,
                already_bound_wait: 90 * SECOND,
            };
            Self(Backoff::new(&timers), StdRng::seed_from_u64(1))
        }

        fn after(&mut self, ending: Ending) -> f64 {
            self.0.after(ending, &mut self.1).as_secs_f64()
        }
    }

    #[test]
    fn a_dead_gateway_is_tried_less_and_less_often() {
        let mut rig = Rig::new();
        for longest in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] {
            let delay = rig.after(Ending::Failed);
            assert!((longest / 2.0..=longest).contains(&delay), "{delay} of {longest}");
        }
        assert!(rig.after(Ending::Lasted(300 * SECOND)) <= 1.0);
    }

    #[test]
    fn one_that_binds_and_drops_at_once_is_not_hammered() {
        let mut rig = Rig::new();
        let delays: Vec<_> = (0..8).map(|_| rig.after(Ending::Lasted(SECOND / 10))).collect();
        assert!(delays[7] >= 30.0, "{delays:?}");
    }

    #[test]
    fn refused_credentials_slow_down_to_a_quarter_of_an_hour() {
        let mut rig = Rig::new();
        let credentials = Ending::Refused(BindRefusal::Credentials);
        for longest in [60.0, 120.0, 240.0, 480.0, 900.0, 900.0] {
            let delay = rig.after(credentials);
            assert!((longest * 0.75..=longest).contains(&delay), "{delay} of {longest}");
        }
        rig.after(Ending::Lasted(SECOND));
        assert!(rig.after(credentials) <= 60.0, "they were right in between");
    }

    #[test]
    fn a_ghost_is_waited_for_and_never_woken() {
        let mut rig = Rig::new();
        for _ in 0..20 {
            let delay = rig.after(Ending::Refused(BindRefusal::AlreadyBound));
            assert!((90.0..=112.5).contains(&delay), "{delay}");
        }
        assert!(!rig.0.needs_a_person(BindRefusal::AlreadyBound));
    }

    #[test]
    fn what_is_refused_without_a_reason_waits_and_at_last_asks_for_a_person() {
        let mut rig = Rig::new();
        for tries in 1..=UNEXPLAINED {
            let delay = rig.after(Ending::Refused(BindRefusal::Unexplained));
            assert!((45.0..=60.0).contains(&delay), "{delay}");
            assert_eq!(rig.0.needs_a_person(BindRefusal::Unexplained), tries == UNEXPLAINED);
        }
        assert!(rig.after(Ending::FellBack) <= 1.0, "another way is tried at once");
    }

    #[test]
    fn links_begin_one_after_the_other() {
        let mut random = StdRng::seed_from_u64(1);
        let starts: Vec<_> = (0..64).map(|link| Backoff::first(link, &mut random)).collect();
        assert!(starts.is_sorted() && starts[0] < STAGGER && starts[63] >= 63 * STAGGER);
    }
}
