//! All sockets of one carrier.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use codecs::sip::{ConnectionId, Flow, Target, Transport, transaction::Transmit};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::mpsc,
    task::JoinSet,
};

use super::{
    Input,
    connection::{self, Accepted, Connection},
    tls::Tls,
};
use crate::config::{Faults, sip::SipCarrier};

/// The largest datagram.
const DATAGRAM: usize = 65_535;

/// Room made for each read of a socket, octets.
const READ: usize = 256 << 10;

/// How long a connection may take to be opened.
const CONNECT: Duration = Duration::from_secs(5);

/// Connections that one carrier holds at a time.
const CONNECTIONS: usize = 4096;

/// The sockets of one carrier.
pub struct Sockets {
    udp: Vec<(SocketAddr, Arc<UdpSocket>)>,
    streams: Vec<(Transport, SocketAddr)>,
    tls: Option<Tls>,
    connections: HashMap<ConnectionId, Connection>,
    /// The connection to reach an address by.
    by_peer: HashMap<(Transport, SocketAddr), ConnectionId>,
    numbers: Arc<AtomicU64>,
    faults: Faults,
    inputs: mpsc::Sender<Input>,
    /// Whoever reads; ended with the carrier.
    tasks: JoinSet<()>,
}

impl Sockets {
    /// Listens everywhere.
    pub async fn open(
        carrier: &SipCarrier,
        inputs: mpsc::Sender<Input>,
    ) -> Result<Self, (SocketAddr, io::Error)> {
        let streams = carrier.streams;
        let mut sockets = Self {
            udp: Vec::new(),
            streams: Vec::new(),
            tls: None,
            connections: HashMap::new(),
            by_peer: HashMap::new(),
            numbers: Arc::default(),
            faults: Faults {
                split_octets: streams.split_octets,
                drip: streams.drip,
                glue: streams.glue,
                cut_after_submits: streams.cut_after_messages,
                ..Faults::default()
            },
            inputs,
            tasks: JoinSet::new(),
        };
        let is_silent = carrier.udp.is_empty() && carrier.tcp.is_empty();
        let anywhere = [SocketAddr::from(([127, 0, 0, 1], 0))];
        let (udp, tcp) =
            if is_silent { (&anywhere[..], &anywhere[..]) } else { (&*carrier.udp, &*carrier.tcp) };
        for address in udp {
            sockets.listen_udp(*address).await.map_err(|cause| (*address, cause))?;
        }
        for address in tcp {
            let address = sockets.same_port(*address);
            sockets.listen(Transport::Tcp, address).await.map_err(|cause| (address, cause))?;
        }
        if let Some(tls) = &carrier.tls {
            let first = tls.listen.first().copied().unwrap_or(anywhere[0]);
            sockets.tls = Some(Tls::open(tls).map_err(|cause| (first, cause))?);
            for address in &tls.listen {
                sockets.listen(Transport::Tls, *address).await.map_err(|cause| (*address, cause))?;
            }
        }
        Ok(sockets)
    }

    /// Where it listens.
    pub fn addresses(&self) -> Vec<(Transport, SocketAddr)> {
        let udp = self.udp.iter().map(|(address, _)| (Transport::Udp, *address));
        udp.chain(self.streams.iter().copied()).collect()
    }

    /// Any port becomes that of the datagrams of the same address.
    fn same_port(&self, address: SocketAddr) -> SocketAddr {
        let same = self.udp.iter().find(|(udp, _)| udp.ip() == address.ip());
        match same {
            Some((udp, _)) if address.port() == 0 => *udp,
            _ => address,
        }
    }

    async fn listen_udp(&mut self, address: SocketAddr) -> io::Result<()> {
        let socket = Arc::new(UdpSocket::bind(address).await?);
        let bound = socket.local_addr()?;
        self.tasks.spawn(read_datagrams(Arc::clone(&socket), bound, self.inputs.clone()));
        self.udp.push((bound, socket));
        Ok(())
    }

    async fn listen(&mut self, transport: Transport, address: SocketAddr) -> io::Result<()> {
        let listener = TcpListener::bind(address).await?;
        let bound = listener.local_addr()?;
        self.tasks.spawn(accept(listener, transport, bound, self.inputs.clone()));
        self.streams.push((transport, bound));
        Ok(())
    }

    /// Takes a connection of a peer.
    pub fn accept(&mut self, accepted: Accepted) {
        if self.connections.len() < CONNECTIONS {
            let Accepted { transport, local, remote, stream } = accepted;
            let flow = self.flow(transport, local, remote);
            // Only a delay if it fails.
            let _ = stream.set_nodelay(true);
            match self.tls.clone().filter(|_| transport == Transport::Tls) {
                Some(tls) => self.run(flow, async move { in_time(tls.accept(stream)).await }),
                None => self.run(flow, async move { Ok(stream) }),
            };
        }
    }

    /// A connection is gone.
    pub fn forget(&mut self, id: Option<ConnectionId>) {
        let Some(id) = id else { return };
        self.connections.remove(&id);
        self.by_peer.retain(|_, other| *other != id);
    }

    /// Sends a message; says whether it could be handed on.
    pub async fn send(&mut self, transmit: &Transmit) -> bool {
        let target = &transmit.target;
        if target.transport == Transport::Udp {
            let fits = |(bound, _): &&(SocketAddr, Arc<UdpSocket>)| match target.local {
                Some(local) => *bound == local,
                None => bound.is_ipv4() == target.remote.is_ipv4(),
            };
            let Some((_, socket)) = self.udp.iter().find(fits) else { return false };
            return match socket.try_send_to(&transmit.octets, target.remote) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    socket.send_to(&transmit.octets, target.remote).await.is_ok()
                }
                sent => sent.is_ok(),
            };
        }
        let known = target.connection.filter(|id| self.connections.contains_key(id));
        let known = known.or_else(|| self.by_peer.get(&(target.transport, target.remote)).copied());
        let id = match known {
            Some(id) => id,
            None => self.connect(target),
        };
        self.write(id, transmit.octets.clone())
    }

    fn write(&mut self, id: ConnectionId, octets: Bytes) -> bool {
        // A peer that does not read loses its connection.
        let is_taken = self.connections.get(&id).is_some_and(|connection| connection.write(octets));
        if !is_taken {
            self.forget(Some(id));
        }
        is_taken
    }

    fn connect(&mut self, target: &Target) -> ConnectionId {
        let (transport, remote) = (target.transport, target.remote);
        let fits = |(carried, local): &&(Transport, SocketAddr)| {
            *carried == transport && local.is_ipv4() == remote.is_ipv4()
        };
        let local = self.streams.iter().find(fits).map_or(remote, |(_, local)| *local);
        let flow = self.flow(transport, local, remote);
        let connecting = async move {
            let stream = TcpStream::connect(remote).await?;
            // Only a delay if it fails.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        };
        if transport != Transport::Tls {
            return self.run(flow, in_time(connecting));
        }
        let (tls, name) = (self.tls.clone(), target.server_name.clone());
        let securing = async move {
            let tls = tls.ok_or_else(|| io::Error::other("the carrier has no certificates"))?;
            tls.connect(connecting.await?, name.as_deref(), remote.ip()).await
        };
        self.run(flow, in_time(securing))
    }

    fn flow(&self, transport: Transport, local: SocketAddr, remote: SocketAddr) -> Flow {
        let id = ConnectionId(self.numbers.fetch_add(1, Ordering::Relaxed) + 1);
        Flow { transport, local, remote, connection: Some(id) }
    }

    /// Runs a connection that is there or being opened.
    fn run<S: AsyncRead + AsyncWrite + Send + 'static>(
        &mut self,
        flow: Flow,
        stream: impl Future<Output = io::Result<S>> + Send + 'static,
    ) -> ConnectionId {
        let id = flow.connection.unwrap_or(ConnectionId(0));
        let (connection, waiting) = Connection::new();
        self.connections.insert(id, connection);
        self.by_peer.insert((flow.transport, flow.remote), id);
        let (faults, inputs) = (self.faults, self.inputs.clone());
        self.tasks.spawn(async move {
            match stream.await {
                Ok(stream) => connection::run(flow, stream, faults, waiting, &inputs).await,
                Err(error) => tracing::debug!(?flow, %error, "a connection could not be made"),
            }
            // A carrier that is over need not be told.
            let _ = inputs.send(Input::Closed(flow)).await;
        });
        id
    }
}

async fn read_datagrams(socket: Arc<UdpSocket>, local: SocketAddr, inputs: mpsc::Sender<Input>) {
    let mut buffer = BytesMut::with_capacity(READ);
    loop {
        if buffer.capacity() < DATAGRAM {
            buffer = BytesMut::with_capacity(READ);
        }
        match socket.recv_buf_from(&mut buffer).await {
            Ok((_, remote)) => {
                let flow = Flow { transport: Transport::Udp, local, remote, connection: None };
                if inputs.send(Input::Datagram(flow, buffer.split().freeze())).await.is_err() {
                    return;
                }
            }
            // What an earlier datagram met: the next read is none the worse for it.
            Err(error) => tracing::debug!(%local, %error, "a datagram could not be read"),
        }
    }
}

/// What makes a connection, if it does not take too long.
async fn in_time<S>(making: impl Future<Output = io::Result<S>>) -> io::Result<S> {
    let made = tokio::time::timeout(CONNECT, making).await;
    made.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

async fn accept(listener: TcpListener, transport: Transport, local: SocketAddr, inputs: mpsc::Sender<Input>) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                let accepted = Accepted { transport, local, remote, stream };
                if inputs.send(Input::Accepted(accepted)).await.is_err() {
                    return;
                }
            }
            // Out of descriptors, most likely: waiting is all that helps.
            Err(error) => {
                tracing::warn!(%local, %error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
