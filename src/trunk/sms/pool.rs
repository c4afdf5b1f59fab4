//! The links of one account as one thing: work goes where there is most room, a dead link gets none.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{
    OpenTrunk,
    adapter::SmsAdapter,
    dial::Dialer,
    link::{InboundBatch, Link, LinkConfig, LinkPorts, LinkReport, Outbound, Outcome},
    session_config,
};
use crate::{config::TrunkConfig, domain::CarrierStatus, trunk::LinkStatus};

/// Batches of inbound traffic that may wait for the inbound task; a link stops reading when there are more.
const INBOUND_BATCHES: usize = 64;

/// The links of one account. Owned by the trunk's worker.
#[derive(Debug)]
pub struct Pool {
    links: Vec<LinkHandle>,
    reports: mpsc::Receiver<LinkReport>,
    window: usize,
}

#[derive(Debug)]
struct LinkHandle {
    mailbox: mpsc::Sender<Vec<Outbound>>,
    /// Its own, so that links end in their order: one channel for all would wake them in any.
    shutdown: watch::Sender<bool>,
    task: JoinHandle<()>,
    bind_mode: &'static str,
    submits: bool,
    remote: String,
    bound_since: Option<Timestamp>,
    in_flight: usize,
    round_trip: Option<Duration>,
    last_error: Option<CarrierStatus>,
}

/// What became known about the trunk.
#[derive(Debug)]
pub enum PoolEvent {
    /// What came of submits.
    Outcomes(Vec<Outcome>),
    /// A link came up or went down.
    LinkChanged,
}

pub(super) fn start<A: SmsAdapter>(
    adapter: Arc<A>,
    config: &TrunkConfig,
    seed: u64,
    dialer: &Arc<dyn Dialer>,
) -> OpenTrunk {
    let (report, reports) = mpsc::channel(64);
    let (inbound, inbox) = mpsc::channel::<InboundBatch>(INBOUND_BATCHES);
    let links = (0..config.links).map(|index| {
        // A batch holds at least one segment, and no more than a window of them is out at once.
        let (mailbox, work) = mpsc::channel(config.window);
        let (shutdown, stop) = watch::channel(false);
        let link_config = LinkConfig {
            trunk: config.id.to_string(),
            index,
            hosts: config.hosts.clone(),
            session: session_config(config),
            timers: config.timers.clone(),
            seed: seed.wrapping_add(u64::from(index)),
            dialer: dialer.clone(),
        };
        let ports =
            LinkPorts { mailbox: work, reports: report.clone(), inbound: inbound.clone(), shutdown: stop };
        LinkHandle {
            mailbox,
            shutdown,
            task: tokio::spawn(Link::new(adapter.clone(), link_config, ports).run()),
            bind_mode: adapter.bind_mode(index),
            submits: false,
            remote: config.hosts.first().cloned().unwrap_or_default(),
            bound_since: None,
            in_flight: 0,
            round_trip: None,
            last_error: None,
        }
    });
    let pool = Pool { links: links.collect(), reports, window: config.window };
    OpenTrunk { pool, inbound: inbox }
}

impl Pool {
    /// Segments that the links take now.
    #[must_use]
    pub fn headroom(&self) -> usize {
        self.links.iter().map(|link| link.headroom(self.window)).sum()
    }

    /// Segments that were handed to links and have no outcome yet.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.links.iter().map(|link| link.in_flight).sum()
    }

    /// Links that are bound.
    #[must_use]
    pub fn bound(&self) -> usize {
        self.links.iter().filter(|link| link.bound_since.is_some()).count()
    }

    /// Hands segments to the links with the most room; segments of one message stay on one link, in order. Those
    /// that no link takes come back.
    #[must_use]
    pub fn submit(&mut self, segments: Vec<Outbound>) -> Vec<Outbound> {
        let mut batches: Vec<Vec<Outbound>> = self.links.iter().map(|_| Vec::new()).collect();
        let mut refused = Vec::new();
        let mut last = None;
        for segment in segments {
            let same = last.filter(|(id, index): &(_, usize)| {
                *id == segment.message.id && self.links[*index].headroom(self.window) > 0
            });
            let best = same.map(|(_, index)| index).or_else(|| self.roomiest());
            match best {
                Some(index) => {
                    last = Some((segment.message.id, index));
                    self.links[index].in_flight += 1;
                    batches[index].push(segment);
                }
                None => refused.push(segment),
            }
        }
        for (link, batch) in self.links.iter_mut().zip(batches) {
            if batch.is_empty() {
                continue;
            }
            let segments = batch.len();
            if let Err(error) = link.mailbox.try_send(batch) {
                link.in_flight -= segments;
                let (mpsc::error::TrySendError::Full(batch) | mpsc::error::TrySendError::Closed(batch)) =
                    error;
                refused.extend(batch);
            }
        }
        refused
    }

    fn roomiest(&self) -> Option<usize> {
        let room = |index: &usize| self.links[*index].headroom(self.window);
        (0..self.links.len()).filter(|index| room(index) > 0).max_by_key(room)
    }

    /// Waits for the links' next report. Pending for ever once all links have ended.
    pub async fn next(&mut self) -> PoolEvent {
        let Some(report) = self.reports.recv().await else { return std::future::pending().await };
        match report {
            LinkReport::Up { link, remote, submits, since } => {
                if let Some(link) = self.link(link) {
                    link.submits = submits;
                    link.remote = remote;
                    link.bound_since = Some(since);
                    link.last_error = None;
                }
                PoolEvent::LinkChanged
            }
            LinkReport::Down { link, remote, error } => {
                if let Some(link) = self.link(link) {
                    link.submits = false;
                    link.remote = remote;
                    link.bound_since = None;
                    link.last_error = Some(error);
                }
                PoolEvent::LinkChanged
            }
            LinkReport::Outcomes { link, outcomes, round_trip } => {
                if let Some(link) = self.link(link) {
                    let settled = outcomes.iter().filter(|outcome| !outcome.late).count();
                    link.in_flight = link.in_flight.saturating_sub(settled);
                    link.round_trip = round_trip.or(link.round_trip);
                }
                PoolEvent::Outcomes(outcomes)
            }
        }
    }

    fn link(&mut self, index: u32) -> Option<&mut LinkHandle> {
        self.links.get_mut(usize::try_from(index).ok()?)
    }

    /// Each link as it is now.
    #[must_use]
    pub fn links(&self) -> Vec<LinkStatus> {
        let status = |(index, link): (u32, &LinkHandle)| LinkStatus {
            index,
            remote: link.remote.clone(),
            bind_mode: link.bind_mode,
            bound_since: link.bound_since,
            in_flight: u32::try_from(link.in_flight).unwrap_or(u32::MAX),
            round_trip: link.round_trip,
            last_error: link.last_error.clone(),
        };
        (0..).zip(&self.links).map(status).collect()
    }

    /// Why no link is bound, in the words of the first link that says.
    #[must_use]
    pub fn last_error(&self) -> Option<CarrierStatus> {
        self.links.iter().find_map(|link| link.last_error.clone())
    }

    /// Tells the links to unbind and end. Their last outcomes still come through [`Self::next`].
    pub fn shut_down(&self) {
        for link in &self.links {
            let _ = link.shutdown.send(true);
        }
    }

    /// All links have ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.links.iter().all(|link| link.task.is_finished())
    }
}

impl LinkHandle {
    fn headroom(&self, window: usize) -> usize {
        if self.submits { window.saturating_sub(self.in_flight) } else { 0 }
    }
}
