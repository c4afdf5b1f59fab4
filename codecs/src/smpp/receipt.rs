//! Receipts and intermediate notifications: recognising them in deliver_sm and data_sm, and their content from TLVs
//! and text. Matching an id to a message is left to the account that knows how its carrier writes ids.

use std::borrow::Cow;

use super::{
    COctetString, DataCoding, DataSm, DeliverSm, EsmClass, MessageState, MessageType, NetworkErrorCode,
    OctetString, ReceiptText, Tlvs,
};

/// How sure a deliver_sm must be to be a receipt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Recognition {
    /// esm_class says so, or receipted_message_id and message_state are there.
    #[default]
    Flagged,
    /// Also a text in receipt form. Only for accounts known to omit the flag: a subscriber can type such a text.
    TextToo,
}

/// What a deliver_sm or data_sm is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiptReading<'a> {
    /// A receipt, or an intermediate notification, with an id and a state.
    Receipt(Receipt<'a>),
    /// It says that it is one, but its id or its state can't be found. Answer it, count it, guess nothing.
    Unparsed(Receipt<'a>),
    /// Something else: a mobile-originated message or an acknowledgement.
    NotAReceipt,
}

/// What a receipt says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt<'a> {
    /// An intermediate notification (esm_class 0x20): the state is not final.
    pub intermediate: bool,
    /// The id in receipted_message_id.
    pub receipted_message_id: Option<COctetString<'a>>,
    /// The state in message_state.
    pub state_tlv: Option<MessageState>,
    /// The network's error.
    pub network_error_code: Option<NetworkErrorCode>,
    /// The user data without its header, and in UTF-8 where it was UCS-2.
    octets: Cow<'a, [u8]>,
}

impl<'a> Receipt<'a> {
    /// Reads a deliver_sm.
    #[must_use]
    pub fn of_deliver_sm(sm: &DeliverSm<'a>, recognition: Recognition) -> ReceiptReading<'a> {
        read(sm.esm_class, sm.data_coding, sm.user_data(), sm.tlvs, recognition)
    }

    /// Reads a data_sm.
    #[must_use]
    pub fn of_data_sm(data: &DataSm<'a>, recognition: Recognition) -> ReceiptReading<'a> {
        let user_data = data.user_data().unwrap_or_default();
        read(data.esm_class, data.data_coding, user_data, data.tlvs, recognition)
    }

    /// What the text says; all `None` where there is none.
    #[must_use]
    pub fn text(&self) -> ReceiptText<'_> {
        ReceiptText::parse(&self.octets)
    }

    /// The id: the TLV's, else the text's. May be empty. Both may be there and differ (one hexadecimal, one
    /// decimal); then look for the TLV's first and for `text().id` after it.
    #[must_use]
    pub fn id(&self) -> Option<&[u8]> {
        match self.receipted_message_id {
            Some(id) => Some(id.0),
            None => self.text().id,
        }
    }

    /// The state: the TLV's, else what `stat` means. UNKNOWN for a carrier's own word, which `text().stat` has.
    #[must_use]
    pub fn message_state(&self) -> Option<MessageState> {
        self.state_tlv.or_else(|| {
            let text = self.text();
            text.stat.map(|word| MessageState::of_stat(word).unwrap_or(MessageState::UNKNOWN))
        })
    }
}

fn read<'a>(
    esm_class: EsmClass,
    data_coding: DataCoding,
    user_data: OctetString<'a>,
    tlvs: Tlvs<'a>,
    recognition: Recognition,
) -> ReceiptReading<'a> {
    let message_type = esm_class.message_type();
    let flagged = matches!(message_type, MessageType::Receipt | MessageType::Intermediate);
    let receipt = Receipt {
        intermediate: message_type == MessageType::Intermediate,
        receipted_message_id: tlvs.receipted_message_id(),
        // A reserved value is as good as none: the text may know better.
        state_tlv: tlvs.message_state().filter(|state| state.name().is_some()),
        network_error_code: tlvs.network_error_code(),
        octets: Cow::Borrowed(&[]),
    };
    let by_tlvs = receipt.receipted_message_id.is_some() && receipt.state_tlv.is_some();
    let may_be_text = recognition == Recognition::TextToo && message_type == MessageType::Normal;
    if !(flagged || by_tlvs || may_be_text) {
        return ReceiptReading::NotAReceipt;
    }
    let octets = narrow(without_header(esm_class, user_data.0), data_coding);
    let receipt = Receipt { octets, ..receipt };
    match (receipt.id(), receipt.message_state()) {
        (Some(_), Some(_)) => ReceiptReading::Receipt(receipt),
        _ if flagged => ReceiptReading::Unparsed(receipt),
        _ => ReceiptReading::NotAReceipt,
    }
}

fn without_header(esm_class: EsmClass, user_data: &[u8]) -> &[u8] {
    match user_data {
        [length, rest @ ..] if esm_class.udhi() => rest.get(usize::from(*length)..).unwrap_or(user_data),
        _ => user_data,
    }
}

/// The text with one octet for each ASCII character. A receipt has ASCII keys, so one in UCS-2 is full of zeros;
/// without any, `data_coding` speaks of the message and not of the receipt.
fn narrow(octets: &[u8], data_coding: DataCoding) -> Cow<'_, [u8]> {
    if data_coding != DataCoding::UCS_2 || !octets.contains(&0) {
        return Cow::Borrowed(octets);
    }
    let units = octets.chunks_exact(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]]));
    let text: String = char::decode_utf16(units)
        .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
        .filter(|&character| character != '\u{FEFF}')
        .collect();
    Cow::Owned(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smpp::{Tag, TlvBuf};

    const TEXT: &[u8] = b"id:1059757057 stat:DELIVRD err:000";

    fn tlvs(id: &[u8], state: u8) -> TlvBuf {
        let mut tlvs = TlvBuf::new();
        tlvs.put_c_string(Tag::RECEIPTED_MESSAGE_ID, id).unwrap().put_u8(Tag::MESSAGE_STATE, state);
        tlvs
    }

    fn known<'a>(sm: &DeliverSm<'a>, recognition: Recognition) -> Receipt<'a> {
        match Receipt::of_deliver_sm(sm, recognition) {
            ReceiptReading::Receipt(receipt) => receipt,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn prefers_the_tlvs_and_keeps_both_ids() {
        let tlvs = tlvs(b"3F2A9C01", 5);
        let sm = DeliverSm {
            esm_class: EsmClass::RECEIPT,
            short_message: TEXT.into(),
            tlvs: tlvs.as_tlvs(),
            ..DeliverSm::default()
        };
        let receipt = known(&sm, Recognition::Flagged);
        assert_eq!(receipt.id(), Some(b"3F2A9C01".as_slice()));
        assert_eq!(receipt.text().id, Some(b"1059757057".as_slice()));
        assert_eq!(receipt.message_state(), Some(MessageState::UNDELIVERABLE));
        assert_eq!(receipt.text().err, Some(b"000".as_slice()));
    }

    #[test]
    fn recognises_the_flag_with_mode_bits_and_features() {
        for esm_class in [0x04, 0x05, 0x06, 0x07, 0x84] {
            let sm = DeliverSm {
                esm_class: EsmClass(esm_class),
                short_message: TEXT.into(),
                ..DeliverSm::default()
            };
            assert!(!known(&sm, Recognition::Flagged).intermediate, "{esm_class:#x}");
        }
        let with_header = [&[5, 0, 3, 1, 1, 1], TEXT].concat();
        let sm = DeliverSm {
            esm_class: EsmClass(0x44),
            short_message: with_header.as_slice().into(),
            ..DeliverSm::default()
        };
        assert_eq!(known(&sm, Recognition::Flagged).id(), Some(b"1059757057".as_slice()));
    }

    #[test]
    fn an_intermediate_notification_is_not_final() {
        let tlvs = tlvs(b"3F2A9C01", 1);
        let sm = DeliverSm { esm_class: EsmClass(0x20), tlvs: tlvs.as_tlvs(), ..DeliverSm::default() };
        let receipt = known(&sm, Recognition::Flagged);
        assert!(receipt.intermediate);
        assert_eq!(receipt.message_state(), Some(MessageState::ENROUTE));
    }

    #[test]
    fn a_text_alone_is_a_receipt_only_for_accounts_that_say_so() {
        let sm = DeliverSm { short_message: TEXT.into(), ..DeliverSm::default() };
        assert_eq!(Receipt::of_deliver_sm(&sm, Recognition::Flagged), ReceiptReading::NotAReceipt);
        assert_eq!(known(&sm, Recognition::TextToo).message_state(), Some(MessageState::DELIVERED));
        let talk = DeliverSm { short_message: b"what's your id: 12?".into(), ..DeliverSm::default() };
        assert_eq!(Receipt::of_deliver_sm(&talk, Recognition::TextToo), ReceiptReading::NotAReceipt);
    }

    #[test]
    fn tlvs_make_a_receipt_without_the_flag() {
        let tlvs = tlvs(b"a", 2);
        let sm = DeliverSm { tlvs: tlvs.as_tlvs(), ..DeliverSm::default() };
        assert_eq!(known(&sm, Recognition::Flagged).id(), Some(b"a".as_slice()));
    }

    #[test]
    fn a_flagged_message_without_id_or_state_is_unparsed() {
        for text in ["", "id:1 sat:DELIVRD", "stat:DELIVRD", "hello"] {
            let sm = DeliverSm {
                esm_class: EsmClass::RECEIPT,
                short_message: text.into(),
                ..DeliverSm::default()
            };
            let reading = Receipt::of_deliver_sm(&sm, Recognition::Flagged);
            assert!(matches!(reading, ReceiptReading::Unparsed(_)), "{text}");
        }
    }

    #[test]
    fn an_unmapped_word_is_unknown_and_stays_visible() {
        let sm = DeliverSm {
            esm_class: EsmClass::RECEIPT,
            short_message: b"id:1 stat:DND_REJECTED".into(),
            ..DeliverSm::default()
        };
        let receipt = known(&sm, Recognition::Flagged);
        assert_eq!(receipt.message_state(), Some(MessageState::UNKNOWN));
        assert_eq!(receipt.text().stat, Some(b"DND_REJECTED".as_slice()));
    }

    #[test]
    fn reads_ucs_2_and_message_payload() {
        let wide: Vec<u8> = "id:7 stat:EXPIRED text:你好".encode_utf16().flat_map(u16::to_be_bytes).collect();
        let mut tlvs = TlvBuf::new();
        tlvs.put(Tag::MESSAGE_PAYLOAD, &wide).unwrap();
        let data = DataSm {
            esm_class: EsmClass::RECEIPT,
            data_coding: DataCoding::UCS_2,
            tlvs: tlvs.as_tlvs(),
            ..DataSm::default()
        };
        let ReceiptReading::Receipt(receipt) = Receipt::of_data_sm(&data, Recognition::Flagged) else {
            panic!("no receipt");
        };
        assert_eq!(receipt.id(), Some(b"7".as_slice()));
        assert_eq!(receipt.message_state(), Some(MessageState::EXPIRED));
        assert_eq!(receipt.text().text, Some("你好".as_bytes()));

        let ascii = DeliverSm {
            esm_class: EsmClass::RECEIPT,
            data_coding: DataCoding::UCS_2,
            short_message: TEXT.into(),
            ..DeliverSm::default()
        };
        assert_eq!(known(&ascii, Recognition::Flagged).id(), Some(b"1059757057".as_slice()));
    }

    #[test]
    fn acknowledgements_of_a_phone_are_no_receipts() {
        for esm_class in [0x08, 0x10, 0x18, 0x24] {
            let sm = DeliverSm {
                esm_class: EsmClass(esm_class),
                short_message: TEXT.into(),
                ..DeliverSm::default()
            };
            assert_eq!(Receipt::of_deliver_sm(&sm, Recognition::TextToo), ReceiptReading::NotAReceipt);
        }
    }
}
