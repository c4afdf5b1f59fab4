//! Load on a carrier: sends as fast or as steadily as asked, over the same session engine, and measures.
//!
//! One task per link. What a submit and a delivery look like is the protocol's, in `Sender`.

mod cmpp;
mod sip;
mod smpp;

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::BytesMut;
use clap::Args;
use codecs::{
    Now, frame,
    session::{CloseReason, Config, Dialect, Event, Frame, ReplyTo, Session, SubmitError, Ticket},
};
use serde::Serialize;
use thiserror::Error;
use tokio::{io::AsyncReadExt, net::TcpStream, task::JoinSet};

pub use self::sip::{CallLoad, CallReport, call};
use self::{cmpp::CmppSender, smpp::SmppSender};
use crate::{clock::Clock, config::Protocol, socket};

/// How long receipts may take after the last answer.
const RECEIPTS: Duration = Duration::from_secs(5);

/// How often a steady sender looks whether it owes messages.
const TICK: Duration = Duration::from_millis(2);

/// What load to put on which carrier.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct Load {
    /// The carrier's address.
    #[arg(long)]
    pub to: SocketAddr,
    /// What it speaks: smpp34, smpp50, cmpp20, cmpp21 or cmpp30.
    #[arg(long, value_enum)]
    pub protocol: Protocol,
    /// SMPP system_id or CMPP Source_Addr.
    #[arg(long)]
    pub account: String,
    /// SMPP password or CMPP shared secret.
    #[arg(long, default_value = "")]
    pub password: String,
    /// Links.
    #[arg(long, default_value_t = 1)]
    pub links: u32,
    /// Submits that may wait for an answer, per link.
    #[arg(long, default_value_t = 32)]
    pub window: usize,
    /// Submits in all.
    #[arg(long, required_unless_present = "seconds")]
    pub messages: Option<u64>,
    /// How long to send.
    #[arg(long)]
    pub seconds: Option<u64>,
    /// Submits a second, over all links; by default as fast as they go.
    #[arg(long)]
    pub rate: Option<f64>,
}

/// What came of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Submits sent.
    pub submitted: u64,
    /// Answered with 0.
    pub accepted: u64,
    /// Answered with another status.
    pub refused: u64,
    /// Never answered.
    pub unanswered: u64,
    /// Deliveries that came in, receipts and others.
    pub deliveries: u64,
    /// From the first submit to the last answer.
    pub seconds: f64,
    /// Answers a second.
    pub messages_per_second: f64,
    /// Half of the answers took no longer, milliseconds.
    pub answer_p50_ms: f64,
    /// All but one in a hundred took no longer, milliseconds.
    pub answer_p99_ms: f64,
    /// Processor time of this process, if the system tells.
    pub cpu_seconds: Option<f64>,
}

/// Why load could not be put.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Connection(#[from] io::Error),
    /// The carrier ended the session.
    #[error("the session ended: {0:?}")]
    Ended(CloseReason),
    /// A submit does not fit into its fields.
    #[error("a submit can't be sent: {0}")]
    Submit(#[from] SubmitError),
    /// No call can be placed from here.
    #[error("{address} can't be listened on: {cause}")]
    Listen {
        /// Where calls were to be placed from.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// A task panicked.
    #[error("a link's task failed")]
    Task,
}

/// The ESME's or SP's side of one protocol.
trait Sender: Send + Sync + 'static {
    type Dialect: Dialect + Sync;

    fn new(load: &Load) -> Self;
    fn dialect(&self) -> Self::Dialect;
    fn credentials(&self) -> <Self::Dialect as Dialect>::Credentials;
    /// Sends a message to `recipient`.
    fn submit(
        &self,
        session: &mut Session<Self::Dialect>,
        now: Now,
        ticket: Ticket,
        recipient: &[u8],
    ) -> Result<(), SubmitError>;
    /// The status of an answer.
    fn status(&self, dialect: &Self::Dialect, response: &Frame<Self::Dialect>) -> u32;
    /// Answers a delivery.
    fn acknowledge(
        &self,
        session: &mut Session<Self::Dialect>,
        now: Now,
        reply: ReplyTo,
        frame: &Frame<Self::Dialect>,
    );
}

/// Puts load on a carrier, waits for the answers and for a while for the receipts.
///
/// # Errors
/// See [`LoadError`]. One link that fails fails it all.
pub async fn run(load: Load) -> Result<Report, LoadError> {
    if load.protocol.is_cmpp() {
        run_with::<CmppSender>(load).await
    } else {
        run_with::<SmppSender>(load).await
    }
}

/// Processor time of this process so far, in seconds; `None` where the system does not tell.
#[must_use]
pub fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name is in parentheses and may hold anything; utime and stime are the 12th and 13th field behind it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let ticks = fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?;
    // Linux shows user processes hundredths of a second, whatever its own clock.
    Some(ticks / 100.0)
}

async fn run_with<S: Sender>(load: Load) -> Result<Report, LoadError> {
    let sender = Arc::new(S::new(&load));
    let shared = Arc::new(Shared { load, numbers: AtomicU64::new(0), started: Instant::now() });
    let mut links = JoinSet::new();
    for _ in 0..shared.load.links.max(1) {
        let (sender, shared) = (Arc::clone(&sender), Arc::clone(&shared));
        links.spawn(async move { Link::new(&*sender, &shared).run().await });
    }
    let mut all = Tally::default();
    while let Some(ended) = links.join_next().await {
        all.add(ended.map_err(|_| LoadError::Task)??);
    }
    Ok(all.report())
}

/// What the links share.
struct Shared {
    load: Load,
    /// Numbers given to messages so far.
    numbers: AtomicU64,
    started: Instant,
}

impl Shared {
    /// The next number, if another message is to be sent now.
    fn next_number(&self, now: Instant) -> Option<u64> {
        let passed = now.saturating_duration_since(self.started).as_secs_f64();
        let steady = self.load.rate.map_or(u64::MAX, |rate| (rate * passed) as u64);
        let most = self.load.messages.unwrap_or(u64::MAX).min(steady);
        let next = |number| (number < most).then_some(number + 1);
        if self.is_over(now) {
            return None;
        }
        self.numbers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()
    }

    fn is_over(&self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.started);
        self.load.seconds.is_some_and(|seconds| passed >= Duration::from_secs(seconds))
            || self.load.messages.is_some_and(|most| self.numbers.load(Ordering::Relaxed) >= most)
    }
}

/// What one link counts.
#[derive(Default)]
struct Tally {
    submitted: u64,
    accepted: u64,
    refused: u64,
    unanswered: u64,
    deliveries: u64,
    first: Option<Instant>,
    last: Option<Instant>,
    latencies: Latencies,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.submitted += other.submitted;
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.unanswered += other.unanswered;
        self.deliveries += other.deliveries;
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
        self.latencies.add(&other.latencies);
    }

    fn report(&self) -> Report {
        let span = self.first.zip(self.last).map_or(Duration::ZERO, |(first, last)| last - first);
        let answered = (self.accepted + self.refused) as f64;
        Report {
            submitted: self.submitted,
            accepted: self.accepted,
            refused: self.refused,
            unanswered: self.unanswered,
            deliveries: self.deliveries,
            seconds: span.as_secs_f64(),
            messages_per_second: if span.is_zero() { 0.0 } else { answered / span.as_secs_f64() },
            answer_p50_ms: self.latencies.quantile(0.50).as_secs_f64() * 1e3,
            answer_p99_ms: self.latencies.quantile(0.99).as_secs_f64() * 1e3,
            cpu_seconds: cpu_seconds(),
        }
    }
}

/// Counts by length: sixteen steps for each doubling of a microsecond, so a quantile is off by a sixteenth at most.
#[derive(Debug)]
pub(crate) struct Latencies([u64; Self::STEPS]);

impl Default for Latencies {
    fn default() -> Self {
        Self([0; Self::STEPS])
    }
}

impl Latencies {
    const STEPS: usize = 16 * 40;

    /// Counts one.
    pub fn note(&mut self, length: Duration) {
        let micros = u64::try_from(length.as_micros()).unwrap_or(u64::MAX).max(1);
        self.0[Self::step(micros)] += 1;
    }

    fn step(micros: u64) -> usize {
        let doubling = micros.ilog2();
        let within =
            if doubling >= 4 { (micros >> (doubling - 4)) & 15 } else { (micros << (4 - doubling)) & 15 };
        (doubling as usize * 16 + within as usize).min(Self::STEPS - 1)
    }

    fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(count, more)| *count += more);
    }

    /// The length that this share does not exceed.
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = (self.0.iter().sum::<u64>() as f64 * share).ceil() as u64;
        let mut seen = 0;
        let step = self.0.iter().position(|count| {
            seen += count;
            seen >= wanted && seen > 0
        });
        step.map_or(Duration::ZERO, |step| {
            let (doubling, within) = (step / 16, step % 16);
            Duration::from_secs_f64(2f64.powi(doubling as i32) * (1.0 + within as f64 / 16.0) / 1e6)
        })
    }
}

/// One link of the generator.
struct Link<'a, S: Sender> {
    sender: &'a S,
    shared: &'a Shared,
    session: Session<S::Dialect>,
    /// When what is in flight was sent.
    sent: HashMap<Ticket, Instant>,
    tally: Tally,
    end: Option<CloseReason>,
}

impl<'a, S: Sender> Link<'a, S> {
    fn new(sender: &'a S, shared: &'a Shared) -> Self {
        let config = Config { window: shared.load.window, ..Config::default() };
        let session = Session::binding(config, sender.dialect(), sender.credentials(), Clock::SYSTEM.now());
        Self { sender, shared, session, sent: HashMap::new(), tally: Tally::default(), end: None }
    }

    async fn run(mut self) -> Result<Tally, LoadError> {
        let mut stream = TcpStream::connect(self.shared.load.to).await?;
        stream.set_nodelay(true)?;
        let (mut reader, mut writer) = stream.split();
        let mut input = BytesMut::new();
        let mut done: Option<Instant> = None;
        loop {
            let now = Clock::SYSTEM.now();
            self.take_units(now, &mut input)?;
            if self.session.poll_timeout().is_some_and(|due| due <= now.mono) {
                self.session.handle_timeout(now);
            }
            self.submit(now)?;
            self.handle_events(now);
            if let Some(reason) = self.end {
                return if done.is_some() { Ok(self.tally) } else { Err(LoadError::Ended(reason)) };
            }
            if done.is_none() && self.session.in_flight() == 0 && self.shared.is_over(now.mono) {
                done = Some(now.mono);
            }
            if done.is_some_and(|done| self.has_all_receipts() || now.mono >= done + RECEIPTS) {
                self.session.unbind(now);
            }
            input.reserve(socket::READ);
            let room = self.session.poll_transmit().map_or(0, |octets| octets.len());
            let reads = self.session.wants_input();
            tokio::select! {
                biased;
                written = socket::write(&mut writer, &mut self.session, room), if room > 0 => {
                    written?;
                }
                read = reader.read_buf(&mut input), if reads => {
                    if read? == 0 {
                        self.session.handle_end(Clock::SYSTEM.now());
                    }
                }
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }

    /// Only true where every message got a receipt on the link that it was sent on; else time decides.
    fn has_all_receipts(&self) -> bool {
        self.tally.deliveries >= self.tally.accepted && self.tally.accepted > 0
    }

    fn take_units(&mut self, now: Now, input: &mut BytesMut) -> Result<(), LoadError> {
        loop {
            let mut taken = 0;
            while self.session.wants_input() {
                match frame::next(input, S::Dialect::LIMITS) {
                    Ok(Some(unit)) => {
                        self.session.handle_frame(now, unit);
                        taken += 1;
                    }
                    Ok(None) => break,
                    Err(error) => self.session.handle_framing_lost(now, error, input),
                }
            }
            self.handle_events(now);
            if taken == 0 {
                return Ok(());
            }
        }
    }

    fn submit(&mut self, now: Now) -> Result<(), LoadError> {
        while self.session.headroom() > 0
            && let Some(number) = self.shared.next_number(now.mono)
        {
            self.sender.submit(&mut self.session, now, Ticket(number), &recipient(number))?;
            self.sent.insert(Ticket(number), now.mono);
            self.tally.submitted += 1;
            self.tally.first.get_or_insert(now.mono);
        }
        Ok(())
    }

    fn handle_events(&mut self, now: Now) {
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Answered { ticket, response } => {
                    self.tally.last = Some(now.mono);
                    if let Some(sent) = self.sent.remove(&ticket) {
                        self.tally.latencies.note(now.mono.saturating_duration_since(sent));
                    }
                    match self.sender.status(self.session.dialect(), &response) {
                        0 => self.tally.accepted += 1,
                        _ => self.tally.refused += 1,
                    }
                }
                Event::Unanswered { ticket, .. } => {
                    self.sent.remove(&ticket);
                    self.tally.unanswered += 1;
                }
                Event::Request { reply, frame } => {
                    self.tally.deliveries += 1;
                    self.sender.acknowledge(&mut self.session, now, reply, &frame);
                }
                Event::Closed(reason) => self.end = Some(reason),
                _ => {}
            }
        }
    }
}

/// A recipient's number for each message, twelve digits.
fn recipient(number: u64) -> [u8; 12] {
    let mut digits = *b"861300000000";
    let mut rest = number;
    for digit in digits[4..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    digits
}
