//! Connecting to a carrier's hosts, within a time.

use std::{fmt, io, time::Duration};

use futures_util::future::BoxFuture;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

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
