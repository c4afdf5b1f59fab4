//! The sockets of a carrier of calls. One task owns the switch; each socket and connection has one that reads.
//!
//! No rule of SIP and none of the carrier is here.

mod connection;
mod sockets;
mod tls;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use codecs::sip::{Flow, Message, Transport, framing::StreamFault, ua::Listener};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

use self::sockets::Sockets;
use super::{caller::Number, switch::Switch};
use crate::{
    clock::Clock,
    config::sip::SipCarrier,
    load::Latencies,
    record::Recorder,
    stats::{CallCounters, CallStats},
};

/// What the sockets may be ahead of the switch.
const INPUTS: usize = 4096;

/// Inputs that are taken in one turn.
const TURN: usize = 256;

/// How long calls may take to end in good order.
const GOODBYE: Duration = Duration::from_secs(2);

/// What came from outside.
enum Input {
    /// A datagram.
    Datagram(Flow, Bytes),
    /// A peer connected.
    Accepted(connection::Accepted),
    /// A message on a connection.
    Message(Flow, Message),
    /// A connection can't be read any more.
    Fault(Flow, StreamFault),
    /// A connection is gone.
    Closed(Flow),
    /// A call is to be made.
    Call(Number),
}

/// A running carrier of calls, from outside.
pub(crate) struct Exchange {
    name: String,
    addresses: Vec<(Transport, SocketAddr)>,
    counters: Arc<CallCounters>,
    answer_times: Arc<Mutex<Latencies>>,
    inputs: mpsc::Sender<Input>,
}

impl Exchange {
    /// Opens a carrier: listens, and runs it on `tasks` until `over` is cancelled.
    pub async fn open(
        carrier: SipCarrier,
        clock: Clock,
        seed: u64,
        recorder: Option<Arc<Recorder>>,
        over: CancellationToken,
        tasks: &mut JoinSet<()>,
    ) -> Result<Self, (SocketAddr, std::io::Error)> {
        let (inputs, waiting) = mpsc::channel(INPUTS);
        let sockets = Sockets::open(&carrier, inputs.clone()).await?;
        let addresses = sockets.addresses();
        let counters = Arc::new(CallCounters::default());
        let listeners = addresses.iter().map(|(transport, bound)| Listener::new(*transport, *bound));
        let name = carrier.name.clone();
        let switch =
            Switch::new(carrier, listeners.collect(), seed, clock.now(), Arc::clone(&counters), recorder);
        let answer_times = switch.answer_times();
        tasks.spawn(run(Driver { switch, sockets, waiting, clock }, over));
        Ok(Self { name, addresses, counters, answer_times, inputs })
    }

    /// Its name in the scenario.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it listens.
    pub fn addresses(&self) -> &[(Transport, SocketAddr)] {
        &self.addresses
    }

    /// What it counted.
    pub fn stats(&self) -> CallStats {
        self.counters.read()
    }

    /// How long half of its own calls took to be answered at most, and all but one in a hundred.
    pub fn answer_times(&self) -> [Duration; 2] {
        let times = self.answer_times.lock().unwrap_or_else(PoisonError::into_inner);
        [0.50, 0.99].map(|share| times.quantile(share))
    }

    /// Has a call made; says whether it can be.
    pub fn call(&self, from: &str, to: &str) -> bool {
        let number = Number { from: from.to_owned(), to: to.to_owned() };
        self.inputs.try_send(Input::Call(number)).is_ok()
    }
}

/// The switch and what it is driven with.
struct Driver {
    switch: Switch,
    sockets: Sockets,
    waiting: mpsc::Receiver<Input>,
    clock: Clock,
}

async fn run(mut driver: Driver, over: CancellationToken) {
    let mut inputs = Vec::with_capacity(TURN);
    let mut closing: Option<Instant> = None;
    // Calls of its own begin by themselves.
    driver.switch.handle_timeout(driver.clock.now());
    loop {
        driver.transmit().await;
        let now = driver.clock.now();
        if closing.is_some_and(|end| now.mono >= end || driver.switch.is_done()) {
            return;
        }
        let due = [driver.switch.poll_timeout(), closing].into_iter().flatten().min();
        tokio::select! {
            biased;
            () = over.cancelled(), if closing.is_none() => {
                closing = Some(now.mono + GOODBYE);
                driver.switch.close(now);
            }
            count = driver.waiting.recv_many(&mut inputs, TURN) => {
                if count == 0 {
                    return;
                }
                driver.turn(&mut inputs);
            }
            () = until(due) => driver.turn(&mut inputs),
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

impl Driver {
    /// Takes what came in, and does what is due.
    fn turn(&mut self, inputs: &mut Vec<Input>) {
        let now = self.clock.now();
        for input in inputs.drain(..) {
            match input {
                Input::Datagram(flow, octets) => self.switch.handle_datagram(now, flow, octets),
                Input::Message(flow, message) => self.switch.handle_message(now, flow, message),
                Input::Accepted(accepted) => self.sockets.accept(accepted),
                Input::Fault(flow, fault) => self.switch.handle_stream_fault(now, flow, fault),
                Input::Closed(flow) => {
                    self.sockets.forget(flow.connection);
                    self.switch.connection_lost(now, flow);
                }
                Input::Call(number) => self.switch.call(now, number),
            }
        }
        if self.switch.poll_timeout().is_some_and(|due| due <= now.mono) {
            self.switch.handle_timeout(now);
        }
    }

    /// Sends everything that waits.
    async fn transmit(&mut self) {
        while let Some(transmit) = self.switch.poll_transmit() {
            if !self.sockets.send(&transmit).await {
                self.switch.unreachable(self.clock.now(), &transmit);
            }
        }
    }
}
