//! TLVs on the wire: a validated region to walk, and a buffer to build one.

use std::fmt;

use bytes::BufMut;

use super::{
    message_state::MessageState,
    octet_string::{COctetString, OctetString},
    status::Status,
    tlv_tag::Tag,
    tlv_value::{NetworkErrorCode, Sar},
};
use crate::{
    error::{DecodeErrorKind, EncodeError},
    octets::{Fault, Parsed},
};

/// One TLV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// The tag.
    pub tag: Tag,
    /// The value; its length is the TLV's length.
    pub value: OctetString<'a>,
}

impl<'a> Tlv<'a> {
    /// The value as an integer, if it has one, two or four octets.
    #[must_use]
    pub fn integer(&self) -> Option<u32> {
        match *self.value {
            [octet] => Some(u32::from(octet)),
            [high, low] => Some(u32::from(u16::from_be_bytes([high, low]))),
            [a, b, c, d] => Some(u32::from_be_bytes([a, b, c, d])),
            _ => None,
        }
    }

    /// The value as text: up to the first NUL, or all of it where the peer sends none.
    #[must_use]
    pub fn c_string(&self) -> COctetString<'a> {
        let end = self.value.iter().position(|&octet| octet == 0);
        COctetString(&self.value.0[..end.unwrap_or(self.value.len())])
    }

    /// Checks the length against the catalogue; a tag that it does not have may have any.
    ///
    /// # Errors
    /// The length is not one that the tag allows.
    pub fn check(&self) -> Result<(), BadTlv> {
        match self.tag.spec() {
            Some(spec) if !spec.allows(self.value.len()) => {
                Err(BadTlv { tag: self.tag, octets: self.value.len() })
            }
            _ => Ok(()),
        }
    }
}

/// A TLV whose length is not one that its tag allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{tag} can't have {octets} octets")]
pub struct BadTlv {
    /// Which.
    pub tag: Tag,
    /// Octets of its value.
    pub octets: usize,
}

impl BadTlv {
    /// What a message centre answers to it.
    pub const STATUS: Status = Status::RINVTLVLEN;
}

/// The TLVs of one PDU: a region in which every TLV is known to end where the next begins.
///
/// Unknown tags, repeated tags and odd lengths are kept as they came, and written again in the same order.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Tlvs<'a>(&'a [u8]);

impl<'a> Tlvs<'a> {
    /// No TLVs.
    pub const NONE: Self = Self(&[]);

    /// The TLVs in `octets`, which hold nothing else.
    ///
    /// # Errors
    /// A TLV ends past the end.
    pub fn from_octets(octets: &'a [u8]) -> Result<Self, crate::DecodeError> {
        crate::octets::finish(octets, Self::parse(octets))
    }

    /// Reads the rest of a unit as TLVs.
    ///
    /// Up to three zero octets behind the last one are dropped: some peers send a NUL after `short_message` that
    /// `sm_length` does not count.
    #[inline]
    pub(super) fn parse(region: &'a [u8]) -> Parsed<'a, Self> {
        let mut rest = region;
        while let Some((&[_, _, high, low], after)) = rest.split_first_chunk() {
            let claimed = usize::from(u16::from_be_bytes([high, low]));
            match after.get(claimed..) {
                Some(next) => rest = next,
                None => {
                    return Fault::err(rest, "tlv", DecodeErrorKind::PastEnd { claimed, left: after.len() });
                }
            }
        }
        if rest.iter().any(|&octet| octet != 0) {
            return Fault::err(rest, "tlv", DecodeErrorKind::Trailing(rest.len()));
        }
        let end = region.len() - rest.len();
        Ok((&[], Self(&region[..end])))
    }

    /// The octets on the wire.
    #[must_use]
    pub fn as_octets(&self) -> &'a [u8] {
        self.0
    }

    /// Says whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Walks them in the order of the wire.
    #[must_use]
    pub fn iter(&self) -> TlvIter<'a> {
        TlvIter(self.0)
    }

    /// The first one with this tag.
    #[must_use]
    pub fn get(&self, tag: Tag) -> Option<Tlv<'a>> {
        self.iter().find(|tlv| tlv.tag == tag)
    }

    /// Every one with this tag, e.g. callback_num.
    pub fn all(&self, tag: Tag) -> impl Iterator<Item = Tlv<'a>> {
        self.iter().filter(move |tlv| tlv.tag == tag)
    }

    /// Checks all lengths against the catalogue. Decoding does not, for what is odd is still passed on.
    ///
    /// # Errors
    /// The first TLV whose length is wrong.
    pub fn check(&self) -> Result<(), BadTlv> {
        self.iter().try_for_each(|tlv| tlv.check())
    }

    /// The value of the first one with this tag, as an integer of one, two or four octets.
    #[must_use]
    pub fn integer(&self, tag: Tag) -> Option<u32> {
        self.get(tag)?.integer()
    }

    /// The value of a one-octet TLV; `None` if it is absent or has another length.
    #[must_use]
    pub fn octet(&self, tag: Tag) -> Option<u8> {
        match *self.get(tag)?.value {
            [octet] => Some(octet),
            _ => None,
        }
    }

    /// The value of a two-octet TLV; `None` if it is absent or has another length.
    #[must_use]
    pub fn pair(&self, tag: Tag) -> Option<u16> {
        match *self.get(tag)?.value {
            [high, low] => Some(u16::from_be_bytes([high, low])),
            _ => None,
        }
    }

    /// User data that does not fit into `short_message`.
    #[must_use]
    pub fn message_payload(&self) -> Option<OctetString<'a>> {
        self.get(Tag::MESSAGE_PAYLOAD).map(|tlv| tlv.value)
    }

    /// The id of the message that a receipt is about.
    #[must_use]
    pub fn receipted_message_id(&self) -> Option<COctetString<'a>> {
        self.get(Tag::RECEIPTED_MESSAGE_ID).map(|tlv| tlv.c_string())
    }

    /// The state that a receipt tells.
    #[must_use]
    pub fn message_state(&self) -> Option<MessageState> {
        self.octet(Tag::MESSAGE_STATE).map(MessageState)
    }

    /// The network's error.
    #[must_use]
    pub fn network_error_code(&self) -> Option<NetworkErrorCode> {
        NetworkErrorCode::of_value(&self.get(Tag::NETWORK_ERROR_CODE)?.value)
    }

    /// The version of the message centre, in a bind response.
    #[must_use]
    pub fn sc_interface_version(&self) -> Option<u8> {
        self.octet(Tag::SC_INTERFACE_VERSION)
    }

    /// The peer's load, 0 idle to 100 congested. Reserved values (101 and above) are none.
    #[must_use]
    pub fn congestion_state(&self) -> Option<u8> {
        self.octet(Tag::CONGESTION_STATE).filter(|&state| state <= 100)
    }

    /// Why a delivery failed, in transaction mode.
    #[must_use]
    pub fn delivery_failure_reason(&self) -> Option<u8> {
        self.octet(Tag::DELIVERY_FAILURE_REASON)
    }

    /// Free text about a refusal.
    #[must_use]
    pub fn additional_status_info_text(&self) -> Option<COctetString<'a>> {
        self.get(Tag::ADDITIONAL_STATUS_INFO_TEXT).map(|tlv| tlv.c_string())
    }

    /// The sender's own reference.
    #[must_use]
    pub fn user_message_reference(&self) -> Option<u16> {
        self.pair(Tag::USER_MESSAGE_REFERENCE)
    }

    /// The port at the sender.
    #[must_use]
    pub fn source_port(&self) -> Option<u16> {
        self.pair(Tag::SOURCE_PORT)
    }

    /// The port at the recipient.
    #[must_use]
    pub fn dest_port(&self) -> Option<u16> {
        self.pair(Tag::DEST_PORT)
    }

    /// Seconds to keep the message; overrides `validity_period`.
    #[must_use]
    pub fn qos_time_to_live(&self) -> Option<u32> {
        self.get(Tag::QOS_TIME_TO_LIVE).filter(|tlv| tlv.value.len() == 4)?.integer()
    }

    /// Which part of a long message this is; `None` unless all three TLVs are there and make sense.
    #[must_use]
    pub fn sar(&self) -> Option<Sar> {
        let reference = self.pair(Tag::SAR_MSG_REF_NUM)?;
        let total = self.octet(Tag::SAR_TOTAL_SEGMENTS)?;
        let part = self.octet(Tag::SAR_SEGMENT_SEQNUM)?;
        (1..=total).contains(&part).then_some(Sar { reference, total, part })
    }
}

impl fmt::Debug for Tlvs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|tlv| (tlv.tag, tlv.value))).finish()
    }
}

impl<'a> IntoIterator for Tlvs<'a> {
    type Item = Tlv<'a>;
    type IntoIter = TlvIter<'a>;
    fn into_iter(self) -> TlvIter<'a> {
        self.iter()
    }
}

/// Walks the TLVs of one PDU.
#[derive(Debug, Clone)]
pub struct TlvIter<'a>(&'a [u8]);

impl<'a> Iterator for TlvIter<'a> {
    type Item = Tlv<'a>;

    fn next(&mut self) -> Option<Tlv<'a>> {
        let (&[tag_high, tag_low, high, low], after) = self.0.split_first_chunk()?;
        let (value, rest) = after.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
        self.0 = rest;
        Some(Tlv { tag: Tag(u16::from_be_bytes([tag_high, tag_low])), value: OctetString(value) })
    }
}

/// TLVs being built, in the order of the calls.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TlvBuf(Vec<u8>);

impl TlvBuf {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a TLV with any value.
    ///
    /// # Errors
    /// The value is longer than 65,535 octets.
    pub fn put(&mut self, tag: Tag, value: &[u8]) -> Result<&mut Self, EncodeError> {
        self.put_parts(tag, value, &[])
    }

    /// Adds a TLV of one octet.
    pub fn put_u8(&mut self, tag: Tag, value: u8) -> &mut Self {
        self.put_fixed(tag, [value])
    }

    /// Adds a TLV of two octets.
    pub fn put_u16(&mut self, tag: Tag, value: u16) -> &mut Self {
        self.put_fixed(tag, value.to_be_bytes())
    }

    /// Adds a TLV of four octets.
    pub fn put_u32(&mut self, tag: Tag, value: u32) -> &mut Self {
        self.put_fixed(tag, value.to_be_bytes())
    }

    /// Adds a C-octet string; its NUL is written and counted.
    ///
    /// # Errors
    /// The value and its NUL are longer than 65,535 octets.
    pub fn put_c_string(&mut self, tag: Tag, value: &[u8]) -> Result<&mut Self, EncodeError> {
        self.put_parts(tag, value, &[0])
    }

    /// Adds the three TLVs of one part of a long message.
    pub fn put_sar(&mut self, sar: Sar) -> &mut Self {
        self.put_u16(Tag::SAR_MSG_REF_NUM, sar.reference)
            .put_u8(Tag::SAR_TOTAL_SEGMENTS, sar.total)
            .put_u8(Tag::SAR_SEGMENT_SEQNUM, sar.part)
    }

    /// What was built.
    #[must_use]
    pub fn as_tlvs(&self) -> Tlvs<'_> {
        Tlvs(&self.0)
    }

    fn put_fixed<const N: usize>(&mut self, tag: Tag, value: [u8; N]) -> &mut Self {
        const { assert!(N <= 4) };
        self.0.put_u16(tag.0);
        self.0.extend_from_slice(&[0, N as u8]);
        self.0.extend_from_slice(&value);
        self
    }

    fn put_parts(&mut self, tag: Tag, value: &[u8], end: &[u8]) -> Result<&mut Self, EncodeError> {
        let octets = value.len() + end.len();
        let length = u16::try_from(octets).map_err(|_| EncodeError {
            field: tag.name().unwrap_or("tlv"),
            octets,
            max: usize::from(u16::MAX),
        })?;
        self.0.put_u16(tag.0);
        self.0.put_u16(length);
        self.0.extend_from_slice(value);
        self.0.extend_from_slice(end);
        Ok(self)
    }
}

impl fmt::Debug for TlvBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.as_tlvs(), f)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Tlv<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use super::tlv_tag::TlvType;
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("tag", &format_args!("{:#06x}", self.tag.0))?;
        map.serialize_entry("length", &self.value.len())?;
        map.serialize_entry("value_hex", &self.value)?;
        if let Some(spec) = self.tag.spec() {
            map.serialize_entry("name", spec.name)?;
            match spec.value {
                TlvType::Integer | TlvType::Bits => {
                    if let Some(integer) = self.integer() {
                        map.serialize_entry("value", &integer)?;
                    }
                }
                TlvType::CString => map.serialize_entry("value", &self.c_string())?,
                TlvType::Octets => {}
            }
        }
        map.end()
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Tlvs<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}
