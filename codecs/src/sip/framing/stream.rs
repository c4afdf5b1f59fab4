//! A stream is messages one after the other, with empty lines between them that keep it alive.

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

use crate::sip::message::{Head, Message};

/// The end of the headers.
pub(super) const HEAD_END: &[u8] = b"\r\n\r\n";

/// How long a message may be, in octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The start line and the headers.
    pub head: usize,
    /// The body.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head: 32 * 1024, body: 64 * 1024 }
    }
}

/// What a stream brings.
#[derive(Debug, Clone)]
pub enum Unit {
    /// A message.
    Message(Message),
    /// The peer asks whether the connection lives: one CRLF is the answer (RFC 5626 §3.5.1).
    Ping,
    /// The answer to our ping.
    Pong,
}

/// The end of a stream: where the next message begins can't be told any more, so the connection is to be closed.
#[derive(Debug, Clone, Error)]
#[error("{kind}")]
pub struct StreamFault {
    /// What was wrong.
    pub kind: FaultKind,
    /// As much of the message as could be read, without a body. A request with a usable Via is owed an answer with
    /// [`FaultKind::status`] before the end.
    pub message: Option<Message>,
}

/// What is wrong with a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FaultKind {
    /// The headers don't end within the limit.
    #[error("the headers are longer than {0} octets")]
    HeadTooLong(usize),
    /// Content-Length is missing, no number, or contradicts itself.
    #[error("the length of the body is not told")]
    Length,
    /// The body would be longer than the limit.
    #[error("the body is longer than {0} octets")]
    BodyTooLong(usize),
}

impl FaultKind {
    /// The status that the message is owed.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Length => 400,
            Self::HeadTooLong(_) | Self::BodyTooLong(_) => 513,
        }
    }
}

/// Cuts what a connection brings into messages and keep-alives, however it was split or glued on the way.
///
/// Push what was read, then call [`poll`](Self::poll) until it has no more: so no more is held than one message and what
/// was read last.
#[derive(Debug)]
pub struct Stream {
    limits: Limits,
    buffer: BytesMut,
    state: State,
    /// We sent a ping: the next empty line is its answer.
    pong_due: bool,
}

#[derive(Debug)]
enum State {
    /// Before a message. An empty line has been seen that may be half a ping.
    Between { half_ping: bool },
    /// In the headers, the first `searched` octets of which don't hold their end.
    Head { searched: usize },
    /// The headers are complete, the whole message has `octets`.
    Body { head: Head, octets: usize },
    /// Nothing can be read any more.
    Broken,
}

impl Stream {
    /// A stream that nothing has come from.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let state = State::Between { half_ping: false };
        Self { limits, buffer: BytesMut::new(), state, pong_due: false }
    }

    /// Takes what the connection brought.
    pub fn push(&mut self, octets: &[u8]) {
        if !matches!(self.state, State::Broken) {
            self.buffer.extend_from_slice(octets);
        }
    }

    /// Notes that a ping was sent, so that the next empty line is its answer and no half of another ping.
    pub fn pinged(&mut self) {
        self.pong_due = true;
    }

    /// Says whether a message has begun and is not complete: one that stays so for long is a reason to close.
    #[must_use]
    pub fn is_inside_message(&self) -> bool {
        matches!(self.state, State::Head { .. } | State::Body { .. })
    }

    /// The next unit; `None` when more octets are needed.
    ///
    /// # Errors
    /// [`StreamFault`], once. After it the stream brings nothing.
    pub fn poll(&mut self) -> Result<Option<Unit>, StreamFault> {
        loop {
            match &mut self.state {
                State::Broken => return Ok(None),
                State::Between { half_ping } => {
                    let half_ping = *half_ping;
                    match self.buffer[..] {
                        [] | [b'\r'] => return Ok(None),
                        [b'\r', b'\n', ..] => {
                            self.buffer.advance(2);
                            let first_half = !half_ping && !self.pong_due;
                            self.state = State::Between { half_ping: first_half };
                            if std::mem::take(&mut self.pong_due) {
                                return Ok(Some(Unit::Pong));
                            }
                            if !first_half {
                                return Ok(Some(Unit::Ping));
                            }
                        }
                        [b'\r' | b'\n', ..] => {
                            self.buffer.advance(1);
                            self.state = State::Between { half_ping: false };
                        }
                        _ => self.state = State::Head { searched: 0 },
                    }
                }
                State::Head { searched } => {
                    // The end may have begun in what was searched before.
                    let from = searched.saturating_sub(HEAD_END.len() - 1);
                    let Some(found) = memchr::memmem::find(&self.buffer[from..], HEAD_END) else {
                        *searched = self.buffer.len();
                        if self.buffer.len() > self.limits.head {
                            return Err(self.head_too_long());
                        }
                        return Ok(None);
                    };
                    self.head_ends(from + found + HEAD_END.len())?;
                }
                State::Body { octets, .. } => {
                    if self.buffer.len() < *octets {
                        return Ok(None);
                    }
                    let octets = self.buffer.split_to(*octets).freeze();
                    let before = std::mem::replace(&mut self.state, State::Between { half_ping: false });
                    let State::Body { head, .. } = before else { continue };
                    return Ok(Some(Unit::Message(Message::of(octets, head))));
                }
            }
        }
    }

    /// The headers end before `end`: how long is the message?
    fn head_ends(&mut self, end: usize) -> Result<(), StreamFault> {
        if end > self.limits.head {
            return Err(self.head_too_long());
        }
        let octets = &self.buffer[..end];
        let Ok(head) = Head::parse(octets) else { return Err(self.broken(FaultKind::Length, end)) };
        match head.content_length(octets) {
            Ok(Some(length)) if length > self.limits.body => {
                Err(self.broken(FaultKind::BodyTooLong(self.limits.body), end))
            }
            Ok(Some(length)) => {
                self.state = State::Body { head, octets: end + length };
                Ok(())
            }
            Ok(None) | Err(_) => Err(self.broken(FaultKind::Length, end)),
        }
    }

    /// What there is of a head that doesn't end.
    fn head_too_long(&mut self) -> StreamFault {
        let kind = FaultKind::HeadTooLong(self.limits.head);
        // The last line may be torn, so the one before it ends the head.
        let end = memchr::memmem::rfind(&self.buffer[..self.limits.head], b"\r\n").unwrap_or_default();
        self.buffer.truncate(end);
        self.buffer.extend_from_slice(HEAD_END);
        self.broken(kind, end + HEAD_END.len())
    }

    fn broken(&mut self, kind: FaultKind, head: usize) -> StreamFault {
        let octets = Bytes::copy_from_slice(&self.buffer[..head]);
        self.state = State::Broken;
        self.buffer = BytesMut::new();
        StreamFault { kind, message: Message::parse(octets).ok() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: &str = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h\r\n";

    /// What came, told shortly: a message by its body.
    fn units(pieces: &[&[u8]]) -> (Vec<String>, Option<FaultKind>) {
        let mut stream = Stream::new(Limits::default());
        let mut told = Vec::new();
        for piece in pieces {
            stream.push(piece);
            loop {
                match stream.poll() {
                    Ok(Some(Unit::Message(message))) => {
                        told.push(String::from_utf8_lossy(message.body()).into_owned())
                    }
                    Ok(Some(Unit::Ping)) => told.push("ping".into()),
                    Ok(Some(Unit::Pong)) => told.push("pong".into()),
                    Ok(None) => break,
                    Err(fault) => return (told, Some(fault.kind)),
                }
            }
        }
        (told, None)
    }

    #[test]
    fn messages_and_keep_alives_come_in_order_at_every_split() {
        let with_body = format!("{OPTIONS}CONTENT-LENGTH \t: \r\n 9\r\n\r\na\r\n\r\nb\r\n\r");
        let without = format!("{OPTIONS}l:0\r\n\r\n");
        let all = format!("\r\n{with_body}{without}\r\n\r\n{without}\r\n\r\n\r\n{with_body}").into_bytes();
        let expected = ["a\r\n\r\nb\r\n\r", "", "ping", "", "ping", "a\r\n\r\nb\r\n\r"];
        assert_eq!(units(&[&all]).0, expected);
        for at in 0..=all.len() {
            assert_eq!(units(&[&all[..at], &all[at..]]).0, expected, "{at}");
        }
        let one_by_one: Vec<&[u8]> = all.chunks(1).collect();
        assert_eq!(units(&one_by_one).0, expected);
    }

    #[test]
    fn an_empty_line_after_our_ping_is_its_answer() {
        let mut stream = Stream::new(Limits::default());
        stream.push(b"\r\n");
        assert!(matches!(stream.poll(), Ok(None)), "half a ping, or noise");
        stream.push(b"x");
        assert!(matches!(stream.poll(), Ok(None)));
        let mut stream = Stream::new(Limits::default());
        stream.pinged();
        // The answer, and a ping of the peer's own right behind it.
        stream.push(b"\r\n\r\n\r\n");
        assert!(matches!(stream.poll(), Ok(Some(Unit::Pong))));
        assert!(matches!(stream.poll(), Ok(Some(Unit::Ping))));
        assert!(matches!(stream.poll(), Ok(None)));
        assert!(!stream.is_inside_message());
    }

    #[test]
    fn a_message_whose_length_is_not_told_ends_the_stream() {
        for lengths in
            ["", "Content-Length:\r\n", "l: x\r\n", "l: -1\r\n", "l: 1\r\nl: 2\r\n", "l: 99999999999\r\n"]
        {
            let text = format!("{OPTIONS}{lengths}\r\nabc");
            assert_eq!(units(&[text.as_bytes()]), (vec![], Some(FaultKind::Length)), "{lengths}");
        }
    }

    #[test]
    fn a_fault_tells_what_may_still_be_answered_and_is_the_last() {
        let mut stream = Stream::new(Limits { head: 100, body: 10 });
        stream.push(format!("{OPTIONS}X: {}", "y".repeat(100)).as_bytes());
        let fault = stream.poll().unwrap_err();
        assert_eq!((fault.kind, fault.kind.status()), (FaultKind::HeadTooLong(100), 513));
        assert!(fault.message.unwrap().via().is_ok());
        stream.push(b"OPTIONS");
        assert!(matches!(stream.poll(), Ok(None)));

        let mut stream = Stream::new(Limits { head: 100, body: 10 });
        stream.push(format!("{OPTIONS}l: 11\r\n\r\n").as_bytes());
        let fault = stream.poll().unwrap_err();
        assert_eq!((fault.kind, fault.message.is_some()), (FaultKind::BodyTooLong(10), true));

        let mut stream = Stream::new(Limits { head: 100, body: 10 });
        stream.push(&[b'x'; 101]);
        assert!(stream.poll().unwrap_err().message.is_none());
    }

    #[test]
    fn a_head_of_just_the_limit_is_taken_however_it_comes() {
        let head = format!("{OPTIONS}l: 0\r\n\r\n");
        for pieces in [vec![head.as_bytes()], head.as_bytes().chunks(1).collect()] {
            for (limit, taken) in [(head.len(), true), (head.len() - 1, false)] {
                let mut stream = Stream::new(Limits { head: limit, body: 0 });
                let mut result = Ok(None);
                for piece in &pieces {
                    stream.push(piece);
                    result = stream.poll();
                    if !matches!(result, Ok(None)) {
                        break;
                    }
                }
                assert_eq!(result.is_ok(), taken, "{limit}");
            }
        }
    }
}
