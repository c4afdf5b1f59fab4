//! SIP by hand: requests as a test wants them, and the sockets that they leave from. No transaction and no timer stands
//! between a test and what the other side does.

use std::{fmt::Write as _, net::SocketAddr};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use codecs::sip::{
    Message, Name, Writer,
    framing::{Datagram, Limits, Stream, Unit, datagram},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream, UdpSocket},
};

use crate::loopback::Transport;

/// The largest datagram.
const DATAGRAM: usize = 65_535;

/// A sound request outside dialogs, which a test may spoil.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its Call-ID, from which branch and tag are made.
    pub id: &'a str,
    /// What it says that it goes over.
    pub transport: Transport,
    /// Its Request-URI.
    pub uri: &'a str,
    /// Further header lines, each with its end.
    pub lines: String,
    /// Its body, which says its type in `lines`.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// A request over UDP without a body; `id` is nobody else's.
    #[must_use]
    pub fn new(method: &'a str, id: &'a str) -> Self {
        let (transport, uri) = (Transport::Udp, "sip:95001@daemon.example");
        Self { method, id, transport, uri, lines: String::new(), body: b"" }
    }

    /// The same over another transport.
    #[must_use]
    pub fn over(self, transport: Transport) -> Self {
        Self { transport, ..self }
    }

    /// The same with a header line.
    #[must_use]
    pub fn with(mut self, line: &str) -> Self {
        let _ = write!(self.lines, "{line}\r\n");
        self
    }

    /// The same with a description as its body.
    #[must_use]
    pub fn with_sdp(self, sdp: &'a str) -> Self {
        Self { body: sdp.as_bytes(), ..self.with("Content-Type: application/sdp") }
    }

    /// The message.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        let Self { method, id, uri, lines, body, .. } = self;
        let over = match self.transport {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        };
        let head = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{over} caller.example;rport;branch=z9hG4bK{id}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:13800138000@caller.example>;tag={id}\r\n\
             To: <sip:95001@daemon.example>\r\nCall-ID: {id}\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:caller@127.0.0.1:9>\r\n{lines}Content-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    }
}

/// An ACK to a refusal, or a CANCEL: with the INVITE's top Via and the To of `to`. `None` for an INVITE that has no
/// readable number.
#[must_use]
pub fn follow_up(method: &str, invite: &Message, to: &Message) -> Option<Bytes> {
    let number = invite.cseq().ok()?.number;
    let mut writer = Writer::request(method, invite.request_uri());
    writer.field(Name::Via, invite.values(Name::Via).next()?).number(Name::MaxForwards, 70_u64);
    writer.copy(invite, Name::From).copy(to, Name::To).copy(invite, Name::CallId).cseq(number, method);
    Some(writer.finish().octets().clone())
}

/// A request inside the dialog that the response made: the ACK to a 2xx, with the number of the INVITE, or a BYE.
///
/// # Errors
/// When the response names no target.
pub fn inside(method: &str, number: u32, transport: Transport, response: &Message) -> Result<Bytes> {
    let contact =
        response.contact().context("Contact can't be read")?.context("a response without Contact")?;
    let over = match transport {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
    };
    let mut writer = Writer::request(method, contact.uri);
    let id = String::from_utf8_lossy(response.call_id()?).into_owned();
    let via = format!("SIP/2.0/{over} caller.example;rport;branch=z9hG4bK{id}-{method}-{number}");
    writer.field(Name::Via, via).number(Name::MaxForwards, 70_u64);
    writer.copy(response, Name::From).copy(response, Name::To).copy(response, Name::CallId);
    writer.cseq(number, method);
    Ok(writer.finish().octets().clone())
}

/// A socket that talks with one other.
#[derive(Debug)]
pub enum Line {
    /// For datagrams, with room for one.
    Datagrams(UdpSocket, Vec<u8>),
    /// For a stream.
    Connection(TcpStream, Box<Stream>),
}

impl Line {
    /// Opens it. Port 0 of ours is any.
    ///
    /// # Errors
    /// When our address is in use, or nobody listens at theirs.
    pub async fn open(transport: Transport, ours: SocketAddr, theirs: SocketAddr) -> Result<Self> {
        Ok(match transport {
            Transport::Udp => {
                let socket = UdpSocket::bind(ours).await.with_context(|| format!("{ours} can't be had"))?;
                socket.connect(theirs).await?;
                Self::Datagrams(socket, vec![0; DATAGRAM])
            }
            Transport::Tcp => {
                let socket = TcpSocket::new_v4()?;
                socket.bind(ours)?;
                let stream = socket.connect(theirs).await.context("a connection")?;
                stream.set_nodelay(true)?;
                Self::Connection(stream, Box::new(Stream::new(Limits::default())))
            }
        })
    }

    /// Sends messages: each in a datagram of its own, or all in one piece.
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn send(&mut self, messages: &[&[u8]]) -> Result<()> {
        match self {
            Self::Datagrams(socket, _) => {
                for message in messages {
                    socket.send(message).await?;
                }
            }
            Self::Connection(stream, _) => stream.write_all(&messages.concat()).await?,
        }
        Ok(())
    }

    /// The next message; `None` once the connection is closed.
    pub async fn hear(&mut self) -> Option<Message> {
        match self {
            Self::Datagrams(socket, buffer) => loop {
                let length = socket.recv(buffer).await.ok()?;
                if let Ok(Datagram::Message(message)) = datagram(Bytes::copy_from_slice(&buffer[..length])) {
                    return Some(message);
                }
            },
            Self::Connection(stream, framing) => loop {
                match framing.poll() {
                    Ok(Some(Unit::Message(message))) => return Some(message),
                    Ok(Some(Unit::Ping | Unit::Pong)) => continue,
                    Ok(None) => {}
                    Err(_) => return None,
                }
                let mut piece = [0; 4096];
                let length = stream.read(&mut piece).await.ok().filter(|length| *length > 0)?;
                framing.push(&piece[..length]);
            },
        }
    }
}
