//! One connection: cuts what comes into messages, writes what waits, keeps it alive.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use codecs::sip::{
    Flow,
    framing::{Stream, Unit},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};

use super::{Arrival, Note, STREAM};
use crate::config::StreamTimers;

/// Octets that are taken from the queue at once.
const HIGH_WATER: usize = 32 << 10;
/// What is read at once.
const READ: usize = 16 << 10;
/// How long the last octets may take.
const LAST: Duration = Duration::from_secs(2);
/// RFC 5626 §3.5.1: a keep-alive, and its answer.
const PING: &[u8] = b"\r\n\r\n";
const PONG: &[u8] = b"\r\n";

/// A connection's end of its queue.
pub(super) struct Queue {
    /// What is to be written; closed when the connection shall end.
    pub messages: mpsc::UnboundedReceiver<Bytes>,
    /// Octets in it and not yet written; whoever fills it keeps it below a bound.
    pub octets: Arc<AtomicUsize>,
}

/// What a connection is told by the clock.
struct Deadlines {
    timers: StreamTimers,
    /// We opened it: we keep it alive.
    pings: bool,
    used: Instant,
    sent: Instant,
    begun: Option<Instant>,
    pinged: Option<Instant>,
}

/// What is due.
enum Due {
    Ping,
    /// Half a message for too long.
    Unfinished,
    /// Silence for too long, or no answer to a ping.
    End,
}

impl Deadlines {
    fn next(&self) -> (Instant, Due) {
        let all = [
            Some((self.used + self.timers.idle, Due::End)),
            self.begun.map(|begun| (begun + self.timers.message, Due::Unfinished)),
            self.pinged.map(|pinged| (pinged + self.timers.pong, Due::End)),
            (self.pings && self.pinged.is_none()).then_some((self.sent + self.timers.ping, Due::Ping)),
        ];
        let first = all.into_iter().flatten().min_by_key(|(at, _)| *at);
        first.unwrap_or((self.used, Due::End))
    }
}

/// Runs until the peer, the queue's owner or the clock ends it. `pings`: we opened it.
pub(super) async fn run(
    socket: impl AsyncRead + AsyncWrite + Unpin,
    flow: Flow,
    mut queue: Queue,
    timers: StreamTimers,
    pings: bool,
    tell: &mpsc::Sender<Note>,
) -> io::Result<()> {
    let (mut reader, mut writer) = split(socket);
    let mut stream = Stream::new(STREAM);
    let (mut inbox, mut outbox) = (BytesMut::with_capacity(READ), BytesMut::new());
    let now = Instant::now();
    let mut deadlines = Deadlines { timers, pings, used: now, sent: now, begun: None, pinged: None };
    // After a fault nothing is read any more; what is owed is still written.
    let mut reads = true;
    loop {
        let (deadline, due) = deadlines.next();
        tokio::select! {
            written = writer.write_buf(&mut outbox), if outbox.has_remaining() => {
                let octets = written?;
                queue.octets.fetch_sub(octets.min(queue.octets.load(Ordering::Relaxed)), Ordering::Relaxed);
                writer.flush().await?;
                deadlines.sent = Instant::now();
            }
            message = queue.messages.recv(), if outbox.len() < HIGH_WATER => {
                let Some(octets) = message else {
                    return finish(&mut writer, &mut outbox).await;
                };
                outbox.extend_from_slice(&octets);
                deadlines.used = Instant::now();
            }
            read = reader.read_buf(&mut inbox), if reads => {
                if read? == 0 {
                    return finish(&mut writer, &mut outbox).await;
                }
                stream.push(&inbox);
                inbox.clear();
                reads = take(&mut stream, flow, &mut outbox, &queue.octets, &mut deadlines, tell).await?;
            }
            () = sleep_until(deadline) => match due {
                Due::End => return Err(io::ErrorKind::TimedOut.into()),
                Due::Unfinished => {
                    let _ = tell.send(Note::Unfinished).await;
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Due::Ping => {
                    queue.octets.fetch_add(PING.len(), Ordering::Relaxed);
                    outbox.extend_from_slice(PING);
                    stream.pinged();
                    deadlines.pinged = Some(Instant::now());
                }
            },
        }
    }
}

/// Tells what the stream brings. Says whether more can be read.
async fn take(
    stream: &mut Stream,
    flow: Flow,
    outbox: &mut BytesMut,
    octets: &AtomicUsize,
    deadlines: &mut Deadlines,
    tell: &mpsc::Sender<Note>,
) -> io::Result<bool> {
    let ended = |_| io::Error::from(io::ErrorKind::ConnectionAborted);
    loop {
        match stream.poll() {
            Ok(Some(Unit::Message(message))) => {
                deadlines.used = Instant::now();
                deadlines.begun = None;
                tell.send(Note::Arrived(Arrival::Message(flow, message))).await.map_err(ended)?;
            }
            Ok(Some(Unit::Ping)) => {
                octets.fetch_add(PONG.len(), Ordering::Relaxed);
                outbox.extend_from_slice(PONG);
            }
            Ok(Some(Unit::Pong)) => deadlines.pinged = None,
            Ok(None) => {
                let is_inside = stream.is_inside_message();
                deadlines.begun = is_inside.then(|| deadlines.begun.unwrap_or_else(Instant::now));
                return Ok(true);
            }
            Err(fault) => {
                deadlines.begun = None;
                tell.send(Note::Arrived(Arrival::Fault(flow, fault))).await.map_err(ended)?;
                return Ok(false);
            }
        }
    }
}

/// Writes what is left, briefly, and closes.
async fn finish(writer: &mut (impl AsyncWrite + Unpin), outbox: &mut BytesMut) -> io::Result<()> {
    let rest = async {
        writer.write_all_buf(outbox).await?;
        writer.shutdown().await
    };
    timeout(LAST, rest).await.unwrap_or(Ok(()))
}
