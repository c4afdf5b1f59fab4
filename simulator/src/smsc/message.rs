//! Messages and deliveries as facts, without their protocol.

use codecs::text::Charset;
use jiff::Timestamp;
use serde::Serialize;

use crate::behaviour::Wanted;

/// A few octets kept in place, so that a waiting receipt needs one allocation at most.
#[derive(Debug, Clone, Copy)]
pub struct Short<const N: usize> {
    length: u8,
    octets: [u8; N],
}

impl<const N: usize> Short<N> {
    /// Keeps at most the first `N` octets, `N` being below 256.
    pub fn of(octets: &[u8]) -> Self {
        const { assert!(N < 256) };
        let kept = octets.len().min(N);
        let mut short = Self { length: kept as u8, octets: [0; N] };
        short.octets[..kept].copy_from_slice(&octets[..kept]);
        short
    }

    pub fn as_slice(&self) -> &[u8] {
        &self.octets[..usize::from(self.length)]
    }

    /// The octets as text, for the record.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.as_slice())
    }
}

/// A number and, in SMPP, what kind of number it is.
#[derive(Debug, Clone, Copy)]
pub struct Address {
    pub number: Short<32>,
    pub ton: u8,
    pub npi: u8,
}

impl Address {
    /// A number without a kind.
    pub fn plain(number: &[u8]) -> Self {
        Self { number: Short::of(number), ton: 0, npi: 0 }
    }
}

/// The identity of a submitted message; how it is written is its persona's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageId(pub u64);

/// Which part of a long message something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub reference: u16,
    pub total: u8,
    pub part: u8,
}

/// A submit, read.
#[derive(Debug)]
pub struct Submit<'a> {
    pub sender: Address,
    pub recipient: Address,
    /// Further recipients, mostly none.
    pub others: Vec<Address>,
    /// The user data without its header.
    pub body: &'a [u8],
    /// data_coding or Msg_Fmt.
    pub coding: u8,
    /// What `coding` means for `body`, if it is text.
    pub charset: Option<Charset>,
    pub segment: Option<Segment>,
    pub wanted: Wanted,
    pub service: Short<10>,
    pub form: Form<'a>,
}

/// How a submit was written, which a carrier may have wanted otherwise.
#[derive(Debug, Default)]
pub struct Form<'a> {
    /// How it is a part of a long message, or all of it.
    pub way: Option<Way>,
    /// validity_period or ValId_Time as it is on the wire, without its zeros.
    pub validity: &'a [u8],
    /// registered_delivery or Registered_Delivery.
    pub registered: u8,
    /// TLVs of the vendors' range.
    pub tlvs: Vec<(u16, &'a [u8])>,
}

/// How a long text travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// A user data header in front.
    Udh,
    /// The sar_ TLVs beside it.
    Sar,
    /// All of it in message_payload.
    Payload,
}

/// Something for the account, waiting or under way.
#[derive(Debug)]
pub struct Delivery {
    pub content: Content,
    /// Times that it was handed to a link.
    pub attempts: u32,
}

/// What is delivered.
#[derive(Debug)]
pub enum Content {
    /// What became of a message.
    Receipt(Receipt),
    /// A message from a phone, or a part of one.
    Mobile(Mobile),
}

/// What became of a message.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// The message's own id.
    pub id: MessageId,
    /// The id of the unit that carries the receipt; CMPP only.
    pub carried_by: MessageId,
    pub sender: Address,
    pub recipient: Address,
    pub service: Short<10>,
    pub stat: Short<7>,
    pub err: u16,
    pub submitted: Timestamp,
    pub done: Timestamp,
    /// The beginning of the message.
    pub beginning: Short<20>,
}

/// One part of a message from a phone.
#[derive(Debug)]
pub struct Mobile {
    /// Counts the messages from phones of one carrier; parts of one share it.
    pub number: u64,
    /// The id of the unit; CMPP only.
    pub carried_by: MessageId,
    pub sender: Address,
    pub recipient: Address,
    pub part: u8,
    pub total: u8,
    pub encoded: Part,
}

/// User data ready for the wire.
#[derive(Debug)]
pub struct Part {
    /// data_coding or Msg_Fmt.
    pub coding: u8,
    /// The user data begins with a header.
    pub has_header: bool,
    pub octets: Vec<u8>,
}
