//! The links of one account as one thing: work goes where there is most room, a sick link gets less, a dead one none.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{
    OpenTrunk,
    adapter::{SmsAdapter, StatusRules},
    choice::{self, Candidate},
    control::{LinkControl, NotAsked},
    dial::Dialer,
    link::{Link, LinkConfig, LinkPorts},
    session_config,
    traffic::{InboundBatch, LinkReport, Outbound, Outcome},
    window::{Feedback, Sign, Window},
    wish::Wish,
};
use crate::{
    clock,
    config::TrunkConfig,
    domain::{CarrierStatus, MessageId},
    trunk::LinkStatus,
};

/// Batches of inbound traffic that may wait for the inbound task; a link stops reading when there are more.
const INBOUND_BATCHES: usize = 64;
/// Long messages of which some segments have left and others not. A worker sends one after the other, so there are few.
const BEGUN: usize = 256;
/// A link is silent if it answers nothing for so many of its round trips, but not sooner than [`SILENT_LEAST`].
const SILENT_TRIPS: u32 = 4;
/// See [`SILENT_TRIPS`].
const SILENT_LEAST: Duration = Duration::from_secs(1);
/// What is silence of a link that has not answered anything yet.
const SILENT_UNMEASURED: Duration = Duration::from_secs(3);
/// How long a measured round trip counts. Then the link is measured again, so that a slow one is not shunned for ever.
const STALE: Duration = Duration::from_secs(10);
/// How long a link that was asked for less is spared.
const SPARED: Duration = Duration::from_secs(5);

/// The links of one account. Owned by the trunk's worker.
#[derive(Debug)]
pub struct Pool {
    links: Vec<LinkHandle>,
    reports: mpsc::Receiver<LinkReport>,
    control: LinkControl,
    limit: usize,
    wanted: Wanted,
    wished: Wish,
    /// The links of long messages that have begun to leave, oldest first.
    begun: VecDeque<(MessageId, usize)>,
}

/// Which links shall be bound when not all shall: the first and the last of them, so that a pair keeps both of its sides.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    first: usize,
    last: usize,
    all: usize,
}

impl Wanted {
    fn all(links: usize) -> Self {
        Self::some(links, links)
    }

    fn some(wanted: usize, all: usize) -> Self {
        let wanted = wanted.min(all);
        Self { first: wanted.div_ceil(2), last: wanted / 2, all }
    }

    fn has(self, index: usize) -> bool {
        index < self.first || index + self.last >= self.all
    }
}

/// What a link that is not wanted is told.
const UNWANTED: Wish = Wish::Unbound { at_once: false };

#[derive(Debug)]
struct LinkHandle {
    mailbox: mpsc::Sender<Vec<Outbound>>,
    /// Its own, so that links hear of it in their order: one channel for all would wake them in any.
    wish: watch::Sender<Wish>,
    /// It is not connected and does not try.
    rests: bool,
    task: JoinHandle<()>,
    bind_mode: &'static str,
    submits: bool,
    remote: String,
    bound_since: Option<Timestamp>,
    in_flight: usize,
    window: Window,
    /// What the link itself holds to. The window is not told: a link that took less than it was handed would let it wait,
    /// and it would leave in another second than the one that it was counted in.
    limit: watch::Sender<usize>,
    /// When it last answered, or was given something while it had nothing to answer.
    heard_at: Instant,
    round_trip: Option<Duration>,
    last_error: Option<CarrierStatus>,
    needs_a_person: bool,
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
    wished: Wish,
    statuses: StatusRules,
) -> OpenTrunk {
    let (report, reports) = mpsc::channel(64);
    let (inbound, inbox) = mpsc::channel::<InboundBatch>(INBOUND_BATCHES);
    let now = clock::now().mono;
    let mut rebinds = Vec::new();
    let links: Vec<_> = (0..config.links)
        .map(|index| {
            // A batch holds at least one segment, and no more than a window of them is out at once.
            let (mailbox, work) = mpsc::channel(config.window);
            let (limit, link_limit) = watch::channel(config.window);
            let (rebind, asked) = mpsc::channel(1);
            let (wish, wishes) = watch::channel(wished);
            rebinds.push(rebind);
            let link_config = LinkConfig {
                trunk: config.id.to_string(),
                index,
                hosts: config.hosts.clone(),
                session: session_config(config),
                timers: config.timers.clone(),
                seed: seed.wrapping_add(u64::from(index)),
                dialer: dialer.clone(),
            };
            let ports = LinkPorts {
                mailbox: work,
                reports: report.clone(),
                inbound: inbound.clone(),
                limit: link_limit,
                rebind: asked,
                wish: wishes,
            };
            LinkHandle {
                mailbox,
                wish,
                rests: false,
                task: tokio::spawn(Link::new(adapter.clone(), link_config, ports).run()),
                bind_mode: adapter.bind_mode(index),
                submits: false,
                remote: config.hosts.first().cloned().unwrap_or_default(),
                bound_since: None,
                in_flight: 0,
                window: Window::new(config.window),
                limit,
                heard_at: now,
                round_trip: None,
                last_error: None,
                needs_a_person: false,
            }
        })
        .collect();
    let control = LinkControl::new(rebinds);
    let wanted = Wanted::all(links.len());
    let limit = config.window;
    let pool = Pool { links, reports, control, limit, wanted, wished, begun: VecDeque::new() };
    OpenTrunk { pool, inbound: inbox, statuses }
}

impl Pool {
    /// Segments that the links take now.
    #[must_use]
    pub fn headroom(&self) -> usize {
        let now = clock::now().mono;
        self.links.iter().filter_map(|link| link.candidate(now)).map(|link| link.headroom()).sum()
    }

    /// Segments of a long message that one link takes now: the one that has its others, else the one with most room.
    #[must_use]
    pub fn room_for_parts(&self, id: MessageId) -> usize {
        let now = clock::now().mono;
        let room = |link: &LinkHandle| link.candidate(now).map(|link| link.headroom());
        let home =
            self.begun.iter().find(|(begun, _)| *begun == id).and_then(|(_, link)| room(&self.links[*link]));
        home.or_else(|| self.links.iter().filter_map(room).max()).unwrap_or(0)
    }

    /// Submits that may be unanswered now, over the bound links.
    #[must_use]
    pub fn window(&self) -> usize {
        self.links.iter().filter(|link| link.bound_since.is_some()).map(|link| link.window.allowed()).sum()
    }

    /// Links that will not come up before a person has changed something.
    #[must_use]
    pub fn in_need_of_a_person(&self) -> usize {
        self.links.iter().filter(|link| link.needs_a_person).count()
    }

    /// What may be asked of its links by others than its worker.
    #[must_use]
    pub fn control(&self) -> LinkControl {
        self.control.clone()
    }

    /// Asks a link to unbind in order and to connect again.
    ///
    /// # Errors
    /// There is no such link, or the trunk has ended.
    pub fn rebind(&self, link: u32) -> Result<(), NotAsked> {
        self.control.rebind(link)
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

    /// Hands segments to the links with the most room; segments of one message stay on one link, in order, and wait
    /// there if its window is full. Those that no link takes come back.
    #[must_use]
    pub fn submit(&mut self, segments: Vec<Outbound>) -> Vec<Outbound> {
        let now = clock::now().mono;
        let mut candidates: Vec<_> = self.links.iter().map(|link| link.candidate(now)).collect();
        let mut batches: Vec<Vec<Outbound>> = self.links.iter().map(|_| Vec::new()).collect();
        let mut refused = Vec::new();
        for segment in segments {
            let Some(index) = self.place(&candidates, &segment) else {
                refused.push(segment);
                continue;
            };
            let link = &mut self.links[index];
            if link.in_flight == 0 {
                link.heard_at = now;
            }
            link.in_flight += 1;
            if let Some(candidate) = &mut candidates[index] {
                candidate.in_flight += 1;
            }
            batches[index].push(segment);
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

    /// The link for a segment: that of its message's earlier ones, as long as it is bound, else the best.
    fn place(&mut self, candidates: &[Option<Candidate>], segment: &Outbound) -> Option<usize> {
        let best = || choice::best(candidates.iter().copied());
        let segments = segment.prepared.plan.segments;
        if segments < 2 {
            return best();
        }
        let id = segment.message.id;
        let begun = self.begun.iter().position(|(begun, _)| *begun == id);
        let home = begun.and_then(|place| self.begun.remove(place)).map(|(_, link)| link);
        let home = home.filter(|index| candidates[*index].is_some());
        if let Some(index) = home.filter(|index| candidates[*index].is_none_or(|link| link.headroom() == 0)) {
            self.begun.push_back((id, index));
            return None;
        }
        let index = home.or_else(best)?;
        if segment.segment < segments {
            if self.begun.len() >= BEGUN {
                self.begun.pop_front();
            }
            self.begun.push_back((id, index));
        }
        Some(index)
    }

    /// Waits for the links' next report. Pending for ever once all links have ended.
    pub async fn next(&mut self) -> PoolEvent {
        let Some(report) = self.reports.recv().await else { return std::future::pending().await };
        match report {
            LinkReport::Up { link, remote, submits, bind_mode, since } => {
                let limit = self.limit;
                if let Some(link) = self.link(link) {
                    link.rests = false;
                    link.bind_mode = bind_mode;
                    link.needs_a_person = false;
                    // What the last connection learned may be about a host that is gone.
                    link.window = Window::new(limit);
                    link.submits = submits;
                    link.remote = remote;
                    link.bound_since = Some(since);
                    link.last_error = None;
                }
                PoolEvent::LinkChanged
            }
            LinkReport::Unbinding { link } => {
                if let Some(link) = self.link(link) {
                    link.submits = false;
                }
                PoolEvent::LinkChanged
            }
            LinkReport::Down { link, remote, error, needs_a_person } => {
                if let Some(link) = self.link(link) {
                    link.needs_a_person = needs_a_person;
                    link.submits = false;
                    link.remote = remote;
                    link.bound_since = None;
                    link.last_error = Some(error);
                }
                PoolEvent::LinkChanged
            }
            LinkReport::Resting { link } => {
                if let Some(link) = self.link(link) {
                    link.rests = true;
                }
                PoolEvent::LinkChanged
            }
            LinkReport::Outcomes { link, outcomes, feedback, round_trip } => {
                let now = clock::now().mono;
                if let Some(link) = self.link(link) {
                    for feedback in feedback {
                        link.learn(now, feedback);
                    }
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
            window: u32::try_from(link.window.allowed()).unwrap_or(u32::MAX),
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

    /// Lets the links be bound, or none of them.
    pub fn wish(&mut self, wish: Wish) {
        self.wished = wish;
        for (index, link) in self.links.iter_mut().enumerate() {
            let wish = if wish == Wish::Bound && !self.wanted.has(index) { UNWANTED } else { wish };
            link.wish(wish);
        }
    }

    /// Changes how many links shall be bound, and how many submits each may have unanswered: at most as many as it was
    /// opened with.
    pub fn set_limits(&mut self, links: usize, window: usize) {
        self.wanted = Wanted::some(links.max(1), self.links.len());
        self.limit = window;
        for link in &mut self.links {
            link.window.set_limit(window);
            link.limit.send_replace(window);
        }
        self.wish(self.wished);
    }

    /// Links that shall be bound, when any shall.
    #[must_use]
    pub fn wanted(&self) -> usize {
        (0..self.links.len()).filter(|index| self.wanted.has(*index)).count()
    }

    /// All links are unbound as they were told, and do not try to connect.
    #[must_use]
    pub fn rests(&self) -> bool {
        self.links.iter().all(|link| link.rests || link.task.is_finished())
    }

    /// All links have ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.links.iter().all(|link| link.task.is_finished())
    }
}

impl LinkHandle {
    fn wish(&mut self, wish: Wish) {
        self.rests &= wish != Wish::Bound;
        self.wish.send_if_modified(|before| std::mem::replace(before, wish) != wish);
    }

    /// The link as the choice sees it; `None` if it may not submit.
    fn candidate(&self, now: Instant) -> Option<Candidate> {
        let quiet = now.saturating_duration_since(self.heard_at);
        let patience =
            self.window.round_trip().map_or(SILENT_UNMEASURED, |trip| SILENT_LEAST.max(trip * SILENT_TRIPS));
        let spared = |cut| now.saturating_duration_since(cut) < SPARED;
        self.submits.then(|| Candidate {
            allowed: self.window.allowed(),
            in_flight: self.in_flight,
            round_trip: self.window.round_trip().filter(|_| quiet < STALE),
            is_silent: self.in_flight > 0 && quiet > patience,
            is_throttled: self.window.cut_at().is_some_and(spared),
        })
    }

    fn learn(&mut self, now: Instant, feedback: Feedback) {
        if feedback.sign != Sign::Silence {
            self.heard_at = now;
        }
        self.window.handle(now, feedback);
    }
}

#[cfg(test)]
mod tests;
