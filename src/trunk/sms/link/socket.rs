//! Octets out of a session into a socket, and the last ones of both sides.

use std::time::Duration;

use bytes::{Buf, BytesMut};
use codecs::session::{Dialect, Session};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::sleep,
};

/// How long the carrier may take to close its side. Until then it may count the connection as one of the account's.
const GOODBYE: Duration = Duration::from_secs(1);

pub(super) async fn write<D: Dialect>(
    session: &mut Session<D>,
    writer: &mut (impl AsyncWrite + Unpin),
) -> std::io::Result<()> {
    let Some(outbox) = session.poll_transmit() else { return Ok(()) };
    let written = writer.write(outbox).await?;
    outbox.advance(written);
    Ok(())
}

/// Sends the last words of a closed session, briefly.
pub(super) async fn flush<D: Dialect>(session: &mut Session<D>, writer: &mut (impl AsyncWrite + Unpin)) {
    let rest = async {
        while session.poll_transmit().is_some() {
            write(session, writer).await?;
        }
        writer.shutdown().await
    };
    tokio::select! {
        biased;
        _ = rest => {}
        () = sleep(Duration::from_secs(1)) => {}
    }
}

/// Reads on until the carrier has closed too, briefly: a new connection beside the old one would be one too many.
pub(super) async fn until_closed(reader: &mut (impl AsyncRead + Unpin), inbox: &mut BytesMut) {
    let closed = async {
        loop {
            inbox.clear();
            if !matches!(reader.read_buf(inbox).await, Ok(1..)) {
                return;
            }
        }
    };
    tokio::select! {
        () = closed => {}
        () = sleep(GOODBYE) => {}
    }
}
