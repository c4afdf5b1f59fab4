//! Every way in which a message is refused: by the API before it is accepted, by the carrier afterwards.

mod support;

use carrierd::grpc::api::{self, FailureClass, MessageState, StatusSource, outbound_message::Content};
use tonic_types::StatusExt;

use support::{Bed, Carrier, over, reason, request, request_with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_wrong_request_has_its_reason() {
    let bed = Bed::new(&[Carrier::smpp("smpp"), Carrier::cmpp("cmpp")]).await;
    let mut platform = bed.platform();
    let cases: [(&str, api::SubmitMessageRequest); 9] = [
        ("INVALID_NUMBER", request_with("a", |message| message.to = "+86 138".into())),
        ("INVALID_NUMBER", request_with("a", |message| message.to = "1".repeat(22))),
        ("EMPTY_CONTENT", request_with("a", |message| message.content = Some(Content::Text(String::new())))),
        ("EMPTY_CONTENT", request_with("a", |message| message.content = None)),
        ("INVALID_FIELD", request_with("a", |message| message.category = 0)),
        ("INVALID_FIELD", request("", "hello")),
        ("TOO_MANY_SEGMENTS", request("a", &"包".repeat(671))),
        ("UNKNOWN_TRUNK", over("nowhere", "a", "hello")),
        ("CALLER_NOT_ALLOWED", {
            let mut elsewhere = over("cmpp", "a", "hello");
            if let Some(message) = &mut elsewhere.message {
                message.sender = "99999".into();
            }
            elsewhere
        }),
    ];
    for (expected, request) in cases {
        let shown = format!("{request:?}");
        assert_eq!(platform.refused(request).await, expected, "{shown}");
    }
    let unencodable = request_with("a", |message| {
        message.encoding = api::TextEncoding::Gsm7 as i32;
        message.content = Some(Content::Text("hi 包".into()));
    });
    let status = platform.submit(unencodable).await.expect_err("refused");
    assert_eq!(reason(&status), "ENCODING_NOT_POSSIBLE");
    assert!(status.message().contains("position 3"), "{}", status.message());
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_used_for_another_request_is_refused() {
    let bed = Bed::new(&[Carrier::smpp("smpp")]).await;
    let mut platform = bed.platform();
    platform.accepted(request("a", "hello")).await;
    let status = platform.submit(request("a", "something else")).await.expect_err("refused");
    assert_eq!(reason(&status), "REQUEST_ID_PAYLOAD_MISMATCH");
    assert_eq!(status.code(), tonic::Code::AlreadyExists);
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_backlog_refuses_new_messages_and_keeps_the_old_ones() {
    let mut bed = Bed::new(&[Carrier { trunk: "max_queue = 3", ..Carrier::smpp("smpp") }]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    bed.stop_carriers().await;
    bed.until_down().await;
    let mut waiting = Vec::new();
    for key in ["a", "b", "c"] {
        waiting.push(platform.accepted(request(key, key)).await);
    }
    let status = platform.submit(request("d", "d")).await.expect_err("refused");
    assert_eq!((reason(&status).as_str(), status.code()), ("QUEUE_FULL", tonic::Code::ResourceExhausted));
    bed.start_carriers().await;
    for id in &waiting {
        assert_eq!(platform.end_of(id).await.state(), MessageState::Delivered);
    }
    platform.accepted(request("d", "d")).await;
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_full_of_one_tenants_advertising_takes_others_and_codes() {
    let trunk = "max_queue = 10\nmax_tenant_queue = 5";
    let mut bed = Bed::new(&[Carrier { trunk, ..Carrier::smpp("smpp") }]).await;
    let mut platform = bed.platform();
    bed.stop_carriers().await;
    bed.until_down().await;
    let of = |key: &str, tenant: &str, category: api::MessageCategory| {
        request_with(key, |message| {
            message.tenant_id = tenant.to_owned();
            message.category = category as i32;
        })
    };
    let mut waiting = Vec::new();
    for key in 0..5 {
        let request = of(&format!("a{key}"), "loud", api::MessageCategory::Marketing);
        waiting.push(platform.accepted(request).await);
    }
    let refused =
        platform.submit(of("a5", "loud", api::MessageCategory::Marketing)).await.expect_err("refused");
    let details = refused.get_details_error_info().expect("why");
    assert_eq!((details.reason.as_str(), details.metadata["scope"].as_str()), ("QUEUE_FULL", "tenant"));
    assert!(refused.get_details_retry_info().is_some_and(|retry| retry.retry_delay.is_some()));
    waiting.push(platform.accepted(of("b", "quiet", api::MessageCategory::Marketing)).await);
    let code = platform.accepted(of("c", "loud", api::MessageCategory::Otp)).await;
    bed.start_carriers().await;
    for id in waiting.iter().chain([&code]) {
        let end = platform.message_when(id, |message| message.final_time.is_some()).await;
        assert_eq!(end.state(), MessageState::Delivered);
    }
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_carrier_refuses_ends_with_its_raw_code() {
    // SMPP 3.4 ESME_RINVDSTADR; CMPP 3.0 CMPP_SUBMIT_RESP Result 5.
    let carriers = [
        Carrier { behaviour: r#"refuse = [{ on = "submit", status = 11 }]"#, ..Carrier::smpp("smpp") },
        Carrier { behaviour: r#"refuse = [{ on = "submit", status = 5 }]"#, ..Carrier::cmpp("cmpp") },
    ];
    let bed = Bed::new(&carriers).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    for (trunk, code) in [("smpp", "11"), ("cmpp", "5")] {
        let id = platform.accepted(over(trunk, trunk, "hello")).await;
        let end = platform.end_of(&id).await;
        assert_eq!(end.state(), MessageState::Rejected);
        let status = end.status.expect("why");
        assert_eq!((status.raw_code.as_str(), status.source()), (code, StatusSource::CarrierResponse));
        assert!(status.permanent);
    }
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_carrier_throttles_goes_out_later() {
    let behaviour = "throttle = { submits_per_second = 2 }";
    let bed = Bed::new(&[Carrier { behaviour, ..Carrier::smpp("smpp") }]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let mut sent = Vec::new();
    for key in ["a", "b", "c", "d"] {
        sent.push(platform.accepted(request(key, key)).await);
    }
    for id in &sent {
        let end = platform.message_when(id, |message| message.final_time.is_some()).await;
        assert_eq!(end.state(), MessageState::Delivered, "{:?}", end.status);
        assert!(!end.possible_duplicate);
    }
    let record = bed.end().await;
    assert!(support::lines_of(&record, "submit").iter().any(|submit| submit["status"] == 0x58));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_waits_can_be_withdrawn_and_one_that_left_can_not() {
    let mut bed = Bed::new(&[Carrier::smpp("smpp")]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let left = platform.accepted(request("a", "a")).await;
    platform.end_of(&left).await;
    bed.stop_carriers().await;
    bed.until_down().await;
    let waits = platform.accepted(request("b", "b")).await;
    let mut cancel = async |message_id: &str| {
        platform.sms.cancel_message(api::CancelMessageRequest { message_id: message_id.to_owned() }).await
    };
    assert_eq!(reason(&cancel(&left).await.expect_err("too late")), "NOT_CANCELABLE");
    cancel(&waits).await.expect("withdrawn");
    let unknown = "0192f0c1-7b1e-7000-8000-000000000000";
    assert_eq!(reason(&cancel(unknown).await.expect_err("unknown")), "MESSAGE_NOT_FOUND");
    let end = platform.end_of(&waits).await;
    assert_eq!(end.state(), MessageState::Canceled);
    assert_eq!(end.status.map_or(FailureClass::None, |status| status.failure_class()), FailureClass::None);
    bed.start_carriers().await;
    bed.until_up().await;
    assert!(support::lines_of(&bed.end().await, "submit").is_empty());
}
