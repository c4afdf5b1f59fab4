//! The addresses of gateways that are names: DNS is asked in the background, so that no call waits for it, and what it said
//! last holds for as long as it does not answer.
//!
//! Which query follows which, and in what order targets come, is `codecs::sip::locate`'s.

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use codecs::sip::{
    Target,
    locate::{Answer, Destination, Locate, Naptr, NotFound, Place, Query, Settings, Srv},
    ua::PeerId,
};
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::{Name, RData, RecordType},
};
use tokio::{sync::mpsc, time::sleep};
use tracing::{info, warn};

use super::pool::GatewayId;
use crate::config::DnsConfig;

/// However long a record says that it lives, it is asked for again no sooner and no later.
const SOONEST: Duration = Duration::from_secs(5);
const LATEST: Duration = Duration::from_secs(3600);
/// After DNS failed it is asked again so soon.
const AGAIN: Duration = Duration::from_secs(10);

/// Who is asked.
#[derive(Clone)]
pub struct Resolver(TokioResolver);

impl Resolver {
    /// The servers of the configuration, or the machine's own.
    ///
    /// # Errors
    /// The machine's own can't be read.
    pub fn new(config: &DnsConfig) -> io::Result<Self> {
        let mut builder = if config.servers.is_empty() {
            TokioResolver::builder_tokio().map_err(io::Error::other)?
        } else {
            let server = |address: &std::net::SocketAddr| {
                let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                    connection.port = address.port();
                    connection
                });
                NameServerConfig::new(address.ip(), true, connections.into())
            };
            let servers = config.servers.iter().map(server).collect();
            let servers = ResolverConfig::from_parts(None, Vec::new(), servers);
            TokioResolver::builder_with_config(servers, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.timeout = config.timeout;
        options.attempts = 1;
        // What is known lives here, with the last good answer beside it.
        options.cache_size = 0;
        builder.build().map(Self).map_err(io::Error::other)
    }

    /// Asks one query. Says how long the answer lives, if it lives at all.
    async fn ask(&self, query: &Query) -> (Answer, Option<Duration>) {
        let (name, kind) = match query {
            Query::Naptr(name) => (name, RecordType::NAPTR),
            Query::Srv(name) => (name, RecordType::SRV),
            Query::A(name) => (name, RecordType::A),
            Query::Aaaa(name) => (name, RecordType::AAAA),
        };
        // The dot: names of a configuration are whole, no search list applies.
        let Ok(name) = Name::from_ascii(format!("{}.", name.trim_end_matches('.'))) else {
            return (Answer::None, None);
        };
        match self.0.lookup(name, kind).await {
            Ok(found) => {
                let records = found.answers();
                let lives = records.iter().map(|record| record.ttl).min();
                let answer = answer(kind, records.iter().map(|record| &record.data));
                (answer, lives.map(|seconds| Duration::from_secs(seconds.into())))
            }
            Err(error) if is_empty(&error) => (Answer::None, None),
            Err(_) => (Answer::Failed, None),
        }
    }
}

/// DNS answered, and there is no such record.
fn is_empty(error: &NetError) -> bool {
    error.is_no_records_found()
}

fn answer<'a>(kind: RecordType, records: impl Iterator<Item = &'a RData>) -> Answer {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let (mut naptr, mut srv, mut addresses) = (Vec::new(), Vec::new(), Vec::new());
    for record in records {
        match record {
            RData::NAPTR(record) => naptr.push(Naptr {
                order: record.order,
                preference: record.preference,
                flags: text(&record.flags),
                service: text(&record.services),
                replacement: record.replacement.to_ascii().into(),
            }),
            RData::SRV(record) => srv.push(Srv {
                priority: record.priority,
                weight: record.weight,
                port: record.port,
                target: record.target.to_ascii().into(),
            }),
            RData::A(address) => addresses.push(address.0.into()),
            RData::AAAA(address) => addresses.push(address.0.into()),
            // A CNAME on the way there.
            _ => {}
        }
    }
    match kind {
        RecordType::NAPTR if !naptr.is_empty() => Answer::Naptr(naptr),
        RecordType::SRV if !srv.is_empty() => Answer::Srv(srv),
        RecordType::A | RecordType::AAAA if !addresses.is_empty() => Answer::Addresses(addresses),
        _ => Answer::None,
    }
}

/// What DNS said of one destination.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known(HashMap<Query, Answer>);

impl Known {
    /// The targets of one call, in the order in which they are to be tried. The seed decides the draws by weight.
    ///
    /// # Errors
    /// There is none.
    pub fn targets(
        &self,
        destination: &Destination,
        settings: &Settings,
        seed: u64,
    ) -> Result<Vec<Target>, NotFound> {
        let mut locate = Locate::new(destination.clone(), settings.clone(), seed);
        while let Some(query) = locate.poll_query() {
            let answer = self.0.get(&query).cloned().unwrap_or(Answer::None);
            locate.handle_answer(&query, answer);
        }
        locate.outcome().cloned().unwrap_or(Err(NotFound::Failed))
    }
}

/// What one look brought.
struct Look {
    known: Known,
    found: Result<(), NotFound>,
    lives: Duration,
}

async fn look(resolver: &Resolver, destination: &Destination, settings: &Settings) -> Look {
    let mut locate = Locate::new(destination.clone(), settings.clone(), 0);
    let (mut known, mut lives) = (HashMap::new(), LATEST);
    while let Some(query) = locate.poll_query() {
        let (answer, lived) = resolver.ask(&query).await;
        lives = lived.map_or(lives, |lived| lives.min(lived));
        known.insert(query.clone(), answer.clone());
        locate.handle_answer(&query, answer);
    }
    let found = locate.outcome().cloned().unwrap_or(Err(NotFound::Failed)).map(|_| ());
    Look { known: Known(known), found, lives: lives.max(SOONEST) }
}

/// What is to be found out.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// Whose gateway it is.
    pub trunk: PeerId,
    /// Which of them.
    pub gateway: GatewayId,
    /// Its name.
    pub destination: Destination,
    /// How it may be reached.
    pub settings: Settings,
}

/// What was learnt of one gateway.
#[derive(Debug, Clone)]
pub struct Learnt {
    /// Whose gateway it is.
    pub trunk: PeerId,
    /// Which of them.
    pub gateway: GatewayId,
    /// What DNS says now.
    pub known: Arc<Known>,
}

/// Keeps what is known of a gateway fresh, until nobody wants to know.
pub async fn watch(resolver: Resolver, lookup: Lookup, tell: mpsc::Sender<Learnt>) {
    let Lookup { trunk, gateway, destination, settings } = lookup;
    let name = match &destination.host {
        Place::Name(name) => name.to_string(),
        Place::Address(address) => address.to_string(),
    };
    let (mut before, mut known) = (None, None);
    loop {
        let look = tokio::select! {
            look = look(&resolver, &destination, &settings) => look,
            () = tell.closed() => return,
        };
        if before != Some(look.found) {
            match look.found {
                Ok(()) => info!(gateway = %name, "its name leads to addresses"),
                Err(error) => {
                    warn!(gateway = %name, %error, "its name leads nowhere; what was known of it holds");
                }
            }
            before = Some(look.found);
        }
        let pause = match look.found {
            Ok(()) => {
                if known.as_ref() != Some(&look.known) {
                    let learnt = Learnt { trunk, gateway, known: Arc::new(look.known.clone()) };
                    if tell.send(learnt).await.is_err() {
                        return;
                    }
                    known = Some(look.known);
                }
                look.lives
            }
            Err(_) => AGAIN,
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = tell.closed() => return,
        }
    }
}

#[cfg(test)]
mod tests;
