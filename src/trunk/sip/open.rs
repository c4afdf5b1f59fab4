//! From the configuration to the task of SIP that runs.

use std::{collections::VecDeque, io, net::IpAddr};

use bytes::Bytes;
use codecs::sip::{
    Transport,
    locate::Settings,
    transaction::{self, Timers},
    ua::{self, Listener, PeerId},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{
    endpoint::{Counted, Driver, Duty},
    gate::Gate,
    legs::Legs,
    locate::{self, Resolver},
    transport::Transports,
    trunk::SipTrunk,
};
use crate::{
    clock,
    config::{SipConfig, SipListener, SipTrunkConfig, Strangers},
    domain::{LADDER_RUNGS, TrunkId},
    telemetry::metrics::SipMetrics,
    trunk::{
        TrunkStatus,
        calls::{CallSlots, TrunkSide},
    },
};

/// What DNS says that may wait for the task.
const LEARNT: usize = 64;

/// SIP that runs.
pub struct OpenSip {
    /// The listeners as they are bound, in the order of the configuration.
    pub listeners: Vec<SipListener>,
    /// The places for calls of each trunk.
    pub slots: Vec<(TrunkId, CallSlots)>,
    /// How each trunk shows itself, in the order of the configuration.
    pub statuses: Vec<watch::Receiver<TrunkStatus>>,
    /// What the task shall do.
    pub duty: watch::Sender<Duty>,
    /// The task. Ends as [`Duty::End`] says.
    pub task: JoinHandle<()>,
}

/// Opens the listeners and starts the task of SIP for these trunks.
///
/// # Errors
/// A listener can't be opened, a certificate can't be used, or nobody can be asked for names.
pub fn open(sip: &SipConfig, trunks: &[SipTrunkConfig], side: TrunkSide, seed: u64) -> io::Result<OpenSip> {
    let mut random = StdRng::seed_from_u64(seed);
    let now = clock::now();
    let transports = Transports::open(sip)?;
    let listeners = transports.listeners().to_vec();
    let reachable: Vec<_> = listeners.iter().map(|listener| advertised(listener, sip)).collect();
    let settings = settings(&listeners);
    let (tell, learnt) = mpsc::channel(LEARNT);
    let mut resolver = None;
    let mut opened = Vec::with_capacity(trunks.len());
    for (index, config) in trunks.iter().enumerate() {
        let peer = PeerId(u32::try_from(index).unwrap_or(u32::MAX));
        let trunk = SipTrunk::new(config, peer, settings.clone(), &reachable, random.random(), now);
        for (gateway, destination) in trunk.pool.names() {
            let resolver = match &resolver {
                Some(resolver) => resolver,
                None => resolver.insert(Resolver::new(&sip.dns)?),
            };
            let (destination, settings) = (destination.clone(), settings.clone());
            tokio::spawn(locate::watch(
                resolver.clone(),
                (index, gateway),
                destination,
                settings,
                tell.clone(),
            ));
        }
        opened.push(trunk);
    }
    let calls = trunks.iter().map(|trunk| usize::try_from(trunk.max_calls).unwrap_or(usize::MAX));
    let config = ua::Config {
        user_agent: Bytes::from(sip.user_agent.clone()),
        listeners: reachable,
        limits: ua::Limits {
            // A call over the limit is refused by a leg that lives for a moment. The endpoint's usual limit is the least:
            // ended legs wait for half a minute for repetitions and count too, and calls may be short.
            legs: calls.fold(0, usize::saturating_add).saturating_mul(2).max(ua::Limits::default().legs),
            ..ua::Limits::default()
        },
        strangers: match sip.strangers {
            Strangers::Refuse => ua::Strangers::Refuse,
            Strangers::Ignore => ua::Strangers::Ignore,
        },
        ladder_messages: LADDER_RUNGS,
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
    let slots = opened.iter().map(|trunk| (trunk.id().clone(), trunk.slots.clone())).collect();
    let statuses = opened.iter().map(SipTrunk::status).collect();
    let (duty, told) = watch::channel(Duty::default());
    let driver = Driver {
        transports,
        endpoint: ua::Endpoint::new(config, random.random()),
        trunks: opened,
        peers: Vec::new(),
        side,
        learnt,
        duty: told,
        legs: Legs::default(),
        asked: std::collections::HashMap::new(),
        waiting: VecDeque::new(),
        gate: Gate::new(sip.limits.bad_answers_per_second, now.mono),
        metrics: SipMetrics::new(),
        counted: Counted::default(),
    };
    Ok(OpenSip { listeners, slots, statuses, duty, task: tokio::spawn(driver.run()) })
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
