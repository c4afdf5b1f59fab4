//! Where a session is in its life, and how it ends.
//!
//! ```text
//! accepting:  Open ──bind──▶ Admitting ──admit──▶ Bound ◀──bind response── Binding  :binding
//!                                                   │
//!              ┌──────────our unbind────────────────┴───────────peer's unbind────────┐
//!              ▼                                                                     ▼
//!          Draining ──window empty, or time up──▶ Unbinding ──response──▶ Closed ◀── PeerUnbinding
//! ```
//! Every state may also go to `Closed` directly: the link ended, the peer is dead, or a deadline passed.

use std::time::Instant;

use super::{
    Session,
    dialect::{Dialect, Direction},
    event::{CloseReason, Event, Frame, Unanswered},
    outbox::Span,
};

/// Where a session is in its life.
pub(super) enum State<D: Dialect> {
    /// The peer is to bind.
    Open,
    /// The peer wants to bind; the owner decides.
    Admitting(Frame<D>),
    /// Our bind waits for its answer.
    Binding { sequence: D::Sequence, command: u32, credentials: D::Credentials },
    /// Traffic flows.
    Bound,
    /// We are about to unbind: requests in both directions still get their answers.
    Draining,
    /// Our unbind waits for its answer.
    Unbinding { sequence: D::Sequence },
    /// The peer's unbind waits until its requests have our answers.
    PeerUnbinding { unbind: D::Header },
    /// Over.
    Closed,
}

impl<D: Dialect> State<D> {
    /// Says whether the bind is yet to succeed.
    pub fn is_before_bind(&self) -> bool {
        matches!(self, Self::Open | Self::Admitting(_) | Self::Binding { .. })
    }

    /// Says whether requests of the peer are taken.
    pub fn takes_requests(&self) -> bool {
        matches!(self, Self::Bound | Self::Draining | Self::Unbinding { .. })
    }
}

/// Which end of the bind this session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binder {
    /// We bind: we are the ESME or SP.
    Us,
    /// The peer binds: we are the carrier's gateway.
    Peer,
}

impl Binder {
    /// Says whether we may send requests of `direction` on a session bound for `traffic`.
    pub fn may_we_send(self, direction: Direction, traffic: Direction) -> bool {
        let ours = match self {
            Self::Us => Direction::ToCarrier,
            Self::Peer => Direction::FromCarrier,
        };
        travels(direction, ours, traffic)
    }

    /// Says whether the peer may send requests of `direction` on a session bound for `traffic`.
    pub fn may_peer_send(self, direction: Direction, traffic: Direction) -> bool {
        let theirs = match self {
            Self::Us => Direction::FromCarrier,
            Self::Peer => Direction::ToCarrier,
        };
        travels(direction, theirs, traffic)
    }
}

/// SMPP 3.4 data_sm: a request that travels either way does so whatever the session was bound for.
fn travels(direction: Direction, senders: Direction, traffic: Direction) -> bool {
    direction == Direction::Either
        || (direction == senders && (traffic == Direction::Either || traffic == senders))
}

impl<D: Dialect> Session<D> {
    /// Ends the session over a transport that still carries what the outbox holds, except requests.
    pub(super) fn close(&mut self, reason: CloseReason) {
        self.end(reason, true);
    }

    /// Ends the session over a transport that carries nothing more.
    pub(super) fn close_dead(&mut self, reason: CloseReason) {
        self.end(reason, false);
    }

    /// A request that nobody has begun to take is taken out of the outbox and was never sent. One begun is finished
    /// if the transport lives, so it counts as sent then.
    fn end(&mut self, reason: CloseReason, transport_lives: bool) {
        if self.is_closed() {
            return;
        }
        let taken = self.outbox.taken();
        let mut unsent: Vec<Span> = Vec::new();
        for sent in self.window.drain() {
            let was_sent = if transport_lives { sent.span.start < taken } else { sent.span.end <= taken };
            if !was_sent {
                unsent.push(sent.span);
            }
            let cause = if was_sent { Unanswered::LinkLost } else { Unanswered::NeverSent };
            self.events.push_back(Event::Unanswered { ticket: sent.ticket, cause });
        }
        if transport_lives {
            self.outbox.cut(&unsent);
        } else {
            self.outbox.clear();
        }
        self.inbound.clear();
        self.timers.clear();
        self.probe = None;
        self.state = State::Closed;
        self.events.push_back(Event::Closed(reason));
    }

    /// Leaves `Bound` for a state that ends by itself: links are no longer tested, and `until` bounds it.
    pub(super) fn wind_down(&mut self, state: State<D>, until: Instant) {
        self.timers.silence = None;
        self.timers.probe = None;
        self.timers.unbind = Some(until);
        self.state = state;
    }
}
