//! The very octets with which fuzzing broke a promise.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "support/cmpp_vectors.rs"]
mod vectors;

use bytes::BytesMut;
use codecs::smpp::ReceiptText;
use vectors::octets;

#[test]
fn a_receipt_whose_keys_go_on_behind_an_empty_text_ends_at_the_next_text() {
    let content = octets(
        "0001000303013120646c7672643a303031207375626d697420646100000000004956524400013a30303120646c7672643a30303120
         6572723a36313520746578743a7375626d697420646174653a323501010101010a0000000000000077010101010101013234350000
         320100010000000000000000000000004956524420252525252525252525256572723a303c333020746578743a",
    );
    let read = ReceiptText::parse(&content);
    assert!(!read.submit_date.unwrap().ends_with(b"text:"));
    assert_eq!(read.text, Some(b"".as_slice()));
    let mut written = BytesMut::new();
    read.write(&mut written);
    assert_eq!(ReceiptText::parse(&written), read);
}
