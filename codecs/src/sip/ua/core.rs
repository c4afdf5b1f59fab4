//! What all legs share: transactions, names, listeners, credentials and the queue of events.

use std::{
    collections::{HashMap, VecDeque},
    net::{IpAddr, SocketAddr},
};

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    Config, Counters, DialogRouting, Direction, Event, Field, LegEvent, LegId, Listener, OutsideId, Peer,
    PeerId, Refusal, leg::Leg, tokens::Tokens,
};
use crate::{
    Now,
    sip::{
        Message, Method, Name, Target, Transport, Writer,
        auth::{self, Asker, Attempt},
        transaction::{RequestError, TransactionId, Transactions},
        uri::Uri,
    },
};

/// The methods that a dialog of ours takes.
pub(super) const ALLOW: &[u8] = b"INVITE,ACK,CANCEL,BYE,PRACK,UPDATE,INFO,OPTIONS";
/// What Max-Forwards begins with.
const MAX_FORWARDS: u64 = 70;

/// Whose a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Leg(LegId),
    /// A request outside dialogs.
    Outside(OutsideId),
}

/// Everything of the endpoint but its legs.
#[derive(Debug)]
pub(super) struct Core {
    pub config: Config,
    pub transactions: Transactions,
    pub tokens: Tokens,
    pub events: VecDeque<Event>,
    pub counters: Counters,
    pub peers: Vec<Peer>,
    /// Whose each live transaction is.
    pub owners: HashMap<TransactionId, Owner>,
    /// Our tags, and which leg has them.
    pub tags: HashMap<Bytes, LegId>,
    pub credentials: HashMap<PeerId, auth::Client>,
}

impl Core {
    pub fn new(config: Config, seed: u64) -> Self {
        Self {
            transactions: Transactions::new(config.transactions, seed),
            tokens: Tokens::new(seed),
            config,
            events: VecDeque::new(),
            counters: Counters::default(),
            peers: Vec::new(),
            owners: HashMap::new(),
            tags: HashMap::new(),
            credentials: HashMap::new(),
        }
    }

    /// Whether no transaction lives, and nothing is named that could.
    pub fn is_idle(&self) -> bool {
        self.transactions.clients() == 0
            && self.transactions.servers() == 0
            && self.owners.is_empty()
            && self.tags.is_empty()
    }

    pub fn tell(&mut self, at: Now, leg: LegId, what: LegEvent) {
        self.events.push_back(Event::Leg { leg, at, what });
    }

    /// Tells a message of a leg, if its driver keeps a record of them.
    pub fn note(&mut self, at: Now, leg: LegId, direction: Direction, octets: &Bytes) {
        if self.config.tells_messages {
            self.tell(at, leg, LegEvent::Message { direction, octets: octets.clone() });
        }
    }

    /// Tells a message of the leg whose transaction it belongs to, which may be gone.
    pub fn note_of(&mut self, at: Now, id: TransactionId, direction: Direction, octets: &Bytes) {
        if let Some(Owner::Leg(leg)) = self.owners.get(&id).copied() {
            self.note(at, leg, direction, octets);
        }
    }

    /// A new tag, by which requests find their leg.
    pub fn tag(&mut self, leg: LegId) -> Bytes {
        let tag = self.tokens.token();
        self.tags.insert(tag.clone(), leg);
        tag
    }

    /// Requests with the tags of this leg find nobody any more.
    pub fn forget_tags(&mut self, leg: &Leg) {
        for tag in &leg.tags {
            self.tags.remove(tag);
        }
    }

    /// The listener that sends to this target.
    pub fn listener(&self, target: &Target) -> Option<&Listener> {
        let fits = |listener: &&Listener| {
            listener.transport == target.transport
                && listener.bound.is_ipv4() == target.remote.is_ipv4()
                && target.local.is_none_or(|local| local == listener.bound)
        };
        self.config.listeners.iter().find(fits)
    }

    /// A Via with a new branch for a request to `target`, which is made to leave from the listener that the Via names.
    pub fn via(&mut self, target: &mut Target) -> Option<Bytes> {
        let branch = self.transactions.branch();
        let listener = self.listener(target)?;
        let mut via = BytesMut::with_capacity(80);
        via.put_slice(b"SIP/2.0/");
        via.put_slice(listener.transport.name().as_bytes());
        via.put_u8(b' ');
        via.put_slice(&listener.advertised);
        via.put_slice(b";rport;branch=");
        via.put_slice(&branch);
        target.local = Some(listener.bound);
        Some(via.freeze())
    }

    /// Our Contact for what goes to or came from `target`.
    pub fn contact(&self, target: &Target, user: &[u8], is_secure: bool) -> Option<Bytes> {
        let listener = self.listener(target)?;
        let mut contact = BytesMut::with_capacity(64);
        contact.put_slice(if is_secure { b"<sips:" } else { b"<sip:" });
        if !user.is_empty() {
            contact.put_slice(user);
            contact.put_u8(b'@');
        }
        contact.put_slice(&listener.advertised);
        if listener.transport != Transport::Udp && !is_secure {
            contact.put_slice(b";transport=");
            contact.put_slice(listener.transport.parameter().as_bytes());
        }
        contact.put_u8(b'>');
        Some(contact.freeze())
    }

    /// Where the next hop of a dialog is. A name is taken to be the address that the peer spoke from.
    pub fn next_hop(&self, uri: &[u8], pin: &Target, routing: DialogRouting) -> Target {
        let Ok(Uri::Sip(uri)) = Uri::parse(uri) else { return pin.clone() };
        let address = match uri.params.get("maddr").and_then(|maddr| str::from_utf8(maddr).ok()) {
            Some(maddr) => maddr.parse::<IpAddr>().ok(),
            None => uri.host.address(),
        };
        let (Some(address), DialogRouting::AsTold) = (address, routing) else { return pin.clone() };
        let told = uri.transport().ok().flatten();
        let transport = match told {
            // The same host and no transport named: what has worked so far.
            None if address == pin.remote.ip() => pin.transport,
            None if uri.secure => Transport::Tls,
            None => Transport::Udp,
            Some(Transport::Tcp) if uri.secure => Transport::Tls,
            Some(transport) => transport,
        };
        let port = uri.port.filter(|port| *port != 0).unwrap_or_else(|| transport.default_port());
        let remote = SocketAddr::new(address, port);
        let mut target = Target::new(transport, remote);
        if transport == pin.transport && address == pin.remote.ip() {
            // Its connection leads there, whatever port the peer opened it from.
            target.connection = pin.connection;
            target.server_name.clone_from(&pin.server_name);
            target.local = pin.local;
        }
        // A Contact that none of our listeners can reach would end the call here and now.
        if self.listener(&target).is_some() { target } else { pin.clone() }
    }

    /// Ends the headers of a request: Max-Forwards, User-Agent.
    pub fn hops(&self, writer: &mut Writer) {
        writer.number(Name::MaxForwards, MAX_FORWARDS);
        if !self.config.user_agent.is_empty() {
            writer.field(Name::UserAgent, &self.config.user_agent);
        }
    }

    /// Names us in a response.
    pub fn put_server(&self, writer: &mut Writer) {
        if !self.config.user_agent.is_empty() {
            writer.field(Name::Server, &self.config.user_agent);
        }
    }

    /// Takes the challenges of a response. `false`: they cannot be answered.
    pub fn challenged(&mut self, peer: PeerId, attempt: &mut Attempt, response: &Message) -> bool {
        let Some(client) = self.credentials.get_mut(&peer) else { return false };
        let of = |name, asker| response.values(name).map(move |value| (asker, value));
        let values = of(Name::WwwAuthenticate, Asker::Server);
        let values = values.chain(of(Name::ProxyAuthenticate, Asker::Proxy));
        let is_answered = client.challenged(attempt, values).is_ok();
        self.counters.challenges += u64::from(is_answered);
        is_answered
    }

    /// Writes the credentials of the account for a request that is about to be sent.
    pub fn authorize(
        &mut self,
        peer: PeerId,
        attempt: &mut Attempt,
        (method, uri, body): (Method, &[u8], &[u8]),
        writer: &mut Writer,
    ) {
        let Some(client) = self.credentials.get_mut(&peer) else { return };
        let request = auth::Request { method: method.name().as_bytes(), uri, body };
        for (asker, value) in client.authorize(attempt, request) {
            writer.field(credentials_name(asker), value);
        }
    }

    /// Takes what a 2xx to the request of this attempt says of the next nonce.
    pub fn authenticated(&mut self, peer: PeerId, attempt: &Attempt, response: &Message) {
        let Some(client) = self.credentials.get_mut(&peer) else { return };
        for (name, asker) in
            [(Name::AuthenticationInfo, Asker::Server), (Name::ProxyAuthenticationInfo, Asker::Proxy)]
        {
            if let Some(value) = response.field(name) {
                let is_right = client.authenticated(attempt, asker, value, response.body());
                self.counters.unproven += u64::from(!is_right);
            }
        }
    }

    /// Sends a request as a transaction of its owner.
    pub fn request(
        &mut self,
        now: Now,
        owner: Owner,
        request: &Message,
        target: Target,
    ) -> Result<TransactionId, Refusal> {
        match self.transactions.request(now, request, target) {
            Ok(id) => {
                self.owners.insert(id, owner);
                Ok(id)
            }
            Err(RequestError::Full) => Err(Refusal::Full),
            Err(RequestError::BranchInUse | RequestError::Unfit) => Err(Refusal::WrongState),
        }
    }

    /// Answers a request. One that cannot be answered any more is not.
    pub fn respond(&mut self, now: Now, id: TransactionId, response: &Message) {
        if self.transactions.respond(now, id, response).is_err() {
            self.counters.stray += 1;
        }
    }
}

/// Which header answers this one's challenges.
pub(super) fn credentials_name(asker: Asker) -> Name {
    match asker {
        Asker::Server => Name::Authorization,
        Asker::Proxy => Name::ProxyAuthorization,
    }
}

/// Says whether the fields of a caller may stand in a message.
pub(super) fn check_fields(fields: &[Field]) -> Result<(), Refusal> {
    let is_token = |octet: &u8| octet.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(octet);
    let fits = |field: &Field| {
        !field.name.is_empty()
            && field.name.iter().all(is_token)
            && !field.value.iter().any(|octet| matches!(octet, b'\r' | b'\n' | b'\0'))
    };
    if fields.iter().all(fits) { Ok(()) } else { Err(Refusal::BadField) }
}

/// Writes the fields of a caller.
pub(super) fn put_fields(writer: &mut Writer, fields: &[Field]) {
    for field in fields {
        writer.other(&String::from_utf8_lossy(&field.name), &field.value);
    }
}
