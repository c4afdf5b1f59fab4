//! Messages in and out of sockets: datagrams, connections, TLS.
//!
//! [`Transports`] belongs to one task. It reads datagrams itself; each connection has a task of its own, which cuts what
//! comes into messages and writes what waits. Nothing here waits for a peer: a datagram that finds no room is dropped, as
//! the network may drop it, and a peer that does not read loses its connection.

mod connection;
mod connections;
mod names;
mod tcp;
#[cfg(test)]
mod tests;
mod tls;
mod udp;
mod wire;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use codecs::sip::{ConnectionId, Flow, Message, Target, Transport, framing::StreamFault};
use tokio::{net::TcpStream, sync::mpsc, task::JoinSet};

use crate::config::{SipConfig, SipListener};

use self::{connections::Connections, tls::Tls, udp::Udp};
pub(super) use wire::try_arrival;
pub use wire::{Network, Sockets, Wire, arrival};

/// Arrivals of connections that may wait for their owner; then they read no more.
const ARRIVALS: usize = 1024;
/// What a message may be on a stream; more is answered 513.
const STREAM: codecs::sip::framing::Limits = codecs::sip::framing::Limits { head: 32 << 10, body: 64 << 10 };

/// What came in.
#[derive(Debug)]
pub enum Arrival {
    /// A datagram.
    Datagram(Flow, Bytes),
    /// A message on a stream.
    Message(Flow, Message),
    /// A stream on which no more can be read: answer, then [`Wire::finish`].
    Fault(Flow, StreamFault),
    /// A connection is gone, or could not be made.
    Lost {
        /// Which, and where it led.
        flow: Flow,
        /// Why it could not be made; `None`: it was there.
        unmade: Option<String>,
    },
}

/// What a message could not be sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreachable;

/// What the tasks of listeners and connections tell.
enum Note {
    Accepted(SocketAddr, Transport, TcpStream, SocketAddr),
    Arrived(Arrival),
    /// A connection ends because a message did not come in full.
    Unfinished,
}

/// What is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections that were refused because too many were there.
    pub refused: u64,
    /// Connections whose peer did not read what it was sent.
    pub stalled: u64,
    /// Connections on which a message began and did not come in full in time.
    pub unfinished: u64,
    /// Datagrams that could not be sent.
    pub undelivered: u64,
}

/// All sockets of SIP.
pub struct Transports {
    udp: Vec<Udp>,
    /// Where connections are taken, and that of datagrams.
    listeners: Vec<SipListener>,
    /// The next socket to be asked for a datagram, so that a busy one does not hide the others.
    next: usize,
    connections: Connections,
    notes: mpsc::Receiver<Note>,
    unfinished: u64,
    undelivered: u64,
    /// What accepts connections; ends with this.
    _accepting: JoinSet<()>,
}

impl Transports {
    /// Opens the listeners, inside a runtime.
    ///
    /// # Errors
    /// One can't be opened, or the certificates can't be used; the message says which.
    pub fn open(config: &SipConfig) -> io::Result<Self> {
        let tls = Arc::new(Tls::new(&config.tls)?);
        let (tell, notes) = mpsc::channel(ARRIVALS);
        let (mut udp, mut listeners, mut accepting) = (Vec::new(), Vec::new(), JoinSet::new());
        for listener in &config.listeners {
            let named = |error: io::Error| {
                let what = format!("can't listen on {} {}: {error}", listener.transport, listener.address);
                io::Error::new(error.kind(), what)
            };
            let address = if listener.transport == Transport::Udp {
                let socket = Udp::bind(listener.address, config.dscp).map_err(named)?;
                let address = socket.local();
                udp.push(socket);
                address
            } else {
                let socket = tcp::listen(listener.address, config.dscp).map_err(named)?;
                let address = socket.local_addr()?;
                accepting.spawn(tcp::accept(socket, address, listener.transport, tell.clone()));
                address
            };
            listeners.push(SipListener { transport: listener.transport, address });
        }
        let connections = Connections::new(config, tls, tell);
        let (next, unfinished, undelivered) = (0, 0, 0);
        Ok(Self { udp, listeners, next, connections, notes, unfinished, undelivered, _accepting: accepting })
    }

    fn socket(&self, target: &Target) -> Option<&Udp> {
        match target.local {
            Some(local) => self.udp.iter().find(|socket| socket.local() == local),
            None => self.udp.iter().find(|socket| same_family(socket.local().ip(), target.remote.ip())),
        }
    }

    /// The listener that a connection to this target stands for: what comes on it came to there.
    fn listener(&self, target: &Target) -> Option<SocketAddr> {
        let fits = |listener: &&SipListener| {
            listener.transport == target.transport
                && target.local.is_none_or(|local| local == listener.address)
                && same_family(listener.address.ip(), target.remote.ip())
        };
        self.listeners.iter().find(fits).map(|listener| listener.address)
    }
}

impl Wire for Transports {
    fn listeners(&self) -> &[SipListener] {
        &self.listeners
    }

    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Arrival> {
        for _ in 0..self.udp.len() {
            let index = self.next % self.udp.len();
            self.next = index + 1;
            if let Poll::Ready((flow, octets)) = self.udp[index].poll_receive(context) {
                return Poll::Ready(Arrival::Datagram(flow, octets));
            }
        }
        while let Poll::Ready(Some(note)) = self.notes.poll_recv(context) {
            match note {
                Note::Accepted(local, transport, stream, remote) => {
                    self.connections.accept(local, transport, stream, remote);
                }
                Note::Unfinished => self.unfinished += 1,
                Note::Arrived(arrival) => {
                    if let Arrival::Lost { flow: Flow { connection: Some(connection), .. }, .. } = &arrival {
                        self.connections.forget(*connection);
                    }
                    return Poll::Ready(arrival);
                }
            }
        }
        Poll::Pending
    }

    fn send(&mut self, target: &Target, octets: Bytes) -> Result<(), Unreachable> {
        if target.transport == Transport::Udp {
            let sent = self
                .socket(target)
                .ok_or(Unreachable)
                .and_then(|socket| socket.send(&octets, target.remote).map_err(|_| Unreachable));
            self.undelivered += u64::from(sent.is_err());
            return sent;
        }
        let local = self.listener(target).ok_or(Unreachable)?;
        self.connections.send(local, target, octets)
    }

    fn finish(&mut self, connection: ConnectionId) {
        self.connections.finish(connection);
    }

    fn counters(&self) -> Counters {
        let (refused, stalled) = self.connections.counters();
        Counters { refused, stalled, unfinished: self.unfinished, undelivered: self.undelivered }
    }

    fn connections(&self) -> usize {
        self.connections.len()
    }
}

fn same_family(one: IpAddr, other: IpAddr) -> bool {
    one.is_ipv4() == other.is_ipv4()
}
