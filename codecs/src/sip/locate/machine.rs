//! The machine: from one query's answer to the next query, and to the list.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use thiserror::Error;

use super::{
    Answer, Destination, Place, Query, Srv,
    records::{in_order, service_name},
};
use crate::sip::{Target, Transport, random::Random};

/// Hosts of one service that are asked for.
const MOST_HOSTS: usize = 16;

/// Targets of one list.
const MOST_TARGETS: usize = 64;

/// What we can do, which decides what is asked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Transports that we have.
    pub transports: Vec<Transport>,
    /// IPv4 can be reached.
    pub ipv4: bool,
    /// IPv6 can be reached; where both can, its addresses come after the others of the same host.
    pub ipv6: bool,
}

impl Default for Settings {
    /// All transports, both families.
    fn default() -> Self {
        Self { transports: vec![Transport::Tls, Transport::Tcp, Transport::Udp], ipv4: true, ipv6: true }
    }
}

/// Why there is no target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum NotFound {
    /// It needs a transport that we do not have.
    #[error("no transport to reach it with")]
    Transport,
    /// DNS says that there is no such host or service.
    #[error("no such host or service")]
    NoSuchHost,
    /// DNS did not answer. What was found before may still be right.
    #[error("the name server did not answer")]
    Failed,
}

/// Finds the targets of one destination.
#[derive(Debug)]
pub struct Locate {
    destination: Destination,
    settings: Settings,
    random: Random,
    /// Queries to be asked.
    wanted: Vec<Query>,
    /// Queries without an answer, asked or not.
    open: Vec<Query>,
    has_failed: bool,
    step: Step,
}

#[derive(Debug)]
enum Step {
    /// Which services has the domain?
    Naptr,
    /// Which hosts have this service? Others are tried when it has none.
    Srv {
        transport: Transport,
        others: Vec<(Transport, Arc<str>)>,
    },
    /// Which addresses have these hosts?
    Addresses {
        transport: Transport,
        hosts: Vec<(Arc<str>, u16)>,
        found: HashMap<Query, Vec<IpAddr>>,
    },
    Done(Result<Vec<Target>, NotFound>),
}

impl Locate {
    /// Begins. The seed decides the draws by weight.
    #[must_use]
    pub fn new(destination: Destination, settings: Settings, seed: u64) -> Self {
        let step = Step::Done(Err(NotFound::NoSuchHost));
        let (wanted, open) = (Vec::new(), Vec::new());
        let random = Random::new(seed);
        let mut locate = Self { destination, settings, random, wanted, open, has_failed: false, step };
        locate.begin();
        locate
    }

    /// The next query to ask. Those of one step may be asked at the same time.
    pub fn poll_query(&mut self) -> Option<Query> {
        self.wanted.pop()
    }

    /// Takes the answer to a query. One that was not asked, or was answered before, is left aside.
    pub fn handle_answer(&mut self, query: &Query, answer: Answer) {
        let Some(index) = self.open.iter().position(|open| open == query) else { return };
        self.open.remove(index);
        self.has_failed |= answer == Answer::Failed;
        match (&mut self.step, answer) {
            (Step::Naptr, Answer::Naptr(records)) => self.choose_service(records),
            (Step::Naptr, _) => self.ask_each_service(),
            (Step::Srv { .. }, Answer::Srv(records)) => self.choose_hosts(records),
            (Step::Srv { .. }, _) => self.choose_hosts(Vec::new()),
            (Step::Addresses { found, .. }, answer) => {
                if let Answer::Addresses(addresses) = answer {
                    found.insert(query.clone(), addresses);
                }
                if self.open.is_empty() {
                    self.finish();
                }
            }
            (Step::Done(_), _) => {}
        }
    }

    /// The targets in the order in which they are to be tried; `None` while answers are missing.
    #[must_use]
    pub fn outcome(&self) -> Option<&Result<Vec<Target>, NotFound>> {
        match &self.step {
            Step::Done(outcome) => Some(outcome),
            _ => None,
        }
    }

    fn begin(&mut self) {
        let (default, given) = (self.destination.default_transport(), self.destination.given_transport());
        let port = self.destination.port;
        if given.is_some_and(|given| !self.settings.transports.contains(&given)) {
            return self.refuse();
        }
        match self.destination.host.clone() {
            Place::Address(_) if !self.settings.transports.contains(&default) => self.refuse(),
            Place::Address(address) => {
                let address = SocketAddr::new(address, port.unwrap_or(default.default_port()));
                self.step = Step::Done(Ok(vec![Target::new(default, address)]));
            }
            Place::Name(name) => match (port, given) {
                (Some(port), _) => self.ask_addresses(default, vec![(name, port)]),
                (None, Some(transport)) => {
                    let service = service_name(transport, &name);
                    self.ask_service(transport, service, Vec::new());
                }
                (None, None) => {
                    self.step = Step::Naptr;
                    self.ask(Query::Naptr(name));
                }
            },
        }
    }

    /// NAPTR: the services that we have, the lowest order first, then the server's preference.
    fn choose_service(&mut self, mut records: Vec<super::Naptr>) {
        records.sort_by_key(|naptr| (naptr.order, naptr.preference));
        let usable = |transport: &Transport| self.may_use(*transport);
        let mut services = records
            .iter()
            .filter_map(|naptr| Some((naptr.transport().filter(usable)?, naptr.replacement.clone())))
            .take(MOST_HOSTS)
            .collect::<Vec<_>>()
            .into_iter();
        match services.next() {
            Some((transport, name)) => self.ask_service(transport, name, services.collect()),
            None => self.ask_each_service(),
        }
    }

    /// No NAPTR: the service of every transport that we have, the secure one first.
    fn ask_each_service(&mut self) {
        let Place::Name(domain) = self.destination.host.clone() else { return };
        let usable =
            [Transport::Tls, Transport::Tcp, Transport::Udp].into_iter().filter(|one| self.may_use(*one));
        let mut services = usable
            .map(|transport| (transport, service_name(transport, &domain)))
            .collect::<Vec<_>>()
            .into_iter();
        match services.next() {
            Some((transport, name)) => self.ask_service(transport, name, services.collect()),
            None => self.refuse(),
        }
    }

    fn ask_service(&mut self, transport: Transport, name: Arc<str>, others: Vec<(Transport, Arc<str>)>) {
        self.step = Step::Srv { transport, others };
        self.ask(Query::Srv(name));
    }

    fn choose_hosts(&mut self, records: Vec<Srv>) {
        let Step::Srv { transport, others, .. } = &mut self.step else { return };
        let (transport, mut others) = (*transport, std::mem::take(others).into_iter());
        // RFC 2782: a single record with the target `.` says that the service is decidedly not there.
        if !records.is_empty() && records.iter().all(Srv::is_refusal) {
            match others.next() {
                Some((transport, name)) => self.ask_service(transport, name, others.collect()),
                None => self.step = Step::Done(Err(NotFound::NoSuchHost)),
            }
            return;
        }
        let usable = records.into_iter().filter(|srv| !srv.is_refusal() && srv.port != 0).collect();
        let hosts = in_order(usable, &mut self.random).into_iter().take(MOST_HOSTS);
        let hosts: Vec<_> =
            hosts.map(|srv| (Arc::from(srv.target.trim_end_matches('.')), srv.port)).collect();
        if !hosts.is_empty() {
            return self.ask_addresses(transport, hosts);
        }
        if let Some((transport, name)) = others.next() {
            return self.ask_service(transport, name, others.collect());
        }
        let Place::Name(name) = self.destination.host.clone() else { return };
        let default = self.destination.default_transport();
        match self.settings.transports.contains(&default) {
            true => self.ask_addresses(default, vec![(name, default.default_port())]),
            false => self.refuse(),
        }
    }

    fn ask_addresses(&mut self, transport: Transport, hosts: Vec<(Arc<str>, u16)>) {
        if !self.settings.transports.contains(&transport) {
            return self.refuse();
        }
        let mut found = HashMap::new();
        let mut queries = Vec::new();
        for (name, _) in &hosts {
            let families = [
                (self.settings.ipv4, Query::A(name.clone())),
                (self.settings.ipv6, Query::Aaaa(name.clone())),
            ];
            for query in families.into_iter().filter(|(can, _)| *can).map(|(_, query)| query) {
                match name.parse::<IpAddr>() {
                    // Against RFC 2782, yet written by some: the target is an address already.
                    Ok(address) => _ = found.insert(query, vec![address]),
                    Err(_) if queries.contains(&query) => {}
                    Err(_) => queries.push(query),
                }
            }
        }
        self.step = Step::Addresses { transport, hosts, found };
        for query in queries.into_iter().rev() {
            self.ask(query);
        }
        if self.open.is_empty() {
            self.finish();
        }
    }

    fn finish(&mut self) {
        let Step::Addresses { transport, hosts, found } = &self.step else { return };
        let (transport, mut targets) = (*transport, Vec::new());
        for (name, port) in hosts {
            let of = |query: Query| found.get(&query).into_iter().flatten();
            for address in of(Query::A(name.clone())).chain(of(Query::Aaaa(name.clone()))) {
                let mut target = Target::new(transport, SocketAddr::new(*address, *port));
                if transport == Transport::Tls
                    && let Place::Name(name) = &self.destination.host
                {
                    // RFC 5922 §4: the certificate is for the name that was asked for, not for one that DNS told.
                    target.server_name = Some(name.clone());
                }
                if targets.len() < MOST_TARGETS && !targets.contains(&target) {
                    targets.push(target);
                }
            }
        }
        self.step = Step::Done(match targets.is_empty() {
            false => Ok(targets),
            true if self.has_failed => Err(NotFound::Failed),
            true => Err(NotFound::NoSuchHost),
        });
    }

    fn ask(&mut self, query: Query) {
        self.wanted.push(query.clone());
        self.open.push(query);
    }

    fn may_use(&self, transport: Transport) -> bool {
        self.settings.transports.contains(&transport)
            && (transport == Transport::Tls || !self.destination.secure)
    }

    fn refuse(&mut self) {
        self.step = Step::Done(Err(NotFound::Transport));
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
