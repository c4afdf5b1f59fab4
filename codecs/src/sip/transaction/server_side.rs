//! Requests of peers, and our responses to them.

use bytes::Bytes;

use super::{
    Absorbed, CannotRespond, Event, TransactionId, Transactions,
    invite_server::InviteServer,
    key::{Key, Sought, acknowledges},
    machine::{Action, Timed},
    server::Server,
    table::{Machine, Transaction, Unanswered},
    way_back,
};
use crate::{
    sip::{Flow, Message, Method, Writer},
    time::Now,
};

/// RFC 3261 §8.2.2.2: Loop Detected.
const MERGED: u16 = 482;
/// The peer gave its INVITE up.
const CANCELLED: u16 = 487;

impl Transactions {
    /// Answers a request of the peer: with provisional responses, with one final response, and with a 2xx to an INVITE as
    /// often as that has to be repeated.
    ///
    /// # Errors
    /// [`CannotRespond`]; nothing was sent then.
    pub fn respond(&mut self, now: Now, id: TransactionId, response: &Message) -> Result<(), CannotRespond> {
        let status = response.status().ok_or(CannotRespond::NoResponse)?;
        let transaction = self.table.get_mut(id).ok_or(CannotRespond::Ended)?;
        let timers = &self.config.timers;
        match &mut transaction.machine {
            Machine::InviteServer(machine) => machine.respond(now.mono, status, timers)?,
            Machine::Server(machine) => machine.respond(now.mono, status, timers)?,
            Machine::InviteClient(_) | Machine::Client(_) => return Err(CannotRespond::Ended),
        };
        transaction.octets = response.octets().clone();
        let is_final = transaction.machine.any().is_final();
        if is_final {
            transaction.unanswered = None;
        }
        let accepts_invite =
            matches!(transaction.machine, Machine::InviteServer(_)) && (200..300).contains(&status);
        self.transmit(id);
        if accepts_invite && let Some(transaction) = self.table.get_mut(id) {
            // Its user repeats it, not we.
            transaction.octets = Bytes::new();
        }
        // Whoever is refused by one address of ours with such a status, or gave it up, may try the next one.
        if (500..600).contains(&status) || status == CANCELLED {
            self.table.forget_merged(id);
        }
        self.settle(id);
        Ok(())
    }

    /// Says whether a request is a repetition of one whose transaction is kept.
    #[must_use]
    pub fn knows(&self, request: &Message) -> bool {
        self.keys.of_request(request, Sought::Own).is_some_and(|key| self.table.find(key).is_some())
    }

    /// A request came in.
    pub(super) fn receive_request(&mut self, now: Now, flow: Flow, request: Message) -> Option<Absorbed> {
        let Some(key) = self.keys.of_request(&request, Sought::Own) else {
            self.counters.unreadable += 1;
            return None;
        };
        match (request.method(), self.table.find(key)) {
            (Some(Method::Ack), known) => self.receive_ack(now, flow, request, known),
            (_, Some(id)) => Some(self.receive_again(id, request)),
            (_, None) => {
                self.receive_new(now, flow, request, key);
                None
            }
        }
    }

    /// A request came that is of no transaction yet.
    fn receive_new(&mut self, now: Now, flow: Flow, request: Message, key: Key) {
        let merged = self.keys.of_merged(&request);
        if merged.is_some_and(|merged| self.table.find(merged).is_some()) {
            return self.refuse_merged(&flow, &request);
        }
        if !self.has_room(self.table.servers(), self.config.limits.servers, &request) {
            self.counters.overflows += 1;
            return self.events.push_back(Event::Overflow { flow, request });
        }
        let (timers, transport) = (&self.config.timers, flow.transport);
        let machine = match request.method() {
            Some(Method::Invite) => Machine::InviteServer(InviteServer::new(now.mono, transport, timers)),
            _ => Machine::Server(Server::new(now.mono, transport, timers)),
        };
        let is_cancel = request.method() == Some(Method::Cancel);
        let invite = is_cancel.then(|| self.keys.of_request(&request, Sought::Invite)).flatten();
        let cancels = invite.and_then(|invite| self.table.find(invite));
        let id = self.table.insert(Transaction {
            key,
            merged,
            machine,
            target: way_back(&request, &flow),
            octets: Bytes::new(),
            unanswered: Some(Box::new(Unanswered { flow, request: request.octets().clone() })),
        });
        self.events.push_back(Event::Request { id, flow, request, cancels });
    }

    /// A request came again.
    fn receive_again(&mut self, id: TransactionId, message: Message) -> Absorbed {
        self.counters.repeated_requests += 1;
        let action = match self.table.get_mut(id).map(|transaction| &transaction.machine) {
            Some(Machine::InviteServer(machine)) => machine.handle_request(),
            Some(Machine::Server(machine)) => machine.handle_request(),
            _ => Action::Nothing,
        };
        self.act(id, action);
        Absorbed { id, message }
    }

    /// An ACK came in, whose INVITE may be `known`.
    fn receive_ack(
        &mut self,
        now: Now,
        flow: Flow,
        request: Message,
        known: Option<TransactionId>,
    ) -> Option<Absorbed> {
        let known = known.and_then(|id| Some((id, self.table.get_mut(id)?)));
        let Some((id, transaction)) = known else {
            self.events.push_back(Event::Ack { flow, request });
            return None;
        };
        let Machine::InviteServer(machine) = &mut transaction.machine else { return None };
        if machine.is_completed() && !acknowledges(&request, &transaction.octets) {
            self.events.push_back(Event::Ack { flow, request });
            return None;
        }
        let action = machine.handle_ack(now.mono, &self.config.timers);
        if action != Action::Tell && machine.is_final() {
            transaction.octets = Bytes::new();
        }
        self.settle(id);
        if action == Action::Tell {
            self.events.push_back(Event::Ack { flow, request });
            return None;
        }
        Some(Absorbed { id, message: request })
    }

    /// Answers a request that came by another way before. Nothing is kept of it: should it come again, it gets the same
    /// answer, with the same tag.
    fn refuse_merged(&mut self, flow: &Flow, request: &Message) {
        self.counters.merged_requests += 1;
        let branch = request.via().ok().and_then(|via| via.branch()).unwrap_or_default();
        let tag = self.tokens.of(&[b"tag", branch, request.call_id().unwrap_or_default()]);
        let tag = str::from_utf8(&tag).ok();
        let response = Writer::response_to(request, flow, MERGED, None, tag).finish();
        self.send(way_back(request, flow), &response);
    }

    /// Answers an INVITE with a 100 because its user has not answered yet.
    pub(super) fn send_trying(&mut self, id: TransactionId) {
        let Some(transaction) = self.table.get_mut(id) else { return };
        let Some(unanswered) = &transaction.unanswered else { return };
        let Ok(request) = Message::parse(unanswered.request.clone()) else { return };
        transaction.octets =
            Writer::response_to(&request, &unanswered.flow, 100, None, None).finish().octets().clone();
        self.transmit(id);
    }
}
