//! Any user data, charset and flags as a receipt.
#![no_main]

use bytes::BytesMut;
use codecs::smpp::{
    DataCoding, DeliverSm, EsmClass, Receipt, ReceiptReading, ReceiptText, Recognition, Tlvs,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let [esm_class, data_coding, sm_length, text @ ..] = octets else { return };
    let read = ReceiptText::parse(text);
    let _ = (read.message_state(), read.submitted(), read.done());
    let mut written = BytesMut::new();
    read.write(&mut written);

    let split = text.len().min((*sm_length).into());
    let sm = DeliverSm {
        esm_class: EsmClass(*esm_class),
        data_coding: DataCoding(*data_coding),
        short_message: text[..split].into(),
        tlvs: Tlvs::from_octets(&text[split..]).unwrap_or_default(),
        ..DeliverSm::default()
    };
    for recognition in [Recognition::Flagged, Recognition::TextToo] {
        match Receipt::of_deliver_sm(&sm, recognition) {
            ReceiptReading::Receipt(receipt) => {
                assert!(receipt.id().is_some() && receipt.message_state().is_some());
            }
            ReceiptReading::Unparsed(receipt) => {
                assert!(receipt.id().is_none() || receipt.message_state().is_none());
            }
            ReceiptReading::NotAReceipt => {}
        }
    }
});
