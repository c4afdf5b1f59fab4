//! The driver: one socket and one session. Moves octets, wakes the session, passes on what it says; knows no rule of
//! any protocol. When a session ends it connects again, until it is told to stop.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::{Buf, BytesMut};
use codecs::{
    Now, frame,
    session::{BindRefusal, CloseReason, Dialect, Event, ReplyTo, Session, SubmitError, Ticket, Unanswered},
};
use jiff::Timestamp;
use rand::{SeedableRng, rngs::StdRng};
use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until},
};
use tracing::{debug, info, warn};

use super::{
    adapter::{Inbound, Prepared, SmsAdapter, Verdict},
    dial::{Backoff, Connection, Dialer, connect},
};
use crate::{
    clock,
    config::Timers,
    domain::{CarrierStatus, FailureClass, Message, StatusSource, SubmitOutcome, UnknownCause},
};

/// Octets read from the socket at once.
const READ_CHUNK: usize = 64 * 1024;
/// Unsent octets above which no more submits are taken: a peer that stops reading must not grow our memory.
const HIGH_WATER: usize = 256 * 1024;

/// A segment on its way to a link.
#[derive(Debug, Clone)]
pub struct Outbound {
    /// The worker's handle.
    pub ticket: u64,
    /// The message.
    pub message: Arc<Message>,
    /// The message, cut.
    pub prepared: Arc<Prepared>,
    /// The segment's number, from 1.
    pub segment: u8,
}

/// What a link tells its trunk's worker.
#[derive(Debug)]
pub enum LinkReport {
    /// It is bound.
    Up {
        /// Its place in the pool.
        link: u32,
        /// Where it is connected to.
        remote: String,
        /// It may submit.
        submits: bool,
        /// Since when.
        since: Timestamp,
    },
    /// It is not bound any more, or could not bind.
    Down {
        /// Its place in the pool.
        link: u32,
        /// Where it was, or tried to be, connected to.
        remote: String,
        /// Why.
        error: CarrierStatus,
    },
    /// What came of submits.
    Outcomes {
        /// Its place in the pool.
        link: u32,
        /// Outcomes by ticket; `late` ones were told as unknown before.
        outcomes: Vec<Outcome>,
        /// The last answer's round trip.
        round_trip: Option<Duration>,
    },
}

/// What came of one submit.
#[derive(Debug)]
pub struct Outcome {
    /// The worker's handle.
    pub ticket: u64,
    /// What came of it.
    pub outcome: SubmitOutcome,
    /// It was told as unknown before.
    pub late: bool,
    /// When.
    pub at: Timestamp,
}

/// What the carrier sent on one link, to be made durable and then answered.
#[derive(Debug)]
pub struct InboundBatch {
    /// Where to answer.
    pub answers: mpsc::Sender<Vec<(u64, Verdict)>>,
    /// Each with the handle for its answer.
    pub items: Vec<(u64, Inbound)>,
}

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
    /// Closed when the link shall end.
    pub shutdown: watch::Receiver<bool>,
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

    /// Connects, binds, runs the session, and does so again after a delay, until shutdown.
    pub async fn run(mut self) {
        let mut random = StdRng::seed_from_u64(self.config.seed);
        let mut backoff = Backoff::new(&self.config.timers);
        let mut host = usize::try_from(self.config.index).unwrap_or(0);
        while !self.stopping() {
            let remote = self.config.hosts[host % self.config.hosts.len()].clone();
            host += 1;
            let mut stop = self.ports.shutdown.clone();
            let connected = tokio::select! {
                biased;
                () = told_to_stop(&mut stop) => break,
                connected = connect(&*self.config.dialer, &remote, self.config.timers.connect) => connected,
            };
            let delay = match connected {
                Ok(connection) => {
                    let (was_bound, reason) = self.session(connection, &remote).await;
                    if was_bound {
                        backoff.reset();
                    }
                    self.down(&remote, close_status(&reason)).await;
                    match reason {
                        CloseReason::Refused(refused) if refused.class == BindRefusal::Credentials => {
                            warn!(
                                trunk = self.config.trunk,
                                link = self.config.index,
                                status = refused.status,
                                "the carrier refuses the account: check its name, secret and addresses"
                            );
                            backoff.long(&mut random)
                        }
                        CloseReason::Refused(_) => backoff.long(&mut random),
                        _ => backoff.next(&mut random),
                    }
                }
                Err(error) => {
                    debug!(trunk = self.config.trunk, link = self.config.index, %error, "can't connect");
                    let text = format!("can't connect: {error}");
                    self.down(&remote, CarrierStatus::ours(FailureClass::Network, false, text)).await;
                    backoff.next(&mut random)
                }
            };
            self.wait(delay).await;
        }
        self.hand_back().await;
    }

    fn stopping(&self) -> bool {
        *self.ports.shutdown.borrow()
    }

    /// Waits between connections; segments that still arrive go straight back.
    async fn wait(&mut self, delay: Duration) {
        let until = Instant::now() + delay;
        self.hand_back().await;
        while !self.stopping() {
            tokio::select! {
                biased;
                () = sleep_until(until) => return,
                Some(batch) = self.ports.mailbox.recv() => {
                    self.held.extend(batch);
                    self.hand_back().await;
                }
                // Answers to requests of a session that is gone.
                Some(_) = self.verdicts.recv() => {}
                changed = self.ports.shutdown.changed() => if changed.is_err() { return },
            }
        }
    }

    async fn hand_back(&mut self) {
        while let Ok(batch) = self.ports.mailbox.try_recv() {
            self.held.extend(batch);
        }
        if self.held.is_empty() {
            return;
        }
        let at = clock::wall();
        let never = |outbound: Outbound| Outcome {
            ticket: outbound.ticket,
            outcome: SubmitOutcome::NeverSent,
            late: false,
            at,
        };
        let outcomes = self.held.drain(..).map(never).collect();
        self.report(LinkReport::Outcomes { link: self.config.index, outcomes, round_trip: None }).await;
    }

    async fn down(&mut self, remote: &str, error: CarrierStatus) {
        self.report(LinkReport::Down { link: self.config.index, remote: remote.to_owned(), error }).await;
    }

    async fn report(&self, report: LinkReport) {
        // The worker outlives its links; if it is gone, so is everyone who could act on this.
        let _ = self.ports.reports.send(report).await;
    }

    /// One connection from the bind to its end. Says whether it was bound, and why it ended.
    async fn session(&mut self, connection: Connection, remote: &str) -> (bool, CloseReason) {
        let (dialect, credentials) = self.adapter.open(self.config.index);
        let mut session = Session::binding(self.config.session.clone(), dialect, credentials, clock::now());
        let Connection { mut reader, mut writer } = connection;
        let mut inbox = BytesMut::with_capacity(READ_CHUNK);
        let mut turn = Turn::default();
        let mut was_bound = false;
        let mut open = true;
        self.waiting.clear();
        loop {
            self.drain_events(&mut session, &mut turn);
            if let Some(bound) = turn.bound.take() {
                was_bound = true;
                info!(
                    trunk = self.config.trunk,
                    link = self.config.index,
                    remote,
                    version = bound.version,
                    "bound"
                );
                if bound.unproven {
                    warn!(
                        trunk = self.config.trunk,
                        link = self.config.index,
                        "the gateway did not prove that it knows the shared secret"
                    );
                }
                let submits = bound.traffic != codecs::session::Direction::FromCarrier;
                let up = LinkReport::Up {
                    link: self.config.index,
                    remote: remote.to_owned(),
                    submits,
                    since: clock::wall(),
                };
                self.report(up).await;
            }
            self.pass_on(&mut session, &mut turn).await;
            if let Some(reason) = turn.closed.take() {
                if open {
                    flush(&mut session, &mut writer).await;
                }
                return (was_bound, reason);
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
                    Ok(1..) => self.receive(&mut session, &mut inbox),
                    Ok(0) | Err(_) => { open = false; session.handle_end(clock::now()); }
                },
                Some(verdicts) = self.verdicts.recv() => self.answer(&mut session, verdicts),
                Some(batch) = self.ports.mailbox.recv(), if room && unsent < HIGH_WATER => {
                    self.held.extend(batch);
                    self.submit_held(&mut session, &mut turn);
                }
                () = until(deadline) => session.handle_timeout(clock::now()),
                changed = self.ports.shutdown.changed() => {
                    // The sender being gone means the same as being told.
                    if changed.is_err() || self.stopping() { session.unbind(clock::now()); }
                }
            }
            self.submit_held(&mut session, &mut turn);
        }
    }

    fn receive(&mut self, session: &mut Session<A::Dialect>, inbox: &mut BytesMut) {
        let now = clock::now();
        loop {
            match frame::next(inbox, A::Dialect::LIMITS) {
                Ok(Some(unit)) => session.handle_frame(now, unit),
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
                    turn.outcome(outbound.ticket, SubmitOutcome::Refused { status }, false, now);
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

    fn drain_events(&mut self, session: &mut Session<A::Dialect>, turn: &mut Turn) {
        let now = clock::now();
        while let Some(event) = session.poll_event() {
            match event {
                Event::Bound(bound) => turn.bound = Some(bound),
                Event::Answered { ticket, response } => {
                    let outcome = self.adapter.outcome(session.dialect(), &response);
                    turn.outcome(ticket.0, outcome, false, now);
                }
                Event::Late { ticket, response } => {
                    let outcome = self.adapter.outcome(session.dialect(), &response);
                    turn.outcome(ticket.0, outcome, true, now);
                }
                Event::Unanswered { ticket, cause } => {
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
                }
                Event::Closed(reason) => turn.closed = Some(reason),
            }
        }
    }

    /// Passes on what a turn brought, waiting for room where there is none: that is the back-pressure.
    async fn pass_on(&mut self, session: &mut Session<A::Dialect>, turn: &mut Turn) {
        if !turn.outcomes.is_empty() {
            let outcomes = std::mem::take(&mut turn.outcomes);
            let round_trip = session.last_round_trip();
            self.report(LinkReport::Outcomes { link: self.config.index, outcomes, round_trip }).await;
        }
        if !turn.inbound.is_empty() {
            let items = std::mem::take(&mut turn.inbound);
            let batch = InboundBatch { answers: self.answers.clone(), items };
            let _ = self.ports.inbound.send(batch).await;
        }
    }
}

/// What one turn of the loop brought.
#[derive(Default)]
struct Turn {
    bound: Option<codecs::session::Bound>,
    outcomes: Vec<Outcome>,
    inbound: Vec<(u64, Inbound)>,
    closed: Option<CloseReason>,
}

impl Turn {
    fn outcome(&mut self, ticket: u64, outcome: SubmitOutcome, late: bool, now: Now) {
        self.outcomes.push(Outcome { ticket, outcome, late, at: now.wall });
    }
}

fn unanswered(cause: Unanswered) -> SubmitOutcome {
    match cause {
        Unanswered::NeverSent => SubmitOutcome::NeverSent,
        Unanswered::TimedOut => SubmitOutcome::Unknown { cause: UnknownCause::TimedOut },
        Unanswered::LinkLost => SubmitOutcome::Unknown { cause: UnknownCause::LinkLost },
        Unanswered::Mismatched => SubmitOutcome::Unknown { cause: UnknownCause::Unreadable },
    }
}

async fn write<D: Dialect>(
    session: &mut Session<D>,
    writer: &mut (impl AsyncWrite + Unpin),
) -> std::io::Result<()> {
    let Some(outbox) = session.poll_transmit() else { return Ok(()) };
    let written = writer.write(outbox).await?;
    outbox.advance(written);
    Ok(())
}

/// Sends the last words of a closed session, briefly.
async fn flush<D: Dialect>(session: &mut Session<D>, writer: &mut (impl AsyncWrite + Unpin)) {
    let rest = async {
        while session.poll_transmit().is_some() {
            write(session, writer).await?;
        }
        writer.shutdown().await
    };
    tokio::select! {
        biased;
        _ = rest => {}
        () = sleep(Duration::from_secs(1)) => {}
    }
}

async fn told_to_stop(shutdown: &mut watch::Receiver<bool>) {
    // A sender that is gone means the same as being told.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn close_status(reason: &CloseReason) -> CarrierStatus {
    match reason {
        CloseReason::Refused(refused) => CarrierStatus {
            source: StatusSource::CarrierResponse,
            class: FailureClass::SourceNotAllowed,
            permanent: false,
            protocol: String::new(),
            raw_code: refused.status.to_string(),
            raw_text: format!("bind refused: {:?}", refused.class),
        },
        other => {
            let text = match other {
                CloseReason::Unbound => "unbound".to_owned(),
                CloseReason::BindTimeout => "no answer to the bind".to_owned(),
                CloseReason::ProbeTimeout => "no answer to probes".to_owned(),
                CloseReason::PartialTimeout => "a started unit was never finished".to_owned(),
                CloseReason::FramingLost(error) => format!("the carrier's octets can't be framed: {error}"),
                CloseReason::LinkLost => "the connection ended".to_owned(),
                CloseReason::Misbehaved => "the carrier broke the protocol".to_owned(),
                CloseReason::Refused(_) => "bind refused".to_owned(),
            };
            CarrierStatus::ours(FailureClass::Network, false, text)
        }
    }
}
