//! The endpoint: what its driver hands in and takes out, and whose everything is.

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    net::SocketAddr,
    sync::Arc,
    time::Instant,
};

use bytes::Bytes;

use super::{
    Body, Config, Counters, Direction, Event, Hangup, Invite, LegId, Options, OutsideId, Peer, PeerId,
    Refusal, RequestId, Response, Snapshot,
    core::{Core, Owner, check_fields},
    leg::{Call, Leg},
    outgoing::Outgoing,
    outside::Outside,
    registration::Register,
};
use crate::{
    Now,
    sip::{
        ConnectionId, Flow, Message, Target, Transport, auth, cause,
        framing::{Datagram, StreamFault, datagram},
        transaction::{self, Absorbed, TransactionId, Transmit},
    },
};

/// All SIP of a process.
///
/// After every call that takes `&mut self`: [`Endpoint::poll_transmit`] until `None`, then [`Endpoint::poll_event`] until
/// `None`, then [`Endpoint::poll_timeout`]. What could not be sent is told by [`Endpoint::unreachable`].
#[derive(Debug)]
pub struct Endpoint {
    pub(super) core: Core,
    pub(super) legs: HashMap<LegId, Leg>,
    pub(super) outside: Outside,
    /// Requests outside dialogs that the caller answers.
    pub(super) asked: HashMap<TransactionId, (Flow, Message)>,
    deadlines: BTreeSet<(Instant, LegId)>,
    legs_made: u64,
    /// Legs that have not ended; ended ones stay for as long as something of theirs is on the wire.
    pub(super) live: usize,
    /// Of these, the calls that each peer placed.
    pub(super) incoming: HashMap<PeerId, usize>,
    /// Messages that wait to be sent and are told already.
    told: usize,
}

impl Endpoint {
    /// An endpoint without peers. `seed` decides everything that nobody may guess.
    #[must_use]
    pub fn new(config: Config, seed: u64) -> Self {
        Self {
            core: Core::new(config, seed),
            legs: HashMap::new(),
            outside: Outside::default(),
            asked: HashMap::new(),
            deadlines: BTreeSet::new(),
            legs_made: 0,
            live: 0,
            incoming: HashMap::new(),
            told: 0,
        }
    }

    /// Replaces all peers. Legs that live keep the policy that they began with.
    pub fn set_peers(&mut self, peers: Vec<Peer>) {
        for peer in &peers {
            let before = self.core.peers.iter().find(|old| old.id == peer.id);
            if before.is_none_or(|old| old.credentials != peer.credentials) {
                let seed = self.core.tokens.number();
                self.core.credentials.insert(peer.id, auth::Client::new(peer.credentials.clone(), seed));
            }
        }
        self.core.credentials.retain(|id, _| peers.iter().any(|peer| peer.id == *id));
        self.core.peers = peers;
    }

    /// Changes how many legs there may be at once. Those beyond a lower limit go on.
    pub fn set_leg_limit(&mut self, legs: usize) {
        self.core.config.limits.legs = legs;
    }

    /// A datagram came in.
    pub fn handle_datagram(&mut self, now: Now, flow: Flow, octets: Bytes) {
        match datagram(octets) {
            Ok(Datagram::KeepAlive) => {}
            Ok(Datagram::Message(message)) => self.handle_message(now, flow, message),
            Ok(Datagram::Torn(head)) => {
                let status = self.answer_broken(&flow, &head, 400);
                self.malformed(flow, status);
            }
            Err(_) => self.malformed(flow, None),
        }
    }

    /// A whole message came in.
    pub fn handle_message(&mut self, now: Now, flow: Flow, message: Message) {
        if self.screen(&flow, &message) {
            if let Some(Absorbed { id, message }) = self.core.transactions.receive(now, flow, message) {
                self.core.note_of(now, id, Direction::Received, message.octets());
            }
            self.serve(now);
        }
    }

    /// A stream broke its framing: what may still be answered is, before the driver closes the connection.
    pub fn handle_stream_fault(&mut self, flow: Flow, fault: StreamFault) {
        let head = fault.message.as_ref();
        let status = head.and_then(|head| self.answer_broken(&flow, head, fault.kind.status()));
        self.malformed(flow, status);
    }

    /// A [`Transmit`] of this transaction could not be sent, or was said not to have arrived.
    pub fn unreachable(&mut self, now: Now, transaction: TransactionId) {
        self.core.transactions.unreachable(transaction);
        self.serve(now);
    }

    /// A connection is gone, or could not be made.
    pub fn connection_lost(
        &mut self,
        now: Now,
        connection: Option<ConnectionId>,
        transport: Transport,
        remote: SocketAddr,
    ) {
        self.core.transactions.connection_lost(connection, transport, remote);
        self.serve(now);
    }

    /// A deadline may have passed. Harmless when called early.
    pub fn handle_timeout(&mut self, now: Now) {
        self.core.transactions.handle_timeout(now);
        self.serve(now);
        let due: Vec<_> = self.deadlines.iter().take_while(|(at, _)| *at <= now.mono).copied().collect();
        for (_, id) in due {
            _ = self.with(id, |leg, core| {
                leg.handle_timeout(core, now);
                Ok(())
            });
        }
        self.note_sent(now);
    }

    /// When to call [`Endpoint::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let leg = self.deadlines.first().map(|(at, _)| *at);
        [leg, self.core.transactions.poll_timeout()].into_iter().flatten().min()
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        let transmit = self.core.transactions.poll_transmit()?;
        self.told = self.told.saturating_sub(1);
        Some(transmit)
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.core.events.pop_front()
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.core.counters
    }

    /// What the transactions counted so far.
    #[must_use]
    pub fn transaction_counters(&self) -> &transaction::Counters {
        self.core.transactions.counters()
    }

    /// Transactions that are kept: those of our requests, and those of peers.
    #[must_use]
    pub fn transactions(&self) -> [usize; 2] {
        [self.core.transactions.clients(), self.core.transactions.servers()]
    }

    /// Legs that have not ended.
    #[must_use]
    pub fn legs(&self) -> usize {
        self.live
    }

    /// Whether nothing at all is kept: no leg, no transaction, no name of either, nothing that waits for a deadline.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.legs.is_empty()
            && self.deadlines.is_empty()
            && self.asked.is_empty()
            && self.outside.is_empty()
            && self.core.is_idle()
    }

    /// Places a call.
    ///
    /// # Errors
    /// [`Refusal`]; nothing was sent then.
    pub fn invite(&mut self, now: Now, invite: Invite) -> Result<LegId, Refusal> {
        check_fields(&invite.fields)?;
        if self.is_full() {
            return Err(Refusal::Full);
        }
        let id = self.next_leg();
        let (peer, policy) = (invite.peer, Arc::clone(&invite.policy));
        let (call, tag) = Outgoing::new(&mut self.core, id, invite, now)?;
        let mut leg = Leg::new(id, peer, policy, Call::Outgoing(Box::new(call)));
        leg.tags.push(tag.clone());
        if let Err(refusal) = leg.send_invite(&mut self.core, now, true) {
            self.core.tags.remove(&tag);
            return Err(refusal);
        }
        self.core.counters.calls_out += 1;
        self.live += 1;
        self.keep(leg);
        self.note_sent(now);
        Ok(id)
    }

    /// Answers a call that came in: with progress, a 2xx or a refusal, by the status. A 2xx that has to wait for a PRACK
    /// goes out by itself when that has come. Bodies are the caller's: a 2xx carries an answer only if it has one here.
    ///
    /// # Errors
    /// [`Refusal`]; nothing was sent then.
    pub fn respond(&mut self, now: Now, leg: LegId, response: Response) -> Result<(), Refusal> {
        self.with_live(now, leg, |leg, core| leg.respond(core, now, response))
    }

    /// Ends a leg with what its state wants: CANCEL, BYE, a refusal, or one of them as soon as it may be sent.
    ///
    /// # Errors
    /// [`Refusal`] if it has ended.
    pub fn hangup(&mut self, now: Now, leg: LegId, hangup: Hangup) -> Result<(), Refusal> {
        check_fields(&hangup.fields)?;
        self.with_live(now, leg, |leg, core| leg.hang_up(core, now, hangup))
    }

    /// Offers a change of the session: with a re-INVITE, in an early dialog with an UPDATE, as soon as nothing else is
    /// open. Ends with `SessionChanged` or `OfferFailed`; where the peer says nothing, or 481, the call is over and only
    /// `Ended` comes.
    ///
    /// # Errors
    /// [`Refusal`]; an offer that is open already is one.
    pub fn offer(&mut self, now: Now, leg: LegId, sdp: Body) -> Result<(), Refusal> {
        self.with_live(now, leg, |leg, core| leg.offer(core, now, sdp))
    }

    /// Answers the peer's offer.
    ///
    /// # Errors
    /// [`Refusal`] if none is open.
    pub fn accept_offer(&mut self, now: Now, leg: LegId, sdp: Body) -> Result<(), Refusal> {
        self.with_live(now, leg, |leg, core| leg.accept_offer(core, now, sdp))
    }

    /// Refuses the peer's offer. One that came in a 2xx cannot be refused: the call ends.
    ///
    /// # Errors
    /// [`Refusal`] if none is open, or the status is no failure.
    pub fn refuse_offer(&mut self, now: Now, leg: LegId, status: u16) -> Result<(), Refusal> {
        self.with_live(now, leg, |leg, core| leg.refuse_offer(core, now, status))
    }

    /// Sends an INFO: a digit as `application/dtmf-relay`, or anything else.
    ///
    /// # Errors
    /// [`Refusal`] if the leg is not answered.
    pub fn info(&mut self, now: Now, leg: LegId, body: Body) -> Result<(), Refusal> {
        self.with_live(now, leg, |leg, core| leg.send_info(core, now, body))
    }

    /// Sends a REGISTER that a [`super::Registration`] asks for; `routes`: its Service-Route. What comes of it is
    /// `Event::Outside`.
    ///
    /// # Errors
    /// [`Refusal`]; nothing was sent then.
    pub fn register(
        &mut self,
        now: Now,
        peer: PeerId,
        target: Target,
        register: &Register,
        routes: Vec<Bytes>,
    ) -> Result<OutsideId, Refusal> {
        self.outside.register(&mut self.core, now, (peer, target), register, routes)
    }

    /// Sends an OPTIONS that a [`super::Probe`] asks for. What comes of it is `Event::Outside`.
    ///
    /// # Errors
    /// [`Refusal`]; nothing was sent then.
    pub fn probe(&mut self, now: Now, options: Options) -> Result<OutsideId, Refusal> {
        self.outside.options(&mut self.core, now, options)
    }

    /// Answers a request outside dialogs that was told as `Event::Request`. One that cannot be answered any more is not.
    pub fn answer_request(&mut self, now: Now, id: RequestId, response: Response) {
        self.answer_asked(now, id, &response);
        self.serve(now);
    }

    /// Ends on the wire what a crash left: CANCEL or BYE. Its `Ended` says that it was lost.
    ///
    /// # Errors
    /// [`Refusal`] if nothing can be sent.
    pub fn restore(&mut self, now: Now, snapshot: Snapshot) -> Result<LegId, Refusal> {
        let id = self.next_leg();
        let leg = Leg::restore(&mut self.core, now, id, snapshot)?;
        self.keep(leg);
        self.note_sent(now);
        Ok(id)
    }

    pub(super) fn next_leg(&mut self) -> LegId {
        self.legs_made += 1;
        LegId(self.legs_made)
    }

    /// Whether no further leg may begin.
    pub(super) fn is_full(&self) -> bool {
        let limits = &self.core.config.limits;
        // Ended legs that still wait for repetitions take room too.
        self.live >= limits.legs
            || self.legs.len() >= limits.legs.saturating_mul(4)
            || self.core.events.len() >= limits.events
    }

    fn with_live(
        &mut self,
        now: Now,
        id: LegId,
        act: impl FnOnce(&mut Leg, &mut Core) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let done =
            self.with(id, |leg, core| if leg.has_ended { Err(Refusal::NoLeg) } else { act(leg, core) });
        self.serve(now);
        done
    }

    /// Lets a leg act, and puts it in order afterwards.
    pub(super) fn with(
        &mut self,
        id: LegId,
        act: impl FnOnce(&mut Leg, &mut Core) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let Entry::Occupied(mut entry) = self.legs.entry(id) else { return Err(Refusal::NoLeg) };
        let leg = entry.get_mut();
        let had_ended = leg.has_ended;
        let done = act(leg, &mut self.core);
        if leg.has_ended && !had_ended {
            self.live -= 1;
            if leg.direction() == cause::Direction::Incoming
                && let Some(count) = self.incoming.get_mut(&leg.peer)
            {
                *count -= 1;
            }
        }
        if order(leg, &mut self.deadlines) {
            let leg = entry.remove();
            self.core.forget_tags(&leg);
        }
        done
    }

    /// Takes a new leg up, unless nothing can come of it any more.
    pub(super) fn keep(&mut self, mut leg: Leg) {
        if order(&mut leg, &mut self.deadlines) {
            self.core.forget_tags(&leg);
        } else {
            self.legs.insert(leg.id, leg);
        }
    }

    pub(super) fn malformed(&mut self, flow: Flow, status: Option<u16>) {
        self.core.counters.malformed += 1;
        self.core.events.push_back(Event::Malformed { flow, status });
    }

    /// Hands everything that the transactions tell to its owner.
    fn serve(&mut self, now: Now) {
        while let Some(event) = self.core.transactions.poll_event() {
            match event {
                transaction::Event::Request { id, flow, request, cancels } => {
                    self.handle_request(now, id, flow, request, cancels);
                }
                transaction::Event::Overflow { flow, request } => self.refuse_overflow(&flow, &request),
                transaction::Event::Ack { flow: _, request } => self.handle_ack(now, &request),
                transaction::Event::Response { id, flow, response } => {
                    self.handle_response(now, id, &flow, response);
                }
                transaction::Event::Timeout { id } => self.handle_nothing(now, id, false),
                transaction::Event::Unreachable { id } => self.handle_nothing(now, id, true),
                transaction::Event::Unacknowledged { .. } => {}
                transaction::Event::Ended { id } => {
                    self.asked.remove(&id);
                    if let Some(Owner::Leg(leg)) = self.core.owners.remove(&id) {
                        _ = self.with(leg, |leg, core| {
                            leg.transaction_ended(core, now, id);
                            Ok(())
                        });
                    }
                }
            }
            // Before the next event, which may be the transaction's last.
            self.note_sent(now);
        }
        self.note_sent(now);
    }

    /// Tells the messages of legs that wait to be sent, each once, while it is known whose their transaction is.
    fn note_sent(&mut self, now: Now) {
        if !self.core.config.tells_messages {
            return;
        }
        while let Some(transmit) = self.core.transactions.transmits().get(self.told) {
            self.told += 1;
            if let Some(id) = transmit.transaction {
                let octets = transmit.octets.clone();
                self.core.note_of(now, id, Direction::Sent, &octets);
            }
        }
    }

    fn handle_response(&mut self, now: Now, id: TransactionId, flow: &Flow, response: Message) {
        match self.core.owners.get(&id).copied() {
            Some(Owner::Leg(leg)) => {
                _ = self.with(leg, |leg, core| {
                    core.note(now, leg.id, Direction::Received, response.octets());
                    leg.handle_response(core, now, id, flow, &response);
                    Ok(())
                });
            }
            Some(Owner::Outside(outside)) => {
                self.outside.handle_response(&mut self.core, now, outside, response);
            }
            None => self.core.counters.stray += 1,
        }
    }

    fn handle_nothing(&mut self, now: Now, id: TransactionId, is_unreachable: bool) {
        match self.core.owners.get(&id).copied() {
            Some(Owner::Leg(leg)) => {
                _ = self.with(leg, |leg, core| {
                    leg.handle_nothing(core, now, id, is_unreachable);
                    Ok(())
                });
            }
            Some(Owner::Outside(outside)) => self.outside.handle_nothing(&mut self.core, now, outside),
            None => {}
        }
    }

    /// An ACK to a 2xx.
    fn handle_ack(&mut self, now: Now, ack: &Message) {
        let tag = ack.to().ok().and_then(|to| to.tag());
        let Some(leg) = tag.and_then(|tag| self.core.tags.get(tag)).copied() else {
            self.core.counters.stray += 1;
            return;
        };
        _ = self.with(leg, |leg, core| {
            core.note(now, leg.id, Direction::Received, ack.octets());
            if let Some(session) = leg.session_of(ack) {
                leg.handle_ack(core, now, session, ack);
            }
            Ok(())
        });
    }
}

/// Puts the deadline of a leg right. `true`: nothing can come of it any more, and it has none.
fn order(leg: &mut Leg, deadlines: &mut BTreeSet<(Instant, LegId)>) -> bool {
    let is_finished = leg.is_finished();
    let deadline = if is_finished { None } else { leg.poll_timeout() };
    if deadline != leg.deadline {
        if let Some(before) = leg.deadline {
            deadlines.remove(&(before, leg.id));
        }
        deadlines.extend(deadline.map(|at| (at, leg.id)));
        leg.deadline = deadline;
    }
    is_finished
}
