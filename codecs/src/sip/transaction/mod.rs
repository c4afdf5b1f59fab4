//! Transactions: a request and all its responses, with retransmissions and timeouts (RFC 3261 §17, RFC 6026).
//!
//! [`Transactions`] holds all of them for a process: it matches what comes in, runs one machine per transaction and tells
//! its user ([`Event`]) what is new. What a request is answered, how dialogs go on and where a request goes next are the
//! user's. So are the ACK to a 2xx and the repetition of a 2xx until its ACK comes, for which it hands the 2xx to
//! [`Transactions::respond`] again.
//!
//! # Promises
//! - Each transaction ends in exactly one [`Event::Ended`], its last. A request of ours has one outcome before that: a final
//!   response, [`Event::Timeout`] or [`Event::Unreachable`].
//! - An INVITE waits as long as its user lets it: ours from its first provisional response until
//!   [`Transactions::cancel`], the peer's until [`Transactions::respond`]. All else ends by itself.
//! - Numbers are bounded ([`Limits`]); above them our requests are refused, and the peer's are told as
//!   [`Event::Overflow`].
//!
//! # Cost
//! Nothing is searched: a message finds its transaction by a hash, a deadline is changed in place in a heap, a lost
//! connection knows its requests, and a timer that fires allocates nothing. A live transaction takes some 350 octets (twice
//! that just after the tables grew) beside its message, which is dropped as soon as it can't be needed again: of an INVITE
//! that is answered nothing else is kept.

mod client;
mod client_side;
mod deadlines;
mod event;
mod from_invite;
mod invite_client;
mod invite_server;
mod key;
mod machine;
mod server;
mod server_side;
mod table;
mod timers;
mod tokens;
mod way_back;

use std::{collections::VecDeque, net::SocketAddr, time::Instant};

pub use event::{Absorbed, Counters, Event, NoCancel, RequestError, Transmit};
pub use server::CannotRespond;
pub use timers::Timers;
pub use tokens::BRANCH_OCTETS;
pub use way_back::way_back;

use self::{
    key::Keys,
    machine::Action,
    table::{Carrier, Table},
    tokens::Tokens,
};
use crate::{
    sip::{ConnectionId, Flow, Message, Method, Target, Transport},
    time::Now,
};

/// Timers and bounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Config {
    /// How long everything waits.
    pub timers: Timers,
    /// How many transactions there may be.
    pub limits: Limits,
}

/// How many transactions may be live at once. Most of them only wait for repetitions, for half a minute: at 1,000 calls a
/// second with INVITE and BYE that is 64,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests of ours.
    pub clients: usize,
    /// Requests of peers.
    pub servers: usize,
    /// As many more, each way, for requests inside dialogs and for CANCEL: what is full must still be able to end calls.
    pub reserve: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { clients: 100_000, servers: 100_000, reserve: 25_000 }
    }
}

impl Limits {
    fn with_reserve(&self, most: usize) -> usize {
        most.saturating_add(self.reserve)
    }
}

/// One transaction of a [`Transactions`], never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransactionId(u64);

impl TransactionId {
    fn new(slot: u32, generation: u32) -> Self {
        Self(u64::from(generation) << 32 | u64::from(slot))
    }

    fn slot(self) -> u32 {
        self.0 as u32
    }

    fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// All transactions of a process.
#[derive(Debug)]
pub struct Transactions {
    config: Config,
    keys: Keys,
    tokens: Tokens,
    table: Table,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    counters: Counters,
}

impl Transactions {
    /// No transactions yet. Branches are made from `seed`, which nobody should be able to guess.
    #[must_use]
    pub fn new(config: Config, seed: u64) -> Self {
        Self {
            config,
            keys: Keys::default(),
            tokens: Tokens::new(seed),
            table: Table::default(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// A branch for the top Via of a new request.
    #[must_use]
    pub fn branch(&mut self) -> [u8; BRANCH_OCTETS] {
        self.tokens.branch()
    }

    /// Sends a message outside of transactions: the ACK to a 2xx, an answer to [`Event::Overflow`] (whose target is
    /// [`way_back`]).
    pub fn send(&mut self, target: Target, message: &Message) {
        self.transmits.push_back(Transmit { target, octets: message.octets().clone(), transaction: None });
    }

    /// A whole message came in. Gives it back if no event tells of it, but it belongs to a transaction.
    pub fn receive(&mut self, now: Now, flow: Flow, message: Message) -> Option<Absorbed> {
        if message.is_request() {
            self.receive_request(now, flow, message)
        } else {
            self.receive_response(now, flow, message)
        }
    }

    /// A [`Transmit`] of this transaction could not be sent, or was said not to have arrived.
    pub fn unreachable(&mut self, id: TransactionId) {
        let Some(transaction) = self.table.get_mut(id) else { return };
        let action = transaction.machine.any_mut().handle_unreachable();
        self.act(id, action);
        self.settle(id);
    }

    /// A connection to `remote` is gone or could not be made. Requests of ours that went there and have no response yet
    /// (an INVITE: not even a provisional one) have no hope of any.
    pub fn connection_lost(
        &mut self,
        connection: Option<ConnectionId>,
        transport: Transport,
        remote: SocketAddr,
    ) {
        let carriers = [Some(Carrier::Address(transport, remote)), connection.map(Carrier::Connection)];
        for carrier in carriers.into_iter().flatten() {
            let carried: Vec<_> = self.table.carried_by(carrier).collect();
            carried.into_iter().for_each(|id| self.unreachable(id));
        }
    }

    /// A deadline may have passed. Harmless when called early.
    pub fn handle_timeout(&mut self, now: Now) {
        let Config { timers, .. } = self.config;
        while let Some((_, id)) = self.table.earliest().filter(|(at, _)| *at <= now.mono) {
            let Some(transaction) = self.table.get_mut(id) else { break };
            let action = transaction.machine.any_mut().handle_timeout(now.mono, &timers);
            self.act(id, action);
            self.settle(id);
        }
    }

    /// When to call [`Transactions::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.table.earliest().map(|(at, _)| at)
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// What [`Transactions::poll_transmit`] will give, in order.
    #[must_use]
    pub fn transmits(&self) -> &VecDeque<Transmit> {
        &self.transmits
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Live transactions of ours.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.table.clients()
    }

    /// Live transactions of peers.
    #[must_use]
    pub fn servers(&self) -> usize {
        self.table.servers()
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Does what a machine asks for that needs nothing but its transaction.
    fn act(&mut self, id: TransactionId, action: Action) {
        match action {
            Action::Send | Action::Acknowledge => {
                self.counters.retransmissions += 1;
                self.transmit(id);
            }
            Action::SendTrying => self.send_trying(id),
            Action::TellTimeout => self.events.push_back(Event::Timeout { id }),
            Action::TellUnreachable => self.events.push_back(Event::Unreachable { id }),
            Action::TellUnacknowledged => self.events.push_back(Event::Unacknowledged { id }),
            Action::Nothing | Action::Tell | Action::TellAndAcknowledge => {}
        }
    }

    /// Sends what the transaction has to send.
    fn transmit(&mut self, id: TransactionId) {
        let Some(transaction) = self.table.get_mut(id) else { return };
        let (target, octets) = (transaction.target.clone(), transaction.octets.clone());
        if octets.is_empty() {
            return;
        }
        self.transmits.push_back(Transmit { target, octets, transaction: Some(id) });
    }

    /// After a machine moved on.
    fn settle(&mut self, id: TransactionId) {
        if self.table.settle(id) {
            self.events.push_back(Event::Ended { id });
        }
    }

    /// Says whether one more fits, of which `live` are there under the limit `most`.
    fn has_room(&self, live: usize, most: usize, request: &Message) -> bool {
        let is_of_a_call =
            || request.method() == Some(Method::Cancel) || request.to().is_ok_and(|to| to.tag().is_some());
        live < most || (live < self.config.limits.with_reserve(most) && is_of_a_call())
    }
}
