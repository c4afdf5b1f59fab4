//! What is taken, and every field that is not, by name.

use api::outbound_message::Content as Given;
use tonic_types::StatusExt;

use super::*;

fn decoder() -> Decoder {
    let day = Duration::from_secs(86_400);
    Decoder { default_validity: day, max_validity: 3 * day, max_schedule: 7 * day }
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn request() -> api::SubmitMessageRequest {
    api::SubmitMessageRequest {
        request_id: "r-1".into(),
        message: Some(api::OutboundMessage {
            tenant_id: "shop".into(),
            to: "+8613800138000".into(),
            content: Some(Given::Text("code 123456".into())),
            category: api::MessageCategory::Otp as i32,
            ..Default::default()
        }),
        validate_only: false,
    }
}

fn decode(request: api::SubmitMessageRequest) -> Result<SubmitRequest, Refusal> {
    decoder().submit(request, &Context::default(), now())
}

fn with(change: impl FnOnce(&mut api::OutboundMessage)) -> api::SubmitMessageRequest {
    let mut request = request();
    change(request.message.as_mut().unwrap());
    request
}

fn text(message: &Message) -> &str {
    match &message.content {
        Content::Text(text) => text,
        Content::Binary(_) => panic!("not a text"),
    }
}

#[test]
fn reads_a_sound_request_with_its_defaults() {
    let context = Context { trace_parent: "00-a-b-01".into() };
    let decoded = decoder().submit(request(), &context, now()).unwrap();
    let message = &decoded.message;
    assert_eq!((message.to.as_str(), message.tenant_id.as_str()), ("+8613800138000", "shop"));
    assert_eq!((message.category, message.ambiguity), (Category::Otp, AmbiguityPolicy::Resubmit));
    assert_eq!(message.expire_time, now() + Duration::from_secs(86_400));
    assert_eq!((message.accept_time, message.trace_parent.as_str()), (now(), "00-a-b-01"));
    assert_eq!((message.encoding, message.priority, message.report_requested), (None, 0, false));
}

#[test]
fn names_the_field_and_the_reason_of_what_is_wrong() {
    type Change = Box<dyn FnOnce(&mut api::OutboundMessage)>;
    let many =
        |count: usize| (0..count).map(|i| (format!("k{i}"), String::new())).collect::<BTreeMap<_, _>>();
    let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    let binary = |data_coding, header: usize| {
        Some(Given::Binary(api::BinaryContent {
            data: vec![1].into(),
            data_coding,
            user_data_header: vec![0; header].into(),
        }))
    };
    let table: Vec<(&str, &str, Change)> = vec![
        ("INVALID_NUMBER", "message.to", Box::new(|m| m.to = "138 0013".into())),
        ("INVALID_NUMBER", "message.to", Box::new(|m| m.to = String::new())),
        ("EMPTY_CONTENT", "message.text", Box::new(|m| m.content = Some(Given::Text(String::new())))),
        ("EMPTY_CONTENT", "message.content", Box::new(|m| m.content = None)),
        (
            "EMPTY_CONTENT",
            "message.binary.data",
            Box::new(|m| m.content = Some(Given::Binary(api::BinaryContent::default()))),
        ),
        ("INVALID_FIELD", "message.tenant_id", Box::new(|m| m.tenant_id = String::new())),
        ("INVALID_FIELD", "message.tenant_id", Box::new(|m| m.tenant_id = "a\nb".into())),
        ("INVALID_FIELD", "message.sender", Box::new(|m| m.sender = "x".repeat(21))),
        ("INVALID_FIELD", "message.sender", Box::new(|m| m.sender = "商店".into())),
        ("INVALID_FIELD", "message.signature", Box::new(|m| m.signature = "【商店】".into())),
        ("INVALID_FIELD", "message.signature", Box::new(|m| m.signature = "商".repeat(65))),
        (
            "INVALID_FIELD",
            "message.signature",
            Box::new(move |m| {
                m.content = binary(4, 0);
                m.signature = "商店".into();
            }),
        ),
        ("INVALID_FIELD", "message.binary.data_coding", Box::new(move |m| m.content = binary(256, 0))),
        ("INVALID_FIELD", "message.binary.user_data_header", Box::new(move |m| m.content = binary(4, 140))),
        (
            "INVALID_FIELD",
            "message.encoding",
            Box::new(move |m| {
                m.content = binary(4, 0);
                m.encoding = api::TextEncoding::Gbk as i32;
            }),
        ),
        ("INVALID_FIELD", "message.encoding", Box::new(|m| m.encoding = 99)),
        ("INVALID_FIELD", "message.category", Box::new(|m| m.category = 0)),
        ("INVALID_FIELD", "message.category", Box::new(|m| m.category = 99)),
        ("INVALID_FIELD", "message.ambiguity_policy", Box::new(|m| m.ambiguity_policy = -1)),
        ("INVALID_FIELD", "message.validity", Box::new(move |m| m.validity = seconds(0))),
        ("INVALID_FIELD", "message.validity", Box::new(move |m| m.validity = seconds(-5))),
        ("INVALID_FIELD", "message.validity", Box::new(move |m| m.validity = seconds(3 * 86_400 + 1))),
        ("INVALID_FIELD", "message.priority", Box::new(|m| m.priority = 10)),
        ("INVALID_FIELD", "message.trunk_ids", Box::new(|m| m.trunk_ids = vec![String::new()])),
        ("INVALID_FIELD", "message.trunk_ids", Box::new(|m| m.trunk_ids = vec!["t".into(); 17])),
        ("INVALID_FIELD", "message.client_reference", Box::new(|m| m.client_reference = "x".repeat(257))),
        ("INVALID_FIELD", "message.consent_reference", Box::new(|m| m.consent_reference = "x".repeat(257))),
        ("INVALID_FIELD", "message.template_id", Box::new(|m| m.template_id = "x".repeat(129))),
        ("INVALID_FIELD", "message.labels", Box::new(move |m| m.labels = many(17))),
        (
            "INVALID_FIELD",
            "message.labels",
            Box::new(|m| m.labels = [("k".repeat(65), String::new())].into()),
        ),
        ("INVALID_FIELD", "message.labels", Box::new(|m| m.labels = [("k".into(), "v".repeat(257))].into())),
        (
            "INVALID_FIELD",
            "message.protocol_options",
            Box::new(|m| m.protocol_options = [("sevice_id".into(), String::new())].into()),
        ),
        (
            "INVALID_FIELD",
            "message.protocol_options",
            Box::new(|m| m.protocol_options = [("tlv.0x1400".into(), "v".repeat(1025))].into()),
        ),
    ];
    for (reason, field, change) in table {
        let refusal = decode(with(change)).expect_err(field);
        assert_eq!(refusal.reason().name(), reason, "{field}");
        let status = tonic::Status::from(refusal);
        assert_eq!(status.code(), tonic::Code::InvalidArgument, "{field}");
        let violations = status.get_details_bad_request().expect(field).field_violations;
        assert_eq!(violations.len(), 1, "{violations:?}");
        assert_eq!(violations[0].field, field);
    }
}

#[test]
fn names_every_wrong_field_at_once_and_the_reason_of_the_first() {
    let refusal = decode(with(|m| {
        m.to = "x".into();
        m.priority = 11;
    }))
    .unwrap_err();
    assert_eq!(refusal.reason(), Reason::InvalidNumber);
    assert_eq!(tonic::Status::from(refusal).get_details_bad_request().unwrap().field_violations.len(), 2);
    for request_id in [String::new(), "x".repeat(129), "a\0".into()] {
        let refusal = decode(api::SubmitMessageRequest { request_id, ..request() }).unwrap_err();
        assert_eq!(refusal.reason(), Reason::InvalidField);
    }
    assert!(decode(api::SubmitMessageRequest { message: None, ..request() }).is_err());
}

#[test]
fn takes_values_at_their_limits() {
    let sound = decode(with(|m| {
        m.to = "1".repeat(21);
        m.sender = "x".repeat(20);
        m.priority = 9;
        m.validity = Some(prost_types::Duration { seconds: 3 * 86_400, nanos: 0 });
        m.labels = (0..16).map(|i| (format!("{i:064}"), "v".repeat(256))).collect();
        m.client_reference = "中".repeat(256);
    }));
    let message = sound.unwrap().message;
    assert_eq!((message.priority, message.labels.len()), (9, 16));
}

#[test]
fn puts_the_signature_before_a_text_that_lacks_it() {
    let signed = |signature: &str, given: &str| {
        let request = with(|m| {
            m.signature = signature.into();
            m.content = Some(Given::Text(given.into()));
        });
        text(&decode(request).unwrap().message).to_owned()
    };
    assert_eq!(signed("商店", "验证码"), "【商店】验证码");
    assert_eq!(signed("商店", "【商店】验证码"), "【商店】验证码");
    assert_eq!(signed("商店", "【商店二】验证码"), "【商店】【商店二】验证码");
    assert_eq!(signed("商店", "商店"), "【商店】商店");
    assert_eq!(signed("", "【x】y"), "【x】y");
}

#[test]
fn the_digest_is_of_the_message_and_not_of_its_key_or_the_order_of_its_maps() {
    let first = decode(with(|m| m.labels = [("a".into(), "1".into()), ("b".into(), "2".into())].into()));
    let mut again = with(|m| m.labels = [("b".into(), "2".into()), ("a".into(), "1".into())].into());
    again.request_id = "r-2".into();
    let other = decode(with(|m| m.labels = [("a".into(), "1".into())].into())).unwrap();
    let first = first.unwrap();
    assert_eq!(first.digest, decode(again).unwrap().digest);
    assert_ne!(first.digest, other.digest);
    assert_ne!(first.message.id, other.message.id);
}

#[test]
fn reads_the_key_of_a_message() {
    use api::get_message_request::Key;
    assert!(message_key(None).is_err());
    assert!(message_key(Some(Key::MessageId("x".into()))).is_err());
    assert!(message_key(Some(Key::MessageId(MessageId::fresh().to_string()))).is_ok());
    let key = |tenant_id: &str| api::RequestKey { tenant_id: tenant_id.into(), request_id: "r".into() };
    assert!(message_key(Some(Key::RequestKey(key("")))).is_err());
    assert!(message_key(Some(Key::RequestKey(key("t")))).is_ok());
}

#[test]
fn a_scheduled_message_is_valid_from_its_time_on() {
    let at =
        |seconds: i64, nanos| Some(prost_types::Timestamp { seconds: now().as_second() + seconds, nanos });
    let message = decode(with(|message| message.send_time = at(3600, 1999))).unwrap().message;
    let time = now() + Duration::from_micros(3_600_000_001);
    assert_eq!((message.send_time, message.accept_time), (Some(time), now()));
    assert_eq!(message.expire_time, time + Duration::from_secs(86_400));
    for past in [at(0, 0), at(-9_999_999, 0)] {
        let message = decode(with(|message| message.send_time = past)).unwrap().message;
        assert_eq!((message.send_time, message.expire_time), (None, now() + Duration::from_secs(86_400)));
    }
    assert!(decode(with(|message| message.send_time = at(7 * 86_400, 0))).is_ok());
    let never = Some(prost_types::Timestamp { seconds: 0, nanos: -1_000_000_001 });
    for bad in [at(7 * 86_400 + 1, 0), at(i64::MAX / 2, 0), never] {
        let refusal = decode(with(|message| message.send_time = bad)).unwrap_err();
        let status = tonic::Status::from(refusal);
        assert_eq!(status.message(), "message.send_time must be at most 604800 seconds ahead");
    }
}
