//! A carrier of calls without its sockets: messages and the time in, messages and the next deadline out.
//!
//! All SIP is the endpoint's, the same as the daemon's. What is here is what a carrier decides: who may call, which script a
//! call gets, when its next step is due, and which messages are lost on the way. The same seed, messages and times
//! give the same run.

mod call;
mod events;
mod gate;
mod place;
mod steps;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    net::IpAddr,
    sync::{Arc, Mutex, atomic::Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use codecs::{
    Now,
    sip::{
        Flow, Message,
        auth::Credentials,
        framing::StreamFault,
        transaction::{self, Timers, Transmit},
        ua::{Config, Endpoint, LegId, Limits, Listener, Peer, PeerId, Policy, SessionTimer, Strangers},
    },
};

use self::{call::Call, gate::Came};
use super::{
    caller::{Caller, Number},
    media::Media,
    network::Network,
    note::{CallLine, CallSeen},
    plan::Plan,
    registrar::Accounts,
};
use crate::{
    behaviour::mix,
    config::sip::{Script, SessionRules, SipCarrier, SipTimers},
    load::Latencies,
    record::Recorder,
    stats::CallCounters,
};

/// Everyone who calls the carrier is this peer.
const ANYONE: PeerId = PeerId(1);

/// Transactions, each way, for each call that may be open at once.
const TRANSACTIONS_PER_CALL: usize = 10;

/// How long a call is remembered after its end: its messages may come again.
const REMEMBERED: Duration = Duration::from_secs(32);

/// A carrier of calls.
pub struct Switch {
    carrier: SipCarrier,
    endpoint: Endpoint,
    policy: Arc<Policy>,
    plan: Plan,
    accounts: Accounts,
    caller: Option<Caller>,
    /// What a call of ours does once it is answered.
    caller_script: Arc<Script>,
    /// By Call-ID: those of legs, those that the endpoint never sees, and those that ended a while ago.
    calls: HashMap<Bytes, Call>,
    legs: HashMap<LegId, Bytes>,
    /// Calls of ours that have not gone out yet.
    placed: HashMap<LegId, (Number, Media)>,
    /// Calls to be forgotten, in the order of the times.
    forget: VecDeque<(Instant, Bytes)>,
    /// Steps to be taken, by time and age.
    steps: BTreeMap<(Instant, u64), LegId>,
    numbers: u64,
    /// The address in our session descriptions.
    media_address: IpAddr,
    incoming: Network<(Flow, Bytes)>,
    outgoing: Network<Transmit>,
    ready: VecDeque<Transmit>,
    /// Some script has rules, so what goes out has to be looked at.
    has_rules: bool,
    counters: Arc<CallCounters>,
    answer_times: Arc<Mutex<Latencies>>,
    recorder: Option<Arc<Recorder>>,
}

impl Switch {
    /// A carrier that listens there.
    #[must_use]
    pub fn new(
        carrier: SipCarrier,
        listeners: Vec<Listener>,
        seed: u64,
        now: Now,
        counters: Arc<CallCounters>,
        recorder: Option<Arc<Recorder>>,
    ) -> Self {
        let seed = mix(seed, [carrier.name.as_str()]);
        let media_address =
            listeners.first().map_or(IpAddr::from([127, 0, 0, 1]), |listener| listener.bound.ip());
        let config = Config {
            user_agent: Bytes::from(carrier.user_agent.clone()),
            listeners,
            limits: Limits { legs: carrier.capacity, ..Limits::default() },
            transactions: transaction::Config {
                timers: timers(&carrier.timers),
                limits: limits(carrier.capacity),
            },
            strangers: Strangers::Serve(ANYONE),
            serves: vec![codecs::sip::Method::Register],
            ..Config::default()
        };
        let policy = Arc::new(policy(&carrier));
        let mut endpoint = Endpoint::new(config, seed);
        let own =
            carrier.accounts.iter().map(|account| Credentials::new(&account.username, &account.password));
        let peer = Peer { credentials: own.collect(), ..Peer::new(ANYONE, Arc::clone(&policy)) };
        endpoint.set_peers(vec![peer]);
        let calls = carrier.calls.as_ref();
        Self {
            endpoint,
            policy,
            plan: Plan::new(&carrier, seed),
            accounts: Accounts::new(&carrier, seed, now),
            caller: calls.map(|calls| Caller::new(calls.clone(), seed, &carrier.name)),
            caller_script: place::script(&carrier),
            calls: HashMap::new(),
            legs: HashMap::new(),
            placed: HashMap::new(),
            forget: VecDeque::new(),
            steps: BTreeMap::new(),
            numbers: 0,
            media_address,
            incoming: Network::new(carrier.datagrams, seed, "in"),
            outgoing: Network::new(carrier.datagrams, seed, "out"),
            ready: VecDeque::new(),
            has_rules: carrier.scripts.iter().any(|script| script.can_lose()),
            carrier,
            counters,
            answer_times: Arc::default(),
            recorder,
        }
    }

    /// How long calls of ours took to be answered, from here on.
    #[must_use]
    pub fn answer_times(&self) -> Arc<Mutex<Latencies>> {
        Arc::clone(&self.answer_times)
    }

    /// A datagram came in.
    pub fn handle_datagram(&mut self, now: Now, flow: Flow, octets: Bytes) {
        if self.incoming.is_sound() {
            self.take(now, flow, Came::Datagram(octets));
        } else {
            self.incoming.send(now.mono, (flow, octets));
            self.note_losses();
        }
        self.work(now);
    }

    /// A whole message came in on a stream.
    pub fn handle_message(&mut self, now: Now, flow: Flow, message: Message) {
        self.take(now, flow, Came::Message(message));
        self.work(now);
    }

    /// A stream can't be read any more.
    pub fn handle_stream_fault(&mut self, now: Now, flow: Flow, fault: StreamFault) {
        crate::stats::count(&self.counters.unreadable);
        self.endpoint.handle_stream_fault(flow, fault);
        self.work(now);
    }

    /// A call is to be made.
    pub fn call(&mut self, now: Now, number: Number) {
        self.place(now, number);
        self.work(now);
    }

    /// A message could not be sent.
    pub fn unreachable(&mut self, now: Now, transmit: &Transmit) {
        if let Some(transaction) = transmit.transaction {
            self.endpoint.unreachable(now, transaction);
            self.work(now);
        }
    }

    /// A connection is gone, or could not be opened.
    pub fn connection_lost(&mut self, now: Now, flow: Flow) {
        self.endpoint.connection_lost(now, flow.connection, flow.transport, flow.remote);
        self.work(now);
    }

    /// Does everything that is due.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some((flow, octets)) = self.incoming.receive(now.mono) {
            self.take(now, flow, Came::Datagram(octets));
        }
        if self.endpoint.poll_timeout().is_some_and(|due| due <= now.mono) {
            self.endpoint.handle_timeout(now);
        }
        self.work(now);
    }

    /// When [`Switch::handle_timeout`] is to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let step = self.steps.first_key_value().map(|((due, _), _)| *due);
        let call = self.caller.as_ref().and_then(Caller::poll_timeout);
        let forget = self.forget.front().map(|(due, _)| *due);
        let network = [self.incoming.poll_timeout(), self.outgoing.poll_timeout()];
        let due = [self.endpoint.poll_timeout(), step, call, forget];
        due.into_iter().chain(network).flatten().min()
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.ready.pop_front()
    }

    /// Says whether all calls that were to be made are made and over.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.legs.is_empty() && self.placed.is_empty() && self.caller.as_ref().is_none_or(Caller::is_done)
    }

    /// Ends all calls, as well as it can be done at once.
    pub fn close(&mut self, now: Now) {
        self.caller = None;
        self.steps.clear();
        let legs: Vec<_> = self.legs.keys().copied().collect();
        for leg in legs {
            self.hang_up(now, leg, &[]);
        }
        self.work(now);
    }

    /// Carries on until nothing more happens at this time.
    fn work(&mut self, now: Now) {
        self.forget(now.mono);
        self.place_due(now);
        loop {
            self.take_events(now);
            let is_idle = !self.take_due_step(now);
            while let Some(transmit) = self.endpoint.poll_transmit() {
                self.send(now, transmit);
            }
            if is_idle {
                break;
            }
        }
        while let Some(transmit) = self.outgoing.receive(now.mono) {
            self.ready.push_back(transmit);
        }
        self.counters.open.store(self.legs.len() as u64, Ordering::Relaxed);
    }

    /// Hands a message to the network, unless a rule loses it.
    fn send(&mut self, now: Now, transmit: Transmit) {
        crate::stats::count(&self.counters.messages_out);
        if !self.passes_out(now, &transmit) {
            return;
        }
        let is_datagram = !transmit.target.transport.is_reliable();
        if is_datagram && !self.outgoing.is_sound() {
            self.outgoing.send(now.mono, transmit);
            self.note_losses();
        } else {
            self.ready.push_back(transmit);
        }
    }

    fn note_losses(&self) {
        let lost = self.incoming.lost() + self.outgoing.lost();
        self.counters.datagrams_lost.store(lost, Ordering::Relaxed);
    }

    fn forget(&mut self, now: Instant) {
        while self.forget.front().is_some_and(|(due, _)| *due <= now)
            && let Some((_, call_id)) = self.forget.pop_front()
        {
            if self.calls.get(&call_id).is_some_and(|call| call.leg.is_none()) {
                self.calls.remove(&call_id);
            }
        }
    }

    /// Writes a line, if there is a record.
    fn note(&self, now: Now, call_id: &[u8], seen: CallSeen<'_>) {
        if let Some(recorder) = &self.recorder {
            let (at, carrier) = (now.wall, self.carrier.name.as_str());
            recorder.note(&CallLine { at, carrier, call_id: String::from_utf8_lossy(call_id), seen });
        }
    }
}

fn policy(carrier: &SipCarrier) -> Policy {
    let SessionRules { expires, min_expires } = carrier.session;
    let seconds = |length: Duration| u32::try_from(length.as_secs()).unwrap_or(u32::MAX);
    let usual = SessionTimer::default();
    let timer = SessionTimer {
        interval: expires.map(seconds),
        min_se: min_expires.map_or(usual.min_se, seconds).max(usual.min_se),
        ..usual
    };
    Policy { session_timer: Some(timer), answer_time: None, ..Policy::default() }
}

/// Most transactions only wait for repetitions, for half a minute: what bounds the carrier is its calls, not these.
fn limits(capacity: usize) -> transaction::Limits {
    let usual = transaction::Limits::default();
    let most = usual.clients.max(capacity.saturating_mul(TRANSACTIONS_PER_CALL));
    transaction::Limits { clients: most, servers: most, ..usual }
}

fn timers(settings: &SipTimers) -> Timers {
    let usual = Timers::default();
    Timers::from_estimates(settings.t1.unwrap_or(usual.t1), settings.t2.unwrap_or(usual.t2), usual.t4)
}
