//! One connection of a stream: octets to messages and back, with the faults of its writes.

use std::net::SocketAddr;

use bytes::{Buf, Bytes, BytesMut};
use codecs::sip::{
    Flow, Transport,
    framing::{Limits, Stream, Unit},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
};

use super::{Input, until};
use crate::{
    clock::Clock,
    config::Faults,
    fault::{LinkFaults, Writing},
};

/// Messages that may wait to be written.
const WAITING: usize = 1024;

/// Octets that may wait in one write.
const HIGH_WATER: usize = 256 << 10;

/// Room made for each read.
const READ: usize = 16 << 10;

/// A connection of a peer.
pub struct Accepted {
    /// What it carries.
    pub transport: Transport,
    /// The listener.
    pub local: SocketAddr,
    /// The peer.
    pub remote: SocketAddr,
    /// The connection.
    pub stream: TcpStream,
}

/// A connection from the writer's side.
pub struct Connection(mpsc::Sender<Bytes>);

impl Connection {
    /// A connection, and where what it writes waits.
    pub fn new() -> (Self, mpsc::Receiver<Bytes>) {
        let (sender, waiting) = mpsc::channel(WAITING);
        (Self(sender), waiting)
    }

    /// Writes a message; says whether there was room.
    pub fn write(&self, octets: Bytes) -> bool {
        self.0.try_send(octets).is_ok()
    }
}

/// Runs a connection until it ends, from either side or by its faults.
pub async fn run(
    flow: Flow,
    stream: impl AsyncRead + AsyncWrite,
    faults: Faults,
    mut waiting: mpsc::Receiver<Bytes>,
    inputs: &mpsc::Sender<Input>,
) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut faults = LinkFaults::new(faults, flow.connection.map_or(0, |id| id.0));
    let mut framing = Stream::new(Limits::default());
    let mut input = BytesMut::new();
    let mut output = BytesMut::new();
    loop {
        let now = Clock::SYSTEM.now().mono;
        let writing = faults.may_write(now, output.len());
        let (room, due) = match writing {
            Writing::AtMost(room) => (room, None),
            Writing::NotBefore(due) => (0, due),
        };
        input.reserve(READ);
        tokio::select! {
            biased;
            written = writer.write(&output[..room]), if room > 0 => {
                let Ok(written) = written else { return };
                output.advance(written);
                faults.note_written(Clock::SYSTEM.now().mono, output.is_empty());
            }
            octets = waiting.recv(), if output.len() < HIGH_WATER => match octets {
                Some(octets) => output.extend_from_slice(&octets),
                None => return,
            },
            read = reader.read_buf(&mut input) => {
                if !read.is_ok_and(|count| count > 0) {
                    return;
                }
                framing.push(&input);
                input.clear();
                loop {
                    match framing.poll() {
                        Ok(None) => break,
                        Ok(Some(Unit::Message(message))) => {
                            let is_over = faults.note_submit(now).is_some();
                            if inputs.send(Input::Message(flow, message)).await.is_err() || is_over {
                                return;
                            }
                        }
                        Ok(Some(Unit::Ping)) => output.extend_from_slice(b"\r\n"),
                        Ok(Some(Unit::Pong)) => {}
                        Err(fault) => {
                            // The answer, if one is due, comes as any other; then the connection is closed.
                            let _ = inputs.send(Input::Fault(flow, fault)).await;
                        }
                    }
                }
            }
            () = until(due), if due.is_some() => {}
        }
    }
}
