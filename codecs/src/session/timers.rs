//! The named timers of a session and what each does when it fires.

use std::time::Instant;

use super::{
    Session,
    dialect::Dialect,
    event::{CloseReason, Event, Unanswered},
    state::State,
};
use crate::time::Now;

/// One deadline per purpose. Response deadlines are the window's own.
#[derive(Debug, Default)]
pub(super) struct Timers {
    /// The session must be bound.
    pub bind: Option<Instant>,
    /// The peer was silent: probe.
    pub silence: Option<Instant>,
    /// The probe must have its answer.
    pub probe: Option<Instant>,
    /// The started unit must be whole.
    pub partial: Option<Instant>,
    /// The present step of the unbind must be over.
    pub unbind: Option<Instant>,
}

impl Timers {
    /// Stops them all.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

fn due(timer: Option<Instant>, now: Now) -> bool {
    timer.is_some_and(|at| at <= now.mono)
}

impl<D: Dialect> Session<D> {
    /// A deadline may have passed. Harmless when called early.
    pub fn handle_timeout(&mut self, now: Now) {
        if due(self.timers.bind, now) {
            return self.close(CloseReason::BindTimeout);
        }
        while let Some(ticket) = self.window.expire(now.mono) {
            self.events.push_back(Event::Unanswered { ticket, cause: Unanswered::TimedOut });
        }
        if due(self.timers.unbind, now) {
            self.unbind_step_over(now);
        }
        self.unbind_when_drained(now);
        if self.inbound.waits_for_owner() {
            return;
        }
        if due(self.timers.partial, now) {
            return self.close(CloseReason::PartialTimeout);
        }
        if due(self.timers.probe, now) {
            self.handle_probe_missed(now);
        }
        if due(self.timers.silence, now) {
            self.handle_silence(now);
        }
    }

    /// When to call [`Session::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let Timers { bind, silence, probe, partial, unbind } = self.timers;
        // While our owner keeps the peer's requests waiting we don't read, and then silence is not the peer's.
        let listening = if self.inbound.waits_for_owner() { [None; 3] } else { [silence, probe, partial] };
        [bind, unbind, self.window.deadline()].into_iter().chain(listening).flatten().min()
    }

    /// Something of the peer came in whole: it lives.
    pub(super) fn heard(&mut self, now: Now) {
        self.timers.partial = None;
        self.timers.probe = None;
        if matches!(self.state, State::Bound) {
            self.timers.silence = Some(now.mono + self.config.probe_after);
        }
    }

    /// Reading goes on after our owner kept it from going on: what the peer owes us is counted from here.
    pub(super) fn listen_again(&mut self, now: Now) {
        let Timers { silence, probe, partial, .. } = &mut self.timers;
        for (timer, length) in [
            (silence, self.config.probe_after),
            (probe, self.config.probe_timeout),
            (partial, self.config.partial_timeout),
        ] {
            if timer.is_some() {
                *timer = Some(now.mono + length);
            }
        }
    }

    fn unbind_step_over(&mut self, now: Now) {
        match self.state {
            State::Draining => self.send_unbind(now),
            State::PeerUnbinding { unbind } => self.answer_unbind(&unbind),
            _ => self.close(CloseReason::Unbound),
        }
    }
}
