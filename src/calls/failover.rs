//! Whether a call that failed on one trunk may try another. Pure.

use std::time::Duration;

use crate::domain::{Cause, Elsewhere};

/// When a call leaves a trunk for another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failover {
    /// SIP statuses that another trunk may help where their cause leaves it to a policy: see [`Cause::elsewhere`].
    pub statuses: Vec<u16>,
    /// Also after the platform was told that it rings, or of early media. The callee's phone may ring twice then.
    pub after_ringing: bool,
    /// How long the trunk may take until something is heard beyond 100, before another trunk is tried; `None`: as long as
    /// the call may ring.
    pub post_dial_delay: Option<Duration>,
    /// Most trunks that one call is tried on.
    pub max_trunks: u16,
}

impl Default for Failover {
    /// By class only, never after ringing, on three trunks at most.
    fn default() -> Self {
        Self { statuses: Vec::new(), after_ringing: false, post_dial_delay: None, max_trunks: 3 }
    }
}

/// What is known of a call when a trunk failed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// Trunks that it was tried on.
    pub trunks: u16,
    /// The platform was told of ringing or early media.
    pub told_ringing: bool,
}

impl Failover {
    /// Whether another trunk is to be tried after an end with this cause and status.
    #[must_use]
    pub fn wants_another(&self, cause: Cause, status: Option<u16>, tried: Tried) -> bool {
        let helps = match cause.elsewhere() {
            Elsewhere::Yes => true,
            Elsewhere::ByPolicy => status.is_some_and(|status| self.statuses.contains(&status)),
            Elsewhere::No => false,
        };
        helps && tried.trunks < self.max_trunks && (self.after_ringing || !tried.told_ringing)
    }

    /// Whether a trunk that is silent may be left.
    #[must_use]
    pub fn may_leave_silence(&self, tried: Tried) -> bool {
        self.post_dial_delay.is_some() && tried.trunks < self.max_trunks && !tried.told_ringing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Tried = Tried { trunks: 1, told_ringing: false };
    const RANG: Tried = Tried { trunks: 1, told_ringing: true };

    #[test]
    fn a_fault_of_the_carrier_is_tried_elsewhere_and_an_answer_of_the_callee_is_not() {
        let policy = Failover::default();
        for cause in Cause::ALL {
            let expected = cause.elsewhere() == Elsewhere::Yes;
            assert_eq!(policy.wants_another(cause, Some(403), FIRST), expected, "{}", cause.name());
        }
    }

    #[test]
    fn a_policy_adds_only_what_is_left_to_it() {
        let policy = Failover { statuses: vec![403], ..Failover::default() };
        assert!(!policy.wants_another(Cause::Barred, Some(428), FIRST));
        assert!(!policy.wants_another(Cause::Barred, None, FIRST));
        for cause in Cause::ALL {
            let expected = cause.elsewhere() != Elsewhere::No;
            assert_eq!(policy.wants_another(cause, Some(403), FIRST), expected, "{}", cause.name());
        }
    }

    #[test]
    fn after_ringing_only_where_the_policy_says_so() {
        let mut policy = Failover::default();
        assert!(!policy.wants_another(Cause::Congestion, None, RANG));
        policy.after_ringing = true;
        assert!(policy.wants_another(Cause::Congestion, None, RANG));
    }

    #[test]
    fn a_call_is_tried_on_so_many_trunks_only() {
        let policy = Failover { max_trunks: 2, ..Failover::default() };
        assert!(policy.wants_another(Cause::Timeout, None, FIRST));
        assert!(!policy.wants_another(Cause::Timeout, None, Tried { trunks: 2, told_ringing: false }));
    }

    #[test]
    fn silence_is_left_only_with_a_limit_and_before_ringing() {
        let mut policy = Failover::default();
        assert!(!policy.may_leave_silence(FIRST));
        policy.post_dial_delay = Some(Duration::from_secs(5));
        assert!(policy.may_leave_silence(FIRST));
        assert!(!policy.may_leave_silence(RANG));
    }
}
