//! Connecting to a carrier's hosts, within a time.

use std::{io, time::Duration};

use tokio::{net::TcpStream, time::timeout};

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
