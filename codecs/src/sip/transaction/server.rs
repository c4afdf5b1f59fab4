//! The server transaction of every other request of the peer.
//!
//! ```text
//! Trying ──100──▶ Proceeding ──200-699──▶ Completed ──J──▶ Terminated
//!    └───────────── 200-699 ─────────────────▲
//! ```
//!
//! RFC 4320: no provisional response but 100, and that only once the client repeats its request every T2; then it is
//! sent if the user did not answer. 408 is never sent: who waited for so long has given up.
//!
//! # Why there is an end without an answer
//! The specifications let a server wait for its user for ever. When the client's Timer F has passed nobody listens any
//! more, so the user is told that it is too late.

use std::time::Instant;

use super::{
    machine::{Action, Timed},
    timers::Timers,
};
use crate::sip::Transport;

/// Why a response was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotRespond {
    /// The transaction is over, or none of the peer's.
    #[error("the transaction is over")]
    Ended,
    /// It has its final response. After a 2xx to an INVITE only that 2xx again may follow, after any other nothing.
    #[error("the request has its final response")]
    Answered,
    /// Not for a request that is no INVITE: a 408, a provisional response other than 100, a 100 too early.
    #[error("RFC 4320 forbids this response to a request that is no INVITE")]
    Forbidden,
    /// It is no response.
    #[error("this is no response")]
    NoResponse,
}

/// One request of the peer that is neither INVITE nor ACK.
#[derive(Debug, Clone)]
pub(super) struct Server {
    state: State,
    is_reliable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was sent. `trying`: when a 100 is due.
    Trying { trying: Instant, timeout: Instant },
    /// A 100 was sent.
    Proceeding { timeout: Instant },
    /// The final response was sent.
    Completed { until: Instant },
    /// Over.
    Terminated,
}

impl Server {
    /// The request came just now.
    pub fn new(now: Instant, transport: Transport, timers: &Timers) -> Self {
        let state = State::Trying { trying: now + timers.until_t2(), timeout: now + timers.f };
        Self { state, is_reliable: transport.is_reliable() }
    }

    /// The request came again.
    pub fn handle_request(&self) -> Action {
        match self.state {
            State::Proceeding { .. } | State::Completed { .. } => Action::Send,
            State::Trying { .. } | State::Terminated => Action::Nothing,
        }
    }

    /// The user gives a response with this status.
    pub fn respond(&mut self, now: Instant, status: u16, timers: &Timers) -> Result<Action, CannotRespond> {
        match (self.state, status) {
            (State::Trying { .. } | State::Proceeding { .. }, 408) => return Err(CannotRespond::Forbidden),
            (State::Trying { trying, timeout }, 100) if self.is_reliable || trying <= now => {
                self.state = State::Proceeding { timeout };
            }
            (State::Proceeding { .. }, 100) => {}
            (State::Trying { .. } | State::Proceeding { .. }, ..=199) => {
                return Err(CannotRespond::Forbidden);
            }
            (State::Trying { .. } | State::Proceeding { .. }, _) => {
                self.state = match self.is_reliable {
                    true => State::Terminated,
                    false => State::Completed { until: now + timers.j },
                };
            }
            (State::Completed { .. } | State::Terminated, _) => return Err(CannotRespond::Answered),
        }
        Ok(Action::Send)
    }
}

impl Timed for Server {
    fn handle_timeout(&mut self, now: Instant, _: &Timers) -> Action {
        match self.state {
            State::Trying { timeout, .. } | State::Proceeding { timeout } if timeout <= now => {
                self.state = State::Terminated;
                Action::TellTimeout
            }
            State::Trying { trying, timeout } if trying <= now => {
                self.state = State::Proceeding { timeout };
                Action::SendTrying
            }
            State::Completed { until } if until <= now => {
                self.state = State::Terminated;
                Action::Nothing
            }
            _ => Action::Nothing,
        }
    }

    fn handle_unreachable(&mut self) -> Action {
        match self.state {
            State::Terminated => Action::Nothing,
            _ => Action::TellUnreachable,
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Trying { trying, timeout } => Some(trying.min(timeout)),
            State::Proceeding { timeout } => Some(timeout),
            State::Completed { until } => Some(until),
            State::Terminated => None,
        }
    }

    fn is_final(&self) -> bool {
        matches!(self.state, State::Completed { .. } | State::Terminated)
    }

    fn is_terminated(&self) -> bool {
        self.state == State::Terminated
    }
}

#[cfg(test)]
mod tests {
    use super::{super::machine::virtual_time::*, *};

    fn run(transport: Transport) -> Run<Server> {
        Run::begin(|start, timers| Server::new(start, transport, timers))
    }

    impl Run<Server> {
        fn respond(&mut self, at: u64, status: u16) -> Result<Action, CannotRespond> {
            self.machine.respond(self.start + millis(at), status, &self.timers)
        }
    }

    const UDP: Transport = Transport::Udp;

    #[test]
    fn trying_drops_a_repeated_request() {
        assert_eq!(run(UDP).machine.handle_request(), Action::Nothing);
    }

    #[test]
    fn rfc4320_a_100_is_sent_when_the_client_repeats_every_t2_and_nothing_after_f() {
        for transport in [UDP, Transport::Tcp] {
            let mut run = run(transport);
            assert_eq!(run.serve(FOREVER), [(3500, Action::SendTrying), (32_000, Action::TellTimeout)]);
            assert!(run.machine.is_terminated());
            assert_eq!(run.respond(32_000, 200), Err(CannotRespond::Answered));
        }
    }

    #[test]
    fn rfc4320_a_100_of_the_user_is_refused_over_udp_until_then() {
        let mut over_udp = run(UDP);
        assert_eq!(over_udp.respond(3499, 100), Err(CannotRespond::Forbidden));
        assert_eq!(over_udp.respond(3500, 100), Ok(Action::Send));
        let mut over_tcp = run(Transport::Tcp);
        assert_eq!(over_tcp.respond(1, 100), Ok(Action::Send));
        assert_eq!(over_tcp.serve(FOREVER), [(32_000, Action::TellTimeout)]);
    }

    #[test]
    fn rfc4320_other_provisional_responses_and_408_are_refused() {
        for transport in [UDP, Transport::Tcp] {
            let mut run = run(transport);
            for status in [101, 180, 183, 199, 408] {
                assert_eq!(run.respond(4000, status), Err(CannotRespond::Forbidden));
            }
            assert_eq!(run.respond(4000, 200), Ok(Action::Send));
        }
    }

    #[test]
    fn trying_and_proceeding_final_response_is_sent_and_j_ends_completed() {
        for status in [200, 301, 404, 503, 603] {
            for provisional in [false, true] {
                let mut run = run(UDP);
                if provisional {
                    run.serve(3500);
                }
                assert_eq!(run.respond(4000, status), Ok(Action::Send));
                assert!(run.machine.is_final());
                assert_eq!(run.serve(FOREVER), [(36_000, Action::Nothing)]);
                assert!(run.machine.is_terminated());
            }
        }
    }

    #[test]
    fn a_reliable_transport_leaves_completed_at_once() {
        let mut run = run(Transport::Tcp);
        assert_eq!(run.respond(10, 200), Ok(Action::Send));
        assert!(run.machine.is_terminated());
    }

    #[test]
    fn proceeding_repeated_request_gets_the_100_again() {
        let mut run = run(UDP);
        run.serve(3500);
        assert_eq!(run.machine.handle_request(), Action::Send);
        assert_eq!(run.respond(3600, 100), Ok(Action::Send));
    }

    #[test]
    fn completed_repeated_request_gets_the_final_response_again() {
        let mut run = run(UDP);
        run.respond(10, 200).unwrap();
        assert_eq!(run.machine.handle_request(), Action::Send);
        assert_eq!(run.serve(FOREVER), [(32_010, Action::Nothing)], "J is not restarted");
    }

    #[test]
    fn completed_refuses_another_response() {
        let mut run = run(UDP);
        run.respond(10, 200).unwrap();
        for status in [100, 200, 408, 500] {
            assert_eq!(run.respond(20, status), Err(CannotRespond::Answered));
        }
    }

    #[test]
    fn a_transport_error_is_told_in_any_state_and_it_stays() {
        let mut run = run(UDP);
        assert_eq!(run.machine.handle_unreachable(), Action::TellUnreachable);
        run.respond(10, 200).unwrap();
        assert_eq!(run.machine.handle_unreachable(), Action::TellUnreachable);
        assert_eq!(run.machine.handle_request(), Action::Send);
    }
}
