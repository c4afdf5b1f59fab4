//! What a session does with each unit of the peer.

use bytes::Bytes;

use super::{
    Session,
    dialect::{Dialect, Direction, Refusal, UnitKind},
    event::{BindRefusal, BindRefused, CloseReason, Event, Frame, Unanswered},
    outbox::Span,
    state::State,
    window::Matched,
};
use crate::{
    error::{DecodeError, DecodeErrorKind, Severity},
    time::Now,
};

/// Refusals and acknowledgements that may wait untaken. A peer that keeps more of them unread gets no further ones.
const UNREAD_REPLIES: usize = 256;

impl<D: Dialect> Session<D> {
    /// Takes one whole unit of the peer.
    pub fn handle_frame(&mut self, now: Now, frame: Bytes) {
        if self.is_closed() {
            return;
        }
        self.heard(now);
        match D::header(&frame) {
            Ok(header) => self.handle_unit(now, Frame { header, octets: frame }),
            Err(error) if error.severity() == Severity::Stream => {
                self.handle_framing_lost(now, error, &frame);
            }
            Err(_) => self.counters.malformed_units += 1,
        }
    }

    fn handle_unit(&mut self, now: Now, frame: Frame<D>) {
        let kind = D::kind(&frame.header);
        if D::STRICT_BEFORE_BIND
            && self.state.is_before_bind()
            && !matches!(kind, UnitKind::Bind | UnitKind::BindResponse)
        {
            return self.close(CloseReason::Misbehaved);
        }
        match kind {
            UnitKind::Bind => self.handle_bind(frame),
            UnitKind::BindResponse => self.handle_bind_response(now, &frame),
            UnitKind::Request(direction) => self.handle_request(direction, frame),
            UnitKind::Response => {
                let command = D::command(&frame.header);
                self.handle_response(now, frame, Some(command));
            }
            UnitKind::Notice => self.handle_notice(frame),
            UnitKind::Outbind => self.events.push_back(Event::Notice(frame)),
            UnitKind::Probe => self.acknowledge(&frame.header),
            UnitKind::ProbeResponse => {
                if !self.answers_probe(D::sequence(&frame.header)) {
                    self.counters.stray_responses += 1;
                }
            }
            UnitKind::Unbind => self.handle_unbind(now, &frame.header),
            UnitKind::UnbindResponse => self.handle_unbind_response(&frame.header),
            UnitKind::Nack => self.handle_nack(now, frame),
            UnitKind::UnknownRequest => {
                self.counters.unknown_commands += 1;
                self.turn_down(&frame.header, Refusal::UnknownCommand);
            }
            UnitKind::UnknownResponse => self.counters.unknown_commands += 1,
        }
    }

    fn handle_bind(&mut self, frame: Frame<D>) {
        match self.state {
            State::Open => {
                self.events.push_back(Event::BindRequested(frame.clone()));
                self.state = State::Admitting(frame);
            }
            State::Binding { .. } if D::STRICT_BEFORE_BIND => self.close(CloseReason::Misbehaved),
            State::Binding { .. } => self.turn_down(&frame.header, Refusal::WrongState),
            _ => self.turn_down(&frame.header, Refusal::AlreadyBound),
        }
    }

    /// Takes the answer to our bind, a nack of it included.
    fn handle_bind_response(&mut self, now: Now, frame: &Frame<D>) {
        let State::Binding { sequence, command, credentials } = &self.state else {
            self.counters.stray_responses += 1;
            return;
        };
        if *sequence != D::sequence(&frame.header) {
            self.counters.stray_responses += 1;
            return;
        }
        let is_nack = D::kind(&frame.header) == UnitKind::Nack;
        let answered = D::command(&frame.header);
        let malformed = |field, value| BindRefused {
            status: 0,
            class: BindRefusal::Malformed(DecodeError {
                field,
                offset: 4,
                kind: DecodeErrorKind::Value(value),
            }),
            version: None,
        };
        let outcome = if !is_nack && answered != *command | 0x8000_0000 {
            self.counters.mismatched_responses += 1;
            Err(malformed("command_id", answered))
        } else {
            match self.dialect.bound(credentials, &frame.octets) {
                // Whatever the dialect reads in a nack, it accepts nothing.
                Ok(_) if is_nack => Err(malformed("command_id", answered)),
                outcome => outcome,
            }
        };
        match outcome {
            Ok(bound) => self.enter_bound(now, bound),
            Err(refused) => self.close(CloseReason::Refused(refused)),
        }
    }

    fn handle_request(&mut self, direction: Direction, frame: Frame<D>) {
        let traffic = self.bound.map_or(Direction::Either, |bound| bound.traffic);
        let refusal = if !self.state.takes_requests() || !self.binder.may_peer_send(direction, traffic) {
            Some(Refusal::WrongState)
        } else if !self.inbound.has_room(self.outbox.taken()) {
            Some(Refusal::Overloaded)
        } else {
            None
        };
        if let Some(why) = refusal {
            return self.turn_down(&frame.header, why);
        }
        let reply = self.inbound.insert(frame.header);
        self.events.push_back(Event::Request { reply, frame });
    }

    /// Takes a response; `None` as its command answers a request of any.
    fn handle_response(&mut self, now: Now, frame: Frame<D>, command: Option<u32>) {
        match self.window.take(now.mono, &D::sequence(&frame.header), command) {
            Matched::Answered { ticket, round_trip } => {
                self.last_round_trip = Some(round_trip);
                self.events.push_back(Event::Answered { ticket, response: frame });
            }
            Matched::Mismatched(ticket) => {
                self.counters.mismatched_responses += 1;
                self.events.push_back(Event::Unanswered { ticket, cause: Unanswered::Mismatched });
            }
            Matched::Late(ticket) => {
                self.counters.late_responses += 1;
                self.events.push_back(Event::Late { ticket, response: frame });
            }
            Matched::Stray => self.counters.stray_responses += 1,
        }
        self.unbind_when_drained(now);
    }

    /// A nack answers whatever has its sequence: the bind, the unbind, a probe or a request.
    fn handle_nack(&mut self, now: Now, frame: Frame<D>) {
        let nacked = D::sequence(&frame.header);
        match self.state {
            State::Binding { sequence, .. } if sequence == nacked => self.handle_bind_response(now, &frame),
            State::Unbinding { sequence } if sequence == nacked => self.close(CloseReason::Unbound),
            _ => {
                if !self.answers_probe(nacked) {
                    self.handle_response(now, frame, None);
                }
            }
        }
    }

    fn handle_notice(&mut self, frame: Frame<D>) {
        if self.state.is_before_bind() {
            // It wants no answer, so there is no way to refuse it.
            self.counters.refused_requests += 1;
            self.counters.misplaced_requests += 1;
        } else {
            self.events.push_back(Event::Notice(frame));
        }
    }

    fn handle_unbind(&mut self, now: Now, header: &D::Header) {
        match self.state {
            State::Bound | State::Draining => {
                self.events.push_back(Event::PeerUnbinding);
                let until = now.mono + self.config.unbind_timeout;
                self.wind_down(State::PeerUnbinding { unbind: *header }, until);
                self.answer_unbind_when_answered();
            }
            // Both unbind at once: each answers, and waits for the other's answer.
            State::Unbinding { .. } => self.acknowledge(header),
            _ => self.turn_down(header, Refusal::WrongState),
        }
    }

    fn handle_unbind_response(&mut self, header: &D::Header) {
        match self.state {
            State::Unbinding { sequence } if sequence == D::sequence(header) => {
                self.close(CloseReason::Unbound);
            }
            _ => self.counters.stray_responses += 1,
        }
    }

    /// Answers the peer's unbind once its requests are answered.
    pub(super) fn answer_unbind_when_answered(&mut self) {
        if let State::PeerUnbinding { unbind } = self.state
            && self.inbound.is_empty()
        {
            self.answer_unbind(&unbind);
        }
    }

    /// Answers the peer's unbind and ends the session.
    pub(super) fn answer_unbind(&mut self, unbind: &D::Header) {
        self.close(CloseReason::Unbound);
        self.acknowledge(unbind);
    }

    /// Answers a request of the peer positively, by the engine itself.
    fn acknowledge(&mut self, request: &D::Header) {
        if !self.may_reply() {
            return;
        }
        let pdu = self.dialect.acknowledge(request);
        if let Ok(span) = self.outbox.append(&self.dialect, &pdu, D::sequence(request)) {
            self.replied(span);
        }
    }

    /// Refuses a request that the owner never sees, if the protocol has words for it.
    fn turn_down(&mut self, request: &D::Header, why: Refusal) {
        self.counters.refused_requests += 1;
        if why == Refusal::WrongState {
            self.counters.misplaced_requests += 1;
        }
        if !self.may_reply() {
            return;
        }
        if let Some(pdu) = self.dialect.refuse(request, why)
            && let Ok(span) = self.outbox.append(&self.dialect, &pdu, D::sequence(request))
        {
            self.replied(span);
        }
    }

    fn may_reply(&mut self) -> bool {
        let may = self.unread_replies.count(self.outbox.taken()) < UNREAD_REPLIES;
        if !may {
            self.counters.withheld_replies += 1;
        }
        may
    }

    fn replied(&mut self, reply: Span) {
        self.unread_replies.push(reply, self.outbox.taken());
    }

    /// The next unit can't be found in the stream any more: says so to the peer, if the protocol can, and ends.
    /// `stream` is what has arrived from the unusable length on.
    pub fn handle_framing_lost(&mut self, _now: Now, error: DecodeError, stream: &[u8]) {
        if self.is_closed() {
            return;
        }
        self.close(CloseReason::FramingLost(error));
        if let Some((pdu, sequence)) = self.dialect.framing_lost(stream) {
            // The session is over either way; a last word that can't be encoded is not said.
            let _ = self.outbox.append(&self.dialect, &pdu, sequence);
        }
    }

    /// Says whether a unit has begun and is not whole. To be called after every read, once its whole units were
    /// handed over.
    pub fn handle_partial(&mut self, now: Now, partial: bool) {
        if !partial || self.is_closed() {
            self.timers.partial = None;
        } else if self.timers.partial.is_none() {
            self.timers.partial = Some(now.mono + self.config.partial_timeout);
        }
    }

    /// The transport ended: nothing more comes in or goes out.
    pub fn handle_end(&mut self, _now: Now) {
        let reason = match self.state {
            // Who closes instead of answering an unbind, or before the answer to its own, left all the same.
            State::Unbinding { .. } | State::PeerUnbinding { .. } => CloseReason::Unbound,
            _ => CloseReason::LinkLost,
        };
        self.close_dead(reason);
    }
}
