//! What a trunk shows of itself: to the API, to `carrierctl`, to the demo.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use futures_util::future::select_all;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::config::{SipTrunkConfig, TrunkConfig};
use crate::domain::{CarrierStatus, Cause, TrunkId, Wanted};

/// Whether a trunk can carry traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrunkState {
    /// All wanted links are bound.
    Up,
    /// Some are.
    Degraded,
    /// None is.
    Down,
    /// It takes nothing new.
    Draining,
    /// It was told to have no link, and has none.
    Disabled,
}

/// How much a trunk may do at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Connections.
    pub links: u32,
    /// Unanswered submits per link.
    pub window: usize,
    /// Submits per second over all links; `None`: no limit.
    pub submits_per_second: Option<u32>,
    /// Calls that are placed in a second; `None`: no limit.
    pub calls_per_second: Option<u32>,
    /// Calls at once, both directions; 0 of a trunk for messages.
    pub max_calls: u32,
}

impl Limits {
    /// Those of the configuration.
    #[must_use]
    pub fn of(config: &TrunkConfig) -> Self {
        let TrunkConfig { links, window, submits_per_second, .. } = *config;
        Self { links, window, submits_per_second, ..Self::default() }
    }

    /// Those of a trunk for calls.
    #[must_use]
    pub fn of_calls(config: &SipTrunkConfig) -> Self {
        let SipTrunkConfig { calls_per_second, max_calls, .. } = *config;
        Self { calls_per_second, max_calls, ..Self::default() }
    }
}

/// A trunk at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct TrunkStatus {
    /// Its name.
    pub id: TrunkId,
    /// `smpp34`, `cmpp20`, …
    pub protocol: &'static str,
    /// Operator for statistics.
    pub operator: String,
    /// Whether it can carry traffic.
    pub state: TrunkState,
    /// What an operator wants it to be.
    pub wanted: Wanted,
    /// Submits per second, links and window as the configuration has them; operators can't go beyond.
    pub configured: Limits,
    /// The number of the orders that it has taken note of.
    pub obeys: u64,
    /// No link is bound or tries to be, and all is settled.
    pub rests: bool,
    /// Segments that a carrier may have and has not answered.
    pub unanswered: u64,
    /// Segments whose answer was given up when it came to rest, the last time.
    pub abandoned: u64,
    /// Links that shall be bound, unanswered submits and submits per second that are allowed now.
    pub limits: Limits,
    /// One entry per link that it may have.
    pub links: Vec<LinkStatus>,
    /// Messages waiting for it.
    pub queue_depth: u64,
    /// Age of the one that has waited longest.
    pub oldest_queued: Option<Duration>,
    /// Submits answered since the start: accepted, refused, unknown.
    pub answered: Answered,
    /// Reports taken since the start: final and good, final and bad.
    pub reported: Reported,
    /// Of a trunk that carries calls.
    pub calls: Option<CallTraffic>,
    /// It was taken out of the configuration, and nothing of it is left.
    pub gone: bool,
}

impl TrunkStatus {
    /// A trunk of which nothing is known yet.
    #[must_use]
    pub fn blank(id: TrunkId, protocol: &'static str, operator: String, limits: Limits) -> Self {
        Self {
            id,
            protocol,
            operator,
            state: TrunkState::Down,
            wanted: Wanted::default(),
            configured: limits,
            obeys: 0,
            rests: false,
            unanswered: 0,
            abandoned: 0,
            limits,
            links: Vec::new(),
            queue_depth: 0,
            oldest_queued: None,
            answered: Answered::default(),
            reported: Reported::default(),
            calls: None,
            gone: false,
        }
    }

    /// Calls that it has now.
    #[must_use]
    pub fn calls_now(&self) -> u64 {
        self.calls.as_ref().map_or(0, |calls| calls.outbound + calls.inbound)
    }
}

/// What a trunk shows of its calls.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallTraffic {
    /// Calls now that we placed.
    pub outbound: u64,
    /// Calls now that the carrier placed.
    pub inbound: u64,
    /// Calls placed within the last second.
    pub placed_per_second: u64,
    /// What the carrier or its gateways failed last, the newest first.
    pub refusals: Vec<CallRefusal>,
    /// Why it can't carry, or not all that it should, and what to do; one sentence each.
    pub trouble: Vec<String>,
}

/// A call that a gateway failed, for a reason that lies with the carrier or with us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRefusal {
    /// When.
    pub time: Timestamp,
    /// Transport and address of the gateway.
    pub gateway: String,
    /// What it means.
    pub cause: Cause,
    /// The response's status, if there was one.
    pub sip_status: Option<u16>,
}

/// Answers to submits since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answered {
    /// Taken by the carrier.
    pub accepted: u64,
    /// Refused.
    pub refused: u64,
    /// Never answered.
    pub unknown: u64,
}

/// Reports since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reported {
    /// Arrived.
    pub delivered: u64,
    /// Did not arrive.
    pub failed: u64,
    /// Matched nothing.
    pub unmatched: u64,
}

/// The `bind_mode` of what shows a SIP trunk's registration,
pub const REGISTRATION: &str = "registration";
/// and of what shows one of its gateways.
pub const GATEWAY: &str = "gateway";

/// A link at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkStatus {
    /// Its place in the pool, from 0.
    pub index: u32,
    /// Host and port that it is, or was last, connected to.
    pub remote: String,
    /// `transceiver`, `transmitter`, `receiver`; `connect` for CMPP; [`GATEWAY`] and [`REGISTRATION`] for SIP.
    pub bind_mode: &'static str,
    /// Since when it is bound.
    pub bound_since: Option<Timestamp>,
    /// Submits waiting for an answer.
    pub in_flight: u32,
    /// Submits that may wait for an answer now: the trunk's window, or less while the carrier asks for less.
    pub window: u32,
    /// The last answer's round trip.
    pub round_trip: Option<Duration>,
    /// Why it last ended or could not bind.
    pub last_error: Option<CarrierStatus>,
}

/// Every trunk's status, to be read at any time. Clones see the same trunks.
#[derive(Debug, Clone)]
pub struct TrunkBoard {
    trunks: Arc<RwLock<Vec<watch::Receiver<TrunkStatus>>>>,
    /// Those that this clone has looked at.
    seen: Vec<watch::Receiver<TrunkStatus>>,
}

impl TrunkBoard {
    /// A board over the trunks' own reports.
    #[must_use]
    pub fn new(trunks: Vec<watch::Receiver<TrunkStatus>>) -> Self {
        Self { trunks: Arc::new(RwLock::new(trunks)), seen: Vec::new() }
    }

    /// Shows a further trunk, behind the others.
    pub fn add(&self, trunk: watch::Receiver<TrunkStatus>) {
        self.trunks.write().unwrap_or_else(PoisonError::into_inner).push(trunk);
    }

    /// All trunks now, in the order of the configuration; those that are gone are left out.
    #[must_use]
    pub fn all(&self) -> Vec<TrunkStatus> {
        let all = self.each().into_iter().map(|trunk| trunk.borrow().clone());
        all.filter(|trunk| !trunk.gone).collect()
    }

    /// The state of one trunk now.
    #[must_use]
    pub fn state(&self, id: &str) -> Option<TrunkState> {
        self.of(id, |trunk| trunk.borrow().state)
    }

    /// One trunk now.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<TrunkStatus> {
        self.of(id, |trunk| trunk.borrow().clone())
    }

    /// All trunks now, those that are gone included, in the order in which they came; [`Self::changed`] waits for what
    /// comes after.
    pub fn look(&mut self) -> Vec<TrunkStatus> {
        let all = self.each();
        // Those that were seen keep what they have seen.
        self.seen.extend(all.into_iter().skip(self.seen.len()));
        self.seen.iter_mut().map(|trunk| trunk.borrow_and_update().clone()).collect()
    }

    /// Waits until some trunk shows what was not looked at.
    pub async fn changed(&mut self) {
        let changed = self.seen.iter_mut().map(|trunk| {
            Box::pin(async {
                // One that is gone changes no more.
                if trunk.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            })
        });
        let changed: Vec<_> = changed.collect();
        if changed.is_empty() {
            return std::future::pending().await;
        }
        select_all(changed).await;
    }

    /// One trunk and its changes, at most a few a second.
    #[must_use]
    pub fn watch(&self, id: &str) -> Option<watch::Receiver<TrunkStatus>> {
        self.of(id, watch::Receiver::clone)
    }

    fn each(&self) -> Vec<watch::Receiver<TrunkStatus>> {
        self.trunks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn of<T>(&self, id: &str, show: impl FnOnce(&watch::Receiver<TrunkStatus>) -> T) -> Option<T> {
        let trunks = self.trunks.read().unwrap_or_else(PoisonError::into_inner);
        let is_it = |trunk: &&watch::Receiver<TrunkStatus>| {
            let trunk = trunk.borrow();
            trunk.id.as_str() == id && !trunk.gone
        };
        trunks.iter().find(is_it).map(show)
    }
}
