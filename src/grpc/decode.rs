//! From the API's messages to the domain's: everything about a request that can be judged from itself alone is judged
//! here, every wrong field at once. What needs routes, trunks or the store is left to `sms`.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use prost::Message as _;
use sha2::{Digest, Sha256};

use super::{
    api,
    status::{Reason, Refusal, Violation},
};
use crate::{
    config::MessageConfig,
    domain::{
        AmbiguityPolicy, BinaryContent, Category, Content, Message, MessageId, Number, RequestKey, Sender,
        TenantId, TextEncoding, TrunkId, check_option,
    },
    sms::SubmitRequest,
};

const MAX_REQUEST_ID: usize = 128;
const MAX_NAME: usize = 128;
const MAX_SIGNATURE: usize = 64;
const MAX_REFERENCE: usize = 256;
const MAX_TRUNKS: usize = 16;
const MAX_LABELS: usize = 16;
const MAX_LABEL: usize = 256;
const MAX_OPTIONS: usize = 32;
const MAX_OPTION: usize = 1024;
const MAX_KEY: usize = 64;
/// UDHL counts at most 140 octets of user data less its own.
const MAX_HEADER: usize = 139;
const MIN_VALIDITY: Duration = Duration::from_secs(1);

/// What a request is judged by.
#[derive(Debug, Clone)]
pub struct Decoder {
    /// Validity of messages that name none.
    pub default_validity: Duration,
    /// Longest validity taken.
    pub max_validity: Duration,
}

/// What came with the request, but not in it.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// W3C traceparent of the call.
    pub trace_parent: String,
}

impl Decoder {
    /// The limits of a configuration.
    #[must_use]
    pub fn new(config: &MessageConfig) -> Self {
        Self { default_validity: config.default_validity, max_validity: config.max_validity }
    }

    /// Reads one submit.
    ///
    /// # Errors
    /// Names every field that is wrong.
    pub fn submit(
        &self,
        request: api::SubmitMessageRequest,
        context: &Context,
        now: Timestamp,
    ) -> Result<SubmitRequest, Refusal> {
        let mut wrong = Wrong::default();
        if !is_printable(&request.request_id, MAX_REQUEST_ID) {
            wrong.field("request_id", format!("must be 1 to {MAX_REQUEST_ID} printable characters"));
        }
        let Some(outbound) = request.message else {
            wrong.field("message", "is required");
            return Err(wrong.refusal());
        };
        let digest = digest(&outbound);
        let message = self.message(request.request_id, outbound, context, now, wrong)?;
        Ok(SubmitRequest { message, digest, validate_only: request.validate_only })
    }

    /// Reads a message that is only to be estimated.
    ///
    /// # Errors
    /// Names every field that is wrong.
    pub fn estimate(&self, request: api::EstimateMessageRequest, now: Timestamp) -> Result<Message, Refusal> {
        let outbound =
            request.message.ok_or_else(|| Refusal::field(Reason::InvalidField, "message", "is required"))?;
        self.message(String::new(), outbound, &Context::default(), now, Wrong::default())
    }

    fn message(
        &self,
        request_id: String,
        outbound: api::OutboundMessage,
        context: &Context,
        now: Timestamp,
        mut wrong: Wrong,
    ) -> Result<Message, Refusal> {
        let to = Number::parse(&outbound.to);
        if to.is_none() {
            wrong.add(Reason::InvalidNumber, "message.to", "must be 1 to 21 digits after an optional +");
        }
        if !is_printable(&outbound.tenant_id, MAX_NAME) {
            wrong.field("message.tenant_id", format!("must be 1 to {MAX_NAME} printable characters"));
        }
        let sender = Sender::parse(&outbound.sender);
        if sender.is_none() {
            wrong.field("message.sender", "must be at most 20 printable ASCII characters");
        }
        let encoding = text_encoding(outbound.encoding, &mut wrong);
        let has_encoding = encoding.is_some();
        let content = content(outbound.content, &outbound.signature, has_encoding, &mut wrong);
        let category = category(outbound.category, &mut wrong);
        let validity = self.validity(outbound.validity, &mut wrong);
        let ambiguity = ambiguity(outbound.ambiguity_policy, category, &mut wrong);
        if outbound.priority > 9 {
            wrong.field("message.priority", "must be 0 to 9");
        }
        if outbound.trunk_ids.len() > MAX_TRUNKS
            || !outbound.trunk_ids.iter().all(|id| is_printable(id, MAX_NAME))
        {
            wrong.field("message.trunk_ids", format!("must be at most {MAX_TRUNKS} names of trunks"));
        }
        for (field, value, max) in [
            ("message.client_reference", &outbound.client_reference, MAX_REFERENCE),
            ("message.consent_reference", &outbound.consent_reference, MAX_REFERENCE),
            ("message.template_id", &outbound.template_id, MAX_NAME),
        ] {
            if value.chars().nth(max).is_some() {
                wrong.field(field, format!("must be at most {max} characters"));
            }
        }
        check_map("message.labels", &outbound.labels, MAX_LABELS, MAX_LABEL, &mut wrong);
        check_map(
            "message.protocol_options",
            &outbound.protocol_options,
            MAX_OPTIONS,
            MAX_OPTION,
            &mut wrong,
        );
        for refused in
            outbound.protocol_options.iter().filter_map(|(key, value)| check_option(key, value).err())
        {
            wrong.field("message.protocol_options", refused);
        }

        match (to, sender, content, category) {
            (Some(to), Some(sender), Some(content), Some(category)) if wrong.is_empty() => Ok(Message {
                id: MessageId::fresh(),
                request_id,
                tenant_id: TenantId::from(outbound.tenant_id),
                to,
                sender,
                content,
                encoding,
                category,
                expire_time: now.checked_add(validity).unwrap_or(Timestamp::MAX),
                report_requested: outbound.report_requested,
                trunk_ids: outbound.trunk_ids.into_iter().map(TrunkId::from).collect(),
                client_reference: outbound.client_reference,
                labels: outbound.labels.into_iter().collect(),
                ambiguity,
                priority: outbound.priority as u8,
                consent_reference: outbound.consent_reference,
                template_id: outbound.template_id,
                protocol_options: outbound.protocol_options.into_iter().collect(),
                trace_parent: context.trace_parent.clone(),
                accept_time: now,
            }),
            _ => Err(wrong.refusal()),
        }
    }

    fn validity(&self, validity: Option<prost_types::Duration>, wrong: &mut Wrong) -> Duration {
        let Some(validity) = validity else { return self.default_validity };
        match Duration::try_from(validity) {
            Ok(validity) if (MIN_VALIDITY..=self.max_validity).contains(&validity) => validity,
            _ => {
                wrong.field(
                    "message.validity",
                    format!("must be 1 to {} seconds", self.max_validity.as_secs()),
                );
                self.default_validity
            }
        }
    }
}

/// The key of a message in a request for it.
///
/// # Errors
/// `INVALID_FIELD` for a missing key or one that is no id of ours.
pub fn message_key(key: Option<api::get_message_request::Key>) -> Result<crate::store::MessageKey, Refusal> {
    use api::get_message_request::Key;
    match key {
        Some(Key::MessageId(id)) => Ok(crate::store::MessageKey::Id(message_id(&id)?)),
        Some(Key::RequestKey(key)) if !key.tenant_id.is_empty() && !key.request_id.is_empty() => {
            Ok(crate::store::MessageKey::Request(RequestKey {
                tenant_id: key.tenant_id.into(),
                request_id: key.request_id,
            }))
        }
        Some(Key::RequestKey(_)) => {
            Err(Refusal::field(Reason::InvalidField, "request_key", "needs tenant_id and request_id"))
        }
        None => Err(Refusal::field(Reason::InvalidField, "key", "is required: message_id or request_key")),
    }
}

/// An id of ours.
///
/// # Errors
/// `INVALID_FIELD`.
pub fn message_id(text: &str) -> Result<MessageId, Refusal> {
    text.parse().map_err(|error| Refusal::field(Reason::InvalidField, "message_id", format!("is {error}")))
}

/// Whether a text is 1 to `max` characters without control characters.
#[must_use]
pub fn is_printable(text: &str, max: usize) -> bool {
    !text.is_empty() && text.chars().nth(max).is_none() && !text.chars().any(char::is_control)
}

/// What tells the same request from another under the same key: SHA-256 of its encoding, in which maps are sorted.
fn digest(outbound: &api::OutboundMessage) -> [u8; 16] {
    let hash = Sha256::digest(outbound.encode_to_vec());
    let mut digest = [0; 16];
    digest.copy_from_slice(&hash[..16]);
    digest
}

/// The fields that are wrong so far.
#[derive(Debug, Default)]
struct Wrong(Option<(Reason, Vec<Violation>)>);

impl Wrong {
    fn add(&mut self, reason: Reason, field: &str, description: impl Into<String>) {
        let (_, violations) = self.0.get_or_insert_with(|| (reason, Vec::new()));
        violations.push(Violation { field: field.to_owned(), description: description.into() });
    }

    fn field(&mut self, field: &str, description: impl Into<String>) {
        self.add(Reason::InvalidField, field, description);
    }

    fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    fn refusal(self) -> Refusal {
        let (reason, violations) = self.0.unwrap_or((Reason::InvalidField, Vec::new()));
        Refusal::fields(reason, violations)
    }
}

fn content(
    content: Option<api::outbound_message::Content>,
    signature: &str,
    has_encoding: bool,
    wrong: &mut Wrong,
) -> Option<Content> {
    use api::outbound_message::Content as Given;
    if signature.chars().nth(MAX_SIGNATURE).is_some()
        || signature.chars().any(|c| c == '【' || c == '】' || c.is_control())
    {
        wrong.field(
            "message.signature",
            format!("must be at most {MAX_SIGNATURE} characters, without its brackets"),
        );
    }
    match content {
        Some(Given::Text(text)) if !text.is_empty() => Some(Content::Text(sign(signature, text))),
        Some(Given::Binary(binary)) if !binary.data.is_empty() => {
            if !signature.is_empty() {
                wrong.field("message.signature", "can't be put before binary content");
            }
            if has_encoding {
                wrong.field("message.encoding", "can't be chosen for binary content; it has data_coding");
            }
            if binary.user_data_header.len() > MAX_HEADER {
                wrong
                    .field("message.binary.user_data_header", format!("must be at most {MAX_HEADER} octets"));
            }
            let Ok(data_coding) = u8::try_from(binary.data_coding) else {
                wrong.field("message.binary.data_coding", "must be 0 to 255");
                return None;
            };
            Some(Content::Binary(BinaryContent {
                data: binary.data.into(),
                data_coding,
                user_data_header: binary.user_data_header.into(),
            }))
        }
        Some(Given::Text(_)) => {
            wrong.add(Reason::EmptyContent, "message.text", "must not be empty");
            None
        }
        Some(Given::Binary(_)) => {
            wrong.add(Reason::EmptyContent, "message.binary.data", "must not be empty");
            None
        }
        None => {
            wrong.add(Reason::EmptyContent, "message.content", "is required: text or binary");
            None
        }
    }
}

/// Puts the signature before a text that does not begin with it.
fn sign(signature: &str, text: String) -> String {
    let signed = text.strip_prefix('【').and_then(|rest| rest.strip_prefix(signature));
    if signature.is_empty() || signed.is_some_and(|rest| rest.starts_with('】')) {
        return text;
    }
    format!("【{signature}】{text}")
}

fn text_encoding(value: i32, wrong: &mut Wrong) -> Option<TextEncoding> {
    match api::TextEncoding::try_from(value) {
        Ok(api::TextEncoding::Unspecified) => None,
        Ok(api::TextEncoding::Gsm7) => Some(TextEncoding::Gsm7),
        Ok(api::TextEncoding::Ucs2) => Some(TextEncoding::Ucs2),
        Ok(api::TextEncoding::Gbk) => Some(TextEncoding::Gbk),
        Ok(api::TextEncoding::Ascii) => Some(TextEncoding::Ascii),
        Ok(api::TextEncoding::Latin1) => Some(TextEncoding::Latin1),
        Err(_) => {
            wrong.field("message.encoding", "is none that this daemon knows");
            None
        }
    }
}

fn category(value: i32, wrong: &mut Wrong) -> Option<Category> {
    match api::MessageCategory::try_from(value) {
        Ok(api::MessageCategory::Otp) => Some(Category::Otp),
        Ok(api::MessageCategory::Notification) => Some(Category::Notification),
        Ok(api::MessageCategory::Marketing) => Some(Category::Marketing),
        Ok(api::MessageCategory::Interactive) => Some(Category::Interactive),
        Ok(api::MessageCategory::Unspecified) | Err(_) => {
            wrong.field("message.category", "is required");
            None
        }
    }
}

fn ambiguity(value: i32, category: Option<Category>, wrong: &mut Wrong) -> AmbiguityPolicy {
    match api::AmbiguityPolicy::try_from(value) {
        Ok(api::AmbiguityPolicy::Resubmit) => AmbiguityPolicy::Resubmit,
        Ok(api::AmbiguityPolicy::AwaitReport) => AmbiguityPolicy::AwaitReport,
        Ok(api::AmbiguityPolicy::Unspecified) => {
            category.map_or(AmbiguityPolicy::AwaitReport, AmbiguityPolicy::for_category)
        }
        Err(_) => {
            wrong.field("message.ambiguity_policy", "is none that this daemon knows");
            AmbiguityPolicy::AwaitReport
        }
    }
}

fn check_map(field: &str, map: &BTreeMap<String, String>, max: usize, max_value: usize, wrong: &mut Wrong) {
    let fits = |(key, value): (&String, &String)| {
        is_printable(key, MAX_KEY) && value.chars().nth(max_value).is_none()
    };
    if map.len() > max || !map.iter().all(fits) {
        wrong.field(
            field,
            format!("must be at most {max}, with keys of 1 to {MAX_KEY} and values of up to {max_value} characters"),
        );
    }
}

#[cfg(test)]
mod tests {
    use api::outbound_message::Content as Given;
    use tonic_types::StatusExt;

    use super::*;

    fn decoder() -> Decoder {
        Decoder {
            default_validity: Duration::from_secs(86_400),
            max_validity: Duration::from_secs(3 * 86_400),
        }
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
            (
                "INVALID_FIELD",
                "message.binary.user_data_header",
                Box::new(move |m| m.content = binary(4, 140)),
            ),
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
            (
                "INVALID_FIELD",
                "message.consent_reference",
                Box::new(|m| m.consent_reference = "x".repeat(257)),
            ),
            ("INVALID_FIELD", "message.template_id", Box::new(|m| m.template_id = "x".repeat(129))),
            ("INVALID_FIELD", "message.labels", Box::new(move |m| m.labels = many(17))),
            (
                "INVALID_FIELD",
                "message.labels",
                Box::new(|m| m.labels = [("k".repeat(65), String::new())].into()),
            ),
            (
                "INVALID_FIELD",
                "message.labels",
                Box::new(|m| m.labels = [("k".into(), "v".repeat(257))].into()),
            ),
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
}
