//! The driver: one socket and one session. Moves octets, wakes the session, passes on what it says; knows no rule of
//! any protocol. When a session ends it connects again, until it is told to stop.

mod between;
mod socket;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::BytesMut;
use codecs::{
    Now, frame,
    session::{
        BindRefused, Bound, CloseReason, Dialect, Event, ReplyTo, Session, SubmitError, Ticket, Unanswered,
    },
};
use rand::{SeedableRng, rngs::StdRng};
use tokio::{
    io::AsyncReadExt,
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tracing::{debug, info, warn};

use self::socket::{flush, until_closed, write};
use super::{
    adapter::{Fallback, SmsAdapter, Verdict},
    backoff::{Backoff, Ending},
    dial::{Connection, Dialer, connect},
    ending::{close_status, refusal_name, unanswered},
    faults::Faults,
    traffic::{InboundBatch, LinkReport, Outbound},
    turn::Turn,
    window::{Feedback, Sign},
    wish::Wish,
};
use crate::{
    clock,
    config::Timers,
    domain::{CarrierStatus, FailureClass, Reaction, SubmitOutcome},
    telemetry::metrics,
};

/// Octets read from the socket at once.
const READ_CHUNK: usize = 64 * 1024;
/// Unsent octets above which no more submits are taken: a peer that stops reading must not grow our memory.
const HIGH_WATER: usize = 256 * 1024;

/// What a link needs.
#[derive(Debug)]
pub struct LinkConfig {
    /// The trunk, for logs.
    pub trunk: String,
    /// Its place in the pool.
    pub index: u32,
    /// Hosts in the order to try.
    pub hosts: Vec<String>,
    /// Windows and timers of its sessions.
    pub session: codecs::session::Config,
    /// Delays between connections.
    pub timers: Timers,
    /// For the jitter of those delays.
    pub seed: u64,
    /// What opens its connections.
    pub dialer: Arc<dyn Dialer>,
}

/// The channels of a link. All are bounded; the sides are sized so that answers always have room.
#[derive(Debug)]
pub struct LinkPorts {
    /// Segments to submit.
    pub mailbox: mpsc::Receiver<Vec<Outbound>>,
    /// Outcomes and changes of state.
    pub reports: mpsc::Sender<LinkReport>,
    /// What the carrier sends.
    pub inbound: mpsc::Sender<InboundBatch>,
    /// Submits that may be unanswered at most.
    pub limit: watch::Receiver<usize>,
    /// Asks it to unbind and connect again.
    pub rebind: mpsc::Receiver<()>,
    /// Whether it shall be bound. Its sender being gone means the end.
    pub wish: watch::Receiver<Wish>,
}

/// One link of a trunk.
pub struct Link<A: SmsAdapter> {
    adapter: Arc<A>,
    config: LinkConfig,
    ports: LinkPorts,
    answers: mpsc::Sender<Vec<(u64, Verdict)>>,
    verdicts: mpsc::Receiver<Vec<(u64, Verdict)>>,
    waiting: HashMap<u64, (ReplyTo, A::Reply)>,
    next_reply: u64,
    /// Segments that were taken from the mailbox and wait for room in the window.
    held: VecDeque<Outbound>,
}

impl<A: SmsAdapter> Link<A> {
    /// A link that is not connected yet.
    pub fn new(adapter: Arc<A>, config: LinkConfig, ports: LinkPorts) -> Self {
        // As many batches as requests may wait, so that sending an answer never blocks the one who answers.
        let (answers, verdicts) = mpsc::channel(config.session.inbound_window.max(1));
        Self {
            adapter,
            config,
            ports,
            answers,
            verdicts,
            waiting: HashMap::new(),
            next_reply: 0,
            held: VecDeque::new(),
        }
    }

    /// Connects, binds, runs the session, and does so again after a delay, as long as it is wished.
    pub async fn run(mut self) {
        let mut random = StdRng::seed_from_u64(self.config.seed);
        let mut backoff = Backoff::new(&self.config.timers);
        let mut host = usize::try_from(self.config.index).unwrap_or(0);
        self.wait(Backoff::first(self.config.index, &mut random)).await;
        while self.wish() != Wish::End {
            if self.wish() != Wish::Bound {
                self.rest().await;
                // Not all links of the account at once.
                self.wait(Backoff::first(self.config.index, &mut random)).await;
                continue;
            }
            let remote = self.config.hosts[host % self.config.hosts.len()].clone();
            host += 1;
            let mut wish = self.ports.wish.clone();
            let connected = tokio::select! {
                biased;
                () = wished_away(&mut wish) => continue,
                connected = connect(&*self.config.dialer, &remote, self.config.timers.connect) => connected,
            };
            let delay = match connected {
                Ok(connection) => {
                    // The connection is closed when this returns: there is never a second one beside it.
                    let ended = self.session(connection, &remote).await;
                    self.ended(&remote, ended, &mut backoff, &mut random).await
                }
                Err(error) => {
                    debug!(trunk = self.config.trunk, link = self.config.index, %error, "can't connect");
                    let text = format!("can't connect: {error}");
                    self.down(&remote, CarrierStatus::ours(FailureClass::Network, false, text), false).await;
                    backoff.after(Ending::Failed, &mut random)
                }
            };
            self.wait(delay).await;
        }
        self.hand_back().await;
    }

    /// Tells why a session ended, and gives the delay until the next.
    async fn ended(
        &self,
        remote: &str,
        ended: Ended,
        backoff: &mut Backoff,
        random: &mut StdRng,
    ) -> Duration {
        let Ended { reason, fallback, lasted } = ended;
        let (CloseReason::Refused(refused), None) = (reason, lasted) else {
            self.down(remote, close_status(&reason, None), false).await;
            return backoff.after(lasted.map_or(Ending::Failed, Ending::Lasted), random);
        };
        metrics::bind_refused(&self.config.trunk, refusal_name(refused.class));
        let (ending, advice) = match fallback {
            Fallback::None => (Ending::Refused(refused.class), None),
            Fallback::Advice(advice) => (Ending::Refused(refused.class), Some(advice)),
            Fallback::Retry(text) => {
                if let Some(text) = text {
                    self.warn_refused(&refused, &text);
                }
                (Ending::FellBack, None)
            }
        };
        let delay = backoff.after(ending, random);
        let error = close_status(&reason, advice.as_deref());
        let needs_a_person = ending != Ending::FellBack && backoff.needs_a_person(refused.class);
        let text = &error.raw_text;
        if needs_a_person {
            self.warn_refused(&refused, &format!("{text}; the next try is in {delay:.0?}"));
        } else if ending != Ending::FellBack {
            info!(trunk = self.config.trunk, link = self.config.index, ?delay, "{text}");
        }
        self.down(remote, error, needs_a_person).await;
        delay
    }

    fn warn_refused(&self, refused: &BindRefused, text: &str) {
        warn!(trunk = self.config.trunk, link = self.config.index, status = refused.status, "{text}");
    }

    async fn down(&self, remote: &str, error: CarrierStatus, needs_a_person: bool) {
        let (link, remote) = (self.config.index, remote.to_owned());
        self.report(LinkReport::Down { link, remote, error, needs_a_person }).await;
    }

    async fn report(&self, report: LinkReport) {
        // The worker outlives its links; if it is gone, so is everyone who could act on this.
        let _ = self.ports.reports.send(report).await;
    }

    /// One connection from the bind to its end.
    async fn session(&mut self, connection: Connection, remote: &str) -> Ended {
        let (dialect, credentials) = self.adapter.open(self.config.index);
        let mut session = Session::binding(self.config.session.clone(), dialect, credentials, clock::now());
        let Connection { mut reader, mut writer } = connection;
        let mut inbox = BytesMut::with_capacity(READ_CHUNK);
        let mut turn = Turn::default();
        let mut faults = Faults::new(&self.config.trunk, self.config.index);
        let mut bound_at = None;
        let mut open = true;
        let mut deaf = false;
        self.waiting.clear();
        loop {
            session.set_window(*self.ports.limit.borrow_and_update());
            self.drain_events(&mut session, &mut turn, clock::now());
            faults.tell(session.counters(), turn.unreadable, turn.closed.as_ref());
            if let Some(bound) = turn.bound.take() {
                bound_at = Some(clock::now().mono);
                self.bound(bound, remote).await;
            }
            self.pass_on(&mut session, &mut turn).await;
            if bound_at.is_some() && !session.is_bound() {
                // It takes no more: what has not left goes to another link now, not when this one is through.
                self.hand_back().await;
            }
            if let Some(reason) = turn.closed.take() {
                let fallback = match &reason {
                    CloseReason::Refused(refused) => self.adapter.refused(session.dialect(), refused),
                    _ => Fallback::None,
                };
                if open {
                    flush(&mut session, &mut writer).await;
                    if matches!(reason, CloseReason::Unbound | CloseReason::Refused(_)) {
                        until_closed(&mut reader, &mut inbox).await;
                    }
                }
                let now = clock::now().mono;
                let lasted = bound_at.map(|since| now.saturating_duration_since(since));
                return Ended { reason, fallback, lasted };
            }
            let room = session.is_bound() && session.headroom() > self.held.len();
            let unsent = session.poll_transmit().map_or(0, |outbox| outbox.len());
            let deadline = session.poll_timeout().map(Instant::from_std);
            tokio::select! {
                biased;
                written = write(&mut session, &mut writer), if unsent > 0 && open => {
                    if written.is_err() { open = false; session.handle_end(clock::now()); }
                }
                read = reader.read_buf(&mut inbox), if session.wants_input() && open => match read {
                    Ok(1..) => self.receive(&mut session, &mut inbox, &mut turn),
                    Ok(0) | Err(_) => { open = false; session.handle_end(clock::now()); }
                },
                Some(verdicts) = self.verdicts.recv() => self.answer(&mut session, verdicts),
                Some(batch) = self.ports.mailbox.recv(), if room && unsent < HIGH_WATER => {
                    self.held.extend(batch);
                    self.submit_held(&mut session, &mut turn);
                }
                Some(()) = self.ports.rebind.recv() => if session.is_bound() {
                    info!(trunk = self.config.trunk, link = self.config.index, "unbinds to bind again");
                    turn.unbinding = true;
                    session.unbind(clock::now());
                },
                () = until(deadline) => session.handle_timeout(clock::now()),
                // The mailbox may have been closed for want of room.
                Ok(()) = self.ports.limit.changed() => {}
                changed = self.ports.wish.changed(), if !deaf => {
                    deaf = changed.is_err();
                    match self.wish() {
                        // What unbinds can't be held; it connects again when it has.
                        Wish::Bound => {}
                        Wish::Unbound { at_once: true } => session.unbind_at_once(clock::now()),
                        Wish::Unbound { at_once: false } | Wish::End => session.unbind(clock::now()),
                    }
                }
            }
            self.submit_held(&mut session, &mut turn);
        }
    }

    async fn bound(&self, bound: Bound, remote: &str) {
        let (trunk, link) = (&self.config.trunk, self.config.index);
        info!(trunk, link, remote, version = bound.version, "bound");
        if let Some(text) = self.adapter.accepted() {
            info!(trunk, link, "{text}");
        }
        if bound.unproven {
            warn!(trunk, link, "the gateway did not prove that it knows the shared secret");
        }
        let up = LinkReport::Up {
            link,
            remote: remote.to_owned(),
            submits: bound.traffic != codecs::session::Direction::FromCarrier,
            bind_mode: self.adapter.bind_mode(link),
            since: clock::wall(),
        };
        self.report(up).await;
    }

    fn receive(&mut self, session: &mut Session<A::Dialect>, inbox: &mut BytesMut, turn: &mut Turn) {
        let now = clock::now();
        loop {
            match frame::next(inbox, A::Dialect::LIMITS) {
                Ok(Some(unit)) => {
                    session.handle_frame(now, unit);
                    // After each, so that the session's last round trip is that of the answer.
                    self.drain_events(session, turn, now);
                }
                Ok(None) => break,
                Err(error) => return session.handle_framing_lost(now, error, inbox),
            }
        }
        session.handle_partial(now, frame::has_partial(inbox));
        inbox.reserve(READ_CHUNK / 2);
    }

    /// Hands held segments to the session while its window has room.
    fn submit_held(&mut self, session: &mut Session<A::Dialect>, turn: &mut Turn) {
        if self.held.is_empty() || !session.is_bound() {
            return;
        }
        let now = clock::now();
        while session.headroom() > 0 {
            let Some(outbound) = self.held.pop_front() else { break };
            let sent = self.adapter.submit(&outbound.message, &outbound.prepared, outbound.segment, |pdu| {
                session.submit(now, Ticket(outbound.ticket), pdu)
            });
            match sent {
                Ok(_) => {}
                Err(SubmitError::Encode(error)) => {
                    let status = CarrierStatus::ours(FailureClass::Protocol, true, error.to_string());
                    turn.outcome(
                        outbound.ticket,
                        SubmitOutcome::Refused { status, reaction: Reaction::Never },
                        false,
                        now,
                    );
                }
                Err(_) => turn.outcome(outbound.ticket, SubmitOutcome::NeverSent, false, now),
            }
        }
    }

    fn answer(&mut self, session: &mut Session<A::Dialect>, verdicts: Vec<(u64, Verdict)>) {
        let now = clock::now();
        for (ticket, verdict) in verdicts {
            // Unknown tickets belong to a session that is gone: the carrier sends those again.
            let Some((reply_to, reply)) = self.waiting.remove(&ticket) else { continue };
            let sent = self.adapter.answer(reply, verdict, |pdu| session.answer(now, reply_to, pdu));
            if let Err(error) = sent {
                debug!(trunk = self.config.trunk, %error, "could not answer the carrier");
            }
        }
    }

    fn drain_events(&mut self, session: &mut Session<A::Dialect>, turn: &mut Turn, now: Now) {
        while let Some(event) = session.poll_event() {
            match event {
                Event::Bound(bound) => turn.bound = Some(bound),
                Event::Answered { ticket, response } => {
                    let waited = session.last_round_trip().unwrap_or_default();
                    let outcome = self.adapter.outcome(session.dialect(), &response);
                    let congestion = self.adapter.congestion(session.dialect(), &response);
                    turn.feedback.push(Feedback { sign: Sign::of(&outcome), congestion, waited });
                    turn.answered(ticket.0, outcome, false, now);
                }
                Event::Late { ticket, response } => {
                    let outcome = self.adapter.outcome(session.dialect(), &response);
                    turn.answered(ticket.0, outcome, true, now);
                }
                Event::Unanswered { ticket, cause } => {
                    if cause == Unanswered::TimedOut {
                        let waited = self.config.session.response_timeout;
                        turn.feedback.push(Feedback { sign: Sign::Silence, congestion: None, waited });
                    }
                    turn.outcome(ticket.0, unanswered(cause), false, now);
                }
                Event::Request { reply, frame } => match self.adapter.inbound(session.dialect(), &frame) {
                    Ok((inbound, owed)) => {
                        self.next_reply += 1;
                        self.waiting.insert(self.next_reply, (reply, owed));
                        turn.inbound.push((self.next_reply, inbound));
                    }
                    Err(refusal) => {
                        debug!(trunk = self.config.trunk, ?refusal, "refused a request of the carrier");
                        session.refuse(now, reply, refusal);
                    }
                },
                Event::Notice(_) | Event::BindRequested(_) => {}
                Event::PeerUnbinding => {
                    info!(trunk = self.config.trunk, link = self.config.index, "the carrier unbinds");
                    turn.unbinding = true;
                }
                Event::Closed(reason) => turn.closed = Some(reason),
            }
        }
    }

    /// Passes on what a turn brought, waiting for room where there is none: that is the back-pressure.
    async fn pass_on(&mut self, session: &mut Session<A::Dialect>, turn: &mut Turn) {
        let link = self.config.index;
        if std::mem::take(&mut turn.unbinding) {
            self.report(LinkReport::Unbinding { link }).await;
        }
        if !turn.outcomes.is_empty() {
            let (outcomes, feedback) =
                (std::mem::take(&mut turn.outcomes), std::mem::take(&mut turn.feedback));
            let round_trip = session.last_round_trip();
            self.report(LinkReport::Outcomes { link, outcomes, feedback, round_trip }).await;
        }
        if !turn.inbound.is_empty() {
            let items = std::mem::take(&mut turn.inbound);
            let batch = InboundBatch { answers: self.answers.clone(), items };
            let _ = self.ports.inbound.send(batch).await;
        }
    }
}

/// How one connection ended.
struct Ended {
    reason: CloseReason,
    fallback: Fallback,
    /// How long it was bound; `None`: never.
    lasted: Option<Duration>,
}

async fn wished_away(wish: &mut watch::Receiver<Wish>) {
    // A sender that is gone means the end.
    let _ = wish.wait_for(|wish| *wish != Wish::Bound).await;
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
