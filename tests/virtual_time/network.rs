//! Connections in memory from the daemon to the simulated carriers, which can be refused and cut.

use std::{
    collections::BTreeSet,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, Waker},
    time::Duration,
};

use carrierd::trunk::sms::{Connection, Dialer};
use futures_util::future::{BoxFuture, ready};
use simulator::Simulator;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex},
    time::Instant,
};

/// Octets on their way in one direction.
const IN_FLIGHT: usize = 64 * 1024;

/// One attempt of the daemon to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dial {
    /// When, since the start of the bed.
    pub at: Duration,
    /// Whether the carrier took it.
    pub taken: bool,
}

/// All carriers: a host's name is that of its carrier.
#[derive(Debug)]
pub struct Network(Mutex<State>);

struct State {
    simulator: Option<Arc<Simulator>>,
    start: Instant,
    down: BTreeSet<String>,
    dials: Vec<(String, Dial)>,
    wires: Vec<(String, Weak<Mutex<Wire>>)>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("down", &self.down).finish_non_exhaustive()
    }
}

impl Network {
    pub fn new(simulator: Simulator) -> Self {
        Self(Mutex::new(State {
            simulator: Some(Arc::new(simulator)),
            start: Instant::now(),
            down: BTreeSet::new(),
            dials: Vec::new(),
            wires: Vec::new(),
        }))
    }

    /// A carrier takes no more connections, and loses those that it has.
    pub fn take_down(&self, carrier: &str) {
        lock(&self.0).down.insert(carrier.to_owned());
        self.cut(carrier);
    }

    /// A carrier takes connections again.
    pub fn bring_up(&self, carrier: &str) {
        lock(&self.0).down.remove(carrier);
    }

    /// Cuts a carrier's connections: what it has not read is lost.
    pub fn cut(&self, carrier: &str) {
        let mut state = lock(&self.0);
        state.wires.retain(|(of, wire)| {
            let is_cut = of == carrier;
            if is_cut && let Some(wire) = wire.upgrade() {
                lock(&wire).cut();
            }
            !is_cut && wire.strong_count() > 0
        });
    }

    /// Cuts every connection.
    pub fn cut_all(&self) {
        for (_, wire) in std::mem::take(&mut lock(&self.0).wires) {
            if let Some(wire) = wire.upgrade() {
                lock(&wire).cut();
            }
        }
    }

    /// The attempts to connect to a carrier so far.
    pub fn dials(&self, carrier: &str) -> Vec<Dial> {
        let state = lock(&self.0);
        state.dials.iter().filter(|(host, _)| host == carrier).map(|(_, dial)| *dial).collect()
    }

    /// Takes the carriers away.
    pub fn end(&self) -> Simulator {
        let simulator = lock(&self.0).simulator.take().and_then(Arc::into_inner);
        simulator.expect("nobody else holds the carriers")
    }
}

impl Dialer for Network {
    fn dial(&self, host: String) -> BoxFuture<'static, io::Result<Connection>> {
        let carrier = host.split(':').next().unwrap_or_default().to_owned();
        let mut state = lock(&self.0);
        let dialled = state.connect(&carrier);
        let dial = Dial { at: state.start.elapsed(), taken: dialled.is_ok() };
        state.dials.push((carrier, dial));
        Box::pin(ready(dialled))
    }
}

impl State {
    fn connect(&mut self, carrier: &str) -> io::Result<Connection> {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let simulator =
            self.simulator.as_ref().filter(|_| !self.down.contains(carrier)).ok_or_else(refused)?;
        let (ours, theirs) = duplex(IN_FLIGHT);
        let wire = Arc::new(Mutex::new(Wire { stream: Some(theirs), wakers: [None, None] }));
        simulator.connect(carrier, CarrierEnd(wire.clone())).map_err(|_| refused())?;
        self.wires.push((carrier.to_owned(), Arc::downgrade(&wire)));
        let (reader, writer) = tokio::io::split(ours);
        Ok(Connection { reader: Box::new(reader), writer: Box::new(writer) })
    }
}

/// A carrier's end of a connection. Dropped, the daemon's end sees the end.
struct CarrierEnd(Arc<Mutex<Wire>>);

struct Wire {
    /// `None`: it is cut.
    stream: Option<DuplexStream>,
    /// Who waits to read and to write.
    wakers: [Option<Waker>; 2],
}

impl Wire {
    fn cut(&mut self) {
        self.stream = None;
        self.wakers.iter_mut().filter_map(Option::take).for_each(Waker::wake);
    }
}

impl AsyncRead for CarrierEnd {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut wire = lock(&self.0);
        wire.wakers[0] = Some(context.waker().clone());
        match &mut wire.stream {
            Some(stream) => Pin::new(stream).poll_read(context, buffer),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for CarrierEnd {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let mut wire = lock(&self.0);
        wire.wakers[1] = Some(context.waker().clone());
        match &mut wire.stream {
            Some(stream) => Pin::new(stream).poll_write(context, octets),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut lock(&self.0).stream {
            Some(stream) => Pin::new(stream).poll_shutdown(context),
            None => Poll::Ready(Ok(())),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
