//! One link: a socket and a session, driven from the carrier's side.
//!
//! One task per link. A turn takes every whole unit that was read, carries out what the rules say, sends what is due,
//! and then waits; so reads and writes are as large as the traffic makes them. What units look like is the persona's,
//! what is decided is the account's.

mod delivery;
mod inject;
mod notes;
mod submit;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    io,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use bytes::BytesMut;
use codecs::{
    Now, frame,
    session::{Admission, Bound, CloseReason, Config, Dialect, Direction, Event, Frame, Session, Ticket},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::Notify,
};
use tokio_util::sync::CancellationToken;

use super::{
    Smsc,
    account::Account,
    deliveries::LinkId,
    message::{Delivery, MessageId},
    persona::{Persona, Reply},
};
use crate::{
    behaviour::Asked,
    fault::{LinkFaults, Writing},
    record::Seen,
    socket,
    stats::count,
};

/// How long the last octets of a link that is over may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Runs one connection until it ends.
pub(super) async fn run<P: Persona>(
    smsc: Arc<Smsc<P>>,
    reader: impl AsyncRead + Unpin,
    writer: impl AsyncWrite + Unpin,
    over: CancellationToken,
) {
    let mut link = Link::new(&smsc);
    if let Err(error) = link.drive(reader, writer, &over).await {
        tracing::debug!(carrier = smsc.carrier.name, link = link.id.0, %error, "a link was lost");
    }
    link.end(smsc.clock.now());
}

struct Link<'a, P: Persona> {
    smsc: &'a Smsc<P>,
    id: LinkId,
    session: Session<P::Dialect>,
    /// What its bind asked for.
    asked: Asked,
    /// Set with the bind.
    account: Option<Arc<Account>>,
    /// The session is bound for deliveries, and the account knows.
    receives: bool,
    wake: Arc<Notify>,
    faults: LinkFaults,
    /// The faults want the connection cut.
    is_cut: bool,
    /// It was bound and ended without an unbind.
    is_missed: bool,
    /// Answers that are not due yet, the next one first.
    answers: BinaryHeap<Reverse<DueAnswer>>,
    /// What is said out of turn: when, its index in the scenario's list, and the sequence number of the submit that
    /// it comes with.
    injections: Vec<(Instant, usize, Option<u32>)>,
    in_flight: HashMap<Ticket, Box<Delivery>>,
    tickets: u64,
    scratch: BytesMut,
}

/// An answer that waits for its time. Ordered by that, then by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct DueAnswer {
    due: Instant,
    reply: Reply,
    /// A message id, or a status.
    outcome: Result<u64, u32>,
}

impl<'a, P: Persona> Link<'a, P> {
    fn new(smsc: &'a Smsc<P>) -> Self {
        let carrier = &smsc.carrier;
        let config = Config {
            window: carrier.window,
            inbound_window: carrier.submit_window,
            response_timeout: carrier.response_timeout.unwrap_or(Duration::from_secs(30)),
            probe_after: carrier.probe_after.unwrap_or(Duration::from_secs(60)),
            ..Config::default()
        };
        let id = smsc.next_link();
        Self {
            smsc,
            id,
            session: Session::accepting(config, smsc.persona.dialect(), smsc.clock.now()),
            asked: Asked::default(),
            account: None,
            receives: false,
            wake: Arc::default(),
            faults: LinkFaults::new(carrier.faults, id.0),
            is_cut: false,
            is_missed: false,
            answers: BinaryHeap::new(),
            injections: Vec::new(),
            in_flight: HashMap::new(),
            tickets: 0,
            scratch: BytesMut::new(),
        }
    }

    /// Moves octets between the socket and the session until either is over.
    async fn drive(
        &mut self,
        mut reader: impl AsyncRead + Unpin,
        mut writer: impl AsyncWrite + Unpin,
        over: &CancellationToken,
    ) -> io::Result<()> {
        let clock = self.smsc.clock;
        let mut input = BytesMut::new();
        let mut is_leaving = false;
        loop {
            let now = clock.now();
            self.take_units(now, &mut input);
            self.work(now);
            if self.is_cut {
                return Ok(());
            }
            let waiting = self.session.poll_transmit().map_or(0, |octets| octets.len());
            if self.session.is_closed() {
                let Some(octets) = self.session.poll_transmit() else {
                    return Ok(());
                };
                // A peer that does not read its last words misses them.
                let _ = tokio::time::timeout(LAST_WORDS, writer.write_all_buf(octets)).await;
                return writer.shutdown().await;
            }
            let reads = self.session.wants_input() && self.faults.may_read(now.mono);
            let writing = self.faults.may_write(now.mono, waiting);
            let deadline = self.deadline(writing);
            let room = if let Writing::AtMost(room) = writing { room } else { 0 };
            input.reserve(if reads { socket::READ } else { 0 });
            let Self { session, wake, faults, .. } = self;
            tokio::select! {
                biased;
                () = over.cancelled(), if !is_leaving => {
                    is_leaving = true;
                    session.unbind(clock.now());
                }
                written = socket::write(&mut writer, session, room), if room > 0 => {
                    faults.note_written(clock.now().mono, written? == waiting);
                }
                read = reader.read_buf(&mut input), if reads => {
                    if read? == 0 {
                        session.handle_end(clock.now());
                    }
                }
                () = wake.notified() => {}
                () = until(deadline) => {}
            }
        }
    }

    /// Hands every whole unit to the session, and carries out what comes of it.
    fn take_units(&mut self, now: Now, input: &mut BytesMut) {
        loop {
            let mut taken = 0;
            while self.session.wants_input() && self.faults.may_read(now.mono) && !self.is_cut {
                match frame::next(input, P::Dialect::LIMITS) {
                    Ok(Some(unit)) => {
                        self.handle_unit(now, unit);
                        taken += 1;
                    }
                    Ok(None) => break,
                    Err(error) => self.session.handle_framing_lost(now, error, input),
                }
            }
            self.handle_events(now);
            if taken == 0 {
                break;
            }
        }
        // A unit that we leave unread ourselves is not the peer's fault.
        self.session.handle_partial(now, self.session.wants_input() && frame::has_partial(input));
    }

    /// Does everything that is due.
    fn work(&mut self, now: Now) {
        if self.session.poll_timeout().is_some_and(|due| due <= now.mono) {
            self.session.handle_timeout(now);
        }
        while let Some(Reverse(answer)) = self.answers.peek().copied()
            && answer.due <= now.mono
        {
            self.answers.pop();
            self.smsc.persona.answer(&mut self.session, now, answer.reply, answer.outcome.map(MessageId));
        }
        self.inject_due(now);
        self.handle_events(now);
        self.deliver_due(now);
    }

    fn deadline(&self, writing: Writing) -> Option<Instant> {
        let deliveries = match &self.account {
            Some(account) if self.receives && self.session.headroom() > 0 => account.deadline(self.id),
            _ => None,
        };
        let writing = if let Writing::NotBefore(until) = writing { until } else { None };
        let answer = self.answers.peek().map(|Reverse(answer)| answer.due);
        let injection = self.injections.iter().map(|(due, ..)| *due).min();
        let faults = self.faults.resume_at();
        let all = [self.session.poll_timeout(), answer, deliveries, writing, injection, faults];
        all.into_iter().flatten().min()
    }

    fn handle_events(&mut self, now: Now) {
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::BindRequested(frame) => self.handle_bind(now, &frame),
                Event::Bound(bound) => self.handle_bound(now, bound),
                Event::Request { reply, frame } => {
                    let reply = Reply { to: reply, command: P::Dialect::command(&frame.header) };
                    self.handle_request(now, reply, &frame);
                }
                Event::Answered { ticket, response } => self.handle_answer(now, ticket, &response),
                Event::Unanswered { ticket, cause } => self.handle_unanswered(ticket, cause),
                Event::PeerUnbinding => self.stop_receiving(),
                Event::Closed(reason) => self.handle_closed(reason),
                // A late answer's delivery is under way again already; notices mean nothing to a carrier.
                Event::Late { .. } | Event::Notice(_) => {}
            }
        }
    }

    fn handle_bind(&mut self, now: Now, bind: &Frame<P::Dialect>) {
        let smsc = self.smsc;
        self.inject_at_bind();
        let asked = Asked {
            version: P::version_of(&bind.octets),
            command: P::Dialect::command(&bind.header),
            part: None,
        };
        self.asked = asked;
        let named = P::account_of(&bind.octets);
        let index = match named {
            Some(name) => smsc.accounts.iter().position(|account| account.name.as_bytes() == name),
            // It can't be read: checking it against anyone gives it the status that it is owed.
            None => Some(0),
        };
        let Some(index) = index else {
            return self.refuse_bind(now, "", P::UNKNOWN_ACCOUNT);
        };
        let account = Arc::clone(&smsc.accounts[index]);
        if let Some(status) = account.decide(|rules| rules.decide_bind(&account.name, asked)) {
            return self.refuse_bind(now, &account.name, status);
        }
        if !account.take_link(now.mono, smsc.carrier.most_links()) {
            return self.refuse_bind(now, &account.name, P::TOO_MANY_LINKS);
        }
        let credentials = P::credentials(&smsc.carrier.accounts[index]);
        // Given back when the link ends, also if the check fails.
        self.account = Some(account);
        self.session.admit(now, Admission::Check(&credentials));
    }

    fn bind_seen(&self, status: u32) -> Seen<'static> {
        Seen::Bind { status, version: self.asked.version, command: self.asked.command }
    }

    fn refuse_bind(&mut self, now: Now, account: &str, status: u32) {
        count(&self.smsc.counters.binds_refused);
        self.smsc.note(account, self.id, |note| note(self.bind_seen(status)));
        self.session.admit(now, Admission::Refuse(status));
    }

    fn handle_bound(&mut self, now: Now, bound: Bound) {
        self.inject_later(now);
        let Some(account) = &self.account else {
            return;
        };
        count(&self.smsc.counters.binds);
        count(&self.smsc.counters.links_bound);
        self.smsc.note(&account.name, self.id, |note| note(self.bind_seen(0)));
        if bound.traffic != Direction::ToCarrier {
            self.receives = true;
            account.attach(self.id, Arc::clone(&self.wake));
        }
    }

    fn handle_closed(&mut self, reason: CloseReason) {
        self.stop_receiving();
        let name = self.account.as_ref().map_or("", |account| &account.name);
        match (self.session.bound(), reason) {
            (Some(_), _) => {
                self.is_missed = reason != CloseReason::Unbound;
                self.smsc.counters.links_bound.fetch_sub(1, Ordering::Relaxed);
                self.smsc.note(name, self.id, |note| note(Seen::End { reason: format!("{reason:?}") }));
            }
            // Those that we refused ourselves are counted already, and have no account.
            (None, CloseReason::Refused(refused)) if self.account.is_some() => {
                count(&self.smsc.counters.binds_refused);
                self.smsc.note(name, self.id, |note| note(self.bind_seen(refused.status)));
            }
            _ => {}
        }
    }

    /// Leaves what waits for this link to the others.
    fn stop_receiving(&mut self) {
        if let Some(account) = &self.account
            && self.receives
        {
            account.detach(self.id);
        }
        self.receives = false;
    }

    /// The connection is gone: what was under way goes back to the account.
    fn end(&mut self, now: Now) {
        self.session.handle_end(now);
        self.stop_receiving();
        self.handle_events(now);
        if let Some(account) = self.account.take() {
            let ghost = if self.is_missed { self.smsc.carrier.ghost } else { Duration::ZERO };
            account.free_link(now.mono + ghost);
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
