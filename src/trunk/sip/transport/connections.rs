//! All connections: which is which, how many there may be, and which one a message takes.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use codecs::sip::{ConnectionId, Flow, Target, Transport};
use tokio::{net::TcpStream, sync::mpsc, task::JoinHandle, time::timeout};

use super::{
    Arrival, Note, Unreachable,
    connection::{self, Queue},
    tcp,
    tls::Tls,
};
use crate::config::{SipConfig, SipLimits, StreamTimers};

/// What a connection of ours leads to: another name may mean another certificate.
type Place = (Transport, SocketAddr, Option<Arc<str>>);

/// All connections.
pub(super) struct Connections {
    open: HashMap<ConnectionId, Open>,
    /// Those that we opened.
    ours: HashMap<Place, ConnectionId>,
    /// How many each address has opened to us.
    theirs: HashMap<IpAddr, usize>,
    next: u64,
    limits: SipLimits,
    timers: StreamTimers,
    dscp: u8,
    tls: Arc<Tls>,
    tell: mpsc::Sender<Note>,
    refused: u64,
    stalled: u64,
}

struct Open {
    flow: Flow,
    /// Bounded by `octets`. `None`: it is being finished.
    queue: Option<mpsc::UnboundedSender<Bytes>>,
    octets: Arc<AtomicUsize>,
    /// Of one that we opened.
    place: Option<Place>,
    task: JoinHandle<()>,
}

/// How a connection ended that did not end well.
enum End {
    /// It could not be made, or not be made secure.
    Unmade(io::Error),
    /// It was there.
    Broken(io::Error),
}

/// What makes a connection, if it takes no longer than that.
async fn within<T>(limit: Duration, making: impl Future<Output = io::Result<T>>) -> Result<T, End> {
    let slow = |_| io::Error::new(io::ErrorKind::TimedOut, format!("not made within {limit:?}"));
    timeout(limit, making).await.map_err(slow).and_then(|made| made).map_err(End::Unmade)
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.open.values().for_each(|open| open.task.abort());
    }
}

impl Connections {
    pub(super) fn new(config: &SipConfig, tls: Arc<Tls>, tell: mpsc::Sender<Note>) -> Self {
        Self {
            open: HashMap::new(),
            ours: HashMap::new(),
            theirs: HashMap::new(),
            next: 1,
            limits: config.limits,
            timers: config.streams.clone(),
            dscp: config.dscp,
            tls,
            tell,
            refused: 0,
            stalled: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Those that were refused, and those whose peer did not read.
    pub(super) fn counters(&self) -> (u64, u64) {
        (self.refused, self.stalled)
    }

    /// Takes a connection of a peer, if there is room for it; else it is closed.
    pub(super) fn accept(
        &mut self,
        local: SocketAddr,
        transport: Transport,
        stream: TcpStream,
        remote: SocketAddr,
    ) {
        let of_source = self.theirs.get(&remote.ip()).copied().unwrap_or(0);
        if self.open.len() >= self.limits.connections || of_source >= self.limits.connections_per_source {
            self.refused += 1;
            return;
        }
        *self.theirs.entry(remote.ip()).or_default() += 1;
        let (tls, timers) = (self.tls.clone(), self.timers.clone());
        self.begin(transport, local, remote, None, move |flow, queue, tell| async move {
            stream.set_nodelay(true).map_err(End::Unmade)?;
            if transport == Transport::Tls {
                let secure = within(timers.connect, tls.accept(stream)).await?;
                connection::run(secure, flow, queue, timers, false, &tell).await.map_err(End::Broken)
            } else {
                connection::run(stream, flow, queue, timers, false, &tell).await.map_err(End::Broken)
            }
        });
    }

    /// Gives a message to the connection that the target names, to one that leads there, or to a new one.
    pub(super) fn send(
        &mut self,
        local: SocketAddr,
        target: &Target,
        octets: Bytes,
    ) -> Result<(), Unreachable> {
        let place = (target.transport, target.remote, target.server_name.clone());
        let named = target.connection.filter(|id| self.open.get(id).is_some_and(|open| open.queue.is_some()));
        let id = match named.or_else(|| self.ours.get(&place).copied()) {
            Some(id) => id,
            None if self.open.len() >= self.limits.connections => {
                self.refused += 1;
                return Err(Unreachable);
            }
            None => self.connect(local, place),
        };
        let Some(Open { queue: Some(queue), octets: waiting, task, .. }) = self.open.get(&id) else {
            return Err(Unreachable);
        };
        if waiting.fetch_add(octets.len(), Ordering::Relaxed) + octets.len() > self.limits.write_queue_octets
        {
            // It has not read for long: whatever it is owed would come too late.
            task.abort();
            self.stalled += 1;
            self.lose(id);
            return Err(Unreachable);
        }
        queue.send(octets).map_err(|_| Unreachable)
    }

    /// Lets a connection end once all is written.
    pub(super) fn finish(&mut self, id: ConnectionId) {
        if let Some(open) = self.open.get_mut(&id) {
            open.queue = None;
            if let Some(place) = &open.place
                && self.ours.get(place) == Some(&id)
            {
                self.ours.remove(place);
            }
        }
    }

    /// Notes that a connection is gone.
    pub(super) fn forget(&mut self, id: ConnectionId) {
        let Some(open) = self.open.remove(&id) else { return };
        match open.place {
            Some(place) if self.ours.get(&place) == Some(&id) => _ = self.ours.remove(&place),
            Some(_) => {}
            None => {
                let source = open.flow.remote.ip();
                if let Some(number) = self.theirs.get_mut(&source) {
                    *number -= 1;
                    if *number == 0 {
                        self.theirs.remove(&source);
                    }
                }
            }
        }
    }

    /// Ends one that we gave up; its owner is told as of any other, once there is room.
    fn lose(&mut self, id: ConnectionId) {
        let Some(open) = self.open.get(&id) else { return };
        let (tell, flow) = (self.tell.clone(), open.flow);
        let note = Note::Arrived(Arrival::Lost { flow, unmade: None });
        self.finish(id);
        tokio::spawn(async move { _ = tell.send(note).await });
    }

    fn connect(&mut self, local: SocketAddr, place: Place) -> ConnectionId {
        let (transport, remote, name) = place.clone();
        let (tls, timers, dscp) = (self.tls.clone(), self.timers.clone(), self.dscp);
        let id =
            self.begin(transport, local, remote, Some(place.clone()), move |flow, queue, tell| async move {
                let opened = within(timers.connect, async {
                    let stream = tcp::connect(local, remote, dscp).await?;
                    Ok::<_, io::Error>(match transport {
                        Transport::Tls => Ok(tls.connect(stream, name.as_deref(), remote.ip()).await?),
                        Transport::Tcp | Transport::Udp => Err(stream),
                    })
                });
                match opened.await? {
                    Ok(secure) => connection::run(secure, flow, queue, timers, true, &tell).await,
                    Err(plain) => connection::run(plain, flow, queue, timers, true, &tell).await,
                }
                .map_err(End::Broken)
            });
        self.ours.insert(place, id);
        id
    }

    /// Starts a connection's task, which tells its end in any case.
    fn begin<F>(
        &mut self,
        transport: Transport,
        local: SocketAddr,
        remote: SocketAddr,
        place: Option<Place>,
        run: impl FnOnce(Flow, Queue, mpsc::Sender<Note>) -> F,
    ) -> ConnectionId
    where
        F: Future<Output = Result<(), End>> + Send + 'static,
    {
        let id = ConnectionId(self.next);
        self.next += 1;
        let flow = Flow { transport, local, remote, connection: Some(id) };
        // Bounded by octets, not by messages: `send` refuses what would pass `write_queue`, and the connection is closed.
        let (queue, messages) = mpsc::unbounded_channel();
        let octets = Arc::new(AtomicUsize::new(0));
        let (tell, running) =
            (self.tell.clone(), run(flow, Queue { messages, octets: octets.clone() }, self.tell.clone()));
        let task = tokio::spawn(async move {
            let unmade = match running.await {
                Ok(()) => None,
                Err(End::Broken(error)) => {
                    tracing::debug!(%transport, %remote, %error, "connection ended");
                    None
                }
                Err(End::Unmade(error)) => Some(error.to_string()),
            };
            let lost = Arrival::Lost { flow, unmade };
            let _ = tell.send(Note::Arrived(lost)).await;
        });
        self.open.insert(id, Open { flow, queue: Some(queue), octets, place, task });
        id
    }
}
