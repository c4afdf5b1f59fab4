//! One socket for datagrams.

use std::{
    io,
    net::{SocketAddr, UdpSocket as StdSocket},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use codecs::sip::{Flow, Transport};
use socket2::{Domain, Socket, Type};
use tokio::{io::ReadBuf, net::UdpSocket};

/// The largest datagram there is.
const MOST: usize = 65_535;
/// What the kernel may keep for us while we are busy; it grants less where the machine says so.
const KERNEL_BUFFER: usize = 4 << 20;

/// One socket for datagrams.
pub(super) struct Udp {
    socket: UdpSocket,
    local: SocketAddr,
    /// Of the largest size; what came is copied out, so that a short message does not keep a long piece.
    buffer: Box<[u8]>,
}

impl Udp {
    /// Opens it. An IPv6 socket takes no IPv4.
    pub(super) fn bind(address: SocketAddr, dscp: u8) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        // More than the machine grants is no reason not to run.
        let _ = socket.set_recv_buffer_size(KERNEL_BUFFER);
        let _ = socket.set_send_buffer_size(KERNEL_BUFFER);
        socket.bind(&address.into())?;
        let socket = UdpSocket::from_std(StdSocket::from(socket))?;
        let class = u32::from(dscp) << 2;
        if address.is_ipv6() { socket.set_tclass_v6(class) } else { socket.set_tos_v4(class) }?;
        let local = socket.local_addr()?;
        Ok(Self { socket, local, buffer: vec![0; MOST].into() })
    }

    /// Its address.
    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    /// The next datagram.
    pub(super) fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<(Flow, Bytes)> {
        loop {
            let mut read = ReadBuf::new(&mut self.buffer);
            match ready!(self.socket.poll_recv_from(context, &mut read)) {
                Ok(remote) => {
                    let octets = Bytes::copy_from_slice(read.filled());
                    let flow =
                        Flow { transport: Transport::Udp, local: self.local, remote, connection: None };
                    return Poll::Ready((flow, octets));
                }
                // An earlier datagram of ours did not arrive: nothing that this socket can't outlive.
                Err(_) => continue,
            }
        }
    }

    /// Sends one, or drops it.
    pub(super) fn send(&self, octets: &[u8], remote: SocketAddr) -> io::Result<()> {
        match self.socket.try_send_to(octets, remote) {
            Ok(_) => Ok(()),
            // As if the network had lost it: it is sent again.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }
}
