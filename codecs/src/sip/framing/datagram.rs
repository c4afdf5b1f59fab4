//! A datagram is one message.

use bytes::{Buf, Bytes};

use super::stream::HEAD_END;
use crate::sip::message::{Message, ParseError};

/// What a datagram holds.
#[derive(Debug, Clone)]
pub enum Datagram {
    /// Nothing that wants an answer: it keeps a NAT's mapping alive.
    KeepAlive,
    /// A message. Its body ends where Content-Length says; one that is shorter than that is for
    /// [`validate`](crate::sip::validate) to refuse.
    Message(Message),
    /// A message that ends in its headers: as much of it as could be read. A request with a usable Via is owed 400.
    Torn(Message),
}

/// Reads a datagram. Empty lines before the message are passed over, octets behind its body are left out.
///
/// # Errors
/// [`ParseError`] when it holds no message: nobody could be answered.
pub fn datagram(mut octets: Bytes) -> Result<Datagram, ParseError> {
    // Some peers keep mappings alive with NULs or spaces.
    if octets.iter().all(|octet| matches!(octet, b'\r' | b'\n' | b'\0' | b' ')) {
        return Ok(Datagram::KeepAlive);
    }
    let empty = octets.iter().position(|octet| !matches!(octet, b'\r' | b'\n')).unwrap_or_default();
    octets.advance(empty);
    let mut message = match Message::parse(octets.clone()) {
        Err(ParseError::HeaderEnd) => return torn(&octets),
        parsed => parsed?,
    };
    if let Ok(Some(length)) = message.content_length() {
        message.truncate_body(length);
    }
    Ok(Datagram::Message(message))
}

/// What there is of a message whose headers don't end.
fn torn(octets: &[u8]) -> Result<Datagram, ParseError> {
    // The last line may be torn, so the one before it ends the head.
    let end = memchr::memmem::rfind(octets, b"\r\n").ok_or(ParseError::HeaderEnd)?;
    Message::parse([&octets[..end], HEAD_END].concat().into()).map(Datagram::Torn)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n";

    fn body(rest: &str) -> Vec<u8> {
        match datagram(Bytes::from(format!("{HEAD}{rest}"))) {
            Ok(Datagram::Message(message)) => message.body().to_vec(),
            other => panic!("{rest}: {other:?}"),
        }
    }

    #[test]
    fn content_length_ends_the_body() {
        assert_eq!(body("l: 3\r\n\r\nabcdef"), b"abc");
        assert_eq!(body("\r\nabcdef"), b"abcdef");
        assert_eq!(body("Content-Length: 9\r\n\r\nabc"), b"abc");
        assert_eq!(body("Content-Length: 2\r\nl: 2\r\n\r\nabc"), b"ab");
        // A contradiction is for validation to see, the body is what there is.
        assert_eq!(body("Content-Length: 2\r\nl: 1\r\n\r\nabc"), b"abc");
        assert_eq!(body("Content-Length: -2\r\n\r\nabc"), b"abc");
    }

    #[test]
    fn keep_alives_are_no_messages() {
        for octets in [&b""[..], b"\r\n", b"\r\n\r\n", b"\0\0\0\0", b" \r\n"] {
            assert!(matches!(datagram(Bytes::from_static(octets)), Ok(Datagram::KeepAlive)), "{octets:?}");
        }
    }

    #[test]
    fn empty_lines_in_front_are_passed_over() {
        let octets = Bytes::from(format!("\r\n\r\n{HEAD}\r\n"));
        assert!(
            matches!(datagram(octets), Ok(Datagram::Message(message)) if message.octets().starts_with(b"OPTIONS"))
        );
    }

    #[test]
    fn what_has_no_end_of_headers_is_torn_in_its_last_line() {
        match datagram(Bytes::from(format!("{HEAD}From: <sip:a@b>;ta"))) {
            Ok(Datagram::Torn(message)) => {
                assert_eq!((message.fields().len(), message.via().is_ok()), (1, true))
            }
            other => panic!("{other:?}"),
        }
        for octets in [&b"OPTIONS sip:a@b SIP/2.0"[..], b"jaK"] {
            assert_eq!(datagram(Bytes::from_static(octets)).unwrap_err(), ParseError::StartLine);
        }
    }
}
