//! The INVITE client transaction: what happens to an INVITE of ours.
//!
//! ```text
//! Calling ──1xx──▶ Proceeding ──300-699──▶ Completed ──D──▶ Terminated
//!    │ └────────────── 300-699 ──────────────▲                  ▲
//!    │                   │ 2xx                                  │
//!    └─────── 2xx ───────┴───────────────▶ Accepted ─────M──────┘
//! ```

use std::time::Instant;

use super::{
    machine::{Action, Repetition, Timed, earlier},
    timers::Timers,
};
use crate::sip::Transport;

/// One INVITE of ours.
#[derive(Debug, Clone)]
pub(super) struct InviteClient {
    state: State,
    is_reliable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No response yet.
    Calling { repetition: Option<Repetition>, timeout: Instant },
    /// A provisional response came. Waits for as long as its user likes, and for a limited time once it was cancelled.
    Proceeding { timeout: Option<Instant> },
    /// 300 to 699 came.
    Completed { until: Instant },
    /// A 2xx came (RFC 6026).
    Accepted { until: Instant },
    /// Over.
    Terminated,
}

impl InviteClient {
    /// The INVITE was sent just now.
    pub fn new(now: Instant, transport: Transport, timers: &Timers) -> Self {
        let is_reliable = transport.is_reliable();
        let repetition = (!is_reliable).then(|| Repetition::begin(now, timers.t1));
        Self { state: State::Calling { repetition, timeout: now + timers.b }, is_reliable }
    }

    /// A response with this status came.
    pub fn handle_response(&mut self, now: Instant, status: u16, timers: &Timers) -> Action {
        match (self.state, status) {
            (State::Calling { .. }, 100..=199) => {
                self.state = State::Proceeding { timeout: None };
                Action::Tell
            }
            (State::Proceeding { .. }, 100..=199) => Action::Tell,
            (State::Calling { .. } | State::Proceeding { .. }, 200..=299) => {
                self.state = State::Accepted { until: now + timers.m };
                Action::Tell
            }
            (State::Calling { .. } | State::Proceeding { .. }, 300..) => {
                self.state = match self.is_reliable {
                    true => State::Terminated,
                    false => State::Completed { until: now + timers.d },
                };
                Action::TellAndAcknowledge
            }
            (State::Completed { .. }, 300..) => Action::Acknowledge,
            // Of another fork: its callee believes to be in a call, which only the user can end.
            (State::Completed { .. } | State::Accepted { .. }, 200..=299) => Action::Tell,
            (State::Completed { .. } | State::Accepted { .. } | State::Terminated, _) => Action::Nothing,
            (State::Calling { .. } | State::Proceeding { .. }, ..100) => Action::Nothing,
        }
    }

    /// Says whether a CANCEL may be sent: after a provisional response, before a final one, and once.
    pub fn may_cancel(&self) -> bool {
        self.state == State::Proceeding { timeout: None }
    }

    /// A CANCEL was sent: the final response has a limited time now.
    pub fn handle_cancelled(&mut self, now: Instant, timers: &Timers) {
        if self.may_cancel() {
            self.state = State::Proceeding { timeout: Some(now + timers.cancelled) };
        }
    }

    /// Sends the INVITE no more, but still waits for what was sent to be answered.
    pub fn abandon(&mut self) {
        if let State::Calling { repetition, .. } = &mut self.state {
            *repetition = None;
        }
    }

    /// Says whether no response came yet, not even a provisional one.
    pub fn is_unanswered(&self) -> bool {
        matches!(self.state, State::Calling { .. })
    }
}

impl Timed for InviteClient {
    fn handle_timeout(&mut self, now: Instant, timers: &Timers) -> Action {
        match &mut self.state {
            State::Calling { timeout, .. } | State::Proceeding { timeout: Some(timeout) }
                if *timeout <= now =>
            {
                self.state = State::Terminated;
                Action::TellTimeout
            }
            State::Calling { repetition: Some(repetition), .. } if repetition.is_due(now) => {
                repetition.double(now, timers.b);
                Action::Send
            }
            State::Completed { until } | State::Accepted { until } if *until <= now => {
                self.state = State::Terminated;
                Action::Nothing
            }
            _ => Action::Nothing,
        }
    }

    fn handle_unreachable(&mut self) -> Action {
        match self.state {
            State::Calling { .. } | State::Completed { .. } => {
                self.state = State::Terminated;
                Action::TellUnreachable
            }
            _ => Action::Nothing,
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Calling { repetition, timeout } => Some(earlier(repetition, timeout)),
            State::Proceeding { timeout } => timeout,
            State::Completed { until } | State::Accepted { until } => Some(until),
            State::Terminated => None,
        }
    }

    fn is_final(&self) -> bool {
        !matches!(self.state, State::Calling { .. } | State::Proceeding { .. })
    }

    fn is_terminated(&self) -> bool {
        self.state == State::Terminated
    }
}

#[cfg(test)]
mod tests {
    use super::{super::machine::virtual_time::*, *};

    fn run(transport: Transport) -> Run<InviteClient> {
        Run::begin(|start, timers| InviteClient::new(start, transport, timers))
    }

    impl Run<InviteClient> {
        fn respond(&mut self, at: u64, status: u16) -> Action {
            self.machine.handle_response(self.start + millis(at), status, &self.timers)
        }
    }

    const UDP: Transport = Transport::Udp;

    #[test]
    fn calling_a_sends_again_at_doubled_intervals_and_b_tells_the_timeout() {
        let mut run = run(UDP);
        let sent = [500, 1500, 3500, 7500, 15_500, 31_500].map(|at| (at, Action::Send));
        assert_eq!(run.serve(FOREVER), [&sent[..], &[(32_000, Action::TellTimeout)]].concat());
        assert!(run.machine.is_terminated() && run.machine.poll_timeout().is_none());
    }

    #[test]
    fn calling_over_a_reliable_transport_only_times_out() {
        for transport in [Transport::Tcp, Transport::Tls] {
            assert_eq!(run(transport).serve(FOREVER), [(32_000, Action::TellTimeout)]);
        }
    }

    #[test]
    fn calling_transport_error_is_told_and_ends() {
        let mut run = run(UDP);
        assert_eq!(run.machine.handle_unreachable(), Action::TellUnreachable);
        assert!(run.machine.is_terminated());
        assert_eq!(run.machine.handle_unreachable(), Action::Nothing);
    }

    #[test]
    fn calling_1xx_is_told_and_stops_a_and_b() {
        for status in [100, 180, 199] {
            let mut run = run(UDP);
            assert_eq!(run.respond(700, status), Action::Tell);
            assert_eq!(run.serve(FOREVER), []);
            assert!(!run.machine.is_terminated() && !run.machine.is_unanswered() && !run.machine.is_final());
        }
    }

    #[test]
    fn calling_and_proceeding_2xx_is_told_and_m_ends_accepted() {
        for provisional in [false, true] {
            for transport in [UDP, Transport::Tcp] {
                let mut run = run(transport);
                if provisional {
                    run.respond(10, 180);
                }
                assert_eq!(run.respond(1000, 200), Action::Tell);
                assert!(run.machine.is_final());
                assert_eq!(run.serve(FOREVER), [(33_000, Action::Nothing)]);
                assert!(run.machine.is_terminated());
            }
        }
    }

    #[test]
    fn calling_and_proceeding_300_to_699_is_told_and_acknowledged_and_d_ends_completed() {
        for status in [300, 404, 503, 699] {
            for provisional in [false, true] {
                let mut run = run(UDP);
                if provisional {
                    run.respond(10, 100);
                }
                assert_eq!(run.respond(1000, status), Action::TellAndAcknowledge);
                assert_eq!(run.serve(FOREVER), [(33_000, Action::Nothing)]);
                assert!(run.machine.is_terminated());
            }
        }
    }

    #[test]
    fn a_reliable_transport_leaves_completed_at_once() {
        let mut run = run(Transport::Tcp);
        assert_eq!(run.respond(1000, 486), Action::TellAndAcknowledge);
        assert!(run.machine.is_terminated());
    }

    #[test]
    fn proceeding_1xx_is_told() {
        let mut run = run(UDP);
        for status in [100, 180, 180, 183] {
            assert_eq!(run.respond(10, status), Action::Tell);
        }
    }

    #[test]
    fn proceeding_ignores_transport_errors() {
        let mut run = run(UDP);
        run.respond(10, 180);
        assert_eq!(run.machine.handle_unreachable(), Action::Nothing);
        assert!(!run.machine.is_terminated());
    }

    #[test]
    fn completed_300_to_699_is_acknowledged_again_and_not_told() {
        let mut run = run(UDP);
        run.respond(10, 486);
        assert_eq!(run.respond(600, 486), Action::Acknowledge);
        assert_eq!(run.respond(700, 503), Action::Acknowledge);
        assert_eq!(run.serve(FOREVER), [(32_010, Action::Nothing)], "D is not restarted");
    }

    #[test]
    fn completed_transport_error_of_the_ack_is_told_and_ends() {
        let mut run = run(UDP);
        run.respond(10, 486);
        assert_eq!(run.machine.handle_unreachable(), Action::TellUnreachable);
        assert!(run.machine.is_terminated());
    }

    #[test]
    fn completed_1xx_is_dropped_and_a_2xx_of_another_fork_is_told() {
        let mut run = run(UDP);
        run.respond(10, 486);
        assert_eq!(run.respond(20, 180), Action::Nothing);
        assert_eq!(run.respond(30, 200), Action::Tell);
        assert_eq!(run.serve(FOREVER), [(32_010, Action::Nothing)]);
    }

    #[test]
    fn accepted_2xx_is_told_each_time_and_all_else_dropped() {
        let mut run = run(UDP);
        run.respond(10, 200);
        assert_eq!(run.respond(510, 200), Action::Tell);
        assert_eq!(run.respond(520, 202), Action::Tell);
        for status in [100, 180, 300, 487, 603] {
            assert_eq!(run.respond(600, status), Action::Nothing);
        }
        assert_eq!(run.machine.handle_unreachable(), Action::Nothing);
        assert_eq!(run.serve(FOREVER), [(32_010, Action::Nothing)], "M is not restarted");
    }

    #[test]
    fn a_cancel_is_legal_after_a_1xx_only_and_once_and_limits_the_wait() {
        let mut run = run(UDP);
        assert!(!run.machine.may_cancel());
        run.machine.handle_cancelled(run.start, &run.timers);
        run.respond(10, 180);
        assert!(run.machine.may_cancel());
        run.machine.handle_cancelled(run.start + millis(5000), &run.timers);
        assert!(!run.machine.may_cancel());
        assert_eq!(run.respond(5100, 183), Action::Tell);
        assert_eq!(run.serve(FOREVER), [(37_000, Action::TellTimeout)]);
        assert!(run.machine.is_terminated());
    }

    #[test]
    fn a_cancelled_invite_still_takes_its_final_response() {
        for (status, action) in [(487, Action::TellAndAcknowledge), (200, Action::Tell)] {
            let mut run = run(UDP);
            run.respond(10, 180);
            run.machine.handle_cancelled(run.start + millis(20), &run.timers);
            assert_eq!(run.respond(30, status), action);
            assert!(!run.machine.may_cancel());
            assert_eq!(run.serve(FOREVER), [(32_030, Action::Nothing)]);
        }
    }

    #[test]
    fn an_abandoned_invite_is_not_sent_again_but_may_be_answered() {
        let mut run = run(UDP);
        run.machine.abandon();
        assert_eq!(run.machine.poll_timeout(), Some(run.start + millis(32_000)));
        assert_eq!(run.respond(5000, 180), Action::Tell);
        assert!(run.machine.may_cancel());
    }

    #[test]
    fn a_deadline_served_early_asks_for_nothing() {
        let mut run = run(UDP);
        assert_eq!(run.machine.handle_timeout(run.start + millis(499), &run.timers), Action::Nothing);
        assert_eq!(run.machine.poll_timeout(), Some(run.start + millis(500)));
    }
}
