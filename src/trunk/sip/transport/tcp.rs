//! Connections: listening for them, and opening them.

use std::{
    io,
    net::{SocketAddr, TcpStream as StdStream},
    time::Duration,
};

use codecs::sip::Transport;
use socket2::{Domain, Socket, Type};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::mpsc,
    time::sleep,
};

use super::Note;

/// Connections that the kernel may keep for us while we are busy.
const BACKLOG: u32 = 1024;
/// How long no connection is taken after one could not be: descriptors may have run out.
const PAUSE: Duration = Duration::from_millis(100);

/// Listens. An IPv6 socket takes no IPv4.
pub(super) fn listen(address: SocketAddr, dscp: u8) -> io::Result<TcpListener> {
    let socket = socket(address, dscp)?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Takes connections and hands them over, until nobody wants them any more.
pub(super) async fn accept(
    listener: TcpListener,
    local: SocketAddr,
    transport: Transport,
    tell: mpsc::Sender<Note>,
) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                if tell.send(Note::Accepted(local, transport, stream, remote)).await.is_err() {
                    return;
                }
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// Opens a connection from the listener's own address, if that is one.
pub(super) async fn connect(local: SocketAddr, remote: SocketAddr, dscp: u8) -> io::Result<TcpStream> {
    let socket = socket(remote, dscp)?;
    if !local.ip().is_unspecified() {
        socket.bind(SocketAddr::new(local.ip(), 0))?;
    }
    let stream = socket.connect(remote).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn socket(address: SocketAddr, dscp: u8) -> io::Result<TcpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    let socket = TcpSocket::from_std_stream(StdStream::from(socket));
    let class = u32::from(dscp) << 2;
    if address.is_ipv6() { socket.set_tclass_v6(class) } else { socket.set_tos_v4(class) }?;
    Ok(socket)
}
