//! The live transactions, with everything by which one is found.

use std::{
    collections::{BTreeSet, HashMap},
    hash::BuildHasherDefault,
    net::SocketAddr,
    time::Instant,
};

use bytes::Bytes;

use super::{
    TransactionId,
    client::Client,
    deadlines::Deadlines,
    invite_client::InviteClient,
    invite_server::InviteServer,
    key::{AsIs, Key},
    machine::Timed,
    server::Server,
};
use crate::sip::{ConnectionId, Flow, Target, Transport};

/// One live transaction.
#[derive(Debug)]
pub(super) struct Transaction {
    pub key: Key,
    /// What it has in common with copies that come by other ways, as long as these are to be refused.
    pub merged: Option<Key>,
    pub machine: Machine,
    /// Where its messages go.
    pub target: Target,
    /// What to send when the machine says so. Ours: the request, later the ACK. The peer's: the latest response. Empty
    /// when there is nothing that could be sent again.
    pub octets: Bytes,
    /// The peer's request, until it is answered.
    pub unanswered: Option<Box<Unanswered>>,
}

/// What it takes to answer a request.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub flow: Flow,
    pub request: Bytes,
}

#[derive(Debug)]
pub(super) enum Machine {
    InviteClient(InviteClient),
    Client(Client),
    InviteServer(InviteServer),
    Server(Server),
}

impl Machine {
    pub fn is_client(&self) -> bool {
        matches!(self, Self::InviteClient(_) | Self::Client(_))
    }

    /// The machine, for what all of them do.
    pub fn any(&self) -> &dyn Timed {
        match self {
            Self::InviteClient(machine) => machine,
            Self::Client(machine) => machine,
            Self::InviteServer(machine) => machine,
            Self::Server(machine) => machine,
        }
    }

    /// The machine, for what all of them do.
    pub fn any_mut(&mut self) -> &mut dyn Timed {
        match self {
            Self::InviteClient(machine) => machine,
            Self::Client(machine) => machine,
            Self::InviteServer(machine) => machine,
            Self::Server(machine) => machine,
        }
    }
}

/// What a request of ours went out on, if its loss says that no response will come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Carrier {
    /// The connection that it was to prefer.
    Connection(ConnectionId),
    /// Whatever leads there.
    Address(Transport, SocketAddr),
}

impl Carrier {
    fn of(target: &Target) -> Option<Self> {
        match target.connection {
            _ if !target.transport.is_reliable() => None,
            Some(connection) => Some(Self::Connection(connection)),
            None => Some(Self::Address(target.transport, target.remote)),
        }
    }
}

/// A place for a transaction, used again and again.
#[derive(Debug, Default)]
struct Slot {
    /// How many transactions were here before: a number of an earlier one finds nothing.
    generation: u32,
    transaction: Option<Transaction>,
}

/// All live transactions.
#[derive(Debug, Default)]
pub(super) struct Table {
    slots: Vec<Slot>,
    free: Vec<u32>,
    by_key: HashMap<Key, u32, BuildHasherDefault<AsIs>>,
    by_carrier: BTreeSet<(Carrier, u32)>,
    deadlines: Deadlines,
    clients: usize,
}

impl Table {
    /// Adds a transaction whose key is not in use.
    pub fn insert(&mut self, transaction: Transaction) -> TransactionId {
        let number = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() as u32 - 1
        });
        self.by_key.insert(transaction.key, number);
        if let Some(merged) = transaction.merged {
            self.by_key.insert(merged, number);
        }
        if transaction.machine.is_client() {
            self.clients += 1;
            if let Some(carrier) = Carrier::of(&transaction.target) {
                self.by_carrier.insert((carrier, number));
            }
        }
        self.deadlines.set(number, transaction.machine.any().poll_timeout());
        let slot = &mut self.slots[number as usize];
        slot.transaction = Some(transaction);
        TransactionId::new(number, slot.generation)
    }

    pub fn get_mut(&mut self, id: TransactionId) -> Option<&mut Transaction> {
        let slot = self.slots.get_mut(id.slot() as usize)?;
        slot.transaction.as_mut().filter(|_| slot.generation == id.generation())
    }

    /// The transaction with this key.
    pub fn find(&self, key: Key) -> Option<TransactionId> {
        self.by_key.get(&key).map(|number| self.id_of(*number))
    }

    /// After its machine moved on: puts its deadline right. Says whether it was over, and forgets it then.
    pub fn settle(&mut self, id: TransactionId) -> bool {
        let Some(transaction) = self.get_mut(id) else { return false };
        let (is_over, deadline) =
            (transaction.machine.any().is_terminated(), transaction.machine.any().poll_timeout());
        self.deadlines.set(id.slot(), deadline);
        if is_over {
            self.remove(id);
        }
        is_over
    }

    /// No longer refuses copies of its request.
    pub fn forget_merged(&mut self, id: TransactionId) {
        if let Some(merged) = self.get_mut(id).and_then(|transaction| transaction.merged.take()) {
            self.by_key.remove(&merged);
        }
    }

    /// The next transaction with a deadline, and when.
    pub fn earliest(&self) -> Option<(Instant, TransactionId)> {
        self.deadlines.earliest().map(|(at, number)| (at, self.id_of(number)))
    }

    /// Requests of ours that went out on `carrier`.
    pub fn carried_by(&self, carrier: Carrier) -> impl Iterator<Item = TransactionId> + '_ {
        let range = (carrier, 0)..=(carrier, u32::MAX);
        self.by_carrier.range(range).map(|(_, number)| self.id_of(*number))
    }

    /// Live transactions of ours.
    pub fn clients(&self) -> usize {
        self.clients
    }

    /// Live transactions of peers.
    pub fn servers(&self) -> usize {
        self.slots.len() - self.free.len() - self.clients
    }

    fn id_of(&self, number: u32) -> TransactionId {
        TransactionId::new(number, self.slots[number as usize].generation)
    }

    fn remove(&mut self, id: TransactionId) {
        self.forget_merged(id);
        let slot = &mut self.slots[id.slot() as usize];
        slot.generation = slot.generation.wrapping_add(1);
        let Some(transaction) = slot.transaction.take() else { return };
        self.free.push(id.slot());
        self.by_key.remove(&transaction.key);
        if transaction.machine.is_client() {
            self.clients -= 1;
            if let Some(carrier) = Carrier::of(&transaction.target) {
                self.by_carrier.remove(&(carrier, id.slot()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_takes_less_than_three_hundred_octets() {
        let size = size_of::<Slot>();
        assert!(size < 300, "{size}");
    }
}
