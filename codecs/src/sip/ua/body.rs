//! The session description in a message: its body, or the part of a body of several parts.

use bytes::Bytes;
use memchr::memmem;

use crate::sip::{
    Message,
    message::{MediaType, unquote},
};

/// Parts of one body that are looked at.
const MOST_PARTS: usize = 16;

/// The session description in a message.
pub(super) fn sdp_of(message: &Message) -> Option<Bytes> {
    let media = message.content_type().ok()??;
    let body = message.body();
    let sdp = if media.is("application", "sdp") {
        body
    } else if media.kind.eq_ignore_ascii_case(b"multipart") {
        part_of(body, &unquote(media.params.get("boundary")?))?
    } else {
        return None;
    };
    (!sdp.is_empty()).then(|| Bytes::copy_from_slice(sdp))
}

/// The first part that is a session description (RFC 2046 §5.1.1).
fn part_of<'a>(body: &'a [u8], boundary: &[u8]) -> Option<&'a [u8]> {
    let delimiter = [b"--", boundary].concat();
    let begins_line = |at: &usize| *at == 0 || body[..*at].ends_with(b"\n");
    let mut starts = memmem::find_iter(body, &delimiter).filter(begins_line).take(MOST_PARTS + 1).peekable();
    while let (Some(start), Some(end)) = (starts.next(), starts.peek()) {
        let part = &body[start + delimiter.len()..*end];
        let Some(blank) = memmem::find(part, b"\r\n\r\n") else { continue };
        if is_sdp(&part[..blank]) {
            // The line end before a delimiter belongs to that.
            let content = &part[blank + 4..];
            return Some(content.strip_suffix(b"\r\n").unwrap_or(content));
        }
    }
    None
}

fn is_sdp(headers: &[u8]) -> bool {
    headers.split(|&octet| octet == b'\n').any(|line| {
        let Some(colon) = line.iter().position(|&octet| octet == b':') else { return false };
        let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
        name.eq_ignore_ascii_case(b"Content-Type")
            && MediaType::parse(value).is_some_and(|media| media.is("application", "sdp"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::Writer;

    fn sdp(content_type: &str, body: &str) -> Option<String> {
        let message = Writer::request("INVITE", "sip:a@b").body(content_type, body);
        sdp_of(&message).map(|sdp| String::from_utf8(sdp.to_vec()).unwrap())
    }

    #[test]
    fn a_description_is_found_alone_and_among_other_parts() {
        let parts = "preamble\r\n--x y\r\nContent-Type: application/ISUP;version=itu-t92+\r\n\r\n\u{1}--x y\u{2}\r\n--x y\r\n\
                     content-type : application/sdp\r\nContent-Disposition: session\r\n\r\nv=0\r\ns=-\r\n\r\n--x y--\r\n";
        for (content_type, body, wanted) in [
            ("application/sdp", "v=0\r\n", Some("v=0\r\n")),
            ("Application/SDP;charset=x", "v=0\r\n", Some("v=0\r\n")),
            ("application/sdp", "", None),
            ("text/plain", "v=0\r\n", None),
            ("multipart/mixed;boundary=\"x y\"", parts, Some("v=0\r\ns=-\r\n")),
            ("multipart/mixed;boundary=other", parts, None),
            ("multipart/mixed", parts, None),
            ("multipart/mixed;boundary=b", "--b\r\nContent-Type: application/sdp\r\n\r\nv=0", None),
            ("multipart/mixed;boundary=b", "--b\r\nno headers", None),
        ] {
            assert_eq!(sdp(content_type, body).as_deref(), wanted, "{content_type} {body:?}");
        }
    }
}
