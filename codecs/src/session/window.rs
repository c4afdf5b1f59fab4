//! Our own requests: those in flight, and those whose answer is overdue but would still be welcome.

use std::{
    hash::Hash,
    time::{Duration, Instant},
};

use super::{config::Config, event::Ticket, outbox::Span, timeline::Timeline};

/// A response's command is its request's with this bit set.
const RESPONSE: u32 = 0x8000_0000;

/// The overdue requests remembered, however small the window is.
const LATE_LEAST: usize = 4096;

/// One request of ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub ticket: Ticket,
    pub command: u32,
    pub at: Instant,
    pub span: Span,
}

/// What a response turned out to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Matched {
    /// A request in flight.
    Answered { ticket: Ticket, round_trip: Duration },
    /// A request in flight, but its command belongs to another one.
    Mismatched(Ticket),
    /// A request told as unanswered before.
    Late(Ticket),
    /// Nothing that we know.
    Stray,
}

/// Requests in flight and the late memory behind them.
#[derive(Debug)]
pub(super) struct Window<S> {
    limit: usize,
    response_timeout: Duration,
    late_memory: Duration,
    in_flight: Timeline<S, Sent>,
    late: Timeline<S, Sent>,
}

impl<S: Copy + Eq + Hash> Window<S> {
    pub fn new(config: &Config) -> Self {
        Self {
            limit: config.window.max(1),
            response_timeout: config.response_timeout,
            late_memory: config.late_memory,
            in_flight: Timeline::default(),
            late: Timeline::default(),
        }
    }

    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Changes the limit; requests in flight beyond it stay.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit.max(1);
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    pub fn headroom(&self) -> usize {
        self.limit.saturating_sub(self.in_flight.len())
    }

    /// Adds a request, its deadline counted from `sent.at`.
    pub fn insert(&mut self, sequence: S, sent: Sent) {
        self.in_flight.insert(sequence, sent.at + self.response_timeout, sent);
    }

    /// Finds what a response answers; `None` as its command answers whatever has its sequence.
    pub fn take(&mut self, now: Instant, sequence: &S, command: Option<u32>) -> Matched {
        let fits = |sent: &Sent| command.is_none_or(|command| command == sent.command | RESPONSE);
        if let Some(sent) = self.in_flight.remove(sequence) {
            if fits(&sent) {
                let round_trip = now.saturating_duration_since(sent.at);
                return Matched::Answered { ticket: sent.ticket, round_trip };
            }
            self.remember(now, *sequence, sent);
            return Matched::Mismatched(sent.ticket);
        }
        self.forget_old(now);
        if self.late.get(sequence).is_some_and(fits)
            && let Some(sent) = self.late.remove(sequence)
        {
            return Matched::Late(sent.ticket);
        }
        Matched::Stray
    }

    /// Takes the next request whose deadline has passed; a late answer will still find it.
    pub fn expire(&mut self, now: Instant) -> Option<Ticket> {
        let (sequence, sent) = self.in_flight.pop_due(now)?;
        self.remember(now, sequence, sent);
        Some(sent.ticket)
    }

    /// When [`Window::expire`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.in_flight.oldest_until()
    }

    /// Takes every request in flight, oldest first, and forgets the overdue ones.
    pub fn drain(&mut self) -> Vec<Sent> {
        self.late = Timeline::default();
        std::iter::from_fn(|| self.in_flight.pop_oldest()).map(|(_, sent)| sent).collect()
    }

    /// Takes a number for a new request from `next`, past those that an answer may still come for.
    ///
    /// Should every number be remembered, one of an overdue request is taken and that request forgotten. `None`:
    /// every number is in flight.
    pub fn free_sequence(
        &mut self,
        now: Instant,
        taken: Option<S>,
        mut next: impl FnMut() -> S,
    ) -> Option<S> {
        self.forget_old(now);
        let mut overdue = None;
        for _ in 0..self.in_flight.len() + self.late.len() + 2 {
            let sequence = next();
            if taken == Some(sequence) || self.in_flight.get(&sequence).is_some() {
                continue;
            }
            if self.late.get(&sequence).is_none() {
                return Some(sequence);
            }
            overdue.get_or_insert(sequence);
        }
        self.late.remove(&overdue?);
        overdue
    }

    fn remember(&mut self, now: Instant, sequence: S, sent: Sent) {
        self.forget_old(now);
        if self.late.len() >= LATE_LEAST.max(self.limit.saturating_mul(4)) {
            self.late.pop_oldest();
        }
        self.late.insert(sequence, now + self.late_memory, sent);
    }

    fn forget_old(&mut self, now: Instant) {
        while self.late.pop_due(now).is_some() {}
    }
}
