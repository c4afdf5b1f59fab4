//! What a trunk shows of itself: to the API, to `carrierctl`, to the demo.

use std::time::Duration;

use futures_util::future::select_all;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::config::TrunkConfig;
use crate::domain::{CarrierStatus, TrunkId, Wanted};

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
}

impl Limits {
    /// Those of the configuration.
    #[must_use]
    pub fn of(config: &TrunkConfig) -> Self {
        let TrunkConfig { links, window, submits_per_second, .. } = *config;
        Self { links, window, submits_per_second }
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

/// A link at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkStatus {
    /// Its place in the pool, from 0.
    pub index: u32,
    /// Host and port that it is, or was last, connected to.
    pub remote: String,
    /// `transceiver`, `transmitter`, `receiver`; `connect` for CMPP.
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

/// Every trunk's status, to be read at any time.
#[derive(Debug, Clone)]
pub struct TrunkBoard {
    trunks: Vec<watch::Receiver<TrunkStatus>>,
}

impl TrunkBoard {
    /// A board over the trunks' own reports.
    #[must_use]
    pub fn new(trunks: Vec<watch::Receiver<TrunkStatus>>) -> Self {
        Self { trunks }
    }

    /// All trunks now, in the order of the configuration.
    #[must_use]
    pub fn all(&self) -> Vec<TrunkStatus> {
        self.trunks.iter().map(|trunk| trunk.borrow().clone()).collect()
    }

    /// The state of one trunk now.
    #[must_use]
    pub fn state(&self, id: &str) -> Option<TrunkState> {
        self.trunks
            .iter()
            .map(|trunk| trunk.borrow())
            .find(|trunk| trunk.id.as_str() == id)
            .map(|trunk| trunk.state)
    }

    /// One trunk now.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<TrunkStatus> {
        self.watch(id).map(|trunk| trunk.borrow().clone())
    }

    /// All trunks now; [`Self::changed`] waits for what comes after.
    pub fn look(&mut self) -> Vec<TrunkStatus> {
        self.trunks.iter_mut().map(|trunk| trunk.borrow_and_update().clone()).collect()
    }

    /// Waits until some trunk shows what was not looked at.
    pub async fn changed(&mut self) {
        let changed = self.trunks.iter_mut().map(|trunk| {
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
        self.trunks.iter().find(|trunk| trunk.borrow().id.as_str() == id).cloned()
    }
}
