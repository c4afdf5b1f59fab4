//! An SMPP carrier and an ESME in one process, over loopback.

mod support;

use codecs::{
    session::{Direction, Event, Frame},
    smpp::{
        BindMode, Body, DataCoding, DeliverSm, MessageState, Pdu, ReceiptText, RegisteredDelivery, Smpp,
        SubmitSm, Version,
    },
    text::{Charset, Udh, decode},
};
use support::{Esme, Peer, esme_credentials, smpp_carrier, until};

fn deliver_sm<'a>(frame: &'a Frame<Smpp>) -> DeliverSm<'a> {
    DeliverSm::decode(&frame.octets).expect("a deliver_sm")
}

#[tokio::test]
async fn binds_whoever_proves_the_account_and_refuses_the_others() {
    let (_simulator, to) = smpp_carrier("max_links = 1").await;
    let dialect = || Smpp::new(BindMode::Transceiver, Version::V34);
    let refused = async |system_id, password| {
        Peer::bind(to, dialect(), esme_credentials(system_id, password)).await.err()
    };
    assert_eq!(refused("esme", "wrong").await, Some(0x0E));
    assert_eq!(refused("other", "secret").await, Some(0x0F));
    let first = Esme::transceiver(to).await;
    assert_eq!((first.bound.version, first.bound.traffic), (0x34, Direction::Either));
    assert_eq!(refused("esme", "secret").await, Some(0x05));
}

#[tokio::test]
async fn gives_the_place_of_a_lost_link_to_the_next() {
    let (simulator, to) = smpp_carrier("max_links = 1").await;
    drop(Esme::transceiver(to).await);
    until(&simulator, |stats| stats.binds == 1 && stats.links_bound == 0).await;
    Esme::transceiver(to).await;
}

#[tokio::test]
async fn a_ghost_keeps_the_place_of_a_lost_link() {
    let (simulator, to) = smpp_carrier("max_links = 1\nghost = \"1h\"").await;
    drop(Esme::transceiver(to).await);
    until(&simulator, |stats| stats.binds == 1 && stats.links_bound == 0).await;
    let dialect = Smpp::new(BindMode::Transceiver, Version::V34);
    assert_eq!(Peer::bind(to, dialect, esme_credentials("esme", "secret")).await.err(), Some(0x05));
}

#[tokio::test]
async fn throttles_what_is_beyond_its_window() {
    let (_simulator, to) =
        smpp_carrier("throttle_window = 2\nanswer = { delay = \"50ms\" }\nreceipts = { ratio = 0.0 }").await;
    let mut esme = Esme::transceiver(to).await;
    for text in ["one", "two", "three"] {
        esme.submit_text("1", text);
    }
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(esme.submit_answer().await.err());
    }
    answers.sort_unstable();
    assert_eq!(answers, [None, None, Some(0x58)]);
}

#[tokio::test]
async fn refuses_binds_by_rule() {
    let (_simulator, to) = smpp_carrier(r#"refuse = [{ on = "bind", prefix = "es", status = 0x0D }]"#).await;
    let dialect = Smpp::new(BindMode::Receiver, Version::V34);
    assert_eq!(Peer::bind(to, dialect, esme_credentials("esme", "secret")).await.err(), Some(0x0D));
}

#[tokio::test]
async fn answers_a_submit_and_sends_its_receipt_in_text_and_tlvs() {
    let (simulator, to) = smpp_carrier(r#"receipts = { form = "both" }"#).await;
    let mut esme = Esme::transceiver(to).await;
    esme.submit_text("41791234567", "Hello, this is a rather long text");
    let id = esme.submit_answer().await.expect("taken");
    let (reply, frame) = esme.request().await;
    let receipt = deliver_sm(&frame);
    assert_eq!(receipt.esm_class.0, 0x04);
    assert_eq!((receipt.source_addr, receipt.destination_addr), ("41791234567".into(), "Sender".into()));
    assert_eq!((receipt.source_addr_ton.0, receipt.dest_addr_ton.0), (1, 5));
    let text = ReceiptText::parse(&receipt.short_message);
    assert_eq!(text.id, Some(id.as_bytes()));
    assert_eq!(text.message_state(), Some(MessageState::DELIVERED));
    assert_eq!(text.err, Some(&b"000"[..]));
    assert_eq!(text.text, Some(&b"Hello, this is a rat"[..]));
    assert!(text.submitted().is_some() && text.done().is_some());
    assert_eq!(receipt.tlvs.receipted_message_id(), Some(id.as_str().into()));
    assert_eq!(receipt.tlvs.message_state(), Some(MessageState::DELIVERED));
    esme.acknowledge(reply).await;
    until(&simulator, |stats| (stats.accepted, stats.receipts_sent, stats.receipts_acked) == (1, 1, 1)).await;
}

#[tokio::test]
async fn sends_receipts_as_text_or_tlvs_alone() {
    for (form, has_text, has_tlvs) in [("text", true, false), ("tlv", false, true)] {
        let (_simulator, to) = smpp_carrier(&format!("receipts = {{ form = \"{form}\" }}")).await;
        let mut esme = Esme::transceiver(to).await;
        esme.submit_text("41791234567", "Hello");
        esme.submit_answer().await.expect("taken");
        let (_, frame) = esme.request().await;
        let receipt = deliver_sm(&frame);
        assert_eq!(!receipt.short_message.is_empty(), has_text, "{form}");
        assert_eq!(!receipt.tlvs.is_empty(), has_tlvs, "{form}");
    }
}

#[tokio::test]
async fn writes_ids_in_the_carriers_own_two_ways() {
    for (form, answered, told) in [
        ("as_is", "1059757057", "1059757057"),
        ("hex", "3F2A9C01", "3F2A9C01"),
        ("hex_in_answer_decimal_in_receipt", "3F2A9C01", "1059757057"),
        ("decimal_in_answer_hex_in_receipt", "1059757057", "3F2A9C01"),
    ] {
        let lines = format!("first_id = 0x3F2A9C01\nreceipts = {{ id = \"{form}\" }}");
        let (_simulator, to) = smpp_carrier(&lines).await;
        let mut esme = Esme::transceiver(to).await;
        esme.submit_text("41791234567", "Hello");
        assert_eq!(esme.submit_answer().await.as_deref(), Ok(answered), "{form}");
        let (_, frame) = esme.request().await;
        let receipt = deliver_sm(&frame);
        assert_eq!(ReceiptText::parse(&receipt.short_message).id, Some(told.as_bytes()), "{form}");
        assert_eq!(receipt.tlvs.receipted_message_id(), Some(answered.into()), "{form}");
    }
}

#[tokio::test]
async fn sends_no_receipt_that_nobody_asked_for() {
    let (simulator, to) = smpp_carrier("").await;
    let mut esme = Esme::transceiver(to).await;
    let submit = SubmitSm { destination_addr: "1".into(), ..SubmitSm::default() };
    esme.submit(&Pdu::from(Body::SubmitSm(submit)));
    let on_failure = SubmitSm { registered_delivery: RegisteredDelivery::ON_FAILURE, ..submit };
    esme.submit(&Pdu::from(Body::SubmitSm(on_failure)));
    esme.submit_text("1", "with a receipt");
    let answers = [esme.submit_answer().await, esme.submit_answer().await, esme.submit_answer().await];
    let (_, frame) = esme.request().await;
    let told = deliver_sm(&frame).tlvs.receipted_message_id().expect("an id").to_str().map(str::to_owned);
    assert_eq!(answers[2].as_ref().ok(), told.as_ref());
    assert_eq!(simulator.stats()[0].1.receipts_sent, 1);
}

#[tokio::test]
async fn tells_a_vendors_own_state_and_error() {
    let (_simulator, to) = smpp_carrier(r#"receipts = { states = [{ stat = "NOROUTE", err = 42 }] }"#).await;
    let mut esme = Esme::transceiver(to).await;
    esme.submit_text("41791234567", "Hello");
    esme.submit_answer().await.expect("taken");
    let (_, frame) = esme.request().await;
    let receipt = deliver_sm(&frame);
    let text = ReceiptText::parse(&receipt.short_message);
    assert_eq!(
        (text.stat, text.err, text.dlvrd),
        (Some(&b"NOROUTE"[..]), Some(&b"042"[..]), Some(&b"000"[..]))
    );
    assert_eq!(receipt.tlvs.message_state(), Some(MessageState::UNDELIVERABLE));
}

#[tokio::test]
async fn receipt_overtakes_the_answer_if_the_carrier_is_like_that() {
    let (_simulator, to) = smpp_carrier("receipts = { before_response = true, delay = \"1h\" }").await;
    let mut esme = Esme::transceiver(to).await;
    esme.submit_text("41791234567", "Hello");
    let (_, frame) = esme.request().await;
    let id = esme.submit_answer().await.expect("taken");
    assert_eq!(deliver_sm(&frame).tlvs.receipted_message_id(), Some(id.as_str().into()));
}

#[tokio::test]
async fn sends_a_receipt_twice_if_told_to() {
    let (_simulator, to) = smpp_carrier("receipts = { duplicate = 1.0 }").await;
    let mut esme = Esme::transceiver(to).await;
    esme.submit_text("41791234567", "Hello");
    esme.submit_answer().await.expect("taken");
    let (_, first) = esme.request().await;
    let (_, second) = esme.request().await;
    assert_eq!(deliver_sm(&first), deliver_sm(&second));
}

#[tokio::test]
async fn a_transmitters_receipts_go_to_a_receiver() {
    let (_simulator, to) = smpp_carrier("").await;
    let mut transmitter = Esme::of_mode(to, BindMode::Transmitter).await;
    transmitter.submit_text("41791234567", "before there is a receiver");
    let first = transmitter.submit_answer().await.expect("taken");
    let mut receiver = Esme::of_mode(to, BindMode::Receiver).await;
    transmitter.submit_text("41791234567", "when there is one");
    let second = transmitter.submit_answer().await.expect("taken");
    for id in [first, second] {
        let (reply, frame) = receiver.request().await;
        assert_eq!(deliver_sm(&frame).tlvs.receipted_message_id(), Some(id.as_str().into()));
        receiver.acknowledge(reply).await;
    }
}

#[tokio::test]
async fn receipts_go_round_over_all_links_if_told_to() {
    let (_simulator, to) = smpp_carrier("receipts = { on_any_link = true }").await;
    let mut first = Esme::transceiver(to).await;
    let mut second = Esme::transceiver(to).await;
    first.submit_text("1", "one");
    first.submit_text("2", "two");
    // The answers and one of the receipts come here, in any order.
    let mut requests = 0;
    for _ in 0..3 {
        match first.event().await {
            Event::Request { .. } => requests += 1,
            Event::Answered { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(requests, 1);
    second.request().await;
}

#[tokio::test]
async fn redelivers_on_another_link_what_a_cut_left_unanswered() {
    let (simulator, to) = smpp_carrier("").await;
    let mut first = Esme::transceiver(to).await;
    first.submit_text("41791234567", "Hello");
    let id = first.submit_answer().await.expect("taken");
    let (_, unanswered) = first.request().await;
    let mut second = Esme::transceiver(to).await;
    let expected = deliver_sm(&unanswered);
    drop(first);
    let (reply, frame) = second.request().await;
    assert_eq!(deliver_sm(&frame), expected);
    assert_eq!(expected.tlvs.receipted_message_id(), Some(id.as_str().into()));
    second.acknowledge(reply).await;
    until(&simulator, |stats| (stats.redelivered, stats.receipts_acked, stats.lost) == (1, 1, 0)).await;
}

#[tokio::test]
async fn keeps_receipts_until_somebody_binds() {
    let (simulator, to) = smpp_carrier("receipts = { delay = \"30ms\" }").await;
    let mut first = Esme::transceiver(to).await;
    first.submit_text("41791234567", "Hello");
    first.submit_answer().await.expect("taken");
    drop(first);
    until(&simulator, |stats| stats.links_bound == 0).await;
    let mut second = Esme::transceiver(to).await;
    let (reply, _) = second.request().await;
    second.acknowledge(reply).await;
    until(&simulator, |stats| stats.receipts_acked == 1).await;
}

#[tokio::test]
async fn decides_the_same_from_the_same_seed() {
    let run = async |seed: u64| {
        let scenario = format!(
            r#"seed = {seed}
            [[carrier]]
            name = "a"
            protocol = "smpp34"
            refuse = [{{ on = "submit", ratio = 0.3, status = 0x45 }}, {{ on = "submit", suffix = "7", status = 0x0B }}]
            receipts = {{ ratio = 0.5, states = [{{ stat = "DELIVRD" }}, {{ stat = "EXPIRED" }}] }}
            [[carrier.account]]
            system_id = "esme"
            password = "secret""#
        );
        let (simulator, to) = support::started(&scenario).await;
        let mut esme = Esme::transceiver(to).await;
        let mut seen = Vec::new();
        for number in 0..100 {
            esme.submit_text(&number.to_string(), "Hello");
            while seen.len() <= number {
                match esme.event().await {
                    Event::Answered { response, .. } => seen.push(response.header.command_status.0),
                    Event::Request { reply, .. } => esme.acknowledge(reply).await,
                    other => panic!("seed {seed}: {other:?}"),
                }
            }
        }
        let receipts = simulator.stats()[0].1.receipts_sent;
        (seen, receipts)
    };
    let (statuses, receipts) = run(7).await;
    assert_eq!(run(7).await, (statuses.clone(), receipts));
    assert_ne!(run(8).await.0, statuses);
    assert!(statuses.iter().skip(7).step_by(10).all(|&status| status != 0));
    assert!(statuses.contains(&0) && statuses.contains(&0x45) && statuses.contains(&0x0B));
}

#[tokio::test]
async fn takes_a_submit_in_silence_and_still_sends_its_receipt() {
    let (simulator, to) = smpp_carrier("answer = { silence = 1.0 }").await;
    let mut esme = Esme::transceiver(to).await;
    esme.submit_text("41791234567", "Hello");
    let (reply, _) = esme.request().await;
    esme.acknowledge(reply).await;
    until(&simulator, |stats| (stats.silent, stats.receipts_acked) == (1, 1)).await;
    // Nothing holds back the end of the session either.
    simulator.shutdown().await;
    assert!(matches!(esme.event().await, Event::PeerUnbinding | Event::Unanswered { .. }));
}

#[tokio::test]
async fn answers_after_its_delay_and_unbinds_only_then() {
    let (simulator, to) = smpp_carrier("answer = { delay = \"40ms\" }").await;
    let mut esme = Esme::transceiver(to).await;
    let sent = std::time::Instant::now();
    esme.submit_text("41791234567", "Hello");
    esme.flush().await;
    until(&simulator, |stats| stats.submits == 1).await;
    esme.session.unbind(support::now());
    esme.submit_answer().await.expect("taken");
    assert!(sent.elapsed().as_millis() >= 40);
}

#[tokio::test]
async fn throttles_beyond_the_rate() {
    let (simulator, to) = smpp_carrier("throttle = { submits_per_second = 5 }").await;
    let mut esme = Esme::transceiver(to).await;
    for _ in 0..10 {
        esme.submit_text("41791234567", "Hello");
    }
    let mut statuses = Vec::new();
    while statuses.len() < 10 {
        if let Event::Answered { response, .. } = esme.event().await {
            statuses.push(response.header.command_status.0);
        }
    }
    assert_eq!(statuses[..5], [0; 5]);
    // The clock goes on while they are taken, so one or another may get through.
    assert!(statuses[5..].iter().filter(|&&status| status == 0x58).count() >= 3, "{statuses:?}");
    assert_eq!(simulator.stats()[0].1.submits, 10);
}

#[tokio::test]
async fn refuses_a_malformed_submit_and_goes_on() {
    let (simulator, to) = smpp_carrier("").await;
    let mut esme = Esme::transceiver(to).await;
    let mut unit = bytes::BytesMut::new();
    let submit =
        SubmitSm { destination_addr: "1".into(), short_message: (b"Hello").into(), ..SubmitSm::default() };
    Pdu::from(Body::SubmitSm(submit)).encode(77, &mut unit).expect("a submit");
    // sm_length claims more than there is.
    let at = unit.len() - 6;
    unit[at] = 200;
    esme.send(&unit).await;
    until(&simulator, |stats| stats.refused == 1).await;
    esme.submit_text("41791234567", "Hello");
    esme.submit_answer().await.expect("taken");
    assert_eq!(esme.session.counters().stray_responses, 1);
}

#[tokio::test]
async fn says_what_it_can_t_do() {
    let (_simulator, to) = smpp_carrier("").await;
    let mut esme = Esme::transceiver(to).await;
    let query = codecs::smpp::QuerySm { message_id: "1".into(), ..Default::default() };
    esme.submit(&Pdu::from(Body::QuerySm(query)));
    assert_eq!(esme.answer().await.header.command_status.0, 0x67);
}

#[tokio::test]
async fn sends_a_text_from_a_phone() {
    let (simulator, to) = smpp_carrier("").await;
    let mut esme = Esme::transceiver(to).await;
    simulator.inject_mo("a", "esme", "8613800000001", "10690000", "Hi @ 5€").expect("sent");
    let (reply, frame) = esme.request().await;
    let deliver = deliver_sm(&frame);
    assert_eq!((deliver.source_addr, deliver.destination_addr), ("8613800000001".into(), "10690000".into()));
    assert_eq!(deliver.esm_class.0, 0);
    assert_eq!(decode(&deliver.short_message, Charset::Gsm7).text, "Hi @ 5€");
    esme.acknowledge(reply).await;
    until(&simulator, |stats| stats.mo_acked == 1).await;
}

#[tokio::test]
async fn cuts_a_long_text_from_a_phone_into_parts() {
    let (simulator, to) = smpp_carrier("").await;
    let mut esme = Esme::transceiver(to).await;
    let text = "好的，谢谢".repeat(40);
    simulator.inject_mo("a", "esme", "8613800000001", "10690000", &text).expect("sent");
    let mut read = String::new();
    for part in 1..=3 {
        let (_, frame) = esme.request().await;
        let deliver = deliver_sm(&frame);
        assert_eq!((deliver.esm_class.0, deliver.data_coding), (0x40, DataCoding::UCS_2));
        let (header, rest) = Udh::parse(&deliver.short_message).expect("a header");
        let concat = header.concat().expect("a part");
        assert_eq!((concat.part, concat.total), (part, 3));
        read += &decode(rest, Charset::Ucs2).text;
    }
    assert_eq!(read, text);
}

#[tokio::test]
async fn makes_up_messages_from_phones_at_a_rate() {
    let (_simulator, to) = smpp_carrier(
        r#"mo = { per_second = 500, from = "0790000000", numbers = 10, to = "1069", texts = ["Hi", "STOP"] }"#,
    )
    .await;
    let mut esme = Esme::transceiver(to).await;
    for _ in 0..20 {
        let (reply, frame) = esme.request().await;
        let deliver = deliver_sm(&frame);
        let number = deliver.source_addr.to_str().expect("digits");
        assert!(number.starts_with("079000000") && number.len() == 10, "{number}");
        assert!(deliver.short_message == b"Hi" || deliver.short_message == b"STOP");
        esme.acknowledge(reply).await;
    }
}

#[tokio::test]
async fn a_refused_delivery_comes_again() {
    let (simulator, to) = smpp_carrier("receipts = { retries = 1 }").await;
    let mut esme = Esme::transceiver(to).await;
    simulator.inject_mo("a", "esme", "8613800000001", "10690000", "Hi").expect("sent");
    for _ in 0..2 {
        let (reply, _) = esme.request().await;
        let refusal = Pdu::refusal(codecs::smpp::CommandId::DELIVER_SM_RESP, codecs::smpp::Status::RX_T_APPN);
        esme.session.answer(support::now(), reply, &refusal.expect("a refusal")).expect("open");
    }
    esme.flush().await;
    until(&simulator, |stats| (stats.mo_sent, stats.redelivered, stats.lost) == (2, 1, 1)).await;
}
