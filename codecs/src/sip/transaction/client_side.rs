//! Requests of ours, and the responses to them.

use bytes::Bytes;

use super::{
    Absorbed, Event, NoCancel, RequestError, TransactionId, Transactions,
    client::Client,
    from_invite,
    invite_client::InviteClient,
    key::Key,
    machine::Action,
    table::{Machine, Transaction},
};
use crate::{
    sip::{Flow, Message, Method, Name, Target},
    time::Now,
};

impl Transactions {
    /// Sends a request. Its top Via was written with a new [`Transactions::branch`] and names an address of ours.
    ///
    /// # Errors
    /// [`RequestError`]; nothing was sent then.
    pub fn request(
        &mut self,
        now: Now,
        request: &Message,
        target: Target,
    ) -> Result<TransactionId, RequestError> {
        if matches!(request.method(), None | Some(Method::Ack | Method::Cancel)) {
            return Err(RequestError::Unfit);
        }
        let key = self.keys.of_own_request(request).ok_or(RequestError::Unfit)?;
        if self.table.find(key).is_some() {
            return Err(RequestError::BranchInUse);
        }
        if !self.has_room(self.table.clients(), self.config.limits.clients, request) {
            return Err(RequestError::Full);
        }
        Ok(self.begin(now, request, target, key))
    }

    /// Takes up an INVITE that a process before this one sent: nothing is sent, it counts as one with a provisional
    /// response, and so can be cancelled. `invite` needs no more than what its CANCEL repeats.
    ///
    /// # Errors
    /// [`RequestError`]; nothing is kept then.
    pub fn resume(
        &mut self,
        now: Now,
        invite: &Message,
        target: Target,
    ) -> Result<TransactionId, RequestError> {
        if invite.method() != Some(Method::Invite) {
            return Err(RequestError::Unfit);
        }
        let key = self.keys.of_own_request(invite).ok_or(RequestError::Unfit)?;
        if self.table.find(key).is_some() {
            return Err(RequestError::BranchInUse);
        }
        if self.table.clients() >= self.config.limits.with_reserve(self.config.limits.clients) {
            return Err(RequestError::Full);
        }
        let timers = &self.config.timers;
        let mut machine = InviteClient::new(now.mono, target.transport, timers);
        machine.handle_response(now.mono, 100, timers);
        let machine = Machine::InviteClient(machine);
        let octets = invite.octets().clone();
        Ok(self.table.insert(Transaction { key, merged: None, machine, target, octets, unanswered: None }))
    }

    fn begin(&mut self, now: Now, request: &Message, target: Target, key: Key) -> TransactionId {
        let (timers, transport) = (&self.config.timers, target.transport);
        let machine = match request.method() {
            Some(Method::Invite) => Machine::InviteClient(InviteClient::new(now.mono, transport, timers)),
            _ => Machine::Client(Client::new(now.mono, transport, timers)),
        };
        let octets = request.octets().clone();
        let id =
            self.table.insert(Transaction { key, merged: None, machine, target, octets, unanswered: None });
        self.transmit(id);
        id
    }

    /// Cancels an INVITE of ours. The CANCEL is a transaction of its own, with its own events; the INVITE still has its
    /// outcome, normally a 487, at the latest after [`super::Timers::cancelled`]. `reason`: what Reason shall say.
    ///
    /// # Errors
    /// [`NoCancel`]; nothing was sent then.
    pub fn cancel(
        &mut self,
        now: Now,
        id: TransactionId,
        reason: Option<&[u8]>,
    ) -> Result<TransactionId, NoCancel> {
        let has_room = self.table.clients() < self.config.limits.with_reserve(self.config.limits.clients);
        let transaction = self.table.get_mut(id).ok_or(NoCancel::NoInvite)?;
        let Machine::InviteClient(machine) = &mut transaction.machine else {
            return Err(NoCancel::NoInvite);
        };
        if !machine.may_cancel() {
            return Err(if machine.is_unanswered() { NoCancel::TooEarly } else { NoCancel::TooLate });
        }
        if !has_room {
            return Err(NoCancel::Full);
        }
        let cancel = from_invite::cancel(&transaction.octets, reason).ok_or(NoCancel::NoInvite)?;
        let key = self.keys.of_own_request(&cancel).ok_or(NoCancel::NoInvite)?;
        machine.handle_cancelled(now.mono, &self.config.timers);
        let target = transaction.target.clone();
        self.settle(id);
        Ok(self.begin(now, &cancel, target, key))
    }

    /// Sends a request of ours no more, but waits on for a response to what was sent: it may have arrived, and then an
    /// INVITE has to be cancelled, or to be acknowledged and ended.
    pub fn abandon(&mut self, id: TransactionId) {
        match self.table.get_mut(id).map(|transaction| &mut transaction.machine) {
            Some(Machine::InviteClient(machine)) => machine.abandon(),
            Some(Machine::Client(machine)) => machine.abandon(),
            _ => return,
        }
        self.settle(id);
    }

    /// A response came in.
    pub(super) fn receive_response(&mut self, now: Now, flow: Flow, response: Message) -> Option<Absorbed> {
        let (Some(status), Some(key)) = (response.status(), self.keys.of_response(&response)) else {
            self.counters.unreadable += 1;
            return None;
        };
        // RFC 3261 §8.1.3.3: with a second Via it was meant for somebody before us.
        if response.values(Name::Via).nth(1).is_some() {
            self.counters.misrouted_responses += 1;
            return None;
        }
        let found = self.table.find(key);
        let Some((id, transaction)) = found.and_then(|id| Some((id, self.table.get_mut(id)?))) else {
            self.counters.stray_responses += 1;
            return None;
        };
        let timers = &self.config.timers;
        let was_final = transaction.machine.any().is_final();
        let action = match &mut transaction.machine {
            Machine::InviteClient(machine) => machine.handle_response(now.mono, status, timers),
            Machine::Client(machine) => machine.handle_response(now.mono, status, timers),
            Machine::InviteServer(_) | Machine::Server(_) => Action::Nothing,
        };
        if action == Action::TellAndAcknowledge {
            let ack = from_invite::ack(&transaction.octets, &response);
            transaction.octets = ack.map(|ack| ack.octets().clone()).unwrap_or_default();
            self.transmit(id);
        } else if transaction.machine.any().is_final() && !was_final {
            transaction.octets = Bytes::new();
        }
        let absorbed = if matches!(action, Action::Tell | Action::TellAndAcknowledge) {
            self.events.push_back(Event::Response { id, flow, response });
            None
        } else {
            Some(Absorbed { id, message: response })
        };
        self.act(id, action);
        self.settle(id);
        absorbed
    }
}
