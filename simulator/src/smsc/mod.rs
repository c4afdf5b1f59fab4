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
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use self::{
    account::Account,
    deliveries::LinkId,
    persona::{CmppPersona, Persona, SmppPersona},
};
use crate::{
    InjectError,
    behaviour::Behaviour,
    clock,
    config::Carrier,
    record::{Line, Recorder, Seen},
    stats::{CarrierStats, Counters},
};

/// Connections that one carrier holds at a time; more wait in the system's queue.
const CONNECTIONS: usize = 1024;

/// How long links may take to end in good order.
const GOODBYE: Duration = Duration::from_secs(6);

/// A running carrier, whatever its protocol.
pub(crate) trait Gateway: Send + Sync {
    /// Its name in the scenario.
    fn name(&self) -> &str;
    /// What it counted.
    fn stats(&self) -> CarrierStats;
    /// Sends a message from a phone to an account.
    fn inject(&self, account: &str, from: &str, to: &str, text: &str) -> Result<(), InjectError>;
}

/// Opens a carrier: listens, and runs it on `tasks` until `shutdown` becomes true.
pub(crate) async fn open(
    carrier: Carrier,
    seed: u64,
    recorder: Option<Arc<Recorder>>,
    shutdown: watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) -> std::io::Result<(SocketAddr, Arc<dyn Gateway>)> {
    let listener = TcpListener::bind(carrier.listen).await?;
    let address = listener.local_addr()?;
    let is_cmpp = carrier.protocol.is_cmpp();
    let gateway: Arc<dyn Gateway> = if is_cmpp {
        spawn(Smsc::<CmppPersona>::new(carrier, seed, recorder), listener, shutdown, tasks)
    } else {
        spawn(Smsc::<SmppPersona>::new(carrier, seed, recorder), listener, shutdown, tasks)
    };
    Ok((address, gateway))
}

fn spawn<P: Persona>(
    smsc: Smsc<P>,
    listener: TcpListener,
    shutdown: watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) -> Arc<dyn Gateway> {
    let smsc = Arc::new(smsc);
    tasks.spawn(run(Arc::clone(&smsc), listener, shutdown.clone()));
    if smsc.carrier.mo.as_ref().is_some_and(|mo| mo.per_second > 0.0) {
        tasks.spawn(mobile::run(Arc::clone(&smsc), shutdown));
    }
    smsc
}

/// What all links of one carrier share.
struct Smsc<P> {
    carrier: Carrier,
    persona: P,
    accounts: Vec<Arc<Account>>,
    counters: Counters,
    recorder: Option<Arc<Recorder>>,
    links: AtomicU64,
    mobiles: AtomicU64,
}

impl<P: Persona> Smsc<P> {
    fn new(carrier: Carrier, seed: u64, recorder: Option<Arc<Recorder>>) -> Self {
        let accounts = carrier.accounts.iter().map(|account| {
            let behaviour = Behaviour::new(&carrier, &account.system_id, seed, P::THROTTLED);
            Arc::new(Account::new(account.system_id.clone(), behaviour))
        });
        Self {
            accounts: accounts.collect(),
            persona: P::new(&carrier, clock::now()),
            carrier,
            counters: Counters::default(),
            recorder,
            links: AtomicU64::new(0),
            mobiles: AtomicU64::new(0),
        }
    }

    fn next_link(&self) -> LinkId {
        LinkId(self.links.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Writes a line, if there is a record. `seen` is only put together then.
    fn note<'a>(&'a self, account: &'a str, link: LinkId, seen: impl FnOnce(&dyn Fn(Seen<'_>))) {
        let Some(recorder) = &self.recorder else {
            return;
        };
        seen(&|seen| {
            let at = jiff::Timestamp::now();
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
}

/// Accepts connections until told to stop, then lets the links end.
async fn run<P: Persona>(smsc: Arc<Smsc<P>>, listener: TcpListener, mut shutdown: watch::Receiver<bool>) {
    let mut links = JoinSet::new();
    let told = shutdown.clone();
    loop {
        tokio::select! {
            () = crate::over(&mut shutdown) => break,
            Some(_) = links.join_next(), if !links.is_empty() => {}
            accepted = listener.accept(), if links.len() < CONNECTIONS => match accepted {
                Ok((stream, _)) => open_link(&smsc, stream, &told, &mut links),
                // Out of descriptors, most likely: waiting is all that helps.
                Err(error) => {
                    tracing::warn!(carrier = smsc.carrier.name, %error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
    drop(listener);
    let ended = async { while links.join_next().await.is_some() {} };
    if tokio::time::timeout(GOODBYE, ended).await.is_err() {
        tracing::warn!(carrier = smsc.carrier.name, "links did not end in good order");
    }
}

fn open_link<P: Persona>(
    smsc: &Arc<Smsc<P>>,
    stream: TcpStream,
    shutdown: &watch::Receiver<bool>,
    links: &mut JoinSet<()>,
) {
    // Only a delay if it fails.
    let _ = stream.set_nodelay(true);
    links.spawn(link::run(Arc::clone(smsc), stream, shutdown.clone()));
}
