//! The client transaction of every other request of ours.
//!
//! ```text
//! Trying ──1xx──▶ Proceeding ──200-699──▶ Completed ──K──▶ Terminated
//!    └───────────── 200-699 ─────────────────▲
//! ```

use std::time::Instant;

use super::{
    machine::{Action, Repetition, Timed, earlier},
    timers::Timers,
};
use crate::sip::Transport;

/// One request of ours that is no INVITE.
#[derive(Debug, Clone)]
pub(super) struct Client {
    state: State,
    is_reliable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No final response yet. `proceeding`: a provisional one came.
    Waiting { proceeding: bool, repetition: Option<Repetition>, timeout: Instant },
    /// The final response came.
    Completed { until: Instant },
    /// Over.
    Terminated,
}

impl Client {
    /// The request was sent just now.
    pub fn new(now: Instant, transport: Transport, timers: &Timers) -> Self {
        let is_reliable = transport.is_reliable();
        let repetition = (!is_reliable).then(|| Repetition::begin(now, timers.t1));
        let state = State::Waiting { proceeding: false, repetition, timeout: now + timers.f };
        Self { state, is_reliable }
    }

    /// A response with this status came.
    pub fn handle_response(&mut self, now: Instant, status: u16, timers: &Timers) -> Action {
        match (&mut self.state, status) {
            (State::Waiting { proceeding, .. }, 100..=199) => {
                *proceeding = true;
                Action::Tell
            }
            (State::Waiting { .. }, 200..) => {
                self.state = match self.is_reliable {
                    true => State::Terminated,
                    false => State::Completed { until: now + timers.k },
                };
                Action::Tell
            }
            _ => Action::Nothing,
        }
    }

    /// Sends the request no more, but still waits for what was sent to be answered.
    pub fn abandon(&mut self) {
        if let State::Waiting { repetition, .. } = &mut self.state {
            *repetition = None;
        }
    }
}

impl Timed for Client {
    fn handle_timeout(&mut self, now: Instant, timers: &Timers) -> Action {
        match &mut self.state {
            State::Waiting { timeout, .. } if *timeout <= now => {
                self.state = State::Terminated;
                Action::TellTimeout
            }
            State::Waiting { proceeding, repetition: Some(repetition), .. } if repetition.is_due(now) => {
                match proceeding {
                    true => repetition.repeat_after(now, timers.t2),
                    false => repetition.double(now, timers.t2),
                }
                Action::Send
            }
            State::Completed { until } if *until <= now => {
                self.state = State::Terminated;
                Action::Nothing
            }
            _ => Action::Nothing,
        }
    }

    fn handle_unreachable(&mut self) -> Action {
        match self.state {
            State::Waiting { .. } => {
                self.state = State::Terminated;
                Action::TellUnreachable
            }
            _ => Action::Nothing,
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { repetition, timeout, .. } => Some(earlier(repetition, timeout)),
            State::Completed { until } => Some(until),
            State::Terminated => None,
        }
    }

    fn is_final(&self) -> bool {
        !matches!(self.state, State::Waiting { .. })
    }

    fn is_terminated(&self) -> bool {
        self.state == State::Terminated
    }
}

#[cfg(test)]
mod tests {
    use super::{super::machine::virtual_time::*, *};

    fn run(transport: Transport) -> Run<Client> {
        Run::begin(|start, timers| Client::new(start, transport, timers))
    }

    impl Run<Client> {
        fn respond(&mut self, at: u64, status: u16) -> Action {
            self.machine.handle_response(self.start + millis(at), status, &self.timers)
        }
    }

    const UDP: Transport = Transport::Udp;

    fn sent(at: &[u64]) -> Vec<(u64, Action)> {
        at.iter().map(|at| (*at, Action::Send)).collect()
    }

    #[test]
    fn trying_e_sends_again_at_intervals_up_to_t2_and_f_tells_the_timeout() {
        let instants = [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
        let mut run = run(UDP);
        assert_eq!(run.serve(FOREVER), [sent(&instants), vec![(32_000, Action::TellTimeout)]].concat());
        assert!(run.machine.is_terminated() && run.machine.poll_timeout().is_none());
    }

    #[test]
    fn trying_over_a_reliable_transport_only_times_out() {
        assert_eq!(run(Transport::Tls).serve(FOREVER), [(32_000, Action::TellTimeout)]);
    }

    #[test]
    fn trying_1xx_is_told_and_then_e_is_t2_and_f_goes_on() {
        let mut run = run(UDP);
        assert_eq!(run.serve(600), sent(&[500]));
        assert_eq!(run.respond(700, 100), Action::Tell);
        let instants = [1500, 5500, 9500, 13_500, 17_500, 21_500, 25_500, 29_500];
        assert_eq!(run.serve(FOREVER), [sent(&instants), vec![(32_000, Action::TellTimeout)]].concat());
    }

    #[test]
    fn proceeding_1xx_is_told() {
        let mut run = run(UDP);
        assert_eq!(run.respond(700, 100), Action::Tell);
        assert_eq!(run.respond(800, 183), Action::Tell);
        assert!(!run.machine.is_final());
    }

    #[test]
    fn trying_and_proceeding_transport_error_is_told_and_ends() {
        for provisional in [false, true] {
            let mut run = run(UDP);
            if provisional {
                run.respond(1, 100);
            }
            assert_eq!(run.machine.handle_unreachable(), Action::TellUnreachable);
            assert!(run.machine.is_terminated());
        }
    }

    #[test]
    fn trying_and_proceeding_final_response_is_told_and_k_ends_completed() {
        for status in [200, 302, 404, 503, 699] {
            for provisional in [false, true] {
                let mut run = run(UDP);
                if provisional {
                    run.respond(1, 100);
                }
                assert_eq!(run.respond(1000, status), Action::Tell);
                assert!(run.machine.is_final());
                assert_eq!(run.serve(FOREVER), [(6000, Action::Nothing)]);
                assert!(run.machine.is_terminated());
            }
        }
    }

    #[test]
    fn a_reliable_transport_leaves_completed_at_once() {
        let mut run = run(Transport::Tcp);
        assert_eq!(run.respond(1000, 200), Action::Tell);
        assert!(run.machine.is_terminated());
    }

    #[test]
    fn completed_drops_every_response_and_transport_error() {
        let mut run = run(UDP);
        run.respond(10, 200);
        for status in [100, 200, 404, 500] {
            assert_eq!(run.respond(20, status), Action::Nothing);
        }
        assert_eq!(run.machine.handle_unreachable(), Action::Nothing);
        assert_eq!(run.serve(FOREVER), [(5010, Action::Nothing)]);
    }

    #[test]
    fn an_abandoned_request_is_not_sent_again_but_may_be_answered() {
        let mut run = run(UDP);
        run.machine.abandon();
        assert_eq!(run.machine.poll_timeout(), Some(run.start + millis(32_000)));
        assert_eq!(run.respond(9000, 200), Action::Tell);
    }
}
