//! From the API's messages to the domain's: everything about a request that can be judged from itself alone is judged
//! here, every wrong field at once. What needs routes, trunks or the store is left to `sms`.

pub mod calls;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use prost::Message as _;
use sha2::{Digest, Sha256};

use super::{
    api,
    status::{Reason, Refusal, Violation},
};
use crate::{
    clock,
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
    /// How far ahead a message may be scheduled.
    pub max_schedule: Duration,
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
        Self {
            default_validity: config.default_validity,
            max_validity: config.max_validity,
            max_schedule: config.max_schedule,
        }
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

    /// Reads a message that is only to be estimated or explained.
    ///
    /// # Errors
    /// Names every field that is wrong.
    pub fn draft(&self, outbound: Option<api::OutboundMessage>, now: Timestamp) -> Result<Message, Refusal> {
        let outbound =
            outbound.ok_or_else(|| Refusal::field(Reason::InvalidField, "message", "is required"))?;
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
        let send_time = self.send_time(outbound.send_time, now, &mut wrong);
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
                id: clock::fresh_id(),
                request_id,
                tenant_id: TenantId::from(outbound.tenant_id),
                to,
                sender,
                content,
                encoding,
                category,
                expire_time: send_time.unwrap_or(now).checked_add(validity).unwrap_or(Timestamp::MAX),
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
                send_time,
            }),
            _ => Err(wrong.refusal()),
        }
    }

    /// A time in the future, to the microsecond, as the store keeps it. One that has come says nothing.
    fn send_time(
        &self,
        given: Option<prost_types::Timestamp>,
        now: Timestamp,
        wrong: &mut Wrong,
    ) -> Option<Timestamp> {
        let given = given?;
        let latest = now.checked_add(self.max_schedule).unwrap_or(Timestamp::MAX);
        let time = Timestamp::new(given.seconds, given.nanos)
            .and_then(|time| Timestamp::from_microsecond(time.as_microsecond()));
        match time {
            Ok(time) if time <= latest => (time > now).then_some(time),
            _ => {
                let seconds = self.max_schedule.as_secs();
                wrong.field("message.send_time", format!("must be at most {seconds} seconds ahead"));
                None
            }
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
mod tests;
