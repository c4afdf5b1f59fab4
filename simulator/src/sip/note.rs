//! What the record has of calls.

use std::{borrow::Cow, fmt::Write as _, net::SocketAddr};

use codecs::sip::Transport;
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::config::sip::Way;

/// One line of the record.
#[derive(Debug, Serialize)]
pub struct CallLine<'a> {
    /// When, UTC.
    pub at: Timestamp,
    /// The carrier.
    pub carrier: &'a str,
    /// The SIP Call-ID.
    pub call_id: Cow<'a, str>,
    /// What happened.
    #[serde(flatten)]
    pub seen: CallSeen<'a>,
}

/// What happened.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CallSeen<'a> {
    /// A message came in or went out.
    SipMessage {
        /// `in` or `out`, seen from the carrier.
        way: Way,
        /// `UDP` or `TCP`.
        #[serde(serialize_with = "name")]
        transport: Transport,
        /// The other side's address.
        peer: SocketAddr,
        /// The request's method, or that of the request that a response belongs to.
        method: Cow<'a, str>,
        /// The status of a response.
        status: Option<u16>,
        /// The number in CSeq.
        number: Option<u32>,
        /// Whether it was lost on purpose: the other side never got it, or the carrier never looked at it.
        lost: bool,
        /// The whole message, if it is UTF-8.
        text: Option<&'a str>,
        /// The whole message in hexadecimal digits, if it is no UTF-8.
        hex: Option<String>,
    },
    /// A call came in.
    CallIn {
        /// The number of From, as it is in the URI.
        from: Cow<'a, str>,
        /// The number of the Request-URI.
        to: Cow<'a, str>,
        /// The script that it gets.
        script: &'a str,
    },
    /// The carrier calls.
    CallOut {
        /// Who calls.
        from: &'a str,
        /// Who is called.
        to: &'a str,
    },
    /// A call was answered, by either side.
    CallAnswered {
        /// The other side's session description, if it was in the answer.
        sdp: Option<Cow<'a, str>>,
    },
    /// The other side offered another session, and it was taken.
    SessionOffered {
        /// Its offer.
        sdp: Cow<'a, str>,
    },
    /// An offer of the carrier was answered.
    SessionChanged {
        /// The answer.
        sdp: Cow<'a, str>,
    },
    /// An offer of the carrier was refused.
    OfferRefused {
        /// With which status.
        status: u16,
    },
    /// A digit came by INFO.
    Digit {
        /// Which.
        digit: char,
    },
    /// A call is over.
    CallEnded {
        /// Whether it had been answered.
        answered: bool,
        /// The failure to the INVITE, or to the request that ended the call.
        status: Option<u16>,
        /// What ended it.
        how: String,
    },
    /// A request was challenged.
    Challenged {
        /// Its method.
        method: Cow<'a, str>,
        /// 401 or 407.
        status: u16,
    },
    /// A registration was answered.
    Registration {
        /// The account; empty when it is not known.
        account: &'a str,
        /// The status.
        status: u16,
        /// Where it can be reached now; `null`: nowhere.
        contact: Option<Cow<'a, str>>,
    },
}

/// The octets of a message for a line: as text, or in hexadecimal digits.
#[must_use]
pub fn written(octets: &[u8]) -> (Option<&str>, Option<String>) {
    match std::str::from_utf8(octets) {
        Ok(text) => (Some(text), None),
        Err(_) => {
            let mut digits = String::with_capacity(octets.len() * 2);
            octets.iter().for_each(|octet| _ = write!(digits, "{octet:02x}"));
            (None, Some(digits))
        }
    }
}

fn name<S: Serializer>(transport: &Transport, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(transport.name())
}
