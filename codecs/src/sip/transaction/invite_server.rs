//! The INVITE server transaction: what happens to an INVITE of the peer.
//!
//! ```text
//! Proceeding ──300-699──▶ Completed ──ACK──▶ Confirmed ──I──▶ Terminated
//!      │                      └────────── H ──────────────────▲   ▲
//!      └────── 2xx ─────▶ Accepted ─────────── L ─────────────────┘
//! ```
//!
//! It never repeats a 2xx by itself, and never ends because a response could not be sent (RFC 6026): otherwise the next
//! repetition of the INVITE would be taken for a new call.

use std::time::Instant;

use super::{
    machine::{Action, Repetition, Timed, earlier},
    server::CannotRespond,
    timers::Timers,
};
use crate::sip::Transport;

/// One INVITE of the peer.
#[derive(Debug, Clone)]
pub(super) struct InviteServer {
    state: State,
    is_reliable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No final response yet. `trying`: when to send a 100, as long as nothing was sent.
    Proceeding { trying: Option<Instant> },
    /// 300 to 699 was sent.
    Completed { repetition: Option<Repetition>, timeout: Instant },
    /// Its ACK came.
    Confirmed { until: Instant },
    /// A 2xx was sent (RFC 6026).
    Accepted { until: Instant },
    /// Over.
    Terminated,
}

impl InviteServer {
    /// The INVITE came just now.
    pub fn new(now: Instant, transport: Transport, timers: &Timers) -> Self {
        let trying = Some(now + timers.trying);
        Self { state: State::Proceeding { trying }, is_reliable: transport.is_reliable() }
    }

    /// The INVITE came again.
    pub fn handle_request(&self) -> Action {
        match self.state {
            State::Proceeding { trying: None } | State::Completed { .. } => Action::Send,
            _ => Action::Nothing,
        }
    }

    /// An ACK with the INVITE's branch came.
    pub fn handle_ack(&mut self, now: Instant, timers: &Timers) -> Action {
        match self.state {
            State::Completed { .. } => {
                self.state = match self.is_reliable {
                    true => State::Terminated,
                    false => State::Confirmed { until: now + timers.i },
                };
                Action::Nothing
            }
            State::Accepted { .. } => Action::Tell,
            _ => Action::Nothing,
        }
    }

    /// The user gives a response with this status.
    pub fn respond(&mut self, now: Instant, status: u16, timers: &Timers) -> Result<Action, CannotRespond> {
        match (self.state, status) {
            (State::Proceeding { .. }, ..=199) => self.state = State::Proceeding { trying: None },
            (State::Proceeding { .. }, 200..=299) => {
                self.state = State::Accepted { until: now + timers.l };
            }
            (State::Proceeding { .. }, 300..) => {
                let repetition = (!self.is_reliable).then(|| Repetition::begin(now, timers.t1));
                self.state = State::Completed { repetition, timeout: now + timers.h };
            }
            (State::Accepted { .. }, 200..=299) => {}
            _ => return Err(CannotRespond::Answered),
        }
        Ok(Action::Send)
    }

    /// Says whether a response of 300 to 699 waits for its ACK.
    pub fn is_completed(&self) -> bool {
        matches!(self.state, State::Completed { .. })
    }
}

impl Timed for InviteServer {
    fn handle_timeout(&mut self, now: Instant, timers: &Timers) -> Action {
        match &mut self.state {
            State::Proceeding { trying: Some(at) } if *at <= now => {
                self.state = State::Proceeding { trying: None };
                Action::SendTrying
            }
            State::Completed { timeout, .. } if *timeout <= now => {
                self.state = State::Terminated;
                Action::TellUnacknowledged
            }
            State::Completed { repetition: Some(repetition), .. } if repetition.is_due(now) => {
                repetition.double(now, timers.t2);
                Action::Send
            }
            State::Confirmed { until } | State::Accepted { until } if *until <= now => {
                self.state = State::Terminated;
                Action::Nothing
            }
            _ => Action::Nothing,
        }
    }

    fn handle_unreachable(&mut self) -> Action {
        match self.state {
            State::Confirmed { .. } | State::Terminated => Action::Nothing,
            _ => Action::TellUnreachable,
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Proceeding { trying } => trying,
            State::Completed { repetition, timeout } => Some(earlier(repetition, timeout)),
            State::Confirmed { until } | State::Accepted { until } => Some(until),
            State::Terminated => None,
        }
    }

    fn is_final(&self) -> bool {
        !matches!(self.state, State::Proceeding { .. })
    }

    fn is_terminated(&self) -> bool {
        self.state == State::Terminated
    }
}

#[cfg(test)]
mod tests {
    use super::{super::machine::virtual_time::*, *};

    fn run(transport: Transport) -> Run<InviteServer> {
        Run::begin(|start, timers| InviteServer::new(start, transport, timers))
    }

    impl Run<InviteServer> {
        fn respond(&mut self, at: u64, status: u16) -> Result<Action, CannotRespond> {
            self.machine.respond(self.start + millis(at), status, &self.timers)
        }

        fn ack(&mut self, at: u64) -> Action {
            self.machine.handle_ack(self.start + millis(at), &self.timers)
        }
    }

    const UDP: Transport = Transport::Udp;

    #[test]
    fn a_100_is_sent_after_200_ms_when_the_user_said_nothing() {
        for transport in [UDP, Transport::Tcp] {
            let mut run = run(transport);
            assert_eq!(run.machine.handle_request(), Action::Nothing, "there is nothing to send yet");
            assert_eq!(run.serve(FOREVER), [(200, Action::SendTrying)]);
            assert_eq!(run.machine.handle_request(), Action::Send);
        }
    }

    #[test]
    fn no_100_is_sent_once_the_user_spoke() {
        for status in [100, 180, 183, 200, 404] {
            let mut run = run(Transport::Tcp);
            assert_eq!(run.respond(199, status), Ok(Action::Send));
            assert!(!run.serve(300).contains(&(200, Action::SendTrying)));
        }
    }

    #[test]
    fn proceeding_101_to_199_is_sent_and_a_repeated_invite_gets_it_again() {
        let mut run = run(UDP);
        assert_eq!(run.respond(10, 180), Ok(Action::Send));
        assert_eq!(run.machine.handle_request(), Action::Send);
        assert_eq!(run.respond(20, 183), Ok(Action::Send));
        assert_eq!(run.respond(30, 183), Ok(Action::Send), "a reliable one, repeated by the user");
        assert!(!run.machine.is_final());
        assert_eq!(run.serve(FOREVER), []);
    }

    #[test]
    fn proceeding_2xx_is_sent_and_l_ends_accepted() {
        for transport in [UDP, Transport::Tcp] {
            let mut run = run(transport);
            assert_eq!(run.respond(100, 200), Ok(Action::Send));
            assert!(run.machine.is_final());
            assert_eq!(run.serve(FOREVER), [(32_100, Action::Nothing)]);
            assert!(run.machine.is_terminated());
        }
    }

    #[test]
    fn proceeding_300_to_699_is_sent_and_repeated_up_to_t2_until_h_tells_that_no_ack_came() {
        for status in [300, 486, 503, 699] {
            let mut run = run(UDP);
            assert_eq!(run.respond(0, status), Ok(Action::Send));
            let instants = [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
            let sent = instants.map(|at| (at, Action::Send));
            assert_eq!(run.serve(FOREVER), [&sent[..], &[(32_000, Action::TellUnacknowledged)]].concat());
            assert!(run.machine.is_terminated());
        }
    }

    #[test]
    fn over_a_reliable_transport_g_does_not_run_and_h_does() {
        let mut run = run(Transport::Tcp);
        assert_eq!(run.respond(0, 486), Ok(Action::Send));
        assert_eq!(run.serve(FOREVER), [(32_000, Action::TellUnacknowledged)]);
    }

    #[test]
    fn proceeding_transport_error_is_told_and_it_stays() {
        let mut run = run(UDP);
        run.respond(0, 180).unwrap();
        assert_eq!(run.machine.handle_unreachable(), Action::TellUnreachable);
        assert_eq!(run.respond(1, 200), Ok(Action::Send));
    }

    #[test]
    fn proceeding_drops_an_ack() {
        let mut run = run(UDP);
        assert_eq!(run.ack(1), Action::Nothing);
        assert_eq!(run.respond(2, 486), Ok(Action::Send));
    }

    #[test]
    fn completed_repeated_invite_gets_the_response_again() {
        for transport in [UDP, Transport::Tcp] {
            let mut run = run(transport);
            run.respond(0, 486).unwrap();
            assert_eq!(run.machine.handle_request(), Action::Send);
        }
    }

    #[test]
    fn completed_ack_stops_g_and_h_and_i_ends_confirmed() {
        let mut run = run(UDP);
        run.respond(0, 486).unwrap();
        assert_eq!(run.serve(1600), [(500, Action::Send), (1500, Action::Send)]);
        assert_eq!(run.ack(2000), Action::Nothing);
        assert_eq!(run.serve(FOREVER), [(7000, Action::Nothing)]);
        assert!(run.machine.is_terminated());
    }

    #[test]
    fn over_a_reliable_transport_the_ack_ends_it_at_once() {
        let mut run = run(Transport::Tls);
        run.respond(0, 486).unwrap();
        assert_eq!(run.ack(100), Action::Nothing);
        assert!(run.machine.is_terminated());
    }

    #[test]
    fn completed_transport_error_is_told_and_it_stays() {
        let mut run = run(UDP);
        run.respond(0, 486).unwrap();
        assert_eq!(run.machine.handle_unreachable(), Action::TellUnreachable);
        assert_eq!(run.serve(600), [(500, Action::Send)]);
    }

    #[test]
    fn confirmed_absorbs_acks_and_invites() {
        let mut run = run(UDP);
        run.respond(0, 486).unwrap();
        run.ack(100);
        assert_eq!(run.ack(200), Action::Nothing);
        assert_eq!(run.machine.handle_request(), Action::Nothing);
        assert_eq!(run.machine.handle_unreachable(), Action::Nothing);
        assert_eq!(run.serve(FOREVER), [(5100, Action::Nothing)], "I is not restarted");
    }

    #[test]
    fn accepted_absorbs_invites_and_tells_acks() {
        let mut run = run(UDP);
        run.respond(0, 200).unwrap();
        assert_eq!(run.machine.handle_request(), Action::Nothing);
        assert_eq!(run.ack(100), Action::Tell);
        assert_eq!(run.ack(200), Action::Tell);
        assert_eq!(run.serve(FOREVER), [(32_000, Action::Nothing)]);
    }

    #[test]
    fn accepted_sends_the_users_repetitions_of_the_2xx_and_nothing_else() {
        let mut run = run(UDP);
        run.respond(0, 200).unwrap();
        assert_eq!(run.respond(500, 200), Ok(Action::Send));
        for status in [100, 180, 300, 487, 603] {
            assert_eq!(run.respond(600, status), Err(CannotRespond::Answered));
        }
        assert_eq!(run.serve(FOREVER), [(32_000, Action::Nothing)], "L is not restarted");
        assert_eq!(run.respond(32_000, 200), Err(CannotRespond::Answered));
    }

    #[test]
    fn accepted_transport_error_is_told_and_it_stays() {
        let mut run = run(UDP);
        run.respond(0, 200).unwrap();
        assert_eq!(run.machine.handle_unreachable(), Action::TellUnreachable);
        assert_eq!(run.machine.handle_request(), Action::Nothing);
    }

    #[test]
    fn completed_refuses_another_response() {
        let mut run = run(UDP);
        run.respond(0, 486).unwrap();
        for status in [180, 200, 486, 503] {
            assert_eq!(run.respond(1, status), Err(CannotRespond::Answered));
        }
    }
}
