//! Requests about calls.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use prost::Message as _;
use sha2::{Digest, Sha256};

use super::{
    Context, MAX_LABEL, MAX_LABELS, MAX_NAME, MAX_REFERENCE, MAX_REQUEST_ID, MAX_TRUNKS, Wrong, check_map,
    is_printable,
};
use crate::{
    calls::CallRequest,
    clock,
    config::CallConfig,
    domain::{Call, CallDirection, CallId, Category, Number, RequestKey, Sdp},
    grpc::{
        api,
        status::{Reason, Refusal, not_served},
    },
    store::CallKey,
};

/// Longest session description, octets: it must fit a datagram with the rest of the message.
const MAX_SDP: usize = 32 * 1024;
const MAX_HEADERS: usize = 16;
const MAX_HEADER_VALUE: usize = 512;
const MAX_DIGITS: usize = 64;
const MAX_REASON: usize = 128;
const MIN_TIME: Duration = Duration::from_secs(1);

/// Why a request for a call can't be read: wrong, or not served yet.
pub type Unreadable = tonic::Status;

/// Reads a request for a call.
///
/// # Errors
/// Names every field that is wrong; `UNIMPLEMENTED` for media that the daemon itself would have to play or join.
pub fn create(
    request: api::CreateCallRequest,
    config: &CallConfig,
    context: &Context,
    now: Timestamp,
) -> Result<CallRequest, Unreadable> {
    let mut wrong = Wrong::default();
    if !is_printable(&request.request_id, MAX_REQUEST_ID) {
        wrong.field("request_id", format!("must be 1 to {MAX_REQUEST_ID} printable characters"));
    }
    let Some(asked) = request.call else {
        wrong.field("call", "is required");
        return Err(wrong.refusal().into());
    };
    let digest = digest(&asked);
    let offer = match asked.media {
        Some(api::call_request::Media::SdpOffer(sdp)) => self::sdp("call.sdp_offer", &sdp, &mut wrong),
        Some(api::call_request::Media::Announcement(_)) => {
            return Err(not_served("an announcement, CallRequest.announcement,"));
        }
        Some(api::call_request::Media::Bridge(_)) => {
            return Err(not_served("a call of two legs, CallRequest.bridge,"));
        }
        None => {
            wrong.field(
                "call.sdp_offer",
                "is required: the session description of the platform's media server",
            );
            None
        }
    };
    if !is_printable(&asked.tenant_id, MAX_NAME) {
        wrong.field("call.tenant_id", format!("must be 1 to {MAX_NAME} printable characters"));
    }
    let caller = number("call.caller", &asked.caller, &mut wrong);
    let callee = number("call.callee", &asked.callee, &mut wrong);
    let display_caller = match asked.display_caller.as_str() {
        "" => None,
        shown => number("call.display_caller", shown, &mut wrong),
    };
    if asked.trunk_ids.len() > MAX_TRUNKS || !asked.trunk_ids.iter().all(|id| is_printable(id, MAX_NAME)) {
        wrong.field("call.trunk_ids", format!("must be at most {MAX_TRUNKS} names of trunks"));
    }
    let ring_timeout = span(
        "call.ring_timeout",
        asked.ring_timeout,
        config.ring_timeout,
        config.max_ring_timeout,
        &mut wrong,
    );
    let max_duration =
        span("call.max_duration", asked.max_duration, config.max_duration, config.max_duration, &mut wrong);
    if asked.client_reference.chars().nth(MAX_REFERENCE).is_some() {
        wrong.field("call.client_reference", format!("must be at most {MAX_REFERENCE} characters"));
    }
    check_map("call.labels", &asked.labels, MAX_LABELS, MAX_LABEL, &mut wrong);
    headers(&asked.sip_headers, &mut wrong);
    let category = category(asked.category, &mut wrong);
    match (caller, callee, offer, category) {
        (Some(caller), Some(callee), Some(offer), Some(category)) if wrong.is_empty() => {
            let call = Call {
                id: clock::fresh_call_id(),
                direction: CallDirection::Outbound,
                request_id: request.request_id,
                tenant_id: asked.tenant_id.into(),
                caller,
                display_caller,
                callee,
                category,
                trunk_ids: asked.trunk_ids.into_iter().map(Into::into).collect(),
                ring_timeout,
                max_duration,
                client_reference: asked.client_reference,
                labels: asked.labels.into_iter().collect(),
                headers: asked.sip_headers.into_iter().collect(),
                trace_parent: context.trace_parent.clone(),
                accept_time: now,
            };
            Ok(CallRequest { call, offer, digest })
        }
        _ => Err(wrong.refusal().into()),
    }
}

/// An id of a call.
///
/// # Errors
/// `INVALID_FIELD`.
pub fn call_id(text: &str) -> Result<CallId, Refusal> {
    text.parse().map_err(|error| Refusal::field(Reason::InvalidField, "call_id", format!("is {error}")))
}

/// The key of a call in a request for it.
///
/// # Errors
/// `INVALID_FIELD` for a missing key or one that is no id of ours.
pub fn call_key(id: &str, key: Option<api::RequestKey>) -> Result<CallKey, Refusal> {
    match key {
        None => Ok(CallKey::Id(call_id(id)?)),
        Some(key) if id.is_empty() && !key.tenant_id.is_empty() && !key.request_id.is_empty() => {
            let (tenant_id, request_id) = (key.tenant_id.into(), key.request_id);
            Ok(CallKey::Request(RequestKey { tenant_id, request_id }))
        }
        Some(_) => {
            let wrong = "needs tenant_id and request_id, and no call_id beside it";
            Err(Refusal::field(Reason::InvalidField, "request_key", wrong))
        }
    }
}

/// A session description of a word about a call.
///
/// # Errors
/// `INVALID_FIELD`.
pub fn sdp_of(field: &str, text: &str) -> Result<Sdp, Refusal> {
    let mut wrong = Wrong::default();
    sdp(field, text, &mut wrong).ok_or_else(|| wrong.refusal())
}

/// A status to refuse something with; 0 stands for `otherwise`.
///
/// # Errors
/// `INVALID_FIELD`.
pub fn refusing_status(given: u32, otherwise: u16) -> Result<u16, Refusal> {
    match u16::try_from(given) {
        Ok(0) => Ok(otherwise),
        // What asks the caller for something that we could not take in is no refusal.
        Ok(status @ 400..=699) if ![401, 407, 422].contains(&status) => Ok(status),
        _ => Err(Refusal::field(
            Reason::InvalidField,
            "sip_status",
            "must be 400 to 699, but not 401, 407 or 422; or 0",
        )),
    }
}

/// Keys to be pressed.
///
/// # Errors
/// `INVALID_FIELD`.
pub fn digits(text: String) -> Result<String, Refusal> {
    let sound = (1..=MAX_DIGITS).contains(&text.len())
        && text.bytes().all(|key| matches!(key, b'0'..=b'9' | b'*' | b'#' | b'A'..=b'D'));
    let wrong = format!("must be 1 to {MAX_DIGITS} of 0-9, *, #, A-D");
    if sound { Ok(text) } else { Err(Refusal::field(Reason::InvalidField, "digits", wrong)) }
}

/// Words for the carrier.
///
/// # Errors
/// `INVALID_FIELD`.
pub fn reason(text: String) -> Result<String, Refusal> {
    if text.is_empty() || is_printable(&text, MAX_REASON) {
        return Ok(text);
    }
    let wrong = format!("must be at most {MAX_REASON} printable characters");
    Err(Refusal::field(Reason::InvalidField, "reason", wrong))
}

fn number(field: &str, text: &str, wrong: &mut Wrong) -> Option<Number> {
    let number = Number::parse(text);
    if number.is_none() {
        wrong.add(Reason::InvalidNumber, field, "must be 1 to 21 digits after an optional +");
    }
    number
}

/// Passed on as it is, so only what no session description can be is refused.
fn sdp(field: &str, text: &str, wrong: &mut Wrong) -> Option<Sdp> {
    if text.starts_with("v=") && text.len() <= MAX_SDP && !text.contains('\0') {
        return Some(Sdp::new(text.as_bytes()));
    }
    wrong.field(
        field,
        format!("must be a session description, beginning with v=, of at most {MAX_SDP} octets"),
    );
    None
}

fn span(
    field: &str,
    given: Option<prost_types::Duration>,
    otherwise: Duration,
    most: Duration,
    wrong: &mut Wrong,
) -> Duration {
    match given.map(Duration::try_from) {
        None => otherwise,
        Some(Ok(span)) if (MIN_TIME..=most).contains(&span) => span,
        Some(_) => {
            wrong.field(field, format!("must be 1 to {} seconds", most.as_secs()));
            otherwise
        }
    }
}

/// Headers of the platform's own: nothing that SIP or a carrier gives a meaning, least of all who calls.
fn headers(given: &BTreeMap<String, String>, wrong: &mut Wrong) {
    let is_own = |name: &str| {
        name.get(..2).is_some_and(|prefix| prefix.eq_ignore_ascii_case("X-"))
            && (3..=64).contains(&name.len())
            && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
    };
    let sound = |(name, value): (&String, &String)| {
        is_own(name) && value.len() <= MAX_HEADER_VALUE && !value.chars().any(char::is_control)
    };
    if given.len() > MAX_HEADERS || !given.iter().all(sound) {
        wrong.field(
            "call.sip_headers",
            format!("must be at most {MAX_HEADERS} headers named X-…, with printable values of at most {MAX_HEADER_VALUE} octets"),
        );
    }
}

fn category(value: i32, wrong: &mut Wrong) -> Option<Category> {
    match api::MessageCategory::try_from(value) {
        Ok(api::MessageCategory::Unspecified | api::MessageCategory::Notification) => {
            Some(Category::Notification)
        }
        Ok(api::MessageCategory::Otp) => Some(Category::Otp),
        Ok(api::MessageCategory::Marketing) => Some(Category::Marketing),
        Ok(api::MessageCategory::Interactive) => Some(Category::Interactive),
        Err(_) => {
            wrong.field("call.category", "is none that this daemon knows");
            None
        }
    }
}

/// What tells the same request from another under the same key.
fn digest(asked: &api::CallRequest) -> [u8; 16] {
    let hash = Sha256::digest(asked.encode_to_vec());
    let mut digest = [0; 16];
    digest.copy_from_slice(&hash[..16]);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> api::CallRequest {
        api::CallRequest {
            tenant_id: "shop".into(),
            caller: "02112345678".into(),
            callee: "+8613800138000".into(),
            media: Some(api::call_request::Media::SdpOffer("v=0\r\n".into())),
            ..Default::default()
        }
    }

    fn read(call: api::CallRequest) -> Result<CallRequest, Unreadable> {
        let request = api::CreateCallRequest { request_id: "r1".into(), call: Some(call) };
        create(request, &CallConfig::default(), &Context::default(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn reads_a_call_with_its_defaults() {
        let CallRequest { call, offer, .. } = read(asked()).unwrap();
        let config = CallConfig::default();
        assert_eq!((call.ring_timeout, call.max_duration), (config.ring_timeout, config.max_duration));
        assert_eq!((call.category, call.display_caller), (Category::Notification, None));
        assert_eq!((offer.octets(), call.callee.as_str()), (&b"v=0\r\n"[..], "+8613800138000"));
    }

    #[test]
    fn names_every_field_that_is_wrong() {
        let wrong = api::CallRequest {
            tenant_id: String::new(),
            caller: "me".into(),
            display_caller: "x".into(),
            ring_timeout: Some(prost_types::Duration { seconds: 0, nanos: 1 }),
            max_duration: Some(prost_types::Duration { seconds: 1_000_000, nanos: 0 }),
            media: None,
            ..asked()
        };
        let message = read(wrong).unwrap_err().message().to_owned();
        for field in ["tenant_id", "caller", "display_caller", "ring_timeout", "max_duration", "sdp_offer"] {
            assert!(message.contains(&format!("call.{field}")), "{field}: {message}");
        }
    }

    #[test]
    fn no_header_of_a_request_says_who_calls() {
        for name in
            ["From", "P-Asserted-Identity", "Privacy", "Remote-Party-ID", "Diversion", "X", "X-a b", "X-a:"]
        {
            let headers = BTreeMap::from([(name.to_owned(), "1".to_owned())]);
            let refused = read(api::CallRequest { sip_headers: headers, ..asked() });
            assert!(refused.unwrap_err().message().contains("sip_headers"), "{name}");
        }
        for value in ["a\r\nFrom: <sip:x@y>", "a\nb", "a\0"] {
            let headers = BTreeMap::from([("X-Order".to_owned(), value.to_owned())]);
            assert!(read(api::CallRequest { sip_headers: headers, ..asked() }).is_err(), "{value:?}");
        }
        let headers = BTreeMap::from([("x-order".to_owned(), "4711".to_owned())]);
        assert!(read(api::CallRequest { sip_headers: headers, ..asked() }).is_ok());
    }

    #[test]
    fn media_of_the_daemons_own_are_not_served_yet() {
        let media = [
            api::call_request::Media::Announcement(api::Announcement::default()),
            api::call_request::Media::Bridge(api::BridgeTarget::default()),
        ];
        for media in media {
            let refused = read(api::CallRequest { media: Some(media), ..asked() }).unwrap_err();
            assert_eq!(refused.code(), tonic::Code::Unimplemented, "{}", refused.message());
        }
    }

    #[test]
    fn another_request_has_another_digest() {
        let digest = |call| read(call).unwrap().digest;
        assert_eq!(digest(asked()), digest(asked()));
        let other = api::CallRequest { callee: "13800138001".into(), ..asked() };
        assert_ne!(digest(asked()), digest(other));
    }

    #[test]
    fn reads_words_about_calls() {
        assert_eq!(digits("12*#A".into()).unwrap(), "12*#A");
        for bad in ["", "a", "1 2", &"1".repeat(65)] {
            assert!(digits(bad.into()).is_err(), "{bad}");
        }
        assert_eq!((refusing_status(0, 603).unwrap(), refusing_status(486, 603).unwrap()), (603, 486));
        for bad in [200, 399, 401, 407, 422, 700, 70_000] {
            assert!(refusing_status(bad, 603).is_err(), "{bad}");
        }
        assert!(reason("a\r\nb".into()).is_err() && reason(String::new()).is_ok());
        assert!(sdp_of("sdp", "o=").is_err() && sdp_of("sdp", "v=0").is_ok());
        assert!(call_key("", None).is_err());
        let key = api::RequestKey { tenant_id: "t".into(), request_id: "r".into() };
        assert!(matches!(call_key("", Some(key)), Ok(CallKey::Request(_))));
    }
}
