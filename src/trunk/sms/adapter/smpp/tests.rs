//! What a carrier's requests are to us, or with which status they are refused.

use bytes::BytesMut;
use codecs::session::Dialect;

use super::*;
use crate::config::{self, ProtocolConfig};

fn adapter() -> SmppAdapter {
    let text = include_str!("../../../../config/examples/minimal.toml");
    let config = config::parse(text, "carrierd.toml", &|_| Some("pa55word".to_owned())).unwrap();
    let trunk = &config.trunks[0];
    let ProtocolConfig::Smpp(account) = &trunk.protocol else { panic!("{:?}", trunk.protocol) };
    SmppAdapter::new(account.clone(), trunk, 10)
}

fn dialect() -> Smpp {
    Smpp::new(WireBind::Transceiver, Version::V34)
}

fn request(body: Body<'_>) -> Frame<Smpp> {
    let mut octets = BytesMut::new();
    Pdu::from(body).encode(33, &mut octets).unwrap();
    let octets = octets.freeze();
    Frame { header: Smpp::header(&octets).unwrap(), octets }
}

/// The answer to what is not taken: its command and its status.
fn refused(request: &Frame<Smpp>) -> (CommandId, Status) {
    let refusal = adapter().inbound(&dialect(), request).expect_err("is taken");
    let pdu = dialect().refuse(&request.header, refusal).unwrap();
    (pdu.body.command_id(), pdu.status)
}

fn taken(request: &Frame<Smpp>) -> Inbound {
    adapter().inbound(&dialect(), request).expect("is not taken").0
}

#[test]
fn a_message_in_data_sm_without_a_payload_is_refused_as_missing_a_tlv() {
    let bare = request(Body::DataSm(DataSm::default()));
    assert_eq!(refused(&bare), (CommandId::DATA_SM_RESP, Status::RMISSINGTLV));
    // Other TLVs make it no message.
    let mut tlvs = TlvBuf::new();
    tlvs.put_u8(Tag::MESSAGE_STATE, 2);
    let other = request(Body::DataSm(DataSm { tlvs: tlvs.as_tlvs(), ..DataSm::default() }));
    assert_eq!(refused(&other), (CommandId::DATA_SM_RESP, Status::RMISSINGTLV));
}

#[test]
fn a_message_in_data_sm_is_what_its_payload_holds() {
    for payload in [&b"hi"[..], b""] {
        let mut tlvs = TlvBuf::new();
        tlvs.put(Tag::MESSAGE_PAYLOAD, payload).unwrap();
        let data = request(Body::DataSm(DataSm { tlvs: tlvs.as_tlvs(), ..DataSm::default() }));
        let Inbound::Mobile(message) = taken(&data) else { panic!("no message") };
        assert_eq!(message.octets, payload);
    }
}

#[test]
fn a_receipt_in_data_sm_needs_no_payload() {
    let mut tlvs = TlvBuf::new();
    tlvs.put_c_string(Tag::RECEIPTED_MESSAGE_ID, b"3F2A9C01").unwrap().put_u8(Tag::MESSAGE_STATE, 2);
    let tlvs = tlvs.as_tlvs();
    let receipt = request(Body::DataSm(DataSm { esm_class: EsmClass::RECEIPT, tlvs, ..DataSm::default() }));
    let Inbound::Report(report) = taken(&receipt) else { panic!("no report") };
    assert_eq!(report.carrier_ids[0].as_str(), "3F2A9C01");
    assert_eq!(report.state, Some(ReportedState::Delivered));
}

#[test]
fn a_deliver_sm_may_be_empty() {
    let empty = request(Body::DeliverSm(DeliverSm::default()));
    let Inbound::Mobile(message) = taken(&empty) else { panic!("no message") };
    assert!(message.octets.is_empty());
}

#[test]
fn texts_are_read_in_the_alphabet_of_their_data_coding() {
    let octets = |text, charset| text::encode(text, charset).unwrap();
    for (data_coding, text, charset, told) in [
        (0x00, "hi {€}", Charset::Gsm7, Some(TextEncoding::Gsm7)),
        (0x03, "né", Charset::Latin1, Some(TextEncoding::Latin1)),
        (0x06, "Привет", Charset::Cyrillic, None),
        (0x07, "שלום", Charset::Hebrew, None),
        (0x08, "你好", Charset::Ucs2, Some(TextEncoding::Ucs2)),
    ] {
        let read = adapter().decode(data_coding, &octets(text, charset));
        assert_eq!(read, Some((text.to_owned(), told)), "{data_coding:#04x}");
    }
    assert_eq!(adapter().decode(0x04, b"\x00\x01"), None);
}

#[test]
fn an_international_sender_loses_its_plus_and_every_other_stays_as_it_is() {
    let table = [
        ("", (Ton::UNKNOWN, Npi::UNKNOWN, "")),
        ("60777", (Ton::UNKNOWN, Npi::ISDN, "60777")),
        ("+447700900123", (Ton::INTERNATIONAL, Npi::ISDN, "447700900123")),
        ("Carrierd", (Ton::ALPHANUMERIC, Npi::UNKNOWN, "Carrierd")),
        ("+", (Ton::ALPHANUMERIC, Npi::UNKNOWN, "+")),
        ("A+ Shop", (Ton::ALPHANUMERIC, Npi::UNKNOWN, "A+ Shop")),
    ];
    for (sender, expected) in table {
        assert_eq!(source(sender), expected, "{sender}");
    }
}
