//! The windowed session: one engine for every SMS protocol and for both ends of the link.
//!
//! A [`Session`] matches answers to requests, keeps the window, tests the link, binds and unbinds. What the units
//! of one protocol look like is its [`Dialect`]'s; sockets, clocks and reconnects are the driver's; what is in a
//! body, and what to do about an outcome, is the owner's.
//!
//! Requests are encoded straight into the octets that [`Session::poll_transmit`] offers. Of every request exactly
//! one [`Event::Answered`] or [`Event::Unanswered`] tells the end, and [`Event::Closed`] is the last event.

mod config;
mod counters;
mod dialect;
mod event;
mod inbound;
mod outbox;
mod owner;
mod peer;
mod probe;
mod state;
mod timeline;
mod timers;
mod window;

use std::{collections::VecDeque, time::Duration};

use bytes::BytesMut;

pub use config::Config;
pub use counters::Counters;
pub use dialect::{Dialect, Direction, Refusal, UnitKind};
pub use event::{BindRefusal, BindRefused, Bound, CloseReason, Event, Frame, ReplyTo, Ticket, Unanswered};
pub use owner::{Admission, AnswerError, SubmitError};

use self::{
    inbound::Inbound,
    outbox::{Outbox, Untaken},
    probe::Probe,
    state::{Binder, State},
    timers::Timers,
    window::Window,
};
use crate::time::Now;

/// One connection's protocol state: a value that does no IO.
pub struct Session<D: Dialect> {
    config: Config,
    dialect: D,
    binder: Binder,
    state: State<D>,
    bound: Option<Bound>,
    window: Window<D::Sequence>,
    inbound: Inbound<D::Header>,
    probe: Option<Probe<D::Sequence>>,
    timers: Timers,
    outbox: Outbox,
    /// Replies by the engine itself that the driver has not taken.
    unread_replies: Untaken,
    events: VecDeque<Event<D>>,
    counters: Counters,
    last_round_trip: Option<Duration>,
}

impl<D: Dialect> Session<D> {
    /// The side that binds; the bind is queued at once. Closes as refused if `credentials` don't fit their fields.
    #[must_use]
    pub fn binding(config: Config, mut dialect: D, credentials: D::Credentials, now: Now) -> Self {
        let sequence = dialect.next_sequence(now);
        let bind = dialect.bind(&credentials, now);
        let command = D::command_of(&bind);
        let mut outbox = Outbox::default();
        let sent = outbox.append(&dialect, &bind, sequence);
        drop(bind);
        let state = State::Binding { sequence, command, credentials };
        let mut session = Self::new(config, dialect, Binder::Us, state, outbox, now);
        if sent.is_err() {
            session.close(CloseReason::Refused(owner::UNSPEAKABLE));
        }
        session
    }

    /// The side that is bound to. The peer's bind is told as [`Event::BindRequested`]; [`Session::admit`] decides.
    #[must_use]
    pub fn accepting(config: Config, dialect: D, now: Now) -> Self {
        Self::new(config, dialect, Binder::Peer, State::Open, Outbox::default(), now)
    }

    fn new(config: Config, dialect: D, binder: Binder, state: State<D>, outbox: Outbox, now: Now) -> Self {
        Self {
            window: Window::new(&config),
            inbound: Inbound::new(config.inbound_window),
            timers: Timers { bind: Some(now.mono + config.bind_timeout), ..Timers::default() },
            config,
            dialect,
            binder,
            state,
            bound: None,
            probe: None,
            outbox,
            unread_replies: Untaken::default(),
            events: VecDeque::new(),
            counters: Counters::default(),
            last_round_trip: None,
        }
    }

    /// Octets to write; the driver advances them as it writes. Final answers may be left in a closed session: they
    /// are to be written before the transport is closed.
    pub fn poll_transmit(&mut self) -> Option<&mut BytesMut> {
        self.outbox.pending()
    }

    /// The next event. Nothing follows [`Event::Closed`].
    pub fn poll_event(&mut self) -> Option<Event<D>> {
        self.events.pop_front()
    }

    /// Requests that may be submitted now: none unless bound.
    #[must_use]
    pub fn headroom(&self) -> usize {
        if self.is_bound() { self.window.headroom() } else { 0 }
    }

    /// Our requests that wait for an answer.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.window.in_flight()
    }

    /// Our requests that may wait for an answer, 1 or more.
    #[must_use]
    pub fn window(&self) -> usize {
        self.window.limit()
    }

    /// Changes the window, at least to 1. Requests in flight beyond it stay.
    pub fn set_window(&mut self, window: usize) {
        self.window.set_limit(window);
    }

    /// Says whether another unit should be handed over. Asked before each unit: requests beyond the inbound window
    /// are refused.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        !self.is_closed() && self.inbound.has_room(self.outbox.taken())
    }

    /// Says whether traffic flows: the bind succeeded and nobody has begun to unbind.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        matches!(self.state, State::Bound)
    }

    /// Says whether the session is over. Events and octets may still wait to be polled.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// What was agreed at the bind, also after the session ended.
    #[must_use]
    pub fn bound(&self) -> Option<Bound> {
        self.bound
    }

    /// The protocol's own state: what was negotiated.
    #[must_use]
    pub fn dialect(&self) -> &D {
        &self.dialect
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How long the latest answered request waited for its answer.
    #[must_use]
    pub fn last_round_trip(&self) -> Option<Duration> {
        self.last_round_trip
    }
}
