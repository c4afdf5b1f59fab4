//! A CMPP gateway and an SP in one process, over loopback.

mod support;

use codecs::{
    cmpp::{Cancel, CancelResp, Cmpp, Deliver, MsgId, Outcome, Pdu, Query, Report, SubmitResp, Version},
    session::{Event, Frame},
    text::{Charset, Udh, decode},
};
use support::{Peer, Sp, cmpp_carrier, sp_credentials, until};

fn deliver<'a>(frame: &'a Frame<Cmpp>, version: Version) -> Deliver<'a> {
    Deliver::decode(&frame.octets, version).expect("a CMPP_DELIVER")
}

fn report<'a>(deliver: &Deliver<'a>) -> Report<'a> {
    deliver.report().expect("a receipt").expect("one that can be read")
}

async fn submit_id(sp: &mut Sp) -> Result<MsgId, u32> {
    let answer = sp.answer().await;
    let response = SubmitResp::decode(&answer.octets, sp.version()).expect("an answer");
    if response.result == 0 { Ok(response.msg_id) } else { Err(response.result) }
}

#[tokio::test]
async fn takes_logins_of_its_version_and_below_and_refuses_the_others() {
    let (_simulator, to) = cmpp_carrier("cmpp20", "max_links = 1").await;
    let refused =
        async |version, secret| Peer::bind(to, Cmpp::new(version), sp_credentials(secret)).await.err();
    assert_eq!(refused(Version::V30, "secret").await, Some(4));
    assert_eq!(refused(Version::V20, "wrong").await, Some(3));
    let sp = Sp::of_version(to, Version::V20).await;
    assert_eq!((sp.bound.version, sp.bound.unproven), (0x20, false));
    assert_eq!(refused(Version::V20, "secret").await, Some(5));
}

#[tokio::test]
async fn refuses_an_account_that_it_does_not_know() {
    let (_simulator, to) = cmpp_carrier("cmpp30", "").await;
    let mut credentials = sp_credentials("secret");
    credentials.source_addr = b"900002".to_vec();
    assert_eq!(Peer::bind(to, Cmpp::new(Version::V30), credentials).await.err(), Some(2));
}

#[tokio::test]
async fn answers_a_submit_and_sends_its_receipt_in_every_version() {
    for (protocol, version) in [
        ("cmpp20", Version::V20),
        ("cmpp21", Version::V21),
        ("cmpp30", Version::V30),
        ("cmpp30", Version::V20),
    ] {
        let (simulator, to) = cmpp_carrier(protocol, "gateway = 79101").await;
        let mut sp = Sp::of_version(to, version).await;
        sp.submit_text(&[b"8613800000001"], "Hello");
        let id = submit_id(&mut sp).await.expect("taken");
        assert_eq!(id.unpack().gateway, 79101);
        let (reply, frame) = sp.request().await;
        let deliver = deliver(&frame, version);
        let report = report(&deliver);
        assert_eq!((report.msg_id, report.stat), (id, &b"DELIVRD"[..]), "{protocol}");
        assert_eq!(report.state().outcome(), Outcome::Delivered);
        assert_eq!(report.dest_terminal_id, b"8613800000001");
        assert!(report.submitted().is_some() && report.done().is_some());
        assert_eq!((deliver.dest_id, deliver.src_terminal_id), (&b"10690000"[..], &b"8613800000001"[..]));
        assert_ne!(deliver.msg_id, id);
        sp.acknowledge(reply, deliver.msg_id).await;
        until(&simulator, |stats| stats.receipts_acked == 1).await;
    }
}

#[tokio::test]
async fn gives_each_recipient_of_one_submit_its_own_id_and_receipt() {
    let (_simulator, to) = cmpp_carrier("cmpp30", "").await;
    let mut sp = Sp::of_version(to, Version::V30).await;
    sp.submit_text(&[b"8613800000001", b"8613800000002", b"8613800000003"], "Hello");
    let id = submit_id(&mut sp).await.expect("taken");
    for (index, number) in (0..).zip([b"8613800000001", b"8613800000002", b"8613800000003"]) {
        let (_, frame) = sp.request().await;
        let report = report(&deliver(&frame, Version::V30));
        assert_eq!((report.msg_id, report.dest_terminal_id), (id.of_recipient(index), &number[..]));
    }
    sp.submit_text(&[b"8613800000004"], "Hello");
    let next = loop {
        if let Event::Answered { response, .. } = sp.event().await {
            break SubmitResp::decode(&response.octets, Version::V30).expect("an answer").msg_id;
        }
    };
    assert!((0..3).all(|index| id.of_recipient(index) != next));
}

#[tokio::test]
async fn tells_raw_states_as_the_scenario_has_them() {
    let (_simulator, to) = cmpp_carrier("cmpp20", r#"receipts = { states = [{ stat = "MK:0001" }] }"#).await;
    let mut sp = Sp::of_version(to, Version::V20).await;
    sp.submit_text(&[b"8613800000001"], "Hello");
    submit_id(&mut sp).await.expect("taken");
    let (_, frame) = sp.request().await;
    assert_eq!(report(&deliver(&frame, Version::V20)).stat, b"MK:0001");
}

#[tokio::test]
async fn refuses_submits_with_a_result_that_fits_the_version() {
    for (version, result) in [(Version::V30, 4000), (Version::V20, 255)] {
        let (_simulator, to) =
            cmpp_carrier("cmpp30", r#"refuse = [{ on = "submit", prefix = "86138", status = 4000 }]"#).await;
        let mut sp = Sp::of_version(to, version).await;
        sp.submit_text(&[b"8613800000001"], "Hello");
        assert_eq!(submit_id(&mut sp).await, Err(result));
    }
}

#[tokio::test]
async fn throttles_with_flow_control() {
    let (_simulator, to) = cmpp_carrier("cmpp30", "throttle = { submits_per_second = 1 }").await;
    let mut sp = Sp::of_version(to, Version::V30).await;
    for _ in 0..3 {
        sp.submit_text(&[b"8613800000001"], "Hello");
    }
    let mut results = Vec::new();
    while results.len() < 3 {
        if let Event::Answered { response, .. } = sp.event().await {
            results.push(SubmitResp::decode(&response.octets, Version::V30).expect("an answer").result);
        }
    }
    assert_eq!(results, [0, 8, 8]);
}

#[tokio::test]
async fn answers_a_query_and_a_cancel() {
    let (_simulator, to) = cmpp_carrier("cmpp30", "").await;
    let mut sp = Sp::of_version(to, Version::V30).await;
    sp.submit(&Pdu::Query(Query { time: b"20261123", ..Query::default() }));
    let answer = sp.answer().await;
    let (_, answer) = Pdu::decode(&answer.octets, Version::V30).expect("an answer");
    assert!(matches!(answer, Pdu::QueryResp(response) if response.time == b"20261123"));
    sp.submit(&Pdu::Cancel(Cancel { msg_id: MsgId(1) }));
    let answer = sp.answer().await;
    assert_eq!(CancelResp::decode(&answer.octets, Version::V30).map(|response| response.success_id), Ok(1));
}

#[tokio::test]
async fn refuses_a_malformed_submit_and_goes_on() {
    let (simulator, to) = cmpp_carrier("cmpp30", "").await;
    let mut sp = Sp::of_version(to, Version::V30).await;
    // CMPP_SUBMIT whose body is one octet.
    sp.send(&[0, 0, 0, 13, 0, 0, 0, 4, 0, 0, 0, 99, 0]).await;
    until(&simulator, |stats| stats.refused == 1).await;
    sp.submit_text(&[b"8613800000001"], "Hello");
    submit_id(&mut sp).await.expect("taken");
    assert_eq!(sp.session.counters().stray_responses, 1);
}

#[tokio::test]
async fn sends_texts_from_phones_short_and_long() {
    for version in [Version::V20, Version::V30] {
        let (simulator, to) = cmpp_carrier("cmpp30", "").await;
        let mut sp = Sp::of_version(to, version).await;
        simulator.inject_mo("a", "900001", "8613800000001", "10690000", "TD").expect("sent");
        let (reply, frame) = sp.request().await;
        let short = deliver(&frame, version);
        assert_eq!((short.msg_content, short.msg_fmt, short.registered_delivery), (&b"TD"[..], 0, 0));
        assert_eq!((short.dest_id, short.src_terminal_id), (&b"10690000"[..], &b"8613800000001"[..]));
        sp.acknowledge(reply, short.msg_id).await;

        let text = "退订请回复".repeat(30);
        simulator.inject_mo("a", "900001", "8613800000001", "10690000", &text).expect("sent");
        let mut read = String::new();
        for part in 1..=3 {
            let (reply, frame) = sp.request().await;
            let long = deliver(&frame, version);
            assert!(long.has_header() && long.msg_fmt == 8);
            let (header, rest) = Udh::parse(long.msg_content).expect("a header");
            let concat = header.concat().expect("a part");
            assert_eq!((concat.part, concat.total), (part, 3));
            read += &decode(rest, Charset::Ucs2).text;
            sp.acknowledge(reply, long.msg_id).await;
        }
        assert_eq!(read, text);
        until(&simulator, |stats| stats.mo_acked == 4).await;
    }
}
