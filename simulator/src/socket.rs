//! Octets from a session to a socket, for both ends of a link.

use std::io;

use bytes::Buf;
use codecs::session::{Dialect, Session};
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// Room made for each read, octets.
pub(crate) const READ: usize = 64 << 10;

/// Writes at most `room` octets of what the session has to send, and says how many. Nothing is lost when it is
/// dropped half way.
pub(crate) async fn write<D: Dialect>(
    writer: &mut (impl AsyncWrite + Unpin),
    session: &mut Session<D>,
    room: usize,
) -> io::Result<usize> {
    let Some(octets) = session.poll_transmit() else {
        return Ok(0);
    };
    let room = room.min(octets.len());
    let written = writer.write(&octets[..room]).await?;
    octets.advance(written);
    Ok(written)
}
