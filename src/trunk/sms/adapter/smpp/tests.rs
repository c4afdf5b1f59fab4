//! What a carrier's requests are to us, or with which status they are refused.

use bytes::BytesMut;
use codecs::session::Dialect;

use super::*;
use crate::{
    config::{self, ProtocolConfig, ValidityForm},
    domain::{ReportedState, testing},
};

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

/// An adapter of an account that is changed.
fn changed(change: impl FnOnce(&mut SmppAccount)) -> SmppAdapter {
    let mut account = adapter().account;
    change(&mut account);
    let text = include_str!("../../../../config/examples/minimal.toml");
    let config = config::parse(text, "carrierd.toml", &|_| Some("pa55word".to_owned())).unwrap();
    SmppAdapter::new(account, &config.trunks[0], 10)
}

/// A message that has an hour left.
fn message() -> Message {
    testing::message(|message| message.expire_time = clock::wall() + std::time::Duration::from_secs(3600))
}

/// What `look` finds in the submit_sm of a message.
fn submitted<T>(adapter: &SmppAdapter, message: &Message, look: impl Fn(&SubmitSm<'_>) -> T) -> T {
    let prepared = adapter.prepare(message, 7).expect("it can be sent");
    adapter.submit(message, &prepared, 1, |pdu| match &pdu.body {
        Body::SubmitSm(sm) => look(sm),
        other => panic!("{other:?}"),
    })
}

#[test]
fn validity_has_the_form_that_the_account_takes() {
    let message = message();
    let period = |form| {
        let adapter = changed(|account| account.validity = form);
        submitted(&adapter, &message, |sm| String::from_utf8_lossy(&sm.validity_period).into_owned())
    };
    assert!(period(ValidityForm::Relative).ends_with("000R"));
    // The trunk's clock is eight hours, 32 quarters, ahead.
    assert!(period(ValidityForm::Absolute).ends_with("32+"));
    assert_eq!(period(ValidityForm::None), "");
}

#[test]
fn a_report_is_asked_for_as_the_account_says_and_only_where_it_is_wanted() {
    let adapter = changed(|account| account.registered_delivery = 0x11);
    let asked = |report_requested| {
        let message = Message { report_requested, ..message() };
        submitted(&adapter, &message, |sm| sm.registered_delivery.0)
    };
    assert_eq!((asked(true), asked(false)), (0x11, 0x00));
}

#[test]
fn a_tlv_comes_from_the_message_else_from_the_account_else_the_message_is_refused() {
    let rule = |tag, value: Option<&[u8]>| TlvRule { tag, value: value.map(<[u8]>::to_vec), nul: true };
    let adapter =
        changed(|account| account.tlvs = vec![rule(0x1400, Some(b"account\0")), rule(0x1401, None)]);
    let with = |options: &[(&str, &str)]| Message {
        protocol_options: options.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
        ..message()
    };
    let tlvs = |message: &Message| {
        submitted(&adapter, message, |sm| {
            sm.tlvs
                .iter()
                .map(|tlv| (tlv.tag.0, String::from_utf8_lossy(tlv.value.0).into_owned()))
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(
        tlvs(&with(&[("tlv.0x1401", "template")])),
        [(0x1401, "template\0".to_owned()), (0x1400, "account\0".to_owned())]
    );
    let both = with(&[("tlv.0x1400", "message\0"), ("tlv.0x1401", "t"), ("tlv.0x2000", "bare")]);
    let mut found = tlvs(&both);
    found.sort();
    let own = [(0x1400, "message\0"), (0x1401, "t\0"), (0x2000, "bare")];
    assert_eq!(found, own.map(|(tag, value)| (tag, value.to_owned())));
    let refused = adapter.prepare(&with(&[]), 7).expect_err("it lacks one");
    assert_eq!(refused, PrepareError::OptionMissing("tlv.0x1401".to_owned()));
}

#[test]
fn a_receipt_is_read_where_the_carrier_says_it() {
    let mut tlvs = TlvBuf::new();
    tlvs.put_c_string(Tag::RECEIPTED_MESSAGE_ID, b"TLV-ID").unwrap().put_u8(Tag::MESSAGE_STATE, 5);
    let receipt = |esm_class| DeliverSm {
        esm_class,
        short_message: b"id:TEXT-ID stat:DELIVRD err:000".as_slice().into(),
        tlvs: tlvs.as_tlvs(),
        ..DeliverSm::default()
    };
    for (form, ids, state) in [
        (ReceiptForm::Both, &["TLV-ID", "TEXT-ID"][..], ReportedState::Undelivered),
        (ReceiptForm::Text, &["TEXT-ID"], ReportedState::Delivered),
        (ReceiptForm::Tlv, &["TLV-ID"], ReportedState::Undelivered),
    ] {
        let adapter = changed(|account| account.receipts.form = form);
        let frame = request(Body::DeliverSm(receipt(EsmClass::RECEIPT)));
        let Ok((Inbound::Report(report), _)) = adapter.inbound(&dialect(), &frame) else {
            panic!("{form:?}")
        };
        let found: Vec<_> = report.carrier_ids.iter().map(|id| id.as_str()).collect();
        assert_eq!((&found[..], report.state), (ids, Some(state)), "{form:?}");
    }
    let bare = request(Body::DeliverSm(DeliverSm {
        short_message: b"id:TEXT-ID stat:DELIVRD err:000".as_slice().into(),
        ..DeliverSm::default()
    }));
    for (flagged, is_report) in [(true, false), (false, true)] {
        let adapter = changed(|account| account.receipts.flagged = flagged);
        let (inbound, _) = adapter.inbound(&dialect(), &bare).expect("taken");
        assert_eq!(matches!(inbound, Inbound::Report(_)), is_report, "flagged = {flagged}");
    }
}

#[test]
fn data_coding_0_may_mean_another_alphabet_in_each_direction() {
    let adapter = changed(|account| {
        account.default_charset = Charset::Latin1;
        account.incoming_charset = Charset::Ascii;
    });
    let message = Message { content: Content::Text("né".into()), ..message() };
    let sent = submitted(&adapter, &message, |sm| (sm.data_coding.0, sm.short_message.0.to_vec()));
    assert_eq!(sent, (0x00, vec![b'n', 0xe9]));
    let read = adapter.decode(0x00, b"a@b");
    assert_eq!(read, Some(("a@b".to_owned(), Some(TextEncoding::Ascii))));
}
