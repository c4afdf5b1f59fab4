//! What the owner of a session asks of it.

use thiserror::Error;

use super::{
    Session,
    dialect::{Dialect, Refusal, UnitKind},
    event::{BindRefusal, BindRefused, Bound, CloseReason, Event, ReplyTo, Ticket},
    outbox::Span,
    state::State,
    window::Sent,
};
use crate::{error::EncodeError, time::Now};

/// What becomes of a peer's bind.
pub enum Admission<'a, D: Dialect> {
    /// It must prove these.
    Check(&'a D::Credentials),
    /// It is refused with this status, SMPP command_status or CMPP Status.
    Refuse(u32),
}

/// Why a request was not taken. Nothing was sent, and its ticket comes back in no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SubmitError {
    /// The session is not bound yet, is ending, or is over.
    #[error("the session is not bound")]
    NotBound,
    /// As many requests are in flight as the window allows.
    #[error("the window is full")]
    WindowFull,
    /// We may not send this on a session bound this way, or it is no such request at all.
    #[error("this unit may not be sent on this session")]
    WrongDirection,
    /// A value that its field can't hold.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Why an answer was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// No such request waits: it was answered or refused before.
    #[error("no such request waits for an answer")]
    UnknownReply,
    /// The session is over.
    #[error("the session is closed")]
    Closed,
    /// A value that its field can't hold. The request still waits.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl<D: Dialect> Session<D> {
    /// Decides the bind told in [`Event::BindRequested`]: answers it, then is bound or closes as
    /// [`CloseReason::Refused`]. Without a bind to decide it does nothing.
    pub fn admit(&mut self, now: Now, verdict: Admission<'_, D>) {
        let State::Admitting(bind) = &self.state else {
            return;
        };
        let sequence = D::sequence(&bind.header);
        let (with, checked) = match verdict {
            Admission::Check(with) => (Some(with), self.dialect.verify(with, &bind.octets, now)),
            Admission::Refuse(status) => {
                (None, Err(BindRefused { status, class: BindRefusal::Temporary, version: None }))
            }
        };
        let said = checked.as_ref().map(|_| ()).map_err(|refused| refused.status);
        let answer = self.dialect.bind_response(with, &bind.octets, said);
        let answered = self.outbox.append(&self.dialect, &answer, sequence);
        drop(answer);
        match checked {
            // An acceptance that was never said is none.
            Ok(_) if answered.is_err() => self.close(CloseReason::Refused(UNSPEAKABLE)),
            Ok(bound) => self.enter_bound(now, bound),
            Err(refused) => self.close(CloseReason::Refused(refused)),
        }
    }

    /// Sends a request. `ticket` comes back in exactly one `Answered` or `Unanswered`.
    ///
    /// # Errors
    /// See [`SubmitError`]; the session is as it was.
    pub fn submit(&mut self, now: Now, ticket: Ticket, pdu: &D::Pdu<'_>) -> Result<D::Sequence, SubmitError> {
        let (State::Bound, Some(bound)) = (&self.state, self.bound) else {
            return Err(SubmitError::NotBound);
        };
        if self.headroom() == 0 {
            return Err(SubmitError::WindowFull);
        }
        let sequence = self.free_sequence(now).ok_or(SubmitError::WindowFull)?;
        let span = self.outbox.append(&self.dialect, pdu, sequence)?;
        let may_travel = D::header(self.outbox.unit(span)).is_ok_and(|header| match D::kind(&header) {
            UnitKind::Request(direction) => self.binder.may_we_send(direction, bound.traffic),
            _ => false,
        });
        if !may_travel {
            self.outbox.retract(span);
            return Err(SubmitError::WrongDirection);
        }
        self.window.insert(sequence, Sent { ticket, command: D::command_of(pdu), at: now.mono, span });
        Ok(sequence)
    }

    /// Sends a unit that wants no answer: a notice on a bound session, an outbind before the peer's bind.
    ///
    /// # Errors
    /// See [`SubmitError`]; the session is as it was.
    pub fn notify(&mut self, now: Now, pdu: &D::Pdu<'_>) -> Result<(), SubmitError> {
        if !matches!(self.state, State::Bound | State::Open) {
            return Err(SubmitError::NotBound);
        }
        let sequence = self.free_sequence(now).ok_or(SubmitError::WindowFull)?;
        let span = self.outbox.append(&self.dialect, pdu, sequence)?;
        let kind = D::header(self.outbox.unit(span)).map(|header| D::kind(&header));
        let refusal = match (kind, &self.state) {
            (Ok(UnitKind::Notice), State::Bound) | (Ok(UnitKind::Outbind), State::Open) => return Ok(()),
            (Ok(UnitKind::Notice), _) => SubmitError::NotBound,
            _ => SubmitError::WrongDirection,
        };
        self.outbox.retract(span);
        Err(refusal)
    }

    /// Sends octets as they are, after what waits: how tools play a peer that breaks the protocol. The session expects
    /// nothing for them; a response that the other side gives counts as stray.
    pub fn send_raw(&mut self, octets: &[u8]) {
        if !self.is_closed() {
            self.outbox.append_raw(octets);
        }
    }

    /// Answers a request of the peer.
    ///
    /// # Errors
    /// See [`AnswerError`].
    pub fn answer(&mut self, now: Now, reply: ReplyTo, pdu: &D::Pdu<'_>) -> Result<(), AnswerError> {
        if self.is_closed() {
            return Err(AnswerError::Closed);
        }
        let header = self.inbound.get(reply).ok_or(AnswerError::UnknownReply)?;
        let span = self.outbox.append(&self.dialect, pdu, D::sequence(&header))?;
        self.settle_reply(now, reply, Some(span));
        Ok(())
    }

    /// Refuses a request of the peer in the protocol's own words, or drops it when the protocol has none. A request
    /// that no longer waits is left alone.
    pub fn refuse(&mut self, now: Now, reply: ReplyTo, why: Refusal) {
        let Some(header) = self.inbound.get(reply) else {
            return;
        };
        self.counters.refused_requests += 1;
        match why {
            Refusal::Malformed(_) => self.counters.malformed_units += 1,
            Refusal::UnknownCommand => self.counters.unknown_commands += 1,
            Refusal::WrongState => self.counters.misplaced_requests += 1,
            Refusal::AlreadyBound | Refusal::Overloaded => {}
        }
        let span = self
            .dialect
            .refuse(&header, why)
            .and_then(|pdu| self.outbox.append(&self.dialect, &pdu, D::sequence(&header)).ok());
        self.settle_reply(now, reply, span);
    }

    /// Leaves a request of the peer without an answer for good. A request that no longer waits is left alone.
    pub fn leave_unanswered(&mut self, now: Now, reply: ReplyTo) {
        self.settle_reply(now, reply, None);
    }

    fn settle_reply(&mut self, now: Now, reply: ReplyTo, span: Option<Span>) {
        let waited = self.inbound.waits_for_owner();
        self.inbound.remove(reply, span, self.outbox.taken());
        if waited && !self.inbound.waits_for_owner() {
            self.listen_again(now);
        }
        self.answer_unbind_when_answered();
        self.unbind_when_drained(now);
    }

    /// Ends the session in good order: takes no new requests, lets those in flight be answered on both sides for at
    /// most `unbind_timeout`, unbinds, and closes on the answer or after `unbind_timeout`. A session that is not
    /// bound yet closes at once.
    pub fn unbind(&mut self, now: Now) {
        if self.state.is_before_bind() {
            self.close_dead(CloseReason::Unbound);
        } else if matches!(self.state, State::Bound) {
            self.wind_down(State::Draining, now.mono + self.config.unbind_timeout);
            self.unbind_when_drained(now);
        }
    }

    /// The same without the waiting: unbinds at once. Requests in flight may still be answered before the answer to the
    /// unbind; the others end with the session.
    pub fn unbind_at_once(&mut self, now: Now) {
        self.unbind(now);
        if matches!(self.state, State::Draining) {
            self.send_unbind(now);
        }
    }

    /// Unbinds once nothing waits for an answer on either side.
    pub(super) fn unbind_when_drained(&mut self, now: Now) {
        if matches!(self.state, State::Draining) && self.window.in_flight() == 0 && self.inbound.is_empty() {
            self.send_unbind(now);
        }
    }

    /// Unbinds now.
    pub(super) fn send_unbind(&mut self, now: Now) {
        let sent = self.free_sequence(now).and_then(|sequence| {
            let pdu = self.dialect.unbind();
            self.outbox.append(&self.dialect, &pdu, sequence).is_ok().then_some(sequence)
        });
        match sent {
            Some(sequence) => {
                self.wind_down(State::Unbinding { sequence }, now.mono + self.config.unbind_timeout);
            }
            None => self.close(CloseReason::Unbound),
        }
    }

    pub(super) fn enter_bound(&mut self, now: Now, bound: Bound) {
        self.timers.bind = None;
        self.timers.silence = Some(now.mono + self.config.probe_after);
        self.bound = Some(bound);
        self.state = State::Bound;
        self.events.push_back(Event::Bound(bound));
    }

    /// A number for a unit of ours that wants an answer.
    pub(super) fn free_sequence(&mut self, now: Now) -> Option<D::Sequence> {
        let probing = self.probe.as_ref().map(|probe| probe.sequence);
        let Self { window, dialect, .. } = self;
        window.free_sequence(now.mono, probing, || dialect.next_sequence(now))
    }
}

/// Our own part of a bind does not fit into its fields.
pub(super) const UNSPEAKABLE: BindRefused =
    BindRefused { status: 0, class: BindRefusal::Credentials, version: None };
