//! Where a message came from and where one is to go.

use std::{fmt, net::SocketAddr, sync::Arc};

/// What carries messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// A stream inside TLS.
    Tls,
}

impl Transport {
    /// Says whether what was sent arrives or the connection breaks: no retransmissions by us then.
    #[must_use]
    pub fn is_reliable(self) -> bool {
        self != Self::Udp
    }

    /// The name in a Via.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }

    /// The value of a URI's `transport` parameter.
    #[must_use]
    pub fn parameter(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    /// The port that a URI without one means.
    #[must_use]
    pub fn default_port(self) -> u16 {
        if self == Self::Tls { 5061 } else { 5060 }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One connection of a stream transport, numbered by the driver and never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// Where a message came from: both ends, and the connection of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flow {
    /// What carried it.
    pub transport: Transport,
    /// Our address, as the socket that received it is bound: the listener's also for an accepted connection.
    pub local: SocketAddr,
    /// The peer's address.
    pub remote: SocketAddr,
    /// The connection; `None` for datagrams.
    pub connection: Option<ConnectionId>,
}

/// Where a message is to go.
///
/// Over a stream the driver takes `connection` if it still lives, else one it has to `remote`, else opens one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// What shall carry it.
    pub transport: Transport,
    /// The listener to send from; `None`: the first of this transport and address family.
    pub local: Option<SocketAddr>,
    /// Whom to.
    pub remote: SocketAddr,
    /// The connection to prefer: that of the request which this answers.
    pub connection: Option<ConnectionId>,
    /// The name that the peer's certificate must bear, which is the name before any DNS; `None`: its address.
    pub server_name: Option<Arc<str>>,
}

impl Target {
    /// An address to reach over this transport.
    #[must_use]
    pub fn new(transport: Transport, remote: SocketAddr) -> Self {
        Self { transport, local: None, remote, connection: None, server_name: None }
    }
}

impl From<Flow> for Target {
    /// The way back.
    fn from(flow: Flow) -> Self {
        Self {
            transport: flow.transport,
            local: Some(flow.local),
            remote: flow.remote,
            connection: flow.connection,
            server_name: None,
        }
    }
}
