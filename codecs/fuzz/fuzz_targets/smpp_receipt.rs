//! Any user data, charset and flags as a receipt: what is flagged as one is never taken for a message, and a text that
//! was read is read the same when it is written.
#![no_main]

use bytes::BytesMut;
use codecs::smpp::{
    DataCoding, DeliverSm, EsmClass, MessageType, Receipt, ReceiptReading, ReceiptText, Recognition, Tlvs,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let [esm_class, data_coding, sm_length, text @ ..] = octets else { return };
    let read = ReceiptText::parse(text);
    let _ = (read.message_state(), read.submitted(), read.done());
    let mut written = BytesMut::new();
    read.write(&mut written);
    assert_eq!(ReceiptText::parse(&written), read, "written otherwise");

    let split = text.len().min((*sm_length).into());
    let sm = DeliverSm {
        esm_class: EsmClass(*esm_class),
        data_coding: DataCoding(*data_coding),
        short_message: text[..split].into(),
        tlvs: Tlvs::from_octets(&text[split..]).unwrap_or_default(),
        ..DeliverSm::default()
    };
    let flagged = matches!(sm.esm_class.message_type(), MessageType::Receipt | MessageType::Intermediate);
    for recognition in [Recognition::Flagged, Recognition::TextToo] {
        match Receipt::of_deliver_sm(&sm, recognition) {
            ReceiptReading::Receipt(receipt) => {
                assert!(receipt.id().is_some() && receipt.message_state().is_some());
            }
            ReceiptReading::Unparsed(receipt) => {
                assert!(flagged && (receipt.id().is_none() || receipt.message_state().is_none()));
            }
            ReceiptReading::NotAReceipt => assert!(!flagged, "a receipt is taken for a message"),
        }
    }
});
