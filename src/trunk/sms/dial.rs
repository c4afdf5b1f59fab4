//! Connecting to a carrier's hosts: in turn, within a time, with growing and randomised delays between tries.

use std::{io, time::Duration};

use rand::Rng;
use tokio::{net::TcpStream, time::timeout};

use crate::config::Timers;

/// Connects to `host` (`name:port`), no longer than `limit`.
///
/// # Errors
/// The name does not resolve, nobody listens, or time ran out; the message names the host.
pub async fn connect(host: &str, limit: Duration) -> io::Result<TcpStream> {
    let stream = match timeout(limit, TcpStream::connect(host)).await {
        Ok(connected) => {
            connected.map_err(|error| io::Error::new(error.kind(), format!("{host}: {error}")))?
        }
        Err(_) => {
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("{host}: no answer in {limit:?}")));
        }
    };
    stream.set_nodelay(true)?;
    Ok(stream)
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
