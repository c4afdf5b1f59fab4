//! Messages: spans over the octets as they came, typed on demand, and written anew.
//!
//! [`Message::parse`] finds the start line, the headers and the body, and refuses only what has none of them. What a
//! header's value means is read when it is asked for ([`Message::via`], [`Message::cseq`], …), so a faulty value spoils
//! only itself. Whether a message is fit to be acted on is for [`validate`](super::validate) to say.
//!
//! Nothing is copied or put right: unknown headers, odd charsets and the order of lines stay as they came.
//! [`Writer`] writes a message once, and knows its parts when it is done.

mod address;
mod fields;
pub(crate) mod grammar;
mod name;
mod params;
mod parse;
mod reason;
mod response;
mod typed;
mod values;
mod via;
mod writer;

use std::fmt;

use bytes::Bytes;

pub use address::Address;
pub use fields::FieldRef;
pub use name::Name;
pub use params::{Params, unquote};
pub use parse::ParseError;
pub use reason::reason_phrase;
pub use typed::{CSeq, HeaderError, HeaderFault, MediaType, RAck, Refresher, SessionExpires};
pub use values::Values;
pub use via::{MAGIC_COOKIE, Via};
pub use writer::{Writer, put_decimal};

use super::Method;

/// One message: its octets and where its parts are.
#[derive(Clone)]
pub struct Message {
    octets: Bytes,
    head: Head,
}

/// Where the parts of a message's head are.
#[derive(Debug, Clone)]
pub(in crate::sip) struct Head {
    start: StartLine,
    fields: Vec<Field>,
    /// Where the body begins.
    body: u32,
}

/// A part of a message's octets.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn of(self, octets: &[u8]) -> &[u8] {
        &octets[self.start as usize..self.end as usize]
    }
}

/// One header line, folds included.
#[derive(Debug, Clone, Copy)]
struct Field {
    name: Name,
    /// The name as it is written.
    label: Span,
    /// The value without the white space around it.
    value: Span,
}

#[derive(Debug, Clone, Copy)]
enum StartLine {
    Request {
        line: Span,
        method: Method,
        method_octets: Span,
        uri: Span,
        version: Span,
        /// A token, one space, something without spaces, one space, a version: nothing more.
        well_formed: bool,
    },
    Response {
        line: Span,
        version: Span,
        /// `None` unless it is a number from 100 to 699.
        status: Option<u16>,
        reason: Span,
    },
}

impl Message {
    /// Reads one whole message. What follows the headers is the body: framing has been done.
    ///
    /// # Errors
    /// [`ParseError`] when there is no start line or no end of the headers.
    pub fn parse(octets: Bytes) -> Result<Self, ParseError> {
        let head = Head::parse(&octets)?;
        Ok(Self { octets, head })
    }

    /// A message whose head has been read, `octets` being all of it.
    pub(super) fn of(octets: Bytes, head: Head) -> Self {
        Self { octets, head }
    }

    /// The octets, as they came or as they were written.
    #[must_use]
    pub fn octets(&self) -> &Bytes {
        &self.octets
    }

    /// Says whether it asks for something, rather than answers.
    #[must_use]
    pub fn is_request(&self) -> bool {
        matches!(self.head.start, StartLine::Request { .. })
    }

    /// What a request asks for; `None` for a response.
    #[must_use]
    pub fn method(&self) -> Option<Method> {
        match self.head.start {
            StartLine::Request { method, .. } => Some(method),
            StartLine::Response { .. } => None,
        }
    }

    /// The method as it is written; empty for a response.
    #[must_use]
    pub fn method_octets(&self) -> &[u8] {
        match self.head.start {
            StartLine::Request { method_octets, .. } => method_octets.of(&self.octets),
            StartLine::Response { .. } => b"",
        }
    }

    /// Whom a request is for, as it is written; empty for a response.
    #[must_use]
    pub fn request_uri(&self) -> &[u8] {
        match self.head.start {
            StartLine::Request { uri, .. } => uri.of(&self.octets),
            StartLine::Response { .. } => b"",
        }
    }

    /// A response's status, from 100 to 699; `None` for one that is out of this range, and for a request.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self.head.start {
            StartLine::Request { .. } => None,
            StartLine::Response { status, .. } => status,
        }
    }

    /// A response's reason phrase, which may be empty and in any charset.
    #[must_use]
    pub fn reason_phrase(&self) -> &[u8] {
        match self.head.start {
            StartLine::Request { .. } => b"",
            StartLine::Response { reason, .. } => reason.of(&self.octets),
        }
    }

    /// The version as it is written; empty when a request line has none.
    #[must_use]
    pub fn version(&self) -> &[u8] {
        match self.head.start {
            StartLine::Request { version, .. } | StartLine::Response { version, .. } => {
                version.of(&self.octets)
            }
        }
    }

    /// The start line without its end.
    #[must_use]
    pub fn start_line(&self) -> &[u8] {
        match self.head.start {
            StartLine::Request { line, .. } | StartLine::Response { line, .. } => line.of(&self.octets),
        }
    }

    /// Says whether the start line is as the grammar has it, whatever its parts may mean.
    #[must_use]
    pub fn has_well_formed_start_line(&self) -> bool {
        match self.head.start {
            StartLine::Request { well_formed, .. } => well_formed,
            StartLine::Response { status, .. } => status.is_some(),
        }
    }

    /// The body; empty when there is none.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.octets[self.head.body as usize..]
    }

    /// Leaves out what follows the first `octets` of the body.
    pub(super) fn truncate_body(&mut self, octets: usize) {
        self.octets.truncate((self.head.body as usize).saturating_add(octets));
    }

    /// A copy that takes no more memory than it needs: what was written has room to spare, and what came may share its
    /// octets with others.
    pub(super) fn packed(&self) -> Self {
        Self { octets: Bytes::copy_from_slice(&self.octets), head: self.head.clone() }
    }

    /// The same without the body.
    pub(super) fn packed_head(&self) -> Self {
        Self { octets: Bytes::copy_from_slice(self.head()), head: self.head.clone() }
    }

    /// The start line, the headers and the empty line behind them.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.octets[..self.head.body as usize]
    }
}

/// Without what it says: numbers and texts of people don't belong in a log.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.head.start {
            StartLine::Request { method, .. } => write!(f, "{method}")?,
            StartLine::Response { status, .. } => write!(f, "response {}", status.unwrap_or_default())?,
        }
        write!(f, " of {} octets with {} headers", self.octets.len(), self.head.fields.len())
    }
}
