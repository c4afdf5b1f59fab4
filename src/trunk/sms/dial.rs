//! Connecting to a carrier's hosts: in turn, within a time, with growing and randomised delays between tries.

use std::{fmt, io, time::Duration};

use futures_util::future::BoxFuture;
use rand::Rng;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

use crate::config::Timers;

/// What opens connections: TCP, or a test's own carriers in memory.
pub trait Dialer: fmt::Debug + Send + Sync {
    /// Connects to `host` (`name:port`). Dropped when it takes too long.
    fn dial(&self, host: String) -> BoxFuture<'static, io::Result<Connection>>;
}

/// The two directions of an open connection.
pub struct Connection {
    /// What the carrier sends.
    pub reader: Box<dyn AsyncRead + Send + Unpin>,
    /// What it is sent. Shut down, the carrier sees the end.
    pub writer: Box<dyn AsyncWrite + Send + Unpin>,
}

/// The network.
#[derive(Debug)]
pub struct Tcp;

impl Dialer for Tcp {
    fn dial(&self, host: String) -> BoxFuture<'static, io::Result<Connection>> {
        Box::pin(async move {
            let stream = TcpStream::connect(host).await?;
            stream.set_nodelay(true)?;
            let (reader, writer) = stream.into_split();
            Ok(Connection { reader: Box::new(reader), writer: Box::new(writer) })
        })
    }
}

/// Connects to `host`, no longer than `limit`.
///
/// # Errors
/// The name does not resolve, nobody listens, or time ran out; the message names the host.
pub async fn connect(dialer: &dyn Dialer, host: &str, limit: Duration) -> io::Result<Connection> {
    match timeout(limit, dialer.dial(host.to_owned())).await {
        Ok(connected) => connected.map_err(|error| io::Error::new(error.kind(), format!("{host}: {error}"))),
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("{host}: no answer in {limit:?}"))),
    }
}

/// Delays between tries to connect: doubling from `min` to `max`, each shortened by up to half at random.
#[derive(Debug)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    /// Delays of a trunk.
    #[must_use]
    pub fn new(timers: &Timers) -> Self {
        Self { min: timers.reconnect_min, max: timers.reconnect_max, next: timers.reconnect_min }
    }

    /// The next delay.
    pub fn next(&mut self, random: &mut impl Rng) -> Duration {
        let delay = self.next;
        self.next = (delay * 2).min(self.max);
        delay.mul_f64(random.random_range(0.5..=1.0))
    }

    /// The delay after refused credentials: hammering locks accounts.
    pub fn long(&self, random: &mut impl Rng) -> Duration {
        self.max.mul_f64(random.random_range(0.75..=1.0))
    }

    /// A session worked: start over.
    pub fn reset(&mut self) {
        self.next = self.min;
    }
}
