//! From the configuration to the task of SIP that runs.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    io,
    net::IpAddr,
};

use bytes::Bytes;
use codecs::sip::{
    Transport,
    locate::Settings,
    transaction::{self, Timers},
    ua::{self, Listener},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{
    endpoint::{Counted, Driver},
    gate::Gate,
    legs::Legs,
    locate::Resolver,
    places::{self, Places},
    transport::Network,
    wish::Wish,
};
use crate::{
    clock,
    config::{SipConfig, SipListener, Strangers},
    telemetry::metrics::SipMetrics,
    trunk::calls::TrunkSide,
};

/// What DNS says that may wait for the task.
const LEARNT: usize = 64;

/// SIP that runs.
pub struct OpenSip {
    /// The listeners as they are bound, in the order of the configuration.
    pub listeners: Vec<SipListener>,
    /// What the task shall do, and with which trunks.
    pub wish: watch::Sender<Wish>,
    /// The task. Ends as [`Wish::ends`] says.
    pub task: JoinHandle<()>,
}

/// Opens the listeners on this network and starts the task of SIP for these trunks.
///
/// # Errors
/// A listener can't be opened, a certificate can't be used, or nobody can be asked for names.
pub fn open(
    sip: &SipConfig,
    wish: Wish,
    side: TrunkSide,
    network: &dyn Network,
    seed: u64,
) -> io::Result<OpenSip> {
    let mut random = StdRng::seed_from_u64(seed);
    let now = clock::now();
    let transports = network.open(sip)?;
    let listeners = transports.listeners().to_vec();
    let reachable: Vec<_> = listeners.iter().map(|listener| advertised(listener, sip)).collect();
    let (tell, learnt) = mpsc::channel(LEARNT);
    let config = ua::Config {
        user_agent: Bytes::from(sip.user_agent.clone()),
        listeners: reachable.clone(),
        limits: ua::Limits {
            legs: places::legs(wish.trunks.iter().map(|trunk| &*trunk.config)),
            ..ua::Limits::default()
        },
        strangers: match sip.strangers {
            Strangers::Refuse => ua::Strangers::Refuse,
            Strangers::Ignore => ua::Strangers::Ignore,
        },
        tells_messages: true,
        transactions: transaction::Config {
            timers: Timers::from_estimates(sip.timers.t1, sip.timers.t2, sip.timers.t4),
            limits: transaction::Limits {
                clients: sip.limits.transactions,
                servers: sip.limits.transactions,
                reserve: sip.limits.transactions / 4,
            },
        },
        ..ua::Config::default()
    };
    let endpoint = ua::Endpoint::new(config, random.random());
    let mut gateways = wish.trunks.iter().flat_map(|trunk| &trunk.config.gateways);
    let has_names = gateways.any(|gateway| gateway.address().is_none());
    let (wish, told) = watch::channel(wish);
    let places = Places {
        settings: settings(&listeners),
        reachable,
        resolver: has_names.then(|| Resolver::new(&sip.dns)).transpose()?,
        dns: sip.dns.clone(),
        learnt: tell,
        random,
        made: 0,
    };
    let mut driver = Driver {
        transports,
        endpoint,
        trunks: BTreeMap::new(),
        places,
        peers: Vec::new(),
        side,
        learnt,
        wish: told,
        legs: Legs::default(),
        asked: HashMap::new(),
        waiting: VecDeque::new(),
        gate: Gate::new(sip.limits.bad_answers_per_second, now.mono),
        metrics: SipMetrics::new(),
        counted: Counted::default(),
    };
    // Whoever looks sees the trunks from the start.
    driver.obey();
    Ok(OpenSip { listeners, wish, task: tokio::spawn(driver.run()) })
}

/// A listener as peers reach it.
fn advertised(listener: &SipListener, sip: &SipConfig) -> Listener {
    let bound = listener.address;
    let public = sip.public_addresses.iter().find(|address| address.is_ipv4() == bound.is_ipv4());
    let host = match public.copied().unwrap_or(bound.ip()) {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    let advertised = Bytes::from(format!("{host}:{}", bound.port()));
    Listener { transport: listener.transport, bound, advertised }
}

/// How gateways may be reached, as we listen.
fn settings(listeners: &[SipListener]) -> Settings {
    let has = |transport: &Transport| listeners.iter().any(|listener| listener.transport == *transport);
    Settings {
        transports: [Transport::Tls, Transport::Tcp, Transport::Udp].into_iter().filter(has).collect(),
        ipv4: listeners.iter().any(|listener| listener.address.is_ipv4()),
        ipv6: listeners.iter().any(|listener| listener.address.is_ipv6()),
    }
}
