//! What the task of SIP speaks through: the sockets of this machine, or whatever is put in their place.

use std::{
    fmt, future, io,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use codecs::sip::{ConnectionId, Target};

use super::{Arrival, Counters, Transports, Unreachable};
use crate::config::{SipConfig, SipListener};

/// Opens a [`Wire`].
pub trait Network: Send + Sync + fmt::Debug {
    /// Opens the listeners, inside a runtime.
    ///
    /// # Errors
    /// One can't be opened; the message says which.
    fn open(&self, config: &SipConfig) -> io::Result<Box<dyn Wire>>;
}

/// Moves messages. Belongs to one task, and never waits for a peer.
pub trait Wire: Send {
    /// The listeners as they are bound, in the order of the configuration.
    fn listeners(&self) -> &[SipListener];

    /// The next thing that comes in.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Arrival>;

    /// Sends a message, or begins to: over a stream the connection may still have to be made, and if that fails it is
    /// told as [`Arrival::Lost`].
    ///
    /// # Errors
    /// No listener of ours fits, the datagram was refused, or the connection is full and therefore closed.
    fn send(&mut self, target: &Target, octets: Bytes) -> Result<(), Unreachable>;

    /// Closes a connection once what waits for it is written.
    fn finish(&mut self, connection: ConnectionId);

    /// What was counted so far.
    fn counters(&self) -> Counters;

    /// Connections now, and those of them that are being opened.
    fn connections(&self) -> usize;
}

/// The sockets of this machine.
#[derive(Debug, Clone, Copy)]
pub struct Sockets;

impl Network for Sockets {
    fn open(&self, config: &SipConfig) -> io::Result<Box<dyn Wire>> {
        Ok(Box::new(Transports::open(config)?))
    }
}

/// Waits for the next thing that comes in; cancel safe.
pub fn arrival<W: Wire + ?Sized>(wire: &mut W) -> impl Future<Output = Arrival> {
    future::poll_fn(|context| wire.poll_receive(context))
}

/// The next thing that is there already.
pub(in crate::trunk::sip) fn try_arrival<W: Wire + ?Sized>(wire: &mut W) -> Option<Arrival> {
    match wire.poll_receive(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(arrival) => Some(arrival),
        Poll::Pending => None,
    }
}
