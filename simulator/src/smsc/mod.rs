//! A carrier's gateway: it listens, and every connection becomes a link.
//!
//! What a link does is in [`link`]; what the links of an account share is in [`account`].

mod account;
mod deliveries;
mod link;
mod message;
mod mobile;
mod persona;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

pub(crate) use self::message::Way;
use self::{
    account::Account,
    deliveries::LinkId,
    persona::{CmppPersona, Persona, SmppPersona},
};
use crate::{
    ConnectError, InjectError,
    behaviour::Behaviour,
    clock::Clock,
    config::Carrier,
    inject::Injections,
    record::{Line, Recorder, Seen},
    stats::{CarrierStats, Counters},
};

/// Connections that one carrier holds at a time; more wait in the system's queue.
const CONNECTIONS: usize = 1024;

/// Connections handed over that may wait to be taken.
const HANDED: usize = 64;

/// How long links may take to end in good order.
const GOODBYE: Duration = Duration::from_secs(6);

/// A connection that did not come over TCP.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A running carrier, whatever its protocol.
pub(crate) trait Gateway: Send + Sync {
    /// Its name in the scenario.
    fn name(&self) -> &str;
    /// What it counted.
    fn stats(&self) -> CarrierStats;
    /// Sends a message from a phone to an account.
    fn inject(&self, account: &str, from: &str, to: &str, text: &str) -> Result<(), InjectError>;
    /// Takes a connection.
    fn connect(&self, stream: Box<dyn Stream>) -> Result<(), ConnectError>;
}

/// Opens a carrier: listens, and runs it on `tasks` until `over` is cancelled.
pub(crate) async fn open(
    carrier: Carrier,
    clock: Clock,
    seed: u64,
    recorder: Option<Arc<Recorder>>,
    over: CancellationToken,
    tasks: &mut JoinSet<()>,
) -> std::io::Result<(SocketAddr, Arc<dyn Gateway>)> {
    let listener = TcpListener::bind(carrier.listen).await?;
    let address = listener.local_addr()?;
    let (hand, handed) = mpsc::channel(HANDED);
    let doors = Doors { listener, handed };
    let is_cmpp = carrier.speaks().is_cmpp();
    let gateway: Arc<dyn Gateway> = if is_cmpp {
        spawn(Smsc::<CmppPersona>::new(carrier, clock, seed, recorder, hand), doors, over, tasks)
    } else {
        spawn(Smsc::<SmppPersona>::new(carrier, clock, seed, recorder, hand), doors, over, tasks)
    };
    Ok((address, gateway))
}

fn spawn<P: Persona>(
    smsc: Smsc<P>,
    doors: Doors,
    over: CancellationToken,
    tasks: &mut JoinSet<()>,
) -> Arc<dyn Gateway> {
    let smsc = Arc::new(smsc);
    tasks.spawn(run(Arc::clone(&smsc), doors, over.clone()));
    if smsc.carrier.mo.as_ref().is_some_and(|mo| mo.per_second > 0.0) {
        tasks.spawn(mobile::run(Arc::clone(&smsc), over));
    }
    smsc
}

/// Where connections come in.
struct Doors {
    listener: TcpListener,
    handed: mpsc::Receiver<Box<dyn Stream>>,
}

/// What all links of one carrier share.
struct Smsc<P> {
    carrier: Carrier,
    clock: Clock,
    hand: mpsc::Sender<Box<dyn Stream>>,
    persona: P,
    /// What is answered to what is too much.
    throttled: u32,
    accounts: Vec<Arc<Account>>,
    injections: Mutex<Injections>,
    counters: Counters,
    recorder: Option<Arc<Recorder>>,
    links: AtomicU64,
    mobiles: AtomicU64,
}

impl<P: Persona> Smsc<P> {
    fn new(
        carrier: Carrier,
        clock: Clock,
        seed: u64,
        recorder: Option<Arc<Recorder>>,
        hand: mpsc::Sender<Box<dyn Stream>>,
    ) -> Self {
        let throttled = carrier.habits.throttled().unwrap_or(P::THROTTLED);
        let accounts = carrier.accounts.iter().map(|account| {
            let behaviour = Behaviour::new(&carrier, &account.system_id, seed, throttled);
            Arc::new(Account::new(account.system_id.clone(), behaviour))
        });
        Self {
            accounts: accounts.collect(),
            persona: P::new(&carrier, clock.now()),
            throttled,
            injections: Mutex::new(Injections::new(&carrier.injections)),
            carrier,
            clock,
            hand,
            counters: Counters::default(),
            recorder,
            links: AtomicU64::new(0),
            mobiles: AtomicU64::new(0),
        }
    }

    fn next_link(&self) -> LinkId {
        LinkId(self.links.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Asks what is said out of turn. As a rule there is nothing, and then nothing is locked.
    fn injections<T>(&self, ask: impl FnOnce(&mut Injections) -> Vec<T>) -> Vec<T> {
        if self.carrier.injections.is_empty() {
            return Vec::new();
        }
        ask(&mut self.injections.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes a line, if there is a record. `seen` is only put together then.
    fn note<'a>(&'a self, account: &'a str, link: LinkId, seen: impl FnOnce(&dyn Fn(Seen<'_>))) {
        let Some(recorder) = &self.recorder else {
            return;
        };
        seen(&|seen| {
            let at = self.clock.now().wall;
            recorder.note(&Line { at, carrier: &self.carrier.name, account, link: link.0, seen });
        });
    }
}

impl<P: Persona> Gateway for Smsc<P> {
    fn name(&self) -> &str {
        &self.carrier.name
    }

    fn stats(&self) -> CarrierStats {
        self.counters.read()
    }

    fn inject(&self, account: &str, from: &str, to: &str, text: &str) -> Result<(), InjectError> {
        let account =
            self.accounts.iter().find(|one| one.name == account).ok_or(InjectError::UnknownAccount)?;
        mobile::send(self, account, from, to, text)
    }

    fn connect(&self, stream: Box<dyn Stream>) -> Result<(), ConnectError> {
        self.hand.try_send(stream).map_err(|_| ConnectError::Refused)
    }
}

/// Accepts connections until told to stop, then lets the links end.
async fn run<P: Persona>(smsc: Arc<Smsc<P>>, doors: Doors, over: CancellationToken) {
    let Doors { listener, mut handed } = doors;
    let mut links = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = over.cancelled() => break,
            Some(_) = links.join_next(), if !links.is_empty() => {}
            Some(stream) = handed.recv(), if links.len() < CONNECTIONS => {
                let (reader, writer) = tokio::io::split(stream);
                links.spawn(link::run(Arc::clone(&smsc), reader, writer, over.clone()));
            }
            accepted = listener.accept(), if links.len() < CONNECTIONS => match accepted {
                Ok((stream, _)) => open_link(&smsc, stream, &over, &mut links),
                // Out of descriptors, most likely: waiting is all that helps.
                Err(error) => {
                    tracing::warn!(carrier = smsc.carrier.name, %error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
    drop((listener, handed));
    let ended = async { while links.join_next().await.is_some() {} };
    if tokio::time::timeout(GOODBYE, ended).await.is_err() {
        tracing::warn!(carrier = smsc.carrier.name, "links did not end in good order");
    }
}

fn open_link<P: Persona>(
    smsc: &Arc<Smsc<P>>,
    stream: TcpStream,
    over: &CancellationToken,
    links: &mut JoinSet<()>,
) {
    // Only a delay if it fails.
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    links.spawn(link::run(Arc::clone(smsc), reader, writer, over.clone()));
}
